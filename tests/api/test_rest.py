"""The REST API, and what guards it."""

import json
import uuid

import pytest

from harness import definition

PASS = json.loads(definition(A={"Type": "Pass"}))


@pytest.fixture
def machine(server):
    name = "rest-" + uuid.uuid4().hex[:12]
    answer = server.http("POST", "/api/v1/state-machines", {"name": name, "definition": PASS})
    assert answer.status == 201, answer
    return name


def start(server, **body):
    answer = server.http("POST", "/api/v1/executions", body)
    assert answer.status == 201, answer
    return answer.body


def path_of(execution):
    return f"/api/v1/executions/{execution['stateMachine']}/{execution['name']}"


def test_state_machines(server, machine):
    listed = server.http("GET", "/api/v1/state-machines?limit=1000").body["stateMachines"]
    assert machine in [each["name"] for each in listed]
    shown = server.http("GET", f"/api/v1/state-machines/{machine}").body
    assert (shown["name"], shown["definition"]) == (machine, PASS)
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}}
    assert server.http("PUT", f"/api/v1/state-machines/{machine}", {"definition": wait}).status == 200
    assert server.http("GET", f"/api/v1/state-machines/{machine}").body["definition"] == wait
    assert server.http("DELETE", f"/api/v1/state-machines/{machine}").status == 204
    assert server.http("GET", f"/api/v1/state-machines/{machine}").status == 404


def test_retention(server, machine):
    path = f"/api/v1/state-machines/{machine}"
    assert server.http("GET", path).body["retentionDays"] is None
    answer = server.http("PUT", path + "/retention", {"retentionDays": 7})
    assert (answer.status, answer.body["retentionDays"]) == (200, 7)
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}}
    assert server.http("PUT", path, {"definition": wait}).body["retentionDays"] == 7
    for days in [-1, 1e9, "7", 36_526]:
        assert server.http("PUT", path + "/retention", {"retentionDays": days}).status == 400, days
    assert server.http("PUT", path + "/retention", {"days": 7}).status == 400
    assert server.http("PUT", path + "/retention", {"retentionDays": None}).status == 200
    assert server.http("GET", path).body["retentionDays"] is None
    assert server.http("PUT", path + "/retention", {}).status == 400
    assert server.http("PUT", "/api/v1/state-machines/none/retention", {"retentionDays": None}).status == 404


def test_executions(server, machine):
    started = start(server, stateMachine=machine, name="first", input={"a": 1})
    server.await_end(started["arn"])
    shown = server.http("GET", path_of(started)).body
    assert (shown["status"], shown["output"]) == ("SUCCEEDED", {"a": 1})
    assert shown["startedAt"] <= shown["stoppedAt"]
    assert shown["redriveStatus"] == "NOT_REDRIVABLE" and "SUCCEEDED" in shown["redriveStatusReason"]
    history = server.http("GET", path_of(started) + "/history").body["events"]
    assert [event["type"] for event in history] == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]


def test_data_is_taken_and_shown_as_it_is_written(server):
    name = "exact-" + uuid.uuid4().hex[:8]
    value = '{"big":12345678901234567890123,"small":0.1000,"far":1e400,"a":1}'
    definition = '{"StartAt":"A","States":{"A":{"Type":"Pass","Result":%s,"End":true}}}' % value
    path = f"/api/v1/state-machines/{name}"
    created = server.http("POST", "/api/v1/state-machines", f'{{"name":"{name}","definition":{definition}}}'.encode())
    assert created.status == 201, created
    assert definition.encode() in server.http("GET", path).content
    assert server.http("PUT", path, f'{{"definition":{definition}}}'.encode()).status == 200
    started = server.http("POST", "/api/v1/executions", f'{{"stateMachine":"{name}","input":{value}}}'.encode())
    server.await_end(started.body["arn"])
    assert server.http("GET", path_of(started.body)).content.count(value.encode()) == 2


def test_white_space_of_a_definition_does_not_count(server):
    name = "white-" + uuid.uuid4().hex[:8]
    for blank in ("", " ", "\n"):
        body = '{"name":"%s","definition":{"StartAt":%s"A","States":{"A":{"Type":"Succeed"}}}}' % (name, blank)
        assert server.http("POST", "/api/v1/state-machines", body.encode()).status == 201


def test_an_input_may_be_null(server, machine):
    started = start(server, stateMachine=machine, name="null", input=None)
    server.await_end(started["arn"])
    shown = server.http("GET", path_of(started)).body
    assert (shown["input"], shown["output"]) == (None, None) and shown["status"] == "SUCCEEDED"


def test_executions_are_listed_with_filters_and_cursor(server, machine):
    for number in range(5):
        server.await_end(start(server, stateMachine=machine, name=f"e{number}")["arn"])
    names, cursor = [], ""
    while True:
        page = server.http(
            "GET", f"/api/v1/executions?stateMachine={machine}&status=SUCCEEDED&limit=2{cursor}").body
        assert len(page["executions"]) <= 2
        names += [each["name"] for each in page["executions"]]
        if not page["cursor"]:
            break
        cursor = "&cursor=" + page["cursor"]
    assert names == ["e4", "e3", "e2", "e1", "e0"]
    nothing = server.http("GET", f"/api/v1/executions?stateMachine={machine}&status=FAILED").body
    assert nothing["executions"] == []


