"""Conformance of rules of a game: pure functions of integers, symmetric in the seats, that never raise."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import import_module
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar

from chain_bandit.foreign.registry import wrong
from chain_bandit.protocol import estimation
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.parameters import ODDS
from chain_bandit.protocol.reputation import START
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
    Selected,
    Selection,
    Standing,
    State,
    Terms,
    Weights,
    mean_over,
)
from chain_bandit.protocol.rules import chosen
from chain_bandit.protocol.units import INFINITY, UNIT, Means
from chain_bandit.testing.holding import require

ROUNDS = 1_000
"""How many each rule is asked about."""

_LAWS, _REPLAYED, _SEEDS = 200, 60, 400
"""The first rounds, of which more is asked; those that another process is asked about; those in which all are alike."""

_SMALL, _ARMS, _STATE_BYTES = 12, 3, 4_096

Options = Mapping[str, int | float] | None


def aggregation_conformance(kind: type[Aggregation], options: Options = None, rounds: int = ROUNDS) -> None:
    """Let it aggregate chance, agreement and hostile reports.

    Args:
        options: as a scenario gives them; by default the least, the highest and the usual value of each.
        rounds: how many it is asked about; of the first 200 more is asked.

    Raises:
        AssertionError: with one sentence that says what does not hold.
    """
    _conforms(_Aggregations(), kind, options, rounds)


def reputation_conformance(kind: type[Reputation], options: Options = None, rounds: int = ROUNDS) -> None:
    """Let it weigh chance, agreement and hostile reports. As `aggregation_conformance`."""
    _conforms(_Reputations(), kind, options, rounds)


def selection_conformance(kind: type[Selection], options: Options = None, rounds: int = ROUNDS) -> None:
    """Let it choose validators after rounds of any kind, of many and of few. As `aggregation_conformance`."""
    _conforms(_Selections(), kind, options, rounds)


def disclosure_conformance(kind: type[Disclosure], options: Options = None, rounds: int = ROUNDS) -> None:
    """Let it say estimators of chance and edges, and read reports of anything. As `aggregation_conformance`."""
    _conforms(_Disclosures(), kind, options, rounds)


def index_policy_conformance(kind: type[Policy], options: Options = None, rounds: int = ROUNDS) -> None:
    """Let it pull arms of few and many pulls. As `aggregation_conformance`."""
    _conforms(_Policies(), kind, options, rounds)


@dataclass(frozen=True)
class _Record:
    """A round to try.

    Attributes:
        standing: whom validators of the next one are chosen among.
        distinct: whether no two reports on an arm and no two reputations are alike.
        hostile: integers that a report may hold.
    """

    terms: Terms
    agreed: Agreed
    standing: Standing
    distinct: bool
    hostile: Means


class _Kind:
    """What a kind of rules is asked, and what an answer must be."""

    base: ClassVar[type[Rule]]
    verb: ClassVar[str]
    least: ClassVar[int] = 0
    """How many have influence in some round of seven that are alike, at least."""

    def given(self, rule: Any, record: _Record) -> tuple[Any, ...]:
        """What the verb is told beside terms and state."""
        return (record.agreed,)

    def ask(self, rule: Any, terms: Terms, state: State, given: Sequence[Any]) -> Any:
        """The answer. Raises `AssertionError` where the rule raises whatever."""
        return self.asked(rule, self.verb, terms, state, *given)

    def asked(self, rule: Any, verb: str, *given: Any) -> Any:
        """What a verb says. Raises `AssertionError` where it raises whatever."""
        try:
            return getattr(rule, verb)(*given)
        except Exception as error:
            raise AssertionError(f"{rule.name} raises {type(error).__name__}: {error!s:.200}") from error

    def beside(self, rule: Any, record: _Record) -> tuple[Any, ...]:
        """What the other verbs of the rule say of the round. Raises `AssertionError` where one raises whatever."""
        return ()

    def hold(self, rule: Any, record: _Record, found: Any, beside: Sequence[Any]) -> None:
        """Raises `AssertionError` unless the answer, and what else the rule says of the round, is within bounds."""
        raise NotImplementedError

    def favoured(self, found: Any) -> Sequence[int]:
        """Seats with influence by an answer."""
        return ()


class _Aggregations(_Kind):
    base, verb = Aggregation, "estimate"

    def beside(self, rule: Any, record: _Record) -> tuple[Any, ...]:
        return tuple(self.asked(rule, "worth", record.terms, *each) for each in self._counts(record))

    @staticmethod
    def _counts(record: _Record) -> list[tuple[int, int]]:
        """|B| and |F|: all that passed and half of them, nobody, everybody."""
        passed, all_ = len(record.agreed.passed()), record.terms.participants
        return [(passed, passed), (passed // 2, passed), (0, 0), (all_, all_)]

    def hold(self, rule: Any, record: _Record, found: Any, beside: Sequence[Any]) -> None:
        terms, agreed = record.terms, record.agreed
        sound = estimation.is_estimate(found, terms.arms, agreed)
        require(sound, f"{rule.name} gives {found!r:.200}, not B of reporters and a uint32 for each arm")
        for mean, members in zip(found.means, found.sets, strict=True):
            require(mean <= UNIT or (mean == INFINITY and not members),
                    f"{rule.name} gives the estimator {mean} over {len(members)} reports")  # fmt: skip
        over = not rule.is_mean or mean_over(agreed, found.sets).means == found.means
        require(over, f"{rule.name} gives estimators that are no floored mean over B, and has is_mean")
        for (counted, passed), worth in zip(self._counts(record), beside, strict=True):
            whole = type(worth) is int and 0 <= worth <= terms.participants
            require(whole, f"{rule.name} counts {counted} of {passed} for {worth!r:.80}, not for 0 to M reports")

    def favoured(self, found: Any) -> Sequence[int]:
        return sorted(found.sets[0])


class _Reputations(_Kind):
    base, verb = Reputation, "weigh"

    def given(self, rule: Any, record: _Record) -> tuple[Any, ...]:
        return record.agreed, mean_over(record.agreed, [frozenset(record.agreed.reports)] * record.terms.arms)

    def beside(self, rule: Any, record: _Record) -> tuple[Any, ...]:
        return (self.asked(rule, "left_out", record.terms, record.agreed.reputations),)

    def hold(self, rule: Any, record: _Record, found: Any, beside: Sequence[Any]) -> None:
        terms, (out,) = record.terms, beside
        sound = estimation.is_weights(found, terms.participants)
        require(sound, f"{rule.name} gives {found!r:.200}, not a uint16 for each seat")
        seats = type(out) is frozenset and all(type(seat) is int and 0 <= seat < terms.participants for seat in out)
        require(seats, f"{rule.name} leaves out {out!r:.80}, not a frozenset of seats")

    def favoured(self, found: Any) -> Sequence[int]:
        return [seat for seat, weight in enumerate(found.weights) if weight == max(found.weights)]


class _Selections(_Kind):
    base, verb, least = Selection, "select", 4

    def given(self, rule: Any, record: _Record) -> tuple[Any, ...]:
        return None if rule.is_computed else record.agreed, record.standing

    def hold(self, rule: Any, record: _Record, found: Any, beside: Sequence[Any]) -> None:
        standing = record.standing
        sound = estimation.is_selected(found, standing)
        require(sound, f"{rule.name} gives {found!r:.200}, not a set of eligible seats")
        few, least = len(found.validators), min(standing.least, len(standing.eligible))
        require(few >= least or rule.draws, f"{rule.name} chooses {few}, fewer than {least}, and draws none of them")

    def favoured(self, found: Any) -> Sequence[int]:
        return sorted(found.validators)


class _Disclosures(_Kind):
    base, verb = Disclosure, "encode"

    def given(self, rule: Any, record: _Record) -> tuple[Any, ...]:
        pulls = record.agreed.pulls
        sums = [min(value, UNIT) * count for value, count in zip(record.hostile, pulls, strict=True)]
        return (Own.of(record.agreed.round, sums, pulls, record.agreed.seed if rule.draws else b""),)

    def ask(self, rule: Any, terms: Terms, state: State, given: Sequence[Any]) -> Any:
        return self.asked(rule, self.verb, terms, *given)

    def beside(self, rule: Any, record: _Record) -> tuple[Any, ...]:
        own = self.given(rule, record)[0]._replace(seed=b"")
        bounds = self.asked(rule, "bound", record.terms, own) if rule.draws else None
        return self.asked(rule, "is_valid", record.terms, record.hostile), bounds

    def hold(self, rule: Any, record: _Record, found: Any, beside: Sequence[Any]) -> None:
        (terms, hostile), (taken, bounds) = (record.terms, record.hostile), beside
        whole = type(found) is tuple and len(found) == terms.arms and all(type(each) is int for each in found)
        require(whole, f"{rule.name} says {found!r:.200}, not an integer for each arm")
        require(all(0 <= each <= UNIT for each in found), f"{rule.name} says {found!r:.200}, which no report may say")
        require(self.asked(rule, "is_valid", terms, found) is True,
                f"{rule.name} says {found!r:.200}, which it takes for no report")  # fmt: skip
        if rule.draws:
            self._hold_noise(rule, terms, self.given(rule, record)[0], found, bounds)
        require(type(taken) is bool, f"{rule.name} does not say whether {hostile!r:.200} is a report")
        require(not taken or max(hostile) <= UNIT, f"{rule.name} takes {hostile!r:.200} for a report")

    def _hold_noise(self, rule: Any, terms: Terms, own: Own, found: Means, bounds: Any) -> None:
        """What chance does stays within a bound that is known without the seed."""
        whole = estimation.are_units(bounds, terms.arms)
        require(whole, f"{rule.name} has the bound {bounds!r:.200}, not units of a reward for each arm")
        within = all(abs(a - b) <= most for a, b, most in zip(found, own.means, bounds, strict=True))
        require(within, f"{rule.name} says {found!r:.99} of {own.means!r:.99}, farther than its bound {bounds!r:.99}")


class _Policies(_Kind):
    base, verb = Policy, "arm"

    def given(self, rule: Any, record: _Record) -> tuple[Any, ...]:
        agreed, means = record.agreed, tuple(min(value, UNIT) for value in record.hostile)
        worth = tuple(agreed.pulls[0] % (record.terms.participants + 1) for _ in means)
        return (Learnt(agreed.round, agreed.seed, means, agreed.pulls, worth),)

    ask = _Disclosures.ask

    def hold(self, rule: Any, record: _Record, found: Any, beside: Sequence[Any]) -> None:
        there = type(found) is int and 0 <= found < record.terms.arms
        require(there, f"{rule.name} pulls {found!r:.80}, none of {record.terms.arms} arms")


def _conforms(held: _Kind, kind: Any, options: Options, rounds: int) -> None:
    rule, corners = _made(held, kind, options)
    forwards = _digest(held, kind, options)  # first of all, before the class has seen any other round
    states: dict[tuple[int, int, int], State] = {}
    for at, (corner, record) in enumerate(_cases(corners, rounds)):
        key = record.terms.participants, record.terms.arms, corner
        state, given = states.get(key, ()), held.given(rule, record)
        found = _shown(held, rule, record, state)
        beside = held.beside(rule, record)
        held.hold(rule, record, found, beside)
        kept = getattr(found, "state", ())
        require(not kept or kind.keeps_state, f"{kind.name} gives a state, and does not say that it keeps_state")
        small = at < _LAWS and record.terms.participants <= _SMALL
        if small:
            again = held.ask(kind(), record.terms, state, given), held.beside(kind(), record)
            require(again == (found, beside), f"{kind.name} gives something else when it is asked again")
            backwards = [_backwards(each) for each in given]
            require(held.ask(rule, record.terms, state, backwards) == found,
                    f"{kind.name} gives something else when reports come in another order")  # fmt: skip
        if small and record.distinct and not kind.draws:
            names = random.Random(at).sample(range(record.terms.participants), record.terms.participants)
            first = held.ask(rule, record.terms, (), given)
            moved = held.ask(rule, record.terms, (), [_moved(each, names) for each in given])
            turned = held.beside(rule, replace(record, agreed=_moved(record.agreed, names)))
            same = _moved(moved, range(len(names))) == _moved(first, names)
            require(same and turned == tuple(_moved(each, names) for each in beside),
                    f"{kind.name} gives something else when participants change their places")  # fmt: skip
        states[key] = kept
    _stays_small(held, rule, corners[0])
    for means in (None, (UNIT // 2,) * _ARMS):
        _plays_even(held, rule, corners[0], means)
    require(_elsewhere(held, kind, options) == forwards,
            f"{kind.name} gives something else in another process, of which rounds are asked backwards")  # fmt: skip


def _made(held: _Kind, kind: Any, options: Options) -> tuple[Any, list[Mapping[str, int]]]:
    """The rule, and the options that it is to be tried with."""
    base = held.base
    fits = isinstance(kind, type) and issubclass(kind, base)
    require(fits, f"{kind!r:.80} is no subclass of chain_bandit.rule_api.{base.__name__}")
    require("<locals>" not in kind.__qualname__, f"{kind.__name__} is a class of a function; write it into a module")
    require(not (problem := wrong(kind)), f"{kind.__name__} {problem}")
    rule = kind()
    if options is not None:
        return rule, [MappingProxyType(dict(chosen(rule, options).options))]
    for name, each in kind.options.items():
        within = each.default is None or each.least <= each.default <= each.most
        require(within, f"{kind.name} has the option {name} with a default out of bounds")
    usual = {name: each.least if each.default is None else each.default for name, each in kind.options.items()}
    ends = [{name: getattr(each, end) for name, each in kind.options.items()} for end in ("least", "most")]
    return rule, [MappingProxyType(each) for each in ([usual, *ends] if usual else [usual])]


def _cases(corners: Sequence[Mapping[str, int]], count: int) -> Iterator[tuple[int, _Record]]:
    for at, record in enumerate(_records(count)):
        corner = at // 2 % len(corners)
        yield corner, replace(record, terms=record.terms._replace(options=corners[corner]))


def _shown(held: _Kind, rule: Any, record: _Record, state: State) -> Any:
    """The answer of a rule that leaves alone what it is shown."""
    given = held.given(rule, record)
    shown = deepcopy(given)
    found = held.ask(rule, record.terms, state, shown)
    require(shown == given, f"{rule.name} changes what it is shown")
    return found


def _backwards(value: Any) -> Any:
    """The same, told in another order."""
    if not isinstance(value, Agreed):
        return value
    turned: dict[str, Any] = {
        name: dict(reversed(list(getattr(value, name).items()))) for name in ("reports", "bits", "outputs")
    }  # fmt: skip
    return replace(value, **turned)


def _moved(value: Any, names: Sequence[int]) -> Any:
    """The same with the participants at other places; of answers without the state, whose order is the rule's."""
    def row(values: Sequence[int]) -> tuple[int, ...]:
        moved = [0] * len(values)
        for seat, each in enumerate(values):
            moved[names[seat]] = each
        return tuple(moved)

    def seats(members: frozenset[int]) -> frozenset[int]:
        return frozenset(names[seat] for seat in members)

    match value:
        case Agreed():
            turned: dict[str, Any] = {
                name: dict(sorted((names[seat], each) for seat, each in getattr(value, name).items()))
                for name in ("reports", "bits", "outputs")
            }  # fmt: skip
            return replace(value, **turned, reputations=row(value.reputations))
        case Standing():
            return value._replace(
                eligible=seats(value.eligible), reputations=row(value.reputations), weights=row(value.weights)
            )
        case frozenset():
            return seats(value)
        case Estimate():
            return value._replace(sets=tuple(map(seats, value.sets)), state=())
        case Weights():
            return value._replace(weights=row(value.weights), state=())
        case Selected():
            return value._replace(validators=seats(value.validators), state=())
    return value


