"""Status changes as EventBridge gets them on AWS, and the histories of STANDARD executions as log lines."""

import base64
import json
import subprocess
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from harness import ACCOUNT, REGION, ROLE, binary, client_environment, definition

PASS = definition(A={"Type": "Pass"})
FAIL = definition(A={"Type": "Fail", "Error": "E", "Cause": "because"})
WAIT = definition(A={"Type": "Wait", "Seconds": 3600})
PATIENCE = 20


def until(found, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{what}: not in time")


class Webhook:
    """Takes events; `statuses` are answered first."""

    def __init__(self, *statuses):
        self.requests, self.statuses = [], list(statuses)
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.statuses.pop(0) if hook.statuses else 200
                hook.requests.append((status, self.headers, json.loads(body)))
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, login=""):
        return f"http://{login}127.0.0.1:{self.server.server_port}/events?key=value"

    def taken(self, count):
        """So many events that were taken, as soon as they are there."""
        events = lambda: [event for status, _, event in self.requests if status == 200]
        return until(lambda: len(events()) >= count and events(), f"{count} events")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def webhook():
    hooks = []

    def serve(*statuses):
        hooks.append(Webhook(*statuses))
        return hooks[-1]

    yield serve
    for hook in hooks:
        hook.close()


def create(server, text, name="m", **options):
    return server.client().create_state_machine(
        name=name, definition=text, roleArn=ROLE, **options)["stateMachineArn"]


class TestWebhook:
    def test_gets_what_eventbridge_gets(self, start_server, webhook):
        hook = webhook()
        server = start_server("--events-webhook", hook.url("user:secret@"))
        machine = create(server, PASS)
        execution = server.client().start_execution(
            stateMachineArn=machine, name="e", input='{"a": "b"}')["executionArn"]
        started, ended = hook.taken(2)[:2]
        shown = server.client().describe_execution(executionArn=execution)
        millis = {name: round(shown[name].timestamp() * 1000) for name in ("startDate", "stopDate")}
        common = {
            "executionArn": execution, "stateMachineArn": machine, "name": "e",
            "startDate": millis["startDate"], "input": '{"a": "b"}',
            "stateMachineVersionArn": None, "stateMachineAliasArn": None, "redriveCount": 0,
            "redriveDate": None, "redriveStatus": "NOT_REDRIVABLE",
            "inputDetails": {"included": True}, "error": None, "cause": None}
        assert started.pop("detail") == common | {
            "status": "RUNNING", "stopDate": None, "output": None, "outputDetails": None,
            "redriveStatusReason": "Execution is RUNNING and cannot be redriven"}
        assert ended.pop("detail") == common | {
            "status": "SUCCEEDED", "stopDate": millis["stopDate"], "output": '{"a": "b"}',
            "outputDetails": {"included": True},
            "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven"}
        for event in (started, ended):
            assert event.pop("id") and event.pop("time").endswith("Z")
            assert event == {
                "version": "0", "detail-type": "Step Functions Execution Status Change",
                "source": "aws.states", "account": ACCOUNT, "region": REGION,
                "resources": [execution]}
        _, headers, _ = hook.requests[0]
        assert headers["Content-Type"] == "application/json"
        assert headers["Authorization"] == "Basic " + base64.b64encode(b"user:secret").decode()
        assert "secret" not in "".join(server.log)

    def test_is_told_of_failures_stops_and_redrives(self, start_server, webhook):
        hook = webhook()
        server = start_server("--events-webhook", hook.url())
        client = server.client()
        failed = client.start_execution(stateMachineArn=create(server, FAIL))["executionArn"]
        detail = hook.taken(2)[1]["detail"]
        assert (detail["status"], detail["error"], detail["cause"]) == ("FAILED", "E", "because")
        assert (detail["redriveStatus"], detail["redriveStatusReason"]) == ("REDRIVABLE", None)
        client.redrive_execution(executionArn=failed)
        again = [event["detail"] for event in hook.taken(4)[2:4]]
        assert [(one["status"], one["redriveCount"]) for one in again] == [
            ("RUNNING", 1), ("FAILED", 1)]
        assert again[0]["redriveDate"] == again[1]["redriveDate"] > 0
        waits = client.start_execution(
            stateMachineArn=create(server, WAIT, name="w"))["executionArn"]
        hook.taken(5)
        client.stop_execution(executionArn=waits)
        detail = hook.taken(6)[5]["detail"]
        assert (detail["executionArn"], detail["status"]) == (waits, "ABORTED")

    def test_names_version_and_alias(self, start_server, webhook):
        hook = webhook()
        server = start_server("--events-webhook", hook.url())
        version = server.client().create_state_machine(
            name="m", definition=PASS, roleArn=ROLE, publish=True)["stateMachineVersionArn"]
        alias = server.client().create_state_machine_alias(
            name="live", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}])
        server.client().start_execution(stateMachineArn=alias["stateMachineAliasArn"])
        detail = hook.taken(2)[0]["detail"]
        assert detail["stateMachineVersionArn"] == version
        assert detail["stateMachineAliasArn"] == alias["stateMachineAliasArn"]

    def test_is_told_nothing_of_express_executions(self, start_server, webhook):
        hook = webhook()
        server = start_server("--events-webhook", hook.url())
        express = create(server, PASS, type="EXPRESS")
        server.client().start_sync_execution(stateMachineArn=express)
        server.client().start_execution(stateMachineArn=create(server, PASS, name="s"), name="e")
        assert {event["detail"]["name"] for event in hook.taken(2)} == {"e"}

    def test_gets_again_what_it_has_not_taken_and_not_what_it_refuses(self, start_server, webhook):
        hook = webhook(503, 500, 400)
        server = start_server("--events-webhook", hook.url())
        server.client().start_execution(stateMachineArn=create(server, PASS))
        assert hook.taken(1)[0]["detail"]["status"] == "SUCCEEDED"
        seen = [(status, event["detail"]["status"]) for status, _, event in hook.requests]
        assert seen == [
            (503, "RUNNING"), (500, "RUNNING"), (400, "RUNNING"), (200, "SUCCEEDED")]
        assert len({event["id"] for _, _, event in hook.requests}) == 2
        page = server.http("GET", "/metrics").content.decode()
        target = f'{{target="webhook 1 (http://127.0.0.1:{hook.server.server_port})"}}'
        for line in [f"stepyard_events_dropped_total{target} 1",
                     f"stepyard_event_failures_total{target} 2"]:
            assert line in page.splitlines(), page
        log = "".join(server.log)
        assert "a target takes no events; trying again" in log
        assert "a target is not told of a status change" in log

    def test_gets_after_a_crash_what_it_could_not_get_before(self, start_server, webhook):
        hook = webhook(*[503] * 1000)
        server = start_server("--events-webhook", hook.url())
        execution = server.client().start_execution(
            stateMachineArn=create(server, PASS), name="e")["executionArn"]
        server.await_end(execution)
        server.kill()
        hook.statuses.clear()
        start_server("--events-webhook", hook.url())
        statuses = [event["detail"]["status"] for event in hook.taken(2)]
        assert statuses == ["RUNNING", "SUCCEEDED"]

    def test_must_be_a_url(self, tmp_path):
        for url, fault in [("h", "events-webhook = 'h'"), ("ftp://u:p@h", "ftp://u:***@h")]:
            done = subprocess.run(
                [binary(), "serve", "--data-dir", str(tmp_path), "--events-webhook", url],
                env=client_environment(), text=True, capture_output=True, timeout=PATIENCE)
            assert done.returncode == 1 and fault in done.stderr


