//! Who is told of status changes: each one, in order, whatever happens in between.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use stepyard_machine::StatusChange;
use stepyard_runtime::{EventTarget, RedriveRequest, Runtime, TargetSnapshot, TellError};
use stepyard_store::{ExecutionId, Store, TargetId, all_shards};

use crate::faulty::{Fault, FaultyStore};
use crate::network::Network;
use crate::world::{World, chosen};
use crate::{INPUT, WORKFLOW};

/// It starts and ends in one commit.
const QUICK: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

/// It fails when it has waited, each time.
const FAILS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5,"Next":"F"},
    "F":{"Type":"Fail","Error":"E"}}}"#;

/// Keeps what it is told.
#[derive(Default)]
struct Listener {
    number: u32,
    told: Mutex<Vec<(ExecutionId, StatusChange)>>,
    is_down: AtomicBool,
    refuses: AtomicBool,
    panics: AtomicBool,
}

impl Listener {
    fn new(number: u32) -> Arc<Listener> {
        Arc::new(Listener { number, ..Listener::default() })
    }

    fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// The statuses that it was told, by the name of their execution. What is told again at once counts once.
    fn told(&self) -> BTreeMap<Arc<str>, Vec<&'static str>> {
        let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut last = BTreeMap::new();
        for (execution, change) in &*self.told.lock().unwrap() {
            if last.insert(*execution, change.position) != Some(change.position) {
                let name = change.context.execution_name.clone();
                told.entry(name).or_default().push(change.status.as_str());
            }
        }
        told
    }

    fn count(&self) -> usize {
        self.told.lock().unwrap().len()
    }
}

#[async_trait]
impl EventTarget for Listener {
    fn id(&self) -> TargetId {
        TargetId(self.number)
    }

    fn name(&self) -> Arc<str> {
        format!("listener {}", self.number).into()
    }

    async fn tell(&self, execution: ExecutionId, change: &StatusChange) -> Result<(), TellError> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "on purpose");
        if self.is_down.load(Ordering::SeqCst) {
            return Err(TellError::Unavailable("it is down".into()));
        }
        if self.refuses.load(Ordering::SeqCst) {
            return Err(TellError::Refused("it is nothing to it".into()));
        }
        self.told.lock().unwrap().push((execution, change.clone()));
        Ok(())
    }
}

fn world(definition: &str, store: &FaultyStore, listeners: &[&Arc<Listener>]) -> World {
    World::new(definition, store.clone()).telling(listeners)
}

impl World {
    fn telling(mut self, listeners: &[&Arc<Listener>]) -> World {
        let target = |listener: &&Arc<Listener>| -> Arc<dyn EventTarget> { (*listener).clone() };
        self.event_targets = listeners.iter().map(target).collect();
        self
    }

    /// How many notices there are for a listener.
    async fn notices(&self, listener: &Listener) -> usize {
        let mut count = 0;
        for shard in all_shards() {
            count += self.store.notices(shard, listener.id(), None, 999).await.unwrap().len();
        }
        count
    }

    async fn redrive_now(&self, runtime: &Runtime, name: &str) {
        let request = RedriveRequest {
            state_machine_arn: chosen(name).state_machine_arn.clone(),
            name: name.into(),
            client_token: "token".into(),
        };
        let mut asking = std::pin::pin!(runtime.redrive_execution(request));
        self.passing_time(&mut asking).await.unwrap();
    }
}

fn snapshot(runtime: &Runtime, number: usize) -> TargetSnapshot {
    runtime.metrics().targets[number].clone()
}

