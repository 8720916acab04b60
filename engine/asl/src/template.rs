//! Templates: JSON in which some places are evaluated. In JSONPath those are members named `k.$`, in JSONata strings of the
//! form `{% ... %}`.

mod jsonata;
mod jsonpath;

use std::sync::Arc;

use stepyard_json::{Json, Object};

use crate::jsonata::{Jsonata, Place};
use crate::references::{References, VariableNames};
use crate::{Code, Env, EvalError, Expression};

/// A compiled template, as `Parameters`, `Arguments`, `Output` and their like hold it.
#[derive(Clone, Debug)]
pub struct Template(Node);

#[derive(Clone, Debug)]
enum Node {
    /// Nothing in it is evaluated.
    Constant(Json),
    Expression(Expression),
    Jsonata(Jsonata),
    Object(Vec<(Arc<str>, Node)>),
    Array(Vec<Node>),
}

/// A fault in a template and where it is, as a path from the template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TemplateFault {
    pub(crate) pointer: String,
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Template {
    /// Compiles a payload template of JSONPath, with all its faults.
    pub(crate) fn compile(json: &Json) -> Result<Template, Vec<TemplateFault>> {
        let mut faults = Vec::new();
        let node = jsonpath::compile(json, "", &mut faults);
        if faults.is_empty() { Ok(Template(node)) } else { Err(faults) }
    }

    /// Compiles a template of JSONata that stands in the field of that name, with all its faults.
    pub(crate) fn compile_jsonata(
        json: &Json,
        field: &str,
        place: Place,
    ) -> Result<Template, Vec<TemplateFault>> {
        let mut compiler = jsonata::Compiler::new(field, place);
        let node = compiler.compile(json);
        compiler.finish().map(|()| Template(node))
    }

    /// The expression that is all of it, if there is one.
    pub fn jsonata(&self) -> Option<&Jsonata> {
        match &self.0 {
            Node::Jsonata(jsonata) => Some(jsonata),
            _ => None,
        }
    }

    /// Fills it in.
    ///
    /// # Errors
    /// Those of the expressions in it; the first one in document order.
    pub fn eval(&self, env: &mut Env<'_>) -> Result<Json, EvalError> {
        eval(&self.0, env)
    }
}

impl Node {
    /// What is the same at each evaluation becomes the value itself.
    fn folded(self, json: &Json) -> Node {
        let is_folded = |node: &Node| matches!(node, Node::Constant(_));
        let is_constant = match &self {
            Node::Constant(_) => true,
            Node::Expression(_) | Node::Jsonata(_) => false,
            Node::Object(members) => members.iter().all(|(_, member)| is_folded(member)),
            Node::Array(elements) => elements.iter().all(is_folded),
        };
        if is_constant { Node::Constant(json.clone()) } else { self }
    }
}

fn eval(node: &Node, env: &mut Env<'_>) -> Result<Json, EvalError> {
    match node {
        Node::Constant(json) => Ok(json.clone()),
        Node::Expression(expression) => expression.eval(env),
        Node::Jsonata(jsonata) => jsonata.eval(env),
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
            Node::Jsonata(jsonata) => jsonata.collect(found),
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
        let random = &mut Random::from_seed(1);
        template
            .eval(&mut Env::new(&data, &context, random))
            .map(|json| json.to_string())
            .map_err(|error| error.to_string())
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
