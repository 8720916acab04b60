//! Every evaluation ends: within its budget of steps, on a small stack, with little memory.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::collections::BTreeMap;
use std::thread;

use stepyard_json::Json;
use stepyard_jsonata::{
    Dialect, Error, ErrorKind, Evaluated, Expression, Input, MEMORY_MAX, NESTING_MAX,
};

/// The stack of a thread of tokio, in a build without optimisation.
const STACK: usize = 2 << 20;

/// Steps of a small budget.
const FUEL: u64 = 300_000;

fn evaluate(text: &str, data: Option<Json>, fuel: u64) -> Result<Evaluated, Error> {
    let expression = Expression::compile(text, Dialect::Plain)?;
    let mut input = Input::new(data);
    input.fuel = fuel;
    expression.evaluate(&mut input)
}

/// Evaluates on a thread with a small stack.
fn on_a_small_stack(text: String, data: Option<Json>) -> Result<Evaluated, Error> {
    let work = move || evaluate(&text, data, 5_000_000);
    thread::Builder::new().stack_size(STACK).spawn(work).unwrap().join().unwrap()
}

#[test]
fn recursion_ends_before_the_stack_does() {
    let bodies = [
        "1 + $f()",
        "$map([1], $f)",
        "$map([1], $f) + 1",
        "$sort([1, 2], function($a, $b){ $f() > 1 })",
        "$reduce([1, 2], function($a, $b){ $f() + 1 })",
        "$each({'a': 1}, function($v){ $f() & '' })",
        "$sift({'a': 1}, function($v){ [$f()] })",
        "{'a': {'b': [$f()]}}",
        "[1].{'a': $f()}",
        "[1, 2]^($f())",
        "[1][$f()]",
        "{'a': 1}.*.($f(); 1)",
        "$replace('a', /a/, function($m){ $f() & 'a' })",
        "$split('a', function($s){ $f() })",
        "({'a': [1, 2]} ~> |a|{'b': $f()}|)",
        "{'a': 1} ~> |$|{'b': $f()}|",
        "$f ~> $f ~> $f()",
        "($f ~> $f)(1) + 1",
        "$eval('$f() + 1')",
        "[1]#$i.{'a': $f()}",
        "[1]@$x.{'a': $f()}",
        "{'a': {'b': 1}}.a.b.(%.($f(); 1))",
        "[1]{'k': $f()}",
        "[1]#$i{'k': $f()}",
        "-$f()",
        "$f() ?: $f()",
        "$f() ?? $f()",
        "($g := $f; ($g()); 1)",
        "$f(?)($f() + 1)",
        "true and $f()",
        "1 in $f()",
        "$single([1], function($x){ $f() })",
        "$filter([1], function($x){ $f() })",
    ];
    for body in bodies {
        for text in [
            format!("($f := function($x){{ {body} }}; $f())"),
            format!("($f := function($x)<x?:x>{{ (1; {body}) }}; $f())"),
        ] {
            let result = on_a_small_stack(text.clone(), None);
            assert!(result.is_ok() || is_bounded(&result), "{text}: {result:?}");
        }
    }
}

fn is_bounded(result: &Result<Evaluated, Error>) -> bool {
    matches!(result, Err(error) if error.kind != ErrorKind::Expression)
}

#[test]
fn deep_expressions_are_refused_or_evaluated() {
    let (open, deep) = (NESTING_MAX - 10, 100_000);
    for depth in [open, deep] {
        for (before, inner, after) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("-", "a", ""),
            ("{'a':", "1", "}"),
            ("1 + ", "1", ""),
            ("", "1", " + 1"),
            ("", "a", ".a"),
            ("", "a", "[0]"),
            ("a.(", "1", ")"),
            ("a[", "1", "]"),
            ("a ? ", "1", " : 2"),
            ("a ?: ", "1", ""),
            ("a ?? ", "1", ""),
            ("(", "a", " ?? b)"),
            ("(", "a", " ?: b)"),
            ("function($x){", "1", "}"),
            ("$string(", "1", ")"),
            ("$f(?, ", "1", ")"),
            ("$x := ", "1", ""),
            ("|a|", "{}", "|"),
            ("", "$f", " ~> $f"),
            ("", "a", "^(b)"),
            ("a^(", "b", ")"),
            ("a.%.(", "1", ")"),
            ("a@$x.(", "1", ")"),
            ("", "a", "{b: c}"),
        ] {
            let text = before.repeat(depth) + inner + &after.repeat(depth);
            let data = Json::parse(r#"{"a":1}"#).unwrap();
            let result = on_a_small_stack(text, Some(data));
            let refused = matches!(&result, Err(error) if error.code.starts_with('S'));
            assert!(depth < deep || refused, "{before}{inner}{after}: {result:?}");
        }
    }
}

#[test]
fn deep_data_is_walked_on_a_small_stack() {
    let depth = stepyard_json::DEPTH_MAX - 1;
    let arrays = "[".repeat(depth) + &"]".repeat(depth);
    let objects = "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    for data in [arrays, objects] {
        for text in [
            "$ = $$",
            "$string($)",
            "$string($, true)",
            "**",
            "*",
            "$boolean($)",
            "$keys($)",
            "$spread($)",
            "$distinct([$, $])",
            "$clone($)",
            "[$, $]",
            "{'a': $}",
            "$ ~> |a|{'b': 1}|",
            "$ ~> |**|{'b': 1}|",
            "a",
            "$merge([$])",
            "$not($)",
            "$lookup($, 'a')",
            "$[a = 1]",
            "$append($, $)",
        ] {
            let json = Json::parse(&data).unwrap();
            let _ = on_a_small_stack(text.to_owned(), Some(json));
        }
    }
}

