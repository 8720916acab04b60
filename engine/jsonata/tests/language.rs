//! The language, case by case: what an expression gives over the same document.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::collections::{BTreeMap, BTreeSet};

use stepyard_json::Json;
use stepyard_jsonata::{Dialect, Evaluated, Expression, Input};

const ORDER: &str = r#"{
    "id": "o-1", "customer": {"name": "Ada", "tags": ["new"]},
    "lines": [
        {"sku": "b", "price": 2.50, "count": 4, "colours": ["red", "blue"]},
        {"sku": "a", "price": 10, "count": 1, "colours": "red"},
        {"sku": "c", "price": 2.50, "count": 2}
    ],
    "matrix": [[1, 2], [3]], "nothing": null, "no": []
}"#;

fn evaluate(text: &str, dialect: Dialect) -> Result<Evaluated, String> {
    let expression = Expression::compile(text, dialect).map_err(|error| error.to_string())?;
    let mut input = Input::new(Some(Json::parse(ORDER).unwrap()));
    let bindings = BTreeMap::from([
        ("x".to_owned(), Json::from(7)),
        ("list".to_owned(), Json::parse("[1,2,3]").unwrap()),
    ]);
    input.bindings = &bindings;
    input.now_millis = 1_500_000_000_000;
    input.entropy = [7; 16];
    expression.evaluate(&mut input).map_err(|error| error.to_string())
}

fn check_all(cases: &[(&str, &str)]) {
    for (text, wanted) in cases {
        let shown = match evaluate(text, Dialect::Plain) {
            Ok(Evaluated::Value(json)) => json.to_string(),
            Ok(Evaluated::Undefined) => "undefined".to_owned(),
            Ok(Evaluated::Function) => "function".to_owned(),
            Err(error) => error,
        };
        assert_eq!(shown, *wanted, "{text}");
    }
}

