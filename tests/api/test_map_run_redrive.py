"""Redriving Map Runs, by boto3: what runs again, how it is counted and shown, and what a crash changes."""

import json
import threading

import pytest

from harness import ROLE, stepyard
from test_map_run import counts, described_when, distributed, only, single, statuses
from test_redrive import Flaky, function, types

TASK = single({"Type": "Task", "Resource": function("f")}, "T")
WAIT = single({"Type": "Wait", "Seconds": 60}, "W")


def start(server, state, items):
    sfn = server.client()
    definition = json.dumps({"StartAt": "M", "States": {"M": state}})
    machine = sfn.create_state_machine(name="m", roleArn=ROLE, definition=definition)["stateMachineArn"]
    return sfn.start_execution(stateMachineArn=machine, name="e", input=json.dumps({"items": items}))["executionArn"]


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_the_same_map_run_goes_on_with_what_has_failed(start_server, lambda_stub, kind):
    flaky = Flaky({"2": 1})
    server = start_server(environment=lambda_stub(f=flaky).environment())
    sfn = server.client()
    execution = start(server, distributed(TASK, kind=kind, MaxConcurrency=1), [1, 2, 3, 4, 5])
    failed = server.await_end(execution)
    assert (failed["status"], failed["redriveStatus"]) == ("FAILED", "REDRIVABLE")
    run = only(sfn, execution)
    before = sfn.describe_map_run(mapRunArn=run)
    assert (before["status"], before["redriveCount"]) == ("FAILED", 0) and "redriveDate" not in before

    sfn.redrive_execution(executionArn=execution)
    done = server.await_end(execution)
    assert (done["status"], done["output"]) == ("SUCCEEDED", "[1,2,3,4,5]")
    assert only(sfn, execution) == run
    described = sfn.describe_map_run(mapRunArn=run)
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    assert before["stopDate"] <= described["redriveDate"] <= described["stopDate"]
    assert described["startDate"] == before["startDate"]
    expected = counts(succeeded=5, total=5, resultsWritten=5)
    assert described["executionCounts"] == described["itemCounts"] == expected
    assert flaky.calls.count(1) == 1, "it had succeeded"
    assert flaky.calls.count(2) == 2
    assert flaky.calls.count(5) == 1, "it was not started before"

    events = sfn.get_execution_history(executionArn=execution)["events"]
    assert [event["type"] for event in events][3:] == [
        "MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed", "ExecutionRedriven", "MapRunRedriven",
        "MapRunSucceeded", "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded"]
    [details] = [event["mapRunRedrivenEventDetails"] for event in events if event["type"] == "MapRunRedriven"]
    assert details == {"mapRunArn": run, "redriveCount": 1}


def test_standard_children_are_redriven(start_server, lambda_stub):
    flaky = Flaky({"2": 2})
    server = start_server(environment=lambda_stub(f=flaky).environment())
    sfn = server.client()
    work = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "T"}, **TASK["States"]}}
    execution = start(server, distributed(work), [1, 2, 3])
    for count in (1, 2):
        assert server.await_end(execution)["status"] == "FAILED"
        sfn.redrive_execution(executionArn=execution)
    assert server.await_end(execution)["status"] == "SUCCEEDED"
    run = only(sfn, execution)
    # The third one may have been cut off each time.
    redriven = sfn.list_executions(mapRunArn=run, redriveFilter="REDRIVEN")["executions"]
    [child] = [child for child in redriven
               if sfn.describe_execution(executionArn=child["executionArn"])["input"] == "2"]
    assert sfn.describe_map_run(mapRunArn=run)["redriveDate"] <= child["redriveDate"]
    kept = sfn.list_executions(mapRunArn=run, redriveFilter="NOT_REDRIVEN")["executions"]
    assert all(other["redriveCount"] == 0 and "redriveDate" not in other for other in kept)
    described = sfn.describe_execution(executionArn=child["executionArn"])
    assert (described["input"], described["output"], described["redriveCount"]) == ("2", "2", 2)
    again = ["ExecutionRedriven", "LambdaFunctionScheduled", "LambdaFunctionStarted"]
    assert types(sfn, child["executionArn"]) == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "TaskStateEntered", *again[1:],
        "LambdaFunctionFailed", "ExecutionFailed", *again, "LambdaFunctionFailed", "ExecutionFailed", *again,
        "LambdaFunctionSucceeded", "TaskStateExited", "ExecutionSucceeded"]


