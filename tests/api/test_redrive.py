"""RedriveExecution, by boto3: what goes on and what does not, how it is shown, and how it fails."""

import json
import time
import uuid

import pytest

from harness import ACCOUNT, REGION, ROLE, definition
from test_operations import arn, fails

FAIL = definition(A={"Type": "Pass"}, F={"Type": "Fail", "Error": "E", "Cause": "C"})


def function(name):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def types(sfn, execution):
    events = sfn.get_execution_history(executionArn=execution)["events"]
    return [event["type"] for event in events]


@pytest.fixture
def name():
    return "m-" + uuid.uuid4().hex[:12]


@pytest.fixture
def start(sfn):
    """Starts an execution of a definition; returns its ARN."""
    def start(name, definition, input="{}"):
        machine = sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
        return sfn.start_execution(stateMachineArn=machine, name="e", input=input)["executionArn"]

    return start


@pytest.fixture
def failed(server, start, name):
    """ARN of an execution that has failed, and will each time."""
    execution = start(name, FAIL)
    server.await_end(execution)
    return execution


class Flaky:
    """A function that fails so many times for each input, and then gives it back."""

    def __init__(self, failures):
        self.failures, self.calls = failures, []

    def __call__(self, event):
        self.calls.append(event)
        if self.calls.count(event) <= self.failures.get(str(event), 0):
            raise ValueError("not yet")
        return event


