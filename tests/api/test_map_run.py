"""Map Runs, by boto3: lists and descriptions of them and of their child executions, changes while they run, and errors."""

import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from harness import ACCOUNT, REGION, ROLE, stepyard

BASE = f"arn:aws:states:{REGION}:{ACCOUNT}"


def distributed(processor, label="label", kind="STANDARD", **fields):
    """A Map state over the input's member `items`."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    return {"Type": "Map", "Label": label, "ItemsPath": "$.items", "End": True,
            "ItemProcessor": {"ProcessorConfig": config, **processor}, **fields}


def single(state, name="S"):
    return {"StartAt": name, "States": {name: {"End": True, **state}}}


WAIT = single({"Type": "Wait", "Seconds": 60}, "W")
PASS = single({"Type": "Pass"}, "P")
ODD_FAIL = {"StartAt": "C", "States": {
    "C": {"Type": "Choice", "Choices": [{"Variable": "$.odd", "BooleanEquals": True, "Next": "F"}],
          "Default": "P"},
    "F": {"Type": "Fail", "Error": "E"}, "P": {"Type": "Pass", "End": True}}}


@pytest.fixture
def name():
    return "m-" + uuid.uuid4().hex[:12]


@pytest.fixture
def start(sfn, name):
    """Starts an execution of a state machine of one Map state; returns its ARN."""
    def start(state, items, name=name, **states):
        machine = sfn.create_state_machine(
            name=name, roleArn=ROLE,
            definition=json.dumps({"StartAt": "M", "States": {"M": state, **states}}))["stateMachineArn"]
        text = json.dumps({"items": items})
        return sfn.start_execution(stateMachineArn=machine, name="e", input=text)["executionArn"]

    return start


def fails(call, code, message):
    """Expects an error answer of that name, and with that text if there is one; returns it."""
    with pytest.raises(ClientError) as raised:
        call()
    found = raised.value.response["Error"]
    assert found["Code"] == code and message in (None, found["Message"]), found
    return raised.value.response


def only(sfn, execution):
    """ARN of the only Map Run of an execution, once it is there."""
    end = time.monotonic() + 20
    while not (runs := sfn.list_map_runs(executionArn=execution)["mapRuns"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    [run] = runs
    return run["mapRunArn"]


def described_when(sfn, run, condition):
    """What DescribeMapRun says once that is so."""
    end = time.monotonic() + 20
    while not condition(described := sfn.describe_map_run(mapRunArn=run)):
        assert time.monotonic() < end, described
        time.sleep(0.05)
    del described["ResponseMetadata"]
    return described


def counts(**given):
    names = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total", "resultsWritten",
             "failuresNotRedrivable", "pendingRedrive")
    return dict.fromkeys(names, 0) | given


def statuses(sfn, run, **filters):
    listed = sfn.list_executions(mapRunArn=run, **filters)["executions"]
    return [execution["status"] for execution in listed]


def test_a_map_run_that_has_succeeded(server, sfn, start, name):
    execution = start(distributed(PASS, MaxConcurrency=2), [1, 2, 3])
    assert server.await_end(execution)["status"] == "SUCCEEDED"
    [listed] = sfn.list_map_runs(executionArn=execution)["mapRuns"]
    started, stopped = listed.pop("startDate"), listed.pop("stopDate")
    run = listed["mapRunArn"]
    assert run.startswith(f"{BASE}:mapRun:{name}/label:")
    assert listed == {"executionArn": execution, "mapRunArn": run,
                      "stateMachineArn": f"{BASE}:stateMachine:{name}/label"}
    described = sfn.describe_map_run(mapRunArn=run)
    del described["ResponseMetadata"]
    assert described == {
        "mapRunArn": run, "executionArn": execution, "status": "SUCCEEDED", "startDate": started,
        "stopDate": stopped, "maxConcurrency": 2, "toleratedFailurePercentage": 0,
        "toleratedFailureCount": 0, "redriveCount": 0,
        "itemCounts": counts(succeeded=3, total=3, resultsWritten=3),
        "executionCounts": counts(succeeded=3, total=3, resultsWritten=3)}
    events = sfn.get_execution_history(executionArn=execution)["events"]
    details = [event["mapRunStartedEventDetails"] for event in events if event["type"] == "MapRunStarted"]
    assert details == [{"mapRunArn": run}]


def test_child_executions(server, sfn, start, name):
    batches = {"ItemBatcher": {"MaxItemsPerBatch": 2}}
    execution = start(distributed(single({"Type": "Pass"}, "Inner"), **batches), [1, 2, 3])
    server.await_end(execution)
    run = only(sfn, execution)
    described = sfn.describe_map_run(mapRunArn=run)
    assert described["itemCounts"] == counts(succeeded=3, total=3, resultsWritten=3)
    assert described["executionCounts"] == counts(succeeded=2, total=2, resultsWritten=2)

    machine = f"{BASE}:stateMachine:{name}/label"
    children = sfn.list_executions(mapRunArn=run)["executions"]
    assert sorted(child["itemCount"] for child in children) == [1, 2]
    for child in children:
        assert (child["mapRunArn"], child["stateMachineArn"]) == (run, machine)
        assert child["executionArn"] == f"{BASE}:execution:{name}/label:{child['name']}"
        assert child["status"] == "SUCCEEDED" and child["redriveCount"] == 0
        assert child["startDate"] <= child["stopDate"]
    single_item = next(child for child in children if child["itemCount"] == 1)
    arn = single_item["executionArn"]
    child = sfn.describe_execution(executionArn=arn)
    assert (child["mapRunArn"], child["stateMachineArn"], child["name"]) == (run, machine, single_item["name"])
    assert json.loads(child["input"]) == json.loads(child["output"]) == {"Items": [3]}
    events = sfn.get_execution_history(executionArn=arn)["events"]
    assert [event["type"] for event in events] == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert events[1]["stateEnteredEventDetails"]["name"] == "Inner"

    [_] = sfn.list_executions(stateMachineArn=f"{BASE}:stateMachine:{name}")["executions"]
    assert "mapRunArn" not in sfn.describe_execution(executionArn=execution)
    assert statuses(sfn, run, statusFilter="SUCCEEDED") == ["SUCCEEDED"] * 2
    for none in ({"statusFilter": "FAILED"}, {"statusFilter": "PENDING_REDRIVE"}, {"redriveFilter": "REDRIVEN"}):
        assert statuses(sfn, run, **none) == []
    assert len(statuses(sfn, run, redriveFilter="NOT_REDRIVEN")) == 2


def test_what_a_child_execution_runs(server, sfn, start, name):
    state = distributed(single({"Type": "Pass"}, "Inner"))
    execution = start(state, [1])
    server.await_end(execution)
    run = only(sfn, execution)
    [child] = sfn.list_executions(mapRunArn=run)["executions"]
    machine = f"{BASE}:stateMachine:{name}/label"
    described = sfn.describe_state_machine_for_execution(executionArn=child["executionArn"])
    assert (described["mapRunArn"], described["label"]) == (run, "label")
    assert described["stateMachineArn"] == machine
    assert json.loads(described["definition"]) == state["ItemProcessor"]
    assert "revisionId" not in described

    part = sfn.describe_state_machine(stateMachineArn=machine)
    assert (part["stateMachineArn"], part["label"], part["type"]) == (machine, "label", "STANDARD")
    assert json.loads(part["definition"]) == state["ItemProcessor"]
    whole = sfn.describe_state_machine_for_execution(executionArn=execution)
    assert "label" not in whole and "mapRunArn" not in whole
    fails(lambda: sfn.describe_state_machine(stateMachineArn=machine + "s"), "StateMachineDoesNotExist",
          f"State Machine Does Not Exist: '{machine}s'")


def test_counts_and_limits_while_it_runs(server, sfn, start):
    execution = start(distributed(WAIT, MaxConcurrency=2, ToleratedFailureCount=1), list(range(5)))
    run = only(sfn, execution)
    described = described_when(sfn, run, lambda run: run["executionCounts"]["running"] == 2
                               and run["executionCounts"]["total"] == 5)
    assert described["status"] == "RUNNING" and "stopDate" not in described
    assert described["executionCounts"] == described["itemCounts"] == counts(pending=3, running=2, total=5)
    assert (described["maxConcurrency"], described["toleratedFailureCount"]) == (2, 1)
    # What runs is counted when it is being started, and listed when that is durable.
    described_when(sfn, run, lambda _: len(statuses(sfn, run, statusFilter="RUNNING")) == 2)

    assert set(sfn.update_map_run(mapRunArn=run, maxConcurrency=4)) == {"ResponseMetadata"}
    described = described_when(sfn, run, lambda run: run["executionCounts"]["running"] == 4)
    assert (described["maxConcurrency"], described["toleratedFailureCount"]) == (4, 1)
    sfn.update_map_run(mapRunArn=run, toleratedFailureCount=3, toleratedFailurePercentage=62.5)
    described = sfn.describe_map_run(mapRunArn=run)
    assert (described["toleratedFailureCount"], described["toleratedFailurePercentage"]) == (3, 62.5)

    [one, *_] = sfn.list_executions(mapRunArn=run)["executions"]
    sfn.stop_execution(executionArn=one["executionArn"], error="E", cause="C")
    described = described_when(sfn, run, lambda run: run["executionCounts"]["aborted"] == 1)
    assert described["executionCounts"]["running"] + described["executionCounts"]["pending"] == 4
    assert (described["itemCounts"]["aborted"], described["itemCounts"]["total"]) == (1, 5)
    child = sfn.describe_execution(executionArn=one["executionArn"])
    assert (child["status"], child["redriveStatus"]) == ("ABORTED", "REDRIVABLE_BY_MAP_RUN")
    sfn.stop_execution(executionArn=execution)
    described = described_when(sfn, run, lambda run: run["status"] == "ABORTED")
    assert described["stopDate"]
    described = described_when(sfn, run, lambda run: run["executionCounts"]["running"] == 0)
    aborted = len(statuses(sfn, run, statusFilter="ABORTED"))
    assert described["executionCounts"] == counts(aborted=aborted, pending=5 - aborted, total=5)
    assert aborted >= 4
    described_when(sfn, run, lambda _: not statuses(sfn, run, statusFilter="RUNNING"))


def test_tolerating_less_than_has_failed_ends_it(server, sfn, start):
    state = distributed(ODD_FAIL | {"States": ODD_FAIL["States"] | {
        "P": {"Type": "Wait", "Seconds": 60, "End": True}}}, ToleratedFailurePercentage=100)
    execution = start(state, [{"odd": True}, {"odd": False}, {"odd": True}])
    run = only(sfn, execution)
    described_when(sfn, run, lambda run: run["executionCounts"]["failed"] == 2)
    sfn.update_map_run(mapRunArn=run, toleratedFailureCount=1)
    ended = server.await_end(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    described = sfn.describe_map_run(mapRunArn=run)
    assert described["status"] == "FAILED"
    described = described_when(sfn, run, lambda run: run["executionCounts"]["running"] == 0)
    assert described["executionCounts"] == described["itemCounts"] == counts(failed=2, aborted=1, total=3)


def test_failures_that_are_tolerated(server, sfn, start):
    items = [{"odd": number % 2 == 1} for number in range(4)]
    execution = start(distributed(ODD_FAIL, ToleratedFailurePercentage=50), items)
    assert server.await_end(execution)["status"] == "SUCCEEDED"
    run = only(sfn, execution)
    described = sfn.describe_map_run(mapRunArn=run)
    expected = counts(succeeded=2, failed=2, total=4, resultsWritten=4)
    assert described["itemCounts"] == described["executionCounts"] == expected
    assert (described["toleratedFailurePercentage"], described["toleratedFailureCount"]) == (50, 0)
    failed = sfn.list_executions(mapRunArn=run, statusFilter="FAILED")["executions"]
    assert len(failed) == 2
    arn = failed[0]["executionArn"]
    assert sfn.describe_execution(executionArn=arn)["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
    error = fails(lambda: sfn.redrive_execution(executionArn=arn), "ValidationException", None)
    assert error["reason"] == "API_DOES_NOT_SUPPORT_LABELED_ARNS"


def test_express_children_are_counted_and_not_kept(server, sfn, start):
    execution = start(distributed(PASS, kind="EXPRESS"), [1, 2])
    server.await_end(execution)
    run = only(sfn, execution)
    expected = counts(succeeded=2, total=2, resultsWritten=2)
    assert sfn.describe_map_run(mapRunArn=run)["executionCounts"] == expected
    assert statuses(sfn, run) == []


def test_no_items_are_no_child_executions(server, sfn, start):
    execution = start(distributed(PASS), [])
    assert server.await_end(execution)["output"] == "[]"
    described = sfn.describe_map_run(mapRunArn=only(sfn, execution))
    assert described["executionCounts"] == described["itemCounts"] == counts()


def test_map_runs_are_listed_page_by_page_in_the_order_of_their_starts(server, sfn, start):
    states = {name: distributed(single({"Type": "Pass"}, f"P{name}"), label=name, ResultPath=None)
              for name in ("M", "N", "O")}
    for name, following in (("M", "N"), ("N", "O")):
        del states[name]["End"]
        states[name]["Next"] = following
    execution = start(states.pop("M"), [1], **states)
    server.await_end(execution)
    every = sfn.list_map_runs(executionArn=execution)["mapRuns"]
    assert [run["stateMachineArn"].rsplit("/")[1] for run in every] == ["M", "N", "O"]
    pages = sfn.get_paginator("list_map_runs").paginate(
        executionArn=execution, PaginationConfig={"PageSize": 2})
    assert [[run["mapRunArn"] for run in page["mapRuns"]] for page in pages] == [
        [run["mapRunArn"] for run in every[:2]], [every[2]["mapRunArn"]]]
    fails(lambda: sfn.list_map_runs(executionArn=execution, nextToken="x"), "InvalidToken",
          "Invalid Token: 'Invalid token'")


def test_child_executions_are_listed_page_by_page(server, sfn, start):
    execution = start(distributed(PASS), list(range(5)))
    server.await_end(execution)
    run = only(sfn, execution)
    every = [child["name"] for child in sfn.list_executions(mapRunArn=run)["executions"]]
    assert len(set(every)) == 5
    pages = sfn.get_paginator("list_executions").paginate(mapRunArn=run, PaginationConfig={"PageSize": 2})
    pages = [[child["name"] for child in page["executions"]] for page in pages]
    assert [len(page) for page in pages] == [2, 2, 1] and sum(pages, []) == every


def test_a_map_run_in_a_child_execution(server, sfn, start, name):
    inner = distributed(PASS, label="inner", ItemsPath="$")
    execution = start(distributed(single(inner, "Inner"), label="outer"), [[1, 2], [3]])
    assert server.await_end(execution)["output"] == "[[1,2],[3]]"
    outer = only(sfn, execution)
    children = sfn.list_executions(mapRunArn=outer)["executions"]
    assert len(children) == 2
    found = 0
    for child in children:
        assert child["stateMachineArn"] == f"{BASE}:stateMachine:{name}/outer"
        [run] = sfn.list_map_runs(executionArn=child["executionArn"])["mapRuns"]
        assert run["stateMachineArn"] == f"{BASE}:stateMachine:{name}/inner"
        described = sfn.describe_map_run(mapRunArn=run["mapRunArn"])
        assert described["executionArn"] == child["executionArn"]
        found += len(statuses(sfn, run["mapRunArn"]))
        assert described["executionCounts"]["succeeded"] == described["itemCounts"]["total"]
    assert found == 3
    arn = f"{BASE}:stateMachine:{name}/inner"
    assert json.loads(sfn.describe_state_machine(stateMachineArn=arn)["definition"]) == inner["ItemProcessor"]


def test_a_map_run_that_has_ended_cannot_be_updated(server, sfn, start):
    execution = start(distributed(PASS), [1])
    server.await_end(execution)
    run = only(sfn, execution)
    error = fails(lambda: sfn.update_map_run(mapRunArn=run, maxConcurrency=1), "ValidationException", None)
    assert error["reason"] == "CANNOT_UPDATE_COMPLETED_MAP_RUN"


@pytest.mark.parametrize("limits, message", [
    ({"maxConcurrency": -1}, "Value '-1' at 'maxConcurrency' failed to satisfy constraint: "
     "Member must have value greater than or equal to 0"),
    ({"toleratedFailureCount": -1}, "Value '-1' at 'toleratedFailureCount' failed to satisfy constraint: "
     "Member must have value greater than or equal to 0"),
    ({"toleratedFailurePercentage": 100.5}, "Value '100.5' at 'toleratedFailurePercentage' failed to "
     "satisfy constraint: Member must have value less than or equal to 100"),
])
def test_limits_are_checked(sfn, limits, message):
    arn = f"{BASE}:mapRun:m/l:{uuid.uuid4()}"
    fails(lambda: sfn.update_map_run(mapRunArn=arn, **limits), "ValidationException",
          f"1 validation error detected: {message}")


def test_what_is_not_there_and_what_is_no_map_run(sfn):
    absent = f"{BASE}:mapRun:m/l:{uuid.uuid4()}"
    calls = [sfn.describe_map_run, lambda mapRunArn: sfn.list_executions(mapRunArn=mapRunArn),
             lambda mapRunArn: sfn.update_map_run(mapRunArn=mapRunArn, maxConcurrency=1)]
    for call in calls:
        fails(lambda: call(mapRunArn=absent), "ResourceNotFound",
              "Request references a resource that does not exist.")
        fails(lambda: call(mapRunArn="x"), "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: x'")
        fails(lambda: call(mapRunArn=f"{BASE}:execution:m:e"), "InvalidArn",
              "Invalid Arn: 'Resource type not valid in this context: execution'")
    execution = f"{BASE}:execution:m-none:e"
    fails(lambda: sfn.list_map_runs(executionArn=execution), "ExecutionDoesNotExist",
          f"Execution Does Not Exist: '{execution}'")
    fails(lambda: sfn.list_map_runs(executionArn=absent), "InvalidArn",
          "Invalid Arn: 'Resource type not valid in this context: mapRun'")
    child = f"{BASE}:execution:m-none/label:{uuid.uuid4()}"
    fails(lambda: sfn.describe_execution(executionArn=child), "ExecutionDoesNotExist",
          f"Execution Does Not Exist: '{child}'")


def test_executions_are_listed_by_one_thing(sfn):
    run, machine = f"{BASE}:mapRun:m/l:{uuid.uuid4()}", f"{BASE}:stateMachine:m"
    fails(lambda: sfn.list_executions(mapRunArn=run, stateMachineArn=machine), "ValidationException", None)
    fails(lambda: sfn.list_executions(), "ValidationException", None)


def test_a_part_of_a_state_machine_is_not_started_changed_or_deleted(sfn):
    part = f"{BASE}:stateMachine:m/label"
    for call in (sfn.start_execution, sfn.delete_state_machine, sfn.start_sync_execution,
                 lambda stateMachineArn: sfn.update_state_machine(stateMachineArn=stateMachineArn, roleArn=ROLE)):
        error = fails(lambda: call(stateMachineArn=part), "ValidationException", None)
        assert error["reason"] == "API_DOES_NOT_SUPPORT_LABELED_ARNS"


def test_a_map_run_goes_on_after_a_crash(start_server):
    server = start_server()
    sfn = server.client()
    state = distributed(single({"Type": "Wait", "Seconds": 1}), MaxConcurrency=2)
    machine = sfn.create_state_machine(
        name="m", roleArn=ROLE, definition=json.dumps({"StartAt": "M", "States": {"M": state}}))
    execution = sfn.start_execution(stateMachineArn=machine["stateMachineArn"], name="e",
                                    input=json.dumps({"items": list(range(4))}))["executionArn"]
    run = only(sfn, execution)
    described_when(sfn, run, lambda run: run["executionCounts"]["running"] == 2)
    server.kill()
    server = start_server()
    sfn = server.client()
    assert sfn.describe_map_run(mapRunArn=run)["status"] == "RUNNING"
    assert server.await_end(execution)["status"] == "SUCCEEDED"
    described = sfn.describe_map_run(mapRunArn=run)
    assert described["executionCounts"] == counts(succeeded=4, total=4, resultsWritten=4)
    assert statuses(sfn, run) == ["SUCCEEDED"] * 4
    looked = stepyard("doctor", "--data-dir", server.data_dir)
    assert looked.returncode == 0, looked.stdout + looked.stderr
