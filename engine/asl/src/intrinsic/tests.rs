use stepyard_json::{Json, Payload};

use super::{Function, Intrinsic};
use crate::{Env, Random};

fn eval(call: &str) -> Result<String, String> {
    let data =
        Payload::from_text(r#"{"arr":[1,2,3,2],"s":"x,y","o":{"a":1,"b":[]},"n":null,"empty":[]}"#)
            .unwrap();
    let context = Json::parse(r#"{"Execution":{"Name":"run-1"}}"#).unwrap();
    let mut random = Random::from_seed(5);
    let mut env = Env::new(&data, &context, &mut random);
    let intrinsic = Intrinsic::parse(call)?;
    intrinsic.eval(&mut env).map(|json| json.to_string()).map_err(|error| error.to_string())
}

#[test]
fn results_are_those_recorded_from_aws() {
    for (call, result) in [
        ("States.Array(1, 'a', $.n, States.Array())", r#"[1,"a",null,[]]"#),
        ("States.ArrayPartition($.arr, 3)", "[[1,2,3],[2]]"),
        ("States.ArrayPartition($.empty, 3)", "[]"),
        ("States.ArrayContains($.arr, 2)", "true"),
        ("States.ArrayContains($.arr, 'no')", "false"),
        ("States.ArrayRange(1, 9, 2)", "[1,3,5,7,9]"),
        ("States.ArrayRange(1, 9, 9)", "[1]"),
        ("States.ArrayRange(3, 1, -1)", "[3,2,1]"),
        ("States.ArrayRange(3, 1, 1)", "[]"),
        ("States.ArrayGetItem($.arr, 2)", "3"),
        ("States.ArrayLength($.arr)", "4"),
        ("States.ArrayUnique($.arr)", "[1,2,3]"),
        ("States.Base64Encode('Data')", "\"RGF0YQ==\""),
        ("States.Base64Decode('RGF0YQ==')", "\"Data\""),
        ("States.Hash('x', 'MD5')", "\"9dd4e461268c8034f5c8564e155c67a6\""),
        ("States.JsonMerge($.o, States.StringToJson('{\"a\":2}'), false)", r#"{"a":2,"b":[]}"#),
        ("States.MathAdd(1.49, 1.5)", "3"),
        ("States.MathAdd(-1.5, -1.51)", "-3"),
        ("States.MathAdd(-1.49, -1.5)", "-2"),
        ("States.StringSplit(',,,,', ',')", "[]"),
        ("States.StringSplit(', , ,', ',')", r#"[" "," "]"#),
        ("States.StringSplit('a,b+c', ',+')", r#"["a","b","c"]"#),
        ("States.StringToJson(' ')", "null"),
        ("States.StringToJson('-0')", "0"),
        ("States.JsonToString('a')", r#""\"a\"""#),
        ("States.JsonToString($.o)", r#""{\"a\":1,\"b\":[]}""#),
        ("States.Format('{} {} {}', $.o, $.arr, $.n)", r#""{a=1, b=[]} [1, 2, 3, 2] null""#),
        (r"States.Format('it\'s \{{}\}', 1.0)", r#""it's {1.0}""#),
        ("States.ArrayGetItem(States.StringSplit($$.Execution.Name, '-'), 0)", "\"run\""),
    ] {
        assert_eq!(eval(call).as_deref(), Ok(result), "{call}");
    }
}

#[test]
fn wrong_arguments_are_intrinsic_failures() {
    for call in [
        "States.ArrayGetItem($.arr, 4)",
        "States.ArrayGetItem($.arr, -1)",
        "States.ArrayPartition($.arr, 0)",
        "States.ArrayPartition($.s, 1)",
        "States.ArrayRange(1, 5000, 1)",
        "States.ArrayRange(1, 5, 0)",
        "States.Base64Decode('%%')",
        "States.Hash('x', 'CRC')",
        "States.JsonMerge($.o, $.o, true)",
        "States.JsonMerge($.o, $.arr, false)",
        "States.MathAdd(2147483647, 1)",
        "States.MathAdd('a', 1)",
        "States.MathRandom(5, 5)",
        "States.StringToJson('{')",
        "States.Format('{}')",
        "States.Format('{', 1)",
        "States.Format('', 1)",
    ] {
        let error = eval(call).unwrap_err();
        assert!(error.starts_with("States.IntrinsicFailure: Invalid arguments in "), "{error}");
    }
}

#[test]
fn what_is_no_call_is_refused() {
    let nested = format!("{}1{}", "States.Array(".repeat(11), ")".repeat(11));
    for call in [
        "States.Nothing()",
        "States.UUID(1)",
        "States.Array(1",
        "States.Array(1) 2",
        "States.Array('a)",
        r"States.Array('a\",
        "States.Array(a)",
        "States.Array({})",
        "States.Array($.)",
        "States.Array(,)",
        &nested,
    ] {
        assert!(Intrinsic::parse(call).is_err(), "{call}");
    }
}

#[test]
fn chance_stays_in_its_range_and_follows_its_seed() {
    let drawn: i64 = eval("States.MathRandom(3, 6)").unwrap().parse().unwrap();
    assert!((3..6).contains(&drawn));
    let seeded = || eval("States.MathRandom(0, 1000000, 42)").unwrap();
    assert_eq!(seeded(), seeded());
    assert_eq!(eval("States.UUID()").unwrap().len(), 38);
}

#[test]
fn names_are_found_again() {
    for function in Function::ALL {
        assert_eq!(Function::by_name(function.name()), Some(function));
    }
}
