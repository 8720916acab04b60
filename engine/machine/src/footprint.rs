//! How much data an execution holds.

use std::collections::BTreeSet;

use stepyard_json::Payload;

use crate::frame::Frame;
use crate::{Execution, MapRun};

/// The data of an execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of JSON text. What two places share counts once; what has no text of its own is a part of something that
    /// has one.
    pub bytes: usize,
    /// The places that were looked at, which is what measuring costs.
    pub places: usize,
}

impl Execution {
    /// Measures what it holds: inputs of states, parameters of tasks, items, results and variables.
    pub fn footprint(&self) -> Footprint {
        let mut footprint = Footprint::default();
        let mut seen = BTreeSet::new();
        let mut count = |payload: &Payload| {
            footprint.places += 1;
            if seen.insert(payload.address()) {
                footprint.bytes += payload.text_len().unwrap_or(0);
            }
        };
        [self.input(), self.output()].into_iter().flatten().for_each(&mut count);
        for (_, frame) in self.frames() {
            held(frame).for_each(&mut count);
        }
        footprint.bytes += self.variable_bytes();
        footprint
    }
}

fn held(frame: &Frame) -> impl Iterator<Item = &Payload> {
    let children = frame.children();
    let map = children.and_then(|children| children.map.as_ref());
    let results = children.into_iter().flat_map(|children| children.results.iter().flatten());
    [&frame.data]
        .into_iter()
        .chain(frame.attempt().map(|attempt| &attempt.invocation.parameters))
        .chain(map.into_iter().flat_map(|map| [&map.input, &map.items]))
        .chain(results)
        .chain(frame.map_run().into_iter().flat_map(MapRun::held))
}

#[cfg(test)]
mod tests {
    use stepyard_asl::{Timestamp, compile};
    use stepyard_json::Payload;

    use super::Footprint;
    use crate::samples::start_context;
    use crate::{Decision, Execution, ExecutionKind, Moment, StartContext, Stimulus, decide};

    #[test]
    fn inputs_parameters_and_items_are_held() {
        let program = compile(
            r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"MaxConcurrency":1,
                "ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
                    "Resource":"arn:aws:lambda:r:a:function:f"}}}}}}"#,
        );
        let context = StartContext { kind: ExecutionKind::Express, ..start_context() };
        let (mut execution, mut out) = (Execution::new(), Decision::default());
        assert_eq!(execution.footprint(), Footprint::default());
        let moment = Moment { now: Timestamp(1), entropy: [0; 16] };
        let input = Payload::from_text("[\"x\",\"y\"]").expect("it is JSON");
        let start = Stimulus::Start { context: context.into(), input };
        decide(&program.program.expect("it compiles"), &mut execution, moment, start, &mut out);
        // The input of the execution, which is that of the state, its work and its items, too; an item, which is the
        // parameters of a task as well.
        assert_eq!(execution.footprint(), Footprint { bytes: 9 + 3, places: 6 });
    }
}
