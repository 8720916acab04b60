"""Every operation of the Step Functions API, by boto3: what it gives and how it fails."""

import json
import sqlite3
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from harness import ACCOUNT, REGION, ROLE, WAIT_TIMEOUT, definition

PASS = definition(A={"Type": "Pass"})
WAIT = definition(A={"Type": "Wait", "Seconds": 600})


def arn(kind, *names):
    return f"arn:aws:states:{REGION}:{ACCOUNT}:{kind}:" + ":".join(names)


@pytest.fixture
def name():
    return "m-" + uuid.uuid4().hex[:12]


@pytest.fixture
def machine(sfn, name):
    """ARN of a state machine that passes its input on."""
    return sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE)["stateMachineArn"]


@pytest.fixture
def waiting(sfn, name):
    """ARN of an execution that waits for ten minutes."""
    waiting = sfn.create_state_machine(name=name, definition=WAIT, roleArn=ROLE)["stateMachineArn"]
    return sfn.start_execution(stateMachineArn=waiting, name="e", input='{"k": 1}')["executionArn"]


def fails(code, message=None):
    """Expects an error answer of that name and text."""
    class Expectation:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, _):
            assert isinstance(error, ClientError), f"{code} expected"
            found = error.response["Error"]
            assert found["Code"] == code, found
            if message is not None:
                assert found["Message"] == message
            return True

    return Expectation()


class TestCreateStateMachine:
    def test_gives_arn_and_date(self, sfn, name):
        created = sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE)
        assert created["stateMachineArn"] == arn("stateMachine", name)
        assert created["creationDate"]
        assert created["ResponseMetadata"]["RequestId"]

    def test_is_idempotent(self, sfn, name):
        first = sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE)
        again = sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE + "2")
        assert again["creationDate"] == first["creationDate"]
        assert sfn.describe_state_machine(stateMachineArn=first["stateMachineArn"])["roleArn"] == ROLE

    def test_refuses_another_definition_under_the_name(self, sfn, machine, name):
        with fails("StateMachineAlreadyExists", f"State Machine Already Exists: '{machine}'"):
            sfn.create_state_machine(name=name, definition=PASS + " ", roleArn=ROLE)

    @pytest.mark.parametrize("bad", ["a b", "a/b", "a?b", "x" * 81])
    def test_refuses_bad_names(self, sfn, bad):
        with fails("InvalidName", f"Invalid Name: '{bad}'"):
            sfn.create_state_machine(name=bad, definition=PASS, roleArn=ROLE)

    @pytest.mark.parametrize("bad, place", [
        ("", None),
        ("not json", None),
        ("{}", "at /"),
        (json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}), "/States/A"),
        (json.dumps({"StartAt": "A", "States": {"A": {"Type": "Nothing", "End": True}}}), "/States/A/Type"),
    ])
    def test_refuses_bad_definitions(self, sfn, name, bad, place):
        with pytest.raises(ClientError) as raised:
            sfn.create_state_machine(name=name, definition=bad, roleArn=ROLE)
        error = raised.value.response["Error"]
        assert error["Code"] == "InvalidDefinition"
        assert error["Message"].startswith("Invalid State Machine Definition: '")
        assert place is None or place in error["Message"]

    def test_knows_two_types(self, sfn, name):
        with fails("ValidationException"):
            sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE, type="FAST")


class TestDescribeStateMachine:
    def test_shows_all_fields(self, sfn, machine, name):
        shown = sfn.describe_state_machine(stateMachineArn=machine)
        assert (shown["name"], shown["status"], shown["type"]) == (name, "ACTIVE", "STANDARD")
        assert (shown["definition"], shown["roleArn"]) == (PASS, ROLE)
        assert shown["loggingConfiguration"] == {"level": "OFF", "includeExecutionData": False}
        assert shown["tracingConfiguration"] == {"enabled": False}

    def test_of_nothing(self, sfn):
        missing = arn("stateMachine", "missing")
        with fails("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{missing}'"):
            sfn.describe_state_machine(stateMachineArn=missing)

    def test_of_no_arn(self, sfn):
        with fails("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: nonsense'"):
            sfn.describe_state_machine(stateMachineArn="nonsense")


