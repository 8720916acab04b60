//! What the reference does that one would not guess: found by `scripts/compare-jsonata`.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use stepyard_json::Json;
use stepyard_jsonata::{Dialect, Evaluated, Expression, Input};

fn shown(text: &str, dialect: Dialect) -> String {
    let data = Json::parse(r#"{"price": 3, "name": "x", "list": [2, 1]}"#).unwrap();
    let evaluated = Expression::compile(text, dialect)
        .and_then(|expression| expression.evaluate(&mut Input::new(Some(data))));
    match evaluated {
        Ok(Evaluated::Value(json)) => json.to_string(),
        Ok(Evaluated::Undefined) => "undefined".to_owned(),
        Ok(Evaluated::Function) => "function".to_owned(),
        Err(error) => error.code.to_owned(),
    }
}

fn check_all(dialect: Dialect, cases: &[(&str, &str)]) {
    for (text, wanted) in cases {
        assert_eq!(shown(text, dialect), *wanted, "{text}");
    }
}

#[test]
fn results_that_are_not_finite_are_spelled_for_step_functions() {
    check_all(
        Dialect::StepFunctions,
        &[
            ("1/0", r#""Infinity""#),
            ("-1/0", r#""-Infinity""#),
            ("0/0", r#""NaN""#),
            ("[1/0, price]", r#"["Infinity",3]"#),
            ("{'k': 1/0, 'l': [[0/0]]}", r#"{"k":"Infinity","l":[["NaN"]]}"#),
            ("$string(1/0)", "D3001"),
            ("1/0 + 1", "D1001"),
        ],
    );
    check_all(Dialect::Plain, &[("1/0", "D1001"), ("[0/0]", "[null]")]);
}

#[test]
fn what_is_not_a_number_is_none_to_operators_and_functions() {
    check_all(
        Dialect::StepFunctions,
        &[
            ("-(0/0)", "D1002"),
            ("0/0 + 1", "T2001"),
            ("$type(0/0)", r#""object""#),
            ("$type(1/0)", "D1001"),
            ("$sort([0/0, 1])", "D3070"),
            ("$sort([1/0, 1])", "D1001"),
            ("$round(0/0, 2)", r#""NaN""#),
            ("$round(2.5, 1.5)", r#""NaN""#),
            ("$boolean([true, 1/0])", "D1001"),
            ("list[[1/0, 0]]", "D1001"),
            ("list[[0/0, 1]]", "[2,1]"),
            ("$substring('abc', 0/0)", r#""abc""#),
            ("$substring('abc', 1, 0/0)", r#""""#),
            ("$split('a,b', ',', 1/0)", "[]"),
            ("$formatInteger(0/0, '')", "D3130"),
            ("$max([1, 0/0, 2])", r#""NaN""#),
            ("$min([0/0, 1])", r#""NaN""#),
            ("$round(1.26, 1000)", r#""NaN""#),
            ("$round(1.26, 0/0)", "1"),
            ("1 / $sum([])", r#""Infinity""#),
            ("$power(1, missing)", "D3061"),
            ("$power(-1, 1/0)", "D3061"),
        ],
    );
}

#[test]
fn texts_that_are_no_numbers_or_times_read_as_none() {
    check_all(
        Dialect::StepFunctions,
        &[
            ("$parseInteger('x', '0')", r#""NaN""#),
            ("$parseInteger('12', 'w')", r#""NaN""#),
            ("$parseInteger('Q', 'I')", r#""NaN""#),
            ("$parseInteger('5', 'A')", "-11"),
            ("$parseInteger('12:30', '00:00')", "12"),
            ("$toMillis('2025-14-02')", r#""NaN""#),
            ("$toMillis('yesterday')", "D3110"),
        ],
    );
}

#[test]
fn what_is_not_there_is_equal_to_itself_and_starts_nowhere() {
    check_all(
        Dialect::Plain,
        &[
            ("$distinct((missing)[[0, -1]])", "undefined"),
            ("$substring('hello', missing, 2)", r#""""#),
            ("$substring('hello', missing)", r#""hello""#),
            ("[] in [[], []]", "false"),
            ("($x := []; $x in [1, $x, 2])", "false"),
            ("($x := [[1]]; $x[0] in $x)", "true"),
        ],
    );
}

#[test]
fn sorts_compare_by_halves() {
    check_all(
        Dialect::Plain,
        &[
            // The first comparison is of the first two of the left half.
            ("[3, 'a', true]^($)", "T2008"),
            ("['a', 3, true, 4]^($)", "T2007"),
            // An order that contradicts itself.
            ("$sort([1..5], function($a, $b){true})", "[5,4,3,2,1]"),
            ("$sort([1..5], function($a, $b){($a + $b) % 2 = 0})", "[3,1,4,2,5]"),
        ],
    );
}

#[test]
fn a_term_is_evaluated_where_those_before_it_are_equal() {
    check_all(
        Dialect::Plain,
        &[
            ("[{'a': 2}, {'a': 1}]^(a, $error('asked')).a", "[1,2]"),
            ("[{'a': 1}, {'a': 1}]^(a, $error('asked')).a", "D3137"),
        ],
    );
}

#[test]
fn a_function_that_is_called_last_takes_the_context_of_the_outermost_call() {
    check_all(
        Dialect::Plain,
        &[
            ("($f := function(){ $length() }; name.$f())", "1"),
            ("($f := function(){ ($x := $length(); $x) }; name.$f())", "T0411"),
            ("1 ~> function($v){ $length() }", "T0411"),
            ("name.$map([1], function($v){ $length() })", "T0411"),
        ],
    );
}

#[test]
fn alternatives_at_the_end_of_a_function_are_its_last_acts() {
    check_all(
        Dialect::Plain,
        &[
            (
                "$each({'k': 1}, function($v){ missing ?: $filter($v, function($x){ true }) })",
                "[1]",
            ),
            (
                "$each({'k': 1}, function($v){ missing ?? $filter($v, function($x){ true }) })",
                "[1]",
            ),
            ("$each({'k': 1}, function($v){ $filter($v, function($x){ true }) ?: 3 })", "[1]"),
            ("$each({'k': 1}, function($v){ $filter($v, function($x){ true }) ?? 3 })", "[1]"),
            ("$each({'k': 1}, function($v){ $filter($v, function($x){ false }) ?? 3 })", "3"),
            (
                "($f := function($n){ $n = 0 ? 'end' : missing ?: $f($n - 1) }; $f(20000))",
                r#""end""#,
            ),
        ],
    );
}

#[test]
fn times_that_no_calendar_reaches_are_not_numbers() {
    check_all(
        Dialect::StepFunctions,
        &[
            ("$fromMillis(1e17)", r#""0NaN-NaN-NaNTNaN:NaN:NaN.NaNZ""#),
            ("$fromMillis(0, '[Y]', 'CET')", r#""NaN""#),
            ("$fromMillis(0, '[q1]')", r#""undefined""#),
            ("$fromMillis(1e17, '[F]')", "D1001"),
            ("$toMillis('999999', '[Y]')", r#""NaN""#),
        ],
    );
}

#[test]
fn large_numbers_are_written_with_their_exponent() {
    check_all(
        Dialect::StepFunctions,
        &[
            ("$formatInteger(1e21, '#,##0')", r#""1e,+21""#),
            ("$formatNumber(1e21, '0.00')", r#""1e+21.00""#),
            ("$formatBase(1e30, 36)", r#""2oy99wnkl1a000000000""#),
        ],
    );
}

#[test]
fn an_object_over_an_empty_array_puts_nothing_into_it() {
    check_all(
        Dialect::Plain,
        &[
            ("($a := []; $o := $a{'k': 1}; [$o, $count($a), $a])", r#"[{"k":1},1,null]"#),
            (
                "($a := [[]]; $o := $a.{'k': 1}; {'o': $o, 'a': $a})",
                r#"{"o":{"k":1},"a":[[null]]}"#,
            ),
            (
                "($a := []; $b := $a; $o := $b{'k': $exists($)}; {'o': $o, 'a': $a, 'c': $append($a, 1)})",
                r#"{"o":{"k":false},"a":[null],"c":[null,1]}"#,
            ),
            ("($a := []; $o := $a.b@$v.c{'k': 1}; {'o': $o, 'a': $a})", r#"{"o":{"k":1},"a":[]}"#),
            ("($a := []; $a{'k': 1}; $a{'k': 2}; $a = [null])", "false"),
            ("($a := [][$ > 3]; $o := $a{'k': 1}; $a)", "undefined"),
        ],
    );
}