def test_children_that_wait_to_be_redriven_are_told_apart(start_server, lambda_stub):
    """The first of three that have failed holds the only place."""
    held, calls = threading.Event(), []

    def fails_at_first(event):
        calls.append(event)
        if len(calls) > 3:
            held.wait(60)
            return event
        raise ValueError("not yet")

    server = start_server(environment=lambda_stub(f=fails_at_first).environment())
    sfn = server.client()
    limits = {"MaxConcurrency": 1, "ToleratedFailureCount": 2}
    execution = start(server, distributed(TASK, **limits), [1, 2, 3])
    assert server.await_end(execution)["status"] == "FAILED"
    run = only(sfn, execution)
    assert sfn.describe_map_run(mapRunArn=run)["executionCounts"] == counts(failed=3, total=3)
    sfn.redrive_execution(executionArn=execution)
    described = described_when(sfn, run, lambda run: run["executionCounts"]["running"] == 1)
    expected = counts(running=1, pendingRedrive=2, total=3)
    assert described["executionCounts"] == described["itemCounts"] == expected
    assert (described["status"], described["redriveCount"]) == ("RUNNING", 1) and "stopDate" not in described
    # The row of a child that begins is there a moment after it is counted.
    described_when(sfn, run, lambda _: statuses(sfn, run, statusFilter="RUNNING") == ["RUNNING"])
    assert statuses(sfn, run, statusFilter="PENDING_REDRIVE") == ["PENDING_REDRIVE"] * 2
    assert statuses(sfn, run, statusFilter="FAILED") == []
    waiting = sfn.list_executions(mapRunArn=run, statusFilter="PENDING_REDRIVE")["executions"][0]
    assert sfn.describe_execution(executionArn=waiting["executionArn"])["status"] == "PENDING_REDRIVE"
    held.set()
    assert server.await_end(execution)["status"] == "SUCCEEDED"
    assert sfn.describe_map_run(mapRunArn=run)["executionCounts"] == counts(succeeded=3, total=3, resultsWritten=3)
    assert statuses(sfn, run, statusFilter="PENDING_REDRIVE") == []


def test_a_map_run_that_was_stopped_goes_on(start_server):
    server = start_server()
    sfn = server.client()
    execution = start(server, distributed(WAIT, MaxConcurrency=2), [1, 2, 3])
    run = only(sfn, execution)
    described_when(sfn, run, lambda run: run["executionCounts"]["running"] == 2)
    sfn.stop_execution(executionArn=execution)
    sfn.redrive_execution(executionArn=execution)
    described_when(sfn, run, lambda run: run["executionCounts"]["running"] == 2)
    described_when(sfn, run, lambda _: statuses(sfn, run) == ["RUNNING"] * 2)
    children = sfn.list_executions(mapRunArn=run)["executions"]
    assert [child["redriveCount"] for child in children] == [1, 1]
    sfn.stop_execution(executionArn=execution)
    described_when(sfn, run, lambda _: statuses(sfn, run) == ["ABORTED"] * 2)


def test_too_much_data_starts_a_new_map_run(start_server):
    server = start_server()
    sfn = server.client()
    large = single({"Type": "Pass", "Result": "x" * 100_000}, "L")
    execution = start(server, distributed(large), [1, 2, 3])
    assert server.await_end(execution)["error"] == "States.DataLimitExceeded"
    first = only(sfn, execution)
    sfn.redrive_execution(executionArn=execution)
    server.await_end(execution)
    runs = [run["mapRunArn"] for run in sfn.list_map_runs(executionArn=execution)["mapRuns"]]
    assert len(runs) == 2 and runs[0] == first


def test_a_crash_in_the_midst_of_a_redrive(start_server, lambda_stub):
    """Some of the child executions have been redriven by then, some run, some wait."""
    lock, calls, slow = threading.Lock(), {}, threading.Event()

    def fails_at_first(event):
        with lock:
            calls[event] = calls.get(event, 0) + 1
        if calls[event] == 1:
            raise ValueError("not yet")
        slow.wait(0.2)
        return event

    stub = lambda_stub(f=fails_at_first)
    server = start_server(environment=stub.environment())
    sfn = server.client()
    items = list(range(12))
    state = distributed(TASK, MaxConcurrency=3, ToleratedFailureCount=11)
    execution = start(server, state, items)
    assert server.await_end(execution)["status"] == "FAILED"
    run = only(sfn, execution)
    sfn.redrive_execution(executionArn=execution, clientToken="t")
    described_when(sfn, run, lambda run: run["executionCounts"]["succeeded"] >= 4)
    server.kill()
    server = start_server(environment=stub.environment())
    sfn = server.client()
    sfn.redrive_execution(executionArn=execution, clientToken="t")
    done = server.await_end(execution)
    assert (done["status"], json.loads(done["output"]), done["redriveCount"]) == ("SUCCEEDED", items, 1)
    described = sfn.describe_map_run(mapRunArn=run)
    assert (described["redriveCount"], described["executionCounts"]) == (
        1, counts(succeeded=12, total=12, resultsWritten=12))
    children = sfn.list_executions(mapRunArn=run)["executions"]
    assert [child["redriveCount"] for child in children] == [1] * 12
    looked = stepyard("doctor", "--data-dir", server.data_dir)
    assert looked.returncode == 0, looked.stdout + looked.stderr


