//! Functions: calls, arguments, partial application and chains.

use std::rc::Rc;
use std::sync::Arc;

use super::{Env, Machine, normalised};
use crate::ast::{Call, Kind, Lambda, Name, Node, Partial};
use crate::builtins::{self, Arguments, Builtin};
use crate::error::{Error, Outcome};
use crate::syntax::{Parameter, Signature, check};
use crate::value::{Callable, Function, Value, quote, truth};

/// Depth that a call from within a built-in function takes besides that of the function called.
const CALLBACK_DEPTH: usize = 3;

/// How the evaluation of a function goes on.
enum Flow {
    Value(Value),
    /// Its last act is another call.
    Tail(Box<Tail>),
}

/// A call that takes the place of the one under way.
struct Tail {
    function: Value,
    arguments: Vec<Value>,
    /// Name and place of the call, for errors.
    blame: Option<(Option<Name>, usize)>,
}

impl Machine<'_> {
    /// A call; `first` is the argument that `~>` puts before the others.
    pub(super) fn call(
        &mut self,
        node: &Node,
        call: &Call,
        input: &Value,
        env: &Env,
        first: Option<Value>,
    ) -> Outcome<Value> {
        let result = match self.known_builtin(&call.procedure, env) {
            Some(builtin) => {
                let arguments = self.arguments(call, first, input, env)?;
                self.show_scope(builtin, env);
                self.run_builtin(builtin, arguments, input)
            }
            None => {
                let function = self.procedure(node, &call.procedure, input, env, "T1005")?;
                let arguments = self.arguments(call, first, input, env)?;
                self.apply(function, arguments, input)
            }
        };
        result.map_err(|error| blamed(error, call.procedure.procedure_name(), node.position))
    }

    /// The built-in function that a procedure names, when nothing else has that name.
    fn known_builtin(&self, procedure: &Node, env: &Env) -> Option<&'static Builtin> {
        let Kind::Variable(variable) = &procedure.kind else { return None };
        let builtin = variable.builtin?;
        let shadowed = !procedure.is_plain()
            || (variable.bound && env.get(&variable.name).is_some())
            || self.bindings.get(&variable.name).is_some();
        (!shadowed).then_some(builtin)
    }

    /// Evaluates what is called; helps who forgot the dollar sign by an error of that code.
    fn procedure(
        &mut self,
        node: &Node,
        procedure: &Node,
        input: &Value,
        env: &Env,
        code: &'static str,
    ) -> Outcome<Value> {
        let function = self.eval(procedure, input, env)?;
        if function.is_undefined()
            && matches!(procedure.kind, Kind::Path(_))
            && let Some(name) = procedure.procedure_name()
            && self.is_known(name, env)
        {
            return Err(Error::new(code).at(node.position).with_token(&**name));
        }
        Ok(function)
    }

    fn arguments(
        &mut self,
        call: &Call,
        first: Option<Value>,
        input: &Value,
        env: &Env,
    ) -> Outcome<Vec<Value>> {
        let mut arguments = Vec::with_capacity(call.arguments.len() + 1);
        arguments.extend(first);
        for argument in &call.arguments {
            arguments.push(self.eval(argument, input, env)?);
        }
        Ok(arguments)
    }

    /// Calls a function from within a built-in one.
    pub(crate) fn callback(&mut self, function: &Value, arguments: Vec<Value>) -> Outcome<Value> {
        self.fuel.enter(CALLBACK_DEPTH)?;
        let result = self.apply(function.clone(), arguments, &Value::null())?;
        self.fuel.leave(CALLBACK_DEPTH);
        Ok(result)
    }

    /// Calls a function, and what it calls at its end, one after the other. As in the reference, the context that stands in
    /// for a missing argument is that of this call for all of them.
    fn apply(&mut self, function: Value, arguments: Vec<Value>, context: &Value) -> Outcome<Value> {
        let mut tail = Box::new(Tail { function, arguments, blame: None });
        loop {
            self.fuel.pay(1)?;
            let Tail { function, arguments, blame } = *tail;
            let flow = self.invoke(&function, arguments, context);
            let flow = match blame {
                Some((name, position)) => {
                    flow.map_err(|error| blamed(error, name.as_ref(), position))
                }
                None => flow,
            };
            match flow? {
                Flow::Value(value) => return Ok(value),
                Flow::Tail(next) => tail = next,
            }
        }
    }

    fn invoke(
        &mut self,
        function: &Value,
        arguments: Vec<Value>,
        context: &Value,
    ) -> Outcome<Flow> {
        let Value::Function(function) = function else { return Err(Error::new("T1006")) };
        match function.callable() {
            Callable::Lambda { lambda, env, input } => {
                self.lambda(lambda, env, input, arguments, context)
            }
            Callable::Builtin(builtin) => {
                self.run_builtin(builtin, arguments, context).map(Flow::Value)
            }
            Callable::Partial { function, arguments: given } => {
                Ok(fill_in(function, given, arguments))
            }
            Callable::Chain { first, second } => self.chain(first, second, arguments),
            Callable::Transform { transform, env } => {
                let arguments = self.validate(transform_signature(), arguments, context)?;
                let argument = arguments.into_iter().next().unwrap_or_default();
                self.transform(transform, env, &argument).map(Flow::Value)
            }
            Callable::Pattern(pattern) => {
                builtins::match_from_arguments(self, pattern, &arguments).map(Flow::Value)
            }
            Callable::Next(cursor) => builtins::next_match(self, cursor).map(Flow::Value),
        }
    }

    /// `$eval` sees the variables of the place that it is called from.
    fn show_scope(&mut self, builtin: &Builtin, env: &Env) {
        if builtin.name == "eval" {
            self.scope = Some(env.clone());
        }
    }

    fn run_builtin(
        &mut self,
        builtin: &'static Builtin,
        arguments: Vec<Value>,
        context: &Value,
    ) -> Outcome<Value> {
        self.fuel.pay(1)?;
        let arguments = self.validate(builtin.signature(), arguments, context)?;
        (builtin.run)(self, &mut Arguments::new(arguments, context))
    }

    fn chain(
        &mut self,
        first: &Rc<Function>,
        second: &Rc<Function>,
        arguments: Vec<Value>,
    ) -> Outcome<Flow> {
        let mut arguments = arguments;
        arguments.truncate(1);
        let result = self.callback(&Value::Function(first.clone()), arguments)?;
        Ok(Flow::Tail(Box::new(Tail {
            function: Value::Function(second.clone()),
            arguments: vec![result],
            blame: None,
        })))
    }

    fn lambda(
        &mut self,
        lambda: &Arc<Lambda>,
        env: &Env,
        input: &Value,
        arguments: Vec<Value>,
        context: &Value,
    ) -> Outcome<Flow> {
        let arguments = match &lambda.signature {
            Some(signature) => self.validate(signature, arguments, context)?,
            None => arguments,
        };
        let given = arguments.into_iter().chain(std::iter::repeat(Value::Undefined));
        let bindings = lambda.parameters.iter().cloned().zip(given).collect();
        let env = self.registry.open(Some(env), bindings);
        let depth = self.fuel.depth();
        let flow = self.body(&lambda.body, input, env)?;
        self.fuel.return_to(depth);
        Ok(flow)
    }

    /// Follows the branches to the last expression of a function; when that is a call, it is left to
    /// the caller.
    fn body(&mut self, body: &Node, input: &Value, env: Env) -> Outcome<Flow> {
        let (mut node, mut env) = (body, env);
        loop {
            if !node.is_plain() {
                return self.eval(node, input, &env).map(Flow::Value);
            }
            match &node.kind {
                Kind::Condition(condition) => {
                    self.enter()?;
                    let decision = self.eval(&condition.condition, input, &env)?;
                    node = if truth(&decision, &mut self.fuel)? {
                        &condition.then
                    } else if let Some(otherwise) = &condition.otherwise {
                        otherwise
                    } else {
                        return Ok(Flow::Value(Value::Undefined));
                    };
                }
                Kind::Block(nodes) => {
                    self.enter()?;
                    let Some((last, before)) = nodes.split_last() else {
                        return Ok(Flow::Value(Value::Undefined));
                    };
                    env = self.registry.open(Some(&env), Vec::new());
                    for node in before {
                        self.eval(node, input, &env)?;
                    }
                    node = last;
                }
                Kind::Coalesce(pair) | Kind::Default(pair) => {
                    self.enter()?;
                    if let Some(value) = self.first_alternative(node, &pair.0, input, &env)? {
                        return Ok(Flow::Value(value));
                    }
                    node = &pair.1;
                }
                Kind::Call(call) => return self.tail_call(node, call, input, &env),
                _ => return self.eval(node, input, &env).map(Flow::Value),
            }
        }
    }

    /// The left of `??` or `?:` at the end of a function, when it is what counts. As of any call there, what a call gives is
    /// handed on as it is: the array of a single item stays one.
    fn first_alternative(
        &mut self,
        node: &Node,
        left: &Node,
        input: &Value,
        env: &Env,
    ) -> Outcome<Option<Value>> {
        self.enter()?;
        let given = match &left.kind {
            Kind::Call(call) if left.is_plain() => self.call(left, call, input, env, None)?,
            _ => self.eval(left, input, env)?,
        };
        self.fuel.leave(1);
        let value = normalised(given.clone(), false);
        let counts = match node.kind {
            Kind::Coalesce(_) => !value.is_undefined(),
            _ => truth(&value, &mut self.fuel)?,
        };
        Ok(counts.then_some(given))
    }

    fn tail_call(&mut self, node: &Node, call: &Call, input: &Value, env: &Env) -> Outcome<Flow> {
        self.enter()?;
        let function = self.procedure(node, &call.procedure, input, env, "T1005")?;
        let arguments = self.arguments(call, None, input, env)?;
        let blame = Some((call.procedure.procedure_name().cloned(), node.position));
        if let Value::Function(known) = &function
            && let Callable::Builtin(builtin) = known.callable()
        {
            self.show_scope(builtin, env);
        }
        Ok(Flow::Tail(Box::new(Tail { function, arguments, blame })))
    }

    pub(super) fn apply_operator(
        &mut self,
        node: &Node,
        pair: &(Node, Node),
        input: &Value,
        env: &Env,
    ) -> Outcome<Value> {
        let lhs = self.eval(&pair.0, input, env)?;
        if let Kind::Call(call) = &pair.1.kind {
            self.fuel.enter(1)?;
            let value = self.call(&pair.1, call, input, env, Some(lhs))?;
            self.fuel.leave(1);
            return Ok(value);
        }
        let function = self.eval(&pair.1, input, env)?;
        match (&lhs, &function) {
            (Value::Function(first), Value::Function(second)) => {
                Ok(Function::value(Callable::Chain {
                    first: first.clone(),
                    second: second.clone(),
                }))
            }
            (_, Value::Function(_)) => self.apply(function, vec![lhs], &Value::null()),
            _ => {
                let error = Error::new("T2006").at(node.position);
                Err(error.with_json("value", &quote(&function)))
            }
        }
    }

    pub(super) fn partial(
        &mut self,
        node: &Node,
        partial: &Partial,
        input: &Value,
        env: &Env,
    ) -> Outcome<Value> {
        let mut arguments = Vec::with_capacity(partial.arguments.len());
        for argument in &partial.arguments {
            arguments.push(match argument {
                Some(argument) => Some(self.eval(argument, input, env)?),
                None => None,
            });
        }
        match self.procedure(node, &partial.procedure, input, env, "T1007")? {
            Value::Function(function) => {
                Ok(Function::value(Callable::Partial { function, arguments }))
            }
            _ => {
                let name = partial.procedure.procedure_name().map(ToString::to_string);
                Err(Error::new("T1008").at(node.position).with_token(name.unwrap_or_default()))
            }
        }
    }

    /// Arguments as the signature wants them: the context in place of a missing one, single values
    /// as arrays.
    fn validate(
        &mut self,
        signature: &Signature,
        mut arguments: Vec<Value>,
        context: &Value,
    ) -> Outcome<Vec<Value>> {
        if signature.takes_as_they_are(&arguments) {
            arguments.resize(signature.parameters.len(), Value::Undefined);
            return Ok(arguments);
        }
        let symbols: Vec<u8> = arguments.iter().map(Value::symbol).collect();
        let taken = check(&signature.parameters, &symbols)?;
        let mut validated = Vec::with_capacity(signature.parameters.len());
        let mut arguments = arguments.into_iter();
        let mut at = 0;
        for (parameter, count) in signature.parameters.iter().zip(taken) {
            if count == 0 && parameter.from_context {
                if !parameter.fits_context(context.symbol()) {
                    return Err(Error::new("T0411").with_json("index", &(at + 1).to_string()));
                }
                validated.push(context.clone());
                continue;
            }
            let single = count == 1;
            for _ in 0..count.max(1) {
                let argument = arguments.next().unwrap_or_default();
                at += 1;
                validated.push(if parameter.is_array && count > 0 {
                    self.as_array(parameter, argument, at, single)?
                } else {
                    argument
                });
            }
        }
        Ok(validated)
    }

    fn as_array(
        &mut self,
        parameter: &Parameter,
        argument: Value,
        at: usize,
        single: bool,
    ) -> Outcome<Value> {
        let symbol = argument.symbol();
        if symbol == b'm' {
            return Ok(Value::Undefined);
        }
        if let Some(element) = &parameter.element {
            let expected = element.as_bytes().first().copied();
            let fits = match argument.items() {
                Some(items) => {
                    self.fuel.pay(items.len() as u64 / 4)?;
                    items.iter().all(|item| Some(item.symbol()) == expected)
                }
                None => single && element.as_bytes() == [symbol],
            };
            if !fits {
                return Err(not_an_array_of(element, at).with_json("value", &quote(&argument)));
            }
        }
        Ok(if symbol == b'a' { argument } else { Value::array(vec![argument]) })
    }
}

