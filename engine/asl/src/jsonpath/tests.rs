//! Queries over data, as the Jayway library answers them.

use proptest::prelude::*;
use stepyard_json::Json;

use super::{Miss, Query};

const SHOP: &str = r#"{"books":[
    {"id":"1","price":8,"tags":["a","b"],"title":"Alpha"},
    {"id":2,"price":12.5,"tags":[],"title":"Beta","note":null},
    {"id":3,"price":20,"title":"Gamma","author":{"name":"Z"}}],
    "limit":10,"owner":{"name":"Y","age":40},"grid":[[1,2],[3]]}"#;

fn select(query: &str, data: &str) -> Result<String, Miss> {
    let data = Json::parse(data).unwrap();
    Query::parse(query).unwrap().select(&data).map(|found| found.to_string())
}

#[test]
fn segments_select() {
    for (query, found) in [
        ("$.books[*].id", r#"["1",2,3]"#),
        ("$.books[0,-1].id", r#"["1",3]"#),
        ("$.books[0,9].id", r#"["1"]"#),
        ("$.books[1:].id", "[2,3]"),
        ("$.books[:1].id", r#"["1"]"#),
        ("$.books[-2:-1].id", "[2]"),
        ("$.books[-9:9].id", r#"["1",2,3]"#),
        ("$.books[2:1].id", "[]"),
        // The step is read and not heeded.
        ("$.books[0:3:2].id", r#"["1",2,3]"#),
        ("$.owner.*", r#"["Y",40]"#),
        ("$.owner[*]", r#"["Y",40]"#),
        ("$..name", r#"["Z","Y"]"#),
        ("$..grid[0]", "[[1,2]]"),
        ("$.grid..[0]", "[[1,2],1,3]"),
        ("$..author.*", r#"["Z"]"#),
        ("$.grid[*][*]", "[1,2,3]"),
        ("$.nothing[*].x", "[]"),
        ("$.limit[*]", "[]"),
    ] {
        assert_eq!(select(query, SHOP).unwrap(), found, "{query}");
    }
}

#[test]
fn several_names_at_the_end_give_one_object() {
    assert_eq!(select("$.owner['name','age','x']", SHOP).unwrap(), r#"{"name":"Y","age":40}"#);
    assert_eq!(select("$.books[2:]['id', \"price\"]", SHOP).unwrap(), r#"[{"id":3,"price":20}]"#);
    assert_eq!(select("$['owner','limit'].name", SHOP).unwrap(), r#"["Y"]"#);
    assert_eq!(select("$.nothing['a','b']", SHOP), Err(Miss::NoSuchPlace));
}

#[test]
fn filters_let_pass() {
    for (filter, ids) in [
        ("@.price > 10", "[2,3]"),
        ("@.price>=12.5&&@.price<20", "[2]"),
        ("@.price < $.limit", r#"["1"]"#),
        ("@.price < 9 || @.title == 'Gamma'", r#"["1",3]"#),
        ("(@.price < 9 || @.price > 15) && @.tags", r#"["1"]"#),
        ("!(@.price < 9)", "[2,3]"),
        ("@.author", "[3]"),
        ("@.note", "[2]"),
        ("!@.author", r#"["1",2]"#),
        ("!@.note", r#"["1",2,3]"#),
        ("@.author.name == \"Z\"", "[3]"),
        ("@.author != 'x'", r#"["1",2,3]"#),
        ("@.note == null", "[2]"),
        ("@.id == 1", r#"["1"]"#),
        ("@.id === 1", "[]"),
        ("@.id == '2'", "[2]"),
        ("@.id === '1'", r#"["1"]"#),
        ("@.title =~ /.*eta/", "[2]"),
        ("@.title =~ /ALPHA/i", r#"["1"]"#),
        ("@.title =~ /lph/", "[]"),
        ("@.tags =~ /b/", r#"["1"]"#),
        ("@.id in [2, 3]", "[2,3]"),
        ("@.title in ['Alpha','x']", r#"["1"]"#),
        ("@.title nin ['Alpha','Beta']", "[3]"),
        ("@.tags contains 'b'", r#"["1"]"#),
        ("@.title contains 'amm'", "[3]"),
        ("@.tags size 2", r#"["1"]"#),
        ("@.tags empty true", "[2]"),
        ("@.tags empty false", r#"["1"]"#),
        ("@.tags subsetof ['a','b','c']", r#"["1",2]"#),
        ("@.tags anyof ['b']", r#"["1"]"#),
        ("@.tags noneof ['b']", "[2]"),
        ("@.tags all ['a']", r#"["1"]"#),
        ("@.tags.length() == 2", r#"["1"]"#),
        ("@['price'] == 20", "[3]"),
        ("@.tags[0] == 'a'", r#"["1"]"#),
        ("@.tags[*]", r#"["1"]"#),
        ("@.author == {'name':'Z'}", "[3]"),
        ("@.title > 'B'", "[2,3]"),
        ("@.title > 1", "[]"),
    ] {
        let query = format!("$.books[?({filter})].id");
        assert_eq!(select(&query, SHOP).unwrap(), ids, "{query}");
    }
}

#[test]
fn a_filter_asks_an_object_itself() {
    assert_eq!(select("$.owner[?(@.age == 40)].name", SHOP).unwrap(), r#"["Y"]"#);
    assert_eq!(select("$.owner[?(@.age == 41)].name", SHOP).unwrap(), "[]");
    assert_eq!(select("$..[?(@.name)].name", SHOP).unwrap(), r#"["Z","Y"]"#);
    assert_eq!(select("$[?(@ > 1)]", "[1,2,3]").unwrap(), "[2,3]");
}

#[test]
fn functions_make_one_value() {
    for (query, value) in [
        ("$.books.length()", "3"),
        ("$.owner.keys()", r#"["name","age"]"#),
        ("$..price.max()", "20.0"),
        ("$.books[*].price.sum()", "40.5"),
        ("$.grid[0].avg()", "1.5"),
        ("$.grid[0].min()", "1.0"),
        ("$.grid[0].stddev()", "0.5"),
        ("$.grid[0].first()", "1"),
        ("$.grid[0].last()", "2"),
    ] {
        assert_eq!(select(query, SHOP).unwrap(), value, "{query}");
    }
    for query in ["$.nothing.length()", "$.limit.length()", "$.owner.sum()"] {
        assert_eq!(select(query, SHOP), Err(Miss::NoSuchPlace), "{query}");
    }
}

#[test]
fn nonsense_is_refused() {
    for query in [
        "",
        "a",
        "$a",
        "$.",
        "$..",
        "$.a.",
        "$[",
        "$[]",
        "$[a]",
        "$[:]",
        "$[1",
        "$['a",
        "$['a'",
        "$['a',]",
        "$.a b",
        "$[?]",
        "$[?@.a]",
        "$[?(@.a]",
        "$[?()]",
        "$[?(1)]",
        "$[?(@.a ==)]",
        "$[?(@.a == x)]",
        "$[?(@.a like 1)]",
        "$[?(!1)]",
        "$[?(@.a =~ /x)]",
        "$[?(@.a =~ /(/)]",
        "$[?(@.a in [1)]",
        "$.x()",
        "$.length().a",
        "$[99999999999999999999]",
    ] {
        assert!(Query::parse(query).is_err(), "{query}");
    }
    assert!(Query::parse(&format!("$[*]{}", ".a".repeat(1_000))).is_err());
    assert!(Query::parse(&format!("${}", "[?(@".repeat(20))).is_err());
    assert!(Query::parse(&format!("$[?(@ in {})]", "[".repeat(400))).is_err());
}

fn nested(depth: usize) -> Json {
    Json::parse(&format!("{}1{}", "[".repeat(depth), "]".repeat(depth))).unwrap()
}

#[test]
fn queries_that_multiply_their_results_are_given_up() {
    let deep = nested(200);
    for bomb in ["$..*..*..*..*", &format!("${}", "[0,0]".repeat(60)), "$..[?(@..*)]..*..*"] {
        assert_eq!(Query::parse(bomb).unwrap().select(&deep), Err(Miss::TooManyValues), "{bomb}");
    }
}

#[test]
fn usual_queries_are_not() {
    let item = "{\"b\":{\"c\":1}}";
    let wide = Json::parse(&format!("{{\"a\":[{}]}}", vec![item; 5_000].join(","))).unwrap();
    for usual in ["$..c", "$.a[*].b.c", "$..b..c", "$.a[?(@.b.c == 1)].b.c"] {
        let found = Query::parse(usual).unwrap().select(&wide).unwrap();
        assert_eq!(found.as_array().map(<[Json]>::len), Some(5_000), "{usual}");
    }
    assert!(Query::parse("$..*").unwrap().select(&nested(200)).is_ok());
}
proptest! {
    #[test]
    fn any_text_is_a_query_or_refused(text in "[$@.\\[\\]()*?:,'\"!=<>&|/~a-c0-2 -]{0,40}", rooted: bool) {
        let text = if rooted { format!("${text}") } else { text };
        if let Ok(query) = Query::parse(&text) {
            let data = Json::parse(SHOP).unwrap();
            prop_assert!(query.select(&data) != Err(Miss::TooManyValues));
        }
    }

    #[test]
    fn any_filter_is_a_filter_or_refused(
        parts in prop::collection::vec(
            prop::sample::select(vec!["@", "$", ".id", "[0]", "[*]", "..", "==", " in ", "=~", "/a/", "1", "'x'",
                "(", ")", "!", "&&", "||", "[?(", ")]", "[1]", ".length()", " size ", "<", "null"]),
            0..14,
        ),
    ) {
        if let Ok(query) = Query::parse(&format!("$.books[?({})]", parts.concat())) {
            let data = Json::parse(SHOP).unwrap();
            prop_assert!(query.select(&data) != Err(Miss::TooManyValues));
        }
    }
}
