"""Answers calls with boto3. One line of JSON each: {"operation", "parameters"} comes in; {"answer"} goes out, or {"error"}
with the name of an error that the service gave."""

import json
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

CLIENT = boto3.client("stepfunctions", config=Config(inject_host_prefix=False))


def outcome(operation, parameters):
    try:
        answer = getattr(CLIENT, xform_name(operation))(**parameters)
    except ClientError as error:
        return {"error": error.response["Error"]["Code"]}
    answer.pop("ResponseMetadata")
    return {"answer": answer}


for line in sys.stdin:
    # Dates, and nothing else, are no JSON: they are told in seconds since 1970.
    print(json.dumps(outcome(**json.loads(line)), default=lambda date: date.timestamp()), flush=True)
