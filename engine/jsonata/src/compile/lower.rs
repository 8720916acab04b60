//! Puts paths together: steps with their predicates, variables and sorts.
//!
//! Lowering recurses as deep as the text nests, so the methods on the way hold boxes only; nodes are
//! put together by functions of their own, at the end.

#![expect(clippy::boxed_local, reason = "boxes keep the frames of a deep recursion small")]

use std::sync::Arc;

use stepyard_json::Json;

use crate::ast::{
    Binary, Bind, Call, Condition, Group, Kind, Lambda, Node, Operator, Partial, Path, Slot, Stage,
    Term, Transform, Variable,
};
use crate::error::{Error, Outcome};
use crate::pattern::Pattern;
use crate::syntax::{Raw, RawKind, RawPair, RawTerm};

use super::parent::Ancestry;

/// The state of one lowering.
#[derive(Default)]
pub(super) struct Lowering {
    ancestry: Ancestry,
}

type Lowered = Outcome<Box<Node>>;

impl Lowering {
    /// Lowers a tree.
    pub(super) fn lower(&mut self, raw: Box<Raw>) -> Lowered {
        let keep_array = raw.keep_array;
        let binds_focus = matches!(raw.kind, RawKind::Binary { operator: "@", .. });
        let mut node = self.kind(raw)?;
        node.keep_array |= keep_array;
        if binds_focus && keep_array {
            last_step(&mut node).keep_array = true;
        }
        Ok(node)
    }

    /// The variable of each slot of the parent operator.
    pub(super) fn labels(&self) -> Vec<Arc<str>> {
        self.ancestry.labels()
    }

    fn kind(&mut self, raw: Box<Raw>) -> Lowered {
        match &raw.kind {
            RawKind::Binary { operator: ".", .. } => self.map(*raw),
            RawKind::Binary { operator: "@" | "#", .. } => self.stream_variable(*raw),
            RawKind::Binary { operator: ":=", .. } => self.bind(*raw),
            RawKind::Binary { .. } => self.binary(*raw),
            RawKind::Negate(_) => self.negate(*raw),
            RawKind::Filter { .. } => self.filter(*raw),
            RawKind::Group { .. } => self.group_by(*raw),
            RawKind::Sort { .. } => self.sort(*raw),
            RawKind::Array(_) | RawKind::Block(_) => self.list(*raw),
            RawKind::Object(_) => self.object(*raw),
            RawKind::Call { .. } => self.call(*raw),
            RawKind::Lambda { .. } => self.lambda(*raw),
            RawKind::Coalesce { .. } | RawKind::Default { .. } => self.alternatives(*raw),
            RawKind::Condition { .. } => self.condition(*raw),
            RawKind::Transform { .. } => self.transform(*raw),
            RawKind::Parent => Ok(Box::new(Node::new(
                Kind::Parent { slot: self.ancestry.add(), name: None },
                raw.position,
            ))),
            _ => leaf(*raw),
        }
    }

    fn all(&mut self, raws: Vec<Raw>) -> Outcome<Vec<Node>> {
        let mut nodes = Vec::with_capacity(raws.len());
        for raw in raws {
            nodes.push(*self.lower(Box::new(raw))?);
        }
        Ok(nodes)
    }

