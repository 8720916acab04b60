//! Templates of JSONata: strings of the form `{% ... %}` are expressions, wherever they stand; keys never are.

use stepyard_json::{Json, Object};

use super::{Node, TemplateFault};
use crate::jsonata::{Jsonata, JsonataFault, Place, expression_in};

pub(super) struct Compiler {
    /// Where the compiler is, as a path from the state: `Output/items[0]`.
    location: String,
    /// How much of it is the field.
    field: usize,
    place: Place,
    faults: Vec<TemplateFault>,
}

impl Compiler {
    pub(super) fn new(field: &str, place: Place) -> Compiler {
        Compiler { location: field.to_owned(), field: field.len(), place, faults: Vec::new() }
    }

    /// All faults that were met.
    pub(super) fn finish(self) -> Result<(), Vec<TemplateFault>> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }

    pub(super) fn compile(&mut self, json: &Json) -> Node {
        let node = match json {
            Json::Object(object) => self.object(object),
            Json::Array(elements) => self.array(elements),
            Json::String(text) => match self.expression(text) {
                Ok(Some(jsonata)) => Node::Jsonata(jsonata),
                Ok(None) => Node::Constant(json.clone()),
                Err(faults) => {
                    self.tell(faults);
                    Node::Constant(json.clone())
                }
            },
            _ => Node::Constant(json.clone()),
        };
        node.folded(json)
    }

    fn expression(&self, text: &str) -> Result<Option<Jsonata>, Vec<JsonataFault>> {
        match expression_in(text) {
            Ok(None) => Ok(None),
            Ok(Some(inside)) => Jsonata::compile(inside, &self.location, self.place).map(Some),
            Err(fault) => Err(vec![fault]),
        }
    }

    fn object(&mut self, object: &Object) -> Node {
        let members = object.iter().map(|(key, value)| {
            (key.clone(), self.within(&format!("/{key}"), |compiler| compiler.compile(value)))
        });
        Node::Object(members.collect())
    }

    fn array(&mut self, elements: &[Json]) -> Node {
        let elements = elements.iter().enumerate().map(|(at, element)| {
            self.within(&format!("[{at}]"), |compiler| compiler.compile(element))
        });
        Node::Array(elements.collect())
    }

    fn within(&mut self, part: &str, compile: impl FnOnce(&mut Self) -> Node) -> Node {
        let before = self.location.len();
        self.location.push_str(part);
        let node = compile(self);
        self.location.truncate(before);
        node
    }

    fn tell(&mut self, faults: Vec<JsonataFault>) {
        let pointer = &self.location[self.field..];
        let told = faults.into_iter().map(|JsonataFault { code, message }| TemplateFault {
            pointer: pointer.to_owned(),
            code,
            message,
        });
        self.faults.extend(told);
    }
}