#[test]
fn paths_map_and_flatten() {
    check_all(&[
        ("id", "\"o-1\""),
        ("lines.sku", r#"["b","a","c"]"#),
        ("lines.colours", r#"["red","blue","red"]"#),
        ("lines.missing", "undefined"),
        ("matrix", "[[1,2],[3]]"),
        ("matrix.$", "[1,2,3]"),
        ("customer.tags", r#"["new"]"#),
        ("customer.(tags)", r#"["new"]"#),
        ("lines[0].(price)", "2.50"),
        ("lines[sku='a'].sku", "\"a\""),
        ("lines[sku='a'].sku[]", r#"["a"]"#),
        ("lines[-1].sku", "\"c\""),
        ("lines[[0..1]].sku", r#"["b","a"]"#),
        ("lines.[sku, count]", r#"[["b",4],["a",1],["c",2]]"#),
        ("no", "[]"),
        ("no.x", "undefined"),
        ("nothing", "null"),
        ("nothing.x", "undefined"),
        ("customer.*", r#"["Ada","new"]"#),
        ("lines.**.sku", r#"["b","a","c"]"#),
        ("$.id & $$.id", "\"o-1o-1\""),
        ("`id`", "\"o-1\""),
        ("lines.price[0]", "[2.50,10,2.50]"),
        ("(lines.price)[0]", "2.50"),
    ]);
}

#[test]
fn data_that_is_not_touched_keeps_its_written_form() {
    check_all(&[
        ("lines[0].price", "2.50"),
        ("[lines[0].price, 1]", "[2.50,1]"),
        ("{'p': lines.price}", r#"{"p":[2.50,10,2.50]}"#),
        ("lines[0].price + 0", "2.5"),
    ]);
}

#[test]
fn operators_compute_and_refuse() {
    check_all(&[
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("7 % 4", "3"),
        ("1 = 1.0 and 'a' != 'b'", "true"),
        ("'a' < 'b'", "true"),
        ("missing > 1", "undefined"),
        ("missing = 1", "false"),
        ("'a' & 1 & true & null & [1]", "\"a1truenull[1]\""),
        ("2 in $list", "true"),
        ("[1..3, 5]", "[1,2,3,5]"),
        ("missing ?? 'd'", "\"d\""),
        ("no ?: 'd'", "\"d\""),
        ("id ?: 'd'", "\"o-1\""),
        ("true ? 1 : 2", "1"),
        ("false ? 1", "undefined"),
        ("1 + 'a'", r#"T2002: The right side of the "+" operator must evaluate to a number"#),
        (
            "null < 1",
            r#"T2010: The expressions either side of operator "<" must evaluate to numeric or string values"#,
        ),
        (
            "1 < 'a'",
            r#"T2009: The values 1 and "a" either side of operator "<" must be of the same data type"#,
        ),
        ("-'a'", r#"D1002: Cannot negate a non-numeric value: "a""#),
        (
            "[1..1e8]",
            "D2014: The size of the sequence allocated by the range operator (..) must not exceed 1e7.  Attempted to allocate 100000000.",
        ),
    ]);
}

#[test]
fn objects_group_and_sorts_order() {
    check_all(&[
        ("{'a': 1, 'b': missing}", r#"{"a":1}"#),
        ("lines{sku: count}", r#"{"b":4,"a":1,"c":2}"#),
        ("lines{$string(price): $sum(count)}", r#"{"2.5":6,"10":1}"#),
        ("lines^(sku).sku", r#"["a","b","c"]"#),
        ("lines^(>price, sku).sku", r#"["a","b","c"]"#),
        ("lines^(price).sku", r#"["b","c","a"]"#),
        ("{1: 2}", "T1003: Key in object structure must evaluate to a string; got: 1"),
        ("{'a': 1, 'a': 2}", "D1009: Multiple key definitions evaluate to same key: \"a\""),
    ]);
}

#[test]
fn steps_bind_variables() {
    check_all(&[
        ("lines#$i.($i & sku)", r#"["0b","1a","2c"]"#),
        ("lines@$l.$l.sku", r#"["b","a","c"]"#),
        ("lines[price < 5]#$i.{'at': $i}.at", "[0,1]"),
        (
            "lines.colours.{'c': $, 'sku': %.sku}",
            r#"[{"c":"red","sku":"b"},{"c":"blue","sku":"b"},{"c":"red","sku":"a"}]"#,
        ),
        ("%", "S0217: The object representing the 'parent' cannot be derived from this expression"),
    ]);
}

#[test]
fn functions_are_values() {
    check_all(&[
        ("function($a){$a + 1}(2)", "3"),
        ("($add := function($a, $b){$a + $b}; $inc := $add(1, ?); $inc(4))", "5"),
        ("$map([1..3], function($v, $i){$v * $i})", "[0,2,6]"),
        (
            "(λ($n)<n:n>{$n})('a')",
            "T0410: Argument 1 of function undefined does not match function signature",
        ),
        (
            "($f := λ($n)<n:n>{$n}; $f('a'))",
            r#"T0410: Argument 1 of function "f" does not match function signature"#,
        ),
        ("('abc' ~> $uppercase) & ('x' ~> $uppercase ~> $length)", "\"ABC1\""),
        ("($both := $trim ~> $uppercase; $both('  a  b '))", "\"A B\""),
        ("($f := function($n){$n < 2 ? 1 : $n * $f($n - 1)}; $f(10))", "3628800"),
        ("$sum", "function"),
        ("id()", "T1006: Attempted to invoke a non-function"),
        ("sum(1)", "T1005: Attempted to invoke a non-function. Did you mean $sum?"),
        ("{'a': 1} ~> |$|{'b': 2}, 'a'|", r#"{"b":2}"#),
        ("($x := 1; ($x := 2); $x)", "1"),
    ]);
}

#[test]
fn texts_are_searched_and_changed() {
    check_all(&[
        ("$match('ab12cd3', /[a-z]+(\\d)/)[0].groups", r#"["1"]"#),
        ("$replace('a-b', /(\\w)-(\\w)/, '$2-$1')", "\"b-a\""),
        ("$replace('abc', /b/, function($m){$uppercase($m.match)})", "\"aBc\""),
        ("$split('a, b ,c', /\\s*,\\s*/)", r#"["a","b","c"]"#),
        ("$contains('Hello', /hello/i)", "true"),
        ("/a(?=b)/", "S0303: Unsupported regular expression /a(?=b)/: look-ahead is not supported"),
        ("$substring('héllo', -4, 2)", "\"él\""),
        ("$pad('a', -3, '#')", "\"##a\""),
        ("$string({'a': [1.10, 1/3]})", r#""{\"a\":[1.1,0.333333333333333]}""#),
        ("$encodeUrlComponent('a b-.c/d')", "\"a%20b-.c%2Fd\""),
        ("$decodeUrl('a%20b%2F')", "\"a b%2F\""),
        ("$base64decode($base64encode('hé'))", "\"hé\""),
        ("$number('0x1f') + $number('12.5e1')", "156"),
        ("$round(2.5) & $round(3.5) & $round(1.25, 1) & $round(125, -1)", "\"241.2120\""),
    ]);
}

#[test]
fn time_and_chance_are_arguments() {
    check_all(&[("$now()", "\"2017-07-14T02:40:00.000Z\""), ("$millis()", "1500000000000")]);
    let twice = || evaluate("[$random(), $shuffle([1..20])]", Dialect::Plain);
    assert_eq!(twice(), twice());
}

#[test]
fn errors_know_their_place() {
    for (text, code, position) in [
        ("1 + ", "S0207", 4),
        ("(1", "S0203", 2),
        ("[1 2]", "S0202", 4),
        ("'abc", "S0101", 4),
        ("a.1", "S0213", 3),
        ("\"\\u12\"", "S0104", 2),
        ("\"\\q\"", "S0103", 2),
        ("1e400", "S0102", 0),
        ("/* x", "S0106", 0),
        ("@", "S0211", 1),
        ("a }", "S0201", 3),
        ("!x", "S0204", 1),
        ("😀 + }", "S0211", 6),
        ("1 := 2", "S0212", 1),
        ("function(1){2}", "S0208", 10),
        ("a@b", "S0214", 3),
        ("a[0]@$x", "S0215", 5),
        ("a^(b)@$x", "S0216", 6),
        ("//", "S0301", 1),
        ("/ab", "S0302", 3),
        ("`a", "S0105", 2),
        ("a{b:c}{d:e}", "S0210", 7),
        ("[1][0]{a:b}[1]", "S0209", 12),
        ("function($x)<n<s>>{1}", "S0401", 15),
    ] {
        let error = Expression::compile(text, Dialect::Plain).unwrap_err();
        assert_eq!((error.code, error.position), (code, Some(position)), "{text}");
    }
}

#[test]
fn step_functions_adds_functions_and_takes_eval_away() {
    let shown = |text: &str| match evaluate(text, Dialect::StepFunctions) {
        Ok(Evaluated::Value(json)) => json.to_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(shown("$partition([1..5], 2)"), "[[1,2],[3,4],[5]]");
    assert_eq!(shown("$range(10, 1, -3.5)"), "[10,6,2]");
    assert_eq!(shown("$hash('a', 'MD5')"), "\"0cc175b9c0f1b6a831c399e269772661\"");
    assert_eq!(shown("$parse('{\"a\":[1.50]}').a"), "[1.50]");
    assert_eq!(shown("$random(7) = $random(7)"), "true");
    assert_eq!(shown("$length($uuid())"), "36");
    let error = evaluate("$eval('1')", Dialect::StepFunctions).unwrap_err();
    assert_eq!(error, "T1006: Attempted to invoke a non-function");
    assert!(Expression::compile("$partition([1], 1)", Dialect::Plain).is_ok());
    assert!(evaluate("$partition([1], 1)", Dialect::Plain).is_err());
}

#[test]
fn references_are_told_without_evaluating() {
    let references =
        |text: &str| Expression::compile(text, Dialect::StepFunctions).unwrap().references();
    let found = references(
        "($total := $sum($states.input.lines.price); $total > $limit and $states.result.ok[0].x)",
    );
    let names: BTreeSet<String> = ["states", "limit"].map(str::to_owned).into();
    assert_eq!(found.variables, names);
    let paths: Vec<String> = found.paths.iter().map(|path| path.join(".")).collect();
    assert_eq!(paths, ["limit", "states.input.lines.price", "states.result.ok"]);
    let found = references("$map($list, function($x, $i){ $x + $y }) ~> $count");
    assert_eq!(found.variables, ["list", "y"].map(str::to_owned).into());
    assert!(references("lines@$l#$i.($l.a & $i)").variables.is_empty());
}

#[test]
fn what_reads_the_whole_data_is_told() {
    let data = |text: &str| {
        let expression = Expression::compile(text, Dialect::StepFunctions).unwrap();
        expression.references().data.into_iter().collect::<Vec<_>>().join(" ")
    };
    for (text, read) in [
        ("phone", "phone"),
        ("$sum(items.price) + $.total", "$ items"),
        ("$states.input.items[price > 3].name", ""),
        ("$map($states.input.items, function($x){ $x.name & b })", "b"),
        ("$states.input.items{sku: $sum(price)}", ""),
        ("$states.input.($$.a)", "$$"),
        ("{'k': a, 'l': [*]}", "* a"),
        ("$items[price > 3]", ""),
        ("$items[price > 3].sku", ""),
        ("$items{sku: $sum(price)}", ""),
        ("$filter($items, $f)[a = 1]", ""),
        ("$items^(>price)", ""),
        ("$items ~> |lines|{'x': y}, ['z']|", ""),
        ("($items)[price > limit]", ""),
        ("$items[$$.a]", "$$"),
    ] {
        assert_eq!(data(text), read, "{text}");
    }
}

#[test]
fn expressions_may_be_shared_between_threads() {
    fn is_shared<T: Send + Sync + Clone>() {}
    is_shared::<Expression>();
}
