"""Writes random expressions and the documents that they are evaluated over, by seed.

An expression is built for the type that its place asks for, so that most evaluate to something; now and then a place gets
another type, or a field that is not there, so that errors are met as well. Names of members never look like integers:
JavaScript moves those to the front.
"""

import random

ORDER = {"num": ["total", "n"], "str": ["id", "text", "created"], "bool": ["paid"], "any": ["nothing", "missing"]}
ITEM = {"num": ["price", "count", "dims.w"], "str": ["sku", "name", "colour"], "bool": ["sold"], "strs": ["tags", "colour"],
        "any": ["dims", "missing", "nothing"]}
PART = {"num": ["weight"], "str": ["code"], "any": ["missing"]}
FIELDS = {"root": ORDER, "item": ITEM, "part": PART}
COLLECTIONS = {"root": [("items", "item"), ("items.parts", "part"), ("other", "item")], "item": [("parts", "part")], "part": []}
NUMBERS = ["0", "1", "2", "3", "-1", "10", "0.5", "2.5", "-2.5", "1e3", "100", "7", "12345.678", "1e15", "0.000001", "255"]
WORDS = ["", "a", "abc", "Hello World", "a,b,c", "  a  b ", "12", "3.5", "x-y_z", "é", "naïve 😀!", "aaa", "line\\nbreak", "ABC", "/", "%20",
         "10:30", "true", "{}", "ab12cd34", "€ 5"]
REGEXES = ["/a/", "/[a-z]+/", "/A/i", "/b*c/", r"/(\w)(\d)?/", r"/\s+/", "/[,;]/", "/^a/m", "/(a|b)c?/", r"/\d{2}/", "/l./", "/e$/", "/(x)|(b)/", "/b[^a-c]/i",
           r"/\bw/i", "/o.*o/", r"/[a-z]\W/"]
NUMBER_PICTURES = ["0", "#", "#,##0.00", "00.00", "#0.###", "0%", "#.##e0", "0.0e00", "000,000", "#,##0.00;(#,##0.00)", "0‰", "#", "'x'0", "0.#", "#.0", "$0", "0x", "##0.0##e0", ".00", "#,#", "0;-0;0", "0..0", "0,", "e0", ""]
INTEGER_PICTURES = ["0", "000", "#,##0", "w", "W", "Ww", "I", "i", "a", "A", "0;o", "w;o", "Ww;o", "###", "#0", "0,000,000", "00:00", "0,0;o", "０;o", "α", "٠٠", "", "#;o", "1"]
DATE_PICTURES = ["[Y]-[M01]-[D01]", "[D1o] [MNn] [Y0001]", "[H01]:[m01]:[s01]", "[h]:[m01] [P]", "[FNn], [D] [MNn,3-3]", "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001]Z",
                 "[d]/[Y]", "[X]-W[W01]-[F1]", "[Yi] [M] [Dw]", "[Z]", "[z]", "[Z0101t]", "[H01]:[m] [ZN]", "[YW]", "[MI]", "[E] [C]", "[w] [x]", "[Z0] [z1]",
                 "[P]", "[Pn,1-1]", "[[x]] [D]", "[f01]", "[FN,2-2]", "[q]", "[q1]", "[QNn] [f]", "[D", "[Ywo]", "[dwo]", "[M00] [D#1]", "[Y,2]", "[Y,2-2]-[M,2]-[D,*-2]"]
DATES = ["2026-03-04T05:06:07.089Z", "2024-02-29", "2024-02-29T23:59:59+02:00", "1999-12-31T00:00:00Z", "2020", "2020-13-01", "nonsense", "2021-06-01T10:00:00.5Z"]
ZONES = ["+0000", "-0500", "+0530", "0100", "-0330", "CET", "+99999"]

