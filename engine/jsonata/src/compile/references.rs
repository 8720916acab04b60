//! What an expression refers to, told without evaluating it.

use std::collections::BTreeSet;

use crate::ast::{Kind, Name, Node, Stage};

/// What an expression refers to from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Free variables, without the dollar sign; built-in functions are not among them.
    pub variables: BTreeSet<String>,
    /// Member names behind each free variable, as far as they are written out: `$states.input.id`
    /// gives `["states", "input", "id"]`, a bare `$states` gives `["states"]`.
    pub paths: BTreeSet<Vec<String>>,
}

/// Collects what a tree refers to.
pub(crate) fn references_of(node: &Node) -> References {
    let mut walk = Walk { found: References::default(), scopes: vec![Vec::new()] };
    walk.node(node);
    walk.found
}

struct Walk<'a> {
    found: References,
    /// Names that are bound where the walk is, innermost scope last.
    scopes: Vec<Vec<&'a Name>>,
}

impl<'a> Walk<'a> {
    fn node(&mut self, node: &'a Node) {
        match &node.kind {
            Kind::Block(nodes) => self.scoped(&[], |walk| nodes.iter().for_each(|n| walk.node(n))),
            Kind::Lambda(lambda) => {
                self.scoped(&lambda.parameters, |walk| walk.node(&lambda.body));
            }
            Kind::Bind(bind) => {
                // A function may call itself: the name is known in its own body.
                let is_function = matches!(bind.value.kind, Kind::Lambda(_));
                if is_function {
                    self.bind(&bind.name);
                }
                self.node(&bind.value);
                self.bind(&bind.name);
            }
            Kind::Path(path) => self.scoped(&[], |walk| walk.path(&path.steps, node)),
            Kind::Variable(_) => self.use_of(node, &[]),
            _ => {}
        }
        let walked =
            matches!(node.kind, Kind::Block(_) | Kind::Lambda(_) | Kind::Bind(_) | Kind::Path(_));
        if walked {
            self.attachments(node);
        } else {
            node.children(&mut |child| self.node(child));
        }
    }

    /// Predicates and group-by of a node.
    fn attachments(&mut self, node: &'a Node) {
        node.predicates.iter().for_each(|predicate| self.node(predicate));
        self.stages(node);
        if !matches!(node.kind, Kind::Path(_)) {
            self.group(node);
        }
    }

    fn stages(&mut self, node: &'a Node) {
        for stage in &node.stages {
            match stage {
                Stage::Filter(predicate) => self.node(predicate),
                Stage::Index(name) => self.bind(name),
            }
        }
    }

    fn group(&mut self, node: &'a Node) {
        for (key, value) in node.group.iter().flat_map(|group| &group.pairs) {
            self.node(key);
            self.node(value);
        }
    }

    /// Variables that a step binds are seen by its predicates, the steps behind it and the group-by.
    fn path(&mut self, steps: &'a [Node], whole: &'a Node) {
        if let Some(first) = steps.first()
            && matches!(first.kind, Kind::Variable(_))
        {
            self.use_of(first, &steps[1..]);
        }
        for (at, step) in steps.iter().enumerate() {
            for name in step.focus.iter().chain(&step.index) {
                self.bind(name);
            }
            if at == 0 && matches!(step.kind, Kind::Variable(_)) {
                self.attachments(step);
            } else {
                self.node(step);
            }
        }
        self.group(whole);
    }

    fn use_of(&mut self, node: &Node, behind: &[Node]) {
        let Kind::Variable(variable) = &node.kind else { return };
        let name = &variable.name;
        let inner = self.scopes.iter().flatten().any(|bound| *bound == name);
        if inner || variable.builtin.is_some() || name.is_empty() || &**name == "$" {
            return;
        }
        self.found.variables.insert(name.to_string());
        let mut path = vec![name.to_string()];
        if node.is_plain() {
            for step in behind {
                let Kind::Name(member) = &step.kind else { break };
                path.push(member.to_string());
                if !step.stages.is_empty() {
                    break;
                }
            }
        }
        self.found.paths.insert(path);
    }

    fn bind(&mut self, name: &'a Name) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(name);
        }
    }

    fn scoped(&mut self, names: &'a [Name], walk: impl FnOnce(&mut Self)) {
        self.scopes.push(names.iter().collect());
        walk(self);
        self.scopes.pop();
    }
}
