"""Answers of every rule on 1,000 records, pinned by its version."""

import json
from pathlib import Path

import pytest

from chain_bandit.protocol.rule import Agreed, Estimate, State, Terms
from chain_bandit.protocol.units import INFINITY
from tests.unit.protocol.rules import records

PINNED = Path("tests/vectors/rules.jsonl")
ALL = {
    (rule.kind.name.lower(), name): rule
    for kind in (records.AGGREGATIONS, records.REPUTATIONS, records.POLICIES, records.DISCLOSURES)
    for name, rule in kind.items()
}  # fmt: skip


def pinned() -> dict[tuple[str, str, int], str]:
    first, *lines = map(json.loads, PINNED.read_text(encoding="utf-8").splitlines())
    assert first == {"records": 1_000, "sha256": records.digest_of_records()}
    return {(line["kind"], line["name"], line["version"]): line["sha256"] for line in lines}


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_answers_are_those_pinned_to_the_version(kind, name):
    """Where an answer changed, raise `version` and add the line that is asked for."""
    rule = ALL[kind, name]
    line = {"kind": kind, "name": name, "version": rule.version, "sha256": records.answers(rule)}
    assert pinned().get((kind, name, rule.version)) == line["sha256"], f"{PINNED} has not {json.dumps(line)}"


def test_no_line_is_of_a_rule_that_is_not_here():
    assert {(kind, name) for kind, name, _ in pinned()} == ALL.keys()
    assert len(ALL) >= 24


class Planted(type(records.AGGREGATIONS["huber"])):  # type: ignore[misc]
    """One unit off, in one of a thousand answers."""

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        found = super().estimate(terms, state, agreed)
        off = agreed.round % 1_000 == 7
        return found._replace(means=tuple(mean - (0 < mean < INFINITY and off) for mean in found.means))


def test_a_planted_change_of_an_answer_is_seen():
    assert records.answers(Planted()) != pinned()["aggregation", "huber", 1]