fn not_an_array_of(element: &str, at: usize) -> Box<Error> {
    let error = Error::new("T0412").with_json("index", &at.to_string());
    let plural = match element {
        "a" => "arrays",
        "b" => "booleans",
        "f" => "functions",
        "n" => "numbers",
        "o" => "objects",
        "s" => "strings",
        _ => return error,
    };
    error.with_text("type", plural)
}

/// The outermost call is where an error is found; the innermost function is named.
fn blamed(error: Box<Error>, name: Option<&Name>, position: usize) -> Box<Error> {
    let error = error.at(position);
    match name {
        Some(name) if error.token.is_none() => error.with_token(&**name),
        _ => error,
    }
}

/// The arguments of a partial application with the open ones filled in.
fn fill_in(function: &Rc<Function>, given: &[Option<Value>], arguments: Vec<Value>) -> Flow {
    let mut open = arguments.into_iter();
    let arguments = given
        .iter()
        .map(|argument| argument.clone().unwrap_or_else(|| open.next().unwrap_or_default()))
        .collect();
    Flow::Tail(Box::new(Tail {
        function: Value::Function(function.clone()),
        arguments,
        blame: None,
    }))
}

fn transform_signature() -> &'static Signature {
    static SIGNATURE: std::sync::OnceLock<Signature> = std::sync::OnceLock::new();
    SIGNATURE.get_or_init(|| Signature::builtin("<(oa):o>"))
}
