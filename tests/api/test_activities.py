"""Activities: the operations, and workers that take their tasks."""

import json
import threading
import time
import uuid

import pytest

from harness import ROLE, definition
from test_operations import arn, fails

OVER = "Task Timed Out: 'Provided task does not exist anymore'"


@pytest.fixture
def name():
    return "a-" + uuid.uuid4().hex[:12]


@pytest.fixture
def activity(sfn, name):
    return sfn.create_activity(name=name)["activityArn"]


def start(sfn, activity, given="{}", **fields):
    """ARN of an execution whose only task is one of the activity."""
    task = {"Type": "Task", "Resource": activity, **fields}
    machine = sfn.create_state_machine(
        name=uuid.uuid4().hex, roleArn=ROLE, definition=definition(Task=task, After={"Type": "Pass"}))
    return sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=given)["executionArn"]


def details(sfn, execution, event_type, key):
    """Details of the first event of that type, once there is one."""
    end = time.monotonic() + 20
    while True:
        events = sfn.get_execution_history(executionArn=execution)["events"]
        found = [event.get(key) for event in events if event["type"] == event_type]
        if found:
            return found[0]
        assert time.monotonic() < end, [event["type"] for event in events]
        time.sleep(0.02)


class TestOperations:
    def test_creating_again_gives_the_same(self, sfn, name):
        first = sfn.create_activity(name=name, tags=[{"key": "k", "value": "v"}])
        assert first["activityArn"] == arn("activity", name)
        again = sfn.create_activity(name=name, tags=[{"key": "other", "value": "w"}])
        assert again["creationDate"] == first["creationDate"]
        shown = sfn.list_tags_for_resource(resourceArn=first["activityArn"])["tags"]
        assert shown == [{"key": "k", "value": "v"}]

    def test_describe(self, sfn, name, activity):
        shown = sfn.describe_activity(activityArn=activity)
        assert (shown["activityArn"], shown["name"]) == (activity, name)
        assert shown["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}

    def test_encryption_is_kept(self, sfn, name):
        asked = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "alias/mine"}
        created = sfn.create_activity(name=name, encryptionConfiguration=asked)["activityArn"]
        shown = sfn.describe_activity(activityArn=created)["encryptionConfiguration"]
        assert shown == asked | {"kmsDataKeyReusePeriodSeconds": 300}
        with fails("ActivityAlreadyExists"):
            sfn.create_activity(name=name)
        with fails("InvalidEncryptionConfiguration"):
            sfn.create_activity(name=name + "x", encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY"})

    @pytest.mark.parametrize("bad", ["a b", "a/b", "a?b", "x" * 81, "a\x1f"])
    def test_refuses_bad_names(self, sfn, bad):
        with fails("InvalidName", f"Invalid Name: '{bad}'"):
            sfn.create_activity(name=bad)

    def test_deleting_twice_is_no_error(self, sfn, activity):
        sfn.delete_activity(activityArn=activity)
        sfn.delete_activity(activityArn=activity)
        message = f"Activity Does Not Exist: '{activity}'"
        with fails("ActivityDoesNotExist", message):
            sfn.describe_activity(activityArn=activity)
        with fails("ActivityDoesNotExist", message):
            sfn.get_activity_task(activityArn=activity)
        with fails("ResourceNotFound"):
            sfn.list_tags_for_resource(resourceArn=activity)

    def test_other_arns_are_refused(self, sfn):
        for call in (sfn.describe_activity, sfn.delete_activity, sfn.get_activity_task):
            with fails("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: nonsense'"):
                call(activityArn="nonsense")
            with fails("InvalidArn"):
                call(activityArn=arn("stateMachine", "m"))
            with fails("ValidationException"):
                call()

    def test_list_in_pages(self, sfn, name):
        made = {sfn.create_activity(name=f"{name}-{number}")["activityArn"] for number in range(5)}
        pages = sfn.get_paginator("list_activities").paginate(PaginationConfig={"PageSize": 2})
        listed = [item for page in pages for item in page["activities"]]
        assert made <= {item["activityArn"] for item in listed}
        assert len(listed) == len({item["activityArn"] for item in listed})
        with fails("InvalidToken"):
            sfn.list_activities(nextToken="nonsense!")
        with fails("ValidationException"):
            sfn.list_activities(maxResults=1001)

    def test_tags_change(self, sfn, activity):
        sfn.tag_resource(resourceArn=activity, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
        sfn.untag_resource(resourceArn=activity, tagKeys=["a"])
        assert sfn.list_tags_for_resource(resourceArn=activity)["tags"] == [{"key": "b", "value": "2"}]

    def test_worker_names_have_limits(self, sfn, activity):
        with fails("ValidationException"):
            sfn.get_activity_task(activityArn=activity, workerName="x" * 81)


class TestWorkers:
    def test_a_task_is_taken_and_ended(self, server, sfn, activity):
        execution = start(sfn, activity, '{"n": 1.0}')
        task = sfn.get_activity_task(activityArn=activity, workerName="me")
        assert task["input"] == '{"n": 1.0}'
        assert details(sfn, execution, "ActivityStarted", "activityStartedEventDetails") == {"workerName": "me"}
        sfn.send_task_success(taskToken=task["taskToken"], output="[1]")
        assert server.await_end(execution)["output"] == "[1]"
        with fails("TaskTimedOut", OVER):
            sfn.send_task_heartbeat(taskToken=task["taskToken"])

    def test_a_worker_waits_for_its_task(self, server, sfn, activity):
        got = []
        waiting = threading.Thread(target=lambda: got.append(sfn.get_activity_task(activityArn=activity)))
        waiting.start()
        time.sleep(0.5)
        execution = start(sfn, activity, "7")
        waiting.join(10)
        assert got[0]["input"] == "7"
        sfn.send_task_failure(taskToken=got[0]["taskToken"], error="E", cause="c")
        ended = server.await_end(execution)
        assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "E", "c")

    def test_first_come_first_served(self, sfn, activity):
        executions = []
        for number in range(4):
            executions.append(start(sfn, activity, str(number)))
            # It is on offer as soon as that is shown, or a moment later.
            details(sfn, executions[-1], "ActivityScheduled", "activityScheduledEventDetails")
            time.sleep(0.1)
        taken = [sfn.get_activity_task(activityArn=activity)["input"] for _ in range(4)]
        assert taken == ["0", "1", "2", "3"]
        for execution in executions:
            sfn.stop_execution(executionArn=execution)

    def test_many_workers_get_each_task_once(self, server, sfn, activity):
        executions = [start(sfn, activity, str(number)) for number in range(20)]
        taken = []

        def work():
            for _ in range(5):
                task = sfn.get_activity_task(activityArn=activity)
                taken.append(task["input"])
                sfn.send_task_success(taskToken=task["taskToken"], output=task["input"])
        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        assert sorted(taken, key=int) == [str(number) for number in range(20)]
        for number, execution in enumerate(executions):
            assert server.await_end(execution)["output"] == str(number)

    def test_time_begins_with_the_worker(self, server, sfn, activity):
        execution = start(sfn, activity, TimeoutSeconds=2)
        time.sleep(2.5)
        assert sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"
        task = sfn.get_activity_task(activityArn=activity)
        ended = server.await_end(execution)
        assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
        assert details(sfn, execution, "ActivityTimedOut", "activityTimedOutEventDetails") == {
            "error": "States.Timeout"}
        with fails("TaskTimedOut", OVER):
            sfn.send_task_success(taskToken=task["taskToken"], output="1")

    def test_heartbeats(self, server, sfn, activity):
        execution = start(sfn, activity, HeartbeatSeconds=2,
                          Catch=[{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "After"}])
        task = sfn.get_activity_task(activityArn=activity)
        for _ in range(4):
            time.sleep(0.8)
            sfn.send_task_heartbeat(taskToken=task["taskToken"])
        assert server.await_end(execution)["status"] == "SUCCEEDED"
        assert details(sfn, execution, "ActivityTimedOut", "activityTimedOutEventDetails") == {
            "error": "States.Timeout"}

    def test_an_activity_that_does_not_exist(self, server, sfn, activity):
        sfn.delete_activity(activityArn=activity)
        execution = start(sfn, activity, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "After"}])
        ended = server.await_end(execution)
        assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
        assert ended["cause"] == (
            "An error occurred while executing the state 'Task' (entered at the event id #2). "
            f"The activity {activity} does not exist.")
        events = sfn.get_execution_history(executionArn=execution)["events"]
        assert [event["type"] for event in events] == [
            "ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]

    def test_a_task_waits_through_a_crash(self, start_server):
        first = start_server()
        activity = first.client().create_activity(name="a")["activityArn"]
        offered, taken = start(first.client(), activity, "1"), start(first.client(), activity, "2")
        task = first.client().get_activity_task(activityArn=activity)
        if task["input"] != "2":
            offered, taken = taken, offered
        first.kill()
        second = start_server()
        sfn = second.client()
        sfn.send_task_success(taskToken=task["taskToken"], output='"taken"')
        assert second.await_end(taken)["output"] == '"taken"'
        task = sfn.get_activity_task(activityArn=activity)
        sfn.send_task_success(taskToken=task["taskToken"], output='"offered"')
        assert second.await_end(offered)["output"] == '"offered"'

    def test_a_worker_in_the_states_language(self, server, sfn, activity):
        worker = definition(
            Get={"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:getActivityTask",
                 "Parameters": {"ActivityArn": activity, "WorkerName": "a state machine"}},
            Done={"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess",
                  "Parameters": {"TaskToken.$": "$.TaskToken", "Output.$": "$.Input"}})
        machine = sfn.create_state_machine(name=uuid.uuid4().hex, definition=worker, roleArn=ROLE)
        works = sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        execution = start(sfn, activity, '{"a": [1]}')
        assert json.loads(server.await_end(execution)["output"]) == {"a": [1]}
        assert server.await_end(works)["status"] == "SUCCEEDED"

    def test_a_shutdown_lets_workers_go(self, start_server):
        server = start_server()
        activity = server.client().create_activity(name="a")["activityArn"]
        got = []
        waiting = threading.Thread(
            target=lambda: got.append(server.client().get_activity_task(activityArn=activity)))
        waiting.start()
        time.sleep(0.5)
        began = time.monotonic()
        server.terminate()
        waiting.join(10)
        assert time.monotonic() - began < 10
        assert got and got[0].get("taskToken") is None
