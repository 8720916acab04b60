//! The context object that a test gives: what it may hold.

use stepyard_json::{Json, Object};

/// The members of each part that are texts (AWS developer guide, "Context object").
const TEXTS: [(&str, &[&str]); 4] = [
    ("Execution", &["Id", "Name", "RoleArn", "StartTime", "RedriveTime"]),
    ("State", &["EnteredTime", "Name"]),
    ("StateMachine", &["Id", "Name"]),
    ("Task", &["Token"]),
];

/// Members that are anything, or numbers.
const OTHERS: [(&str, &str); 3] =
    [("Execution", "Input"), ("Execution", "RedriveCount"), ("State", "RetryCount")];

/// # Errors
/// What is wrong with it, in AWS's words (recorded).
pub(super) fn check(context: &Json) -> Result<(), String> {
    let Some(parts) = context.as_object() else { return Err("it must be a JSON object".into()) };
    for (part, members) in parts.iter() {
        if &**part == "Map" {
            return Err("'Map' field is not supported when mocking a Context object".into());
        }
        let Some((_, texts)) = TEXTS.iter().find(|(name, _)| *name == &**part) else {
            return Err(format!("Field '{part}' is not allowed"));
        };
        let Some(members) = members.as_object() else {
            return Err(format!("{part} must be an object"));
        };
        check_part(part, members, texts)?;
    }
    Ok(())
}

fn check_part(part: &str, members: &Object, texts: &[&str]) -> Result<(), String> {
    for (member, value) in members.iter() {
        let is_text = texts.contains(&&**member);
        if !is_text && !OTHERS.contains(&(part, member)) {
            return Err(format!("Field '{member}' is not allowed"));
        }
        if is_text && value.as_str().is_none() {
            return Err(format!("{part}.{member} must be a string"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use stepyard_json::Json;

    use super::check;

    #[test]
    fn each_member_has_its_type() {
        let fault = |text: &str| check(&Json::parse(text).unwrap()).err().unwrap_or_default();
        for (context, told) in [
            (r#"{"Execution":{"Id":"e","Input":[1]},"State":{"RetryCount":1},"Task":{}}"#, ""),
            ("[]", "it must be a JSON object"),
            (r#"{"Map":{}}"#, "'Map' field is not supported when mocking a Context object"),
            (r#"{"Else":{}}"#, "Field 'Else' is not allowed"),
            (r#"{"Execution":{"pokemon":"squirtle"}}"#, "Field 'pokemon' is not allowed"),
            (r#"{"Execution":{"Id":1}}"#, "Execution.Id must be a string"),
            (r#"{"State":1}"#, "State must be an object"),
        ] {
            assert_eq!(fault(context), told, "{context}");
        }
    }
}
