//! Puts paths together: steps with their predicates, variables and sorts.

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

impl Lowering {
    /// Lowers a tree.
    pub(super) fn lower(&mut self, raw: Raw) -> Outcome<Node> {
        let Raw { kind, position, keep_array, .. } = raw;
        let mut node = self.kind(kind, position, keep_array)?;
        node.keep_array |= keep_array;
        Ok(node)
    }

    /// The variable of each slot of the parent operator.
    pub(super) fn labels(&self) -> Vec<Arc<str>> {
        self.ancestry.labels()
    }

    fn boxed(&mut self, raw: Box<Raw>) -> Outcome<Node> {
        self.lower(*raw)
    }

    fn kind(&mut self, kind: RawKind, position: usize, keep_array: bool) -> Outcome<Node> {
        let leaf = |kind| Ok(Node::new(kind, position));
        match kind {
            RawKind::Null => leaf(Kind::Constant(Json::Null)),
            RawKind::Bool(value) => leaf(Kind::Constant(Json::Bool(value))),
            RawKind::Number(value) => leaf(Kind::Number(value)),
            RawKind::String(text) => leaf(Kind::String(text)),
            RawKind::Wildcard => leaf(Kind::Wildcard),
            RawKind::Descendant => leaf(Kind::Descendant),
            RawKind::Variable(name) => {
                leaf(Kind::Variable(Variable { name, builtin: None, bound: false }))
            }
            RawKind::Name(name) => Ok(name_path(name, position, keep_array)),
            RawKind::Operator(name @ ("and" | "or" | "in")) => {
                Ok(name_path(name.into(), position, keep_array))
            }
            RawKind::Operator(operator) => {
                Err(Error::new("S0201").at(position).with_token(operator))
            }
            RawKind::Parent => leaf(Kind::Parent { slot: self.ancestry.add(), name: None }),
            RawKind::Regex { pattern, flags } => {
                let pattern = Pattern::new(&pattern, &flags).map_err(|error| error.at(position))?;
                leaf(Kind::Regex(Arc::new(pattern)))
            }
            RawKind::End => Err(Error::new("S0207").at(position).with_token("(end)")),
            compound => self.compound(compound, position),
        }
    }

    fn compound(&mut self, kind: RawKind, position: usize) -> Outcome<Node> {
        match kind {
            RawKind::Binary { operator, lhs, rhs } => self.binary(operator, lhs, rhs, position),
            RawKind::Negate(operand) => self.negate(operand, position),
            RawKind::Filter { lhs, predicate } => self.filter(lhs, predicate, position),
            RawKind::Group { lhs, pairs } => self.group_by(lhs, pairs, position),
            RawKind::Sort { lhs, terms } => self.sort(lhs, terms, position),
            RawKind::Array(elements) => {
                let (elements, seeking) = self.all(elements)?;
                Ok(seeking_node(Kind::Array(elements), position, seeking))
            }
            RawKind::Object(pairs) => {
                let pairs = self.pairs(pairs)?;
                let seeking = pairs.iter().flat_map(|(k, v)| [k, v]).flat_map(seeking_of).collect();
                let group = Box::new(Group { pairs, position });
                Ok(seeking_node(Kind::Object(group), position, seeking))
            }
            RawKind::Block(expressions) => {
                let (expressions, seeking) = self.all(expressions)?;
                let cons_array = expressions.iter().any(starts_with_array);
                let block = seeking_node(Kind::Block(expressions), position, seeking);
                Ok(Node { cons_array, ..block })
            }
            RawKind::Call { procedure, arguments, partial } => {
                self.call(procedure, arguments, partial, position)
            }
            RawKind::Lambda { parameters, signature, body } => {
                let body = self.boxed(body)?;
                let lambda = Lambda { parameters, signature, body };
                Ok(Node::new(Kind::Lambda(Arc::new(lambda)), position))
            }
            RawKind::Coalesce { lhs, rhs } => self.alternatives(Kind::Coalesce, lhs, rhs, position),
            RawKind::Default { lhs, rhs } => self.alternatives(Kind::Default, lhs, rhs, position),
            other => self.branching(other, position),
        }
    }

    fn branching(&mut self, kind: RawKind, position: usize) -> Outcome<Node> {
        match kind {
            RawKind::Condition { condition, then, otherwise } => {
                let condition = self.boxed(condition)?;
                let then = self.boxed(then)?;
                let otherwise = otherwise.map(|raw| self.boxed(raw)).transpose()?;
                let mut seeking = seeking_of(&condition);
                seeking.extend(seeking_of(&then));
                seeking.extend(otherwise.iter().flat_map(seeking_of));
                let kind = Kind::Condition(Box::new(Condition { condition, then, otherwise }));
                Ok(seeking_node(kind, position, seeking))
            }
            RawKind::Transform { pattern, update, delete } => {
                let pattern = self.boxed(pattern)?;
                let update = self.boxed(update)?;
                let delete = delete.map(|raw| self.boxed(raw)).transpose()?;
                let transform = Transform { pattern, update, delete, position };
                Ok(Node::new(Kind::Transform(Arc::new(transform)), position))
            }
            _ => Err(Error::new("S0206").at(position)),
        }
    }