#[tokio::test]
async fn each_change_is_told_once_and_its_notice_goes() {
    let listener = Listener::new(7);
    let world = world(WORKFLOW, &FaultyStore::sound(), &[&listener]);
    let runtime = world.start_runtime().await;
    world.start(&runtime, "one", INPUT).await.unwrap();
    world.until(|| listener.count() > 0).await;
    assert_eq!(listener.told()["one"], ["RUNNING"]);
    world.until(|| listener.count() > 1).await;
    assert_eq!(listener.told()["one"], ["RUNNING", "SUCCEEDED"]);
    world.pass(2).await;
    assert_eq!((listener.count(), world.notices(&listener).await), (2, 0));
    let told = snapshot(&runtime, 0);
    assert_eq!((told.told, told.failed, told.dropped, told.lag.as_secs()), (2, 0, 0, 0));

    let changes = listener.told.lock().unwrap().clone();
    let (start, end) = (&changes[0].1, &changes[1].1);
    assert_eq!(start.context, chosen("one"));
    assert_eq!((start.stopped_at, &start.output), (None, &None));
    assert_eq!(end.started_at, start.at);
    assert_eq!(end.stopped_at, Some(end.at));
    assert_eq!(end.input.text(), start.input.text());
    assert!(end.output.is_some());
}

#[tokio::test]
async fn a_start_and_an_end_in_one_commit_are_two_changes_of_one_notice() {
    let (listener, store) = (Listener::new(7), FaultyStore::sound());
    let world = world(QUICK, &store, &[&listener]);
    let runtime = world.start_runtime().await;
    listener.set_down(true);
    world.start(&runtime, "one", "{}").await.unwrap();
    assert_eq!(world.notices(&listener).await, 1);
    listener.set_down(false);
    world.until(|| listener.count() > 1).await;
    assert_eq!(listener.told()["one"], ["RUNNING", "SUCCEEDED"]);
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_written() {
    let (listener, store) = (Listener::new(7), FaultyStore::sound());
    let world = world(QUICK, &store, &[]);
    let runtime = world.start_runtime().await;
    world.start(&runtime, "one", "{}").await.unwrap();
    assert_eq!(world.notices(&listener).await, 0);
    assert_eq!(runtime.metrics().targets, []);
    drop(runtime);
    // Nor is it told later of what was before it.
    let world = world.telling(&[&listener]);
    let runtime = world.start_runtime().await;
    world.start(&runtime, "two", "{}").await.unwrap();
    world.until(|| listener.count() > 1).await;
    world.pass(5).await;
    assert_eq!(listener.told().keys().map(|name| &**name).collect::<Vec<_>>(), ["two"]);
}

#[tokio::test]
async fn a_target_that_is_down_is_told_later_and_holds_up_no_other() {
    let (down, up) = (Listener::new(1), Listener::new(2));
    down.set_down(true);
    let world = world(FAILS, &FaultyStore::sound(), &[&down, &up]);
    let runtime = world.start_runtime().await;
    for name in ["one", "two"] {
        world.start(&runtime, name, "{}").await.unwrap();
    }
    world.until(|| up.count() == 4).await;
    world.pass(60).await;
    assert_eq!(down.count(), 0);
    let told = snapshot(&runtime, 0);
    assert!(told.failed > 4 && told.failed < 100, "{}", told.failed);
    assert!(told.lag.as_secs() >= 60, "{:?}", told.lag);
    assert_eq!(snapshot(&runtime, 1).lag.as_secs(), 0);
    assert_eq!((world.notices(&down).await, world.notices(&up).await), (4, 0));
    down.set_down(false);
    world.until(|| down.count() == 4).await;
    for name in ["one", "two"] {
        assert_eq!(down.told()[name], ["RUNNING", "FAILED"]);
    }
    world.pass(2).await;
    assert_eq!(snapshot(&runtime, 0).lag.as_secs(), 0);
    assert_eq!(world.notices(&down).await, 0);
}

/// Cuts the process off after each commit in turn.
#[tokio::test]
async fn a_crash_at_any_commit_has_every_change_told_in_order() {
    let mut crashes = 0;
    for crash_at in 0.. {
        let (listener, store) = (Listener::new(7), FaultyStore::sound());
        let world = world(WORKFLOW, &store, &[&listener]);
        let runtime = world.start_runtime().await;
        store.fail_after(crash_at);
        tokio::select! {
            biased;
            _ = world.start(&runtime, "one", INPUT) => {}
            () = store.has_failed() => {}
        };
        if !world.until_failed_or_closed(&store).await {
            break;
        }
        crashes += 1;
        drop(runtime);
        store.recover();
        let runtime = world.start_runtime().await;
        world.start_or_find(&runtime, "one", INPUT).await;
        world.until_closed(1).await;
        world.pass(30).await;
        assert_eq!(listener.told()["one"], ["RUNNING", "SUCCEEDED"], "crash at {crash_at}");
        assert_eq!(world.notices(&listener).await, 0, "crash at {crash_at}");
    }
    assert!(crashes > 6, "{crashes}");
}

#[tokio::test]
async fn a_crash_before_a_target_is_told_leaves_that_to_the_next_process() {
    let listener = Listener::new(7);
    listener.set_down(true);
    let world = world(FAILS, &FaultyStore::sound(), &[&listener]);
    let runtime = world.start_runtime().await;
    for number in 0..100 {
        world.start(&runtime, &format!("e{number}"), "{}").await.unwrap();
    }
    world.until_closed(100).await;
    drop(runtime);
    listener.set_down(false);
    let runtime = world.start_runtime().await;
    world.until(|| listener.told().values().flatten().count() == 200).await;
    assert!(listener.told().values().all(|told| *told == ["RUNNING", "FAILED"]));
    assert_eq!(runtime.metrics().started, 0, "by the journal alone");
}

/// A commit of unknown outcome, after which the shard has read everything anew.
#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_told_of() {
    let (listener, store) = (Listener::new(7), FaultyStore::sound());
    let world = world(QUICK, &store, &[&listener]);
    let runtime = world.start_runtime().await;
    store.next_commits(&[Fault::LostAfter, Fault::LostBefore]);
    for name in ["one", "two"] {
        world.start_or_find(&runtime, name, "{}").await;
    }
    world.until(|| listener.count() >= 4).await;
    for name in ["one", "two"] {
        assert_eq!(listener.told()[name], ["RUNNING", "SUCCEEDED"]);
    }
}

