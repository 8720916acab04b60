//! The last pass: names of parents, functions by their names, and paths that can be walked at once.

use std::collections::HashSet;
use std::sync::Arc;

use crate::Dialect;
use crate::ast::{Group, Kind, Lambda, Name, Node, Path, Stage, Transform};
use crate::builtins;
use crate::compile::Place;
use crate::error::{Error, Outcome};

/// Resolves what a tree refers to.
pub(super) fn resolve(
    node: &mut Node,
    labels: &[Name],
    dialect: Dialect,
    place: Place,
) -> Outcome<()> {
    let mut bound = HashSet::new();
    let mut evaluates = place == Place::Within;
    collect(node, &mut bound, &mut evaluates);
    Resolver { labels, dialect, bound, evaluates }.node(node)
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
    fn node(&self, node: &mut Node) -> Outcome<()> {
        node.ancestor_name = node.ancestor.map(|slot| self.labels[slot].clone());
        let position = node.position;
        match &mut node.kind {
            Kind::Parent { slot, name } => *name = Some(self.labels[*slot].clone()),
            Kind::Variable(variable) => {
                variable.bound = self.evaluates || self.bound.contains(&variable.name);
                variable.builtin = builtins::find(&variable.name, self.dialect);
                let refused = self.dialect == Dialect::StepFunctions && &*variable.name == "eval";
                if refused && !self.bound.contains(&variable.name) {
                    return Err(Error::new("S0502").at(position).with_token("eval"));
                }
            }
            Kind::Path(path) => {
                self.all(&mut path.steps)?;
                path.has_tuples = path.steps.iter().any(|step| step.tuple);
                path.plain = plain_steps(path);
            }
            Kind::Lambda(lambda) => self.lambda(lambda)?,
            Kind::Transform(transform) => self.transform(transform)?,
            Kind::Object(group) => self.group(group)?,
            Kind::Array(nodes) | Kind::Block(nodes) => self.all(nodes)?,
            other => self.operands(other)?,
        }
        self.all(&mut node.predicates)?;
        for stage in &mut node.stages {
            if let Stage::Filter(predicate) = stage {
                self.node(predicate)?;
            }
        }
        node.group.as_mut().map_or(Ok(()), |group| self.group(group))
    }

    fn operands(&self, kind: &mut Kind) -> Outcome<()> {
        match kind {
            Kind::Negate(operand) => self.node(operand),
            Kind::Binary(binary) => {
                self.node(&mut binary.lhs)?;
                self.node(&mut binary.rhs)
            }
            Kind::Call(call) => {
                self.node(&mut call.procedure)?;
                self.all(&mut call.arguments)
            }
            Kind::Partial(partial) => {
                self.node(&mut partial.procedure)?;
                partial.arguments.iter_mut().flatten().try_for_each(|node| self.node(node))
            }
            Kind::Condition(condition) => {
                self.node(&mut condition.condition)?;
                self.node(&mut condition.then)?;
                condition.otherwise.iter_mut().try_for_each(|node| self.node(node))
            }
            Kind::Coalesce(pair) | Kind::Default(pair) | Kind::Apply(pair) => {
                self.node(&mut pair.0)?;
                self.node(&mut pair.1)
            }
            Kind::Bind(bind) => self.node(&mut bind.value),
            Kind::Sort(terms) => {
                terms.iter_mut().try_for_each(|term| self.node(&mut term.expression))
            }
            _ => Ok(()),
        }
    }

    fn all(&self, nodes: &mut [Node]) -> Outcome<()> {
        nodes.iter_mut().try_for_each(|node| self.node(node))
    }

    fn group(&self, group: &mut Group) -> Outcome<()> {
        group.pairs.iter_mut().try_for_each(|(key, value)| {
            self.node(key)?;
            self.node(value)
        })
    }

    fn lambda(&self, lambda: &mut Arc<Lambda>) -> Outcome<()> {
        // Nobody else has it yet.
        Arc::get_mut(lambda).map_or(Ok(()), |lambda| self.node(&mut lambda.body))
    }

    fn transform(&self, transform: &mut Arc<Transform>) -> Outcome<()> {
        let Some(transform) = Arc::get_mut(transform) else { return Ok(()) };
        self.node(&mut transform.pattern)?;
        self.node(&mut transform.update)?;
        transform.delete.iter_mut().try_for_each(|node| self.node(node))
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
