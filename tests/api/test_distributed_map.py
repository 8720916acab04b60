"""Distributed Map by boto3: items from the input and from objects, batches, results, failures, crashes."""

import json
import os
import pathlib
import time
import urllib.request
import uuid

import pytest

from harness import ROLE

OUTPUT = "image-processed-output"
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


def machine(execution_type="EXPRESS", processor=None, **fields):
    processor = dict(processor or PASS)
    processor["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": execution_type}
    state = {"Type": "Map", "ItemProcessor": processor, "End": True} | fields
    return json.dumps({"StartAt": "M", "States": {"M": state}})


def start(server, definition, given):
    sfn = server.client()
    made = sfn.create_state_machine(name="d-" + uuid.uuid4().hex[:12], definition=definition, roleArn=ROLE)
    return sfn.start_execution(stateMachineArn=made["stateMachineArn"], input=json.dumps(given))["executionArn"]


@pytest.fixture
def run(server):
    """Runs a definition to its end; gives its output, or its error and cause."""
    def run(definition, given):
        done = server.await_end(start(server, definition, given))
        return json.loads(done["output"]) if done["status"] == "SUCCEEDED" else (done["error"], done["cause"])

    return run


@pytest.fixture
def bucket(s3_stub, start_server):
    """A server whose buckets are on S3, and the objects there."""
    return start_server("--s3-buckets", "*", environment=s3_stub.environment()), s3_stub.objects


def reader(key, action="getObject", **config):
    return {"Resource": f"arn:aws:states:::s3:{action}", "ReaderConfig": config,
            "Parameters": {"Bucket": "data", "Key": key}}


@pytest.mark.parametrize("execution_type", ["EXPRESS", "STANDARD"])
def test_results_are_in_the_order_of_the_items(run, execution_type):
    selector = {"n.$": "$$.Map.Item.Value", "at.$": "$$.Map.Item.Index"}
    output = run(machine(execution_type, ItemSelector=selector, MaxConcurrency=3), list(range(20)))
    assert output == [{"n": n, "at": n} for n in range(20)]


def test_items_come_in_batches(run):
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"common.$": "$.common"}}
    output = run(machine(ItemsPath="$.items", ItemBatcher=batcher), {"items": [1, 2, 3], "common": True})
    assert output == [{"BatchInput": {"common": True}, "Items": [1, 2]},
                      {"BatchInput": {"common": True}, "Items": [3]}]


def test_failures_are_tolerated_up_to_a_limit(run):
    fails = {"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericGreaterThan": 1, "Next": "F"}], "Default": "P"},
        "F": {"Type": "Fail", "Error": "Broken", "Cause": "why"}, "P": {"Type": "Pass", "End": True}}}
    error, cause = run(machine(processor=fails), [1, 2, 3])
    assert (error, cause) == ("States.ExceedToleratedFailureThreshold",
                              "The specified tolerated failure threshold was exceeded")
    output = run(machine(processor=fails, ToleratedFailureCount=2), [1, 2, 3])
    assert output[0] == 1
    assert [(one["Status"], one["Error"], one["Input"]) for one in output[1:]] == [
        ("FAILED", "Broken", "2"), ("FAILED", "Broken", "3")]


def test_items_are_read_from_objects(bucket):
    server, objects = bucket
    objects["data/items.csv"] = b'name,square\n"one, two",1\nthree,9\n'
    objects["data/items.jsonl"] = b'{"a":1}\n{"a":2}\n{"a":3}\n'
    objects["data/items.json"] = b'{"deep":{"list":[7,8]}}'
    for item_reader, expected in [
        (reader("items.csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW"),
         [{"name": "one, two", "square": "1"}, {"name": "three", "square": "9"}]),
        (reader("items.jsonl", InputType="JSONL", MaxItems=2), [{"a": 1}, {"a": 2}]),
        (reader("items.json", InputType="JSON", ItemsPointer="/deep/list"), [7, 8]),
    ]:
        done = server.await_end(start(server, machine(ItemReader=item_reader), {}))
        assert json.loads(done["output"]) == expected
    done = server.await_end(start(server, machine(ItemReader=reader("none", InputType="JSON")), {}))
    assert (done["status"], done["error"]) == ("FAILED", "States.ItemReaderFailed")


