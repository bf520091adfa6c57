"""Seeded records that rules are tried on, and what any rule must hold on them."""

import json
import random
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, TypeVar

from Crypto.Hash import keccak

from chain_bandit.protocol import rules
from chain_bandit.protocol.rule import (
    Aggregation,
    Agreed,
    Disclosure,
    Estimate,
    Learnt,
    Own,
    Policy,
    Reputation,
    Rule,
    Terms,
    Weights,
    mean_over,
)
from chain_bandit.protocol.units import UNIT
from tests.rules import rule as choice
from tests.rules import terms as game_terms

R = TypeVar("R", bound=Rule)


def _shipped(kind: type[R]) -> Mapping[str, R]:
    return {name: rule for (_, name, _), rule in sorted(rules.shipped().items()) if isinstance(rule, kind)}


AGGREGATIONS: Mapping[str, Aggregation] = _shipped(Aggregation)
REPUTATIONS: Mapping[str, Reputation] = _shipped(Reputation)
POLICIES: Mapping[str, Policy] = _shipped(Policy)
DISCLOSURES: Mapping[str, Disclosure] = _shipped(Disclosure)

GAME = game_terms(choice("median"), 4, 2, 1)


class Dice:
    """Integers below a bound: of the generator only what Python promises never to change."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def below(self, bound: int) -> int:
        return int(self._chance.random() * bound)

    def pick(self, values: Any) -> Any:
        return values[self.below(len(values))]


def options(rule: Rule, dice: Dice | None = None) -> dict[str, int]:
    """Defaults, or anything from the least to four defaults."""
    given = {}
    for name, option in sorted(rule.options.items()):
        usual = UNIT // 5 if option.default is None else option.default
        most = min(option.most, 4 * usual)
        given[name] = usual if dice is None else option.least + dice.below(most - option.least + 1)
    return given


def terms(rule: Rule, agreed: Agreed, liars: int, chosen: Mapping[str, int] | None = None) -> Terms:
    seats, arms = len(agreed.reputations), len(agreed.pulls)
    return GAME._replace(participants=seats, arms=arms, liars=liars, options=chosen or options(rule))


def record(dice: Dice) -> tuple[Agreed, int]:
    """Of 1 to 12 seats and 1 to 5 arms, seldom of 40 seats; clustered, equal, extreme or random. And f."""
    seats = 40 if dice.below(40) == 0 else 1 + dice.below(12)
    arms, kind = 1 + dice.below(5), dice.below(6)
    centre = [dice.below(UNIT + 1) for _ in range(arms)]
    value = {
        0: lambda arm: dice.below(UNIT + 1), 1: lambda arm: dice.pick((0, UNIT)), 2: lambda arm: centre[arm],
        3: lambda arm: dice.below(4) * UNIT // 3,
    }.get(kind, lambda arm: min(UNIT, max(0, centre[arm] + dice.below(UNIT // 10) - UNIT // 20)))  # fmt: skip
    reports, bits = {}, {}
    for seat in range(seats):
        if dice.below(10):
            far = kind > 3 and dice.below(4) == 0
            reports[seat] = tuple(dice.below(UNIT + 1) if far else value(arm) for arm in range(arms))
            bits[seat] = tuple(dice.below(20) > 0 for _ in range(arms))
    means = tuple(dice.below(UNIT + 1) for _ in range(arms)) if dice.below(4) else None
    pulls = tuple(dice.below(1000) for _ in range(arms))
    seed = bytes(dice.below(256) for _ in range(32))
    reputations = tuple(dice.below(2**16) for _ in range(seats))
    return Agreed(1 + dice.below(10**5), seed, reports, bits, pulls, means, reputations), dice.below((seats + 1) // 2)


def records(count: int, seed: int = 24) -> Iterator[tuple[Agreed, int]]:
    dice = Dice(seed)
    for _ in range(count):
        yield record(dice)


def column(*values: int, seed: bytes = bytes(32), means: tuple[int, ...] | None = None) -> Agreed:
    """One arm, everybody reported and passed."""
    return matrix(*((value,) for value in values), seed=seed, means=means)


def matrix(*rows: tuple[int, ...], seed: bytes = bytes(32), means: tuple[int, ...] | None = None) -> Agreed:
    """Everybody reported and passed."""
    bits = dict.fromkeys(range(len(rows)), (True,) * len(rows[0]))
    return Agreed(100, seed, dict(enumerate(rows)), bits, (9,) * len(rows[0]), means, (2**15,) * len(rows))


def ask(name: str, agreed: Agreed, liars: int = 0, **chosen: int) -> Estimate:
    """A rule by its name; options in units."""
    rule = AGGREGATIONS[name]
    return rule.estimate(terms(rule, agreed, liars, options(rule) | chosen), (), agreed)


def hashed(seed: bytes, *numbers: int, size: int = 2) -> bytes:
    """keccak-256 of a seed and numbers, from another library than the rules'."""
    return keccak.new(digest_bits=256, data=seed + b"".join(n.to_bytes(size, "big") for n in numbers)).digest()


def passed(agreed: Agreed) -> list[int]:
    """F, for twins that share no helper."""
    return [seat for seat in agreed.reports if False not in agreed.bits[seat]]


def weighed(rule: Reputation, given: Terms, agreed: Agreed) -> Weights:
    """What a rule says where the estimators are the means of all reports."""
    return rule.weigh(given, (), agreed, means_of_all(given, agreed))


def means_of_all(given: Terms, agreed: Agreed) -> Estimate:
    """The means of all reports."""
    return mean_over(agreed, [frozenset(agreed.reports)] * given.arms)


def learnt(agreed: Agreed) -> Learnt:
    """What a round begins with that has such estimators, or such a report, in force; reputations say how many count."""
    rows = [agreed.means] if agreed.means else [*agreed.reports.values()]
    means = rows[0] if rows else (0,) * len(agreed.pulls)
    worth = tuple(agreed.reputations[arm % len(agreed.reputations)] % 41 for arm in range(len(means)))
    return Learnt(agreed.round + 1, agreed.seed, means, agreed.pulls, worth)


def own(agreed: Agreed) -> Own:
    """What somebody knows whose receipts come to the first report."""
    row = next(iter(agreed.reports.values()), (0,) * len(agreed.pulls))
    return Own.of(agreed.round, [mean * count for mean, count in zip(row, agreed.pulls, strict=True)], agreed.pulls,
                  agreed.seed)  # fmt: skip


def said(rule: Rule, given: Terms, agreed: Agreed) -> Any:
    """An answer as JSON has it."""
    if isinstance(rule, Policy):
        return rule.arm(given._replace(c1=(1 + agreed.round % 5, 2)), learnt(agreed))
    if isinstance(rule, Disclosure):
        return rule.encode(given, own(agreed))
    if isinstance(rule, Reputation):
        return list(weighed(rule, given, agreed)[:2])
    assert isinstance(rule, Aggregation)
    found = rule.estimate(given, (), agreed)
    return [found.means, [sorted(each) for each in found.sets], found.state]


def answers(rule: Rule, count: int = 1_000) -> str:
    """Digest of what a rule says of the records, every second time with options of chance."""
    digest, dice = sha256(), Dice(26)
    for at, (agreed, liars) in enumerate(records(count)):
        given = terms(rule, agreed, liars, options(rule, dice if at % 2 else None))
        digest.update(json.dumps(said(rule, given, agreed)).encode())
    return digest.hexdigest()


def digest_of_records(count: int = 1_000) -> str:
    digest = sha256()
    for agreed, liars in records(count):
        digest.update(repr((agreed, liars)).encode())
    return digest.hexdigest()