    fn all(&mut self, raws: Vec<Raw>) -> Outcome<(Vec<Node>, Vec<Slot>)> {
        let nodes = raws.into_iter().map(|raw| self.lower(raw)).collect::<Outcome<Vec<_>>>()?;
        let seeking = nodes.iter().flat_map(seeking_of).collect();
        Ok((nodes, seeking))
    }

    fn pairs(&mut self, pairs: Vec<RawPair>) -> Outcome<Vec<(Node, Node)>> {
        pairs.into_iter().map(|(key, value)| Ok((self.lower(key)?, self.lower(value)?))).collect()
    }

    fn alternatives(
        &mut self,
        kind: fn(Box<(Node, Node)>) -> Kind,
        lhs: Box<Raw>,
        rhs: Box<Raw>,
        position: usize,
    ) -> Outcome<Node> {
        let pair = (self.boxed(lhs)?, self.boxed(rhs)?);
        let mut seeking = seeking_of(&pair.0);
        seeking.extend(seeking_of(&pair.1));
        Ok(seeking_node(kind(Box::new(pair)), position, seeking))
    }

    fn binary(
        &mut self,
        operator: &'static str,
        lhs: Box<Raw>,
        rhs: Box<Raw>,
        position: usize,
    ) -> Outcome<Node> {
        match operator {
            "." => return self.map(lhs, rhs),
            "@" | "#" => return self.stream_variable(operator, lhs, &rhs, position),
            ":=" => return self.bind(*lhs, rhs, position),
            _ => {}
        }
        let (lhs, rhs) = (self.boxed(lhs)?, self.boxed(rhs)?);
        if operator == "~>" {
            let keep_array = lhs.keep_array || rhs.keep_array;
            let node = Node::new(Kind::Apply(Box::new((lhs, rhs))), position);
            return Ok(Node { keep_array, ..node });
        }
        let Some(parsed) = Operator::parse(operator) else {
            return Err(Error::new("S0204").at(position).with_token(operator));
        };
        let mut seeking = seeking_of(&lhs);
        seeking.extend(seeking_of(&rhs));
        let kind = Kind::Binary(Box::new(Binary { operator: parsed, lhs, rhs }));
        Ok(seeking_node(kind, position, seeking))
    }

    fn bind(&mut self, lhs: Raw, rhs: Box<Raw>, position: usize) -> Outcome<Node> {
        let RawKind::Variable(name) = lhs.kind else {
            return Err(Error::new("S0212").at(lhs.position).with_token(lhs.token()));
        };
        let value = self.boxed(rhs)?;
        let seeking = seeking_of(&value);
        Ok(seeking_node(Kind::Bind(Box::new(Bind { name, value })), position, seeking))
    }

    fn negate(&mut self, operand: Box<Raw>, position: usize) -> Outcome<Node> {
        let mut operand = self.boxed(operand)?;
        if let Kind::Number(value) = &mut operand.kind {
            *value = -*value;
            return Ok(operand);
        }
        let seeking = seeking_of(&operand);
        Ok(seeking_node(Kind::Negate(Box::new(operand)), position, seeking))
    }