def test_a_failed_task_is_done_again_and_what_was_done_is_not(start_server, lambda_stub):
    first, second = Flaky({}), Flaky({"{'n': 1}": 1})
    server = start_server("--lambda-functions", "*", environment=lambda_stub(first=first, second=second).environment())
    sfn = server.client()
    machine = sfn.create_state_machine(name="m", roleArn=ROLE, definition=definition(
        A={"Type": "Task", "Resource": function("first")},
        B={"Type": "Task", "Resource": function("second"), "Parameters": {"n.$": "$.n"}},
        C={"Type": "Pass", "Parameters": {"count.$": "$$.Execution.RedriveCount",
                                          "time.$": "$$.Execution.RedriveTime"}}))["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine, input='{"n": 1}')["executionArn"]
    ended = server.await_end(execution)
    assert (ended["status"], ended["redriveStatus"], ended["redriveCount"]) == ("FAILED", "REDRIVABLE", 0)
    assert not {"redriveDate", "redriveStatusReason"} & ended.keys()

    redriven = sfn.redrive_execution(executionArn=execution)["redriveDate"]
    shown = server.await_end(execution)
    assert (shown["status"], shown["redriveCount"], shown["redriveDate"]) == ("SUCCEEDED", 1, redriven)
    assert (shown["startDate"], "error" in shown) == (ended["startDate"], False)
    assert shown["redriveStatus"] == "NOT_REDRIVABLE"
    assert shown["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    assert (len(first.calls), len(second.calls)) == (1, 2)
    output = json.loads(shown["output"])
    assert output["count"] == 1
    assert output["time"].startswith(redriven.strftime("%Y-%m-%dT%H:%M:"))

    events = sfn.get_execution_history(executionArn=execution)["events"]
    tail = [(event["id"], event["previousEventId"], event["type"]) for event in events[7:13]]
    assert tail == [
        (8, 7, "LambdaFunctionScheduled"), (9, 8, "LambdaFunctionStarted"), (10, 9, "LambdaFunctionFailed"),
        (11, 10, "ExecutionFailed"), (12, 11, "ExecutionRedriven"), (13, 10, "LambdaFunctionScheduled")]
    assert events[11]["executionRedrivenEventDetails"] == {"redriveCount": 1}
    listed = sfn.list_executions(stateMachineArn=machine)["executions"]
    assert [(each["redriveCount"], each["redriveDate"], each["status"]) for each in listed] == [
        (1, redriven, "SUCCEEDED")]


def test_only_failed_iterations_are_done_again(start_server, lambda_stub):
    work = Flaky({"2": 1})
    server = start_server("--lambda-functions", "*", environment=lambda_stub(work=work).environment())
    sfn = server.client()
    each = json.loads(definition(T={"Type": "Task", "Resource": function("work")}))
    machine = sfn.create_state_machine(name="m", roleArn=ROLE, definition=definition(
        M={"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": each}))["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine, input="[1,2,3]")["executionArn"]
    assert server.await_end(execution)["status"] == "FAILED"
    server.kill()
    # The other process has the execution from its journal only.
    server = start_server("--lambda-functions", "*", environment=lambda_stub(work=work).environment())
    sfn = server.client()
    sfn.redrive_execution(executionArn=execution)
    assert server.await_end(execution)["output"] == "[1,2,3]"
    assert work.calls == [1, 2, 2, 3]


def test_what_was_stopped_goes_on(sfn, start, name):
    execution = start(name, definition(W={"Type": "Wait", "Seconds": 600}))
    running = sfn.describe_execution(executionArn=execution)
    assert running["redriveStatusReason"] == "Execution is RUNNING and cannot be redriven"
    sfn.stop_execution(executionArn=execution)
    sfn.redrive_execution(executionArn=execution)
    assert sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert types(sfn, execution) == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted", "ExecutionRedriven"]
    with fails("ExecutionNotRedrivable", "Execution is RUNNING and cannot be redriven"):
        sfn.redrive_execution(executionArn=execution)
    sfn.stop_execution(executionArn=execution)


def test_definition_version_and_alias_stay(sfn, server, name):
    created = sfn.create_state_machine(name=name, definition=FAIL, roleArn=ROLE, publish=True)
    machine, first = created["stateMachineArn"], created["stateMachineVersionArn"]
    alias = sfn.create_state_machine_alias(name="PROD", routingConfiguration=[
        {"stateMachineVersionArn": first, "weight": 100}])["stateMachineAliasArn"]
    execution = sfn.start_execution(stateMachineArn=alias)["executionArn"]
    server.await_end(execution)
    second = sfn.update_state_machine(
        stateMachineArn=machine, definition=definition(A={"Type": "Pass"}), publish=True)["stateMachineVersionArn"]
    sfn.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=[
        {"stateMachineVersionArn": second, "weight": 100}])
    sfn.redrive_execution(executionArn=execution)
    ended = server.await_end(execution)
    assert (ended["status"], ended["stateMachineVersionArn"], ended["stateMachineAliasArn"]) == ("FAILED", first, alias)
    shown = sfn.describe_state_machine_for_execution(executionArn=execution)
    assert shown["definition"] == FAIL


def test_the_time_limit_counts_anew(sfn, server, start, name):
    machine = json.loads(definition(W={"Type": "Wait", "Seconds": 600})) | {"TimeoutSeconds": 1}
    execution = start(name, json.dumps(machine))
    timed_out = server.await_end(execution)
    assert (timed_out["status"], timed_out["redriveStatus"]) == ("TIMED_OUT", "REDRIVABLE")
    began = time.monotonic()
    sfn.redrive_execution(executionArn=execution)
    assert server.await_end(execution)["status"] == "TIMED_OUT"
    assert time.monotonic() - began > 0.9


def test_a_token_redrives_once(sfn, server, failed):
    first = sfn.redrive_execution(executionArn=failed, clientToken="t")["redriveDate"]
    server.await_end(failed)
    assert sfn.redrive_execution(executionArn=failed, clientToken="t")["redriveDate"] == first
    assert sfn.describe_execution(executionArn=failed)["redriveCount"] == 1
    sfn.redrive_execution(executionArn=failed, clientToken="u")
    assert server.await_end(failed)["redriveCount"] == 2
    assert types(sfn, failed).count("ExecutionRedriven") == 2


class TestFailures:
    def test_of_nothing(self, sfn):
        missing = arn("execution", "m", "missing")
        with fails("ExecutionDoesNotExist", f"Execution Does Not Exist: '{missing}'"):
            sfn.redrive_execution(executionArn=missing)

    def test_of_one_that_succeeded(self, sfn, server, start, name):
        execution = start(name, definition(A={"Type": "Pass"}))
        server.await_end(execution)
        with fails("ExecutionNotRedrivable", "Execution is SUCCEEDED and cannot be redriven"):
            sfn.redrive_execution(executionArn=execution)

    def test_of_a_deleted_state_machine(self, sfn, failed, name):
        sfn.delete_state_machine(stateMachineArn=arn("stateMachine", name))
        shown = sfn.describe_execution(executionArn=failed)
        assert shown["redriveStatus"] == "NOT_REDRIVABLE"
        assert shown["redriveStatusReason"] == "State machine is in DELETING status"
        with fails("ExecutionNotRedrivable", "State machine is in DELETING status"):
            sfn.redrive_execution(executionArn=failed)

    @pytest.mark.parametrize("bad", ["", "x" * 65, "a b", "ä"])
    def test_of_a_bad_token(self, sfn, failed, bad):
        with fails("ValidationException"):
            sfn.redrive_execution(executionArn=failed, clientToken=bad)

    def test_without_an_arn(self, sfn):
        with fails("ValidationException"):
            sfn.redrive_execution()

    @pytest.mark.parametrize("bad", ["no-arn", arn("express", "m", "e", "u")])
    def test_of_another_arn(self, sfn, bad):
        with fails("InvalidArn"):
            sfn.redrive_execution(executionArn=bad)


def test_over_rest(server, failed, name):
    path = f"/api/v1/executions/{name}/e"
    redriven = server.http("POST", f"{path}/redrive", {"clientToken": "t"})
    assert redriven.status == 200, redriven
    assert redriven.body["redriveCount"] == 1
    server.await_end(failed)
    shown = server.http("GET", path).body
    assert (shown["status"], shown["redriveCount"], shown["redrivenAt"]) == (
        "FAILED", 1, redriven.body["redrivenAt"])
    history = server.http("GET", f"{path}/history").body["events"]
    assert {"redriveCount": 1} in [event.get("details") for event in history]
    assert server.http("POST", f"{path}/redrive").status == 200
    missing = server.http("POST", f"/api/v1/executions/{name}/missing/redrive")
    assert missing.status == 404


def test_over_rest_of_one_that_runs(server, start, name):
    start(name, definition(W={"Type": "Wait", "Seconds": 600}))
    refused = server.http("POST", f"/api/v1/executions/{name}/e/redrive")
    assert refused.status == 409
    assert "RUNNING" in refused.body["detail"]


def test_with_the_aws_cli(server, failed):
    redriven = server.aws("redrive-execution", "--execution-arn", failed)
    assert redriven["redriveDate"]


def test_is_counted(server, failed):
    server.http("POST", "/", {"executionArn": failed}, {
        "X-Amz-Target": "AWSStepFunctions.RedriveExecution", "Content-Type": "application/x-amz-json-1.0"})
    metrics = server.http("GET", "/metrics").content.decode()
    counted = [line for line in metrics.splitlines() if line.startswith("stepyard_executions_redriven_total")]
    assert int(counted[0].split()[1]) >= 1
