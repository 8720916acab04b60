"""Versions and aliases, by boto3: what is published, where aliases lead, and what executions know of it."""

import uuid

import pytest

from harness import ROLE, definition
from test_operations import arn, fails


def passing(result):
    """A state machine that gives that result."""
    return definition(A={"Type": "Pass", "Result": result})


def routes(*weighted):
    return [{"stateMachineVersionArn": version, "weight": weight} for version, weight in weighted]


@pytest.fixture
def name():
    return "v-" + uuid.uuid4().hex[:12]


@pytest.fixture
def machine(sfn, name):
    """ARN of a state machine without versions."""
    created = sfn.create_state_machine(name=name, definition=passing(0), roleArn=ROLE)
    return created["stateMachineArn"]


@pytest.fixture
def publish(sfn, machine):
    """Publishes another revision: `publish(n)` gives the ARN of a version that gives n."""
    def next_version(result, **request):
        updated = sfn.update_state_machine(
            stateMachineArn=machine, definition=passing(result), publish=True, **request)
        return updated["stateMachineVersionArn"]

    return next_version


def versions(sfn, machine, **page):
    listed = sfn.list_state_machine_versions(stateMachineArn=machine, **page)
    return [version["stateMachineVersionArn"] for version in listed["stateMachineVersions"]]


def aliases(sfn, of, **page):
    listed = sfn.list_state_machine_aliases(stateMachineArn=of, **page)
    return [alias["stateMachineAliasArn"] for alias in listed["stateMachineAliases"]]


class TestPublishing:
    def test_on_creation(self, sfn, name):
        request = dict(name=name, definition=passing(1), roleArn=ROLE)
        created = sfn.create_state_machine(**request, publish=True, versionDescription="first")
        assert created["stateMachineVersionArn"] == arn("stateMachine", name, "1")
        again = sfn.create_state_machine(**request, publish=True, versionDescription="first")
        assert again["stateMachineVersionArn"] == created["stateMachineVersionArn"]
        assert again["creationDate"] == created["creationDate"]
        exists = f"State Machine Already Exists: '{created['stateMachineArn']}'"
        for other in [{}, {"publish": True}, {"publish": True, "versionDescription": "second"}]:
            with fails("StateMachineAlreadyExists", exists):
                sfn.create_state_machine(**request, **other)

    def test_after_creation_changes_nothing_for_the_creation(self, sfn, machine, name):
        published = sfn.publish_state_machine_version(stateMachineArn=machine)
        assert published["stateMachineVersionArn"] == machine + ":1"
        again = sfn.create_state_machine(name=name, definition=passing(0), roleArn=ROLE)
        assert "stateMachineVersionArn" not in again

    def test_a_description_needs_a_version(self, sfn, machine, name):
        text = "Version description can only be set when publish is true"
        with fails("ValidationException", text):
            sfn.create_state_machine(
                name=name + "-", definition=passing(0), roleArn=ROLE, versionDescription="x")
        with fails("ValidationException", text):
            sfn.update_state_machine(
                stateMachineArn=machine, definition=passing(1), versionDescription="x")
        with fails("ValidationException"):
            sfn.publish_state_machine_version(stateMachineArn=machine, description="x" * 257)

    def test_numbers_rise_and_an_unchanged_revision_keeps_its_own(self, sfn, machine, publish):
        assert [publish(1), publish(2), publish(2)] == [machine + ":1", machine + ":2", machine + ":2"]
        again = sfn.publish_state_machine_version(stateMachineArn=machine, description="other")
        assert again["stateMachineVersionArn"] == machine + ":2"
        assert "description" not in sfn.describe_state_machine(stateMachineArn=machine + ":2")
        # What was there before is another revision all the same.
        assert publish(1) == machine + ":3"
        assert versions(sfn, machine) == [f"{machine}:{number}" for number in (3, 2, 1)]

    def test_a_revision_that_is_not_present_is_refused(self, sfn, machine):
        with fails("ConflictException"):
            sfn.publish_state_machine_version(stateMachineArn=machine, revisionId=str(uuid.uuid4()))
        first = sfn.publish_state_machine_version(stateMachineArn=machine, revisionId="INITIAL")
        assert first["stateMachineVersionArn"] == machine + ":1"
        old = sfn.update_state_machine(stateMachineArn=machine, definition=passing(1))["revisionId"]
        new = sfn.update_state_machine(stateMachineArn=machine, definition=passing(2))["revisionId"]
        for revision in ["INITIAL", old]:
            with fails("ConflictException",
                       f"Failed to publish the State Machine version for revision {revision}. "
                       f"The current State Machine revision is {new}."):
                sfn.publish_state_machine_version(stateMachineArn=machine, revisionId=revision)
        second = sfn.publish_state_machine_version(stateMachineArn=machine, revisionId=new)
        assert second["stateMachineVersionArn"] == machine + ":2"

    def test_of_nothing_is_refused(self, sfn, machine, publish):
        for missing in [arn("stateMachine", "missing"), publish(1)]:
            with fails("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{missing}'"):
                sfn.publish_state_machine_version(stateMachineArn=missing)


