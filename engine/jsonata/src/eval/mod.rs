//! Evaluates trees.
//!
//! The evaluator recurses over the tree. How deep it may go is counted ([`crate::DEPTH_MAX`]), and the
//! methods on the way are small, so that the native stack never ends first. A tail call ends the
//! evaluation of its function before it goes on, so it takes no depth.

mod call;
mod construct;
mod filter;
mod frame;
mod fuel;
mod operator;
mod path;
mod sort;
mod transform;
mod tuple;

use stepyard_json::Json;

use crate::Bindings;
use crate::Dialect;
use crate::ast::{Kind, Node, Variable};
use crate::error::Outcome;
use crate::memory;
use crate::random::Random;
use crate::value::{Array, Callable, Flags, Function, Value, truth};

pub(crate) use frame::Env;
use frame::Registry;
pub(crate) use fuel::Fuel;

/// What one evaluation knows and has left.
pub(crate) struct Machine<'a> {
    pub(crate) fuel: Fuel,
    pub(crate) now_millis: i64,
    pub(crate) dialect: Dialect,
    /// `$$`.
    root: Value,
    bindings: &'a dyn Bindings,
    entropy: [u8; 16],
    /// Made when something is drawn.
    random: Option<Random>,
    registry: Registry,
    /// Where `$eval` was called last.
    scope: Option<Env>,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(input: &crate::Input<'a>, dialect: Dialect) -> Machine<'a> {
        memory::begin();
        Machine {
            fuel: Fuel::new(input.fuel, input.depth, input.memory),
            now_millis: input.now_millis,
            dialect,
            root: input.data.clone().map_or(Value::Undefined, Value::Json),
            bindings: input.bindings,
            entropy: input.entropy,
            random: None,
            registry: Registry::default(),
            scope: None,
        }
    }

    /// Evaluates a whole expression.
    pub(crate) fn run(&mut self, node: &Node) -> Outcome<Value> {
        let env = self.registry.open(None, Vec::new());
        let input = self.root.clone();
        // Data that is an array counts as one value.
        let input = if input.is_array() {
            let wrapper = Array::new(vec![input], Flags::SEQUENCE.and(Flags::OUTER));
            Value::Array(wrapper)
        } else {
            input
        };
        self.eval(node, &input, &env)
    }

    /// Evaluates what `$eval` has compiled.
    pub(crate) fn evaluate(&mut self, node: &Node, input: &Value) -> Outcome<Value> {
        let env = match self.scope.take() {
            Some(env) => env,
            None => self.registry.open(None, Vec::new()),
        };
        self.eval(node, input, &env)
    }

    pub(crate) fn random(&mut self) -> &mut Random {
        let entropy = self.entropy;
        self.random.get_or_insert_with(|| Random::from_entropy(entropy))
    }

    /// Evaluates a node in a context.
    pub(crate) fn eval(&mut self, node: &Node, input: &Value, env: &Env) -> Outcome<Value> {
        self.enter()?;
        let mut value = self.kind(node, input, env)?;
        if !node.predicates.is_empty() {
            value = self.predicates(node, value, env)?;
        }
        if let Some(group) = &node.group
            && !matches!(node.kind, Kind::Path(_))
        {
            value = self.group(group, &value, env)?;
        }
        self.fuel.leave(1);
        // Most values need no call.
        match value {
            Value::Array(_) => Ok(normalised(value, node.keep_array)),
            other => Ok(other),
        }
    }

    fn enter(&mut self) -> Outcome<()> {
        self.fuel.pay(1)?;
        self.fuel.enter(1)
    }

    /// Dispatches; everything that needs room on the stack is a method of its own.
    fn kind(&mut self, node: &Node, input: &Value, env: &Env) -> Outcome<Value> {
        match &node.kind {
            Kind::Path(path) => self.path(node, path, input, env),
            Kind::Binary(binary) => self.binary(node, binary, input, env),
            Kind::Call(call) => self.call(node, call, input, env, None),
            Kind::Condition(condition) => self.condition(condition, input, env),
            Kind::Block(nodes) => self.block(nodes, input, env),
            Kind::Variable(variable) => Ok(self.variable(variable, input, env)),
            Kind::Name(name) => self.lookup(input, name),
            Kind::Array(nodes) => self.array(node, nodes, input, env),
            Kind::Object(group) => self.group(group, input, env),
            Kind::Negate(operand) => self.negate(node, operand, input, env),
            Kind::Bind(bind) => {
                let value = self.eval(&bind.value, input, env)?;
                self.registry.bind(env, &bind.name, value.clone());
                Ok(value)
            }
            Kind::Coalesce(pair) => self.coalesce(pair, input, env),
            Kind::Default(pair) => self.default(pair, input, env),
            Kind::Apply(pair) => self.apply_operator(node, pair, input, env),
            Kind::Partial(partial) => self.partial(node, partial, input, env),
            Kind::Wildcard => self.wildcard(input),
            Kind::Descendant => self.descendants(input),
            leaf => Ok(leaf_value(leaf, input, env)),
        }
    }

    fn condition(
        &mut self,
        condition: &crate::ast::Condition,
        input: &Value,
        env: &Env,
    ) -> Outcome<Value> {
        let decision = self.eval(&condition.condition, input, env)?;
        if truth(&decision, &mut self.fuel)? {
            return self.eval(&condition.then, input, env);
        }
        match &condition.otherwise {
            Some(otherwise) => self.eval(otherwise, input, env),
            None => Ok(Value::Undefined),
        }
    }

    fn coalesce(&mut self, pair: &(Node, Node), input: &Value, env: &Env) -> Outcome<Value> {
        let value = self.eval(&pair.0, input, env)?;
        if value.is_undefined() { self.eval(&pair.1, input, env) } else { Ok(value) }
    }

    fn default(&mut self, pair: &(Node, Node), input: &Value, env: &Env) -> Outcome<Value> {
        let value = self.eval(&pair.0, input, env)?;
        if truth(&value, &mut self.fuel)? { Ok(value) } else { self.eval(&pair.1, input, env) }
    }

    /// Expressions one after the other, with variables of their own; the last one counts.
    fn block(&mut self, nodes: &[Node], input: &Value, env: &Env) -> Outcome<Value> {
        let env = self.registry.open(Some(env), Vec::new());
        let mut value = Value::Undefined;
        for node in nodes {
            value = self.eval(node, input, &env)?;
        }
        Ok(value)
    }

    /// A variable: of the expression, from outside, or a function.
    fn variable(&mut self, variable: &Variable, input: &Value, env: &Env) -> Value {
        if variable.name.is_empty() {
            return input.unwrapped();
        }
        if variable.bound
            && let Some(value) = env.get(&variable.name)
        {
            return value;
        }
        if &*variable.name == "$" {
            return self.root.clone();
        }
        if let Some(json) = self.bindings.get(&variable.name) {
            return Value::Json(json);
        }
        match variable.builtin {
            Some(builtin) => Function::value(Callable::Builtin(builtin)),
            None => Value::Undefined,
        }
    }

    /// Whether a name stands for anything: to tell who forgot a dollar sign.
    fn is_known(&mut self, name: &str, env: &Env) -> bool {
        env.get(name).is_some()
            || self.bindings.get(name).is_some()
            || crate::builtins::find(name, self.dialect).is_some()
    }
}

