"""The commands of the binary, and how a server ends."""

import json
import os
import re
import sqlite3
import subprocess
import time
import uuid

import pytest

from harness import ROLE, ROOT, binary, client_environment, definition, picture, stepyard


@pytest.fixture
def hello(tmp_path):
    file = tmp_path / "hello.asl.json"
    file.write_text(definition(
        Greet={"Type": "Pass", "Parameters": {"greeting.$": "States.Format('Hello, {}!', $.name)"}},
        Done={"Type": "Succeed"}))
    return file


def test_demo(tmp_path):
    done = stepyard("demo", "--once", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCEEDED" in done.stdout
    assert "FAILED" in done.stdout


def test_demo_twice_on_the_same_data(tmp_path):
    for _ in range(2):
        done = stepyard("demo", "--once", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data")
        assert done.returncode == 0, done.stdout + done.stderr


def test_demo_tells_what_did_not_come_out(tmp_path):
    """With such a limit no picture can be processed."""
    done = stepyard("demo", "--once", "--image-pixels-max", "100", "--data-dir", tmp_path / "data", timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Not everything came out as expected: " in done.stdout
    assert "more than the limit of 100" in done.stdout


def test_demo_that_cannot_begin_says_why(tmp_path):
    (tmp_path / "data").write_text("a file in the place of the folder")
    done = stepyard("demo", "--once", "--data-dir", tmp_path / "data")
    assert done.returncode == 1
    assert "cannot create the folder" in done.stderr


@pytest.mark.parametrize("workload", ["chain", "task", "lambda"])
def test_bench(workload, tmp_path):
    done = stepyard("bench", "--workload", workload, "--clients", "4", "--seconds", "1", "--data-dir", tmp_path / "data")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{workload}, 4 clients over HTTP" in done.stdout
    executions = re.search(r"executions/s +(\d+)", done.stdout)
    assert int(executions[1]) > 0, done.stdout


def test_run(hello):
    done = stepyard("run", hello, "--input", '{"name": "Ada"}')
    assert done.returncode == 0, done.stderr
    assert "Hello, Ada!" in done.stdout
    for word in ("Greet", "Done", "SUCCEEDED"):
        assert word in done.stdout, done.stdout


def test_run_of_a_failing_machine(tmp_path):
    file = tmp_path / "fail.asl.json"
    file.write_text(definition(F={"Type": "Fail", "Error": "MyError", "Cause": "because"}))
    done = stepyard("run", file)
    assert done.returncode != 0
    assert "MyError" in done.stdout + done.stderr


def test_run_refuses_input_that_is_not_json(hello):
    done = stepyard("run", hello, "--input", "{")
    assert done.returncode != 0
    assert done.stderr


@pytest.mark.parametrize("file", sorted((ROOT / "workflows").glob("*.json")), ids=lambda file: file.name)
def test_validate_accepts_the_workflows(file):
    done = stepyard("validate", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_validate_tells_all_faults_with_their_place(tmp_path):
    file = tmp_path / "bad.asl.json"
    file.write_text(json.dumps({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "Missing"}, "B": {"Type": "Wait", "End": True}}}))
    done = stepyard("validate", file)
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "/States/A" in told and "/States/B" in told, told


def test_validate_of_a_missing_file(tmp_path):
    done = stepyard("validate", tmp_path / "missing.json")
    assert done.returncode != 0
    assert "missing.json" in done.stderr


def test_output_that_nobody_reads_ends_the_command_without_a_word():
    # Both ends of the pipe are closed before the command prints.
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [binary(), "config"], stdout=writing, stderr=subprocess.PIPE, env=client_environment())
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_history(server):
    uploaded = server.upload(picture())
    server.await_end(uploaded["execution_arn"])
    done = stepyard("history", uploaded["execution_arn"], "--endpoint-url", server.url)
    assert done.returncode == 0, done.stderr
    for word in ("ResizeImage", "StoreMetadata", "SUCCEEDED"):
        assert word in done.stdout, done.stdout


def test_history_of_a_failure_tells_it_in_whole_and_what_to_do(server, sfn):
    cause = "because " * 50 + "of that"
    machine = sfn.create_state_machine(
        name="h-" + uuid.uuid4().hex[:12], roleArn=ROLE,
        definition=definition(A={"Type": "Fail", "Error": "E", "Cause": cause}))["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    server.await_end(execution)
    done = stepyard("history", execution, "--endpoint-url", server.url)
    assert done.returncode == 0, done.stderr
    events, status, advice = done.stdout.split("\n\n")
    assert "…" in events and cause not in events
    assert status == f"FAILED\nE: {cause}"
    assert advice.strip().endswith(f"redrive-execution --execution-arn {execution}")
    full = stepyard("history", execution, "--full", "--endpoint-url", server.url)
    assert cause in full.stdout.split("\n\n")[0]
    sfn.delete_state_machine(stateMachineArn=machine)
    _, _, advice = stepyard("history", execution, "--endpoint-url", server.url).stdout.split("\n\n")
    assert advice.startswith("It does not go on: State machine is in DELETING"), advice


def test_history_in_json_is_that_of_the_server(server):
    execution = server.upload(picture())["execution_arn"]
    server.await_end(execution)
    done = stepyard("history", execution, "--json", "--endpoint-url", server.url)
    machine, name = execution.split(":")[-2:]
    history = server.http("GET", f"/api/v1/executions/{machine}/{name}/history").body["events"]
    assert [json.loads(line) for line in done.stdout.splitlines()] == history


def test_env_is_what_a_shell_needs_for_the_aws_cli(server):
    address = server.url.removeprefix("http://").replace("127.0.0.1", "0.0.0.0")
    script = f"""eval "$('{binary()}' env --listen {address})" &&
        aws stepfunctions test-state --definition '{{"Type":"Succeed"}}' --query status"""
    kept = {name: value for name, value in client_environment().items() if not name.startswith("AWS_")}
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=kept, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, '"SUCCEEDED"'), done.stderr


def test_env_wants_a_port():
    refused = stepyard("env", "--listen", "127.0.0.1:0")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "port 0 is any free one" in refused.stderr


@pytest.mark.parametrize("listen", ["localhost", "localhost:8083", "127.0.0.1"])
def test_listen_takes_an_address_and_a_port(listen):
    refused = stepyard("serve", "--listen", listen)
    assert refused.returncode == 1
    assert "it must be an IP address and a port, such as 127.0.0.1:8083" in refused.stderr


def test_a_variable_that_is_nearly_a_setting_is_told():
    told = stepyard("config", environment={"STEPYARD_LISTN": "127.0.0.1:1"})
    assert told.returncode == 0
    assert "STEPYARD_LISTN is no setting and does nothing; did you mean STEPYARD_LISTEN?" in told.stderr


def test_config_and_help():
    assert "127.0.0.1:8083" in stepyard("config").stdout
    commands = stepyard("--help").stdout
    for command in ("serve", "demo", "run", "validate", "history", "doctor", "backup", "env", "config"):
        assert re.search(rf"^\s+{command}\b", commands, re.MULTILINE), commands


def test_doctor_looks_while_the_server_runs_and_repairs_when_it_does_not(start_server):
    server = start_server()
    sfn = server.client()
    passes = definition(A={"Type": "Pass"})
    machine = sfn.create_state_machine(name="passes", definition=passes, roleArn=ROLE)["stateMachineArn"]
    server.await_end(sfn.start_execution(stateMachineArn=machine)["executionArn"])
    flags = ["--data-dir", server.data_dir]
    looked = stepyard("doctor", *flags, "--json")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    report = json.loads(looked.stdout)
    assert (report["executions"], report["events"], report["findings"]) == (1, 4, [])
    refused = stepyard("doctor", *flags, "--repair")
    assert refused.returncode == 1 and "in use" in refused.stderr, refused.stderr
    assert server.terminate() == 0

    with sqlite3.connect(server.data_dir / "stepyard.db") as database:
        database.execute("UPDATE execution SET status = 3")
    looked = stepyard("doctor", *flags)
    assert looked.returncode == 1
    assert "the status is FAILED in the row, SUCCEEDED in the journal" in looked.stdout, looked.stdout
    repaired = stepyard("doctor", *flags, "--repair")
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "1 rows of executions" in repaired.stdout
    assert stepyard("doctor", *flags).returncode == 0


def test_a_graceful_shutdown_loses_nothing(start_server):
    server = start_server()
    sfn = server.client()
    waits = definition(A={"Type": "Wait", "Seconds": 2}, B={"Type": "Succeed"})
    machine = sfn.create_state_machine(name="waits", definition=waits, roleArn=ROLE)["stateMachineArn"]
    started = [sfn.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(20)]
    begun = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - begun < 20
    again = start_server()
    for arn in started:
        assert again.await_end(arn)["status"] == "SUCCEEDED"


def test_a_second_server_on_the_same_data_is_refused(start_server):
    first = start_server()
    with pytest.raises(RuntimeError):
        start_server()
    assert first.http("GET", "/healthz").status == 200


def test_files_are_put_into_buckets_and_read_again(server, tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("id,total\n1,7\n2,9\n")
    done = stepyard("put", "data", "in/orders.csv", file, "--data-dir", server.data_dir)
    assert (done.returncode, done.stdout) == (0, f"data/in/orders.csv: {file.stat().st_size} bytes\n"), done.stderr
    assert stepyard("get", "data", "in/orders.csv", "--data-dir", server.data_dir).stdout == file.read_text()
    reader = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "data", "Key": "in/orders.csv"},
              "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}}
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                 "StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    state = {"Type": "Map", "ItemReader": reader, "ItemProcessor": processor, "End": True}
    sfn = server.client()
    made = sfn.create_state_machine(name="put-" + uuid.uuid4().hex[:8], roleArn=ROLE,
                                    definition=json.dumps({"StartAt": "M", "States": {"M": state}}))
    done = server.await_end(sfn.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")["executionArn"])
    assert json.loads(done["output"]) == [{"id": "1", "total": "7"}, {"id": "2", "total": "9"}]
    refused = stepyard("put", "No Bucket", "k", file, "--data-dir", server.data_dir)
    assert refused.returncode != 0 and "bucket" in refused.stderr
    missing = stepyard("get", "data", "none", "--data-dir", server.data_dir)
    assert missing.returncode != 0 and "none" in missing.stderr


def test_run_takes_the_settings_of_a_server(tmp_path):
    file = tmp_path / "large.asl.json"
    file.write_text(definition(P={"Type": "Pass"}))
    given = tmp_path / "input.json"
    given.write_text(json.dumps("x" * 300_000))
    refused = stepyard("run", file, "--input", f"@{given}")
    assert refused.returncode != 0
    assert "Member must have length less than or equal to 262144" in refused.stderr
    done = stepyard("run", file, "--input", f"@{given}", "--limits", "extended")
    assert done.returncode == 0, done.stderr
    assert "SUCCEEDED" in done.stdout
    unknown = stepyard("run", file, "--limits", "none")
    assert "limits = 'none' (flag): it must be aws or extended" in unknown.stderr
    short = stepyard("config", "--account", "12")
    assert short.returncode != 0
    assert "account = '12' (flag): it must have 12 digits" in short.stderr


def test_validate_warns_of_what_nothing_here_runs(tmp_path):
    file = tmp_path / "publish.asl.json"
    task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {}, "End": True}
    file.write_text(json.dumps({"StartAt": "Publish", "States": {"Publish": task}}))
    told = stepyard("validate", file)
    assert told.returncode == 0
    assert 'nothing here runs arn:aws:states:::sns:publish: the task of state "Publish"' in told.stdout
    assert "valid, 1 states" in told.stdout


def test_run_reads_items_from_buckets(tmp_path):
    items = tmp_path / "items.jsonl"
    items.write_text('{"n": 1}\n{"n": 2}\n')
    put = stepyard("put", "data", "items.jsonl", items, "--data-dir", tmp_path / "data")
    assert put.returncode == 0, put.stderr
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                 "StartAt": "P", "States": {"P": {"Type": "Pass", "OutputPath": "$.n", "End": True}}}
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSONL"},
              "Parameters": {"Bucket": "data", "Key": "items.jsonl"}}
    file = tmp_path / "map.asl.json"
    file.write_text(definition(M={"Type": "Map", "ItemReader": reader, "ItemProcessor": processor}))
    done = stepyard("run", file, "--data-dir", tmp_path / "data")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("SUCCEEDED\n[1,2]"), done.stdout
