"""A rule's form over arrays says what the rule says, to the unit: of any reports, and over whole games."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chain_bandit.game.simulated import replicates
from chain_bandit.protocol import rules
from chain_bandit.protocol.aggregation import tie_break
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.rule import Aggregation, Agreed, Estimate, State, Terms, mean_over, nothing
from chain_bandit.protocol.ruleset import RuleChoice, RuleKind
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.simulation import arrays
from chain_bandit.simulation.arrays import Form, Found, Ints, Told
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.hashes import digests
from chain_bandit.simulation.sums import SUMS
from tests.equivalence.test_batch_equals_kernel import scenario
from tests.rules import entry, rule, terms

NAMES = rules.names(RuleKind.AGGREGATION)
OPTIONS: dict[str, tuple[dict[str, int], ...]] = {
    "delta-safe": ({"delta": UNIT // 5}, {"delta": 2**32 - 1}),
    "confidence": ({}, {"delta": 2**32 - 1}),
    "centred-clipping": ({}, {"radius": 1}, {"radius": UNIT // 4, "iterations": 5}, {"radius": 2**32 - 1}),
    "geometric-median": ({}, {"nu": 1, "iterations": 9}, {"nu": 2**32 - 1}),
    "huber": ({}, {"clip": 2**32 - 1}, {"clip": 1}),
    "huber-one-step": ({}, {"clip": 2**32 - 1}, {"clip": 1}),
}
"""Beside the defaults."""
RULES = [(name, options) for name in NAMES for options in OPTIONS.get(name, ({},))]
MOST = 2**32 - 2
"""No report says so: it is more than `UNIT`."""


def reports(kind: str, shape: tuple[int, ...], dice: np.random.Generator) -> Ints:
    """(seats, arms, replicates)."""
    match kind:
        case "chance":
            return dice.integers(0, UNIT + 1, shape)
        case "ties":
            return dice.integers(0, 3, shape) + dice.integers(0, 3) * (UNIT // 3)
        case "extremes":
            return dice.choice([0, UNIT], shape)
        case "honest":  # of few pulls, and some that say the same lie
            counts = dice.integers(1, 40, shape[1:])
            told = dice.binomial(counts, 0.6, shape) * UNIT // counts
            told[: shape[0] // 3] = told[-1] if dice.random() < 0.5 else dice.integers(0, UNIT + 1, shape[1:])
            return told
        case "near":
            return UNIT // 2 + dice.integers(-50, 51, shape)
    return np.full(shape, {"nothing": 0, "all": UNIT, "most": MOST}[kind], np.int64)


KINDS = ("chance", "ties", "extremes", "honest", "near", "nothing", "all", "most")


def choice_of(name: str, options: dict[str, int]) -> RuleChoice:
    known = rules.shipped()[RuleKind.AGGREGATION, name, b""].options
    return rule(name, **{key: options.get(key, option.default) for key, option in known.items()})


class Record:
    """Reports of six replicates, and what goes with them."""

    def __init__(self, choice: RuleChoice, kind: str, seats: int, arms: int, seed: int) -> None:
        dice = np.random.default_rng([seed, seats, arms, KINDS.index(kind)])
        self.reports = reports(kind, (seats, arms, 6), dice)
        self.pulls = dice.choice([1, 3, 40, 10**5], self.reports.shape[1:])
        self.in_force = dice.choice([0, UNIT // 3, UNIT // 2, UNIT], self.pulls.shape) if dice.random() < 0.7 else None
        self.seeds = [keccak(uint(seed, 4), uint(at, 2)) for at in range(6)]
        self.choice, self.terms = choice, terms(choice, seats, arms, int(dice.integers(0, (seats + 2) // 3)))

    def expected(self) -> list[Estimate]:
        """What the rule says of each replicate."""
        return [rules.find(self.choice).estimate(self.terms, (), self._agreed(at)) for at in range(6)]

    def _agreed(self, at: int) -> Agreed:
        told = {seat: tuple(row) for seat, row in enumerate(self.reports[:, :, at].tolist())}
        before = None if self.in_force is None else tuple(self.in_force[:, at].tolist())
        bits = dict.fromkeys(told, (True,) * self.terms.arms)
        return Agreed(7, self.seeds[at], told, bits, tuple(self.pulls[:, at].tolist()), before)

    def found(self, form: Form, ordered: bool) -> Found:
        """What a form says, all of it (seats, arms, replicates), of means and sizes (arms, replicates)."""
        shape, seats = self.reports.shape, np.arange(len(self.reports))
        order = np.empty(shape, np.int64)
        words = np.frombuffer(b"".join(self.seeds), ">u8").astype(np.uint64).reshape(-1, 4)
        for at, seed in enumerate(self.seeds):
            hashes = tie_break(seed, seats.tolist())
            order[sorted(hashes, key=lambda seat: hashes[seat]), :, at] = seats[:, np.newaxis]
        parts = (
            self.reports, seats, self.pulls, self.in_force, lambda count: digests(words, range(count), 4),
            order if ordered else None,
        )  # fmt: skip
        if form.by_arm:  # arms one after the other: cells are (arms * replicates,)
            parts = tuple(each.reshape(*each.shape[:-2], -1) if np.ndim(each) > 1 else each for each in parts)
        said = form.estimate(self.terms, Told(*parts))
        wide = (shape[0], shape[1] * shape[2]) if form.by_arm else shape
        firsts = {name: 0 if name in ("kept", "tied") else 1 for name in Found._fields}
        return Found(*(
            np.broadcast_to(each, wide[firsts[name] :]).reshape(shape[firsts[name] :])
            for name, each in said._asdict().items()
        ))  # fmt: skip


def require_equal(record: Record, form: Form) -> float:
    """Of all cells; gives the share of them of which the rule itself would be asked."""
    expected = record.expected()
    means = np.array([each.means for each in expected]).T
    seats = range(len(record.reports))
    inside = np.array([[[seat in row for seat in seats] for row in each.sets] for each in expected]).transpose(2, 1, 0)
    for ordered in (False, True):
        found = record.found(form, ordered)
        sure = ~found.unsure
        assert (found.means == means)[sure].all(), f"means of {record.choice}"
        assert (found.size == inside.sum(axis=0))[sure].all(), f"sizes of {record.choice}"
        assert ((found.kept == inside) | found.tied | found.unsure).all(), f"sets of {record.choice}"
        assert not (found.kept & found.tied).any()
        assert not (ordered and (found.tied & sure).any()), f"equals of {record.choice}"
    return float(found.unsure.mean())


SIZES = [(1, 1), (2, 2), (3, 1), (4, 3), (7, 2), (8, 5), (10, 5), (15, 4), (7, 12)]


@pytest.mark.parametrize(("name", "options"), RULES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_of_any_reports(name, options, kind):
    """As games have them the rule itself is seldom asked: extreme options and a few seats come to round numbers."""
    choice, asked = choice_of(name, options), []
    for seed in range(8):
        for seats, arms in SIZES:
            share = require_equal(Record(choice, kind, seats, arms, seed), form_of(choice))
            asked += [share] * (arms > 1 and seats >= 7)
    if kind == "honest" and not options:
        assert np.mean(asked) <= 0.03


@pytest.mark.parametrize(("name", "options"), RULES, ids=str)
def test_of_the_largest_game(name, options):
    choice = choice_of(name, options)
    for kind in KINDS:
        require_equal(Record(choice, kind, 256, 6, 1), form_of(choice))


def form_of(choice: RuleChoice) -> Form:
    found = arrays.find(choice)
    assert found, f"{choice} has no form over arrays"
    return found


def narrow(form: Form) -> Form:
    """The same in 32 bits."""
    def estimate(given: Terms, told: Told) -> Found:
        return form.estimate(given, told._replace(reports=told.reports.astype(np.int32)))

    return replace(form, estimate=estimate)


def unordered(form: Form) -> Form:
    """The same with equals by seat."""
    def estimate(given: Terms, told: Told) -> Found:
        order = None if told.order is None else np.broadcast_to(
            np.arange(len(told.reports)).reshape(-1, *(1,) * (told.reports.ndim - 1)), told.reports.shape
        )
        return form.estimate(given, told._replace(order=order))

    return replace(form, estimate=estimate)


@pytest.mark.parametrize(
    ("plant", "name", "kind"),
    [(narrow, "option-1", "chance"), (narrow, "median", "chance"), (narrow, "random-rank", "chance"),
     (unordered, "median", "ties"), (unordered, "krum", "nothing"), (unordered, "random-rank", "nothing")],
)  # fmt: skip
def test_a_planted_wrong_form_is_seen(plant, name, kind):
    choice = choice_of(name, {})
    form, records = plant(form_of(choice)), [Record(choice, kind, 10, 3, seed) for seed in range(8)]
    with pytest.raises(AssertionError, match=f"(means|sets) of .*{name}"):
        [require_equal(record, form) for record in records]


def game(seed: int, aggregation: Any, **changes: Any) -> Scenario:
    """Any game of the numpy engine by some aggregation."""
    case = scenario(seed)
    given = {"aggregation": aggregation, "participants": 9, "liars": 2, "rounds": 70}
    return Scenario.model_validate(case.model_dump(exclude={"aggregation", "malicious"}) | given | changes)


def require_equal_games(case: Scenario) -> None:
    marks = range(1, case.rounds + 1)
    ours, theirs = (replicates(case, 3, marks, engine=engine) for engine in (Engine.NUMPY, Engine.PLAIN))
    for at, name in enumerate(SUMS):
        differ = np.argwhere(ours.sums[:, :, at] != theirs.sums[:, :, at])
        assert not len(differ), f"{name} of (replicate, round - 1) {differ[0].tolist()}"
    assert np.array_equal(ours.settled, theirs.settled)


def malicious(lie: str, *seats: int) -> list[dict[str, Any]]:
    return [{"seat": seat, "attacks": [{"name": lie}]} for seat in seats]


@pytest.mark.parametrize("name", NAMES)
def test_whole_games(name):
    """Costs, arms and payoffs of the array engine are those of the plain loop, which asks the rule of every round."""
    lies = ["within-range", "copycat", "constant-lie", "worse-half"]
    for seed, lie in enumerate(lies):
        named = entry(name, delta=0.4) if name == "delta-safe" else name
        per_report = "2/b" if seed % 2 else "0.5"
        require_equal_games(game(seed, named, exploration=per_report, malicious=malicious(lie, 0, 4)))


def test_a_reputation_that_leaves_nobody_out():
    require_equal_games(game(4, "median", reputation="meritrank", malicious=malicious("within-range", 1, 6)))


class Tally(Aggregation):
    """Keeps state: by turns the highest and the lowest report, and it counts rounds."""

    name = "tally"
    keeps_state = True

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        turn = state[0] if state else 0
        pick = max if turn % 2 else min
        sets = [frozenset({pick(agreed.reports, key=lambda seat: (agreed.reports[seat][arm], seat))})
                for arm in range(terms.arms)]  # fmt: skip
        return mean_over(agreed, sets)._replace(state=(turn + 1,))


class Moody(Aggregation):
    """Rejects a block now and then."""

    name = "moody"

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        if agreed.round % 7 == 0:
            return nothing(terms.arms)
        return mean_over(agreed, [frozenset(agreed.reports)] * terms.arms)


class Reputable(Aggregation):
    """Weighs by reputations, which the array engine does not keep."""

    name = "reputable"
    is_mean = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        weights = {seat: 1 + agreed.reputations[seat] for seat in agreed.reports}
        total = sum(weights.values())
        means = [sum(weights[seat] * row[arm] for seat, row in agreed.reports.items()) // total
                 for arm in range(terms.arms)]  # fmt: skip
        return Estimate(tuple(means), (frozenset(agreed.reports),) * terms.arms)


@pytest.mark.parametrize("kind", [Tally, Moody, Reputable])
def test_rules_of_others_are_asked_of_every_replicate(kind, monkeypatch):
    """With state, with blocks that are rejected, and by reputations: of the last two the plain loop plays the games."""
    monkeypatch.setattr(rules, "_added", {})
    digest = bytes(range(32))
    rules.add(kind(), digest)
    case = game(3, "median", malicious=malicious("within-range", 1, 6))
    plain = case.parameters
    monkeypatch.setattr(
        Scenario, "parameters", replace(plain, aggregation=RuleChoice(RuleKind.AGGREGATION, kind.name, 1, (), digest))
    )
    require_equal_games(case)