#[test]
fn values_that_grow_without_end_are_stopped() {
    for text in [
        "[1..1e9]",
        "$pad('', 1e9)",
        "$pad('x', -1e300)",
        "$reduce([1..100], function($a, $b){ $a & $a }, 'x')",
        "$reduce([1..100], function($a, $b){ $append($a, $a) }, [1])",
        "$reduce([1..1000], function($a, $b){ {'a': $a, 'b': $a} }, 1)",
        "$string($reduce([1..100], function($a, $b){ {'a': $a, 'b': $a} }, 1))",
        "$reduce([1..1000], function($a, $b){ [[$a]] }, 1)",
        "$reduce([1..50], function($a, $b){ $replace($a, 'x', 'xx') }, 'x')",
        "$reduce([1..50], function($a, $b){ $join([$a, $a]) }, 'x')",
        "($f := function(){ $f() }; $f())",
        "($f := function($x){ $f($x + 1) }; $f(1))",
        "$map([1..10000], function($x){ $map([1..10000], function($y){ $x }) })",
        "[1..5000].([1..5000].($ + 1))",
        "[1..5000][$ in [1..5000]]",
        "$sort([1..100000], function($a, $b){ $a < $b })",
        "$distinct([1..100000])",
        "($x := 'a'; $g := function(){ ($x := $x & $x; $g()) }; $g())",
    ] {
        let result = evaluate(text, None, FUEL);
        assert!(result.is_err(), "{text}: {result:?}");
    }
}

#[test]
fn what_is_held_at_a_time_is_bounded() {
    for text in [
        "$count([1..200000])",
        "$range(1, 200000, 1)",
        "$reduce([1..20], function($a, $b){ $append($a, $a) }, [1..10])",
        "$map([1..100], function($x){ $pad('x', 1000000) })",
        "$map([1..10000], function($x){ $pad('x', 1000) })",
        "$map([1..100000], function($x){ $string($x) & 'some text' })",
        "$map([1..50000], function($x){ {'a': $x, 'b': [$x]} })",
        "($r := $reduce([1..100000], function($f, $x){ function(){ $f } }); 1)",
        "[1..1000]@$a.[1..1000]@$b.($a + $b)",
        "$map([1..1000], function($x){ $parse($pad('[', 100000, '1,') & '1]') })",
        "$map([1..1000], function($x){ {'a': [1..100].{'b': $}} ~> |a|{'c': 1}| })",
    ] {
        let expression = Expression::compile(text, Dialect::StepFunctions).unwrap();
        let mut input = Input::new(None);
        input.memory = MEMORY_MAX / 16;
        let error = expression.evaluate(&mut input).unwrap_err();
        assert_eq!(error.code, "D1018", "{text}: {error}");
    }
}

#[test]
fn what_is_dropped_makes_room() {
    for text in [
        "$sum([1..200].$length($pad('x', 50000)))",
        "$sum([1..200].$count([1..2000]))",
        "$reduce([1..100], function($a, $b){ $substring($a & $pad('x', 50000), 0, 9) }, '')",
        "($f := function($n){ $n = 0 ? 0 : $f($n - 1) }; $f(50000))",
    ] {
        let expression = Expression::compile(text, Dialect::StepFunctions).unwrap();
        let mut input = Input::new(None);
        input.memory = MEMORY_MAX / 16;
        let result = expression.evaluate(&mut input);
        assert!(result.is_ok(), "{text}: {result:?}");
    }
}

#[test]
fn running_out_of_fuel_is_told_apart() {
    let error = evaluate("($f := function(){ $f() }; $f())", None, 10_000).unwrap_err();
    assert_eq!(error.kind, ErrorKind::OutOfFuel);
    let error = evaluate("($f := function(){ 1 + $f() }; $f())", None, 1_000_000).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooDeep);
    let error = evaluate("1 + 'a'", None, 10_000).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Expression);
}

#[test]
fn tail_calls_and_long_chains_of_functions_take_no_stack() {
    for (text, wanted) in [
        ("($f := function($n){ $n = 0 ? 'end' : $f($n - 1) }; $f(100000))", "\"end\""),
        (
            "($f := function($n, $k){ $n = 0 ? 1 : $f($n - 1, function(){ $k }) }; $f(100000, 1))",
            "1",
        ),
        ("($r := $reduce([1..50000], function($f, $x){ function(){ $f } }); 1)", "1"),
        ("($f := function($n, $g){ $n = 0 ? 1 : $f($n - 1, $g(?)) }; $f(50000, $sum))", "1"),
        ("($f := function($n, $g){ $n = 0 ? 1 : $f($n - 1, $g ~> $sum) }; $f(50000, $sum))", "1"),
    ] {
        let result = on_a_small_stack(text.to_owned(), None);
        assert_eq!(result, Ok(Evaluated::Value(Json::parse(wanted).unwrap())), "{text}");
    }
}

#[test]
fn circles_of_functions_and_their_variables_are_freed() {
    // Each evaluation makes such a circle around ten megabytes; all of them would not fit.
    let mut bindings = BTreeMap::new();
    bindings.insert("big".to_owned(), Json::from("x".repeat(1 << 20)));
    let text = "($held := $big & $big & 'y'; $f := function(){ $f }; $length($held))";
    let expression = Expression::compile(text, Dialect::Plain).unwrap();
    for _ in 0..2_000 {
        let mut input = Input::new(None);
        input.bindings = &bindings;
        let result = expression.evaluate(&mut input).unwrap();
        assert_eq!(result, Evaluated::Value(Json::from((2 << 20) + 1)));
    }
}
