use proptest::prelude::*;
use stepyard_asl::{CsvDelimiter, CsvHeaders};

use super::*;
use crate::items::cursor::Cursor;

fn config(input_type: InputType) -> ReaderConfig {
    ReaderConfig { input_type: Some(input_type), ..ReaderConfig::default() }
}

/// What a file gives whose bytes come in pieces that end at these places. Where the cursor may go on, another reading
/// does, and must give the same.
fn read_in_pieces(
    config: &ReaderConfig,
    file: &[u8],
    cuts: &[usize],
    resumes: bool,
) -> Result<Vec<String>, String> {
    let mut format = Format::new(config).map_err(|error| error.cause)?;
    let mut window = Window::default();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (file.len() + 1)).collect();
    cuts.push(file.len());
    cuts.sort_unstable();
    let (mut from, mut items) = (0, Vec::new());
    loop {
        match format.next(&mut window).map_err(|error| error.cause)? {
            Step::End => return Ok(items),
            Step::Item(Parsed { key, value }) => {
                items.push(match key {
                    Some(key) => format!("{key}={value}"),
                    None => value.to_string(),
                });
                if resumes {
                    let offset = usize::try_from(window.offset()).unwrap();
                    let rest = resume(config, file, offset, format.is_object());
                    let mut all = items.clone();
                    all.extend(rest.map_err(|error| error.cause)?);
                    let whole = read_in_pieces(config, file, &[], false)?;
                    assert_eq!(all, whole, "resumed at {offset}");
                }
            }
            Step::More => match cuts.first().copied() {
                Some(to) => {
                    cuts.remove(0);
                    window.tail().extend_from_slice(&file[from..to]);
                    from = to;
                    if cuts.is_empty() {
                        window.end();
                    }
                }
                None => panic!("there is no more"),
            },
        }
    }
}

fn resume(
    config: &ReaderConfig,
    file: &[u8],
    offset: usize,
    is_object: bool,
) -> Result<Vec<String>, ItemReaderError> {
    let mut format = Format::new(config)?;
    if format.needs_head() {
        let mut head = Window::default();
        head.tail().extend_from_slice(file);
        head.end();
        assert!(format.read_head(&mut head)?);
    }
    format.resume(&Cursor { is_object, ..Cursor::default() });
    let mut window = Window::at(offset as u64);
    window.tail().extend_from_slice(&file[offset..]);
    window.end();
    let mut items = Vec::new();
    while let Step::Item(Parsed { key, value }) = format.next(&mut window)? {
        items.push(match key {
            Some(key) => format!("{key}={value}"),
            None => value.to_string(),
        });
    }
    Ok(items)
}

fn read(config: &ReaderConfig, file: &str) -> Result<Vec<String>, String> {
    let every: Vec<usize> = (0..file.len()).collect();
    let bytes = read_in_pieces(config, file.as_bytes(), &every, false);
    assert_eq!(read_in_pieces(config, file.as_bytes(), &[], true), bytes, "{file}");
    bytes
}

fn csv(headers: Option<&[&str]>, file: &str) -> Result<Vec<String>, String> {
    let csv_headers = match headers {
        Some(headers) => {
            CsvHeaders::Given(headers.iter().map(|header| Arc::from(*header)).collect())
        }
        None => CsvHeaders::FirstRow,
    };
    read(&ReaderConfig { csv_headers, ..config(InputType::Csv) }, file)
}

/// The rows of a file with at most five columns.
fn rows(file: &str) -> Vec<String> {
    csv(Some(&["a", "b", "c", "d", "e"]), file).unwrap()
}