def lines(server, target):
    found = [json.loads(line) for line in list(server.log) if line.startswith("{")]
    return [line["fields"] for line in found if line["target"] == target]


class TestLog:
    def test_tells_status_changes(self, start_server):
        server = start_server("--events-log", "--log-format", "json")
        server.client().start_execution(stateMachineArn=create(server, PASS))
        found = until(lambda: lines(server, "stepyard::events")[1:] and
                      lines(server, "stepyard::events"), "two events")
        details = [json.loads(fields["event"])["detail"] for fields in found]
        assert [detail["status"] for detail in details] == ["RUNNING", "SUCCEEDED"]

    def history(self, server, last, **options):
        """Types of the events of a run that are logged, as soon as the last one is there."""
        logging = {"destinations": [{"cloudWatchLogsLogGroup": {
            "logGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g:*"}}], **options}
        machine = create(server, FAIL, loggingConfiguration=logging)
        execution = server.client().start_execution(
            stateMachineArn=machine, input='{"secret": 1}')["executionArn"]
        found = lambda: [fields for fields in lines(server, "stepyard::execution_log")
                         if fields["execution_arn"] == execution]
        until(lambda: [1 for fields in found() if fields["type"] == last], last)
        return execution, found()

    @pytest.mark.parametrize("level, types", [
        ("ALL", ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]),
        ("ERROR", ["FailStateEntered", "ExecutionFailed"]),
        ("FATAL", ["ExecutionFailed"])])
    def test_tells_histories_of_standard_executions(self, start_server, level, types):
        server = start_server("--log-format", "json")
        execution, found = self.history(server, "ExecutionFailed", level=level)
        assert [fields["type"] for fields in found] == types
        assert "secret" not in "".join(server.log)
        server.client().redrive_execution(executionArn=execution)
        failures = lambda: [fields for fields in lines(server, "stepyard::execution_log")
                            if fields["type"] == "ExecutionFailed"]
        again = until(lambda: failures()[1:] and failures(), "the second failure")
        assert [fields["redrive_count"] for fields in again] == ["0", "1"]

    def test_shows_data_when_it_may(self, start_server):
        server = start_server("--log-format", "json")
        options = {"level": "ALL", "includeExecutionData": True}
        _, found = self.history(server, "ExecutionFailed", **options)
        assert json.loads(found[1]["details"])["input"] == '{"secret": 1}'

    def test_is_not_waited_for(self, tmp_path):
        """Nobody reads what the server logs."""
        process = subprocess.Popen(
            [binary(), "serve", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path)],
            env=client_environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            url = process.stdout.readline().split()[-1]
            self.run_large_executions(url)
            page = self.metrics(url)
            lost = next(line for line in page.splitlines()
                        if line.startswith("stepyard_log_lines_dropped_total "))
            assert int(lost.split()[1]) > 0
            seen = []
            threading.Thread(target=lambda: seen.extend(process.stderr), daemon=True).start()
            until(lambda: [1 for line in list(seen) if "log lines were lost" in line], "the loss")
        finally:
            process.kill()

    def run_large_executions(self, url):
        client = boto3.client("stepfunctions", endpoint_url=url, region_name=REGION,
                              aws_access_key_id="test", aws_secret_access_key="test")
        logging = {"level": "ALL", "includeExecutionData": True, "destinations": [
            {"cloudWatchLogsLogGroup": {
                "logGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g:*"}}]}
        machine = client.create_state_machine(
            name="m", definition=PASS, roleArn=ROLE, loggingConfiguration=logging)["stateMachineArn"]
        for number in range(60):
            client.start_execution(
                stateMachineArn=machine, name=str(number), input=json.dumps("x" * 200_000))
        ended = lambda: client.list_executions(
            stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"]
        until(lambda: len(ended()) == 60, "the end of all executions")

    def metrics(self, url):
        with urllib.request.urlopen(url + "/metrics", timeout=PATIENCE) as answer:
            return answer.read().decode()