    fn pairs(&mut self, pairs: Vec<RawPair>) -> Outcome<Vec<(Node, Node)>> {
        let mut lowered = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let key = self.lower(Box::new(key))?;
            let value = self.lower(Box::new(value))?;
            lowered.push((*key, *value));
        }
        Ok(lowered)
    }

    fn optional(&mut self, raw: Option<Box<Raw>>) -> Outcome<Option<Box<Node>>> {
        raw.map(|raw| self.lower(raw)).transpose()
    }

    fn list(&mut self, raw: Raw) -> Lowered {
        let position = raw.position;
        match raw.kind {
            RawKind::Array(elements) => Ok(array(self.all(elements)?, position)),
            RawKind::Block(expressions) => Ok(block(self.all(expressions)?, position)),
            _ => Err(misplaced(position)),
        }
    }

    fn object(&mut self, raw: Raw) -> Lowered {
        let RawKind::Object(pairs) = raw.kind else { return Err(misplaced(raw.position)) };
        Ok(object(self.pairs(pairs)?, raw.position))
    }

    fn alternatives(&mut self, raw: Raw) -> Lowered {
        let position = raw.position;
        let (kind, lhs, rhs): (fn(_) -> Kind, _, _) = match raw.kind {
            RawKind::Coalesce { lhs, rhs } => (Kind::Coalesce, lhs, rhs),
            RawKind::Default { lhs, rhs } => (Kind::Default, lhs, rhs),
            _ => return Err(misplaced(position)),
        };
        let lhs = self.lower(lhs)?;
        Ok(pair(kind, lhs, self.lower(rhs)?, position))
    }

    fn condition(&mut self, raw: Raw) -> Lowered {
        let RawKind::Condition { condition, then, otherwise } = raw.kind else {
            return Err(misplaced(raw.position));
        };
        let condition = self.lower(condition)?;
        let then = self.lower(then)?;
        let otherwise = self.optional(otherwise)?;
        Ok(condition_node(condition, then, otherwise, raw.position))
    }

    fn transform(&mut self, raw: Raw) -> Lowered {
        let RawKind::Transform { pattern, update, delete } = raw.kind else {
            return Err(misplaced(raw.position));
        };
        let pattern = self.lower(pattern)?;
        let update = self.lower(update)?;
        let delete = self.optional(delete)?;
        Ok(transform_node(pattern, update, delete, raw.position))
    }

    fn lambda(&mut self, raw: Raw) -> Lowered {
        let RawKind::Lambda { parameters, signature, body } = raw.kind else {
            return Err(misplaced(raw.position));
        };
        let body = self.lower(body)?;
        let lambda = Lambda { parameters, signature, body: *body };
        Ok(Box::new(Node::new(Kind::Lambda(Arc::new(lambda)), raw.position)))
    }

    fn binary(&mut self, raw: Raw) -> Lowered {
        let RawKind::Binary { operator, lhs, rhs } = raw.kind else {
            return Err(misplaced(raw.position));
        };
        let lhs = self.lower(lhs)?;
        binary(operator, lhs, self.lower(rhs)?, raw.position)
    }

    fn bind(&mut self, raw: Raw) -> Lowered {
        let RawKind::Binary { lhs, rhs, .. } = raw.kind else {
            return Err(misplaced(raw.position));
        };
        let RawKind::Variable(name) = lhs.kind else { return Err(misplaced(raw.position)) };
        Ok(bind(name, self.lower(rhs)?, raw.position))
    }

    fn negate(&mut self, raw: Raw) -> Lowered {
        let RawKind::Negate(operand) = raw.kind else { return Err(misplaced(raw.position)) };
        Ok(negate(self.lower(operand)?, raw.position))
    }

    fn call(&mut self, raw: Raw) -> Lowered {
        let RawKind::Call { procedure, arguments, partial } = raw.kind else {
            return Err(misplaced(raw.position));
        };
        let mut lowered = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let open = matches!(argument.kind, RawKind::Operator("?"));
            lowered.push(if open { None } else { Some(self.lower(Box::new(argument))?) });
        }
        Ok(call(self.lower(procedure)?, lowered, partial, raw.position))
    }

    /// `lhs.rhs`: steps of both, one after the other.
    fn map(&mut self, raw: Raw) -> Lowered {
        let RawKind::Binary { lhs, rhs, .. } = raw.kind else {
            return Err(misplaced(raw.position));
        };
        let first = self.lower(lhs)?;
        let rest = self.lower(rhs)?;
        let mut node = joined(first, rest)?;
        self.ancestry.resolve_path(&mut node)?;
        Ok(node)
    }

    fn filter(&mut self, raw: Raw) -> Lowered {
        let RawKind::Filter { lhs, predicate } = raw.kind else {
            return Err(misplaced(raw.position));
        };
        let mut node = self.lower(lhs)?;
        let predicate = self.lower(predicate)?;
        let is_path = matches!(node.kind, Kind::Path(_));
        let step = last_step(&mut node);
        if step.group.is_some() {
            return Err(Error::new("S0209").at(raw.position));
        }
        self.ancestry.seek_from_predicate(step, &predicate)?;
        if is_path {
            step.stages.push(Stage::Filter(*predicate));
        } else {
            step.predicates.push(*predicate);
        }
        Ok(node)
    }

    fn group_by(&mut self, raw: Raw) -> Lowered {
        let RawKind::Group { lhs, pairs } = raw.kind else { return Err(misplaced(raw.position)) };
        let mut node = self.lower(lhs)?;
        if node.group.is_some() {
            return Err(Error::new("S0210").at(raw.position));
        }
        let pairs = self.pairs(pairs)?;
        node.group = Some(Box::new(Group::new(pairs, raw.position)));
        Ok(node)
    }

    fn sort(&mut self, raw: Raw) -> Lowered {
        let RawKind::Sort { lhs, terms } = raw.kind else { return Err(misplaced(raw.position)) };
        let lhs = self.lower(lhs)?;
        let mut lowered = Vec::with_capacity(terms.len());
        for RawTerm { descending, expression } in terms {
            let expression = *self.lower(Box::new(expression))?;
            lowered.push(Term { descending, expression });
        }
        let mut node = sorted(lhs, lowered, raw.position);
        self.ancestry.resolve_path(&mut node)?;
        Ok(node)
    }

    /// `lhs@$name` and `lhs#$name`.
    fn stream_variable(&mut self, raw: Raw) -> Lowered {
        let RawKind::Binary { operator, lhs, rhs } = raw.kind else {
            return Err(misplaced(raw.position));
        };
        let RawKind::Variable(name) = rhs.kind else { return Err(misplaced(raw.position)) };
        let node = self.lower(lhs)?;
        if operator == "@" {
            with_focus(node, name, raw.position)
        } else {
            Ok(with_index(node, name))
        }
    }
}