class TestUpdateStateMachine:
    def test_running_executions_keep_their_definition(self, sfn, waiting, name):
        machine = arn("stateMachine", name)
        assert sfn.update_state_machine(stateMachineArn=machine, definition=PASS)["updateDate"]
        assert sfn.describe_state_machine(stateMachineArn=machine)["definition"] == PASS
        assert sfn.describe_execution(executionArn=waiting)["status"] == "RUNNING"
        sfn.stop_execution(executionArn=waiting)

    def test_needs_something_to_change(self, sfn, machine):
        with fails("MissingRequiredParameter"):
            sfn.update_state_machine(stateMachineArn=machine)

    def test_refuses_a_bad_definition(self, sfn, machine):
        with fails("InvalidDefinition"):
            sfn.update_state_machine(stateMachineArn=machine, definition="{}")

    def test_of_nothing(self, sfn):
        with fails("StateMachineDoesNotExist"):
            sfn.update_state_machine(stateMachineArn=arn("stateMachine", "missing"), definition=PASS)


class TestDeleteStateMachine:
    def test_deletes(self, sfn, machine, name):
        sfn.delete_state_machine(stateMachineArn=machine)
        with fails("StateMachineDoesNotExist"):
            sfn.describe_state_machine(stateMachineArn=machine)
        with fails("StateMachineDoesNotExist"):
            sfn.start_execution(stateMachineArn=machine)
        assert name not in [found["name"] for found in all_machines(sfn)]

    def test_of_nothing_succeeds(self, sfn):
        sfn.delete_state_machine(stateMachineArn=arn("stateMachine", "missing"))

    def test_stops_what_is_in_progress(self, sfn, server, waiting, name):
        machine = arn("stateMachine", name)
        more = [sfn.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(150)]
        sfn.delete_state_machine(stateMachineArn=machine)
        for execution in [waiting, *more]:
            assert server.await_end(execution)["status"] == "ABORTED"
        await_gone(sfn, machine)
        # The name is free, and what was is not part of the new state machine.
        sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE)
        sfn.start_execution(stateMachineArn=machine)

    def test_goes_on_after_a_crash(self, start_server, name):
        server = start_server()
        sfn = server.client()
        machine = sfn.create_state_machine(name=name, definition=WAIT, roleArn=ROLE)["stateMachineArn"]
        sfn.start_execution(stateMachineArn=machine, name="e")
        server.kill()
        begin_deletion(server.data_dir / "stepyard.db", machine)
        server = start_server()
        sfn = server.client()
        assert server.await_end(arn("execution", name, "e"))["status"] == "ABORTED"
        await_gone(sfn, machine)

    def test_nothing_starts_or_changes_meanwhile(self, start_server, name):
        server = start_server()
        sfn = server.client()
        created = sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE, publish=True)
        machine, version = created["stateMachineArn"], created["stateMachineVersionArn"]
        server.kill()
        begin_deletion(server.data_dir / "stepyard.db", machine, damage=True)
        server = start_server()
        sfn = server.client()
        assert sfn.describe_state_machine(stateMachineArn=machine)["status"] == "DELETING"
        deleting = ("StateMachineDeleting", f"State Machine is being deleted: '{machine}'")
        for start in (machine, version):
            with fails(*deleting):
                sfn.start_execution(stateMachineArn=start)
        with fails(*deleting):
            sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE)
        with fails(*deleting):
            sfn.update_state_machine(stateMachineArn=machine, definition=WAIT)
        with fails(*deleting):
            sfn.publish_state_machine_version(stateMachineArn=machine)
        with fails(*deleting):
            sfn.create_state_machine_alias(
                name="PROD", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}])
        assert name in [found["name"] for found in all_machines(sfn)]
        assert server.http("GET", f"/api/v1/state-machines/{name}").body["deletingSince"]


