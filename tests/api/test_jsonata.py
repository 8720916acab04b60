"""JSONata by boto3: what it computes, what is refused, and expressions that would never end."""

import json
import uuid

import pytest

from harness import ROLE
from test_operations import fails


def machine(**states):
    """A state machine in JSONata; each state goes on to the next one."""
    names = list(states)
    for name, following in zip(names, names[1:]):
        states[name].setdefault("Next", following)
    states[names[-1]].setdefault("End", True)
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": names[0], "States": states})


@pytest.fixture
def run(sfn, server):
    """Runs a definition to its end; gives what DescribeExecution shows."""
    def run(definition, given=None):
        made = sfn.create_state_machine(
            name="j-" + uuid.uuid4().hex[:12], definition=definition, roleArn=ROLE)
        started = sfn.start_execution(
            stateMachineArn=made["stateMachineArn"], input=json.dumps(given or {}))
        return server.await_end(started["executionArn"])

    return run


def test_expressions_read_input_variables_and_context(run):
    done = run(
        machine(
            A={"Type": "Pass",
               "Assign": {"total": "{% $sum($states.input.lines.price) %}"},
               "Output": {"state": "{% $states.context.State.Name %}"}},
            B={"Type": "Pass", "Output": "{% $states.input.state & ': ' & $total %}"}),
        {"lines": [{"price": 1.5}, {"price": 2}]})
    assert (done["status"], done["output"]) == ("SUCCEEDED", '"A: 3.5"')


def test_variable_references_are_shown(sfn):
    definition = machine(A={"Type": "Pass", "Assign": {"v": 1}}, B={"Type": "Pass", "Output": "{% $v %}"})
    made = sfn.create_state_machine(
        name="j-" + uuid.uuid4().hex[:12], definition=definition, roleArn=ROLE)
    shown = sfn.describe_state_machine(stateMachineArn=made["stateMachineArn"])
    assert shown["variableReferences"] == {"B": ["v"]}


@pytest.mark.parametrize(("expression", "told"), [
    ("1 +", "INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/A/Output/v"),
    ("phone", "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported."
              " at /States/A/Output/v"),
    ("$states.result", "UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.result' does not exist."
                       " at /States/A/Output/v"),
])
def test_what_cannot_be_evaluated_is_refused(sfn, expression, told):
    definition = machine(A={"Type": "Pass", "Output": {"v": "{% " + expression + " %}"}})
    with fails("InvalidDefinition", f"Invalid State Machine Definition: '{told}'"):
        sfn.create_state_machine(name="refused", definition=definition, roleArn=ROLE)


# Each of these costs more time or memory than there is.
BOMBS = [
    "($f := function($x){ $f($x + 1) }; $f(1))",
    "($f := function($x){ 1 + $f($x + 1) }; $f(1))",
    "($f := function($s, $n){ $n = 0 ? $s : $f($s & $s, $n - 1) }; $f('x', 60))",
    "$pad('', 1e9)",
    "[1..1e9]",
    "$map([1..1e4], function($x){ $map([1..1e4], function($y){ $x * $y }) })",
    "$reduce([1..1e6], function($a, $b){ $append($a, $b) }, [])",
]


@pytest.mark.parametrize("expression", BOMBS)
def test_expressions_without_an_end_fail_and_can_be_caught(run, expression):
    done = run(json.dumps({
        "QueryLanguage": "JSONata", "StartAt": "P", "States": {
            "P": {"Type": "Parallel", "End": True,
                  "Branches": [{"StartAt": "A", "States": {
                      "A": {"Type": "Pass", "Output": "{% $string(" + expression + ") %}", "End": True}}}],
                  "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught",
                             "Output": "{% $states.errorOutput %}"}]},
            "Caught": {"Type": "Succeed"}}}))
    assert done["status"] == "SUCCEEDED", done
    assert json.loads(done["output"])["Error"] == "States.QueryEvaluationError"


def test_quantifiers_within_quantifiers_take_no_longer_than_the_text(run):
    done = run(machine(
        A={"Type": "Pass", "Output": "{% $contains($pad('', 100000, 'a'), /(a*)*b/) %}"}))
    assert (done["status"], done["output"]) == ("SUCCEEDED", "false"), done
