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
    /// What reads the data that the whole expression is evaluated over: names of members, `$` and
    /// `$$`. Behind a step of a path and in predicates names belong to other data.
    pub data: BTreeSet<String>,
}

/// Collects what a tree refers to.
pub(crate) fn references_of(node: &Node) -> References {
    let mut walk = Walk { found: References::default(), scopes: vec![Vec::new()], inside: 0 };
    walk.node(node);
    walk.found
}

struct Walk<'a> {
    found: References,
    /// Names that are bound where the walk is, innermost scope last.
    scopes: Vec<Vec<&'a Name>>,
    /// How many steps and predicates are around the walk, within which the data is another.
    inside: usize,
}

impl<'a> Walk<'a> {
    fn node(&mut self, node: &'a Node) {
        self.data_read_by(&node.kind);
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
            // Its parts see what it is applied to.
            Kind::Transform(_) => {
                self.within(|walk| node.operands(&mut |operand| walk.node(operand)));
            }
            _ => node.operands(&mut |operand| self.node(operand)),
        }
        self.attachments(node);
    }

    fn data_read_by(&mut self, kind: &Kind) {
        let name = match kind {
            _ if self.inside > 0 => return,
            Kind::Name(name) => name.to_string(),
            Kind::Wildcard => "*".to_owned(),
            Kind::Descendant => "**".to_owned(),
            Kind::Variable(variable) if variable.name.is_empty() => "$".to_owned(),
            _ => return,
        };
        self.found.data.insert(name);
    }

    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        self.inside += 1;
        walk(self);
        self.inside -= 1;
    }

    /// Predicates and group-by of a node.
    fn attachments(&mut self, node: &'a Node) {
        self.within(|walk| {
            node.predicates.iter().for_each(|predicate| walk.node(predicate));
            walk.stages(node);
            if !matches!(node.kind, Kind::Path(_)) {
                walk.group(node);
            }
        });
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
            match at {
                0 if matches!(step.kind, Kind::Variable(_)) => {
                    self.data_read_by(&step.kind);
                    self.attachments(step);
                }
                0 => self.node(step),
                _ => self.within(|walk| walk.node(step)),
            }
        }
        self.within(|walk| walk.group(whole));
    }

    fn use_of(&mut self, node: &Node, behind: &[Node]) {
        let Kind::Variable(variable) = &node.kind else { return };
        let name = &variable.name;
        let inner = self.scopes.iter().flatten().any(|bound| *bound == name);
        if &**name == "$" {
            // The whole data, wherever it stands.
            self.found.data.insert("$$".to_owned());
            return;
        }
        if inner || variable.builtin.is_some() || name.is_empty() {
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