    fn call(
        &mut self,
        procedure: Box<Raw>,
        arguments: Vec<Raw>,
        partial: bool,
        position: usize,
    ) -> Outcome<Node> {
        let mut lowered = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let open = matches!(argument.kind, RawKind::Operator("?"));
            lowered.push(if open { None } else { Some(self.lower(argument)?) });
        }
        let seeking = lowered.iter().flatten().flat_map(seeking_of).collect();
        let procedure = self.boxed(procedure)?;
        let kind = if partial {
            Kind::Partial(Box::new(Partial { procedure, arguments: lowered }))
        } else {
            let arguments = lowered.into_iter().flatten().collect();
            Kind::Call(Box::new(Call { procedure, arguments }))
        };
        Ok(seeking_node(kind, position, seeking))
    }

    /// `lhs.rhs`: steps of both, one after the other.
    fn map(&mut self, lhs: Box<Raw>, rhs: Box<Raw>) -> Outcome<Node> {
        let first = self.boxed(lhs)?;
        let parent = match first.kind {
            Kind::Parent { slot, .. } => Some(slot),
            _ => None,
        };
        let mut node = as_path(first);
        node.seeking.extend(parent);
        let mut rest = self.boxed(rhs)?;
        let Kind::Path(path) = &mut node.kind else { return Ok(node) };
        match rest.kind {
            // Only its steps are taken over, as in the reference.
            Kind::Path(steps) => path.steps.extend(steps.steps),
            _ => {
                let predicates = std::mem::take(&mut rest.predicates);
                if !predicates.is_empty() {
                    rest.stages = predicates.into_iter().map(Stage::Filter).collect();
                }
                path.steps.push(rest);
            }
        }
        literals_to_names(&mut path.steps)?;
        path.keep_singleton |= path.steps.iter().any(|step| step.keep_array);
        mark_array(path.steps.first_mut());
        mark_array(path.steps.last_mut());
        self.ancestry.resolve_path(&mut node)?;
        Ok(node)
    }

    fn filter(&mut self, lhs: Box<Raw>, predicate: Box<Raw>, position: usize) -> Outcome<Node> {
        let mut node = self.boxed(lhs)?;
        let is_path = matches!(node.kind, Kind::Path(_));
        let predicate = self.boxed(predicate)?;
        let step = last_step(&mut node);
        if step.group.is_some() {
            return Err(Error::new("S0209").at(position));
        }
        self.ancestry.seek_from_predicate(step, &predicate)?;
        if is_path {
            step.stages.push(Stage::Filter(predicate));
        } else {
            step.predicates.push(predicate);
        }
        Ok(node)
    }

    fn group_by(&mut self, lhs: Box<Raw>, pairs: Vec<RawPair>, position: usize) -> Outcome<Node> {
        let mut node = self.boxed(lhs)?;
        if node.group.is_some() {
            return Err(Error::new("S0210").at(position));
        }
        let pairs = self.pairs(pairs)?;
        node.group = Some(Box::new(Group { pairs, position }));
        Ok(node)
    }

    fn sort(&mut self, lhs: Box<Raw>, terms: Vec<RawTerm>, position: usize) -> Outcome<Node> {
        let mut node = as_path(self.boxed(lhs)?);
        let mut lowered = Vec::with_capacity(terms.len());
        for RawTerm { descending, expression } in terms {
            lowered.push(Term { descending, expression: self.lower(expression)? });
        }
        let seeking = lowered.iter().flat_map(|term| seeking_of(&term.expression)).collect();
        if let Kind::Path(path) = &mut node.kind {
            path.steps.push(seeking_node(Kind::Sort(lowered), position, seeking));
        }
        self.ancestry.resolve_path(&mut node)?;
        Ok(node)
    }

    /// `lhs@$name` and `lhs#$name`.
    fn stream_variable(
        &mut self,
        operator: &str,
        lhs: Box<Raw>,
        rhs: &Raw,
        position: usize,
    ) -> Outcome<Node> {
        let RawKind::Variable(name) = &rhs.kind else {
            return Err(Error::new("S0214").at(rhs.position).with_token(operator));
        };
        let mut node = self.boxed(lhs)?;
        if operator == "@" {
            let step = last_step(&mut node);
            if !step.stages.is_empty() || !step.predicates.is_empty() {
                return Err(Error::new("S0215").at(position));
            }
            if matches!(step.kind, Kind::Sort(_)) {
                return Err(Error::new("S0216").at(position));
            }
            step.focus = Some(name.clone());
            step.tuple = true;
            return Ok(node);
        }
        if !matches!(node.kind, Kind::Path(_)) {
            let predicates = std::mem::take(&mut node.predicates);
            node.stages.extend(predicates.into_iter().map(Stage::Filter));
            node = as_path(node);
        }
        let step = last_step(&mut node);
        if step.stages.is_empty() {
            step.index = Some(name.clone());
        } else {
            step.stages.push(Stage::Index(name.clone()));
        }
        step.tuple = true;
        Ok(node)
    }
}

fn path_of(steps: Vec<Node>, position: usize) -> Node {
    let path = Path { steps, keep_singleton: false, plain: 0 };
    Node::new(Kind::Path(Box::new(path)), position)
}

fn as_path(node: Node) -> Node {
    if matches!(node.kind, Kind::Path(_)) {
        return node;
    }
    let position = node.position;
    path_of(vec![node], position)
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

fn seeking_node(kind: Kind, position: usize, seeking: Vec<Slot>) -> Node {
    Node { seeking, ..Node::new(kind, position) }
}

/// The slots that a child leaves to those above it.
pub(super) fn seeking_of(child: &Node) -> Vec<Slot> {
    let mut slots = child.seeking.clone();
    if let Kind::Parent { slot, .. } = child.kind {
        slots.push(slot);
    }
    slots
}