def begin_deletion(database, machine, damage=False):
    """Leaves a deletion as a crash would. With `damage` it cannot end: an execution is in progress whose journal is gone."""
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE state_machine SET deleting_since = 1 WHERE arn = ?", [machine])
        if damage:
            connection.execute("INSERT OR IGNORE INTO machine (arn) VALUES (?)", [machine])
            connection.execute(
                "INSERT INTO execution (shard_id, execution_id, machine_id, name, revision_id, status, started_at) "
                "SELECT 0, randomblob(16), m.machine_id, 'damaged', s.revision_id, 1, 1 "
                "FROM machine m JOIN state_machine s USING (arn) WHERE m.arn = ?", [machine])
    connection.close()


def await_gone(sfn, machine):
    end = time.monotonic() + WAIT_TIMEOUT
    while True:
        try:
            described = sfn.describe_state_machine(stateMachineArn=machine)
        except sfn.exceptions.StateMachineDoesNotExist:
            return
        assert described["status"] == "DELETING"
        assert time.monotonic() < end, f"{machine} stays"
        time.sleep(0.05)


def all_machines(sfn):
    pages = sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
    return [machine for page in pages for machine in page["stateMachines"]]


class TestListStateMachines:
    def test_pages_hold_each_machine_once(self, sfn, name):
        made = [f"{name}-{number}" for number in range(5)]
        for each in made:
            sfn.create_state_machine(name=each, definition=PASS, roleArn=ROLE)
        listed = [machine["name"] for machine in all_machines(sfn)]
        assert len(listed) == len(set(listed))
        assert set(made) <= set(listed)

    def test_refuses_foreign_tokens(self, sfn):
        with fails("InvalidToken", "Invalid Token: 'Invalid token'"):
            sfn.list_state_machines(nextToken="nonsense")


class TestStartExecution:
    def test_runs(self, sfn, server, machine, name):
        started = sfn.start_execution(stateMachineArn=machine, name="first", input='{"a":1.0}')
        assert started["executionArn"] == arn("execution", name, "first")
        assert server.await_end(started["executionArn"])["output"] == '{"a":1.0}'

    def test_makes_a_name_and_an_input(self, sfn, server, machine):
        started = sfn.start_execution(stateMachineArn=machine)
        ended = server.await_end(started["executionArn"])
        assert (ended["input"], ended["output"]) == ("{}", "{}")
        assert uuid.UUID(ended["name"])

    def test_is_idempotent_by_name_while_running(self, sfn, waiting, name):
        again = {"stateMachineArn": arn("stateMachine", name), "name": "e"}
        repeated = sfn.start_execution(**again, input='{"k": 1}')
        assert repeated["executionArn"] == waiting
        assert repeated["startDate"] == sfn.describe_execution(executionArn=waiting)["startDate"]
        with fails("ExecutionAlreadyExists", f"Execution Already Exists: '{waiting}'"):
            sfn.start_execution(**again, input='{"k": 2}')
        sfn.stop_execution(executionArn=waiting)
        with fails("ExecutionAlreadyExists"):
            sfn.start_execution(**again, input='{"k": 1}')

    @pytest.mark.parametrize("bad", ["", "not json", "{"])
    def test_refuses_input_that_is_not_json(self, sfn, machine, bad):
        with fails("InvalidExecutionInput"):
            sfn.start_execution(stateMachineArn=machine, input=bad)

    def test_refuses_large_input(self, sfn, machine):
        with fails("ValidationException"):
            sfn.start_execution(stateMachineArn=machine, input=json.dumps("x" * 262_144))

    @pytest.mark.parametrize("bad", ["a b", "x" * 81])
    def test_refuses_bad_names(self, sfn, machine, bad):
        with fails("InvalidName", f"Invalid Name: '{bad}'"):
            sfn.start_execution(stateMachineArn=machine, name=bad)

    def test_of_nothing(self, sfn):
        with fails("StateMachineDoesNotExist"):
            sfn.start_execution(stateMachineArn=arn("stateMachine", "missing"))


