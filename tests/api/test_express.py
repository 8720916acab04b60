"""EXPRESS state machines, by boto3 and the AWS CLI."""

import json
import subprocess
import threading
import time
import uuid

import pytest

from harness import ACCOUNT, REGION, ROLE, WAIT_TIMEOUT, Server, binary, definition
from test_operations import arn, fails

PASS = definition(A={"Type": "Pass"})
FAIL = definition(A={"Type": "Fail", "Error": "E", "Cause": "because"})
WRONG_CONTEXT = "Invalid Arn: 'Resource type not valid in this context: express'"
WRONG_TYPE = "This operation is not supported by this type of state machine"


@pytest.fixture
def name():
    return "x-" + uuid.uuid4().hex[:12]


@pytest.fixture
def create(sfn, name):
    """Creates an EXPRESS state machine of that definition; gives its ARN."""
    def create(text=PASS, client=sfn, **options):
        options = {"type": "EXPRESS", **options}
        return client.create_state_machine(
            name=name, definition=text, roleArn=ROLE, **options)["stateMachineArn"]

    return create


class TestStateMachines:
    def test_show_their_type(self, sfn, create, name):
        machine = create()
        assert sfn.describe_state_machine(stateMachineArn=machine)["type"] == "EXPRESS"
        listed = sfn.list_state_machines(maxResults=1000)["stateMachines"]
        assert next(each["type"] for each in listed if each["name"] == name) == "EXPRESS"

    def test_keep_it(self, sfn, create):
        machine = create()
        with fails("StateMachineAlreadyExists"):
            create(type="STANDARD")
        sfn.update_state_machine(stateMachineArn=machine, definition=FAIL)
        assert sfn.describe_state_machine(stateMachineArn=machine)["type"] == "EXPRESS"
        assert sfn.start_sync_execution(stateMachineArn=machine)["status"] == "FAILED"

    def test_are_updated_by_the_rules_of_their_type(self, sfn, create):
        machine = create()
        callback = definition(A={
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}})
        with fails("InvalidDefinition"):
            sfn.update_state_machine(stateMachineArn=machine, definition=callback)


class TestStartSyncExecution:
    def test_answers_how_it_has_ended(self, sfn, create, name):
        answer = sfn.start_sync_execution(
            stateMachineArn=create(), name="e", input='{ "a": 1.0 }', traceHeader="Root=1")
        prefix, _, key = answer["executionArn"].rpartition(":")
        assert prefix == arn("express", name, "e")
        uuid.UUID(key)
        assert (answer["name"], answer["status"]) == ("e", "SUCCEEDED")
        assert answer["input"] == answer["output"] == '{ "a": 1.0 }'
        assert answer["inputDetails"] == answer["outputDetails"] == {"included": True}
        assert answer["billingDetails"] == {"billedMemoryUsedInMB": 64,
                                            "billedDurationInMilliseconds": 100}
        assert answer["traceHeader"] == "Root=1"
        assert answer["startDate"] <= answer["stopDate"]

    def test_is_a_success_also_when_the_execution_fails(self, sfn, create):
        answer = sfn.start_sync_execution(stateMachineArn=create(FAIL))
        assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "E", "because")
        assert "output" not in answer
        assert answer["outputDetails"] == {"included": True}

    def test_times_out(self, sfn, create):
        waits = json.loads(definition(A={"Type": "Wait", "Seconds": 60})) | {"TimeoutSeconds": 1}
        answer = sfn.start_sync_execution(stateMachineArn=create(json.dumps(waits)))
        assert (answer["status"], answer["error"]) == ("TIMED_OUT", "States.Timeout")
        # A timer may ring some milliseconds late.
        assert answer["billingDetails"]["billedDurationInMilliseconds"] in (1000, 1100)

    def test_may_leave_data_out(self, sfn, create):
        answer = sfn.start_sync_execution(stateMachineArn=create(), includedData="METADATA_ONLY")
        assert "input" not in answer and "output" not in answer
        assert answer["inputDetails"] == answer["outputDetails"] == {"included": False}

    def test_refuses_what_aws_refuses(self, sfn, create, name):
        machine = create()
        standard = sfn.create_state_machine(
            name=name + "s", definition=PASS, roleArn=ROLE)["stateMachineArn"]
        with fails("StateMachineTypeNotSupported", WRONG_TYPE):
            sfn.start_sync_execution(stateMachineArn=standard)
        with fails("StateMachineDoesNotExist"):
            sfn.start_sync_execution(stateMachineArn=machine + "x")
        with fails("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: no_arn'"):
            sfn.start_sync_execution(stateMachineArn="no_arn")
        with fails("InvalidName", "Invalid Name: 'a b'"):
            sfn.start_sync_execution(stateMachineArn=machine, name="a b")
        with fails("InvalidExecutionInput"):
            sfn.start_sync_execution(stateMachineArn=machine, input="{")
        for options in [{"includedData": "SOME"}, {"traceHeader": "x" * 257},
                        {"input": json.dumps("x" * 262_143)}]:
            with fails("ValidationException"):
                sfn.start_sync_execution(stateMachineArn=machine, **options)

    def test_is_reached_under_the_prefix_that_clients_put_before_the_host(self, server, create):
        answer = server.http(
            "POST", "/", {"stateMachineArn": create()},
            {"X-Amz-Target": "AWSStepFunctions.StartSyncExecution", "Host": "sync-states.example",
             "Content-Type": "application/x-amz-json-1.0"})
        assert json.loads(answer.content)["status"] == "SUCCEEDED"

    def test_by_the_aws_cli(self, server, create):
        answer = server.aws("start-sync-execution", "--state-machine-arn", create())
        assert answer["status"] == "SUCCEEDED"

    def test_calls_functions(self, start_server, lambda_stub, create):
        stub = lambda_stub(Double=lambda event: event * 2)
        server = start_server("--lambda-functions", "Double", environment=stub.environment())
        task = definition(A={"Type": "Task",
                             "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Double"})
        machine = create(task, client=server.client())
        answer = server.client().start_sync_execution(stateMachineArn=machine, input="21")
        assert answer["output"] == "42"
        assert stub.runs[0]["key"].startswith(answer["executionArn"].rpartition(":")[2])


