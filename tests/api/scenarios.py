"""What provokes each answer and each error that the service model documents: tables of requests, made in a world
that a real server holds."""

import itertools
import json
import socket
import sqlite3
import time
import urllib.parse
import uuid
from multiprocessing.connection import wait

from harness import ROLE, WAIT_TIMEOUT, definition
from test_operations import PASS, WAIT, arn, begin_deletion

# Quotas of AWS.
VERSIONS_MAX = 1_000
ALIASES_MAX = 100
TAGS_MAX = 50
WORKERS_MAX = 1_000

LABELLED = {"Type": "Map", "Label": "Items", "ItemsPath": "$", "ItemProcessor": {
    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    "StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$", "End": True}}}}


class World:
    """A server with something of everything. What takes a change of the database is made while the server is down."""

    def __init__(self, start_server):
        self.numbers, self.workers = itertools.count(), []
        self.server = start_server()
        self.sfn = self.server.client()
        self.make_machines()
        self.make_executions()
        self.activity = self.sfn.create_activity(name=self.name())["activityArn"]
        self.forgotten_token = self.task_token()
        self.server.kill()
        self.damage(self.server.data_dir / "stepyard.db")
        self.server = start_server()
        self.sfn = self.server.client()

    def name(self):
        return f"n{next(self.numbers)}-{uuid.uuid4().hex[:8]}"

    def create(self, states=PASS, **fields):
        """ARN of a new state machine."""
        created = self.sfn.create_state_machine(name=self.name(), definition=states, roleArn=ROLE, **fields)
        return created["stateMachineArn"]

    def make_machines(self):
        self.machine, self.waiting = self.create(), self.create(WAIT)
        self.express = self.create(type="EXPRESS")
        self.failing_express = self.create(definition(F={"Type": "Fail", "Error": "E"}), type="EXPRESS")
        self.published = self.create(definition(W={"Type": "Pass", "Assign": {"a": 1}},
                                                R={"Type": "Pass", "Parameters": {"r.$": "$a"}}), publish=True)
        self.version = self.published + ":1"
        self.alias = self.sfn.create_state_machine_alias(
            name="PROD", routingConfiguration=self.routing())["stateMachineAliasArn"]
        self.deleting, self.deleting_express = self.create(WAIT, publish=True), self.create(type="EXPRESS")
        self.deleting_alias = self.sfn.create_state_machine_alias(
            name="PROD", routingConfiguration=self.routing(self.deleting + ":1"))["stateMachineAliasArn"]
        self.full = self.create(publish=True)
        self.labelled = self.create(definition(M=LABELLED))

    def routing(self, version=None, weight=100):
        return [{"stateMachineVersionArn": version or self.version, "weight": weight}]

    def make_executions(self):
        self.running = self.start(self.waiting)
        self.failed = self.start(self.create(definition(F={"Type": "Fail", "Error": "E", "Cause": "C"})))
        self.succeeded = self.start(self.alias)
        self.mapping = self.start(self.labelled, [600])
        self.mapped = self.start(self.labelled, [0])
        for execution in (self.failed, self.succeeded, self.mapped):
            self.server.await_end(execution)

    def start(self, machine, given=None):
        return self.sfn.start_execution(
            stateMachineArn=machine, name=self.name(), input=json.dumps(given or {}))["executionArn"]

    def task(self):
        """The ARN of an activity that has one task."""
        activity = self.sfn.create_activity(name=self.name())["activityArn"]
        self.start(self.create(definition(T={"Type": "Task", "Resource": activity})))
        return activity

    def task_token(self):
        """The token of a task that a worker has."""
        return self.sfn.get_activity_task(activityArn=self.task())["taskToken"]

    def ended_token(self):
        token = self.task_token()
        self.sfn.send_task_success(taskToken=token, output="{}")
        return token

    def redriven(self):
        """An execution that has failed, and nothing else."""
        execution = self.start(self.create(definition(F={"Type": "Fail"})))
        self.server.await_end(execution)
        return execution

    def map_run(self, execution):
        """The ARN of the Map Run of an execution, once there is one."""
        end = time.monotonic() + WAIT_TIMEOUT
        while not (runs := self.sfn.list_map_runs(executionArn=execution)["mapRuns"]):
            assert time.monotonic() < end, f"{execution} has no Map Run"
            time.sleep(0.05)
        return runs[0]["mapRunArn"]

    def tags(self, count):
        return [{"key": f"k{number}", "value": ""} for number in range(count)]

    def damage(self, database):
        """State machines whose deletion cannot end, one with as many versions and aliases as there may be, and a
        task whose execution is gone."""
        with sqlite3.connect(database) as connection:
            connection.executemany(
                "INSERT INTO state_machine_version VALUES (?, ?, randomblob(16), NULL, 1)",
                [(self.full, number) for number in range(2, VERSIONS_MAX + 1)])
            connection.executemany(
                "INSERT INTO state_machine_alias VALUES (?, ?, NULL, 1, 100, NULL, 1, 1)",
                [(self.full, f"a{number}") for number in range(ALIASES_MAX)])
            connection.execute(
                "UPDATE state_machine SET last_version = ?, changes = 2000 WHERE arn = ?", [VERSIONS_MAX, self.full])
            forgotten = connection.execute(
                "SELECT execution_id FROM execution WHERE stopped_at IS NULL ORDER BY execution_id DESC").fetchone()
            for table in ("journal", "execution"):
                connection.execute(f"DELETE FROM {table} WHERE execution_id = ?", forgotten)
        connection.close()
        begin_deletion(database, self.deleting, damage=True)
        begin_deletion(database, self.deleting_express, damage=True)

    def crowded(self):
        """An activity for which as many workers wait as may, until this process ends."""
        activity = self.sfn.create_activity(name=self.name())["activityArn"]
        body = json.dumps({"activityArn": activity}).encode()
        head = ("POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSStepFunctions.GetActivityTask\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        address = urllib.parse.urlsplit(self.server.url)
        answers = []
        while not answers:
            assert len(self.workers) < 2 * WORKERS_MAX, "all of them wait"
            worker = socket.create_connection((address.hostname, address.port), WAIT_TIMEOUT)
            worker.sendall(head + body)
            self.workers.append(worker)
            if len(self.workers) > WORKERS_MAX:
                # One too many, as soon as all the others have come in.
                answers = wait(self.workers, 0.1)
        return activity

    def changed(self, machine):
        """A state machine that has just got a new revision."""
        self.sfn.update_state_machine(stateMachineArn=machine, roleArn=ROLE + self.name())
        return machine

    def close(self):
        for worker in self.workers:
            worker.close()


MISSING_MACHINE = arn("stateMachine", "missing")
MISSING_EXECUTION = arn("execution", "m", "missing")
MISSING_ACTIVITY = arn("activity", "missing")
MISSING_ALIAS = arn("stateMachine", "missing", "PROD")
MISSING_MAP_RUN = arn("mapRun", "missing/Label", "00000000-0000-4000-8000-000000000000")
LABELLED_ARN = arn("stateMachine", "m/Label")
NONSENSE = "nonsense"
LOGS_TO_NOWHERE = {"level": "ALL", "destinations": []}
KEY_WITHOUT_ID = {"type": "CUSTOMER_MANAGED_KMS_KEY"}
LONG_TEXT = "x" * 257


def new_machine(w, **fields):
    return {"name": w.name(), "definition": PASS, "roleArn": ROLE} | fields


def test_of(state, **fields):
    return {"definition": json.dumps(state)} | fields


TESTED = {"Type": "Pass", "End": True}

# For each operation requests that succeed; the first one is also what faults are put into.
SUCCESSES = {
    "CreateActivity": [
        lambda w: {"name": w.name()},
        lambda w: {"name": w.name(), "tags": w.tags(2), "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}],
    "CreateStateMachine": [
        lambda w: new_machine(w),
        lambda w: new_machine(w, publish=True, versionDescription="one", type="EXPRESS", tags=w.tags(1))],
    "CreateStateMachineAlias": [lambda w: {"name": w.name(), "routingConfiguration": w.routing()}],
    "DeleteActivity": [lambda w: {"activityArn": w.sfn.create_activity(name=w.name())["activityArn"]}],
    "DeleteStateMachine": [lambda w: {"stateMachineArn": w.create()}],
    "DeleteStateMachineAlias": [lambda w: {"stateMachineAliasArn": w.published + ":OTHER"}],
    "DeleteStateMachineVersion": [lambda w: {"stateMachineVersionArn": w.create(publish=True) + ":1"}],
    "DescribeActivity": [lambda w: {"activityArn": w.activity}],
    "DescribeExecution": [
        lambda w: {"executionArn": w.running},
        lambda w: {"executionArn": w.failed},
        lambda w: {"executionArn": w.succeeded},
        lambda w: {"executionArn": w.succeeded, "includedData": "METADATA_ONLY"}],
    "DescribeMapRun": [
        lambda w: {"mapRunArn": w.map_run(w.mapping)},
        lambda w: {"mapRunArn": w.map_run(w.mapped)}],
    "DescribeStateMachine": [
        lambda w: {"stateMachineArn": w.published},
        lambda w: {"stateMachineArn": w.version},
        lambda w: {"stateMachineArn": w.express, "includedData": "METADATA_ONLY"},
        lambda w: {"stateMachineArn": w.deleting}],
    "DescribeStateMachineAlias": [lambda w: {"stateMachineAliasArn": w.alias}],
    "DescribeStateMachineForExecution": [
        lambda w: {"executionArn": w.succeeded},
        lambda w: {"executionArn": w.running, "includedData": "METADATA_ONLY"}],
    "GetActivityTask": [
        lambda w: {"activityArn": w.task()},
        lambda w: {"activityArn": w.task(), "workerName": "worker"}],
    "GetExecutionHistory": [
        lambda w: {"executionArn": w.succeeded},
        lambda w: {"executionArn": w.failed, "reverseOrder": True, "maxResults": 1},
        lambda w: {"executionArn": w.mapped, "includeExecutionData": False}],
    "ListActivities": [lambda w: {}, lambda w: {"maxResults": 1}],
    "ListExecutions": [
        lambda w: {"stateMachineArn": w.labelled},
        lambda w: {"stateMachineArn": w.alias, "statusFilter": "SUCCEEDED"},
        lambda w: {"stateMachineArn": w.labelled, "maxResults": 1}],
    "ListMapRuns": [lambda w: {"executionArn": w.mapped}],
    "ListStateMachineAliases": [lambda w: {"stateMachineArn": w.published}],
    "ListStateMachineVersions": [lambda w: {"stateMachineArn": w.published}],
    "ListStateMachines": [lambda w: {}, lambda w: {"maxResults": 1}],
    "ListTagsForResource": [lambda w: {"resourceArn": w.create(tags=w.tags(2))}],
    "PublishStateMachineVersion": [lambda w: {"stateMachineArn": w.machine, "description": "one"}],
    "RedriveExecution": [lambda w: {"executionArn": w.redriven()}],
    "SendTaskFailure": [
        lambda w: {"taskToken": w.task_token(), "error": "E", "cause": "C"},
        lambda w: {"taskToken": w.task_token()}],
    "SendTaskHeartbeat": [lambda w: {"taskToken": w.task_token()}],
    "SendTaskSuccess": [lambda w: {"taskToken": w.task_token(), "output": "{}"}],
    "StartExecution": [
        lambda w: {"stateMachineArn": w.machine},
        lambda w: {"stateMachineArn": w.express, "name": w.name(), "traceHeader": "Root=1"}],
    "StartSyncExecution": [
        lambda w: {"stateMachineArn": w.express},
        lambda w: {"stateMachineArn": w.express, "includedData": "METADATA_ONLY", "traceHeader": "Root=1"},
        lambda w: {"stateMachineArn": w.failing_express}],
    "StopExecution": [
        lambda w: {"executionArn": w.start(w.waiting), "error": "E", "cause": "C"},
        lambda w: {"executionArn": w.succeeded}],
    "TagResource": [lambda w: {"resourceArn": w.create(), "tags": w.tags(1)}],
    "TestState": [
        lambda w: test_of(TESTED),
        lambda w: test_of(TESTED, inspectionLevel="DEBUG"),
        lambda w: test_of({"Type": "Fail", "Error": "E", "Cause": "C"}, inspectionLevel="TRACE"),
        lambda w: test_of({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True},
                          inspectionLevel="DEBUG", mock={"errorOutput": {"error": "E", "cause": "C"}})],
    "UntagResource": [lambda w: {"resourceArn": w.machine, "tagKeys": ["k0"]}],
    "UpdateMapRun": [lambda w: {"mapRunArn": w.map_run(w.mapping), "maxConcurrency": 1}],
    "UpdateStateMachine": [
        lambda w: {"stateMachineArn": w.create(), "definition": WAIT},
        lambda w: {"stateMachineArn": w.create(), "definition": WAIT, "publish": True}],
    "UpdateStateMachineAlias": [lambda w: {
        "stateMachineAliasArn": w.alias, "description": "other", "routingConfiguration": w.routing()}],
    "ValidateStateMachineDefinition": [
        lambda w: {"definition": PASS},
        lambda w: {"definition": json.dumps({"StartAt": "A", "States": {"B": {"Type": "Pass"}}})}],
}


def bad_arn(member, **fields):
    """No ARN at all."""
    return lambda w: {member: NONSENSE} | fields


def given(**fields):
    """A request that needs nothing of the world."""
    return lambda w: fields


# For each error of an operation a request that provokes it.
PROVOCATIONS = {
    ("CreateActivity", "ActivityAlreadyExists"): lambda w: {
        "name": w.activity.rsplit(":", 1)[1], "encryptionConfiguration": KEY_WITHOUT_ID | {"kmsKeyId": "k"}},
    ("CreateActivity", "InvalidName"): given(name="a b"),
    ("CreateActivity", "TooManyTags"): lambda w: {"name": w.name(), "tags": w.tags(TAGS_MAX + 1)},
    ("CreateActivity", "InvalidEncryptionConfiguration"): lambda w: {
        "name": w.name(), "encryptionConfiguration": KEY_WITHOUT_ID},

    ("CreateStateMachine", "InvalidArn"): lambda w: new_machine(w, roleArn=NONSENSE),
    ("CreateStateMachine", "InvalidDefinition"): lambda w: new_machine(w, definition="{}"),
    ("CreateStateMachine", "InvalidName"): lambda w: new_machine(w, name="a b"),
    ("CreateStateMachine", "InvalidLoggingConfiguration"): lambda w: new_machine(
        w, loggingConfiguration=LOGS_TO_NOWHERE),
    ("CreateStateMachine", "StateMachineAlreadyExists"): lambda w: new_machine(
        w, name=w.machine.rsplit(":", 1)[1], definition=WAIT),
    ("CreateStateMachine", "StateMachineDeleting"): lambda w: new_machine(w, name=w.deleting.rsplit(":", 1)[1]),
    ("CreateStateMachine", "TooManyTags"): lambda w: new_machine(w, tags=w.tags(TAGS_MAX + 1)),
    ("CreateStateMachine", "ValidationException"): lambda w: new_machine(w, versionDescription="of no version"),
    ("CreateStateMachine", "InvalidEncryptionConfiguration"): lambda w: new_machine(
        w, encryptionConfiguration=KEY_WITHOUT_ID),

    ("CreateStateMachineAlias", "InvalidArn"): lambda w: {
        "name": "A", "routingConfiguration": w.routing(NONSENSE)},
    ("CreateStateMachineAlias", "ValidationException"): lambda w: {
        "name": "A", "routingConfiguration": w.routing(weight=99)},
    ("CreateStateMachineAlias", "StateMachineDeleting"): lambda w: {
        "name": "A", "routingConfiguration": w.routing(w.deleting + ":1")},
    ("CreateStateMachineAlias", "ConflictException"): lambda w: {
        "name": "PROD", "routingConfiguration": w.routing(), "description": LONG_TEXT[1:]},
    ("CreateStateMachineAlias", "ServiceQuotaExceededException"): lambda w: {
        "name": "A", "routingConfiguration": w.routing(w.full + ":1")},

    ("DeleteActivity", "InvalidArn"): bad_arn("activityArn"),
    ("DeleteStateMachine", "InvalidArn"): bad_arn("stateMachineArn"),
    ("DeleteStateMachine", "ValidationException"): given(stateMachineArn=LABELLED_ARN),
    ("DeleteStateMachineAlias", "ValidationException"): given(),
    ("DeleteStateMachineAlias", "InvalidArn"): bad_arn("stateMachineAliasArn"),
    ("DeleteStateMachineVersion", "ValidationException"): given(),
    ("DeleteStateMachineVersion", "InvalidArn"): bad_arn("stateMachineVersionArn"),
    ("DeleteStateMachineVersion", "ConflictException"): lambda w: {"stateMachineVersionArn": w.version},

    ("DescribeActivity", "ActivityDoesNotExist"): given(activityArn=MISSING_ACTIVITY),
    ("DescribeActivity", "InvalidArn"): bad_arn("activityArn"),
    ("DescribeExecution", "ExecutionDoesNotExist"): given(executionArn=MISSING_EXECUTION),
    ("DescribeExecution", "InvalidArn"): bad_arn("executionArn"),
    ("DescribeMapRun", "ResourceNotFound"): given(mapRunArn=MISSING_MAP_RUN),
    ("DescribeMapRun", "InvalidArn"): bad_arn("mapRunArn"),
    ("DescribeStateMachine", "InvalidArn"): bad_arn("stateMachineArn"),
    ("DescribeStateMachine", "StateMachineDoesNotExist"): given(stateMachineArn=MISSING_MACHINE),
    ("DescribeStateMachineAlias", "ValidationException"): given(),
    ("DescribeStateMachineAlias", "InvalidArn"): bad_arn("stateMachineAliasArn"),
    ("DescribeStateMachineAlias", "ResourceNotFound"): given(stateMachineAliasArn=MISSING_ALIAS),
    ("DescribeStateMachineForExecution", "ExecutionDoesNotExist"): given(executionArn=MISSING_EXECUTION),
    ("DescribeStateMachineForExecution", "InvalidArn"): bad_arn("executionArn"),

    ("GetActivityTask", "ActivityDoesNotExist"): given(activityArn=MISSING_ACTIVITY),
    ("GetActivityTask", "ActivityWorkerLimitExceeded"): lambda w: {"activityArn": w.crowded()},
    ("GetActivityTask", "InvalidArn"): bad_arn("activityArn"),
    ("GetExecutionHistory", "ExecutionDoesNotExist"): given(executionArn=MISSING_EXECUTION),
    ("GetExecutionHistory", "InvalidArn"): bad_arn("executionArn"),
    ("GetExecutionHistory", "InvalidToken"): lambda w: {"executionArn": w.succeeded, "nextToken": NONSENSE},

    ("ListActivities", "InvalidToken"): given(nextToken=NONSENSE),
    ("ListExecutions", "InvalidArn"): bad_arn("stateMachineArn"),
    ("ListExecutions", "InvalidToken"): lambda w: {"stateMachineArn": w.machine, "nextToken": NONSENSE},
    ("ListExecutions", "StateMachineDoesNotExist"): given(stateMachineArn=MISSING_MACHINE),
    ("ListExecutions", "StateMachineTypeNotSupported"): lambda w: {"stateMachineArn": w.express},
    ("ListExecutions", "ValidationException"): lambda w: {
        "stateMachineArn": w.machine, "redriveFilter": "REDRIVEN"},
    ("ListExecutions", "ResourceNotFound"): given(mapRunArn=MISSING_MAP_RUN),
    ("ListMapRuns", "ExecutionDoesNotExist"): given(executionArn=MISSING_EXECUTION),
    ("ListMapRuns", "InvalidArn"): bad_arn("executionArn"),
    ("ListMapRuns", "InvalidToken"): lambda w: {"executionArn": w.mapped, "nextToken": NONSENSE},
    ("ListStateMachineAliases", "InvalidArn"): bad_arn("stateMachineArn"),
    ("ListStateMachineAliases", "InvalidToken"): lambda w: {"stateMachineArn": w.published, "nextToken": NONSENSE},
    ("ListStateMachineAliases", "ResourceNotFound"): lambda w: {"stateMachineArn": w.machine + ":9"},
    ("ListStateMachineAliases", "StateMachineDoesNotExist"): given(stateMachineArn=MISSING_MACHINE),
    ("ListStateMachineAliases", "StateMachineDeleting"): lambda w: {"stateMachineArn": w.deleting},
    ("ListStateMachineVersions", "ValidationException"): given(),
    ("ListStateMachineVersions", "InvalidArn"): bad_arn("stateMachineArn"),
    ("ListStateMachineVersions", "InvalidToken"): lambda w: {"stateMachineArn": w.published, "nextToken": NONSENSE},
    ("ListStateMachines", "InvalidToken"): given(nextToken=NONSENSE),
    ("ListTagsForResource", "InvalidArn"): bad_arn("resourceArn"),
    ("ListTagsForResource", "ResourceNotFound"): given(resourceArn=MISSING_MACHINE),

    ("PublishStateMachineVersion", "ValidationException"): lambda w: {
        "stateMachineArn": w.machine, "description": LONG_TEXT},
    ("PublishStateMachineVersion", "StateMachineDeleting"): lambda w: {"stateMachineArn": w.deleting},
    ("PublishStateMachineVersion", "StateMachineDoesNotExist"): given(stateMachineArn=MISSING_MACHINE),
    ("PublishStateMachineVersion", "ServiceQuotaExceededException"): lambda w: {
        "stateMachineArn": w.changed(w.full)},
    ("PublishStateMachineVersion", "ConflictException"): lambda w: {
        "stateMachineArn": w.machine, "revisionId": NONSENSE},
    ("PublishStateMachineVersion", "InvalidArn"): bad_arn("stateMachineArn"),

    ("RedriveExecution", "ExecutionDoesNotExist"): given(executionArn=MISSING_EXECUTION),
    ("RedriveExecution", "ExecutionNotRedrivable"): lambda w: {"executionArn": w.succeeded},
    ("RedriveExecution", "InvalidArn"): bad_arn("executionArn"),
    ("RedriveExecution", "ValidationException"): lambda w: {"executionArn": w.failed, "clientToken": "a b"},

    ("SendTaskFailure", "TaskDoesNotExist"): lambda w: {"taskToken": w.forgotten_token},
    ("SendTaskFailure", "InvalidToken"): given(taskToken=NONSENSE),
    ("SendTaskFailure", "TaskTimedOut"): lambda w: {"taskToken": w.ended_token()},
    ("SendTaskHeartbeat", "TaskDoesNotExist"): lambda w: {"taskToken": w.forgotten_token},
    ("SendTaskHeartbeat", "InvalidToken"): given(taskToken=NONSENSE),
    ("SendTaskHeartbeat", "TaskTimedOut"): lambda w: {"taskToken": w.ended_token()},
    ("SendTaskSuccess", "TaskDoesNotExist"): lambda w: {"taskToken": w.forgotten_token, "output": "{}"},
    ("SendTaskSuccess", "InvalidOutput"): lambda w: {"taskToken": w.task_token(), "output": NONSENSE},
    ("SendTaskSuccess", "InvalidToken"): given(taskToken=NONSENSE, output="{}"),
    ("SendTaskSuccess", "TaskTimedOut"): lambda w: {"taskToken": w.ended_token(), "output": "{}"},

    ("StartExecution", "ExecutionAlreadyExists"): lambda w: {
        "stateMachineArn": w.waiting, "name": w.running.rsplit(":", 1)[1], "input": "1"},
    ("StartExecution", "InvalidArn"): bad_arn("stateMachineArn"),
    ("StartExecution", "InvalidExecutionInput"): lambda w: {"stateMachineArn": w.machine, "input": NONSENSE},
    ("StartExecution", "InvalidName"): lambda w: {"stateMachineArn": w.machine, "name": "a b"},
    ("StartExecution", "StateMachineDoesNotExist"): given(stateMachineArn=MISSING_MACHINE),
    ("StartExecution", "StateMachineDeleting"): lambda w: {"stateMachineArn": w.deleting},
    ("StartExecution", "ValidationException"): given(stateMachineArn=LABELLED_ARN),
    ("StartSyncExecution", "InvalidArn"): bad_arn("stateMachineArn"),
    ("StartSyncExecution", "InvalidExecutionInput"): lambda w: {"stateMachineArn": w.express, "input": NONSENSE},
    ("StartSyncExecution", "InvalidName"): lambda w: {"stateMachineArn": w.express, "name": "a b"},
    ("StartSyncExecution", "StateMachineDoesNotExist"): given(stateMachineArn=MISSING_MACHINE),
    ("StartSyncExecution", "StateMachineDeleting"): lambda w: {"stateMachineArn": w.deleting_express},
    ("StartSyncExecution", "StateMachineTypeNotSupported"): lambda w: {"stateMachineArn": w.machine},
    ("StopExecution", "ExecutionDoesNotExist"): given(executionArn=MISSING_EXECUTION),
    ("StopExecution", "InvalidArn"): bad_arn("executionArn"),
    ("StopExecution", "ValidationException"): lambda w: {"executionArn": w.running, "error": LONG_TEXT},

    ("TagResource", "InvalidArn"): bad_arn("resourceArn", tags=[]),
    ("TagResource", "ResourceNotFound"): given(resourceArn=MISSING_MACHINE, tags=[]),
    ("TagResource", "TooManyTags"): lambda w: {"resourceArn": w.machine, "tags": w.tags(TAGS_MAX + 1)},
    ("TestState", "InvalidArn"): lambda w: test_of(TESTED, roleArn=NONSENSE),
    ("TestState", "InvalidDefinition"): given(definition="{}"),
    ("TestState", "InvalidExecutionInput"): lambda w: test_of(TESTED, input=NONSENSE),
    ("TestState", "ValidationException"): lambda w: test_of(TESTED, stateName="None"),
    ("UntagResource", "InvalidArn"): bad_arn("resourceArn", tagKeys=[]),
    ("UntagResource", "ResourceNotFound"): given(resourceArn=MISSING_MACHINE, tagKeys=[]),

    ("UpdateMapRun", "ResourceNotFound"): given(mapRunArn=MISSING_MAP_RUN, maxConcurrency=1),
    ("UpdateMapRun", "InvalidArn"): bad_arn("mapRunArn", maxConcurrency=1),
    ("UpdateMapRun", "ValidationException"): lambda w: {"mapRunArn": w.map_run(w.mapped), "maxConcurrency": 1},
    ("UpdateStateMachine", "InvalidArn"): bad_arn("stateMachineArn", definition=PASS),
    ("UpdateStateMachine", "InvalidDefinition"): lambda w: {"stateMachineArn": w.machine, "definition": "{}"},
    ("UpdateStateMachine", "InvalidLoggingConfiguration"): lambda w: {
        "stateMachineArn": w.machine, "loggingConfiguration": LOGS_TO_NOWHERE},
    ("UpdateStateMachine", "MissingRequiredParameter"): lambda w: {"stateMachineArn": w.machine},
    ("UpdateStateMachine", "StateMachineDeleting"): lambda w: {"stateMachineArn": w.deleting, "definition": PASS},
    ("UpdateStateMachine", "StateMachineDoesNotExist"): given(stateMachineArn=MISSING_MACHINE, definition=PASS),
    ("UpdateStateMachine", "ServiceQuotaExceededException"): lambda w: {
        "stateMachineArn": w.full, "roleArn": ROLE + w.name(), "publish": True},
    ("UpdateStateMachine", "ValidationException"): given(stateMachineArn=LABELLED_ARN, definition=PASS),
    ("UpdateStateMachine", "InvalidEncryptionConfiguration"): lambda w: {
        "stateMachineArn": w.machine, "encryptionConfiguration": KEY_WITHOUT_ID},
    ("UpdateStateMachineAlias", "ValidationException"): lambda w: {"stateMachineAliasArn": w.alias},
    ("UpdateStateMachineAlias", "InvalidArn"): bad_arn("stateMachineAliasArn", description="d"),
    ("UpdateStateMachineAlias", "ResourceNotFound"): given(stateMachineAliasArn=MISSING_ALIAS, description="d"),
    ("UpdateStateMachineAlias", "StateMachineDeleting"): lambda w: {
        "stateMachineAliasArn": w.deleting_alias, "description": "d"},
    ("ValidateStateMachineDefinition", "ValidationException"): given(definition=PASS, type=NONSENSE),
}

NO_KMS = "no key is used here: the configuration is kept and shown, and nothing is encrypted by it"
NO_LIMIT = "there may be as many as the database holds"
IN_TURN = "what comes between two writes is read again, and the change is made to that"

# Why an error of an operation cannot be provoked here; "*" stands for all operations.
UNREACHABLE = {
    ("*", "KmsAccessDeniedException"): NO_KMS,
    ("*", "KmsInvalidStateException"): NO_KMS,
    ("*", "KmsThrottlingException"): NO_KMS,
    ("CreateActivity", "ActivityLimitExceeded"): NO_LIMIT,
    ("CreateStateMachine", "StateMachineLimitExceeded"): NO_LIMIT,
    ("StartExecution", "ExecutionLimitExceeded"): NO_LIMIT,
    ("RedriveExecution", "ExecutionLimitExceeded"): NO_LIMIT,
    ("CreateStateMachine", "ConflictException"): IN_TURN,
    ("UpdateStateMachine", "ConflictException"): IN_TURN,
    ("UpdateStateMachineAlias", "ConflictException"): IN_TURN,
    ("DeleteStateMachineAlias", "ConflictException"): IN_TURN,
    ("DeleteStateMachineAlias", "ResourceNotFound"): "deleting what is not there succeeds, as recorded from AWS",
    ("CreateStateMachine", "StateMachineTypeNotSupported"): "both types are known, and a third breaks a constraint",
    ("CreateStateMachine", "InvalidTracingConfiguration"): "`enabled` may be true, false or absent",
    ("UpdateStateMachine", "InvalidTracingConfiguration"): "`enabled` may be true, false or absent",
    ("CreateStateMachineAlias", "InvalidName"): "such names break a constraint, as recorded from AWS",
    ("CreateStateMachineAlias", "ResourceNotFound"): "versions that are not there are told by a ValidationException",
}

# Constraints that are not told as such: what names the error instead, by the shape or the operation and the member.
TOLD_OTHERWISE = {
    # As recorded from AWS.
    **{(f"{operation}.name", bound): "InvalidName" for bound in ("min", "max") for operation in (
        "CreateActivity", "CreateStateMachine", "StartExecution", "StartSyncExecution")},
    ("CreateStateMachine.definition", "min"): "InvalidDefinition",
    ("UpdateStateMachine.definition", "min"): "InvalidDefinition",
    ("TestState.definition", "min"): "InvalidDefinition",
    # What is no ARN is an InvalidArn on AWS; whether one that is too long is, too, is not known.
    ("Arn", "min"): "InvalidArn",
    ("Arn", "max"): "InvalidArn",
    ("LongArn", "min"): "InvalidArn",
    ("LongArn", "max"): "InvalidArn",
}

# Constraints that are not looked at.
NOT_LOOKED_AT = {
    # AWS answers, with a diagnostic (recorded).
    "ValidateStateMachineDefinition-definition-min",
    # The valid request names a state machine, and one with both is wrong anyway.
    "ListExecutions-mapRunArn-min",
    "ListExecutions-mapRunArn-max",
}


def told_otherwise(violation):
    """The error that names a violation, if it is not a ValidationException in AWS's form."""
    if violation.place[-1] == "logGroupArn":
        return None
    by_member = (f"{violation.operation}.{violation.member}", violation.kind)
    return TOLD_OTHERWISE.get(by_member) or TOLD_OTHERWISE.get((violation.shape.name, violation.kind))


def reason(operation, error):
    """Why that error cannot be provoked, if it cannot."""
    return UNREACHABLE.get((operation, error)) or UNREACHABLE.get(("*", error))