#[tokio::test]
async fn a_storm_of_faults_leaves_no_change_untold() {
    for seed in 0..20 {
        let (listener, store) = (Listener::new(7), FaultyStore::seeded(seed));
        let world = World::seeded(WORKFLOW, store.clone(), seed).telling(&[&listener]);
        let runtime = world.start_runtime().await;
        for number in 0..8 {
            world.start_or_find(&runtime, &format!("e{number}"), INPUT).await;
        }
        world.until_closed(8).await;
        world.pass(20).await;
        let told = listener.told();
        assert_eq!(told.len(), 8, "seed {seed}");
        assert!(
            told.values().all(|told| *told == ["RUNNING", "SUCCEEDED"]),
            "seed {seed}: {told:?}"
        );
    }
}

#[tokio::test]
async fn a_redrive_is_told_with_what_was_before_it() {
    let (listener, store) = (Listener::new(7), FaultyStore::sound());
    let world = world(FAILS, &store, &[&listener]);
    let runtime = world.start_runtime().await;
    world.start(&runtime, "one", "{}").await.unwrap();
    world.until(|| listener.count() == 2).await;
    world.redrive_now(&runtime, "one").await;
    world.until(|| listener.count() == 4).await;
    assert_eq!(listener.told()["one"], ["RUNNING", "FAILED", "RUNNING", "FAILED"]);
    let redriven = |at: usize| listener.told.lock().unwrap()[at].1.redriven.map(|by| by.count);
    assert_eq!([0, 1, 2, 3].map(redriven), [None, None, Some(1), Some(1)]);
}

#[tokio::test]
async fn what_a_target_refuses_holds_up_nothing() {
    let listener = Listener::new(7);
    let world = world(QUICK, &FaultyStore::sound(), &[&listener]);
    let runtime = world.start_runtime().await;
    listener.refuses.store(true, Ordering::SeqCst);
    world.start(&runtime, "refused", "{}").await.unwrap();
    world.until(|| snapshot(&runtime, 0).dropped == 2).await;
    listener.refuses.store(false, Ordering::SeqCst);
    listener.panics.store(true, Ordering::SeqCst);
    world.start(&runtime, "panics", "{}").await.unwrap();
    world.until(|| snapshot(&runtime, 0).dropped == 3).await;
    world.until(|| listener.count() == 1).await;
    assert_eq!(listener.told()["panics"], ["SUCCEEDED"]);
    assert_eq!(snapshot(&runtime, 0).failed, 0);
    world.pass(2).await;
    assert_eq!(world.notices(&listener).await, 0);
}

