//! A choice rule of a definition to its compiled form.

use stepyard_json::{Json, Object};

use super::{Choice, Condition, Operand, Operator, Pattern, Test};
use crate::Path;

/// A fault in a rule and where it is, as a JSON pointer from the rule.
pub(crate) type Fault = (String, String);

/// Compiles a rule with everything nested in it, telling all faults. `Next` and `Comment` are the
/// business of the state.
pub(crate) fn compile(rule: &Json, pointer: &str, faults: &mut Vec<Fault>) -> Option<Choice> {
    let Some(object) = rule.as_object() else {
        faults.push((pointer.into(), "Expected value of type Object".into()));
        return None;
    };
    if let Some(rules) = object.get("And") {
        return compile_all(rules, &format!("{pointer}/And"), faults).map(Choice::And);
    }
    if let Some(rules) = object.get("Or") {
        return compile_all(rules, &format!("{pointer}/Or"), faults).map(Choice::Or);
    }
    if let Some(rule) = object.get("Not") {
        let condition = compile(rule, &format!("{pointer}/Not"), faults)?;
        return Some(Choice::Not(Box::new(condition)));
    }
    compile_test(object, pointer, faults).map(|test| Choice::Test(Box::new(test)))
}

/// Whether a field belongs to the rules of JSONPath alone.
pub(crate) fn is_comparison(field: &str) -> bool {
    matches!(field, "And" | "Or" | "Not" | "Variable") || Operator::by_name(field).is_some()
}

fn compile_all(rules: &Json, pointer: &str, faults: &mut Vec<Fault>) -> Option<Vec<Choice>> {
    let Some(rules) = rules.as_array().filter(|rules| !rules.is_empty()) else {
        faults.push((pointer.into(), "Value cannot be empty".into()));
        return None;
    };
    let before = faults.len();
    let compiled: Vec<_> = rules
        .iter()
        .enumerate()
        .filter_map(|(at, rule)| compile(rule, &format!("{pointer}[{at}]"), faults))
        .collect();
    (faults.len() == before).then_some(compiled)
}

fn compile_test(object: &Object, pointer: &str, faults: &mut Vec<Fault>) -> Option<Test> {
    let variable = match object.get("Variable") {
        None => {
            faults.push((pointer.into(), "These fields are required: [Variable]".into()));
            return None;
        }
        Some(variable) => compile_path(variable),
    };
    let mut operators =
        object.iter().filter_map(|(name, operand)| Some((name, Operator::by_name(name)?, operand)));
    let (operator, extra) = (operators.next(), operators.next());
    let Some((name, operator, operand)) = operator.filter(|_| extra.is_none()) else {
        faults.push((
            pointer.into(),
            "A Choice Rule must have exactly one comparison operator".into(),
        ));
        return None;
    };
    let condition = compile_condition(operator, operand);
    match (variable, condition) {
        (Ok(variable), Ok(condition)) => Some(Test { variable, condition }),
        (variable, condition) => {
            faults.extend(variable.err().map(|message| (format!("{pointer}/Variable"), message)));
            faults.extend(condition.err().map(|message| (format!("{pointer}/{name}"), message)));
            None
        }
    }
}

fn compile_condition(operator: Operator, operand: &Json) -> Result<Condition, String> {
    match operator {
        Operator::Compare { comparison, kind, by_path: true } => {
            let operand = Operand::Path(compile_path(operand)?);
            Ok(Condition::Compare { comparison, kind, operand })
        }
        Operator::Compare { comparison, kind, by_path: false } => {
            if !kind.admits(operand) {
                return Err(kind.expected().into());
            }
            let operand = Operand::Literal(operand.clone());
            Ok(Condition::Compare { comparison, kind, operand })
        }
        Operator::StringMatches => match operand.as_str() {
            Some(pattern) => Ok(Condition::Matches(Pattern::new(pattern))),
            None => Err("Expected value of type String".into()),
        },
        Operator::Type(test) => match operand.as_bool() {
            Some(expected) => Ok(Condition::Type { test, expected }),
            None => Err("Expected value of type Boolean".into()),
        },
    }
}

fn compile_path(json: &Json) -> Result<Path, String> {
    match json.as_str() {
        Some(text) => Path::parse(text).map_err(|_| "Value is not a Reference Path".into()),
        None => Err("Expected value of type String".into()),
    }
}