@pytest.mark.parametrize("execution_type", ["EXPRESS", "STANDARD"])
def test_results_are_exported(server, run, execution_type):
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": OUTPUT, "Prefix": "results"}}
    output = run(machine(execution_type, ResultWriter=writer), [1, 2, 3])
    details = output["ResultWriterDetails"]
    assert details["Bucket"] == OUTPUT
    manifest = json.loads(server.http("GET", f"/objects/{OUTPUT}/{details['Key']}").content)
    assert manifest["MapRunArn"] == output["MapRunArn"]
    [file] = manifest["ResultFiles"]["SUCCEEDED"]
    results = json.loads(server.http("GET", f"/objects/{OUTPUT}/{file['Key']}").content)
    assert sorted(result["Output"] for result in results) == ["1", "2", "3"]
    assert {result["Status"] for result in results} == {"SUCCEEDED"}
    kind = "express" if execution_type == "EXPRESS" else "execution"
    assert all(f":{kind}:" in result["ExecutionArn"] for result in results)


def test_child_executions_may_have_child_executions(run):
    inner = json.loads(machine("STANDARD", processor={"StartAt": "Q", "States": {"Q": {"Type": "Pass", "End": True}}}))
    processor = {"StartAt": "Inner", "States": {"Inner": inner["States"]["M"]}}
    output = run(machine("STANDARD", processor=processor), [[1, 2], [3]])
    assert output == [[1, 2], [3]]


def test_a_stop_ends_a_map_run(server):
    waits = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    arn = start(server, machine("STANDARD", processor=waits), list(range(50)))
    sfn = server.client()
    await_that(lambda: sfn.list_map_runs(executionArn=arn)["mapRuns"])
    run = sfn.list_map_runs(executionArn=arn)["mapRuns"][0]["mapRunArn"]
    running = lambda: sfn.list_executions(mapRunArn=run, statusFilter="RUNNING")["executions"]  # noqa: E731
    await_that(lambda: len(running()) == 50)
    sfn.stop_execution(executionArn=arn)
    await_that(lambda: not running())


def test_a_large_map_run_is_exact_after_crashes(start_server, s3_stub):
    """STEPYARD_ITEMS says how many items there are."""
    count = int(os.environ.get("STEPYARD_ITEMS", "100000"))
    s3_stub.objects["data/items.jsonl"] = b"".join(b'{"n":%d}\n' % n for n in range(count))
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": OUTPUT, "Prefix": "large"},
              "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"}}
    server = start_server(environment=s3_stub.environment())
    arn = start(server, machine(ItemReader=reader("items.jsonl", InputType="JSONL"), ResultWriter=writer,
                                MaxConcurrency=1000), {})
    for share in (1, 2):
        await_that(lambda: succeeded(server, arn) > count * share // 4, seconds=300)
        server.kill()
        server = start_server(environment=s3_stub.environment())
    done = server.await_end(arn)
    run = server.client().list_map_runs(executionArn=arn)["mapRuns"][0]["mapRunArn"]
    counts = server.client().describe_map_run(mapRunArn=run)["itemCounts"]
    assert (counts["succeeded"], counts["total"], counts["failed"]) == (count, count, 0)
    key = json.loads(done["output"])["ResultWriterDetails"]["Key"]
    manifest = json.loads(server.http("GET", f"/objects/{OUTPUT}/{key}").content)
    numbers = []
    for file in manifest["ResultFiles"]["SUCCEEDED"]:
        with urllib.request.urlopen(f"{server.url}/objects/{OUTPUT}/{file['Key']}") as lines:
            numbers += [json.loads(line)["n"] for line in lines]
    assert sorted(numbers) == list(range(count))
    peak = next(line for line in open(f"/proc/{server.process.pid}/status") if line.startswith("VmHWM"))
    print(peak)
    assert int(peak.split()[1]) < 512 << 10


def succeeded(server, arn):
    """How many items of an execution's first Map Run have succeeded."""
    sfn = server.client()
    runs = sfn.list_map_runs(executionArn=arn)["mapRuns"]
    return sfn.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]["succeeded"] if runs else 0