#[tokio::test]
async fn what_is_older_than_a_day_is_not_told_any_more() {
    let listener = Listener::new(7);
    listener.set_down(true);
    let world = world(QUICK, &FaultyStore::sound(), &[&listener]);
    let runtime = world.start_runtime().await;
    world.start(&runtime, "old", "{}").await.unwrap();
    drop(runtime);
    listener.set_down(false);
    let world = world.later(2);
    let runtime = world.start_runtime().await;
    world.start(&runtime, "new", "{}").await.unwrap();
    world.until(|| listener.count() == 2).await;
    assert_eq!(listener.told().into_keys().collect::<Vec<_>>(), ["new".into()]);
    assert_eq!(snapshot(&runtime, 0).dropped, 2);
}

#[tokio::test]
async fn notices_of_a_target_that_is_gone_are_removed() {
    let (gone, present) = (Listener::new(1), Listener::new(2));
    gone.set_down(true);
    let world = world(QUICK, &FaultyStore::sound(), &[&gone]);
    let runtime = world.start_runtime().await;
    world.start(&runtime, "one", "{}").await.unwrap();
    assert_eq!(world.notices(&gone).await, 1);
    drop(runtime);
    let world = world.telling(&[&present]);
    let runtime = world.start_runtime().await;
    assert_eq!(world.notices(&gone).await, 0);
    present.set_down(true);
    world.start(&runtime, "two", "{}").await.unwrap();
    assert_eq!(world.notices(&present).await, 1);
    drop(runtime);
    let world = world.telling(&[]);
    let _runtime = world.start_runtime().await;
    assert_eq!(world.notices(&present).await, 0, "the last one is gone, too");
}

#[tokio::test]
async fn a_node_without_targets_removes_no_notices_of_a_cluster() {
    let listener = Listener::new(7);
    listener.set_down(true);
    let (world, network) = (World::of_nodes(QUICK), Network::default());
    let one = world.clone().telling(&[&listener]).start_node(&network, "one").await;
    world.start(&one, "one", "{}").await.unwrap();
    let two = world.start_node(&network, "two").await;
    assert_eq!(world.notices(&listener).await, 1);
    for address in ["one", "two"] {
        network.detach(address);
    }
    drop((one, two));
    // Until the leases of both have run out.
    world.pass(10).await;
    let _alone = world.start_node(&network, "three").await;
    assert_eq!(world.notices(&listener).await, 0);
}

#[tokio::test]
async fn a_change_is_told_by_the_node_that_owns_its_shard() {
    let (first, second) = (Listener::new(7), Listener::new(7));
    let (world, network) = (World::of_nodes(FAILS), Network::default());
    let one = world.clone().telling(&[&first]).start_node(&network, "one").await;
    let two = world.clone().telling(&[&second]).start_node(&network, "two").await;
    let divided = || [&one, &two].iter().all(|node| node.metrics().shards > 16);
    world.until(divided).await;
    for number in 0..40 {
        world.start_or_find(&one, &format!("e{number}"), "{}").await;
    }
    world.until(|| first.count() + second.count() >= 40).await;
    assert!(first.count() > 5 && second.count() > 5, "{} {}", first.count(), second.count());
    network.detach("two");
    drop(two);
    // The other one goes on with what it has not told.
    world.until_closed(40).await;
    world.pass(20).await;
    let (mut told, other) = (first.told(), second.told());
    for (name, statuses) in other {
        let known = told.entry(name).or_default();
        for status in statuses {
            if !known.contains(&status) {
                known.push(status);
            }
        }
    }
    assert_eq!(told.len(), 40);
    for (name, statuses) in told {
        assert!(["RUNNING", "FAILED"].iter().all(|status| statuses.contains(status)), "{name}");
    }
}
