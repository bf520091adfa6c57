"""A foreign rule runs as Python would run it, in steps that depend on source and input alone."""

from pathlib import Path

import pytest

from chain_bandit.foreign.load import load
from chain_bandit.foreign.run import run
from chain_bandit.foreign.source import Source, found
from chain_bandit.protocol.ruleset import RuleFailed
from tests.unit.foreign.api import NAMES, Estimate, Terms, body, loaded, reports

RULES = Path(__file__).parent / "rules"


def test_krum_answers_what_krum_is():
    rule = load(found("aggregation", f"{RULES / 'krum.py'}:Krum"), NAMES)()
    agreed = reports()
    scores = {
        seat: (sum(sorted(sum((x - y) ** 2 for x, y in zip(own, row, strict=True))
                          for other, row in agreed.reports.items() if other != seat)[:6]), seat)
        for seat, own in agreed.reports.items()
    }  # fmt: skip
    best = min(scores, key=scores.__getitem__)
    answer = run(rule, "estimate", Terms(), (), agreed)
    assert answer.value == Estimate((), agreed.reports[best], ({best},) * 5)
    assert answer.steps == 866


def test_a_rule_that_does_not_end_has_failed():
    with pytest.raises(RuleFailed, match="passes its bound of 1000 steps"):
        run(body("while True:\n    pass"), "f", bound=1000)


def test_a_rule_for_which_the_memory_ends_has_failed():
    def filled(values):
        raise MemoryError

    text = "from chain_bandit.rule_api import total\nclass Rule:\n    def f(self):\n        return total([1])\n"
    rule = load(Source(Path("rule.py"), "Rule", text.encode()), {"total": filled})()
    with pytest.raises(RuleFailed, match="raises MemoryError"):
        run(rule, "f")


def test_what_a_class_defines_for_itself_may_have_a_leading_underscore():
    rule = loaded("class Rule:\n    _one = 1\n    def _two(self):\n        return self._one + Rule._one\n"
                  "    def f(self):\n        return self._two()\n")  # fmt: skip
    assert run(rule, "f").value == 2