OUTPUT = "image-processed-output"
WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": OUTPUT, "Prefix": "ends"}}


def exported(server, run):
    """What a Map Run that has ended badly has exported, by kind; each result by its input."""
    described_when(server.client(), run, lambda run: run["executionCounts"]["resultsWritten"] > 0)
    key = f"ends/{run.rsplit(':')[-1]}/manifest.json"
    manifest = json.loads(server.http("GET", f"/objects/{OUTPUT}/{key}").content)
    assert manifest["MapRunArn"] == run
    read = lambda file: json.loads(server.http("GET", f"/objects/{OUTPUT}/{file['Key']}").content)  # noqa: E731
    return {kind: {result["Input"]: result for file in files for result in read(file)}
            for kind, files in manifest["ResultFiles"].items()}


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_map_run_that_fails_exports_what_there_is(start_server, lambda_stub, kind):
    flaky = Flaky({"2": 1})
    server = start_server(environment=lambda_stub(f=flaky).environment())
    sfn = server.client()
    execution = start(server, distributed(TASK, kind=kind, MaxConcurrency=1, ResultWriter=WRITER), list(range(6)))
    assert server.await_end(execution)["status"] == "FAILED"
    run = only(sfn, execution)
    results = exported(server, run)
    assert set(results["SUCCEEDED"]) == {"0", "1"}
    failed = results["FAILED"]["2"]
    assert (failed["Status"], failed["Error"], failed["RedriveStatus"]) == ("FAILED", "ValueError", "REDRIVABLE")
    # The one after it may have been started before it was known that it had failed.
    assert set(results["PENDING"]) | set(results["FAILED"]) == {"2", "3", "4", "5"}
    assert {"4", "5"} <= set(results["PENDING"])
    pending = results["PENDING"]["5"]
    assert pending["Status"] == "PENDING" and "StartDate" not in pending
    described = sfn.describe_map_run(mapRunArn=run)["executionCounts"]
    assert described["resultsWritten"] == len(results["SUCCEEDED"]) + len(results["FAILED"])

    sfn.redrive_execution(executionArn=execution)
    done = server.await_end(execution)
    key = json.loads(done["output"])["ResultWriterDetails"]["Key"]
    manifest = json.loads(server.http("GET", f"/objects/{OUTPUT}/{key}").content)["ResultFiles"]
    assert (manifest["FAILED"], manifest["PENDING"]) == ([], []), "the earlier end does not count"
    results = exported(server, run)
    assert set(results["SUCCEEDED"]) == {"0", "1", "2", "3", "4", "5"}


def test_a_map_run_that_is_stopped_exports_what_it_has_cut_off(start_server):
    server = start_server()
    sfn = server.client()
    work = {"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "P"}], "Default": "W"},
        "P": {"Type": "Pass", "End": True}, **WAIT["States"]}}
    execution = start(server, distributed(work, MaxConcurrency=2, ResultWriter=WRITER), list(range(5)))
    run = only(sfn, execution)
    described_when(sfn, run, lambda run: run["executionCounts"]["succeeded"] == 1
                   and run["executionCounts"]["running"] == 2)
    described_when(sfn, run, lambda _: len(statuses(sfn, run)) == 3)
    sfn.stop_execution(executionArn=execution)
    server.kill()
    server = start_server()
    sfn = server.client()
    results = exported(server, run)
    assert {kind: sorted(of_kind) for kind, of_kind in results.items()} == {
        "SUCCEEDED": ["0"], "FAILED": ["1", "2"], "PENDING": ["3", "4"]}
    assert {result["Status"] for result in results["FAILED"].values()} == {"ABORTED"}
    described = sfn.describe_map_run(mapRunArn=run)
    assert described["executionCounts"] == counts(succeeded=1, aborted=2, pending=2, total=5, resultsWritten=3)
    looked = stepyard("doctor", "--data-dir", server.data_dir)
    assert looked.returncode == 0, looked.stdout + looked.stderr
