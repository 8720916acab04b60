use stepyard_json::{Json, Payload};

use super::{Jsonata, Place, StatesMember, expression_in};
use crate::{Code, Env, Random, Surroundings};

/// `$states.input` and variables.
struct Around(Json);

impl Surroundings for Around {
    fn context_object(&self) -> &Json {
        &Json::Null
    }

    fn variable(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    fn states(&self, member: StatesMember) -> Option<Json> {
        (member == StatesMember::Input).then(|| self.0.clone())
    }
}

fn eval(text: &str) -> Result<String, String> {
    let around = Around(Json::parse(r#"{"items":[1.50,2],"name":"x"}"#).unwrap());
    let (data, random) = (Payload::empty_object(), &mut Random::from_seed(1));
    let jsonata = Jsonata::compile(text, "Output/v", Place::Input).unwrap();
    let value = jsonata.eval(&mut Env::new(&data, &around, random));
    value.map(|json| json.to_string()).map_err(|error| {
        assert_eq!(error.error, "States.QueryEvaluationError");
        assert_eq!(error.location.as_deref(), Some("Output/v"));
        error.cause
    })
}

#[test]
fn an_expression_is_all_of_a_string() {
    assert_eq!(expression_in("{% $x + 1 %}").unwrap(), Some("$x + 1"));
    assert_eq!(expression_in("{%%}").unwrap(), Some(""));
    for constant in [" {% $x %} ", "x", "", "%", "{", "%} {%"] {
        assert_eq!(expression_in(constant).unwrap(), None, "{constant:?}");
    }
    for half in ["{% $x", "$x %}", "{%}", "{% $x %} ", " {% $x %}"] {
        assert_eq!(expression_in(half).unwrap_err().code, Code::InvalidJsonataExpression);
    }
}

#[test]
fn values_are_read_from_states_and_variables() {
    assert_eq!(eval("$states.input.items").unwrap(), "[1.50,2]");
    assert_eq!(eval("$name & $states.input.name").unwrap(), "\"xx\"");
    assert_eq!(eval("$now()").unwrap(), "\"1970-01-01T00:00:00.000Z\"");
}

#[test]
fn failures_are_told_in_awss_words() {
    let about = |text: &str, what: &str| {
        format!("The JSONata expression '{text}' specified for the field 'Output/v' {what}")
    };
    for (text, what) in [
        ("$missing", "returned nothing (undefined)."),
        ("$sum", "returned an unsupported result type."),
        ("$name()", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        (
            "($f := function($x){ $f($x + 1) }; $f(1))",
            "threw an error during evaluation: Expression evaluation timeout: Check for infinite loop",
        ),
        (
            "$length($pad('', 10000000))",
            "threw an error during evaluation: Expression evaluation memory limit exceeded: Check for excessive memory usage",
        ),
    ] {
        assert_eq!(eval(text).unwrap_err(), about(text, what));
    }
}

#[test]
fn what_cannot_be_read_is_told_before_anything_runs() {
    let faults = |text: &str, place| {
        let faults = Jsonata::compile(text, "Output", place).err().unwrap_or_default();
        let told = faults.iter().map(|fault| format!("{}: {}", fault.code.as_str(), fault.message));
        told.collect::<Vec<_>>()
    };
    let top =
        "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported.";
    assert_eq!(faults("phone", Place::Input), [top]);
    assert_eq!(faults("$states.input.phone", Place::Input), [""; 0]);
    let whole = "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' is not supported.";
    assert_eq!(faults("$$", Place::Input), [whole]);
    let absent = |name: &str| {
        format!("UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.{name}' does not exist.")
    };
    assert_eq!(faults("$states.errorOutput.Cause", Place::Result), [absent("errorOutput")]);
    assert_eq!(faults("$states.result + $states.result", Place::Catch), [absent("result")]);
    assert_eq!(faults("$states.errorOutput", Place::Catch), [""; 0]);
    let unknown = "UNSUPPORTED_JSONATA_EXPRESSION: Unknown reserved states field: inputs";
    assert_eq!(faults("$states.inputs", Place::Input), [unknown]);
    let syntax = "INVALID_JSONATA_EXPRESSION: Unexpected end of expression";
    assert_eq!(faults("1 +", Place::Input), [syntax]);
}
