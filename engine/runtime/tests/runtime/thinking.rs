//! JSONata that takes long, beside executions that do not.

use stepyard_json::Json;
use stepyard_machine::ExecutionStatus;

use crate::faulty::FaultyStore;
use crate::world::World;

/// Costs more than a shard gives at once, and less than an expression may take.
const LONG: &str = r#"{"QueryLanguage":"JSONata","StartAt":"Sum","States":{
    "Sum":{"Type":"Pass","Output":"{% $sum($map([1..$states.input.n], function($x){ $x })) %}","Next":"Task"},
    "Task":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:echo","Next":"Again",
        "Output":"{% $sum($map([1..40000], function($x){ $x })) - $states.result %}"},
    "Again":{"Type":"Succeed"}}}"#;

/// Never comes to an end.
const ENDLESS: &str = r#"{"QueryLanguage":"JSONata","StartAt":"Loop","States":{"Loop":{"Type":"Pass","End":true,
    "Output":"{% ($f := function($x){ $f($x + 1) }; $f(1)) %}"}}}"#;

#[tokio::test]
async fn a_long_expression_is_evaluated_apart() {
    let world = World::new(LONG, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "long", r#"{"n":40000}"#).await.unwrap();
    world.until_closed(1).await;
    let journal = world.journal(&row).await;
    assert_eq!(journal.status(), Some(ExecutionStatus::Succeeded), "{:?}", journal.cause());
    assert_eq!(journal.output().unwrap().tree(), &Json::from(0));
    assert_eq!(runtime.metrics().long_decisions, 2);
    assert_eq!(world.runs().len(), 1, "the task was handed out once");
    let row = world.start(&runtime, "short", r#"{"n":3}"#).await.unwrap();
    world.until_closed(2).await;
    assert_eq!(world.journal(&row).await.status(), Some(ExecutionStatus::Succeeded));
    assert_eq!(runtime.metrics().long_decisions, 3);
}

#[tokio::test]
async fn an_endless_expression_fails_its_execution_and_no_other() {
    let world = World::new(ENDLESS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "endless", "{}").await.unwrap();
    world.until_closed(1).await;
    let journal = world.journal(&row).await;
    assert_eq!(journal.error().map(|error| &**error), Some("States.QueryEvaluationError"));
    let cause = journal.cause().unwrap();
    assert!(cause.ends_with("Expression evaluation timeout: Check for infinite loop"), "{cause}");
}

#[tokio::test]
async fn express_executions_think_too() {
    let world = World::new(LONG, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let end = world.run_express(&runtime, r#"{"n":40000}"#).await;
    assert_eq!(end.status, ExecutionStatus::Succeeded, "{:?}", end.cause);
    assert_eq!(end.output.unwrap().tree(), &Json::from(0));
}