# Result, name, types of the arguments; a question mark: may be left out.
FUNCTIONS = [
    ("num", "sum", ["nums"]), ("num", "count", ["any"]), ("num", "max", ["nums"]), ("num", "min", ["nums"]),
    ("num", "average", ["nums"]), ("num", "length", ["str"]), ("num", "number", ["scalar"]), ("num", "floor", ["num"]),
    ("num", "ceil", ["num"]), ("num", "round", ["num", "small?"]), ("num", "abs", ["num"]), ("num", "sqrt", ["num"]),
    ("num", "power", ["num", "small"]), ("num", "parseInteger", ["integer text", "integer picture"]),
    ("num", "toMillis", ["date", "date picture?"]),
    ("str", "string", ["any", "bool?"]), ("str", "substring", ["str", "small", "small?"]),
    ("str", "substringBefore", ["str", "str"]), ("str", "substringAfter", ["str", "str"]), ("str", "lowercase", ["str"]),
    ("str", "uppercase", ["str"]), ("str", "trim", ["str"]), ("str", "pad", ["str", "small", "str?"]),
    ("str", "replace", ["str", "pattern", "replacement", "small?"]), ("str", "join", ["strs", "str?"]),
    ("str", "formatNumber", ["num", "number picture"]), ("str", "formatBase", ["num", "small?"]),
    ("str", "formatInteger", ["num", "integer picture"]), ("str", "fromMillis", ["millis", "date picture?", "zone?"]),
    ("str", "base64encode", ["str"]), ("str", "base64decode", ["base64"]), ("str", "encodeUrl", ["str"]),
    ("str", "encodeUrlComponent", ["str"]), ("str", "decodeUrl", ["str"]), ("str", "decodeUrlComponent", ["str"]),
    ("str", "type", ["any"]), ("str", "now", ["date picture?", "zone?"]), ("num", "millis", []),
    ("bool", "boolean", ["any"]), ("bool", "not", ["any"]), ("bool", "exists", ["any"]), ("bool", "contains", ["str", "pattern"]),
    ("any", "match", ["str", "regex", "small?"]), ("strs", "split", ["str", "pattern", "small?"]),
    ("strs", "keys", ["any"]), ("any", "lookup", ["any", "str"]), ("any", "append", ["any", "any"]), ("any", "spread", ["any"]),
    ("any", "merge", ["objects"]), ("any", "reverse", ["any"]), ("any", "distinct", ["any"]), ("any", "zip", ["any", "any"]),
    ("nums", "sort", ["nums"]), ("strs", "sort", ["strs"]), ("nums", "distinct", ["nums"]), ("nums", "reverse", ["nums"]),
    ("any", "error", ["str?"]), ("any", "assert", ["bool", "str?"]),
]
TYPES = ["num", "str", "bool", "nums", "strs", "objects", "object", "any"]
TEXTS = {"regex": REGEXES}
QUOTED = {"number picture": NUMBER_PICTURES, "integer picture": INTEGER_PICTURES, "date picture": DATE_PICTURES, "zone": ZONES,
          "replacement": ["", "-", "$0", "[$1]", "$$", "$2$1", "<$12>"], "base64": ["aGVsbG8=", "YQ==", "w6k="],
          "integer text": ["12", "1,234", "twelve", "one hundred and three", "XIV", "xii", "b", "twenty-first", "00:12", "007", "Forty-Two", "12th"]}


def quote(text):
    return '"' + text + '"'