/// The parser lets no such tree through.
fn misplaced(position: usize) -> Box<Error> {
    Error::new("S0206").at(position)
}

fn leaf(raw: Raw) -> Lowered {
    let position = raw.position;
    let kind = match raw.kind {
        RawKind::Null => Kind::Constant(Json::Null),
        RawKind::Bool(value) => Kind::Constant(Json::Bool(value)),
        RawKind::Number(value) => Kind::Number(value),
        RawKind::String(text) => Kind::String(text),
        RawKind::Wildcard => Kind::Wildcard,
        RawKind::Descendant => Kind::Descendant,
        RawKind::Variable(name) => Kind::Variable(Variable { name, builtin: None, bound: false }),
        RawKind::Name(name) => return Ok(Box::new(name_path(name, position, raw.keep_array))),
        RawKind::Operator(name @ ("and" | "or" | "in")) => {
            return Ok(Box::new(name_path(name.into(), position, raw.keep_array)));
        }
        RawKind::Operator(operator) => {
            return Err(Error::new("S0201").at(position).with_token(operator));
        }
        RawKind::Regex { pattern, flags } => {
            let pattern = Pattern::new(&pattern, &flags).map_err(|error| error.at(position))?;
            Kind::Regex(Arc::new(pattern))
        }
        RawKind::End => return Err(Error::new("S0207").at(position).with_token("(end)")),
        _ => return Err(misplaced(position)),
    };
    Ok(Box::new(Node::new(kind, position)))
}

fn array(elements: Vec<Node>, position: usize) -> Box<Node> {
    let seeking = elements.iter().flat_map(seeking_of).collect();
    seeking_node(Kind::Array(elements), position, seeking)
}

fn block(expressions: Vec<Node>, position: usize) -> Box<Node> {
    let seeking = expressions.iter().flat_map(seeking_of).collect();
    let cons_array = expressions.iter().any(starts_with_array);
    let mut node = seeking_node(Kind::Block(expressions), position, seeking);
    node.cons_array = cons_array;
    node
}

fn object(pairs: Vec<(Node, Node)>, position: usize) -> Box<Node> {
    let nodes = pairs.iter().flat_map(|(key, value)| [key, value]);
    let seeking = nodes.flat_map(seeking_of).collect();
    seeking_node(Kind::Object(Box::new(Group::new(pairs, position))), position, seeking)
}

