//! Executions that tasks start, as the task runner of the server starts them: under a name that follows from the task's
//! idempotency key, so that it is one execution however often the task is handed out.

use std::sync::Arc;

use stepyard_json::{Json, Object, Payload};
use stepyard_runtime::{StartError, StartExecution, TaskOutcome};

use crate::host::{Host, Running};
use crate::worker::Worker;

/// An answer that takes longer is not waited for, in milliseconds.
const PATIENCE_MILLIS: i64 = 20_000;

/// The name of the execution that a task starts.
pub(crate) fn name_for(idempotency_key: &str) -> Arc<str> {
    idempotency_key.replace(':', "-").into()
}

impl Worker {
    /// Asks until the execution is known to be there.
    pub(crate) async fn start_nested(&self, key: &str, parameters: &Json) -> TaskOutcome {
        let machine = self.world.inner().unwrap();
        let context = machine.context(&name_for(key));
        let input = Payload::from(parameters.get("Input").unwrap().clone());
        loop {
            let start = StartExecution {
                context: context.clone(),
                name_is_chosen: true,
                revision: machine.revision,
                program: machine.program.clone(),
                input: input.clone(),
            };
            let answer = match self.host() {
                Some(host) => {
                    let ask = async move |here: &Running| here.runtime.start_execution(start).await;
                    host.ask(&self.world, PATIENCE_MILLIS, ask).await
                }
                None => None,
            };
            let answer = answer.map(|answer| answer.map(drop));
            self.world
                .witness
                .note(format_args!("{} is started: {answer:?}", context.execution_arn));
            match answer {
                Some(Ok(()) | Err(StartError::AlreadyExists { .. })) => break,
                Some(Err(StartError::Throttled | StartError::Unavailable(_))) | None => {
                    self.work(self.world.faults.millis(10, 2_000)).await;
                }
            }
        }
        let mut answer = Object::new();
        answer.insert("ExecutionArn", context.execution_arn.clone());
        TaskOutcome::Submitted(Json::from(answer).into())
    }

    /// Where its process runs, once it takes requests.
    fn host(&self) -> Option<&Host> {
        let is_here = |host: &&Arc<Host>| {
            let running = host.running();
            running.is_some_and(|running| running.process.number == self.process.number)
        };
        self.world.hosts.iter().find(is_here).map(|host| &**host)
    }
}
