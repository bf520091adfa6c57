"""Counting changes no value, and steps are a function of source and input, whatever hash seed and version of Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chain_bandit.foreign.run import run
from chain_bandit.protocol.ruleset import RuleFailed
from tests.unit.foreign import sources
from tests.unit.foreign.api import body

ROOT = Path(__file__).resolve().parents[3]
STEPS = {
    "mean": 56,
    "lower median": 81,
    "trimmed mean": 151,
    "krum": 861,
    "centred clipping": 2863,
    "geometric median": 692,
    "uniform phantom": 397,
    "rank vote": 336,
    "random": 151,
    "wide numbers": 13055,
    "fractions": 496,
    "mappings": 463,
    "control": 59,
}
"""Of a call, on every version of Python: a figure that changes splits nodes of two versions of this project."""


def test_each_source_has_its_steps() -> None:
    assert {name: run(sources.rule(name), "f", sources.given()).steps for name in sources.SOURCES} == STEPS


@pytest.mark.parametrize("name", sources.SOURCES)
def test_a_counted_source_answers_as_python_does(name: str) -> None:
    assert run(sources.rule(name), "f", sources.given()).value == sources.by_python(sources.code(name), sources.given())


def test_a_second_call_takes_the_same_steps_whatever_the_first_did() -> None:
    rule = sources.rule("krum")
    first = run(rule, "f", sources.given())
    with pytest.raises(RuleFailed):
        run(rule, "f", sources.given(), bound=first.steps - 1)
    assert run(rule, "f", sources.given(), bound=first.steps) == first


def steps_of(python: str, seed: str) -> dict[str, int]:
    """Of another process."""
    script = (
        "import json; from tests.unit.foreign import sources; from chain_bandit.foreign.run import run\n"
        "print(json.dumps({n: run(sources.rule(n), 'f', sources.given()).steps for n in sources.SOURCES}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PYTHONOPTIMIZE": "2"}
    told = subprocess.run([python, "-c", script], env=environment, capture_output=True, text=True, check=True)
    steps: dict[str, int] = json.loads(told.stdout)
    return steps


@pytest.mark.parametrize("seed", ["0", "1", "4294967295"])
def test_no_hash_seed_changes_a_step(seed: str) -> None:
    assert steps_of(sys.executable, seed) == STEPS


@pytest.mark.deep
def test_no_version_of_python_changes_a_step() -> None:
    """The later one is made by `make .venv-next/ready`."""
    assert steps_of(str(ROOT / ".venv-next" / "bin" / "python"), "7") == STEPS


NAMES = ("a", "b", "c")


@st.composite
def numbers(draw: st.DrawFn, depth: int = 0) -> str:
    """An expression of integers."""
    if depth > 2 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from([*NAMES, "0", "1", "2", "7", "-3", "100", "x[0]", "x[-1]", "len(x)", "sum(x)"]))
    left, right = (draw(numbers(depth + 1)) for _ in range(2))
    form = draw(st.sampled_from([
        "({0} + {1})", "({0} - {1})", "({0} * {1})", "({0} // {1})", "({0} % {1})", "({0} ** 2)", "({0} & {1})",
        "({0} | {1})", "({0} ^ {1})", "({0} >> 2)", "({0} << 3)", "-{0}", "~{0}", "abs({0})", "max({0}, {1})",
        "min({0}, {1})", "({0} if {0} < {1} else {1})", "int({0} / {1})", "round({0} / {1})", "divmod({0}, {1})[1]",
        "sum(y * {0} for y in x)", "sum([y + {0} - {1} for y in x if y > {1}])", "max(y - {0} for y in x)",
        "sorted(x, key=lambda y: y % 5)[0]", "sum(y * z for y, z in zip(x, x[1:]))", "(3 < {0} <= {1})",
        "gcd({0}, {1})", "isqrt(abs({0}))", "len([y for y in x for z in x if y < z + {0}])", "({0} in x)",
        "sum(x[::2])", "(lambda y: y + {0})({1})", "(({0}, {1}) < (1, 2))", "pow(3, abs({0}), 11)",
        "min(range(5), key=lambda y: (y - {0}) ** 2)", "x.count({0})", "({0} or {1})",
    ]))  # fmt: skip
    return form.format(left, right)


@st.composite
def statements(draw: st.DrawFn, depth: int = 0) -> list[str]:
    """Lines of a verb."""
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        name, value = draw(st.sampled_from(NAMES)), draw(numbers())
        simple = [
            f"{name} = {value}", f"{name} += {value}", f"{name} -= {value}", f"{name} *= 3", f"x.append({value})",
            f"x[0] += {value}", f"x[{name} % len(x)] -= {value}", f"{name}, *x = sorted([*x, {value}])", "x += [1, 2]",
            f"x = [y + {name} for y in x][:9]", f"x.insert(1, {value})", "x = list(reversed(x))", f"{name} //= 2",
        ]  # fmt: skip
        if depth > 1 or draw(st.booleans()):
            lines.append(draw(st.sampled_from(simple)))
            continue
        head = draw(st.sampled_from([
            f"for {name} in range({value} % 7):", f"for {name}, b in enumerate(x[:5]):", f"if {value} < {name}:",
            "for a in x[:4]:", "try:",
        ]))  # fmt: skip
        lines += [head, *(f"    {line}" for line in draw(statements(depth + 1)))]
        if head == "try:":
            lines += ["except (ZeroDivisionError, ValueError):", f"    {name} = 1"]
    return lines


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(statements(), st.lists(st.integers(-5, 2**33), min_size=1, max_size=5))
def test_random_programs_answer_as_python_does(lines: list[str], values: list[int]) -> None:
    code = "\n".join(["a, b, c = 1, 2, 3", "x = list(x)", *lines, "return a, b, c, x"])
    try:
        expected = sources.by_python(code, values), None
    except (ValueError, ZeroDivisionError, IndexError) as error:
        expected = None, f"f raises {type(error).__name__}"
    rule = body(code, sources.IMPORTS)
    try:
        got = run(rule, "f", values).value, None
    except RuleFailed as failed:
        assume("bits" not in failed.reason and "bound" not in failed.reason)
        got = None, failed.reason.partition(":")[0].partition(" (line")[0]
    assert got == expected