class TestVersions:
    def test_are_described_as_they_were_published(self, sfn, machine, name, publish):
        first = publish(1, versionDescription="one")
        described = sfn.describe_state_machine(stateMachineArn=first)
        publish(2)
        assert sfn.describe_state_machine(stateMachineArn=first) | {"ResponseMetadata": None} \
            == described | {"ResponseMetadata": None}
        assert described["stateMachineArn"] == first
        assert described["name"] == name
        assert described["description"] == "one"
        assert described["definition"] == passing(1)
        assert described["revisionId"]
        made = sfn.describe_state_machine(stateMachineArn=machine)["creationDate"]
        assert described["creationDate"] >= made

    def test_deleted_numbers_are_never_given_again(self, sfn, machine, publish):
        publish(1)
        second = publish(2)
        sfn.delete_state_machine_version(stateMachineVersionArn=second)
        sfn.delete_state_machine_version(stateMachineVersionArn=second)
        assert versions(sfn, machine) == [machine + ":1"]
        for call in [sfn.describe_state_machine, sfn.start_execution, sfn.list_executions]:
            with fails("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{second}'"):
                call(stateMachineArn=second)
        again = sfn.publish_state_machine_version(stateMachineArn=machine)
        assert again["stateMachineVersionArn"] == machine + ":3"

    def test_are_listed_in_pages(self, sfn, machine, publish):
        made = [publish(number) for number in range(1, 6)][::-1]
        listed = sfn.list_state_machine_versions(stateMachineArn=machine, maxResults=2)
        found = [version["stateMachineVersionArn"] for version in listed["stateMachineVersions"]]
        while "nextToken" in listed:
            listed = sfn.list_state_machine_versions(
                stateMachineArn=machine, maxResults=2, nextToken=listed["nextToken"])
            found += [version["stateMachineVersionArn"] for version in listed["stateMachineVersions"]]
        assert found == made
        with fails("InvalidToken", "Invalid Token: 'Invalid token'"):
            versions(sfn, machine, nextToken="nonsense")
        with fails("ValidationException"):
            versions(sfn, machine, maxResults=1001)
        assert versions(sfn, arn("stateMachine", "missing")) == []

    def test_only_versions_are_deleted_as_versions(self, sfn, machine):
        for other in [machine, machine + ":PROD", "nonsense"]:
            with fails("InvalidArn"):
                sfn.delete_state_machine_version(stateMachineVersionArn=other)

    def test_go_with_their_machine(self, sfn, server, machine, name, publish):
        version = publish(1)
        sfn.create_state_machine_alias(name="PROD", routingConfiguration=routes((version, 100)))
        sfn.delete_state_machine(stateMachineArn=machine)
        with fails("StateMachineDoesNotExist"):
            sfn.start_execution(stateMachineArn=machine + ":PROD")
        sfn.create_state_machine(name=name, definition=passing(0), roleArn=ROLE)
        assert versions(sfn, machine) == []
        assert aliases(sfn, machine) == []
        with fails("StateMachineDoesNotExist"):
            sfn.start_execution(stateMachineArn=version)
        assert publish(1) == version


