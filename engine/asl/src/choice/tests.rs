use stepyard_json::{Json, Payload};

use super::{Operator, Pattern, compile};
use crate::{Env, Random};

const DATA: &str = r#"{"s":"foo","n":5,"f":5.5,"b":true,"z":null,"t":"2024-01-01T00:00:00Z",
    "later":"2024-01-01T00:00:00.001+00:00","big":9007199254740993}"#;

fn eval(rule: &str) -> Result<bool, String> {
    let mut faults = Vec::new();
    let choice = compile(&Json::parse(rule).unwrap(), "", &mut faults)
        .ok_or_else(|| format!("{faults:?}"))?;
    let data = Payload::from_text(DATA).unwrap();
    let context = Json::parse(r#"{"Execution":{"Name":"foo"}}"#).unwrap();
    let random = &mut Random::from_seed(1);
    let env = &mut Env::new(&data, &context, random);
    choice.eval(env).map_err(|error| error.cause)
}

#[test]
fn comparisons() {
    for (test, holds) in [
        (r#""Variable":"$.s","StringEquals":"foo""#, true),
        (r#""Variable":"$.s","StringLessThan":"fop""#, true),
        (r#""Variable":"$.s","StringGreaterThanEquals":"fop""#, false),
        (r#""Variable":"$.s","StringEqualsPath":"$$.Execution.Name""#, true),
        (r#""Variable":"$.n","NumericEquals":5.0"#, true),
        (r#""Variable":"$.f","NumericGreaterThanPath":"$.n""#, true),
        (r#""Variable":"$.big","NumericGreaterThan":9007199254740992"#, true),
        (r#""Variable":"$.n","NumericLessThanEquals":5"#, true),
        (r#""Variable":"$.b","BooleanEquals":true"#, true),
        (r#""Variable":"$.t","TimestampLessThanPath":"$.later""#, true),
        (r#""Variable":"$.t","TimestampEquals":"2024-01-01T01:00:00+01:00""#, true),
        (r#""Variable":"$.s","StringMatches":"f*""#, true),
        (r#""Variable":"$.n","StringEquals":"5""#, false),
        (r#""Variable":"$.s","NumericEquals":5"#, false),
        (r#""Variable":"$.s","TimestampEquals":"2024-01-01T00:00:00Z""#, false),
        (r#""Variable":"$.z","IsNull":true"#, true),
        (r#""Variable":"$.s","IsNull":false"#, true),
        (r#""Variable":"$.f","IsNumeric":true"#, true),
        (r#""Variable":"$.s","IsString":true"#, true),
        (r#""Variable":"$.b","IsBoolean":true"#, true),
        (r#""Variable":"$.t","IsTimestamp":true"#, true),
        (r#""Variable":"$.s","IsTimestamp":false"#, true),
        (r#""Variable":"$.no.where","IsPresent":false"#, true),
        (r#""Variable":"$.z","IsPresent":true"#, true),
    ] {
        assert_eq!(eval(&format!("{{{test}}}")), Ok(holds), "{test}");
    }
}

#[test]
fn logic() {
    let yes = r#"{"Variable":"$.b","BooleanEquals":true}"#;
    let no = r#"{"Variable":"$.b","BooleanEquals":false}"#;
    for (rule, holds) in [
        (format!(r#"{{"And":[{yes},{yes}]}}"#), true),
        (format!(r#"{{"And":[{yes},{no}]}}"#), false),
        (format!(r#"{{"Or":[{no},{yes}]}}"#), true),
        (format!(r#"{{"Not":{{"Or":[{no},{no}]}}}}"#), true),
    ] {
        assert_eq!(eval(&rule), Ok(holds), "{rule}");
    }
}

#[test]
fn a_missing_variable_is_an_error_but_for_is_present() {
    assert_eq!(
        eval(r#"{"Variable":"$.no","StringEquals":"x"}"#).unwrap_err(),
        "Invalid path '$.no': The choice state's condition path references an invalid value."
    );
}

#[test]
fn patterns() {
    for (pattern, text, matches) in [
        ("foo*.log", "foo-1.log", true),
        ("foo*.log", "foo-1.txt", false),
        ("*", "", true),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false),
        (r"\*a", "*a", true),
        (r"\*a", "xa", false),
        (r"\\*", r"\anything", true),
        ("", "", true),
        ("", "x", false),
    ] {
        assert_eq!(Pattern::new(pattern).matches(text), matches, "{pattern} {text}");
    }
}

#[test]
fn faults_name_their_place() {
    for (rule, fault) in [
        ("{}", r#"[("", "These fields are required: [Variable]")]"#),
        (
            r#"{"Variable":"$"}"#,
            r#"[("", "A Choice Rule must have exactly one comparison operator")]"#,
        ),
        (r#"{"And":[]}"#, r#"[("/And", "Value cannot be empty")]"#),
        (
            r#"{"Or":[{"Variable":"x","NumericEquals":"1"}]}"#,
            r#"[("/Or[0]/Variable", "Value is not a Reference Path"), ("/Or[0]/NumericEquals", "Expected value of type Number")]"#,
        ),
    ] {
        assert_eq!(eval(rule).unwrap_err(), fault);
    }
}

#[test]
fn there_are_thirty_nine_operators_and_each_is_found_by_its_name() {
    assert_eq!(Operator::all().count(), 39);
    for operator in Operator::all() {
        assert_eq!(Operator::by_name(&operator.name()), Some(operator));
    }
}
