//! Which variables a state reads: `variableReferences` of DescribeStateMachine.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{
    Catcher, ChoiceRule, Flow, Items, MaxConcurrency, Outcome, Path, Program, Seconds, State,
    StateKind, TextSource, Tolerated, WaitUntil,
};

/// Names of variables, in order.
pub type VariableNames = BTreeSet<Arc<str>>;

/// What may read variables.
pub(crate) trait References {
    /// Adds the names of those that it reads.
    fn collect(&self, found: &mut VariableNames);
}

impl Program {
    /// The variables that each state reads, in document order; states that read none are left out.
    pub fn variable_references(&self) -> Vec<(Arc<str>, VariableNames)> {
        let all = self.states.iter().map(|state| (state.name.clone(), references(state)));
        all.filter(|(_, names)| !names.is_empty()).collect()
    }
}

/// The variables that a state reads.
pub(crate) fn references(state: &State) -> VariableNames {
    let mut found = VariableNames::new();
    state.collect(&mut found);
    found
}

impl<R: References> References for Option<R> {
    fn collect(&self, found: &mut VariableNames) {
        if let Some(inner) = self {
            inner.collect(found);
        }
    }
}

impl<R: References> References for [R] {
    fn collect(&self, found: &mut VariableNames) {
        for inner in self {
            inner.collect(found);
        }
    }
}

impl References for Path {
    fn collect(&self, found: &mut VariableNames) {
        found.extend(self.variable().cloned());
    }
}

impl References for TextSource {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            TextSource::Literal(_) => {}
            TextSource::Expression(expression) => expression.collect(found),
            TextSource::Jsonata(jsonata) => jsonata.collect(found),
        }
    }
}

impl References for Seconds {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            Seconds::Literal(_) => {}
            Seconds::Path(path) => path.collect(found),
            Seconds::Jsonata(jsonata) => jsonata.collect(found),
        }
    }
}

impl References for Tolerated {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            Tolerated::Literal(_) => {}
            Tolerated::Path(path) => path.collect(found),
            Tolerated::Jsonata(jsonata) => jsonata.collect(found),
        }
    }
}

impl References for MaxConcurrency {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            MaxConcurrency::Literal(_) => {}
            MaxConcurrency::Path(path) => path.collect(found),
            MaxConcurrency::Jsonata(jsonata) => jsonata.collect(found),
        }
    }
}

impl References for WaitUntil {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            WaitUntil::Seconds(seconds) => seconds.collect(found),
            WaitUntil::Timestamp(_) => {}
            WaitUntil::TimestampPath(path) => path.collect(found),
            WaitUntil::TimestampJsonata(jsonata) => jsonata.collect(found),
        }
    }
}

impl References for Outcome {
    fn collect(&self, found: &mut VariableNames) {
        self.result_selector.collect(found);
        self.catch.as_slice().collect(found);
    }
}

impl References for Items {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            Items::Path(path) => path.collect(found),
            Items::Template(items) => items.collect(found),
        }
    }
}

impl References for Flow {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            Flow::JsonPath { input_path, output_path } => {
                input_path.collect(found);
                output_path.collect(found);
            }
            Flow::Jsonata { output } => output.collect(found),
        }
    }
}

impl References for Catcher {
    fn collect(&self, found: &mut VariableNames) {
        self.output.collect(found);
        self.assign.collect(found);
    }
}

impl References for ChoiceRule {
    fn collect(&self, found: &mut VariableNames) {
        self.condition.collect(found);
        self.output.collect(found);
        self.assign.collect(found);
    }
}

impl References for State {
    fn collect(&self, found: &mut VariableNames) {
        self.flow.collect(found);
        self.assign.collect(found);
        match &self.kind {
            StateKind::Pass(pass) => pass.parameters.collect(found),
            StateKind::Task(task) => {
                task.parameters.collect(found);
                task.credentials.collect(found);
                task.timeout.collect(found);
                task.heartbeat.collect(found);
                task.outcome.collect(found);
            }
            StateKind::Choice(choice) => choice.choices.as_slice().collect(found),
            StateKind::Wait(wait) => wait.until.collect(found),
            StateKind::Succeed => {}
            StateKind::Fail(fail) => {
                fail.error.collect(found);
                fail.cause.collect(found);
            }
            StateKind::Parallel(parallel) => {
                parallel.parameters.collect(found);
                parallel.outcome.collect(found);
            }
            StateKind::Map(map) => {
                map.items.collect(found);
                map.item_selector.collect(found);
                map.max_concurrency.collect(found);
                map.tolerated_failure_count.collect(found);
                map.tolerated_failure_percentage.collect(found);
                if let Some(distributed) = &map.distributed {
                    distributed.collect(found);
                }
                map.outcome.collect(found);
            }
        }
    }
}
