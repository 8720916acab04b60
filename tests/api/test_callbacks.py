"""Tasks that somebody ends by their tokens: `.waitForTaskToken`, SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat."""

import json
import time
import uuid

import pytest

from harness import ROLE, definition
from test_operations import fails

CALL = "arn:aws:states:::lambda:invoke.waitForTaskToken"
OVER = "Task Timed Out: 'Provided task does not exist anymore'"


class Hand:
    """The other side: a function that is given tokens, and a server whose tasks call it."""

    def __init__(self, start_server, lambda_stub):
        self.tokens = []
        stub = lambda_stub(Hand=lambda event: self.take(event))
        self.start = lambda: start_server("--lambda-functions", "*", environment=stub.environment())
        self.server = self.start()
        self.sfn = self.server.client()

    def take(self, event):
        self.tokens.append(event["token"])
        return {"taken": True}

    def execution(self, **fields):
        """ARN of an execution whose only task waits for its token."""
        task = {"Type": "Task", "Resource": CALL,
                "Parameters": {"FunctionName": "Hand", "Payload": {"token.$": "$$.Task.Token"}}, **fields}
        machine = self.sfn.create_state_machine(
            name=uuid.uuid4().hex, roleArn=ROLE, definition=definition(Task=task, After={"Type": "Pass"}))
        return self.sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]

    def token(self, number=1):
        """The token that was handed out as the so-many-th, once that is told."""
        end = time.monotonic() + 20
        while len(self.tokens) < number:
            assert time.monotonic() < end, "no token"
            time.sleep(0.02)
        return self.tokens[number - 1]

    def until(self, execution, event_type):
        """The history, once it has an event of that type."""
        end = time.monotonic() + 20
        while True:
            events = self.sfn.get_execution_history(executionArn=execution)["events"]
            if any(event["type"] == event_type for event in events):
                return events
            assert time.monotonic() < end, [event["type"] for event in events]
            time.sleep(0.02)


@pytest.fixture
def hand(start_server, lambda_stub):
    return Hand(start_server, lambda_stub)


def types(events):
    return [event["type"] for event in events]


