//! Reading the fields of one object, collecting faults.

use std::ops::RangeInclusive;
use std::sync::Arc;

use stepyard_json::{Json, Object, ReferencePath};

use super::{Faults, QueryLanguage, allowed};
use crate::jsonata::{Jsonata, JsonataFault, Place, expression_in};
use crate::template::TemplateFault;
use crate::variable::fault_of_name;
use crate::{Path, ResultPath, Template};

/// One object of the document with its place.
pub(super) struct Fields<'a, 'f> {
    json: &'a Json,
    pointer: String,
    /// How much of the pointer leads to the state.
    state: usize,
    language: QueryLanguage,
    faults: &'f mut Faults,
}

impl<'a, 'f> Fields<'a, 'f> {
    pub(super) fn new(json: &'a Json, pointer: String, faults: &'f mut Faults) -> Self {
        let state = pointer.len();
        Fields { json, pointer, state, language: QueryLanguage::JsonPath, faults }
    }

    /// The fields of an object nested in this one.
    pub(super) fn nested<'n>(&'n mut self, json: &'a Json, at: &str) -> Fields<'a, 'n> {
        let (pointer, state, language) = (self.place(at), self.state, self.language);
        Fields { json, pointer, state, language, faults: self.faults }
    }

    pub(super) fn get(&self, field: &str) -> Option<&'a Json> {
        self.json.get(field)
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    pub(super) fn place(&self, field: &str) -> String {
        format!("{}/{field}", self.pointer)
    }

    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// A fault at a field.
    pub(super) fn fault(&mut self, field: &str, message: impl Into<String>) {
        let place = self.place(field);
        self.faults.schema(message, place);
    }

    /// A fault of the object as a whole.
    pub(super) fn fault_here(&mut self, message: impl Into<String>) {
        self.faults.schema(message, self.pointer.clone());
    }

    /// A field that must be there is not.
    pub(super) fn fault_missing(&mut self, field: &str) {
        self.fault_here(format!("These fields are required: [{field}]"));
    }

    pub(super) fn faults(&mut self) -> &mut Faults {
        self.faults
    }

    /// The language of its expressions.
    pub(super) fn language(&self) -> QueryLanguage {
        self.language
    }

    pub(super) fn is_jsonata(&self) -> bool {
        self.language == QueryLanguage::Jsonata
    }

    /// Reads `QueryLanguage` of this object, which stands in one of that language.
    pub(super) fn read_language(&mut self, outer: QueryLanguage) -> QueryLanguage {
        self.language = self.language_within(outer);
        self.language
    }

    fn language_within(&mut self, outer: QueryLanguage) -> QueryLanguage {
        match (self.get("QueryLanguage").map(Json::as_str), outer) {
            (None, outer) => outer,
            (Some(Some("JSONata")), _) => QueryLanguage::Jsonata,
            (Some(Some("JSONPath")), QueryLanguage::JsonPath) => QueryLanguage::JsonPath,
            (Some(Some("JSONPath")), QueryLanguage::Jsonata) => {
                self.fault_here(
                    "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
                );
                QueryLanguage::JsonPath
            }
            (Some(_), outer) => {
                self.fault(
                    "QueryLanguage",
                    "The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]",
                );
                outer
            }
        }
    }

    /// Refuses the fields that a state of that type and language does not have.
    pub(super) fn refuse_others(&mut self, state_type: &str) {
        for (field, _) in self.json.as_object().into_iter().flat_map(Object::iter) {
            if let Some(message) = allowed::refusal(state_type, self.language, field) {
                self.fault_here(message);
            }
        }
    }

    /// `Assign`: an object whose members have the names of variables.
    pub(super) fn assign(&mut self, place: Place) -> Option<Template> {
        let Some(variables) = self.get("Assign")?.as_object() else {
            self.fault("Assign", "Expected value of type Object");
            return None;
        };
        for (key, _) in variables.iter() {
            let name = match self.language {
                QueryLanguage::JsonPath => key.strip_suffix(".$").unwrap_or(key),
                QueryLanguage::Jsonata => key,
            };
            if let Some(message) = fault_of_name(name) {
                self.fault(&format!("Assign/{key}"), message);
            }
        }
        self.template_in_language("Assign", place)
    }

    /// `Parameters`, or `Arguments` in JSONata.
    pub(super) fn arguments(&mut self) -> Option<Template> {
        match self.language {
            QueryLanguage::JsonPath => self.template("Parameters"),
            QueryLanguage::Jsonata => self.jsonata("Arguments", Place::Input),
        }
    }

    /// `Output`, which JSONata alone has.
    pub(super) fn output(&mut self, place: Place) -> Option<Template> {
        if self.is_jsonata() { self.jsonata("Output", place) } else { None }
    }

    /// A field that has the same name in both languages.
    pub(super) fn template_in_language(&mut self, field: &str, place: Place) -> Option<Template> {
        match self.language {
            QueryLanguage::JsonPath => self.template(field),
            QueryLanguage::Jsonata => self.jsonata(field, place),
        }
    }

    /// A template of JSONata; any JSON is one.
    fn jsonata(&mut self, field: &str, place: Place) -> Option<Template> {
        let json = self.get(field)?;
        let compiled = Template::compile_jsonata(json, &self.within_state(field), place);
        self.told(field, compiled)
    }

    /// The JSONata expression that a field is, when it is one: `None` inside when it cannot be used.
    pub(super) fn computed(&mut self, field: &str) -> Option<Option<Jsonata>> {
        let text = self.get(field)?.as_str().filter(|_| self.is_jsonata())?;
        let compiled = match expression_in(text) {
            Ok(None) => return None,
            Ok(Some(text)) => Jsonata::compile(text, &self.within_state(field), Place::Input),
            Err(fault) => Err(vec![fault]),
        };
        match compiled {
            Ok(jsonata) => Some(Some(jsonata)),
            Err(faults) => {
                let place = self.place(field);
                for JsonataFault { code, message } in faults {
                    self.faults.add(code, message, place.clone());
                }
                Some(None)
            }
        }
    }

    /// A field as a path from the state.
    fn within_state(&self, field: &str) -> String {
        let place = self.place(field);
        place.get(self.state + 1..).unwrap_or_default().to_owned()
    }

    pub(super) fn text(&mut self, field: &str) -> Option<Arc<str>> {
        let json = self.get(field)?;
        if let Json::String(text) = json {
            return Some(text.clone());
        }
        self.fault(field, "Expected value of type String");
        None
    }

    pub(super) fn required_text(&mut self, field: &str) -> Option<Arc<str>> {
        if !self.has(field) {
            self.fault_missing(field);
            return None;
        }
        self.text(field)
    }

    /// Whether it is an object at all; else that is the fault.
    pub(super) fn is_object(&mut self) -> bool {
        let is_object = self.json.as_object().is_some();
        if !is_object {
            self.fault_here("Expected value of type Object");
        }
        is_object
    }

    /// What a text stands for that, when it is given, is one of these.
    pub(super) fn choice<T: Copy>(&mut self, field: &str, values: &[(&str, T)]) -> Option<T> {
        let text = self.text(field)?;
        let known = values.iter().find(|(name, _)| *name == &*text);
        if known.is_none() {
            let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            let message = format!("The field '{field}' should have one of these values: [{names}]");
            self.fault(field, message);
        }
        known.map(|(_, value)| *value)
    }

    /// A `Resource` is none that is known.
    pub(super) fn fault_unknown_resource(&mut self, resource: &str) {
        let message = format!(
            "The resource provided {resource} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
        );
        self.fault("Resource", message);
    }

    pub(super) fn integer(&mut self, field: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(field)?.as_i64().and_then(|value| u64::try_from(value).ok());
        if value.is_some_and(|value| range.contains(&value)) {
            return value;
        }
        let message = format!("Expected an integer from {} to {}", range.start(), range.end());
        self.fault(field, message);
        None
    }

    pub(super) fn path(&mut self, field: &str) -> Option<Path> {
        let text = self.text(field)?;
        match Path::parse(&text) {
            Ok(path) => Some(path),
            Err(_) => {
                self.fault(field, "Value is not a valid JSONPath");
                None
            }
        }
    }

    /// A path that must name exactly one place.
    pub(super) fn reference_path(&mut self, field: &str) -> Option<Path> {
        let path = self.path(field)?;
        if !path.is_definite() {
            self.fault(field, "Value is not a Reference Path");
            return None;
        }
        Some(path)
    }

    /// `InputPath` and `OutputPath`: `$` when absent, `None` when `null`.
    pub(super) fn data_path(&mut self, field: &str) -> Option<Path> {
        match self.get(field) {
            None => Some(Path::identity()),
            Some(Json::Null) => None,
            Some(_) => self.path(field),
        }
    }

    pub(super) fn result_path(&mut self) -> ResultPath {
        let root = || ResultPath::Path(ReferencePath::root());
        match self.get("ResultPath") {
            None => root(),
            Some(Json::Null) => ResultPath::Discard,
            Some(_) => match self.text("ResultPath").map(|text| ReferencePath::parse(&text)) {
                Some(Ok(path)) => ResultPath::Path(path),
                Some(Err(_)) => {
                    self.fault("ResultPath", "Value is not a Reference Path");
                    root()
                }
                None => root(),
            },
        }
    }

    /// A payload template of JSONPath; any JSON is one.
    pub(super) fn template(&mut self, field: &str) -> Option<Template> {
        let compiled = Template::compile(self.get(field)?);
        self.told(field, compiled)
    }

    fn told(
        &mut self,
        field: &str,
        compiled: Result<Template, Vec<TemplateFault>>,
    ) -> Option<Template> {
        match compiled {
            Ok(template) => Some(template),
            Err(faults) => {
                for TemplateFault { pointer, code, message } in faults {
                    let place = self.place(&format!("{field}{pointer}"));
                    self.faults.add(code, message, place);
                }
                None
            }
        }
    }

    /// Tells when more than one of fields that exclude each other is given.
    pub(super) fn at_most_one(&mut self, fields: &[&str]) {
        let given: Vec<_> = fields.iter().copied().filter(|field| self.has(field)).collect();
        if given.len() > 1 {
            self.fault_here(format!(
                "Only one of these fields may be given: [{}]",
                given.join(", ")
            ));
        }
    }

    pub(super) fn exactly_one(&mut self, fields: &[&str]) {
        self.at_most_one(fields);
        self.any_of(fields);
    }

    pub(super) fn any_of(&mut self, fields: &[&str]) {
        if !fields.iter().any(|field| self.has(field)) {
            self.fault_here(format!("One of these fields is required: [{}]", fields.join(", ")));
        }
    }
}
