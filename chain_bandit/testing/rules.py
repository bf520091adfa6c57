"""Any rule of a game: a pure function of integers that plays no favourites and never raises."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from chain_bandit.protocol import estimation
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.reputation import START
from chain_bandit.protocol.rule import (
    Aggregation,
    Agreed,
    Disclosure,
    Estimate,
    Option,
    Reputation,
    Rule,
    State,
    Terms,
    mean_over,
)
from chain_bandit.protocol.rules import chosen
from chain_bandit.protocol.units import UNIT
from chain_bandit.testing.holding import require

_RECORDS = 300
_SEEDS = 400
_STATE_BYTES = 4_096


def aggregation_conformance(kind: type[Aggregation], options: Mapping[str, int | float] | None = None) -> None:
    """Let it aggregate chance, agreement and hostile reports.

    Args:
        options: as a scenario gives them.

    Raises:
        AssertionError: with one sentence that says what does not hold.
    """
    rule, terms = _made(kind, Aggregation, options)
    states: dict[tuple[int, int], State] = {}
    for record in _records(terms):
        name, played = kind.name, terms._replace(participants=record.seats, arms=record.arms)
        state = states.get((record.seats, record.arms), ())
        found = rule.estimate(played, state, record.agreed)
        sound = estimation.is_estimate(found, record.arms, record.agreed)
        require(sound, f"{name} gives {found!r:.200}, not B of reporters and a uint32 for each arm")
        _same_again(kind, found, record.agreed, "estimate", (played, state))
        if kind.is_mean:
            over = mean_over(record.agreed, found.sets).means
            require(over == found.means, f"{name} gives estimators that are no floored mean over B, and has is_mean")
        if record.tieless and not kind.draws:
            renamed, names = _renamed(record)
            moved = rule.estimate(played, state, renamed)
            expected = tuple(frozenset(names[p] for p in members) for members in found.sets)
            require(moved.means == found.means and moved.sets == expected,
                    f"{name} gives other estimators when participants change their places")  # fmt: skip
        states[record.seats, record.arms] = found.state
    _is_bounded(kind.name, lambda state: rule.estimate(played, state, record.agreed).state)
    if kind.draws:
        _draws_evenly(kind.name, rule, terms)


def reputation_conformance(kind: type[Reputation], options: Mapping[str, int | float] | None = None) -> None:
    """Let it weigh chance, agreement and hostile reports. Raises as `aggregation_conformance`."""
    rule, terms = _made(kind, Reputation, options)
    states: dict[tuple[int, int], State] = {}
    for record in _records(terms):
        name, played = kind.name, terms._replace(participants=record.seats, arms=record.arms)
        state = states.get((record.seats, record.arms), ())
        estimate = mean_over(record.agreed, [frozenset(record.agreed.reports)] * record.arms)
        found = rule.weigh(played, state, record.agreed, estimate)
        require(estimation.is_weights(found, record.seats), f"{name} gives {found!r:.200}, not a uint16 for each seat")
        _same_again(kind, found, record.agreed, "weigh", (played, state), estimate)
        if record.tieless and not kind.draws and not state:
            renamed, names = _renamed(record)
            others = tuple(frozenset(names[p] for p in members) for members in estimate.sets)
            moved = rule.weigh(played, state, renamed, estimate._replace(sets=others))
            same = all(moved.weights[names[p]] == found.weights[p] for p in range(record.seats))
            require(same, f"{name} gives other weights when participants change their places")
        states[record.seats, record.arms] = found.state
    _is_bounded(kind.name, lambda state: rule.weigh(played, state, record.agreed, estimate).state)


def disclosure_conformance(kind: type[Disclosure], options: Mapping[str, int | float] | None = None) -> None:
    """Let it say estimators of chance and edges. Raises as `aggregation_conformance`."""
    rule, terms = _made(kind, Disclosure, options)
    rng = random.Random(7)
    for at in range(_RECORDS):
        means = tuple(rng.choice((0, 1, UNIT, rng.randint(0, UNIT))) for _ in range(terms.arms))
        said = rule.encode(terms, means)
        whole = type(said) is tuple and len(said) == terms.arms and all(type(each) is int for each in said)
        require(whole, f"{kind.name} says {said!r:.200}, not an integer for each arm")
        require(rule.is_valid(terms, said), f"{kind.name} says {said}, which it takes for no report")
        require(kind().encode(terms, means) == said, f"{kind.name} says something else when it is asked again")
        hostile = tuple(rng.choice((0, UNIT + 1, 2**32 - 1)) for _ in range(terms.arms)) if at % 2 else said
        taken = rule.is_valid(terms, hostile)
        require(type(taken) is bool, f"{kind.name} does not say whether {hostile} is a report")
        require(not taken or max(hostile) <= UNIT, f"{kind.name} takes {hostile} for a report")


class _Record:
    """A round to try: what was agreed on by so many seats, of so many arms; no two reports alike where `tieless`."""

    def __init__(self, seats: int, arms: int, agreed: Agreed, tieless: bool) -> None:
        self.seats, self.arms, self.agreed, self.tieless = seats, arms, agreed, tieless


def _made(kind: Any, base: type[Any], options: Mapping[str, int | float] | None) -> tuple[Any, Terms]:
    fits = isinstance(kind, type) and issubclass(kind, base)
    require(fits, f"{kind!r:.80} is no subclass of chain_bandit.rule_api.{base.__name__}")
    named = isinstance(getattr(kind, "name", None), str) and type(kind.version) is int and kind.version > 0
    require(named, f"{kind.__name__} has no name, or no version from 1 on")
    known = all(isinstance(each, Option) for each in kind.options.values())
    require(known, f"{kind.name} has options that are no chain_bandit.rule_api.Option")
    made = dict(chosen(kind(), options or {}).options)
    return kind(), Terms(7, 3, 2, 1, 12, 1_000, UNIT // 10, made)


def _is_bounded(name: str, ask: Callable[[State], State]) -> None:
    """Of a rule that is asked in as many rounds in a row as a state has room for integers, and once more."""
    state: State = ()
    for _ in range(_STATE_BYTES // 8 + 1):
        state = ask(state)
        require(8 * len(state) <= _STATE_BYTES, f"{name} keeps more than {_STATE_BYTES} bytes")


def _same_again(
    kind: type[Rule], found: Any, agreed: Agreed, verb: str, before: tuple[Terms, State], *after: Estimate
) -> None:
    def ask(given: Agreed) -> Any:
        return getattr(kind(), verb)(*before, given, *after)

    kept = deepcopy((agreed.reports, agreed.bits, agreed.outputs))
    again = ask(agreed)
    require((agreed.reports, agreed.bits, agreed.outputs) == kept, f"{kind.name} changes what it is shown")
    require(again == found, f"{kind.name} gives something else when it is asked again")
    backwards: dict[str, Any] = {
        name: dict(reversed(list(getattr(agreed, name).items()))) for name in ("reports", "bits", "outputs")
    }  # fmt: skip
    other = ask(replace(agreed, **backwards))
    require(other == found, f"{kind.name} gives something else when reports come in another order")


def _renamed(record: _Record) -> tuple[Agreed, Sequence[int]]:
    """The same round with the participants at other places, and the new place of each."""
    names = random.Random(record.seats).sample(range(record.seats), record.seats)
    agreed = record.agreed
    moved: dict[str, Any] = {
        name: {names[p]: value for p, value in sorted(getattr(agreed, name).items(), key=lambda item: names[item[0]])}
        for name in ("reports", "bits", "outputs")
    }  # fmt: skip
    reputations = [0] * record.seats
    for seat, value in enumerate(agreed.reputations):
        reputations[names[seat]] = value
    return replace(agreed, **moved, reputations=tuple(reputations)), names


def _draws_evenly(name: str, rule: Aggregation, terms: Terms) -> None:
    """Of a rule that draws: every participant of a round in which all are alike has influence as often."""
    counts = dict.fromkeys(range(terms.participants), 0)
    reports = dict.fromkeys(counts, (UNIT // 2,) * terms.arms)
    bits = dict.fromkeys(counts, (True,) * terms.arms)
    start = (START,) * terms.participants
    for t in range(_SEEDS):
        agreed = Agreed(t, keccak(uint(t, 4)), reports, bits, (9,) * terms.arms, None, start)
        for seat in rule.estimate(terms, (), agreed).sets[0]:
            counts[seat] += 1
    share = sum(counts.values()) / len(counts)
    spread = max(abs(count - share) for count in counts.values())
    require(spread <= 6 * share**0.5, f"{name} draws some participants more often than others: {counts}")


def _records(terms: Terms) -> Iterator[_Record]:
    """Rounds of chance, of agreement and of hostility; the same in every call."""
    rng = random.Random(7)
    edges: list[tuple[int, Any]] = [
        (n, value) for n in (1, 2, 7, 256) for value in (0, UNIT, UNIT // 2, "ties", "extremes", "chance")
    ]  # fmt: skip
    for at in range(_RECORDS):
        n, value = edges[at] if at < len(edges) else (rng.randint(3, 12), rng.choice(("chance", "chance", "ties")))
        arms = rng.randint(1, 5)
        heard = [] if at % 17 == 5 else sorted(rng.sample(range(n), rng.randint(1, n)))
        whole = rng.random() < 0.7
        reports, bits = {}, {}
        for p in heard if not whole else range(n) if heard else ():
            reports[p] = tuple(_value(rng, value) for _ in range(arms))
            bits[p] = tuple(whole or rng.random() < 0.8 for _ in range(arms))
        tieless = value == "chance" and all(
            len({row[arm] for row in reports.values()}) == len(reports) for arm in range(arms)
        )  # fmt: skip
        means = None if at % 5 == 0 else tuple(rng.choice((0, UNIT // 3, UNIT)) for _ in range(arms))
        pulls = tuple(rng.choice((0, 1, 3, 10**6)) for _ in range(arms))
        reputations = tuple(rng.randrange(2**16) for _ in range(n))
        outputs = {p: keccak(uint(at, 4), uint(p, 2)) for p in reports if rng.random() < 0.5}
        agreed = Agreed(at + 1, keccak(uint(at, 4)), reports, bits, pulls, means, reputations, outputs)
        yield _Record(n, arms, agreed, tieless and n <= 12)


def _value(rng: random.Random, value: int | str) -> int:
    match value:
        case "ties":
            return rng.choice((0, 1, 2))
        case "extremes":
            return rng.choice((0, UNIT))
        case "chance":
            return rng.randint(0, UNIT)
    assert isinstance(value, int)
    return value