def test_stop(server):
    waiting = json.loads(definition(A={"Type": "Wait", "Seconds": 600}))
    name = "rest-" + uuid.uuid4().hex[:12]
    server.http("POST", "/api/v1/state-machines", {"name": name, "definition": waiting})
    started = start(server, stateMachine=name)
    stopped = server.http("POST", path_of(started) + "/stop", {"error": "E", "cause": "c"})
    assert (stopped.status, stopped.body["status"]) == (200, "ABORTED")
    shown = server.http("GET", path_of(started)).body
    assert (shown["status"], shown["error"], shown["cause"]) == ("ABORTED", "E", "c")


@pytest.mark.parametrize("method, path, body, status", [
    ("GET", "/api/v1/executions/no/no", None, 404),
    ("GET", "/api/v1/state-machines/no", None, 404),
    ("GET", "/api/v1/images/no", None, 404),
    ("GET", "/api/v1/nothing", None, 404),
    ("POST", "/api/v1/executions", {"stateMachine": "m", "nmae": "n"}, 400),
    ("POST", "/api/v1/executions", b"{", 400),
    ("POST", "/api/v1/executions", b"[]", 400),
    ("POST", "/api/v1/executions", b"x" * (9 << 20), 413),
    ("POST", "/api/v1/executions?x=1", {"stateMachine": "m"}, 400),
    ("GET", "/api/v1/executions?stateMachine=nope", None, 404),
    ("GET", "/api/v1/executions/m/%FF", None, 400),
    ("GET", "/objects/%FF/a", None, 400),
    ("PUT", "/api/v1/state-machines/m", {"name": "other"}, 400),
    ("POST", "/foo", b"", 404),
    ("POST", "/healthz", b"", 405),
    ("POST", "/upload?usr=ada", b"x", 400),
    ("POST", "/upload?user=a&user=b", b"x", 400),
    ("POST", "/api/v1/executions", {"stateMachine": "no"}, 404),
    ("POST", "/api/v1/state-machines", {"name": "bad", "definition": {}}, 400),
])
def test_errors_are_problems(server, method, path, body, status):
    answer = server.http(method, path, body)
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert {"title", "status", "detail"} <= set(answer.body)
    assert answer.body["status"] == status


@pytest.mark.parametrize("query, named", [
    ("executions?status=SLEEPING", "status must be one of RUNNING, "),
    ("executions?statusFilter=FAILED", "statusFilter"),
    ("executions?limit=many", "limit"), ("executions?limit=0", "limit"), ("executions?limit=1001", "limit"),
    ("executions?cursor=x", "cursor"), ("executions/m/n/history?cursor=x", "cursor"),
    ("executions/m/n/history?reverse=no", "reverse"), ("executions/m/n/history?descending=true", "descending"),
    ("executions/m/n?limit=1", "limit"), ("state-machines?status=FAILED", "status"),
    ("state-machines?cursor=!", "cursor"), ("state-machines/m?limit=1", "limit"),
    ("state-machines/m/versions?limit=1", "limit"), ("state-machines/m/aliases?limit=1", "limit"),
    ("images?cursor=x", "cursor"), ("images?before=x", "before"), ("images/i?limit=1", "limit"),
    ("nodes?all=true", "all"),
])
def test_a_parameter_that_cannot_be_is_named(server, query, named):
    answer = server.http("GET", "/api/v1/" + query)
    assert answer.status == 400, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert named in answer.body["detail"], answer.body


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(server, path):
    assert server.http("GET", path).status == 200


def test_metrics(server, machine):
    server.await_end(start(server, stateMachine=machine)["arn"])
    answer = server.http("GET", "/metrics")
    assert answer.status == 200
    text = answer.content.decode()
    assert "# TYPE stepyard_" in text


@pytest.mark.parametrize("method, path", [
    ("GET", "/api/v1/executions"), ("GET", "/"), ("POST", "/upload"), ("POST", "/api/v1/executions")])
def test_foreign_hosts_are_refused(server, method, path):
    body = b"{}" if method == "POST" else None
    assert server.http(method, path, body, {"Host": "evil.example.com"}).status in (403, 421)


@pytest.mark.parametrize("path", ["/upload", "/api/v1/executions"])
def test_writes_of_foreign_origins_are_refused(server, path):
    assert server.http("POST", path, b"{}", {"Origin": "http://evil.example.com"}).status == 403


def test_reads_and_writes_of_the_own_origin_pass(server, machine):
    own = {"Origin": server.url, "Content-Type": "application/json"}
    assert server.http("GET", "/api/v1/executions", headers=own).status == 200
    assert server.http("POST", "/api/v1/executions", {"stateMachine": machine}, own).status == 201


def test_paths_do_not_lead_out_of_a_bucket(server):
    for path in ("/objects/image-upload-source/..%2f..%2fstepyard.db", "/objects/..%2fstepyard.db/x",
                 "/objects/image-upload-source/%2e%2e/%2e%2e/stepyard.db"):
        assert server.http("GET", path).status in (400, 404)