class TestDescribeExecution:
    def test_of_a_failed_one(self, sfn, server, name):
        failing = definition(F={"Type": "Fail", "Error": "E", "Cause": "because"})
        machine = sfn.create_state_machine(name=name, definition=failing, roleArn=ROLE)["stateMachineArn"]
        ended = server.await_end(sfn.start_execution(stateMachineArn=machine)["executionArn"])
        assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "E", "because")
        assert "output" not in ended
        assert ended["stopDate"] >= ended["startDate"]

    def test_of_a_running_one(self, sfn, waiting, name):
        shown = sfn.describe_execution(executionArn=waiting)
        assert (shown["status"], shown["name"], shown["input"]) == ("RUNNING", "e", '{"k": 1}')
        assert shown["stateMachineArn"] == arn("stateMachine", name)
        assert "stopDate" not in shown
        sfn.stop_execution(executionArn=waiting)

    def test_of_nothing(self, sfn):
        missing = arn("execution", "m", "missing")
        with fails("ExecutionDoesNotExist", f"Execution Does Not Exist: '{missing}'"):
            sfn.describe_execution(executionArn=missing)


class TestStopExecution:
    def test_aborts(self, sfn, waiting):
        assert sfn.stop_execution(executionArn=waiting, error="Stopped", cause="by hand")["stopDate"]
        ended = sfn.describe_execution(executionArn=waiting)
        assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "Stopped", "by hand")
        events = sfn.get_execution_history(executionArn=waiting)["events"]
        assert [(event["id"], event["previousEventId"], event["type"]) for event in events] == [
            (1, 0, "ExecutionStarted"), (2, 0, "WaitStateEntered"), (3, 0, "ExecutionAborted")]
        assert events[2]["executionAbortedEventDetails"] == {"error": "Stopped", "cause": "by hand"}

    def test_of_nothing(self, sfn):
        with fails("ExecutionDoesNotExist"):
            sfn.stop_execution(executionArn=arn("execution", "m", "missing"))


class TestListExecutions:
    def test_newest_first_in_pages(self, sfn, server, machine):
        for number in range(5):
            server.await_end(sfn.start_execution(stateMachineArn=machine, name=f"e{number}")["executionArn"])
        pages = list(sfn.get_paginator("list_executions").paginate(
            stateMachineArn=machine, PaginationConfig={"PageSize": 2}))
        assert [len(page["executions"]) for page in pages if page["executions"]] == [2, 2, 1]
        listed = [each["name"] for page in pages for each in page["executions"]]
        assert listed == ["e4", "e3", "e2", "e1", "e0"]

    def test_by_status(self, sfn, waiting, name):
        def names(status):
            found = sfn.list_executions(stateMachineArn=arn("stateMachine", name), statusFilter=status)
            return [each["name"] for each in found["executions"]]

        assert (names("RUNNING"), names("ABORTED")) == (["e"], [])
        sfn.stop_execution(executionArn=waiting)
        assert (names("RUNNING"), names("ABORTED")) == ([], ["e"])

    def test_of_nothing(self, sfn):
        with fails("StateMachineDoesNotExist"):
            sfn.list_executions(stateMachineArn=arn("stateMachine", "missing"))

    def test_filters_of_map_runs(self, sfn, machine):
        with fails("ValidationException"):
            sfn.list_executions(stateMachineArn=machine, statusFilter="PENDING_REDRIVE")
        for redrive_filter in ("REDRIVEN", "NOT_REDRIVEN", "nonsense"):
            with fails("ValidationException"):
                sfn.list_executions(stateMachineArn=machine, redriveFilter=redrive_filter)

    def test_limits_a_page(self, sfn, machine):
        with fails("ValidationException"):
            sfn.list_executions(stateMachineArn=machine, maxResults=1_001)


