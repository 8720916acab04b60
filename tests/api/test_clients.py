"""One scenario with each client: boto3, the AWS CLI, the AWS SDKs for JavaScript and for Rust."""

import json
import subprocess
import sys
import threading
import uuid

import pytest

import client_scenario
from client_scenario import CHAPTERS, differences
from harness import ACCOUNT, REGION, ROLE, ROOT, binary, client_environment
from model import OPERATIONS

FOLDER = ROOT / "tests/clients"
SWITCH = "AWS_DISABLE_HOST_PREFIX_INJECTION"
# Seconds after which a client counts as hanging; the longest poll takes one minute.
CALL_TIMEOUT = 180

# How each client is called; the one in Rust is built when it is asked for.
COMMANDS = {
    "boto3": lambda: [sys.executable, FOLDER / "boto3_client.py"],
    "aws-cli": lambda: [sys.executable, FOLDER / "aws_cli.py"],
    "javascript": lambda: ["node", FOLDER / "javascript/client.js"],
    "rust": lambda: [binary("stepyard-rust-client")],
}


class Client:
    """A program that makes calls with a client of AWS. It finds the server by its environment alone."""

    def __init__(self, name, environment):
        self.process = subprocess.Popen(
            COMMANDS[name](), env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(self, operation, parameters):
        watchdog = threading.Timer(CALL_TIMEOUT, self.process.kill)
        watchdog.start()
        print(json.dumps({"operation": operation, "parameters": parameters}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        watchdog.cancel()
        assert line, f"the client has ended with {self.process.wait()} at {operation} {parameters}"
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture(scope="module")
def start_client(server):
    """Starts clients by their names; `environment` is added to theirs, and takes away what it maps to None."""
    clients = []

    def start(name, environment):
        everything = client_environment() | {"AWS_ENDPOINT_URL_SFN": server.url} | environment
        present = {variable: value for variable, value in everything.items() if value is not None}
        clients.append(Client(name, present))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture(scope="module", params=COMMANDS)
def client(request, start_client):
    # The AWS CLI has no switch but the variable. The others have one in their code, and must do without it.
    return start_client(request.param, {} if request.param == "aws-cli" else {SWITCH: None})


def run(chapter, client):
    names = {"name": "c-" + uuid.uuid4().hex[:12], "role": ROLE, "arn": f"arn:aws:states:{REGION}:{ACCOUNT}"}
    client_scenario.run(CHAPTERS[chapter], client.call, names)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_scenario(client, chapter):
    run(chapter, client)


def test_a_prefix_does_not_matter_when_the_server_is_the_proxy(server, start_client):
    # Its host is one that no name service knows, and the request has the absolute form.
    client = start_client("aws-cli", {SWITCH: None, "HTTP_PROXY": server.url, "NO_PROXY": "", "no_proxy": ""})
    run("express", client)
    run("tests of states", client)


def test_the_scenario_calls_every_operation():
    assert {step["operation"] for steps in CHAPTERS.values() for step in steps} == set(OPERATIONS)


class TestComparison:
    """What the scenario expects is not met by what is not so."""

    BEGIN = 1_000_000_000

    @pytest.mark.parametrize("expected, actual", [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "x", "c": 0}]}),
        (50, 50.0),
        ({"$text": {"a": [1, 2]}}, '{ "a": [1,2] }'),
        ({"$date": True}, BEGIN + 0.5),
        ({"$matches": "^1"}, 100),
        ({"a": {"$absent": True}}, {}),
    ])
    def test_accepts(self, expected, actual):
        assert list(differences(expected, actual, self.BEGIN)) == []

    @pytest.mark.parametrize("expected, actual", [
        ({"a": 1}, {}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "1"}),
        ({"a": {}}, {"a": None}),
        ([], [1]),
        ([{"b": "x"}], [{"b": "x"}, {"b": "x"}]),
        ({"$text": {"a": 1}}, '{"a":2}'),
        ({"$text": {"a": 1}}, {"a": 1}),
        ({"$date": True}, BEGIN - 5),
        ({"$date": True}, str(BEGIN)),
        ({"$matches": "^1"}, None),
        ({"a": {"$absent": True}}, {"a": ""}),
    ])
    def test_refuses(self, expected, actual):
        assert len(list(differences(expected, actual, self.BEGIN))) == 1