#[test]
fn rows_are_objects_of_texts() {
    let file = "Col1,Col2\nValue1,Value2\r\nValue3,Value4,more\nValue5";
    assert_eq!(
        csv(None, file).unwrap(),
        [
            r#"{"Col1":"Value1","Col2":"Value2"}"#,
            r#"{"Col1":"Value3","Col2":"Value4"}"#,
            r#"{"Col1":"Value5","Col2":""}"#
        ]
    );
    // Recorded from AWS.
    let file =
        "Value1,Value2,Value3\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   \n";
    assert_eq!(
        csv(Some(&["H1"]), file).unwrap(),
        ["Value1", "Value4", "", "true", "Null", "   "].map(|text| format!(r#"{{"H1":"{text}"}}"#))
    );
    assert_eq!(csv(None, "").unwrap(), [""; 0]);
    assert_eq!(csv(None, "a,b").unwrap(), [""; 0]);
    assert_eq!(csv(None, "\u{feff}a\nx").unwrap(), [r#"{"a":"x"}"#]);
    assert_eq!(csv(None, "\n\r\na\n\n\nx\r\r\ny\n").unwrap(), [r#"{"a":"x"}"#, r#"{"a":"y"}"#]);
    assert_eq!(csv(None, "a\n\"\"\nx").unwrap(), [r#"{"a":""}"#, r#"{"a":"x"}"#]);
}

#[test]
fn names_of_columns_are_different() {
    let fault = Err("CSV headers cannot contain duplicates.".to_owned());
    assert_eq!(csv(Some(&["H1", "H1", "H3"]), "a"), fault);
    assert_eq!(csv(None, "a,b,a\n1,2,3"), fault);
    let long = format!("{},b\n1,2", "x".repeat(10 * 1024));
    assert_eq!(csv(None, &long), Err("CSV headers cannot exceed 10240 bytes.".to_owned()));
}

#[test]
fn quotation_marks_and_backslashes_are_read_as_documented() {
    // The example of the developer guide.
    let file = "abc,123,\"This string contains commas, a double quotation marks (\"\"), and a newline (\n)\",{\"\"MyKey\"\":\"\"MyValue\"\"},\"[1,2,3]\"";
    assert_eq!(
        rows(file),
        [
            r#"{"a":"abc","b":"123","c":"This string contains commas, a double quotation marks (\"), and a newline (\n)","d":"{\"MyKey\":\"MyValue\"}","e":"[1,2,3]"}"#
        ]
    );
    let first_two = |file: &str| {
        let row = Json::parse(&rows(file)[0]).unwrap();
        ["a", "b"].map(|name| row.get(name).unwrap().as_str().unwrap().to_owned())
    };
    for (file, fields) in [
        (r"C:\\Program Files\\MyApp.exe,6534512", [r"C:\Program Files\MyApp.exe", "6534512"]),
        (r"a\,b,c", ["a,b", "c"]),
        (r"a\xb,c\", ["axb", "c"]),
        (r#""a\"b",c"#, [r#"a"b"#, "c"]),
        (r#""a\\",c"#, [r"a\", "c"]),
        (r#""a\,b\n",c"#, ["a,bn", "c"]),
        (r#"5" disk,c"#, [r#"5" disk"#, "c"]),
        (r#"a",c"#, [r#"a""#, "c"]),
        (r#""a"b,c"#, ["ab", "c"]),
        (r#""",c"#, ["", "c"]),
    ] {
        assert_eq!(first_two(file), fields, "{file}");
    }
    let open = csv(None, "a\n\"x\ny").unwrap_err();
    assert_eq!(open, "The file is not valid CSV: a quotation mark is not closed at byte 6");
}

#[test]
fn delimiters_are_chosen() {
    for (csv_delimiter, delimiter) in [
        (CsvDelimiter::Comma, ','),
        (CsvDelimiter::Pipe, '|'),
        (CsvDelimiter::Semicolon, ';'),
        (CsvDelimiter::Space, ' '),
        (CsvDelimiter::Tab, '\t'),
    ] {
        let config = ReaderConfig { csv_delimiter, ..config(InputType::Csv) };
        let file = format!("a{delimiter}b\nx.y{delimiter}\\{delimiter}\n");
        let b = Json::from(delimiter.to_string());
        assert_eq!(read(&config, &file).unwrap(), [format!(r#"{{"a":"x.y","b":{b}}}"#)]);
    }
}

fn json(pointer: &str, file: &str) -> Result<Vec<String>, String> {
    read(&ReaderConfig { items_pointer: pointer.into(), ..config(InputType::Json) }, file)
}

#[test]
fn elements_and_members_are_items() {
    let file = r#" [ {"a": 1.0} , [2,[ ]],"x,]\"y" ,-1e5,null,true,{}] "#;
    let items = [r#"{"a":1.0}"#, "[2,[]]", r#""x,]\"y""#, "-1e5", "null", "true", "{}"];
    assert_eq!(json("", file).unwrap(), items);
    assert_eq!(json("", "[]").unwrap(), [""; 0]);
    assert_eq!(json("", "{ }").unwrap(), [""; 0]);
    assert_eq!(json("", "\u{feff}[1]").unwrap(), ["1"]);
    let file = r#"{"a" : {"x":1}, "b\n":[2] ,"c":3}"#;
    assert_eq!(json("", file).unwrap(), [r#"a={"x":1}"#, "b\n=[2]", "c=3"]);
}

#[test]
fn a_pointer_leads_to_the_items() {
    let file =
        r#"{"skipped":[{"]":"}"}],"inventory":{"n":1,"featured":[1,2],"a/b~c":{"k":"v"}},"z":0}"#;
    assert_eq!(json("/inventory/featured", file).unwrap(), ["1", "2"]);
    assert_eq!(json("/inventory/a~1b~0c", file).unwrap(), [r#"k="v""#]);
    assert_eq!(json("/inventory", file).unwrap()[..1], ["n=1"]);
    assert_eq!(json("/skipped/0", file).unwrap(), [r#"]="}""#]);
    assert_eq!(json("/1/0", "[[1],[[2],3]]").unwrap(), ["2"]);
    let no_match = "The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON structure.";
    for pointer in
        ["/missing", "/inventory/n/x", "/skipped/1", "/skipped/00", "/inventory/featured/-"]
    {
        assert_eq!(json(pointer, file).unwrap_err(), no_match, "{pointer}");
    }
    let not_iterable = "Attempting to map over non-iterable node.";
    assert_eq!(json("/inventory/n", file).unwrap_err(), not_iterable);
    assert_eq!(json("/z", file).unwrap_err(), not_iterable);
}

#[test]
fn one_value_is_no_data_set() {
    for file in [r#"{"Hello": "world"}"#, "12", r#""x""#, "null"] {
        let fault = json("", file).unwrap_err();
        assert_eq!(fault, "Attempting to map over non-iterable node.", "{file}");
    }
}

#[test]
fn broken_texts_are_told_with_their_place() {
    for (file, fault) in [
        ("", "it ends too early at byte 0"),
        ("[1,2", "it ends too early at byte 4"),
        ("[1,[2,", "it ends too early at byte 3"),
        ("[1,]", "a value is missing at byte 3"),
        ("[1 2]", "unexpected character '2' at byte 3"),
        ("[1]x", "unexpected character 'x' at byte 3"),
        ("{\"a\":[1],}", "a key is missing at byte 9"),
        ("{\"a\" [1]}", "unexpected character '[' at byte 5"),
        ("?", "unexpected character '?' at byte 0"),
    ] {
        let found = json("", file).unwrap_err();
        let expected = format!("The file is not valid JSON: {fault}");
        assert_eq!(found, expected, "{file}");
    }
    assert!(json("", "[1,tru]").unwrap_err().starts_with("The file is not valid JSON: "));
}

#[test]
fn lines_are_items() {
    let lines = |file| read(&config(InputType::JsonLines), file);
    let file = "{\"a\": 1}\r\n\n  [2]  \n\t\n\"x\"";
    assert_eq!(lines(file).unwrap(), [r#"{"a":1}"#, "[2]", r#""x""#]);
    assert_eq!(lines("").unwrap(), [""; 0]);
    assert_eq!(lines("\u{feff}1\n").unwrap(), ["1"]);
    let fault = lines("1\n{\"a\"}\n").unwrap_err();
    assert!(fault.starts_with("The file is not valid JSON Lines: "), "{fault}");
    assert!(fault.ends_with("at byte 6"), "{fault}");
}

#[test]
fn other_types_are_refused() {
    for (input_type, cause) in [
        (None, "The field 'InputType' is required but was missing"),
        (Some(InputType::Parquet), "A Parquet file is not read from its beginning to its end"),
        (Some(InputType::Manifest), "A manifest does not list manifests"),
    ] {
        let config = ReaderConfig { input_type, ..ReaderConfig::default() };
        assert_eq!(Format::new(&config).unwrap_err().cause, cause);
    }
}

/// A JSON text with any blanks, from a value without.
fn spaced(json: &str, blanks: &[u8]) -> String {
    let (mut text, mut in_string, mut escaped) = (String::new(), false, false);
    for (at, character) in json.chars().enumerate() {
        let is_mark = !in_string && "[]{},:".contains(character);
        let blank = [" ", "\n", "\t", "\r\n", ""][usize::from(blanks[at % blanks.len()]) % 5];
        if is_mark {
            text.push_str(blank);
        }
        text.push(character);
        if is_mark {
            text.push_str(blank);
        }
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
    }
    text
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[\\[\\]{},:\"\\\\a ]{0,6}".prop_map(Into::into),
        "\\PC{0,4}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a\\]\"/~,]{0,3}", inner, 0..4)
                .prop_map(|members| { serde_json::Value::Object(members.into_iter().collect()) }),
        ]
    })
}

/// A field as it may be written, and what it says. None begins with a blank or is empty.
fn any_field() -> impl Strategy<Value = (String, String)> {
    let piece = prop_oneof![
        "[a-zé' ]{1,3}".prop_map(|text| (text.clone(), text)),
        Just(("\\\\".to_owned(), "\\".to_owned())),
        Just(("\\,".to_owned(), ",".to_owned())),
        Just(("\"\"".to_owned(), "\"".to_owned())),
        Just(("\\q".to_owned(), "q".to_owned())),
    ];
    let quoted = prop_oneof![
        Just((",".to_owned(), ",".to_owned())),
        Just(("\n".to_owned(), "\n".to_owned())),
        Just(("\r\n".to_owned(), "\r\n".to_owned())),
        Just(("\\\"".to_owned(), "\"".to_owned())),
    ];
    let joined = |pieces: Vec<(String, String)>| {
        let (written, meant): (Vec<_>, Vec<_>) = pieces.into_iter().unzip();
        (written.concat(), meant.concat())
    };
    let plain = prop::collection::vec(piece.clone(), 0..5).prop_map(joined);
    // A field without marks that begins with one is one with marks.
    let plain = plain.prop_map(|(written, meant)| (format!("x{written}"), format!("x{meant}")));
    let quoted = prop::collection::vec(prop_oneof![piece, quoted], 0..5).prop_map(joined);
    prop_oneof![plain, quoted.prop_map(|(written, meant)| (format!("\"{written}\""), meant))]
}

proptest! {
    #[test]
    fn json_gives_what_a_parser_of_the_whole_gives(
        elements in prop::collection::vec(any_json(), 0..6),
        blanks in prop::collection::vec(any::<u8>(), 1..9),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let expected: Vec<String> = elements.iter().map(|element| Json::from(element).to_string()).collect();
        let text = Json::from(&serde_json::Value::from(elements)).to_string();
        let file = spaced(&text, &blanks);
        let read = read_in_pieces(&config(InputType::Json), file.as_bytes(), &cuts, true);
        prop_assert_eq!(read, Ok(expected), "{}", file);
    }

    #[test]
    fn pointers_find_what_others_find(
        value in any_json(),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let (mut node, mut pointer) = (&value, String::new());
        for choice in choices {
            let token = match node {
                serde_json::Value::Array(elements) if !elements.is_empty() => {
                    choice.index(elements.len()).to_string()
                }
                serde_json::Value::Object(members) if !members.is_empty() => {
                    members.keys().nth(choice.index(members.len())).unwrap().clone()
                }
                _ => break,
            };
            pointer = format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"));
            node = value.pointer(&pointer).unwrap();
        }
        prop_assume!(!pointer.is_empty());
        let config = ReaderConfig { items_pointer: (*pointer).into(), ..config(InputType::Json) };
        let file = Json::from(&value).to_string();
        let read = read_in_pieces(&config, file.as_bytes(), &cuts, true);
        let expected = match node {
            serde_json::Value::Array(elements) => {
                Ok(elements.iter().map(|element| Json::from(element).to_string()).collect())
            }
            serde_json::Value::Object(members) => {
                Ok(members.iter().map(|(key, member)| format!("{key}={}", Json::from(member))).collect())
            }
            _ => Err("Attempting to map over non-iterable node.".to_owned()),
        };
        prop_assert_eq!(read, expected, "{} {}", pointer, file);
    }

    #[test]
    fn lines_give_what_each_line_gives(
        values in prop::collection::vec(any_json(), 0..6),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        ends in any::<bool>(),
    ) {
        let lines: Vec<String> = values.iter().map(|value| Json::from(value).to_string()).collect();
        let mut file = lines.join("\n");
        file.push_str(if ends { "\n" } else { "" });
        let read = read_in_pieces(&config(InputType::JsonLines), file.as_bytes(), &cuts, true);
        prop_assert_eq!(read, Ok(lines));
    }

    #[test]
    fn rows_say_what_was_written(
        rows in prop::collection::vec(prop::collection::vec(any_field(), 1..4), 0..5),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        line_break in prop_oneof![Just("\n"), Just("\r\n")],
        ends in any::<bool>(),
    ) {
        let written = rows.iter().map(|row| {
            let fields: Vec<&str> = row.iter().map(|(written, _)| &**written).collect();
            fields.join(",")
        });
        let mut file = written.collect::<Vec<_>>().join(line_break);
        file.push_str(if ends { line_break } else { "" });
        let expected: Vec<String> = rows.iter().map(|row| {
            let field = |at: usize| {
                Json::from(row.get(at).map_or("", |(_, meant)| &**meant)).to_string()
            };
            format!(r#"{{"a":{},"b":{},"c":{}}}"#, field(0), field(1), field(2))
        }).collect();
        let headers = ["a", "b", "c"].map(Arc::from).to_vec();
        let config = ReaderConfig {
            csv_headers: CsvHeaders::Given(headers),
            ..config(InputType::Csv)
        };
        let read = read_in_pieces(&config, file.as_bytes(), &cuts, true);
        prop_assert_eq!(read, Ok(expected), "{:?}", file);
    }

    #[test]
    fn no_bytes_are_too_odd(
        file in prop::collection::vec(prop_oneof![
            any::<u8>(),
            prop::sample::select(b"[]{},:\"\\ \n\r1a".to_vec()),
        ], 0..60),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        pointer in "(/[0a])?",
    ) {
        for input_type in [InputType::Csv, InputType::Json, InputType::JsonLines] {
            let config = ReaderConfig { items_pointer: (*pointer).into(), ..config(input_type) };
            let whole = read_in_pieces(&config, &file, &[], false);
            prop_assert_eq!(read_in_pieces(&config, &file, &cuts, false), whole);
        }
    }
}
