"""The tutorial's state machine, pasted unchanged, by the AWS CLI: in this process and on Lambda."""

import json
import time

import pytest

from harness import ROLE, ROOT, picture, s3_event

TUTORIAL = ROOT / "workflows" / "tutorial.asl.json"

# AWS's events in AWS's order, for two Task states with a function each.
EVENTS = [
    (1, 0, "ExecutionStarted"),
    (2, 0, "TaskStateEntered"),
    (3, 2, "LambdaFunctionScheduled"),
    (4, 3, "LambdaFunctionStarted"),
    (5, 4, "LambdaFunctionSucceeded"),
    (6, 5, "TaskStateExited"),
    (7, 6, "TaskStateEntered"),
    (8, 7, "LambdaFunctionScheduled"),
    (9, 8, "LambdaFunctionStarted"),
    (10, 9, "LambdaFunctionSucceeded"),
    (11, 10, "TaskStateExited"),
    (12, 11, "ExecutionSucceeded"),
]


def run_tutorial(server, key):
    """Creates the machine and starts it, all by the AWS CLI; returns DescribeExecution at the end."""
    created = server.aws("create-state-machine", "--name", "pasted", "--role-arn", ROLE,
                         "--definition", TUTORIAL.as_uri())
    started = server.aws("start-execution", "--state-machine-arn", created["stateMachineArn"],
                         "--input", json.dumps(s3_event("image-upload-source", key)))
    for _ in range(100):
        described = server.aws("describe-execution", "--execution-arn", started["executionArn"])
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.1)
    raise AssertionError("the execution does not end")


def shown_events(server, execution):
    history = server.aws("get-execution-history", "--execution-arn", execution["executionArn"])
    return [(event["id"], event["previousEventId"], event["type"]) for event in history["events"]]


def test_the_definition_is_the_tutorials():
    definition = json.loads(TUTORIAL.read_text())
    assert definition["StartAt"] == "ResizeImage"
    resources = {name: state["Resource"] for name, state in definition["States"].items()}
    assert resources == {
        "ResizeImage": "arn:aws:lambda:region:acct:function:ImageProcessorFunction",
        "StoreMetadata": "arn:aws:lambda:region:acct:function:MetadataWriterFunction",
    }


def test_in_this_process(server):
    content = picture(640, 480)
    uploaded = server.upload(content, name="pasted photo.jpg", user="user123")
    server.await_end(uploaded["execution_arn"])

    ended = run_tutorial(server, uploaded["key"])
    assert ended["status"] == "SUCCEEDED", ended
    assert shown_events(server, ended) == EVENTS
    item = server.image(uploaded["image_id"])["items"][0]
    assert item["execution_arn"] == ended["executionArn"]
    assert item["original_bucket"] == "image-upload-source"
    assert item["processed_bucket"] == "image-processed-output"
    assert item["size"] == "300x300"
    assert item["user"] == "user123"
    assert item["uploaded_at"].endswith("Z")
    assert isinstance(item["timestamp"], int)
    assert {"image_id", "width", "height", "bytes", "format"} <= set(item)


def test_on_lambda(start_server, lambda_stub):
    lambda_ = lambda_stub(
        ImageProcessorFunction=lambda event: {
            "status": "processed", "image": event["Records"][0]["s3"]["object"]["key"]},
        MetadataWriterFunction=lambda event: {"stored": event["image"]})
    server = start_server("--lambda-functions", "*", environment=lambda_.environment())
    ended = run_tutorial(server, "photo.jpg")
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == {"stored": "photo.jpg"}
    assert shown_events(server, ended) == EVENTS
    assert [run["function"] for run in lambda_.runs] == ["ImageProcessorFunction", "MetadataWriterFunction"]
    assert len({run["key"] for run in lambda_.runs}) == 2
    assert None not in {run["key"] for run in lambda_.runs}


def test_one_function_on_lambda_and_one_in_this_process(start_server, lambda_stub):
    lambda_ = lambda_stub(ImageProcessorFunction=lambda event: {
        "status": "processed", "image": "x.jpg", "image_id": "user-x.jpg", "size": "1x1"})
    server = start_server("--lambda-functions", "ImageProcessorFunction", environment=lambda_.environment())
    assert run_tutorial(server, "x.jpg")["status"] == "SUCCEEDED"
    assert server.image("user-x.jpg")["items"][0]["size"] == "1x1"


@pytest.mark.parametrize("failing", ["ImageProcessorFunction", "MetadataWriterFunction"])
def test_lambda_errors_end_the_execution(start_server, lambda_stub, failing):
    def fail(_):
        raise ValueError("broken")

    functions = {"ImageProcessorFunction": lambda event: event, "MetadataWriterFunction": lambda event: event}
    lambda_ = lambda_stub(**functions | {failing: fail})
    server = start_server("--lambda-functions", "*", environment=lambda_.environment())
    ended = run_tutorial(server, "photo.jpg")
    assert (ended["status"], ended["error"]) == ("FAILED", "ValueError")
    assert json.loads(ended["cause"])["errorMessage"] == "broken"
    assert "LambdaFunctionFailed" in [kind for _, _, kind in shown_events(server, ended)]


def test_a_restarted_server_knows_everything(start_server):
    first = start_server()
    uploaded = first.upload(picture())
    ended = first.await_end(uploaded["execution_arn"])
    first.kill()
    second = start_server()
    again = second.client().describe_execution(executionArn=uploaded["execution_arn"])
    for member in ("status", "input", "output", "startDate", "stopDate"):
        assert again[member] == ended[member]
    assert second.image(uploaded["image_id"])["items"]
