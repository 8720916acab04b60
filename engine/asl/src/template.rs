//! Payload templates: `Parameters`, `ItemSelector`, `ResultSelector`.

use std::sync::Arc;

use stepyard_json::{Json, Object};

use crate::references::{References, VariableNames};
use crate::{Env, EvalError, Expression};

/// A compiled payload template: JSON in which members named `k.$` are evaluated.
#[derive(Clone, Debug)]
pub struct Template(Node);

#[derive(Clone, Debug)]
enum Node {
    /// Nothing in it is evaluated.
    Constant(Json),
    Expression(Expression),
    Object(Vec<(Arc<str>, Node)>),
    Array(Vec<Node>),
}

/// A fault in a template and where it is, as a JSON pointer from the template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TemplateFault {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Template {
    /// Compiles a template, with all its faults.
    pub(crate) fn compile(json: &Json) -> Result<Template, Vec<TemplateFault>> {
        let mut faults = Vec::new();
        let node = compile(json, "", &mut faults);
        if faults.is_empty() { Ok(Template(node)) } else { Err(faults) }
    }

    /// Fills it in.
    ///
    /// # Errors
    /// Those of the expressions in it; the first one in document order.
    pub fn eval(&self, env: &mut Env<'_>) -> Result<Json, EvalError> {
        eval(&self.0, env)
    }
}

fn compile(json: &Json, pointer: &str, faults: &mut Vec<TemplateFault>) -> Node {
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
    if is_constant(&node) { Node::Constant(json.clone()) } else { node }
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
            faults.push(TemplateFault { pointer: at.clone(), message });
        }
        let expression = match value.as_str() {
            Some(text) => Expression::parse(&**key, text).map_err(drop),
            None => Err(()),
        };
        match expression {
            Ok(expression) => members.push((name.into(), Node::Expression(expression))),
            Err(()) => faults.push(TemplateFault {
                pointer: pointer.to_owned(),
                message: format!(
                    "The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call"
                ),
            }),
        }
    }
    Node::Object(members)
}

fn is_constant(node: &Node) -> bool {
    let is_folded = |node: &Node| matches!(node, Node::Constant(_));
    match node {
        Node::Constant(_) => true,
        Node::Expression(_) => false,
        Node::Object(members) => members.iter().all(|(_, member)| is_folded(member)),
        Node::Array(elements) => elements.iter().all(is_folded),
    }
}

fn eval(node: &Node, env: &mut Env<'_>) -> Result<Json, EvalError> {
    match node {
        Node::Constant(json) => Ok(json.clone()),
        Node::Expression(expression) => expression.eval(env),
        Node::Object(members) => {
            let mut object = Object::new();
            for (key, member) in members {
                object.insert(key.clone(), eval(member, env)?);
            }
            Ok(object.into())
        }
        Node::Array(elements) => {
            let evaluated: Result<Vec<_>, _> =
                elements.iter().map(|element| eval(element, env)).collect();
            Ok(evaluated?.into())
        }
    }
}

impl References for Template {
    fn collect(&self, found: &mut VariableNames) {
        self.0.collect(found);
    }
}

impl References for Node {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            Node::Constant(_) => {}
            Node::Expression(expression) => expression.collect(found),
            Node::Object(members) => {
                for (_, member) in members {
                    member.collect(found);
                }
            }
            Node::Array(elements) => elements.as_slice().collect(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use stepyard_json::{Json, Payload};

    use super::Template;
    use crate::{Env, Random};

    fn eval(template: &str, data: &str) -> Result<String, String> {
        let template = Template::compile(&Json::parse(template).unwrap()).unwrap();
        let data = Payload::from_text(data.to_owned()).unwrap();
        let context = Json::parse(r#"{"State":{"Name":"S"}}"#).unwrap();
        let env =
            &mut Env { data: &data, surroundings: &context, random: &mut Random::from_seed(1) };
        template.eval(env).map(|json| json.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn members_with_a_dollar_are_evaluated_wherever_they_stand() {
        let template = r#"{"a.$":"$.x","b":{"c.$":"$$.State.Name","d":["$.x",{"e.$":"States.MathAdd($.x, 1)"}]},"f":1.0}"#;
        assert_eq!(
            eval(template, r#"{"x":1}"#).unwrap(),
            r#"{"a":1,"b":{"c":"S","d":["$.x",{"e":2}]},"f":1.0}"#
        );
    }

    #[test]
    fn a_path_without_match_names_path_field_and_input() {
        assert_eq!(
            eval(r#"{"a.$":"$.no"}"#, r#"{"x":1}"#).unwrap_err(),
            "States.Runtime: The JSONPath '$.no' specified for the field 'a.$' could not be found in the input '{\"x\":1}'"
        );
    }

    #[test]
    fn all_faults_are_told_with_their_places() {
        let json = Json::parse(r#"{"a.$":1,"b":{"c.$":"x"},"d":1,"d.$":"$"}"#).unwrap();
        let faults = Template::compile(&json).unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| &*fault.pointer).collect();
        assert_eq!(pointers, ["", "/b", "/d.$"]);
        assert_eq!(
            faults[0].message,
            "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call"
        );
    }
}
