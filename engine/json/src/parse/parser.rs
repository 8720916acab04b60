//! Builds the tree.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::names::{Seen, shared_name, shared_shape};
use super::{DEPTH_MAX, REPEATED_MAX};
use crate::{Json, Object, Place, Step};

/// What is wrong, and at which byte.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
}

/// What is wrong stands behind a pointer, so that what goes right is quick to hand on.
pub(super) type Parsed<T> = Result<T, Box<Fault>>;

/// Room on the stacks to begin with: a value for so many bytes of the text, and not more than so many.
const BYTES_PER_VALUE: usize = 32;
const ROOM_MAX: usize = 64;

/// A container that has been opened and not yet closed, and where what it holds begins on the stacks.
enum Open {
    Array { from: usize },
    Object { from: usize, names_from: usize, seen: Seen },
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    open: Vec<Open>,
    /// What the open containers hold so far, that of the innermost last; the whole value in the end.
    pub(super) values: Vec<Json>,
    /// The names of the members of the open objects. Each has one name more than values while its last value is read.
    names: Vec<Cow<'a, str>>,
    /// Where names stand again, for those who ask.
    pub(super) repeated: Option<Vec<Place>>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Parser<'a> {
        let room = (text.len() / BYTES_PER_VALUE).min(ROOM_MAX);
        Parser {
            text,
            bytes: text.as_bytes(),
            at: 0,
            open: Vec::new(),
            values: Vec::with_capacity(room),
            names: Vec::with_capacity(room),
            repeated: None,
        }
    }

    pub(super) fn document(&mut self) -> Parsed<Json> {
        let value = self.whole()?;
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(self.unexpected("end of input")),
        }
    }

    /// A value with all that it holds, and the blanks behind it.
    pub(super) fn whole(&mut self) -> Parsed<Json> {
        loop {
            // A value, then as many closing brackets as follow it.
            if self.value()? && self.close()? {
                return Ok(self.values.pop().unwrap_or_default());
            }
        }
    }

    /// Reads a scalar or an empty container; opens a container that has content, which is no value yet.
    #[inline]
    fn value(&mut self) -> Parsed<bool> {
        self.skip_blanks();
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'{') => return self.open_object(),
            Some(b'[') => return self.open_array(),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => self.word()?,
            None => return Err(self.end_of_input()),
        }
        Ok(true)
    }

    fn open_array(&mut self) -> Parsed<bool> {
        self.check_depth()?;
        self.at += 1;
        self.skip_blanks();
        if self.take(b']') {
            self.push_array(Arc::default());
            return Ok(true);
        }
        self.open.push(Open::Array { from: self.values.len() });
        Ok(false)
    }

    fn open_object(&mut self) -> Parsed<bool> {
        self.check_depth()?;
        self.at += 1;
        self.skip_blanks();
        if self.take(b'}') {
            self.push_object(Arc::default());
            return Ok(true);
        }
        let (from, names_from) = (self.values.len(), self.names.len());
        self.name()?;
        let mut seen = Seen::default();
        seen.add(&self.names[names_from], &[]);
        self.open.push(Open::Object { from, names_from, seen });
        Ok(false)
    }

    fn check_depth(&self) -> Parsed<()> {
        if self.open.len() < DEPTH_MAX {
            return Ok(());
        }
        Err(self.fault(format!("Document nesting depth exceeds {DEPTH_MAX}")))
    }

    /// After a value: closes what ends there. Whether nothing is open any more; else another value must follow.
    #[inline]
    fn close(&mut self) -> Parsed<bool> {
        loop {
            self.skip_blanks();
            let Some(container) = self.open.last() else { return Ok(true) };
            match (container, self.peek()) {
                (Open::Array { .. }, Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Open::Object { .. }, Some(b',')) => {
                    self.at += 1;
                    return self.next_member().map(|()| false);
                }
                (&Open::Array { from }, Some(b']')) => self.end_array(from),
                (&Open::Object { from, names_from, seen }, Some(b'}')) => {
                    self.end_object(from, names_from, seen);
                }
                (_, None) => return Err(self.end_of_input()),
                (Open::Array { .. }, Some(_)) => {
                    return Err(self.unexpected("comma to separate Array entries"));
                }
                (Open::Object { .. }, Some(_)) => {
                    return Err(self.unexpected("comma to separate Object entries"));
                }
            }
        }
    }

    fn end_array(&mut self, from: usize) {
        self.at += 1;
        self.open.pop();
        let elements = self.values.split_off(from);
        self.push_array(Arc::new(elements));
    }

    fn end_object(&mut self, from: usize, names_from: usize, seen: Seen) {
        self.at += 1;
        let values = self.values.split_off(from);
        let object = match shared_shape(&self.names[names_from..], seen) {
            Some(shape) => Object::of_shape(shape, values),
            None => {
                self.note_repeated(names_from);
                self.names[names_from..].iter().map(|name| shared_name(name)).zip(values).collect()
            }
        };
        self.open.pop();
        self.names.truncate(names_from);
        self.push_object(Arc::new(object));
    }

    // These are calls, so that what a value is made of comes in registers and is written once, in its place: made on the
    // stack and moved, each would wait for its own stores.

    #[inline(never)]
    pub(super) fn push_text(&mut self, text: Arc<str>) {
        self.values.push(Json::String(text));
    }

    #[inline(never)]
    pub(super) fn push_integer(&mut self, number: i64) {
        self.values.push(Json::Number(number.into()));
    }

    #[inline(never)]
    fn push_array(&mut self, elements: Arc<Vec<Json>>) {
        self.values.push(Json::Array(elements));
    }

    #[inline(never)]
    fn push_object(&mut self, object: Arc<Object>) {
        self.values.push(Json::Object(object));
    }

    /// Notes the names that stand again among the members of the innermost object.
    fn note_repeated(&mut self, names_from: usize) {
        let Some(mut repeated) = self.repeated.take() else { return };
        let room = REPEATED_MAX - repeated.len();
        if room > 0 {
            let around = self.around();
            let mut seen = HashSet::new();
            let again = self.names[names_from..].iter().filter(|name| !seen.insert(&***name));
            for name in again.take(room) {
                let last = Step::Member((**name).into());
                repeated.push(around.iter().cloned().chain([last]).collect());
            }
        }
        self.repeated = Some(repeated);
    }

    /// The way from the root to the innermost container.
    fn around(&self) -> Vec<Step> {
        let inside = self.open.iter().skip(1);
        self.open
            .iter()
            .zip(inside)
            .map(|(container, inside)| self.step(container, inside))
            .collect()
    }

    /// From a container to the next one inside of it: what the container has so far ends where that begins.
    fn step(&self, container: &Open, inside: &Open) -> Step {
        let (Open::Array { from: end } | Open::Object { from: end, .. }) = *inside;
        match *container {
            Open::Array { from } => Step::Index((end - from) as i64),
            Open::Object { from, names_from, .. } => {
                Step::Member((*self.names[names_from + end - from]).into())
            }
        }
    }

    /// The name of the next member of the object that is open.
    fn next_member(&mut self) -> Parsed<()> {
        self.skip_blanks();
        self.name()?;
        if let Some(Open::Object { names_from, seen, .. }) = self.open.last_mut()
            && let [before @ .., name] = &self.names[*names_from..]
        {
            seen.add(name, before);
        }
        Ok(())
    }

    /// Begins a member: its name and the colon after it.
    fn name(&mut self) -> Parsed<()> {
        let start = self.at + 1;
        match self.key_text()? {
            Some(name) => self.names.push(Cow::Borrowed(name)),
            None => {
                let name = self.escaped_string(start)?;
                self.names.push(Cow::Owned(name));
            }
        }
        self.colon()
    }

    /// The next member's name and the colon after it, where no tree is wanted.
    pub(super) fn key(&mut self) -> Parsed<Arc<str>> {
        self.name()?;
        Ok(self.names.pop().unwrap_or_default().into())
    }

    /// The text of a name without escapes.
    #[inline]
    fn key_text(&mut self) -> Parsed<Option<&'a str>> {
        match self.peek() {
            Some(b'"') => Ok(self.plain_string()),
            Some(_) => Err(self.unexpected("double-quote to start field name")),
            None => Err(self.end_of_input()),
        }
    }

    #[inline]
    fn colon(&mut self) -> Parsed<()> {
        self.skip_blanks();
        match self.peek() {
            Some(b':') => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.unexpected("a colon to separate field name and value")),
            None => Err(self.end_of_input()),
        }
    }

    pub(super) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn character(&self) -> char {
        self.text[self.at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    pub(super) fn unexpected(&self, expected: &str) -> Box<Fault> {
        let found = self.character();
        self.fault(format!(
            "Unexpected character ('{found}' (code {})): was expecting {expected}",
            u32::from(found)
        ))
    }

    pub(super) fn end_of_input(&self) -> Box<Fault> {
        let place = match self.open.last() {
            Some(Open::Array { .. }) => " within/between Array entries",
            Some(Open::Object { .. }) => " within/between Object entries",
            None if self.at == 0 => {
                return self.fault("No content to map due to end-of-input".into());
            }
            None => "",
        };
        self.fault(format!("Unexpected end-of-input{place}"))
    }

    pub(super) fn fault(&self, message: String) -> Box<Fault> {
        Box::new(Fault { at: self.at, message })
    }
}
