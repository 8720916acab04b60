"""Step Functions as botocore's service model describes it: its operations and their errors, the constraints of their
requests, and what an answer may hold."""

import copy
import re
from dataclasses import dataclass

import botocore.session

SERVICE = botocore.session.get_session().get_service_model("stepfunctions")
OPERATIONS = list(SERVICE.operation_names)


def errors_of(operation):
    """Names of the errors that an operation documents."""
    return [shape.name for shape in SERVICE.operation_model(operation).error_shapes]


ERRORS = [(operation, error) for operation in OPERATIONS for error in errors_of(operation)]


def answer_shape(operation):
    return SERVICE.operation_model(operation).output_shape


def error_shape(error):
    return SERVICE.shape_for_error_code(error)


JSON_TYPES = {"string": str, "boolean": bool, "integer": int, "long": int, "float": (int, float),
              "double": (int, float), "timestamp": (int, float), "list": list, "map": dict, "structure": dict}


def faults(shape, value, path="answer"):
    """Where a value, parsed from JSON, is not what the model says of its shape."""
    kind = shape.type_name
    if not isinstance(value, JSON_TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{path}: {value!r:.80} is no {kind}"]
    if kind == "structure":
        return structure_faults(shape, value, path)
    if kind == "list":
        inner = [fault for at, each in enumerate(value) for fault in faults(shape.member, each, f"{path}[{at}]")]
    elif kind == "map":
        inner = [fault for key, each in value.items() for fault in faults(shape.value, each, f"{path}[{key!r}]")]
    else:
        inner = []
    return [f"{path}: {value!r:.80} must {rule}" for rule in broken_rules(shape, value)] + inner


def structure_faults(shape, value, path):
    found = [f"{path}: the model has no member {name!r}" for name in value if name not in shape.members]
    found += [f"{path}: {name!r} is missing" for name in shape.required_members if value.get(name) is None]
    for name, member in shape.members.items():
        # As clients do: null is as good as absent.
        if value.get(name) is not None:
            found += faults(member, value[name], f"{path}.{name}")
    return found


def broken_rules(shape, value):
    limits, rules = shape.metadata, []
    if limits.get("enum") and value not in limits["enum"]:
        rules.append(f"be one of {limits['enum']}")
    size = value if shape.type_name in ("integer", "long", "float", "double") else None
    if isinstance(value, (str, list)):
        size = len(value)
    if size is not None and "min" in limits and size < limits["min"]:
        rules.append(f"not be below {limits['min']}")
    if size is not None and "max" in limits and size > limits["max"]:
        rules.append(f"not be above {limits['max']}")
    return rules


@dataclass(frozen=True)
class Violation:
    """A value that breaks one constraint of a request, and what AWS says of it."""
    operation: str
    place: tuple
    # The key of the constraint in the model.
    kind: str
    # What the member must do, in AWS's words.
    rule: str
    shape: object
    value: object

    @property
    def member(self):
        """The member as messages name it: items of lists are counted from 1."""
        parts = [f"{part + 1}.member" if isinstance(part, int) else part for part in self.place]
        return ".".join(parts)

    def __str__(self):
        return f"{self.operation}-{self.member}-{self.kind}"

    def request(self, valid):
        """A valid request with this one fault."""
        request = copy.deepcopy(valid)
        shape, inside = SERVICE.operation_model(self.operation).input_shape, request
        for part, following in zip(self.place, (*self.place[1:], None)):
            shape = shape.member if isinstance(part, int) else shape.members[part]
            if following is None:
                put(inside, part, self.value)
            else:
                inside = enter(inside, part, shape)
        return request

    def is_told(self, message):
        """Whether a message tells this violation in AWS's form."""
        told = (rf"{self.shown()} at '{re.escape(self.member)}' failed to satisfy constraint: "
                rf"Member must {self.told_rule()}")
        counted = re.match(r"(\d+) validation errors? detected: ", message)
        return bool(counted and int(counted[1]) == message.count("failed to satisfy constraint")
                    and re.search(rf"(: |; ){told}(;|$)", message, re.DOTALL))

    def shown(self):
        """A pattern of the value as it is shown; that of a sensitive member is not, and how lists and fractions are is
        not looked at."""
        if self.value is None:
            return "Value( null)?"
        if self.shape.metadata.get("sensitive"):
            return "Value"
        if isinstance(self.value, list):
            return "Value '.*'"
        fraction = r"(\.0)?" if self.shape.type_name in ("float", "double") else ""
        return f"Value '{re.escape(str(self.value))}{fraction}'"

    def told_rule(self):
        """A pattern of the rule. The order of words is AWS's secret."""
        if self.kind != "enum":
            return re.escape(self.rule)
        words = self.shape.metadata["enum"]
        return r"satisfy enum value set: \[" + ", ".join(["(" + "|".join(words) + ")"] * len(words)) + r"\]"


def put(inside, part, value):
    if value is None:
        inside.pop(part, None)
    else:
        inside[part] = value


def enter(inside, part, shape):
    """The structure or list at that place, which is made when the valid request has none."""
    if isinstance(part, int):
        if len(inside) <= part:
            inside.append(sample(shape))
    else:
        inside.setdefault(part, sample(shape))
    return inside[part]


def sample(shape):
    """The least value of a shape."""
    kind, limits = shape.type_name, shape.metadata
    if kind == "structure":
        return {name: sample(shape.members[name]) for name in shape.required_members}
    if kind == "list":
        return [sample(shape.member)] * limits.get("min", 0)
    if limits.get("enum"):
        return limits["enum"][0]
    return {"string": "x" * limits.get("min", 0), "boolean": False}.get(kind, limits.get("min", 0))


def violations(operation):
    """One violation for each constraint of an operation's request."""
    shape = SERVICE.operation_model(operation).input_shape
    found = []
    walk(operation, shape, (), found)
    return found


def walk(operation, shape, place, found):
    kind = shape.type_name
    if kind == "structure":
        for name, member in shape.members.items():
            if name in shape.required_members:
                found.append(Violation(operation, (*place, name), "required", "not be null", member, None))
            walk(operation, member, (*place, name), found)
        return
    found += [Violation(operation, place, *breach) for breach in breaches(shape)]
    if kind == "list":
        walk(operation, shape.member, (*place, 0), found)


# A text that breaks each pattern of the model.
AGAINST_PATTERN = {r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$": "123", "[!-~]+": "a b", r"\p{ASCII}*": "\u00e9"}


def breaches(shape):
    """(kind, rule, shape, value that breaks it) for each constraint of a shape."""
    limits = shape.metadata
    if limits.get("enum"):
        yield "enum", f"satisfy enum value set: {limits['enum']}", shape, "NONSENSE"
    if limits.get("pattern"):
        rule = f"satisfy regular expression pattern: {limits['pattern']}"
        yield "pattern", rule, shape, AGAINST_PATTERN[limits["pattern"]]
    is_number = shape.type_name in ("integer", "long", "float", "double")
    noun = "value" if is_number else "length"
    for bound, than, step in (("min", "greater", -1), ("max", "less", 1)):
        size = limits.get(bound, 0) + step
        if bound in limits and (is_number or size >= 0):
            yield bound, f"have {noun} {than} than or equal to {limits[bound]}", shape, of_size(shape, size, is_number)


def of_size(shape, size, is_number):
    if is_number:
        return size
    return "x" * size if shape.type_name == "string" else [sample(shape.member) for _ in range(size)]
