//! Steps that bind variables: `@$name`, `#$name` and the parents that `%` asks for.

use super::path::Stream;
use super::{Env, Machine};
use crate::ast::{Kind, Name, Node, Stage};
use crate::error::Outcome;
use crate::value::{Items, Tuple, Value};

impl Machine<'_> {
    /// Evaluates a step for each tuple; each result is a tuple with what was bound before.
    pub(super) fn tuple_step(
        &mut self,
        step: &Node,
        input: &Stream,
        tuples: Option<Vec<Tuple>>,
        env: &Env,
    ) -> Outcome<Vec<Tuple>> {
        if let Kind::Sort(terms) = &step.kind {
            let sorted = match tuples {
                Some(tuples) => self.sort_tuples(step, terms, tuples, env)?,
                None => {
                    let sorted = self.sort_values(step, terms, input, env)?;
                    let tuple = |(at, item): (usize, &Value)| {
                        let mut tuple = Tuple { context: item.clone(), bindings: Vec::new() };
                        if let Some(name) = &step.index {
                            tuple.bind(name, Value::from(at));
                        }
                        tuple
                    };
                    sorted.items().iter().enumerate().map(tuple).collect()
                }
            };
            return self.tuple_stages(&step.stages, sorted, env);
        }
        let tuples = tuples.unwrap_or_else(|| {
            let plain = |item: &Value| Tuple { context: item.clone(), bindings: Vec::new() };
            input.items().iter().map(plain).collect()
        });
        let mut results = Vec::new();
        for tuple in &tuples {
            let scope = self.registry.open(Some(env), tuple.bindings.clone());
            let value = self.eval(step, &tuple.context, &scope)?;
            self.extend(step, tuple, value, &mut results)?;
        }
        self.tuple_stages(&step.stages, results, env)
    }

    /// The tuples that one tuple becomes by the results of a step.
    fn extend(
        &mut self,
        step: &Node,
        tuple: &Tuple,
        value: Value,
        results: &mut Vec<Tuple>,
    ) -> Outcome<()> {
        let values = match value {
            Value::Undefined => return Ok(()),
            Value::Tuples(inner) => {
                self.fuel.pay(inner.len() as u64)?;
                for inner in inner.iter() {
                    let mut joined = tuple.clone();
                    joined.context = inner.context.clone();
                    for (name, value) in &inner.bindings {
                        joined.bind(name, value.clone());
                    }
                    results.push(joined);
                }
                return Ok(());
            }
            other => other.items().map_or_else(|| vec![other.clone()], Items::to_vec),
        };
        self.fuel.pay((values.len() * (1 + tuple.bindings.len())) as u64)?;
        let each = size_of::<Tuple>() + (tuple.bindings.len() + 3) * size_of::<(Name, Value)>();
        self.fuel.check_memory((results.len() + values.len()) * each)?;
        for (at, value) in values.into_iter().enumerate() {
            let mut next = tuple.clone();
            match &step.focus {
                Some(focus) => next.bind(focus, value),
                None => next.context = value,
            }
            if let Some(index) = &step.index {
                next.bind(index, Value::from(at));
            }
            if let Some(ancestor) = &step.ancestor_name {
                next.bind(ancestor, tuple.context.clone());
            }
            results.push(next);
        }
        Ok(())
    }

    /// Predicates and places of a step.
    fn tuple_stages(
        &mut self,
        stages: &[Stage],
        tuples: Vec<Tuple>,
        env: &Env,
    ) -> Outcome<Vec<Tuple>> {
        let mut tuples = tuples;
        for stage in stages {
            match stage {
                Stage::Filter(predicate) => {
                    let filtered = self.filter(predicate, Value::Tuples(tuples.into()), env)?;
                    tuples = match filtered {
                        Value::Tuples(tuples) => std::rc::Rc::try_unwrap(tuples)
                            .unwrap_or_else(|shared| (*shared).clone()),
                        _ => Vec::new(),
                    };
                }
                Stage::Index(name) => {
                    self.fuel.pay(tuples.len() as u64)?;
                    for (at, tuple) in tuples.iter_mut().enumerate() {
                        tuple.bind(name, Value::from(at));
                    }
                }
            }
        }
        Ok(tuples)
    }
}
