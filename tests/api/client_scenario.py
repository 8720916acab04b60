"""Runs the scenario of tests/clients with a client.

A chapter is a list of steps: a call (`operation`, `parameters`) and what must come of it, the name of an `error` or the
`answer`, of which only the members that are named count. `as` gives the answer a name; `${name.member}` refers to it, also
within a text, and enters texts that hold JSON. `eventually` repeats the call until that comes of it. Other forms:

    {"$text": value}       the text that holds this JSON; in answers however it is written
    {"$date": true}        a date, in seconds since 1970, of this run
    {"$matches": pattern}  a text or number in which the pattern is found
    {"$absent": true}      no such member
"""

import json
import re
import time

from harness import ROOT, WAIT_TIMEOUT

CHAPTERS = json.loads((ROOT / "tests/clients/scenario.json").read_text())
REFERENCE = re.compile(r"\$\{([^}]+)\}")
# Seconds: between calls that are repeated, and by how much a date may seem to lie outside of a run.
PAUSE = 0.05
DATE_TOLERANCE = 1


def run(steps, call, names):
    """Runs steps. `call(operation, parameters)` gives {"answer": ...} or {"error": name}; `names` are known already."""
    names, begin = dict(names), time.time()
    for number, step in enumerate(steps, 1):
        outcome = take(step, call, names, begin, f"step {number}, {step['operation']}")
        if "as" in step:
            names[step["as"]] = outcome["answer"]


def take(step, call, names, begin, title):
    """Takes one step; returns what came of it."""
    parameters = written(referred(step["parameters"], names))
    expected = referred({key: step[key] for key in ("answer", "error") if key in step}, names)
    assert len(expected) == 1, f"{title}: an answer or an error is expected"
    end = time.monotonic() + (WAIT_TIMEOUT if step.get("eventually") else 0)
    while True:
        outcome = call(step["operation"], parameters)
        found = list(differences(expected, outcome, begin))
        if not found or time.monotonic() > end:
            assert not found, "\n".join([title, *found, f"of {outcome}"])
            return outcome
        time.sleep(PAUSE)


def referred(value, names):
    """The value with what its references refer to."""
    if isinstance(value, dict):
        return {key: referred(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [referred(each, names) for each in value]
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: looked_up(match[1], names), value)
    return value


def looked_up(path, names):
    value = names
    for part in path.split("."):
        if isinstance(value, str):
            value = json.loads(value)
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def written(value):
    """The value with its texts written as JSON."""
    if isinstance(value, dict):
        return json.dumps(value["$text"]) if "$text" in value else {key: written(each) for key, each in value.items()}
    return [written(each) for each in value] if isinstance(value, list) else value


def differences(expected, actual, begin, path=""):
    """Where what came is not what was expected."""
    form = next(iter(expected), "") if isinstance(expected, dict) else ""
    if form.startswith("$"):
        if not FORMS[form](expected[form], actual, begin):
            yield f"{path} is {actual!r}, not {expected}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        for key, each in expected.items():
            yield from differences(each, actual.get(key), begin, f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for at, each in enumerate(expected):
            yield from differences(each, actual[at], begin, f"{path}[{at}]")
    # For Python, true is 1.
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield f"{path} is {actual!r}, not {expected!r}"


def holds(value, text, _):
    return isinstance(text, str) and json.loads(text) == value


def is_of_this_run(_, date, begin):
    is_number = type(date) in (int, float)
    return is_number and begin - DATE_TOLERANCE <= date <= time.time() + DATE_TOLERANCE


def is_match(pattern, value, _):
    return type(value) in (str, int, float) and bool(re.search(pattern, str(value)))


def is_absent(_, value, __):
    return value is None


FORMS = {"$text": holds, "$date": is_of_this_run, "$matches": is_match, "$absent": is_absent}