class TestGetExecutionHistory:
    @pytest.fixture
    def execution(self, sfn, server, machine):
        arn = sfn.start_execution(stateMachineArn=machine, input='{"secret":1}')["executionArn"]
        server.await_end(arn)
        return arn

    def test_shows_the_events(self, sfn, execution):
        events = sfn.get_execution_history(executionArn=execution)["events"]
        assert [(event["id"], event["previousEventId"], event["type"]) for event in events] == [
            (1, 0, "ExecutionStarted"), (2, 0, "PassStateEntered"), (3, 2, "PassStateExited"),
            (4, 3, "ExecutionSucceeded")]
        started = events[0]["executionStartedEventDetails"]
        assert started == {"input": '{"secret":1}', "inputDetails": {"truncated": False}, "roleArn": ROLE}
        assert events[2]["stateExitedEventDetails"]["output"] == '{"secret":1}'

    def test_in_pages_both_ways(self, sfn, execution):
        for reverse, expected in ((False, [1, 2, 3, 4]), (True, [4, 3, 2, 1])):
            for size in (1, 2, 3):
                pages = sfn.get_paginator("get_execution_history").paginate(
                    executionArn=execution, reverseOrder=reverse, PaginationConfig={"PageSize": size})
                assert [event["id"] for page in pages for event in page["events"]] == expected

    def test_without_data(self, sfn, execution):
        events = sfn.get_execution_history(executionArn=execution, includeExecutionData=False)["events"]
        assert len(events) == 4
        assert "secret" not in json.dumps(events, default=str)

    def test_of_nothing(self, sfn):
        with fails("ExecutionDoesNotExist"):
            sfn.get_execution_history(executionArn=arn("execution", "m", "missing"))

    def test_refuses_foreign_tokens(self, sfn, execution):
        with fails("InvalidToken", "Invalid Token: 'Invalid token'"):
            sfn.get_execution_history(executionArn=execution, nextToken="nonsense")


class TestProtocol:
    def call(self, server, operation, body, **headers):
        headers = {"X-Amz-Target": operation, "Content-Type": "application/x-amz-json-1.0"} | headers
        return server.http("POST", "/", body, headers)

    def test_unknown_operations(self, server):
        answer = self.call(server, "AWSStepFunctions.MakeCoffee", b"{}")
        assert answer.status == 400
        assert answer.body["__type"].endswith("UnknownOperationException")

    def test_bodies_that_are_not_json(self, server):
        answer = self.call(server, "AWSStepFunctions.ListStateMachines", b"{")
        assert answer.status == 400
        assert answer.body["__type"].endswith("SerializationException")

    def test_any_host_will_do(self, server):
        answer = self.call(server, "AWSStepFunctions.ListStateMachines", b"{}", Host="sync-states.example.com")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
        assert uuid.UUID(answer.headers["x-amzn-RequestId"])

    def test_dates_are_seconds_with_milliseconds(self, server, machine):
        answer = self.call(server, "AWSStepFunctions.DescribeStateMachine", {"stateMachineArn": machine})
        assert isinstance(answer.body["creationDate"], float)


def test_tags_are_set_replaced_and_removed(sfn, name):
    tags = [{"key": "team", "value": "one"}, {"key": "cost centre", "value": ""}]
    machine = sfn.create_state_machine(
        name=name, definition=PASS, roleArn=ROLE, tags=tags)["stateMachineArn"]

    def present():
        listed = sfn.list_tags_for_resource(resourceArn=machine)["tags"]
        return {tag["key"]: tag["value"] for tag in listed}

    assert present() == {"team": "one", "cost centre": ""}
    sfn.tag_resource(resourceArn=machine, tags=[{"key": "team", "value": "two"}, {"key": "x", "value": "y"}])
    sfn.untag_resource(resourceArn=machine, tagKeys=["cost centre", "unknown"])
    sfn.update_state_machine(stateMachineArn=machine, definition=WAIT)
    assert present() == {"team": "two", "x": "y"}
    with fails("TooManyTags"):
        sfn.tag_resource(resourceArn=machine, tags=[{"key": str(n), "value": ""} for n in range(49)])
    with fails("ValidationException"):
        sfn.tag_resource(resourceArn=machine, tags=[{"key": "aws:mine", "value": ""}])
    with fails("ResourceNotFound"):
        sfn.list_tags_for_resource(resourceArn=machine + "x")


