"""Buckets on S3, beside those of this machine."""

import io
import json

import pytest
from PIL import Image

from harness import ACCOUNT, REGION, picture, s3_event

SOURCE, OUTPUT = "image-upload-source", "image-processed-output"


def run_tutorial(server, bucket, key):
    """Has the tutorial's state machine process an object; returns DescribeExecution at the end."""
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:tutorial"
    event = json.dumps(s3_event(bucket, key))
    return server.await_end(server.client().start_execution(stateMachineArn=machine, input=event)["executionArn"])


@pytest.mark.parametrize("buckets", ["*", f"{SOURCE},{OUTPUT}"])
def test_the_pipeline_on_s3(start_server, s3_stub, buckets):
    server = start_server("--s3-buckets", buckets, environment=s3_stub.environment())
    content = picture(640, 480)
    uploaded = server.upload(content, name="photo.jpg", user="user123")
    assert server.await_end(uploaded["execution_arn"])["status"] == "SUCCEEDED"
    assert s3_stub.objects[f"{SOURCE}/{uploaded['key']}"] == content
    item = server.image(uploaded["image_id"])["items"][0]
    processed = s3_stub.objects[f"{OUTPUT}/{item['processed_key']}"]
    assert max(Image.open(io.BytesIO(processed)).size) == 300
    assert server.http("GET", f"/objects/{OUTPUT}/{item['processed_key']}").content == processed
    assert item["user"] == "user123"


def test_local_buckets_stay_here(start_server, s3_stub):
    server = start_server(environment=s3_stub.environment())
    uploaded = server.upload(picture())
    assert server.await_end(uploaded["execution_arn"])["status"] == "SUCCEEDED"
    assert s3_stub.requests == []


def test_other_buckets_are_on_s3(start_server, s3_stub):
    s3_stub.objects["elsewhere/a photo.jpg"] = picture()
    server = start_server(environment=s3_stub.environment())
    ended = run_tutorial(server, "elsewhere", "a photo.jpg")
    assert ended["status"] == "SUCCEEDED", ended
    missing = run_tutorial(server, "elsewhere", "none.jpg")
    assert (missing["status"], missing["error"]) == ("FAILED", "NoSuchKey")
    # Not all that the server may read is for whoever asks.
    assert server.http("GET", "/objects/elsewhere/a%20photo.jpg").status == 404