/// A single result of a sequence is itself, none is nothing.
fn normalised(value: Value, keep_array: bool) -> Value {
    let Value::Array(array) = value else { return value };
    if !array.is(Flags::SEQUENCE) {
        return Value::Array(array);
    }
    let array = if keep_array { array.with(Flags::KEEP) } else { array };
    match array.items().len() {
        0 => Value::Undefined,
        1 if !array.is(Flags::KEEP) => array.items()[0].clone(),
        _ => Value::Array(array),
    }
}

/// What needs no evaluation.
fn leaf_value(kind: &Kind, input: &Value, env: &Env) -> Value {
    match kind {
        Kind::Constant(json) => Value::Json(json.clone()),
        Kind::String(text) => Value::Json(Json::String(text.clone())),
        Kind::Number(number) => Value::Number(*number),
        Kind::Parent { name, .. } => {
            name.as_ref().and_then(|name| env.get(name)).unwrap_or_default()
        }
        Kind::Regex(pattern) => Function::value(Callable::Pattern(pattern.clone())),
        Kind::Lambda(lambda) => Function::value(Callable::Lambda {
            lambda: lambda.clone(),
            env: env.clone(),
            input: input.clone(),
        }),
        Kind::Transform(transform) => {
            Function::value(Callable::Transform { transform: transform.clone(), env: env.clone() })
        }
        _ => Value::Undefined,
    }
}