class TestAliases:
    def test_lead_to_versions(self, sfn, machine, name, publish):
        first, second = publish(1), publish(2)
        request = {
            "name": "PROD",
            "description": "for all",
            "routingConfiguration": routes((first, 70), (second, 30)),
        }
        created = sfn.create_state_machine_alias(**request)
        alias = created["stateMachineAliasArn"]
        assert alias == arn("stateMachine", name, "PROD")
        described = sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
        assert {key: described[key] for key in request} == request
        assert described["stateMachineAliasArn"] == alias
        assert described["updateDate"] == described["creationDate"] == created["creationDate"]
        assert sfn.create_state_machine_alias(**request)["creationDate"] == created["creationDate"]
        conflict = ("Failed to create alias because an alias with the same name and a different "
                    "routing configuration already exists.")
        for other in [{"description": "other"}, {"routingConfiguration": routes((first, 100))}]:
            with fails("ConflictException", conflict):
                sfn.create_state_machine_alias(**request | other)
        # Not said by AWS which one: the first.
        shown = sfn.describe_state_machine(stateMachineArn=alias)
        assert (shown["stateMachineArn"], shown["definition"]) == (alias, passing(1))

    @pytest.mark.parametrize("bad", ["123", "a b", "!a", "a@", "x" * 81])
    def test_have_names_that_are_no_numbers(self, sfn, publish, bad):
        with fails("ValidationException"):
            sfn.create_state_machine_alias(name=bad, routingConfiguration=routes((publish(1), 100)))

    def test_must_lead_to_versions(self, sfn, machine, publish):
        first, second = publish(1), publish(2)
        missing = machine + ":9"
        rule = "Routing configuration must contain"
        for bad, text in [
            (routes((first, 70), (second, 29)),
             "Sum of routing configuration weights must equal 100. Received: [70, 29]"),
            (routes((first, 50), (first, 50)),
             f"{rule} distinct state machine version ARNs. Received: [{first}, {first}]"),
            (routes((machine, 100)), f"{rule} state machine version ARNs. Received: [{machine}]"),
            (routes((missing, 100)), f"{rule} state machine version ARNs. Received: [{missing}]"),
            (routes((first, 101)),
             "1 validation error detected: Value '101' at 'routingConfiguration.1.member.weight' "
             "failed to satisfy constraint: Member must have value less than or equal to 100"),
        ]:
            with fails("ValidationException", text):
                sfn.create_state_machine_alias(name="PROD", routingConfiguration=bad)
        with fails("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: nonsense'"):
            sfn.create_state_machine_alias(name="PROD", routingConfiguration=routes(("nonsense", 100)))

    def test_are_updated(self, sfn, machine, publish):
        first, second = publish(1), publish(2)
        alias = sfn.create_state_machine_alias(
            name="PROD", description="a", routingConfiguration=routes((first, 100))
        )["stateMachineAliasArn"]
        shown = lambda: sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
        unchanged = sfn.update_state_machine_alias(stateMachineAliasArn=alias, description="a")
        assert unchanged["updateDate"] == shown()["creationDate"]
        sfn.update_state_machine_alias(stateMachineAliasArn=alias, description="b")
        assert shown()["description"] == "b"
        assert shown()["routingConfiguration"] == routes((first, 100))
        updated = sfn.update_state_machine_alias(
            stateMachineAliasArn=alias, routingConfiguration=routes((second, 0), (first, 100)))
        assert shown()["description"] == "b"
        assert shown()["routingConfiguration"] == routes((second, 0), (first, 100))
        assert shown()["updateDate"] == updated["updateDate"]
        with fails("ValidationException"):
            sfn.update_state_machine_alias(stateMachineAliasArn=alias)
        with fails("ValidationException"):
            sfn.update_state_machine_alias(
                stateMachineAliasArn=alias, routingConfiguration=routes((first, 99)))

    def test_that_do_not_exist(self, sfn, machine):
        missing = machine + ":PROD"
        text = "Request references a resource that does not exist."
        with fails("ResourceNotFound", text):
            sfn.describe_state_machine_alias(stateMachineAliasArn=missing)
        with fails("ResourceNotFound", text):
            sfn.update_state_machine_alias(stateMachineAliasArn=missing, description="x")
        with fails("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{missing}'"):
            sfn.start_execution(stateMachineArn=missing)
        sfn.delete_state_machine_alias(stateMachineAliasArn=missing)
        for other in [machine, machine + ":1"]:
            with fails("InvalidArn"):
                sfn.delete_state_machine_alias(stateMachineAliasArn=other)

    def test_hold_their_versions(self, sfn, machine, publish):
        first, second = publish(1), publish(2)
        for each in ["b", "a"]:
            sfn.create_state_machine_alias(
                name=each, routingConfiguration=routes((first, 50), (second, 50)))
        with fails("ConflictException",
                   "Version to be deleted must not be referenced by an alias. "
                   "Current list of aliases referencing this version: [a, b]"):
            sfn.delete_state_machine_version(stateMachineVersionArn=second)
        sfn.delete_state_machine_alias(stateMachineAliasArn=machine + ":a")
        sfn.update_state_machine_alias(
            stateMachineAliasArn=machine + ":b", routingConfiguration=routes((first, 100)))
        sfn.delete_state_machine_version(stateMachineVersionArn=second)
        assert versions(sfn, machine) == [first]

    def test_are_listed_in_pages_and_by_version(self, sfn, machine, publish):
        first, second = publish(1), publish(2)
        for each in ["c", "a", "b"]:
            sfn.create_state_machine_alias(name=each, routingConfiguration=routes((first, 100)))
        sfn.create_state_machine_alias(
            name="d", routingConfiguration=routes((first, 1), (second, 99)))
        listed = sfn.list_state_machine_aliases(stateMachineArn=machine, maxResults=3)
        assert len(listed["stateMachineAliases"]) == 3
        rest = aliases(sfn, machine, maxResults=3, nextToken=listed["nextToken"])
        found = [alias["stateMachineAliasArn"] for alias in listed["stateMachineAliases"]] + rest
        assert found == [f"{machine}:{each}" for each in "abcd"]
        assert aliases(sfn, second) == [machine + ":d"]
        with fails("ResourceNotFound"):
            aliases(sfn, machine + ":9")
        with fails("StateMachineDoesNotExist"):
            aliases(sfn, arn("stateMachine", "missing"))
        with fails("InvalidToken", "Invalid Token: 'Invalid token'"):
            aliases(sfn, machine, nextToken="InvalidToken")