fn seeking_of_both(lhs: &Node, rhs: &Node) -> Vec<Slot> {
    let mut seeking = seeking_of(lhs);
    seeking.extend(seeking_of(rhs));
    seeking
}

fn pair(
    kind: fn(Box<(Node, Node)>) -> Kind,
    lhs: Box<Node>,
    rhs: Box<Node>,
    position: usize,
) -> Box<Node> {
    let seeking = seeking_of_both(&lhs, &rhs);
    seeking_node(kind(Box::new((*lhs, *rhs))), position, seeking)
}

fn condition_node(
    condition: Box<Node>,
    then: Box<Node>,
    otherwise: Option<Box<Node>>,
    position: usize,
) -> Box<Node> {
    let mut seeking = seeking_of_both(&condition, &then);
    seeking.extend(otherwise.iter().flat_map(|node| seeking_of(node)));
    let otherwise = otherwise.map(|node| *node);
    let condition = Condition { condition: *condition, then: *then, otherwise };
    seeking_node(Kind::Condition(Box::new(condition)), position, seeking)
}

fn transform_node(
    pattern: Box<Node>,
    update: Box<Node>,
    delete: Option<Box<Node>>,
    position: usize,
) -> Box<Node> {
    let delete = delete.map(|node| *node);
    let transform = Transform { pattern: *pattern, update: *update, delete, position };
    Box::new(Node::new(Kind::Transform(Arc::new(transform)), position))
}

fn binary(operator: &'static str, lhs: Box<Node>, rhs: Box<Node>, position: usize) -> Lowered {
    if operator == "~>" {
        let keep_array = lhs.keep_array || rhs.keep_array;
        let mut node = Box::new(Node::new(Kind::Apply(Box::new((*lhs, *rhs))), position));
        node.keep_array = keep_array;
        return Ok(node);
    }
    let Some(parsed) = Operator::parse(operator) else {
        return Err(Error::new("S0204").at(position).with_token(operator));
    };
    let seeking = seeking_of_both(&lhs, &rhs);
    let kind = Kind::Binary(Box::new(Binary { operator: parsed, lhs: *lhs, rhs: *rhs }));
    Ok(seeking_node(kind, position, seeking))
}

fn bind(name: Arc<str>, value: Box<Node>, position: usize) -> Box<Node> {
    let seeking = seeking_of(&value);
    seeking_node(Kind::Bind(Box::new(Bind { name, value: *value })), position, seeking)
}

fn negate(mut operand: Box<Node>, position: usize) -> Box<Node> {
    if let Kind::Number(value) = &mut operand.kind {
        *value = -*value;
        return operand;
    }
    let seeking = seeking_of(&operand);
    seeking_node(Kind::Negate(operand), position, seeking)
}

fn call(
    procedure: Box<Node>,
    arguments: Vec<Option<Box<Node>>>,
    partial: bool,
    position: usize,
) -> Box<Node> {
    let seeking = arguments.iter().flatten().flat_map(|node| seeking_of(node)).collect();
    let arguments = arguments.into_iter().map(|argument| argument.map(|node| *node));
    let kind = if partial {
        let arguments = arguments.collect();
        Kind::Partial(Box::new(Partial { procedure: *procedure, arguments }))
    } else {
        let arguments = arguments.flatten().collect();
        Kind::Call(Box::new(Call { procedure: *procedure, arguments }))
    };
    seeking_node(kind, position, seeking)
}

/// A path of the steps of both.
fn joined(first: Box<Node>, mut rest: Box<Node>) -> Lowered {
    let parent = match first.kind {
        Kind::Parent { slot, .. } => Some(slot),
        _ => None,
    };
    let mut node = as_path(first);
    node.seeking.extend(parent);
    let Kind::Path(path) = &mut node.kind else { return Ok(node) };
    if let Kind::Path(steps) = &mut rest.kind {
        // Only its steps are taken over, as in the reference.
        path.steps.append(&mut steps.steps);
    } else {
        let predicates = std::mem::take(&mut rest.predicates);
        if !predicates.is_empty() {
            rest.stages = predicates.into_iter().map(Stage::Filter).collect();
        }
        path.steps.push(*rest);
    }
    literals_to_names(&mut path.steps)?;
    path.keep_singleton |= path.steps.iter().any(|step| step.keep_array);
    mark_array(path.steps.first_mut());
    mark_array(path.steps.last_mut());
    Ok(node)
}