def test_success_goes_on_with_the_output(hand):
    execution = hand.execution()
    token = hand.token()
    assert len(token) < 200
    events = hand.until(execution, "TaskSubmitted")
    submitted = events[-1]["taskSubmittedEventDetails"]
    assert (submitted["resourceType"], submitted["resource"]) == ("lambda", "invoke.waitForTaskToken")
    assert json.loads(submitted["output"])["Payload"] == {"taken": True}
    assert json.loads(events[2]["taskScheduledEventDetails"]["parameters"])["Payload"] == {"token": token}
    hand.sfn.send_task_success(taskToken=token, output='{"n": 1.0}')
    ended = hand.server.await_end(execution)
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", '{"n": 1.0}')
    assert types(hand.until(execution, "ExecutionSucceeded"))[2:7] == [
        "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]


def test_failure_is_caught_by_its_name(hand):
    execution = hand.execution(Catch=[{"ErrorEquals": ["Mine"], "Next": "After"}])
    hand.sfn.send_task_failure(taskToken=hand.token(), error="Mine", cause="because")
    ended = hand.server.await_end(execution)
    assert json.loads(ended["output"]) == {"Error": "Mine", "Cause": "because"}


def test_failure_may_be_without_a_name(hand):
    execution = hand.execution()
    hand.sfn.send_task_failure(taskToken=hand.token())
    ended = hand.server.await_end(execution)
    assert ended["status"] == "FAILED"
    assert "error" not in ended and "cause" not in ended


def test_a_retry_has_another_token(hand):
    execution = hand.execution(Retry=[{"ErrorEquals": ["Again"], "IntervalSeconds": 1}])
    first = hand.token()
    hand.sfn.send_task_failure(taskToken=first, error="Again")
    second = hand.token(2)
    assert second != first
    with fails("TaskTimedOut", OVER):
        hand.sfn.send_task_success(taskToken=first, output="1")
    hand.sfn.send_task_success(taskToken=second, output="2")
    assert hand.server.await_end(execution)["output"] == "2"


def test_who_comes_second_is_told_so(hand):
    execution = hand.execution()
    hand.sfn.send_task_success(taskToken=hand.token(), output='"first"')
    hand.server.await_end(execution)
    for late in (lambda: hand.sfn.send_task_success(taskToken=hand.token(), output='"second"'),
                 lambda: hand.sfn.send_task_failure(taskToken=hand.token()),
                 lambda: hand.sfn.send_task_heartbeat(taskToken=hand.token())):
        with fails("TaskTimedOut", OVER):
            late()
    assert hand.server.await_end(execution)["output"] == '"first"'


def test_a_stopped_execution_waits_for_nothing(hand):
    execution = hand.execution()
    token = hand.token()
    hand.sfn.stop_execution(executionArn=execution)
    with fails("TaskTimedOut", OVER):
        hand.sfn.send_task_heartbeat(taskToken=token)


def test_the_function_may_end_its_own_task(hand):
    """The answer to the token comes before that of the call."""
    def take(event):
        hand.sfn.send_task_success(taskToken=event["token"], output='"early"')
        time.sleep(0.2)
        return "late"
    hand.take = take
    execution = hand.execution()
    assert hand.server.await_end(execution)["output"] == '"early"'


def test_time_limits_end_the_wait(hand):
    execution = hand.execution(TimeoutSeconds=1)
    token = hand.token()
    ended = hand.server.await_end(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    events = hand.until(execution, "ExecutionFailed")
    assert events[-2]["type"] == "TaskTimedOut"
    assert events[-2]["taskTimedOutEventDetails"]["error"] == "States.Timeout"
    with fails("TaskTimedOut", OVER):
        hand.sfn.send_task_success(taskToken=token, output="1")


def test_heartbeats_keep_a_task_alive(hand):
    execution = hand.execution(HeartbeatSeconds=2)
    token = hand.token()
    hand.until(execution, "TaskSubmitted")
    for _ in range(5):
        time.sleep(0.8)
        hand.sfn.send_task_heartbeat(taskToken=token)
    assert hand.sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert hand.server.await_end(execution)["error"] == "States.Timeout"
    assert "Heartbeat" not in " ".join(types(hand.until(execution, "ExecutionFailed")))


def test_a_missed_heartbeat_has_a_name(hand):
    execution = hand.execution(
        HeartbeatSeconds=1, Catch=[{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "After"}])
    assert hand.server.await_end(execution)["status"] == "SUCCEEDED"
    assert "TaskTimedOut" in types(hand.until(execution, "ExecutionSucceeded"))


def test_a_task_waits_through_a_crash(hand):
    execution = hand.execution()
    token = hand.token()
    hand.until(execution, "TaskSubmitted")
    hand.server.kill()
    hand.server = hand.start()
    hand.sfn = hand.server.client()
    hand.sfn.send_task_success(taskToken=token, output='"after the crash"')
    assert hand.server.await_end(execution)["output"] == '"after the crash"'
    assert len(hand.tokens) == 1, "the call was not made again"


def test_who_waits_for_others_is_not_in_memory(hand):
    executions = [hand.execution() for _ in range(5)]
    for execution in executions:
        hand.until(execution, "TaskSubmitted")

    def in_memory():
        metrics = hand.server.http("GET", "/metrics").content.decode()
        lines = [line for line in metrics.splitlines() if line.startswith("stepyard_executions_in_memory")]
        return float(lines[0].split()[-1])

    end = time.monotonic() + 10
    while in_memory() > 0:
        assert time.monotonic() < end, "they do not leave memory"
        time.sleep(0.05)
    for token in list(hand.tokens):
        hand.sfn.send_task_success(taskToken=token, output="1")
    for execution in executions:
        assert hand.server.await_end(execution)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("token", ["NoSuchTaskToken", "AAAA", "x" * 2048, "ä"])
def test_what_is_no_token_is_refused(sfn, token):
    for say in (lambda: sfn.send_task_success(taskToken=token, output="no JSON"),
                lambda: sfn.send_task_failure(taskToken=token),
                lambda: sfn.send_task_heartbeat(taskToken=token)):
        with fails("InvalidToken", "Invalid Token: 'Invalid token'"):
            say()


def test_a_token_of_another_database_is_refused(hand, sfn):
    hand.execution()
    with fails("InvalidToken"):
        sfn.send_task_heartbeat(taskToken=hand.token())


def test_the_output_must_be_json(hand):
    execution = hand.execution()
    with fails("InvalidOutput"):
        hand.sfn.send_task_success(taskToken=hand.token(), output="no JSON")
    assert hand.sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"


@pytest.mark.parametrize("request_members", [
    {"taskToken": "x" * 2049, "output": "1"},
    {"taskToken": "x", "output": '"' + "x" * 262_144 + '"'},
    {"output": "1"},
    {"taskToken": "x"},
])
def test_members_have_limits(sfn, request_members):
    with fails("ValidationException"):
        sfn.send_task_success(**request_members)


@pytest.mark.parametrize("member, length", [("error", 257), ("cause", 32_769)])
def test_errors_have_limits(sfn, member, length):
    with fails("ValidationException"):
        sfn.send_task_failure(taskToken="x", **{member: "x" * length})


def test_an_execution_ends_the_task_of_another_one(hand):
    """By the integration with the AWS SDK."""
    execution = hand.execution()
    ending = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess",
              "Parameters": {"TaskToken.$": "$.token", "Output": {"from": "another execution"}}}
    machine = hand.sfn.create_state_machine(name="ending", roleArn=ROLE, definition=definition(End=ending))
    given = json.dumps({"token": hand.token()})
    other = hand.sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=given)["executionArn"]
    assert hand.server.await_end(other)["output"] == "{}"
    assert json.loads(hand.server.await_end(execution)["output"]) == {"from": "another execution"}
    again = hand.sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=given)["executionArn"]
    failed = hand.server.await_end(again)
    assert failed["error"] == "Sfn.TaskTimedOutException"
    assert failed["cause"].startswith(OVER + " (Service: Sfn, Status Code: 400, Request ID: ")
