//! Payload templates of JSONPath: members named `k.$` hold a path or an intrinsic function.

use stepyard_json::{Json, Object};

use super::{Node, TemplateFault};
use crate::{Code, Expression};

pub(super) fn compile(json: &Json, pointer: &str, faults: &mut Vec<TemplateFault>) -> Node {
    let node = match json {
        Json::Object(object) => compile_object(object, pointer, faults),
        Json::Array(elements) => Node::Array(
            elements
                .iter()
                .enumerate()
                .map(|(at, element)| compile(element, &format!("{pointer}/{at}"), faults))
                .collect(),
        ),
        _ => Node::Constant(json.clone()),
    };
    node.folded(json)
}

fn compile_object(object: &Object, pointer: &str, faults: &mut Vec<TemplateFault>) -> Node {
    let mut members = Vec::with_capacity(object.len());
    for (key, value) in object.iter() {
        let at = format!("{pointer}/{key}");
        let Some(name) = key.strip_suffix(".$") else {
            members.push((key.clone(), compile(value, &at, faults)));
            continue;
        };
        if object.contains_key(name) {
            let message = format!("The fields '{name}' and '{key}' cannot both be given");
            faults.push(schema_fault(&at, message));
        }
        let expression = match value.as_str() {
            Some(text) => Expression::parse(&**key, text).map_err(drop),
            None => Err(()),
        };
        match expression {
            Ok(expression) => members.push((name.into(), Node::Expression(expression))),
            Err(()) => {
                let message = format!(
                    "The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call"
                );
                faults.push(schema_fault(pointer, message));
            }
        }
    }
    Node::Object(members)
}

fn schema_fault(pointer: &str, message: String) -> TemplateFault {
    TemplateFault { pointer: pointer.to_owned(), code: Code::SchemaValidationFailed, message }
}
