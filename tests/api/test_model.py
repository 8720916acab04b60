"""The service model and this server: every operation answers by it, every error that it documents is provoked or known
to be out of reach here, and every constraint of a request is told in AWS's form."""

import json
import resource
import uuid

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from harness import REGION, Server
from model import ERRORS, OPERATIONS, answer_shape, error_shape, faults, violations
from scenarios import (NOT_LOOKED_AT, PROVOCATIONS, SUCCESSES, UNREACHABLE, WORKERS_MAX, World,
                       reason, told_otherwise)

# Files that this process and a server may have open: a socket for each worker, and some more.
FILES = WORKERS_MAX + 500

# Seconds. No request here has to wait for more.
READ_TIMEOUT = 20


class Caller:
    """Calls operations with boto3, and remembers the bodies of the answers and which errors there were."""

    def __init__(self, url):
        config = Config(inject_host_prefix=False, parameter_validation=False, read_timeout=READ_TIMEOUT,
                        retries={"max_attempts": 0})
        self.client = boto3.client("stepfunctions", endpoint_url=url, region_name=REGION, config=config,
                                   aws_access_key_id="test", aws_secret_access_key="test")
        self.client.meta.events.register("before-parse.sfn", self.keep)
        self.provoked, self.answer = set(), None

    def keep(self, response_dict, **_):
        self.answer = response_dict

    def body(self):
        assert self.answer["headers"]["Content-Type"] == "application/x-amz-json-1.0"
        assert uuid.UUID(self.answer["headers"]["x-amzn-RequestId"])
        return json.loads(self.answer["body"])

    def call(self, operation, request):
        """What boto3 makes of the answer, and the body of the answer."""
        try:
            parsed = getattr(self.client, xform_name(operation))(**request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            self.provoked.add((operation, code))
            raise
        return parsed, self.body()

    def refusal(self, operation, request):
        """Name and message of the error that an operation gives."""
        with pytest.raises(ClientError) as raised:
            parsed, _ = self.call(operation, request)
            pytest.fail(f"{operation} succeeds: {parsed}")
        error = raised.value.response["Error"]
        return error["Code"], error["Message"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(FILES, hard)), hard))
    world = World(lambda: Server(tmp_path_factory.getbasetemp() / "model"))
    yield world
    world.close()
    world.server.kill()


@pytest.fixture(scope="module")
def caller(world):
    return Caller(world.server.url)


@pytest.fixture(scope="module")
def valid(world):
    """`valid(operation)`: a request that succeeds but for the faults that are put into it."""
    made = {}

    def valid(operation):
        if operation not in made:
            made[operation] = SUCCESSES[operation][0](world)
        return made[operation]

    return valid


def test_the_tables_know_what_the_model_has():
    assert set(SUCCESSES) == set(OPERATIONS)
    known = {pair for pair in ERRORS if pair in PROVOCATIONS or reason(*pair)}
    assert set(ERRORS) - known == set()
    assert [pair for pair in PROVOCATIONS if pair not in ERRORS or reason(*pair)] == []
    named = {pair for pair in UNREACHABLE if pair[0] != "*"}
    assert named <= set(ERRORS)
    assert all(any(error == name for _, name in ERRORS) for operation, error in UNREACHABLE if operation == "*")


@pytest.mark.parametrize(
    ("operation", "number"),
    [(operation, number) for operation in OPERATIONS for number in range(len(SUCCESSES.get(operation, [])))])
def test_answers_follow_the_model(world, caller, operation, number):
    parsed, body = caller.call(operation, SUCCESSES[operation][number](world))
    assert faults(answer_shape(operation), body) == []
    # What is in the body is also what the client sees.
    shown = {name for name, value in body.items() if value is not None}
    assert shown == set(parsed) - {"ResponseMetadata"}


@pytest.mark.parametrize(("operation", "error"), [pair for pair in ERRORS if pair in PROVOCATIONS])
def test_documented_errors_are_given(world, caller, operation, error):
    code, message = caller.refusal(operation, PROVOCATIONS[operation, error](world))
    assert code == error, message
    assert message
    body = caller.body()
    assert body.pop("__type") == error
    assert faults(error_shape(error), body) == []
    assert caller.answer["status_code"] == 400


@pytest.mark.parametrize("violation", [
    found for operation in OPERATIONS for found in violations(operation) if str(found) not in NOT_LOOKED_AT], ids=str)
def test_broken_constraints_are_told(caller, valid, violation):
    code, message = caller.refusal(violation.operation, violation.request(valid(violation.operation)))
    expected = told_otherwise(violation) or "ValidationException"
    is_told = code == expected and (told_otherwise(violation) or violation.is_told(message))
    # Short, for the values are not.
    assert is_told, f"{code}: {message:.300}"


def test_nothing_out_of_reach_was_provoked(caller):
    """Runs last: it looks at what the others have seen."""
    assert {pair for pair in caller.provoked if reason(*pair)} == set()