def test_a_definition_is_validated_without_being_stored(sfn):
    valid = sfn.validate_state_machine_definition(definition=PASS)
    assert (valid["result"], valid["diagnostics"], valid["truncated"]) == ("OK", [], False)
    bad = json.dumps({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Wait", "End": True}}})
    answer = sfn.validate_state_machine_definition(definition=bad)
    assert answer["result"] == "FAIL"
    places = [fault["location"] for fault in answer["diagnostics"]]
    assert places == ["/States/A/Next", "/States/C", "/States/C"]
    first = sfn.validate_state_machine_definition(definition=bad, maxResults=1)
    assert (len(first["diagnostics"]), first["truncated"]) == (1, True)
    callback = definition(A={
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True})
    assert sfn.validate_state_machine_definition(definition=callback)["result"] == "OK"
    assert sfn.validate_state_machine_definition(definition=callback, type="EXPRESS")["result"] == "FAIL"


def look_into(sfn, state, given=None, level="DEBUG", **request):
    """What TestState answers, with the data of the stages parsed."""
    answer = sfn.test_state(definition=json.dumps(state), input=json.dumps(given or {}),
                            inspectionLevel=level, **request)
    data = answer.get("inspectionData", {})
    answer["stages"] = {name: json.loads(text) if isinstance(text, str) else text
                        for name, text in data.items()}
    return answer


def test_a_state_is_tested_alone(sfn):
    state = {"Type": "Pass", "InputPath": "$.a", "Parameters": {"x.$": "$.b"},
             "ResultPath": "$.r", "OutputPath": "$.r", "Next": "After"}
    answer = look_into(sfn, state, {"a": {"b": 1}})
    assert (answer["status"], answer["nextState"], answer["output"]) == ("SUCCEEDED", "After", '{"x":1}')
    assert answer["stages"] == {
        "input": {"a": {"b": 1}}, "afterInputPath": {"b": 1}, "afterParameters": {"x": 1},
        "afterResultSelector": {"x": 1}, "afterResultPath": {"a": {"b": 1}, "r": {"x": 1}}}
    assert "inspectionData" not in look_into(sfn, state, {"a": {"b": 1}}, level="INFO")
    failed = look_into(sfn, {"Type": "Pass", "InputPath": "$.none", "End": True})
    assert (failed["status"], failed["error"]) == ("FAILED", "States.Runtime")


def test_a_task_is_tested_for_real(sfn):
    task = {"Type": "Task", "End": True,
            "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:ImageProcessorFunction"}
    with fails("ValidationException", "RoleArn must be specified when testing a Task state"):
        look_into(sfn, task)
    answer = look_into(sfn, task, {"bucket": "image-upload-source", "key": "none"}, roleArn=ROLE)
    assert answer["status"] == "FAILED"
    assert "none" in answer["cause"]


def test_errors_are_mocked_retried_and_caught(sfn):
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["Busy"], "Next": "Recover", "ResultPath": "$.e"}]}
    mock = {"errorOutput": {"error": "Busy", "cause": "later"}}
    first = look_into(sfn, task, {"k": 1}, mock=mock)
    assert (first["status"], first["error"], first["cause"]) == ("RETRIABLE", "Busy", "later")
    assert first["stages"]["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": 1}
    last = look_into(sfn, task, {"k": 1}, mock=mock, stateConfiguration={"retrierRetryCount": 1})
    assert (last["status"], last["nextState"]) == ("CAUGHT_ERROR", "Recover")
    assert json.loads(last["output"]) == {"k": 1, "e": {"Error": "Busy", "Cause": "later"}}
    other = look_into(sfn, task, mock={"errorOutput": {"error": "Broken"}})
    assert (other["status"], other["error"]) == ("FAILED", "Broken")


def test_a_state_deep_inside_is_tested_by_name(sfn):
    inner = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}],
             "Default": "Other"}
    whole = {"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": True, "Branches": [
        {"StartAt": "Inner", "States": {
            "Inner": inner, "One": {"Type": "Succeed"}, "Other": {"Type": "Succeed"}}}]}}}
    assert look_into(sfn, whole, {"n": 1}, stateName="Inner")["nextState"] == "One"
    assert look_into(sfn, whole, {"n": 2}, stateName="Inner")["nextState"] == "Other"
    with fails("ValidationException", "State not found in definition"):
        look_into(sfn, whole, stateName="None")
    parallel = look_into(sfn, whole, stateName="P", mock={"result": '[{"ok": true}]'})
    assert json.loads(parallel["output"]) == [{"ok": True}]
