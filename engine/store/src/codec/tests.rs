use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use stepyard_asl::{StateId, Timestamp};
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    ChildOf, Event, EventId, EventKind, FrameId, Limits, Qualifier, StartContext, Text,
};

use super::{decode, encode};

fn any_text() -> impl Strategy<Value = Text> {
    proptest::option::of(".{0,12}".prop_map(Arc::from))
}

fn any_payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        Just(Payload::empty_object()),
        any::<i64>().prop_map(|number| Json::from(number).into()),
        ".{0,20}".prop_map(|text| Json::from(text).into()),
    ]
}

fn any_qualifier() -> impl Strategy<Value = Qualifier> {
    (any::<u64>(), any_text()).prop_map(|(version, alias)| Qualifier { version, alias })
}

fn any_child() -> impl Strategy<Value = ChildOf> {
    let map_run_arn = ".{0,12}".prop_map(Arc::from);
    let counts = (any::<u64>(), any::<u32>());
    (map_run_arn, any::<u32>().prop_map(StateId), counts).prop_map(
        |(map_run_arn, state, (items, redrive_count))| ChildOf {
            map_run_arn,
            state,
            items,
            redrive_count,
        },
    )
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let any = (any::<usize>(), any::<u64>(), any::<usize>(), any::<usize>());
    let any = any.prop_map(|(data_bytes, history_events, variable_bytes, variables_bytes)| {
        Limits { data_bytes, history_events, variable_bytes, variables_bytes }
    });
    prop_oneof![Just(Limits::AWS), any]
}

fn any_context() -> impl Strategy<Value = Arc<StartContext>> {
    let name = || ".{0,12}".prop_map(Arc::from);
    let names = (name(), name(), name(), name(), name());
    let (qualifier, child) =
        (proptest::option::of(any_qualifier()), proptest::option::of(any_child()));
    (names, qualifier, child, any_limits()).prop_map(|(names, qualifier, child_of, limits)| {
        // Those that have AWS's limits are children, or started with a version.
        let child_of = child_of.filter(|_| qualifier.is_none() || limits != Limits::AWS);
        let (execution_arn, execution_name, state_machine_arn, state_machine_name, role_arn) =
            names;
        Arc::new(StartContext {
            execution_arn,
            execution_name,
            state_machine_arn,
            state_machine_name,
            role_arn,
            qualifier,
            child_of,
            kind: Default::default(),
            limits,
        })
    })
}

fn seconds() -> impl Strategy<Value = Option<u64>> {
    proptest::option::of(0..u64::MAX - 1)
}

/// Kinds of executions, states and tasks.
fn any_simple_kind() -> impl Strategy<Value = EventKind> {
    let state = || any::<u32>().prop_map(StateId);
    prop_oneof![
        (any_context(), any_payload(), seconds()).prop_map(|(context, input, timeout_seconds)| {
            EventKind::ExecutionStarted { context, input, timeout_seconds }
        }),
        any_payload().prop_map(|output| EventKind::ExecutionSucceeded { output }),
        (any_text(), any_text())
            .prop_map(|(error, cause)| EventKind::ExecutionFailed { error, cause }),
        (any_text(), any_text())
            .prop_map(|(error, cause)| EventKind::ExecutionTimedOut { error, cause }),
        (any_text(), any_text())
            .prop_map(|(error, cause)| EventKind::ExecutionAborted { error, cause }),
        (any::<u32>(), any_text()).prop_map(|(redrive_count, client_token)| {
            EventKind::ExecutionRedriven { redrive_count, client_token }
        }),
        (state(), any_payload())
            .prop_map(|(state, input)| EventKind::StateEntered { state, input }),
        (state(), any_payload(), proptest::option::of(any_payload())).prop_map(
            |(state, output, assigned)| EventKind::StateExited { state, output, assigned }
        ),
        state().prop_map(|state| EventKind::StateAborted { state }),
        (state(), any_payload(), seconds(), seconds(), any_text()).prop_map(
            |(state, parameters, timeout_seconds, heartbeat_seconds, role_arn)| {
                EventKind::TaskScheduled {
                    state,
                    parameters,
                    timeout_seconds,
                    heartbeat_seconds,
                    role_arn,
                }
            }
        ),
        state().prop_map(|state| EventKind::TaskStarted { state }),
        (state(), any_payload())
            .prop_map(|(state, output)| EventKind::TaskSubmitted { state, output }),
        (state(), any_text())
            .prop_map(|(state, worker)| EventKind::ActivityStarted { state, worker }),
        (state(), any_payload())
            .prop_map(|(state, output)| EventKind::TaskSucceeded { state, output }),
        (state(), any_text(), any_text()).prop_map(|(state, error, cause)| EventKind::TaskFailed {
            state,
            error,
            cause
        }),
        (state(), any_text(), any_text())
            .prop_map(|(state, error, cause)| EventKind::TaskTimedOut { state, error, cause }),
        any::<i64>().prop_map(|until| EventKind::WaitStarted { until: Timestamp(until) }),
        (any::<u32>(), any::<i64>()).prop_map(|(retrier, due)| {
            EventKind::RetryScheduled { retrier, due: Timestamp(due) }
        }),
    ]
}