class TestStartExecution:
    def test_is_never_the_same(self, sfn, create, name):
        machine = create(definition(A={"Type": "Wait", "Seconds": 60}))
        arns = {sfn.start_execution(stateMachineArn=machine, name="e")["executionArn"]
                for _ in range(2)}
        assert len(arns) == 2
        assert all(each.startswith(arn("express", name, "e") + ":") for each in arns)

    def test_over_rest(self, server, name):
        body = {"name": name, "definition": json.loads(PASS), "type": "EXPRESS"}
        created = server.http("POST", "/api/v1/state-machines", body)
        assert (created.status, created.body["type"]) == (201, "EXPRESS")
        started = server.http("POST", "/api/v1/executions", {"stateMachine": name})
        assert started.status == 201
        assert started.body["arn"].startswith(arn("express", name) + ":")


def test_operations_that_need_a_history_do_not_know_express_executions(sfn, create):
    machine = create()
    execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    for operation in [sfn.describe_execution, sfn.stop_execution, sfn.get_execution_history,
                      sfn.describe_state_machine_for_execution]:
        with fails("InvalidArn", WRONG_CONTEXT):
            operation(executionArn=execution)
    with fails("StateMachineTypeNotSupported", WRONG_TYPE):
        sfn.list_executions(stateMachineArn=machine)


