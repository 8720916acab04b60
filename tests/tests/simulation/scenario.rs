//! The state machines of a world, and what their executions are called.

use std::sync::Arc;

use stepyard_asl::{Program, Random, Timestamp, compile};
use stepyard_json::{Json, Payload};
use stepyard_machine::StartContext;
use stepyard_store::{ExecutionRow, Revision, ShardId, StateMachine, StateMachineType, Tags};
use uuid::Uuid;

use crate::sketch::families::INNER;
use crate::sketch::{self, Sketch, jsonata};
use crate::world::Plan;

const ARN: &str = "arn:aws:states:us-east-1:000000000000";

/// Seconds after which an execution of a machine with a time limit ends, at least and at most.
const TIME_LIMIT: (u64, u64) = (20, 100_000);

/// A random state machine.
pub(crate) struct Machine {
    pub(crate) name: Arc<str>,
    pub(crate) arn: Arc<str>,
    pub(crate) sketch: Sketch,
    pub(crate) program: Arc<Program>,
    pub(crate) revision: Uuid,
    definition: Arc<str>,
}

impl Machine {
    pub(crate) fn random(random: &mut Random, number: u64, plan: &Plan) -> Machine {
        let mut sketch = Sketch::random(random);
        if plan.outside {
            sketch = sketch.with_outside(random);
        }
        if plan.families {
            sketch = sketch.with_families(random);
        }
        // Every second one is written in the other language; what happens is the same.
        let mut definition = match number % 2 {
            0 => sketch.definition(),
            _ => jsonata::definition(&sketch),
        };
        if let Json::Object(members) = &mut definition
            && random.below(5) == 0
        {
            let limit = TIME_LIMIT.0 + random.below(TIME_LIMIT.1);
            Arc::make_mut(members).insert("TimeoutSeconds", limit);
        }
        Machine::new(&format!("machine{number}"), u128::from(number) + 1, sketch, &definition)
    }

    /// That of the executions which tasks start.
    pub(crate) fn inner(random: &mut Random) -> Machine {
        let (_, name) = INNER.rsplit_once(':').unwrap();
        let sketch = Sketch::inner(random);
        let definition = sketch.definition();
        Machine::new(name, u128::MAX, sketch, &definition)
    }

    fn new(name: &str, revision: u128, sketch: Sketch, definition: &Json) -> Machine {
        let definition: Arc<str> = definition.to_string().into();
        Machine {
            arn: format!("{ARN}:stateMachine:{name}").into(),
            name: name.into(),
            sketch,
            program: compile(&definition).program.unwrap(),
            revision: Uuid::from_u128(revision),
            definition,
        }
    }

    /// As it is stored.
    pub(crate) fn stored(&self) -> StateMachine {
        let revision = Revision {
            id: self.revision,
            definition: self.definition.clone(),
            role_arn: "role".into(),
            configuration: "{}".into(),
            created_at: Timestamp(0),
        };
        StateMachine {
            arn: self.arn.clone(),
            name: self.name.clone(),
            machine_type: StateMachineType::Standard,
            created_at: Timestamp(0),
            revision,
            retention_days: None,
            tags: Tags::default(),
            deleting_since: None,
        }
    }

    /// An execution of it.
    pub(crate) fn context(&self, name: &str) -> Arc<StartContext> {
        Arc::new(StartContext {
            execution_arn: format!("{ARN}:execution:{}:{name}", self.name).into(),
            execution_name: name.into(),
            state_machine_arn: self.arn.clone(),
            state_machine_name: self.name.clone(),
            role_arn: "role".into(),
            qualifier: None,
            child_of: None,
            kind: Default::default(),
            limits: Default::default(),
        })
    }

    pub(crate) fn shard_of(&self, name: &str) -> ShardId {
        ShardId::of(&self.arn, name)
    }
}

/// ARN of an execution, also of a child execution of a Map Run.
pub(crate) fn arn_of(row: &ExecutionRow) -> String {
    let machine = row.state_machine_arn.replacen(":stateMachine:", ":execution:", 1);
    format!("{machine}:{}", row.name)
}

/// The same number gives the same input.
pub(crate) fn input(number: u64) -> Payload {
    Payload::from(sketch::input(&mut Random::from_seed(number)))
}

/// Some names of executions. In some worlds all of them belong to few shards.
pub(crate) fn names(random: &mut Random, machine: &Machine) -> Vec<Arc<str>> {
    let shards = [64, 64, 8, 1][random.below(4) as usize];
    let count = 2 + random.below(6) as usize;
    let all = (0..).map(|number| format!("e{number}"));
    let near = all.filter(|name| machine.shard_of(name).0 < shards);
    near.take(count).map(Into::into).collect()
}