/// Kinds of Parallel and Map states.
fn any_nesting_kind() -> impl Strategy<Value = EventKind> {
    let state = || any::<u32>().prop_map(StateId);
    prop_oneof![
        (state(), any_payload(), any::<u32>()).prop_map(|(state, input, branches)| {
            EventKind::ParallelStateStarted { state, input, branches }
        }),
        Just(EventKind::BranchSucceeded),
        state().prop_map(|state| EventKind::ParallelStateSucceeded { state }),
        state().prop_map(|state| EventKind::ParallelStateFailed { state }),
        (state(), any_payload(), any_payload(), any::<u32>(), any::<u32>()).prop_map(
            |(state, input, items, length, concurrency)| EventKind::MapStateStarted {
                state,
                input,
                items,
                length,
                concurrency
            }
        ),
        (state(), any_payload(), any::<u32>()).prop_map(|(state, input, index)| {
            EventKind::MapIterationStarted { state, index, input }
        }),
        (state(), any::<u32>())
            .prop_map(|(state, index)| EventKind::MapIterationSucceeded { state, index }),
        (state(), any::<u32>())
            .prop_map(|(state, index)| EventKind::MapIterationFailed { state, index }),
        (state(), any::<u32>())
            .prop_map(|(state, index)| EventKind::MapIterationAborted { state, index }),
        state().prop_map(|state| EventKind::MapStateSucceeded { state }),
        state().prop_map(|state| EventKind::MapStateFailed { state }),
    ]
}

/// A chunk: ids are dense, `previous` lies before its event.
fn any_chunk() -> impl Strategy<Value = (u64, Vec<Event>)> {
    let kind = prop_oneof![any_simple_kind(), any_nesting_kind()];
    let event = (any::<i64>(), any::<u32>(), any::<prop::sample::Index>(), kind);
    (1..1_000_000_u64, prop::collection::vec(event, 0..20)).prop_map(|(first, events)| {
        let mut next_id = first;
        let number = |(at, frame, previous, kind): (i64, u32, prop::sample::Index, EventKind)| {
            let previous = EventId(previous.index(next_id as usize) as u64);
            let id = if kind.is_visible() { EventId(next_id) } else { EventId::NONE };
            next_id += u64::from(kind.is_visible());
            Event { at: Timestamp(at), frame: FrameId(frame), id, previous, kind }
        };
        (first, events.into_iter().map(number).collect())
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read((first, events) in any_chunk()) {
        prop_assert_eq!(decode(&encode(&events, first)).unwrap(), events);
    }

    #[test]
    fn a_flipped_bit_is_noticed((first, events) in any_chunk(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut body = encode(&events, first).to_vec();
        let at = at.index(body.len());
        body[at] ^= 1_u8 << bit;
        prop_assert!(decode(&body.into()).is_err());
    }

    #[test]
    fn nonsense_with_a_right_checksum_is_refused_without_harm(content in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut body = vec![1, 1];
        body.extend(content);
        let checksum = crc32fast::hash(&body);
        body.extend(checksum.to_le_bytes());
        // It may even be a chunk; it must not panic or take much memory.
        let _ = decode(&Bytes::from(body));
    }
}

#[test]
fn a_shared_payload_is_written_once() {
    let payload = Payload::from(Json::from("x".repeat(1_000)));
    let event = |id, kind| Event {
        at: Timestamp(1_000),
        frame: FrameId::ROOT,
        id: EventId(id),
        previous: EventId(id - 1),
        kind,
    };
    let events = [
        event(1, EventKind::StateEntered { state: StateId(0), input: payload.clone() }),
        event(
            2,
            EventKind::StateExited { state: StateId(0), output: payload.clone(), assigned: None },
        ),
        event(3, EventKind::ExecutionSucceeded { output: payload }),
    ];
    let body = encode(&events, 1);
    assert!(body.len() < 1_050, "{}", body.len());
    assert_eq!(decode(&body).unwrap(), events);
}