def await_that(holds, seconds=20):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("execution_type", ["EXPRESS", "STANDARD"])
def test_a_map_run_goes_on_after_crashes(start_server, execution_type):
    waits = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "P"},
                                        "P": {"Type": "Pass", "End": True}}}
    server = start_server()
    arn = start(server, machine(execution_type, processor=waits, MaxConcurrency=100), list(range(400)))
    for _ in range(2):
        time.sleep(1.5)
        server.kill()
        server = start_server()
    done = server.await_end(arn)
    assert (done["status"], json.loads(done["output"])) == ("SUCCEEDED", list(range(400)))


def test_nested_executions_are_waited_for_and_stopped(server):
    sfn = server.client()
    inner = sfn.create_state_machine(name="n-" + uuid.uuid4().hex[:12], roleArn=ROLE, definition=json.dumps(
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$.seconds", "End": True}}}))
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True,
            "Parameters": {"StateMachineArn": inner["stateMachineArn"], "Input.$": "$"}}
    definition = json.dumps({"StartAt": "T", "States": {"T": task}})
    done = server.await_end(start(server, definition, {"seconds": 1}))
    assert json.loads(done["output"])["Output"] == {"seconds": 1}
    parent = start(server, definition, {"seconds": 600})
    children = lambda status: sfn.list_executions(  # noqa: E731
        stateMachineArn=inner["stateMachineArn"], statusFilter=status)["executions"]
    await_that(lambda: len(children("RUNNING")) == 1)
    sfn.stop_execution(executionArn=parent)
    await_that(lambda: len(children("ABORTED")) == 1)


def test_what_lacks_credentials_is_told_with_its_place(start_server, s3_stub):
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/nonexistent"}
    server = start_server(environment=s3_stub.environment() | nobody)
    definition = machine(ItemReader=reader("orders.jsonl", InputType="JSONL"))
    done = server.await_end(start(server, definition, {}))
    assert done["error"] == "States.ItemReaderFailed"
    assert f"orders.jsonl in bucket data at {s3_stub.url}; set AWS_ACCESS_KEY_ID and " in done["cause"], done["cause"]
    assert s3_stub.requests == []


def test_rows_of_a_parquet_file_are_items(bucket):
    server, objects = bucket
    objects["data/orders.parquet"] = (pathlib.Path(__file__).parent / "data" / "orders.parquet").read_bytes()
    selector = {"order.$": "$$.Map.Item.Value", "at.$": "$$.Map.Item.Index", "from.$": "$$.Map.Item.Source"}
    definition = machine(ItemReader=reader("orders.parquet", InputType="PARQUET"), ItemSelector=selector,
                         ResultSelector={"first.$": "$[0]", "last.$": "$[499]", "count.$": "States.ArrayLength($)"})
    done = server.await_end(start(server, definition, {}))
    assert done["status"] == "SUCCEEDED", done["cause"]
    output = json.loads(done["output"])
    assert output["count"] == 500
    source = "S3://data/orders.parquet"
    assert output["first"] == {"at": 0, "from": source, "order": {
        "id": 0, "name": None, "price": "0.00", "ordered": "2026-01-01T00:00:00Z", "day": "2026-01-01", "tags": [],
        "sizes": {"w": 0, "h": 0.5}}}
    assert output["last"] == {"at": 499, "from": source, "order": {
        "id": 499, "name": "näme 499", "price": "4.99", "ordered": "2026-01-01T08:19:00Z", "day": "2027-05-15",
        "tags": ["a"], "sizes": {"w": 499, "h": 0.5}}}
