"""Rules as tests name them, and the answer of one for a round."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from chain_bandit.protocol import rules
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rule import Aggregation, Agreed, Estimate, Terms
from chain_bandit.protocol.ruleset import RuleChoice, RuleKind
from chain_bandit.protocol.units import Counts, Means
from tests.games import build_scenario


def rule(name: str, version: int | None = None, /, **options: int) -> RuleChoice:
    """An aggregation with its options as a game declares them, in units, of its version here; nothing is checked."""
    here = rules.shipped().get((RuleKind.AGGREGATION, name, b""))
    version = (here.version if here else 1) if version is None else version
    return RuleChoice(RuleKind.AGGREGATION, name, version, tuple(sorted(options.items())))


def entry(name: str, **options: float) -> dict[str, Any]:
    """An aggregation with its options as a scenario has them."""
    return {"name": name, "options": options}


ENTRIES: dict[str, Any] = {
    "option-1": "option-1", "option-2": "option-2", "option-3": "option-3",
    "delta-safe": entry("delta-safe", delta=0.4), "confidence": "confidence",
    "huber-one-step": "huber-one-step",
}  # fmt: skip
"""The rules that have a compiled form, as a scenario names them."""


@cache
def _game() -> Parameters:
    return build_scenario().parameters


def terms(choice: RuleChoice, participants: int, arms: int, liars: int) -> Terms:
    """Of a game in which a rule is played, by any number of participants."""
    return replace(_game(), participants=participants, arms=arms, liars=liars, aggregation=choice).terms


def estimate(
    choice: RuleChoice, means: Mapping[int, Means], bits: Mapping[int, Sequence[bool]], liars: int, arms: int,
    seed: bytes = ZERO, pulls: Counts = (), in_force: Means | None = None,
) -> Estimate:  # fmt: skip
    """What a rule says of reports and comparison bits; one pull an arm unless told."""
    found = rules.find(choice)
    assert isinstance(found, Aggregation)
    agreed = Agreed(1, seed, means, bits, pulls or (1,) * arms, in_force)
    return found.estimate(terms(choice, 1 + max(means, default=0), arms, liars), (), agreed)