def _stays_small(held: _Kind, rule: Any, options: Mapping[str, int]) -> None:
    """Of a rule that keeps state: as many rounds in a row as a state has room for integers, and once more."""
    state: State = ()
    for t in range((_STATE_BYTES // 8 + 1) * rule.keeps_state):
        record = _alike(t, options)
        state = held.ask(rule, record.terms, state, held.given(rule, record)).state
        require(8 * len(state) <= _STATE_BYTES, f"{rule.name} keeps more than {_STATE_BYTES} bytes")


def _plays_even(held: _Kind, rule: Any, options: Mapping[str, int], means: Means | None) -> None:
    """Every participant has influence as often, in rounds in which all are alike, under these estimators in force."""
    counts, most = dict.fromkeys(range(7), 0), 0
    state: State = ()
    for t in range(_SEEDS):
        record = _alike(t, options, means)
        found = held.ask(rule, record.terms, state, held.given(rule, record))
        state = getattr(found, "state", ())
        favoured = held.favoured(found)
        most = max(most, len(favoured))
        for seat in favoured:
            counts[seat] += 1
    share = sum(counts.values()) / len(counts)
    spread = max(abs(count - share) for count in counts.values())
    require(spread <= 6 * share**0.5, f"{rule.name} favours some of participants who are alike: {counts}")
    require(most >= held.least, f"{rule.name} chooses {most} of seven at most, never {held.least}")


def _alike(t: int, options: Mapping[str, int], means: Means | None = None) -> _Record:
    """A round of seven participants that are alike in all but what chance gives them."""
    seats, arms, seed, value = range(7), _ARMS, keccak(uint(t, 4)), (UNIT // 2,) * _ARMS
    reports, bits = dict.fromkeys(seats, value), dict.fromkeys(seats, (True,) * arms)
    outputs = {seat: keccak(seed, uint(seat, 2)) for seat in seats}
    agreed = Agreed(t + 1, seed, reports, bits, (9,) * arms, means, (START,) * 7, outputs)
    least = _Selections.least
    standing = Standing(t + 2, keccak(seed), frozenset(seats), (START,) * 7, (1,) * 7, 0, least, least, ODDS // 2)
    return _Record(_terms(7, arms, 2)._replace(options=options), agreed, standing, False, value)


def _digest(held: _Kind, kind: Any, options: Options, *, backwards: bool = False) -> str:
    """Answers of a rule to some rounds, asked one after the other."""
    rule, corners = _made(held, kind, options)
    cases = list(_cases(corners, _REPLAYED))
    answers = {}
    for at in sorted(range(len(cases)), reverse=backwards):
        record = cases[at][1]
        answers[at] = held.ask(rule, record.terms, (), held.given(rule, record)), held.beside(rule, record)
    return sha256(repr([_plain(answers[at]) for at in range(len(cases))]).encode()).hexdigest()


def _plain(answer: Any) -> Any:
    if isinstance(answer, frozenset):
        return sorted(answer, key=repr)
    return list(map(_plain, answer)) if isinstance(answer, tuple) else answer


def _elsewhere(held: _Kind, kind: Any, options: Options) -> str:
    """`_digest` of a process with other hashes, from the last round to the first."""
    salt = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    told = subprocess.run(
        (sys.executable, "-c", "from chain_bandit.testing import rules; rules._tell()"),
        input=json.dumps([type(held).__name__, kind.__module__, kind.__qualname__, options and dict(options)]),
        env={**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = told.stderr.strip().splitlines()[-1:]
    require(told.returncode == 0, f"{kind.name} is not what it is in another process: {''.join(said)}")
    return told.stdout


def _tell() -> None:
    held, module, name, options = json.load(sys.stdin)
    kind = attrgetter(name)(import_module(module))
    sys.stdout.write(_digest(globals()[held](), kind, options, backwards=True))


def _terms(seats: int, arms: int, liars: int) -> Terms:
    return Terms(seats, arms, liars, 1, 12, 1_000, UNIT // 10)


_EDGES = [
    (seats, value) for seats in (1, 2, 7) for value in (0, UNIT, UNIT // 2, "ties", "extremes", "chance")
] + [(256, value) for value in (UNIT, "ties", "extremes", "chance")]  # fmt: skip
"""Rounds that come first."""

_LARGE = 2_500
"""One of so many rounds has 256 participants, one 254 arms."""


def _records(count: int) -> Iterator[_Record]:
    """Rounds of chance, of agreement and of hostility; the same in every call, and from one count to the next."""
    rng = random.Random(7)
    for at in range(count):
        kinds: tuple[int | str, ...] = ("chance", "chance", "ties", "extremes", rng.choice((0, 1, UNIT // 2, UNIT)))
        seats, value = _EDGES[at] if at < len(_EDGES) else (rng.randint(1, _SMALL), rng.choice(kinds))
        arms = rng.randint(1, 5)
        if at % _LARGE == _LARGE - 1:
            seats = 256
        if at % _LARGE == 50:
            arms = 254
        yield _record(rng, at, seats, arms, value)


def _record(rng: random.Random, at: int, seats: int, arms: int, value: int | str) -> _Record:
    everybody, mood = range(seats), rng.random()  # reporters: all, some, one or none; passed: all, some, none
    heard = everybody if mood < 0.6 else sorted(rng.sample(everybody, rng.randint(1, seats)))
    heard = [] if at % 17 == 5 else heard[:1] if at % 17 == 9 else heard
    likely = rng.choice((1, 1, 0.8, 0))
    reports = {seat: tuple(_value(rng, value) for _ in range(arms)) for seat in heard}
    bits = {seat: tuple(rng.random() < likely for _ in range(arms)) for seat in heard}
    means = None if at % 5 == 0 else tuple(rng.choice((0, UNIT // 3, UNIT)) for _ in range(arms))
    pulls = tuple(rng.choice((0, 1, 3, 10**6, 2**32 - 1)) for _ in range(arms))
    reputations = tuple(rng.randrange(2**16) for _ in everybody) if at % 3 else (rng.choice((0, 2**16 - 1)),) * seats
    seed, outputs = keccak(uint(at, 4)), {p: keccak(uint(at, 4), uint(p, 2)) for p in heard if rng.random() < 0.5}
    agreed = Agreed(at + 1, seed, reports, bits, pulls, means, reputations, outputs)
    least = rng.randint(1, seats)
    standing = Standing(
        at + 2, keccak(seed), frozenset(rng.sample(everybody, rng.randint(1, seats))), reputations,
        tuple(rng.choice((0, 1, 1, 3)) for _ in everybody), rng.choice((0, 0, 1, 20)), rng.randint(least, seats), least,
        rng.choice((0, ODDS // 3, ODDS)),
    )  # fmt: skip
    alone = all(len({row[arm] for row in reports.values()}) == len(reports) for arm in range(arms))
    distinct = alone and len(set(reputations)) == seats
    hostile = tuple(rng.choice((_value(rng, value), 0, UNIT, UNIT + 1, 2**32 - 1)) for _ in range(arms))
    return _Record(_terms(seats, arms, rng.choice((0, 1, seats // 2, 255))), agreed, standing, distinct, hostile)


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
