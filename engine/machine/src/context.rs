//! What a state sees beside its data: the context object (`$$`), built when somebody looks at it, and variables.

use std::cell::OnceCell;

use stepyard_asl::{Program, StateKind, StatesMember, Surroundings};
use stepyard_json::{Json, Object, Payload};

use crate::execution::Execution;
use crate::frame::Phase;
use crate::{EventId, ExecutionKind, FrameId, Inspection, Item, TaskId};

/// What an expression is about: `$` in JSONPath, a member of `$states` in JSONata.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// The input of the state, or what the paths before have made of it.
    Input(&'a Payload),
    /// The result of its work.
    Result(&'a Payload),
    /// What a catcher has caught.
    ErrorOutput(&'a Payload),
}

impl<'a> Subject<'a> {
    pub(crate) fn data(self) -> &'a Payload {
        match self {
            Subject::Input(data) | Subject::Result(data) | Subject::ErrorOutput(data) => data,
        }
    }
}

/// What one frame sees.
pub(crate) struct Context<'a> {
    program: &'a Program,
    execution: &'a Execution,
    frame: FrameId,
    subject: Subject<'a>,
    /// The item for which a Map state's `ItemSelector` is evaluated.
    selected: Option<&'a Item>,
    /// Variables that a test gives, behind those that are assigned.
    given_variables: Option<&'a Json>,
    tree: OnceCell<Json>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        program: &'a Program,
        execution: &'a Execution,
        frame: FrameId,
        subject: Subject<'a>,
    ) -> Self {
        let (selected, given_variables, tree) = (None, None, OnceCell::new());
        Context { program, execution, frame, subject, selected, given_variables, tree }
    }

    /// With the item that a Map state's `ItemSelector` is evaluated for.
    pub(crate) fn for_item(self, selected: Option<&'a Item>) -> Self {
        Context { selected, ..self }
    }

    /// With what a test gives in its place.
    pub(crate) fn or_given(self, inspection: Option<&'a Inspection>) -> Self {
        let Some(inspection) = inspection else { return self };
        let tree = inspection.context.clone().map(OnceCell::from).unwrap_or_default();
        Context { tree, given_variables: inspection.variables.as_ref(), ..self }
    }

    /// The members in the order that AWS writes them.
    fn build(&self) -> Json {
        let mut whole = Object::new();
        whole.insert("Execution", self.execution_part());
        if let Some(item) = self.selected.cloned().or_else(|| self.item_around()) {
            whole.insert("Map", object([("Item", item.in_context())]));
        }
        whole.insert("StateMachine", self.state_machine_part());
        if let Some(state) = self.state_part() {
            whole.insert("State", state);
        }
        if let Some(token) = self.token() {
            whole.insert("Task", object([("Token", token.into())]));
        }
        whole.into()
    }

    fn execution_part(&self) -> Json {
        let Some(context) = self.execution.context() else { return Json::empty_object() };
        let input = self.execution.input().map(|input| input.tree().clone()).unwrap_or_default();
        let started = self.execution.started_at().unwrap_or_default();
        let mut part: Object = [
            ("Id", Json::from(context.execution_arn.clone())),
            ("Input", input),
            ("StartTime", started.to_string().into()),
            ("Name", context.execution_name.clone().into()),
            ("RoleArn", context.role_arn.clone().into()),
        ]
        .into_iter()
        .collect();
        if context.kind != ExecutionKind::SyncExpress {
            part.insert("RedriveCount", Json::from(self.execution.redrive_count()));
        }
        if let Some(redriven) = self.execution.redriven() {
            part.insert("RedriveTime", Json::from(redriven.at.to_string()));
        }
        part.into()
    }

    fn state_machine_part(&self) -> Json {
        let Some(context) = self.execution.context() else { return Json::empty_object() };
        object([
            ("Id", context.state_machine_arn.clone().into()),
            ("Name", context.state_machine_name.clone().into()),
        ])
    }

    fn state_part(&self) -> Option<Json> {
        let frame = self.execution.frame(self.frame)?;
        let state = self.program.state(frame.state?);
        let mut part = Object::new();
        part.insert("Name", Json::from(state.name.clone()));
        part.insert("EnteredTime", Json::from(frame.entered_at.to_string()));
        // Only the types that can be retried show it.
        if matches!(state.kind, StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_)) {
            part.insert("RetryCount", Json::from(frame.retry_count()));
        }
        Some(part.into())
    }

    /// The token of the task that the state is about to hand out, or has handed out last.
    fn token(&self) -> Option<String> {
        let frame = self.execution.frame(self.frame)?;
        let StateKind::Task(task) = &self.program.state(frame.state?).kind else { return None };
        if !task.resource.gives_token() {
            return None;
        }
        let task = match frame.phase {
            Phase::Entered | Phase::RetryDue(_) => {
                TaskId(EventId(self.execution.last_event_id().0 + 1))
            }
            _ => frame.task?,
        };
        self.execution.token(task)
    }

    /// The item of the innermost Map state around the frame.
    fn item_around(&self) -> Option<Item> {
        let mut frame = self.execution.frame(self.frame)?;
        loop {
            let parent = self.execution.frame(frame.parent?)?;
            if let Some(map) = parent.children().and_then(|children| children.map.as_ref()) {
                let item = map.items.tree().index(frame.index as usize)?;
                return Some(Item::of_array(u64::from(frame.index), item.clone()));
            }
            frame = parent;
        }
    }
}

impl Surroundings for Context<'_> {
    fn context_object(&self) -> &Json {
        self.tree.get_or_init(|| self.build())
    }

    fn variable(&self, name: &str) -> Option<&Json> {
        let assigned = self.execution.variable(self.frame, name);
        assigned.or_else(|| self.given_variables?.get(name))
    }

    fn states(&self, member: StatesMember) -> Option<Json> {
        match (member, self.subject) {
            (StatesMember::Input, _) => Some(self.execution.frame(self.frame)?.data.tree().clone()),
            (StatesMember::Context, _) => Some(self.context_object().clone()),
            (StatesMember::Result, Subject::Result(data))
            | (StatesMember::ErrorOutput, Subject::ErrorOutput(data)) => Some(data.tree().clone()),
            (StatesMember::Result | StatesMember::ErrorOutput, _) => None,
        }
    }
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    members.into_iter().collect::<Object>().into()
}