class TestExecutions:
    @pytest.fixture
    def alias(self, sfn, publish):
        """ARN of an alias that leads to the first of two versions."""
        first = publish(1)
        publish(2)
        sfn.update_state_machine(stateMachineArn=first.rsplit(":", 1)[0], definition=passing(3))
        return sfn.create_state_machine_alias(
            name="PROD", routingConfiguration=routes((first, 100)))["stateMachineAliasArn"]

    def test_know_by_what_they_were_started(self, sfn, server, machine, name, alias):
        first, second = machine + ":1", machine + ":2"
        started = {
            "by-machine": (machine, "3", None, None),
            "by-version": (second, "2", second, None),
            "by-alias": (alias, "1", first, alias),
        }
        for execution, (target, output, version, used_alias) in started.items():
            answer = sfn.start_execution(stateMachineArn=target, name=execution)
            assert answer["executionArn"] == arn("execution", name, execution)
            ended = server.await_end(answer["executionArn"])
            assert ended["stateMachineArn"] == machine
            assert ended["output"] == output
            assert ended.get("stateMachineVersionArn") == version
            assert ended.get("stateMachineAliasArn") == used_alias
            history = sfn.get_execution_history(executionArn=answer["executionArn"], maxResults=1)
            details = history["events"][0]["executionStartedEventDetails"]
            assert details.get("stateMachineVersionArn") == version
            assert details.get("stateMachineAliasArn") == used_alias
            run = sfn.describe_state_machine_for_execution(executionArn=answer["executionArn"])
            assert (run["stateMachineArn"], run["definition"]) == (machine, passing(int(output)))
        listed = {
            each["name"]: (each["stateMachineArn"], each.get("stateMachineVersionArn"),
                           each.get("stateMachineAliasArn"))
            for each in sfn.list_executions(stateMachineArn=machine)["executions"]
        }
        assert listed == {
            execution: (machine, version, used_alias)
            for execution, (_, _, version, used_alias) in started.items()
        }

    def test_are_listed_by_version_and_alias(self, sfn, server, machine, alias):
        first = machine + ":1"
        for execution, target in [("a", machine), ("b", first), ("c", alias), ("d", first)]:
            server.await_end(
                sfn.start_execution(stateMachineArn=target, name=execution)["executionArn"])

        def names(of, **page):
            listed = sfn.list_executions(stateMachineArn=of, **page)
            return [each["name"] for each in listed["executions"]], listed.get("nextToken")

        assert names(machine) == (["d", "c", "b", "a"], None)
        assert names(alias) == (["c"], None)
        page, token = names(first, maxResults=2)
        assert page == ["d", "c"]
        assert names(first, maxResults=2, nextToken=token) == (["b"], None)
        assert names(first, statusFilter="RUNNING") == ([], None)
        assert names(first, statusFilter="SUCCEEDED") == (["d", "c", "b"], None)
        assert names(machine + ":2") == ([], None)

    def test_follow_the_weights(self, sfn, server, machine, alias):
        first, second = machine + ":1", machine + ":2"
        outputs = lambda count: [
            server.await_end(sfn.start_execution(stateMachineArn=alias)["executionArn"])["output"]
            for _ in range(count)
        ]
        assert set(outputs(5)) == {"1"}
        sfn.update_state_machine_alias(
            stateMachineAliasArn=alias, routingConfiguration=routes((first, 0), (second, 100)))
        assert set(outputs(5)) == {"2"}
        sfn.update_state_machine_alias(
            stateMachineAliasArn=alias, routingConfiguration=routes((first, 50), (second, 50)))
        # That all of so many go one way happens once in 10^12 runs.
        assert set(outputs(40)) == {"1", "2"}

    def test_survive_what_they_were_started_with(self, start_server, name):
        waiting = definition(A={"Type": "Wait", "Seconds": 2})
        server = start_server()
        sfn = server.client()
        made = sfn.create_state_machine(name=name, definition=waiting, roleArn=ROLE, publish=True)
        version = made["stateMachineVersionArn"]
        alias = sfn.create_state_machine_alias(
            name="PROD", routingConfiguration=routes((version, 100)))["stateMachineAliasArn"]
        execution = sfn.start_execution(stateMachineArn=alias)["executionArn"]
        sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
        sfn.delete_state_machine_version(stateMachineVersionArn=version)
        server.kill()
        server = start_server()
        ended = server.await_end(execution)
        assert ended["status"] == "SUCCEEDED"
        assert (ended["stateMachineVersionArn"], ended["stateMachineAliasArn"]) == (version, alias)
        published = server.client().publish_state_machine_version(
            stateMachineArn=made["stateMachineArn"])
        assert published["stateMachineVersionArn"] == made["stateMachineArn"] + ":2"