class Writer:
    """One expression; the scope tells what the context is and which variables there are."""

    def __init__(self, rng):
        self.rng = rng
        self.count = 0

    def pick(self, options):
        return self.rng.choice(options)

    def chance(self, share):
        return self.rng.random() < share

    def fresh(self):
        self.count += 1
        return f"$v{self.count}"

    def expression(self, kind, depth, scope):
        if self.chance(0.01):
            kind = self.pick(TYPES)
        optional = kind.endswith("?")
        kind = kind.rstrip("?")
        if optional and self.chance(0.03):
            return "missing"
        if kind in TEXTS:
            return self.pick(TEXTS[kind])
        if kind in QUOTED:
            return quote(self.pick(QUOTED[kind]))
        if depth <= 0:
            return self.leaf(kind, scope)
        return getattr(self, "write_" + kind)(depth - 1, scope)

    # What ends a branch.

    def leaf(self, kind, scope):
        variables = [name for name, bound in scope["variables"] if bound in (kind, "any") or kind == "any"]
        if variables and self.chance(0.5):
            return self.pick(variables)
        fields = FIELDS.get(scope["context"], {})
        known = fields.get(kind, [])
        if known and self.chance(0.6):
            return self.field(scope, self.pick(known))
        return getattr(self, "leaf_" + kind, self.leaf_any)(scope)

    def field(self, scope, name):
        if scope["context"] == "root":
            return "$states.input." + name
        return self.pick(["", "", "", "$."]) + name

    def leaf_num(self, scope):
        return self.pick([self.pick(NUMBERS), "$states.input.n", "$states.input.rates.usd", "$states.input.numbers[%d]" % self.rng.randint(-2, 5)])

    def leaf_str(self, scope):
        return self.pick([quote(self.pick(WORDS)), quote(self.pick(WORDS)), "$states.input.text", "$states.input.words[%d]" % self.rng.randint(-2, 4)])

    def leaf_bool(self, scope):
        return self.pick(["true", "false", "$states.input.paid"])

    def leaf_nums(self, scope):
        return self.pick(["$states.input.numbers", "[1..%d]" % self.rng.randint(0, 6), "$states.input.items.price", "$states.input.items.(price * count)", "[3, 1, 2]", "$states.input.matrix.$", "[]",
                          "$states.input.rates.*", "$states.input.items.parts.weight", "$states.input.**.weight"])

    def leaf_strs(self, scope):
        return self.pick(["$states.input.words", "$states.input.items.sku", "$states.input.items.tags", '["b", "a", "c"]', "$states.input.items.colour", "$keys($states.input.rates)", "$states.input.items.parts.code"])

    def leaf_objects(self, scope):
        return self.pick(["$states.input.items", "$states.input.items.parts", "$states.input.other", '[{"a": 1}, {"b": 2, "a": 3}]', "$states.input.items.dims"])

    def leaf_object(self, scope):
        return self.pick(["$states.input.rates", "$states.input.items[0]", "$states.input.nested", '{"a": 1, "b": "x"}', "$states.input.customer", "{}"])

    def leaf_any(self, scope):
        return self.pick(["null", "$states.input.nothing", "$states.input.mixed", "$states.input.empty", "$states.input.missing", "$states.input.matrix", "$", "$states.input.nested.a.b.c", "[]", "()",
                          "$states.input.mixed[%d]" % self.rng.randint(-1, 5), "$states.input.nested.**", "$states.input.nested.a.*", "$states.input.matrix[0]", "[[1, 2], [3]]", "1/0", "0/0"])

    def leaf_scalar(self, scope):
        return self.pick([self.leaf_num, self.leaf_str, self.leaf_bool])(scope)

    def leaf_small(self, scope):
        return str(self.rng.choice([-0.5, 0.5, 1.5, 2.25]) if self.chance(0.05) else self.rng.randint(-3, 12))

    # Types of the language.

    def call(self, kind, depth, scope):
        _, name, parameters = self.pick([f for f in FUNCTIONS if f[0] == kind])
        arguments = []
        for parameter in parameters:
            if parameter.endswith("?") and self.chance(0.5):
                break
            arguments.append(self.expression(parameter, depth, scope))
        if arguments and self.chance(0.08):
            return f"({arguments[0]} ~> ${name}({', '.join(arguments[1:])}))"
        return f"${name}({', '.join(arguments)})"

    def common(self, kind, depth, scope):
        """What every type can be made of."""
        return self.pick([self.conditional, self.block, self.applied, self.first, self.default])(kind, depth, scope)

    def conditional(self, kind, depth, scope):
        otherwise = f" : {self.expression(kind, depth, scope)}" if self.chance(0.9) else ""
        return f"({self.expression('bool', depth, scope)} ? {self.expression(kind, depth, scope)}{otherwise})"

    def default(self, kind, depth, scope):
        left = self.expression(kind, depth, scope)
        # The reference loses regular expressions on the left of these operators, and never ends.
        if any(regex in left for regex in REGEXES):
            return left
        return f"({left} {self.pick(['??', '?:'])} {self.expression(kind, depth, scope)})"

    def block(self, kind, depth, scope):
        name, bound = self.fresh(), self.pick(TYPES)
        value = self.expression(bound, depth, scope)
        inner = dict(scope, variables=scope["variables"] + [(name, bound)])
        return f"({name} := {value}; {self.expression(kind, depth, inner)})"

    def applied(self, kind, depth, scope):
        name, taken = self.fresh(), self.pick(["num", "str", "any", "nums"])
        argument = self.expression(taken, depth, scope)
        inner = dict(scope, variables=scope["variables"] + [(name, taken)])
        body = self.body(kind, depth, inner)
        signature = {"num": "<n>", "str": "<s>", "any": "<x>", "nums": "<a<n>>"}[taken] if self.chance(0.15) else ""
        return self.pick([f"function({name}){signature}{{{body}}}({argument})", f"({argument} ~> function({name}){signature}{{{body}}})",
                          f"($f := function({name}, $w){{{body}}}; $g := $f(?, 1); $g({argument}))"])

    def body(self, kind, depth, scope):
        """What a function computes; not by a call that a predicate follows, which the reference takes for the predicate's subject."""
        text = self.expression(kind, depth, scope)
        return f"($r := {text}; $r)" if "]" in text else text

    def first(self, kind, depth, scope):
        plural = {"num": "nums", "str": "strs", "object": "objects"}.get(kind, "any")
        return f"{self.parens(self.expression(plural, depth, scope))}[{self.index(depth, scope)}]"

    def index(self, depth, scope):
        return self.pick(["0", "1", "-1", "2", "[0..1]", "1.5", "[0, -1]", self.expression("num", depth - 1, scope)])

    def parens(self, text):
        return text if text.startswith("(") and text.count("(") == 1 else f"({text})"

    def write_num(self, depth, scope):
        if self.chance(0.15):
            return self.common("num", depth, scope)
        if self.chance(0.5):
            return self.call("num", depth, scope)
        if self.chance(0.1):
            return f"-{self.parens(self.expression('num', depth, scope))}"
        if self.chance(0.1):
            return self.reduction(depth, scope)
        return f"({self.expression('num', depth, scope)} {self.pick('+-*/%')} {self.expression('num', depth, scope)})"

    def reduction(self, depth, scope):
        a, b = self.fresh(), self.fresh()
        inner = dict(scope, variables=scope["variables"] + [(a, "num"), (b, "num")])
        initial = f", {self.expression('num', depth, scope)}" if self.chance(0.5) else ""
        return f"$reduce({self.expression('nums', depth, scope)}, function({a}, {b}){{{self.body('num', depth - 1, inner)}}}{initial})"

    def write_str(self, depth, scope):
        if self.chance(0.15):
            return self.common("str", depth, scope)
        if self.chance(0.6):
            return self.call("str", depth, scope)
        return f"({self.expression('any' if self.chance(0.2) else 'str', depth, scope)} & {self.expression('str', depth, scope)})"

    def write_bool(self, depth, scope):
        if self.chance(0.1):
            return self.common("bool", depth, scope)
        if self.chance(0.2):
            return self.call("bool", depth, scope)
        if self.chance(0.3):
            return f"({self.expression('bool', depth, scope)} {self.pick(['and', 'or'])} {self.expression('bool', depth, scope)})"
        if self.chance(0.2):
            return f"({self.expression('scalar', depth, scope)} in {self.expression(self.pick(['nums', 'strs', 'any']), depth, scope)})"
        kind = self.pick(["num", "num", "str", "str", "any"])
        operators = ["=", "!="] if kind == "any" else ["=", "!=", "<", "<=", ">", ">="]
        return f"({self.expression(kind, depth, scope)} {self.pick(operators)} {self.expression(kind, depth, scope)})"

    def write_nums(self, depth, scope):
        return self.write_list("nums", "num", depth, scope)

    def write_strs(self, depth, scope):
        return self.write_list("strs", "str", depth, scope)

    def write_list(self, kind, element, depth, scope):
        if self.chance(0.1):
            return self.common(kind, depth, scope)
        if self.chance(0.15):
            return self.call(kind, depth, scope)
        if self.chance(0.25):
            return "[" + ", ".join(self.expression(element, depth, scope) for _ in range(self.rng.randint(0, 4))) + "]"
        if self.chance(0.3):
            return self.higher_order(kind, element, depth, scope)
        if self.chance(0.3):
            return self.path(element, depth, scope)
        if self.chance(0.4):
            return f"{self.parens(self.expression(kind, depth, scope))}[{self.predicate(element, depth, scope)}]"
        if self.chance(0.3):
            return f"$append({self.expression(kind, depth, scope)}, {self.expression(element, depth, scope)})"
        if kind == "nums" and self.chance(0.3):
            return f"[{self.rng.randint(-2, 3)}..{self.expression('small', depth, scope)}]"
        return f"{self.parens(self.expression(kind, depth, scope))}^({self.pick(['', '<', '>'])}$)"

    def predicate(self, element, depth, scope):
        inner = dict(scope, context=None, variables=scope["variables"] + [("$", element)])
        return self.pick([self.expression("bool", depth, inner), self.index(depth, scope)])

    def higher_order(self, kind, element, depth, scope):
        v, i, a = self.fresh(), self.fresh(), self.fresh()
        source = self.pick(["nums", "strs"])
        inner = dict(scope, variables=scope["variables"] + [(v, source[:-1]), (i, "num")])
        wide = dict(inner, variables=inner["variables"] + [(a, source)])
        parameters, body_scope = self.pick([(v, dict(scope, variables=scope["variables"] + [(v, source[:-1])])), (f"{v}, {i}", inner), (f"{v}, {i}, {a}", wide)])
        if self.chance(0.6):
            return f"$map({self.expression(source, depth, scope)}, function({parameters}){{{self.body(element, depth, body_scope)}}})"
        named = self.pick(["$uppercase", "$string", "$length", "$sum", "($f := $join(?, '-'); function($s){$f([$string($s), 'x'])})", "$type"])
        if self.chance(0.2):
            return f"$map({self.expression(kind, depth, scope)}, {named})"
        function = self.pick(["filter", "filter", "single"]) if kind == source else "filter"
        return f"${function}({self.expression(kind, depth, scope)}, function({parameters}){{{self.body('bool', depth, body_scope)}}})"

    def write_objects(self, depth, scope):
        if self.chance(0.1):
            return self.common("objects", depth, scope)
        if self.chance(0.3):
            return self.path("object", depth, scope)
        if self.chance(0.4):
            return self.filtered(self.expression("objects", depth, scope), "item", depth, scope)
        if self.chance(0.4):
            return f"{self.parens(self.expression('objects', depth, scope))}^({self.terms(depth, scope)})"
        if self.chance(0.3):
            a, b = self.fresh(), self.fresh()
            inner = dict(scope, variables=scope["variables"] + [(a + ".price", "num"), (b + ".price", "num")])
            return f"$sort({self.expression('objects', depth, scope)}, function({a}, {b}){{{self.pick([self.body('bool', depth, inner), f'{a}.price > {b}.price', f'{a}.sku < {b}.sku'])}}})"
        return "[" + ", ".join(self.expression("object", depth, scope) for _ in range(self.rng.randint(0, 3))) + "]"

    def terms(self, depth, scope):
        inner = dict(scope, context="item")
        terms = [self.pick(["", "<", ">"]) + self.pick(["price", "sku", "count", "missing", "dims.w", self.expression("num", depth - 1, inner)]) for _ in range(self.rng.randint(1, 2))]
        return ", ".join(terms)

    def write_object(self, depth, scope):
        if self.chance(0.15):
            return self.common("object", depth, scope)
        if self.chance(0.15):
            return f"$merge({self.expression('objects', depth, scope)})"
        if self.chance(0.2):
            return self.group(depth, scope)
        if self.chance(0.15):
            return self.transform(depth, scope)
        if self.chance(0.15):
            v, k = self.fresh(), self.fresh()
            inner = dict(scope, variables=scope["variables"] + [(v, "any"), (k, "str")])
            return f"$sift({self.expression('object', depth, scope)}, function({v}, {k}){{{self.body('bool', depth, inner)}}})"
        names = self.rng.sample(["a", "b", "id", "total", "x y"], self.rng.randint(0, 3))
        return "{" + ", ".join(f"{quote(name)}: {self.expression('any', depth, scope)}" for name in names) + "}"

    def group(self, depth, scope):
        inner = dict(scope, context="item")
        key = self.pick(["sku", "name", "colour", "$string(price)&'x'", "colour ? colour : 'none'", self.expression("str", depth, inner)])
        value = self.pick(["$sum(price)", "$", "count", "$count($)", self.expression("any", depth, inner), self.expression("num", depth, inner)])
        return f"{self.pick(['$states.input.items', '$states.input.items#$i', '$states.input.items@$l', '$states.input.other', '$states.input.items[sold]'])}{{{key}: {value}}}"

    def transform(self, depth, scope):
        inner = dict(scope, context="item")
        place = self.pick(["items", "items.parts", "customer", "$", "**[price]", "items[sold]", "missing", "items[0]", "rates"])
        delete = self.pick(["", "", ', "price"', ', ["sku", "name"]', ", missing"])
        return f"($states.input ~> |{place}|{self.pick([self.expression('object', depth, inner), '{' + quote('price') + ': price * 2}'])}{delete}|)"

    def filtered(self, text, context, depth, scope):
        return f"{self.parens(text)}[{self.pick([self.expression('bool', depth, dict(scope, context=context)), self.index(depth, scope)])}]"

    def path(self, element, depth, scope):
        """A walk through the document, with predicates, sorts and bindings on the way."""
        steps, context = self.pick([("$states.input.items", "item"), ("$states.input.items", "item"), ("$states.input.other", "item"),
                                    ("$states.input.items.parts", "part"), ("$states.input", "root")])
        inner = dict(scope, context=context)
        if context == "item":
            steps, inner = self.decorated(steps, depth, inner)
        if context == "item" and self.chance(0.3):
            steps += ".parts"
            if self.chance(0.3):
                steps += f"[{self.expression('bool', depth - 1, dict(inner, context='part'))}]"
            parent = {"num": ["%.price", "weight * %.count"], "str": ["%.sku", "code & %.name"]}.get(element, ["%.dims", "{'p': %.sku, 'c': code}"])
            if self.chance(0.4):
                return f"{steps}.({self.pick(parent)})" if self.chance(0.8) else f"{steps}.{self.pick(['%.sku', '%.parts.code', '%.%.id'])}"
            inner = dict(inner, context="part")
        last = self.pick([f"({self.expression(element, depth, inner)})", f"({self.expression(element, depth, inner)})", f"[{self.expression(element, depth, inner)}]",
                          f"{{{quote('k')}: {self.expression(element, depth, inner)}}}", "*", "**", "missing", "$", "sku", "dims.w", "tags", "$string()", "tags[0]", "tags[]", "parts.code"])
        return f"{steps}.{last}" + self.pick(["", "", "", "", "[]", "[0]"])

    def decorated(self, steps, depth, scope):
        for _ in range(self.rng.randint(0, 2)):
            choice = self.rng.randint(0, 5)
            if choice == 0:
                steps += f"[{self.pick([self.expression('bool', depth, scope), self.index(depth, scope)])}]"
            elif choice == 1:
                name = self.fresh()
                steps += f"#{name}"
                scope = dict(scope, variables=scope["variables"] + [(name, "num")])
            elif choice == 2 and "[" not in steps and "^" not in steps:
                name = self.fresh()
                steps += f"@{name}"
                scope = dict(scope, variables=scope["variables"] + [(name + ".price", "num"), (name + ".sku", "str")])
                if self.chance(0.4):
                    other = self.fresh()
                    steps += f".$states.input.other@{other}[{other}.sku = {name}.sku]"
                    scope = dict(scope, variables=scope["variables"] + [(other + ".count", "num")])
            elif choice == 3:
                steps += f"^({self.terms(depth, scope)})"
        return steps, scope

    def write_any(self, depth, scope):
        choice = self.rng.randint(0, 9)
        if choice == 0:
            return self.common("any", depth, scope)
        if choice < 4:
            return self.call("any", depth, scope)
        if choice == 4:
            v, k = self.fresh(), self.fresh()
            inner = dict(scope, variables=scope["variables"] + [(v, "any"), (k, "str")])
            return f"$each({self.expression('object', depth, scope)}, function({v}, {k}){{{self.body('any', depth, inner)}}})"
        if choice == 5:
            return self.path(self.pick(["num", "str", "any"]), depth, scope)
        if choice == 6:
            return "[" + ", ".join(self.expression("any", depth, scope) for _ in range(self.rng.randint(0, 3))) + "]"
        return self.expression(self.pick(["num", "str", "bool", "nums", "strs", "objects", "object"]), depth, scope)

    def write_scalar(self, depth, scope):
        return self.expression(self.pick(["num", "str", "bool"]), depth, scope)

    def write_small(self, depth, scope):
        return self.leaf_small(scope) if self.chance(0.85) else self.expression("num", depth, scope)

    def write_millis(self, depth, scope):
        return self.pick(["0", "1772600767089", "-1e12", "951782400000", "1.5e12", "1e17", self.expression("num", depth, scope)])

    leaf_millis = lambda self, scope: "1509380732935"

    def write_date(self, depth, scope):
        if self.chance(0.3):
            picture = self.pick(DATE_PICTURES)
            return f"$fromMillis({self.write_millis(0, scope)}, {quote(picture)})"
        return quote(self.pick(DATES)) if self.chance(0.8) else self.expression("str", depth, scope)

    leaf_date = lambda self, scope: quote(self.pick(DATES))

    def write_pattern(self, depth, scope):
        return self.pick(REGEXES) if self.chance(0.5) else self.expression("str", depth, scope)

    leaf_pattern = lambda self, scope: self.pick(REGEXES + [quote("a"), quote(",")])