fn sorted(lhs: Box<Node>, terms: Vec<Term>, position: usize) -> Box<Node> {
    let mut node = as_path(lhs);
    let seeking = terms.iter().flat_map(|term| seeking_of(&term.expression)).collect();
    if let Kind::Path(path) = &mut node.kind {
        path.steps.push(*seeking_node(Kind::Sort(terms), position, seeking));
    }
    node
}

fn with_focus(mut node: Box<Node>, name: Arc<str>, position: usize) -> Lowered {
    let step = last_step(&mut node);
    if !step.stages.is_empty() || !step.predicates.is_empty() {
        return Err(Error::new("S0215").at(position));
    }
    if matches!(step.kind, Kind::Sort(_)) {
        return Err(Error::new("S0216").at(position));
    }
    step.focus = Some(name);
    step.tuple = true;
    Ok(node)
}

fn with_index(mut node: Box<Node>, name: Arc<str>) -> Box<Node> {
    if !matches!(node.kind, Kind::Path(_)) {
        let predicates = std::mem::take(&mut node.predicates);
        node.stages.extend(predicates.into_iter().map(Stage::Filter));
        node = as_path(node);
    }
    let step = last_step(&mut node);
    if step.stages.is_empty() {
        step.index = Some(name);
    } else {
        step.stages.push(Stage::Index(name));
    }
    step.tuple = true;
    node
}

fn path_of(steps: Vec<Node>, position: usize) -> Node {
    let path = Path { steps, keep_singleton: false, plain: 0, has_tuples: false };
    Node::new(Kind::Path(Box::new(path)), position)
}

fn as_path(node: Box<Node>) -> Box<Node> {
    if matches!(node.kind, Kind::Path(_)) {
        return node;
    }
    let position = node.position;
    Box::new(path_of(vec![*node], position))
}

fn name_path(name: Arc<str>, position: usize, keep_array: bool) -> Node {
    let step = Node { keep_array, ..Node::new(Kind::Name(name), position) };
    let mut node = path_of(vec![step], position);
    if let Kind::Path(path) = &mut node.kind {
        path.keep_singleton = keep_array;
    }
    node
}

/// The last step of a path; anything else is a step itself.
fn last_step(node: &mut Node) -> &mut Node {
    let is_path = matches!(&node.kind, Kind::Path(path) if !path.steps.is_empty());
    if !is_path {
        return node;
    }
    let Node { kind: Kind::Path(path), .. } = node else { unreachable!("checked above") };
    let last = path.steps.len() - 1;
    &mut path.steps[last]
}

/// A string as a step is a name; other literals cannot be steps.
fn literals_to_names(steps: &mut [Node]) -> Outcome<()> {
    for step in steps {
        match &step.kind {
            Kind::Number(value) => {
                let error = Error::new("S0213").at(step.position);
                return Err(error.with_json("value", &Json::from(*value).to_string()));
            }
            Kind::Constant(value) => {
                return Err(Error::new("S0213")
                    .at(step.position)
                    .with_json("value", &value.to_string()));
            }
            Kind::String(text) => step.kind = Kind::Name(text.clone()),
            _ => {}
        }
    }
    Ok(())
}

fn mark_array(step: Option<&mut Node>) {
    if let Some(step) = step
        && matches!(step.kind, Kind::Array(_))
    {
        step.cons_array = true;
    }
}

fn starts_with_array(node: &Node) -> bool {
    let first = match &node.kind {
        Kind::Path(path) => path.steps.first(),
        _ => None,
    };
    node.cons_array || first.is_some_and(|step| step.cons_array)
}

fn seeking_node(kind: Kind, position: usize, seeking: Vec<Slot>) -> Box<Node> {
    Box::new(Node { seeking, ..Node::new(kind, position) })
}

/// The slots that a child leaves to those above it.
pub(super) fn seeking_of(child: &Node) -> Vec<Slot> {
    let mut slots = child.seeking.clone();
    if let Kind::Parent { slot, .. } = child.kind {
        slots.push(slot);
    }
    slots
}
