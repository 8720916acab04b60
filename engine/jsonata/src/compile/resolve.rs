//! The last pass: names of parents, functions by their names, and paths that can be walked at once.

use std::collections::HashSet;
use std::sync::Arc;

use crate::Dialect;
use crate::ast::{Group, Kind, Lambda, Name, Node, Path, Stage, Transform};
use crate::builtins;
use crate::compile::Place;

/// Resolves what a tree refers to.
pub(super) fn resolve(node: &mut Node, labels: &[Name], dialect: Dialect, place: Place) {
    let mut bound = HashSet::new();
    let mut evaluates = place == Place::Within;
    collect(node, &mut bound, &mut evaluates);
    let evaluates = evaluates && dialect == Dialect::Plain;
    Resolver { labels, dialect, bound, evaluates }.node(node);
}

/// Names that the expression itself binds, and whether it may bind others by `$eval`.
fn collect(node: &Node, bound: &mut HashSet<Name>, evaluates: &mut bool) {
    match &node.kind {
        Kind::Bind(bind) => {
            bound.insert(bind.name.clone());
        }
        Kind::Lambda(lambda) => bound.extend(lambda.parameters.iter().cloned()),
        Kind::Variable(variable) => *evaluates |= &*variable.name == "eval",
        _ => {}
    }
    bound.extend(node.focus.iter().chain(&node.index).cloned());
    for stage in &node.stages {
        if let Stage::Index(name) = stage {
            bound.insert(name.clone());
        }
    }
    node.children(&mut |child| collect(child, bound, evaluates));
}

struct Resolver<'a> {
    labels: &'a [Name],
    dialect: Dialect,
    /// Names that the expression binds.
    bound: HashSet<Name>,
    /// Whether any other name may be bound too, by or around `$eval`.
    evaluates: bool,
}

impl Resolver<'_> {
    fn node(&self, node: &mut Node) {
        node.ancestor_name = node.ancestor.map(|slot| self.labels[slot].clone());
        match &mut node.kind {
            Kind::Parent { slot, name } => *name = Some(self.labels[*slot].clone()),
            Kind::Variable(variable) => {
                variable.bound = self.evaluates || self.bound.contains(&variable.name);
                variable.builtin = builtins::find(&variable.name, self.dialect);
            }
            Kind::Path(path) => {
                self.all(&mut path.steps);
                path.has_tuples = path.steps.iter().any(|step| step.tuple);
                path.plain = plain_steps(path);
            }
            Kind::Lambda(lambda) => self.lambda(lambda),
            Kind::Transform(transform) => self.transform(transform),
            Kind::Object(group) => self.group(group),
            Kind::Array(nodes) | Kind::Block(nodes) => self.all(nodes),
            other => self.operands(other),
        }
        self.all(&mut node.predicates);
        for stage in &mut node.stages {
            if let Stage::Filter(predicate) = stage {
                self.node(predicate);
            }
        }
        if let Some(group) = &mut node.group {
            self.group(group);
        }
    }

    fn operands(&self, kind: &mut Kind) {
        match kind {
            Kind::Negate(operand) => self.node(operand),
            Kind::Binary(binary) => self.all([&mut binary.lhs, &mut binary.rhs]),
            Kind::Call(call) => {
                self.node(&mut call.procedure);
                self.all(&mut call.arguments);
            }
            Kind::Partial(partial) => {
                self.node(&mut partial.procedure);
                self.all(partial.arguments.iter_mut().flatten());
            }
            Kind::Condition(condition) => {
                self.all([&mut condition.condition, &mut condition.then]);
                self.all(&mut condition.otherwise);
            }
            Kind::Coalesce(pair) | Kind::Default(pair) | Kind::Apply(pair) => {
                self.all([&mut pair.0, &mut pair.1]);
            }
            Kind::Bind(bind) => self.node(&mut bind.value),
            Kind::Sort(terms) => self.all(terms.iter_mut().map(|term| &mut term.expression)),
            _ => {}
        }
    }

    fn all<'n>(&self, nodes: impl IntoIterator<Item = &'n mut Node>) {
        for node in nodes {
            self.node(node);
        }
    }

    fn group(&self, group: &mut Group) {
        for (key, value) in &mut group.pairs {
            self.all([key, value]);
        }
    }

    fn lambda(&self, lambda: &mut Arc<Lambda>) {
        // Nobody else has it yet.
        if let Some(lambda) = Arc::get_mut(lambda) {
            self.node(&mut lambda.body);
        }
    }

    fn transform(&self, transform: &mut Arc<Transform>) {
        let Some(transform) = Arc::get_mut(transform) else { return };
        self.all([&mut transform.pattern, &mut transform.update]);
        self.all(&mut transform.delete);
    }
}

/// How many steps from the first are a variable or a name and plain names behind it.
fn plain_steps(path: &Path) -> usize {
    let plain = |(at, step): &(usize, &Node)| {
        let variable = *at == 0 && matches!(step.kind, Kind::Variable(_)) && step.is_plain();
        variable || step.is_plain_name()
    };
    if path.has_tuples {
        return 0;
    }
    path.steps.iter().enumerate().take_while(plain).count()
}