def written(rng):
    scope = {"context": "root", "variables": []}
    return Writer(rng).expression(rng.choice(TYPES), rng.choice([1, 2, 2, 3, 3, 4]), scope)


def document(rng):
    """A document; members are missing, single or empty now and then."""

    def some(value):
        return value if rng.random() < 0.85 else None

    def without_none(members):
        return {name: value for name, value in members.items() if value is not None}

    def part():
        return without_none({"code": some(rng.choice(["p1", "p2", "q"])), "weight": some(rng.choice([1, 2.5, 0, 40]))})

    def item(at):
        return without_none({
            "sku": some(rng.choice(["a", "b", "c", "d"]) + str(at)), "name": rng.choice(["Bolt", "nut", "Gear", "bolt", "naïve"]),
            "price": some(rng.choice([0, 1.5, 10, 2.5, 99.99, -3])), "count": rng.choice([1, 2, 3, 0]), "sold": rng.random() < 0.5,
            "tags": rng.choice([["x", "y"], ["x"], [], "z", None]), "colour": rng.choice(["red", "blue", "", None, ["red", "green"]]),
            "dims": some({"w": rng.choice([1, 2, 3]), "h": rng.choice([4, 5.5])}),
            "parts": rng.choice([None, part(), [part()], [part(), part()], [part(), part(), part()], []]), "nothing": None})

    items = [item(at) for at in range(rng.choice([0, 1, 2, 3, 4]))]
    return {
        "id": "o-17", "total": rng.choice([12.5, 0, 1000]), "n": rng.choice([5, 3, -2]), "text": rng.choice(WORDS).replace("\\n", "\n"),
        "created": rng.choice(DATES), "paid": rng.random() < 0.5, "nothing": None,
        "customer": {"name": "Ada", "tags": ["new"], "address": {"city": "Paris", "zip": "75001"}},
        "items": items[0] if len(items) == 1 and rng.random() < 0.5 else items,
        "other": [item(at) for at in range(rng.choice([1, 2, 3]))],
        "numbers": rng.choice([[3, 1, 2], [5], [], [1.5, -2, 1e15, 0.1], [1, 1, 2, 3, 3]]),
        "words": rng.choice([["b", "a"], ["Hello"], [], ["x", "é", "Z", "x"]]),
        "matrix": rng.choice([[[1, 2], [3]], [[1]], [[], [4, 5]]]),
        "mixed": rng.choice([[1, "a", None, [2], {"x": 1}], [None], [True, False, 0, ""], [{"price": 1}, {"price": "x"}]]),
        "empty": [], "rates": {"eur": 1.1, "usd": 1, "gbp": 0.85}, "nested": {"a": {"b": [{"c": 1}, {"c": [2, 3]}, {"d": {"c": 4}}]}}}


def cases(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        yield {"expression": written(rng), "input": document(rng)}
