"""Answers calls with the AWS CLI, one process each. Speaks as boto3_client.py does."""

import json
import re
import subprocess
import sys

from botocore import xform_name

# Members that have other names on the command line, where `--output` is the form of the answer.
RENAMED = {("SendTaskSuccess", "output"): "--task-output"}


def arguments(operation, parameters):
    for member, value in parameters.items():
        name = RENAMED.get((operation, member), "--" + xform_name(member, "-"))
        if isinstance(value, bool):
            yield name if value else name.replace("--", "--no-", 1)
        else:
            yield name
            yield value if isinstance(value, str) else json.dumps(value)


def outcome(operation, parameters):
    command = ["aws", "stepfunctions", xform_name(operation, "-"), *arguments(operation, parameters)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return {"answer": json.loads(done.stdout or "{}")}
    told = re.search(r"An error occurred \((\w+)\) when calling", done.stderr)
    if not told:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return {"error": told[1]}


for line in sys.stdin:
    print(json.dumps(outcome(**json.loads(line))), flush=True)