class TestHistories:
    """What is left of executions, over REST and by the CLI; the API of AWS knows nothing of it."""

    @staticmethod
    def place(execution_arn):
        """Where REST shows the execution with that ARN."""
        machine, name, key = execution_arn.split(":")[-3:]
        return f"/api/v1/executions/{machine}/{name}:{key}"

    def kept(self, server, execution_arn):
        """What REST shows, once it is written: shortly after the end."""
        end = time.monotonic() + WAIT_TIMEOUT
        while time.monotonic() < end:
            answer = server.http("GET", self.place(execution_arn))
            if answer.status == 200:
                return answer.body
            time.sleep(0.02)
        raise AssertionError(f"no history: {answer}")

    def test_a_start_over_rest_tells_where_it_will_be(self, server, create, name):
        create(FAIL)
        started = server.http("POST", "/api/v1/executions", {"stateMachine": name, "name": "e"}).body
        assert (started["name"], started["stateMachine"], started["status"]) == ("e", name, "RUNNING")
        assert self.kept(server, started["arn"])["startedAt"] == started["startedAt"]

    def test_of_failures_are_kept(self, server, sfn, create, name):
        machine = create(FAIL)
        execution = sfn.start_sync_execution(
            stateMachineArn=machine, name="e", input='{"a": 1}')["executionArn"]
        shown = self.kept(server, execution)
        assert (shown["arn"], shown["name"], shown["stateMachine"]) == (execution, "e", name)
        assert (shown["status"], shown["error"], shown["cause"]) == ("FAILED", "E", "because")
        assert (shown["input"], shown["output"]) == ({"a": 1}, None)
        assert shown["startedAt"] <= shown["stoppedAt"]
        history = server.http("GET", self.place(execution) + "/history").body
        assert [event["type"] for event in history["events"]] == [
            "ExecutionStarted", "FailStateEntered", "ExecutionFailed"]
        assert history["cursor"] is None
        assert history["events"][2]["details"] == {"error": "E", "cause": "because"}

    def test_come_in_pages(self, server, sfn, create):
        execution = sfn.start_execution(stateMachineArn=create(FAIL))["executionArn"]
        self.kept(server, execution)
        for reverse, expected in [("false", [1, 2, 3]), ("true", [3, 2, 1])]:
            ids, cursor = [], ""
            while cursor is not None:
                page = server.http(
                    "GET", f"{self.place(execution)}/history?limit=2&reverse={reverse}{cursor}").body
                ids += [event["id"] for event in page["events"]]
                cursor = page["cursor"] and "&cursor=" + page["cursor"]
            assert ids == expected

    def test_are_listed_by_state_machine(self, server, sfn, create, name):
        machine = create(FAIL)
        started = [sfn.start_sync_execution(stateMachineArn=machine, name=f"e{number}")["executionArn"]
                   for number in range(3)]
        for execution in started:
            self.kept(server, execution)
        path = f"/api/v1/executions?stateMachine={name}"
        first = server.http("GET", path + "&limit=2").body
        second = server.http("GET", path + "&limit=2&cursor=" + first["cursor"]).body
        listed = [each["arn"] for each in first["executions"] + second["executions"]]
        assert listed == started[::-1]
        assert second["cursor"] is None
        assert server.http("GET", path + "&status=TIMED_OUT").body["executions"] == []
        named = server.http("GET", path + "&namePrefix=e1").body["executions"]
        assert [each["arn"] for each in named] == [started[1]]

    def test_by_the_command_line(self, server, sfn, create):
        execution = sfn.start_sync_execution(stateMachineArn=create(FAIL))["executionArn"]
        self.kept(server, execution)
        done = subprocess.run([binary(), "history", execution, "--endpoint-url", server.url],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "ExecutionFailed" in done.stdout
        assert "\n\nFAILED\nE: because\n" in done.stdout
        assert "start it again" in done.stdout

    @pytest.mark.parametrize("setting, statuses", [("all", ["FAILED", "SUCCEEDED"]), ("none", [])])
    def test_are_kept_as_it_is_set(self, start_server, create, name, setting, statuses):
        server = start_server("--express-history", setting)
        client = server.client()
        machine = create(client=client)
        client.start_sync_execution(stateMachineArn=machine)
        client.update_state_machine(stateMachineArn=machine, definition=FAIL)
        client.start_sync_execution(stateMachineArn=machine)
        # What waits is written before the server has ended.
        assert server.terminate() == 0
        server = start_server()
        listed = server.http("GET", f"/api/v1/executions?stateMachine={name}").body["executions"]
        assert [each["status"] for each in listed] == statuses

    def test_are_not_there_for_the_api_of_aws(self, server, sfn, create):
        machine = create(FAIL)
        execution = sfn.start_sync_execution(stateMachineArn=machine)["executionArn"]
        self.kept(server, execution)
        for operation in [sfn.describe_execution, sfn.get_execution_history]:
            with fails("InvalidArn", WRONG_CONTEXT):
                operation(executionArn=execution)
        with fails("StateMachineTypeNotSupported", WRONG_TYPE):
            sfn.list_executions(stateMachineArn=machine)
        for change in ["stop", "redrive"]:
            refused = server.http("POST", f"{self.place(execution)}/{change}", {})
            assert (refused.status, refused.body["detail"]) == (400, WRONG_CONTEXT)

    def test_that_are_not_kept_are_a_problem_that_says_why(self, server, sfn, create):
        execution = sfn.start_sync_execution(stateMachineArn=create())["executionArn"]
        for path in [self.place(execution), self.place(execution) + "/history"]:
            missing = server.http("GET", path)
            assert (missing.status, missing.body["title"]) == (404, "ExecutionDoesNotExist")
            assert "express-history" in missing.body["detail"]
        assert server.http("GET", "/api/v1/executions/m/e:no-uuid").status == 404

    def test_do_not_exist_of_what_a_crash_has_ended(self, start_server, create, name):
        server = start_server("--express-history", "all")
        machine = create(definition(A={"Type": "Wait", "Seconds": 60}), client=server.client())
        execution = server.client().start_execution(stateMachineArn=machine)["executionArn"]
        server.kill()
        server = start_server("--express-history", "all")
        assert server.http("GET", self.place(execution)).status == 404
        page = server.http("GET", "/metrics").content.decode()
        assert "stepyard_express_executions_running 0" in page


class TestLogs:
    DESTINATION = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g:*"

    def lines(self, server, create, level, **options):
        """What is logged of a run that fails in a caught way, as CloudWatch would have it."""
        configuration = {"level": level, **options, "destinations": [
            {"cloudWatchLogsLogGroup": {"logGroupArn": self.DESTINATION}}]}
        machine = create(FAIL, client=server.client(), loggingConfiguration=configuration)
        ran = server.client().start_sync_execution(stateMachineArn=machine, input='{"secret": 1}')
        end = time.monotonic() + 5
        while time.monotonic() < end:
            found = [json.loads(line) for line in list(server.log) if line.startswith("{")]
            events = [line["fields"] for line in found
                      if line["target"] == "stepyard::execution_log"]
            if any(event["type"] == "ExecutionFailed" for event in events):
                return ran["executionArn"], events
            time.sleep(0.05)
        raise AssertionError("nothing is logged")

    def test_tell_everything(self, start_server, create):
        server = start_server("--log-format", "json")
        execution, events = self.lines(server, create, "ALL", includeExecutionData=True)
        assert [event["type"] for event in events] == [
            "ExecutionStarted", "FailStateEntered", "ExecutionFailed"]
        entered = events[1]
        assert (entered["id"], entered["previous_event_id"]) == ("2", "0")
        assert (entered["execution_arn"], entered["redrive_count"]) == (execution, "0")
        assert abs(int(entered["event_timestamp"]) / 1000 - time.time()) < 60
        assert json.loads(entered["details"]) == {
            "name": "A", "input": '{"secret": 1}', "inputDetails": {"truncated": False}}
        assert json.loads(events[2]["details"]) == {"error": "E", "cause": "because"}

    def test_leave_data_out(self, start_server, create):
        server = start_server("--log-format", "json")
        _, events = self.lines(server, create, "ALL")
        assert json.loads(events[1]["details"]) == {"name": "A"}
        assert "secret" not in "".join(server.log)

    @pytest.mark.parametrize("level, types", [
        ("ERROR", ["FailStateEntered", "ExecutionFailed"]), ("FATAL", ["ExecutionFailed"])])
    def test_tell_what_is_asked_for(self, start_server, create, level, types):
        server = start_server("--log-format", "json")
        _, events = self.lines(server, create, level)
        assert [event["type"] for event in events] == types


class TestShutdown:
    """The server ends while somebody waits for an answer."""

    def ended(self, server: Server, create, seconds):
        waits = definition(A={"Type": "Wait", "Seconds": seconds})
        machine = create(waits, client=server.client())
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(
            server.client().start_sync_execution(stateMachineArn=machine)))
        waiting.start()
        time.sleep(0.5)
        assert server.terminate() == 0
        waiting.join()
        return answers[0]

    def test_lets_it_end(self, start_server, create):
        assert self.ended(start_server(), create, 2)["status"] == "SUCCEEDED"

    def test_says_that_it_was_cut_off(self, start_server, create):
        server = start_server("--shutdown-grace-seconds", "1")
        answer = self.ended(server, create, 60)
        assert (answer["status"], answer["cause"]) == ("FAILED", "The server was stopped")


def test_metrics(server, sfn, create):
    sfn.start_sync_execution(stateMachineArn=create(FAIL))
    page = server.http("GET", "/metrics").content.decode()
    counted = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    assert int(counted["stepyard_express_executions_started_total"]) >= 1
    assert int(counted['stepyard_express_executions_closed_total{status="FAILED"}']) >= 1