def test_over_rest(sfn, server, machine, name, publish):
    first, second = publish(1, versionDescription="one"), publish(2)
    sfn.create_state_machine_alias(
        name="PROD", routingConfiguration=routes((first, 0), (second, 100)))
    path = f"/api/v1/state-machines/{name}"
    shown = server.http("GET", path + "/versions").body["versions"]
    assert [(each["version"], each["description"]) for each in shown] == [(2, None), (1, "one")]
    [alias] = server.http("GET", path + "/aliases").body["aliases"]
    assert alias["name"] == "PROD"
    assert alias["routing"] == [{"version": 1, "weight": 0}, {"version": 2, "weight": 100}]
    for missing in ["/versions", "/aliases"]:
        assert server.http("GET", "/api/v1/state-machines/none" + missing).status == 404
    for target, version, used_alias in [(name, None, None), (name + ":1", 1, None),
                                        (name + ":PROD", 2, "PROD")]:
        started = server.http("POST", "/api/v1/executions", {"stateMachine": target})
        assert started.status == 201, started
        assert (started.body["version"], started.body["alias"]) == (version, used_alias)
        listed = server.http("GET", f"/api/v1/executions?stateMachine={target}").body["executions"]
        assert started.body["name"] in [each["name"] for each in listed]
    listed = server.http("GET", f"/api/v1/executions?stateMachine={name}:2").body["executions"]
    assert [each["alias"] for each in listed] == ["PROD"]
