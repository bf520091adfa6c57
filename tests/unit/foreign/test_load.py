"""Loading of a rule's file: module values are constant, and an error is named by its line."""

from pathlib import Path
from typing import Any

import pytest

from chain_bandit.foreign.errors import FileRefused
from chain_bandit.foreign.load import load
from chain_bandit.foreign.run import run
from chain_bandit.foreign.source import Source
from chain_bandit.protocol.errors import Stopped
from chain_bandit.protocol.ruleset import RuleFailed
from tests.unit.foreign.api import NAMES, Aggregation, Option, loaded

API = "from chain_bandit.rule_api import Aggregation, Option, total\nfrom fractions import Fraction\n"
KEPT = {
    "a list": ("X = [1]\n", "keeps a list in 'X'"),
    "a list that is computed": ("X = sorted((2, 1))\n", "keeps a list in 'X'"),
    "a set": ("X = {1}\n", "keeps a set in 'X'"),
    "a list in a tuple": ("X = (1, [2])\n", "keeps a list in 'X'"),
    "a list in a mapping": ("X = {1: [2]}\n", "keeps a list in 'X'"),
    "a list in an option": ("X = {1: Option([2])}\n", "keeps a list in 'X'"),
    "a mapping in an option": ("X = Option({1: 2})\n", "keeps a dict in 'X'"),
    "a function with what it remembers": (
        "def make():\n    memo = []\n    def g(y):\n        return memo.append(y)\n    return g\nX = make()\n",
        "keeps a function in 'X'",
    ),
    "a lambda": ("X = lambda: X()\n", "keeps a function in 'X'"),
    "a range": ("X = range(3)\n", "keeps a range in 'X'"),
    "the keys of a mapping": ("X = {1: 2}.keys()\n", "keeps a dict_keys in 'X'"),
}


NESTED = """
def nested(of, many):
    for turn in range(10**5 if many else 45):
        of = (of,) if many else (of, of)
    return of
"""


@pytest.mark.parametrize("made", ["nested((), True)", "nested((), False)"])
def test_a_constant_that_is_nested_deeply_is_refused(made: str) -> None:
    assert "nested more than 32 deep in 'X'" in refusal(f"{NESTED}class Rule:\n    pass\nX = {made}\n").reason


def refusal(text: str) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        loaded(text)
    return caught.value


@pytest.mark.parametrize(("line", "said"), KEPT.values(), ids=KEPT)
def test_what_a_call_could_change_is_refused(line: str, said: str) -> None:
    refused = refusal(f"{API}class Rule:\n    pass\n{line}")
    assert said in refused.reason
    assert refused.line == 4 + line.count("\n")
    within = "".join(f"    {each}\n" for each in line.replace("make()", "1").splitlines())
    if "def" not in line:
        refused = refusal(f"{API}class Rule:\n{within}")
        assert said.replace("'X'", "'Rule.X'") in refused.reason
        assert refused.line == 4


CONSTANT = f"""{API}
HALF = Fraction(1, 2)
BASE = Aggregation

class Rule(Aggregation):
    options = {{'a': Option(1), 'b': {{1: 2}}}}
    pairs = ((1, 2), ('a', None), HALF)

    def f(self):
        self.options['a'] = 2

    def g(self):
        self.options['b'][1] = 2
"""


def test_constants_stay_as_they_are() -> None:
    rule = loaded(CONSTANT)
    assert isinstance(rule, Aggregation)
    assert rule.options == {"a": Option(1), "b": {1: 2}}
    for verb in "fg":
        with pytest.raises(RuleFailed, match="raises TypeError"):
            run(rule, verb)
    assert rule.options == {"a": Option(1), "b": {1: 2}}


def test_methods_may_be_of_the_class_or_of_none() -> None:
    rule = loaded(
        "class Rule:\n    x = 3\n    @classmethod\n    def a(cls):\n        return cls.x\n"
        "    @staticmethod\n    def b(y):\n        return y\n    @property\n    def c(self):\n        return 4\n"
        "    def f(self):\n        return self.a() * 100 + self.b(5) * 10 + self.c\n"
    )
    assert run(rule, "f") == (354, 4)


def test_annotations_are_never_evaluated() -> None:
    rule = loaded(f"{API}class Rule:\n    x: Missing[int] = 3\n    def f(self, y: Missing = 1) -> 'Missing':\n"
                  "        z: Missing = y\n        a: Missing\n        return z + self.x\n")  # fmt: skip
    assert run(rule, "f").value == 4


FAILS = {
    "an error": ("X = 1 // 0\n", "raises ZeroDivisionError while it is loaded"),
    "a name that comes later": ("X = Y\nY = 1\n", "raises NameError while it is loaded"),
    "no end": ("X = sum(1 for y in range(10**12))\n", "passes its bound of 1000000 steps while it is loaded"),
    "too much": ("X = (0,) * 10**9\n", "more than 1048576 elements"),
    "a base that has no room": ("class A(Aggregation, Aggregation):\n    pass\n", "raises TypeError"),
}


@pytest.mark.parametrize(("line", "said"), FAILS.values(), ids=FAILS)
def test_what_fails_while_it_is_loaded_is_refused(line: str, said: str) -> None:
    assert said in refusal(f"{API}{line}class Rule:\n    pass\n").reason


@pytest.mark.parametrize("text", ["X = 1\n", "def Rule():\n    pass\n", "Rule = 1\n", f"{API}Rule = Aggregation\n"])
def test_a_file_without_the_class_is_refused(text: str) -> None:
    assert refusal(text).reason == "has no class 'Rule'"


def test_only_what_is_imported_has_a_name() -> None:
    rule = "class Rule:\n    def f(self):\n        return total([1])\n"
    assert "'total', which a rule has not" in refusal(rule).reason
    own = loaded(f"def total(y):\n    return 7\n{rule}")
    assert run(own, "f").value == 7
    assert "keeps a list in 'total'" in refusal("total = [1]\nclass Rule:\n    pass\n").reason


def test_two_loads_share_nothing() -> None:
    text = "class Rule:\n    def f(self, other):\n        return other.f(None) if other else 1\n"
    one, two = loaded(text), loaded(text)
    assert type(one) is not type(two)
    assert run(one, "f", two).steps == 1


def test_what_ends_the_process_passes_through() -> None:
    def ends(error: BaseException) -> Any:
        def call() -> None:
            raise error

        source = Source(Path("rule.py"), "Rule", b"from chain_bandit.rule_api import end\n"
                        b"class Rule:\n    def f(self):\n        return end()\n")  # fmt: skip
        return load(source, {**NAMES, "end": call})()

    for error in (KeyboardInterrupt(), Stopped(143)):
        with pytest.raises(type(error)):
            run(ends(error), "f")
    for failed in (RecursionError(), MemoryError()):
        with pytest.raises(RuleFailed, match=f"f raises {type(failed).__name__}"):
            run(ends(failed), "f")
