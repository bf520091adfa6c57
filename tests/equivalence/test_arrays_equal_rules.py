"""A rule's form over arrays gives what the rule gives, to the unit: of any reports, and over whole games."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chain_bandit.game.simulated import replicates
from chain_bandit.protocol import rules
from chain_bandit.protocol.aggregation import tie_break
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.merits import ByMerit
from chain_bandit.protocol.reputation import FULL, START
from chain_bandit.protocol.rule import Aggregation, Agreed, Estimate, State, Terms, mean_over, nothing
from chain_bandit.protocol.ruleset import RuleChoice, RuleKind
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.simulation import arrays
from chain_bandit.simulation.arrays import YES, Form, Found, Ints, Judged, Told
from chain_bandit.simulation.arrays.bittensor_trust import _medians
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.hashes import digests
from chain_bandit.simulation.likeness import accuracies, likeness
from chain_bandit.simulation.reputations import ReputationArray
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
    for seed in range(3):
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


REPUTATIONS: dict[str, tuple[dict[str, int], ...]] = {
    "meritrank": ({}, {"steps": 1}, {"transitivity_decay": 0, "connectivity_decay": UNIT, "bridge": UNIT // 3},
                  {"transitivity_decay": UNIT, "steps": 2, "bridge": 0}),
    "bittensor-trust": ({}, {"clipped": 0}, {"temperature": 1}, {"temperature": 100, "clipped": 0}),
}  # fmt: skip
WEIGHED = [(name, options) for name, each in REPUTATIONS.items() for options in each]


def reputation(name: str, options: dict[str, int]) -> tuple[ByMerit, RuleChoice]:
    given = rules.shipped()[RuleKind.REPUTATION, name, b""]
    assert isinstance(given, ByMerit)
    chosen = {key: options.get(key, option.default or 0) for key, option in given.options.items()}
    return given, RuleChoice(RuleKind.REPUTATION, name, 1, tuple(sorted(chosen.items())))


def require_equal_merits(
    name: str, options: dict[str, int], kind: str, shape: tuple[int, int, int], seed: int
) -> float:
    """Of all seats of every replicate; gives the share of replicates of which the rule itself would be asked."""
    seats, arms, replicates = shape
    dice = np.random.default_rng([seed, seats, arms, KINDS.index(kind)])
    told = reports(kind, shape, dice)
    pulls, means = dice.choice([0, 1, 3, 40, 10**5], shape[1:]), told.sum(axis=0) // seats
    if dice.random() < 0.3:
        means = dice.choice([0, UNIT // 3, UNIT, 2 * UNIT], shape[1:])
    stakes = dice.choice([[0, FULL], [FULL, FULL - 1], [0, 1], [0, 0], [2**15, 2**15]])
    weighed = dice.choice(stakes, (seats, replicates))
    if dice.random() < 0.5:
        weighed = dice.integers(0, FULL + 1, (seats, replicates))
    rule_, choice = reputation(name, options)
    given = terms(rule("median"), seats, arms, 0)._replace(options=dict(choice.options))
    form = arrays.find_merits(choice)
    assert form
    found, unsure = form(given, Judged(told, pulls, means, weighed))
    unsure = np.broadcast_to(unsure, replicates)
    for at in np.flatnonzero(~unsure).tolist():
        agreed = Agreed(
            7, bytes(32), {seat: tuple(row) for seat, row in enumerate(told[:, :, at].tolist())}, {},
            tuple(pulls[:, at].tolist()), None, tuple(weighed[:, at].tolist()),
        )  # fmt: skip
        expected = rule_.merits(given, agreed, Estimate(tuple(means[:, at].tolist()), ()))
        assert expected == tuple(found[:, at].tolist()), f"merits of {choice}"
    return float(unsure.mean())


@pytest.mark.parametrize(("name", "options"), WEIGHED, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_merits_of_any_reports(name, options, kind):
    asked = [require_equal_merits(name, options, kind, (seats, arms, 5), seed)
             for seed in range(2) for seats, arms in SIZES]  # fmt: skip
    assert options or np.mean(asked) <= 0.001


@pytest.mark.parametrize("name", REPUTATIONS)
def test_merits_of_the_largest_game(name):
    for kind in ("honest", "extremes", "most"):
        require_equal_merits(name, {}, kind, (256, 3, 1), 1)


@pytest.mark.parametrize(
    ("name", "place", "wrong"),
    [("meritrank", "likeness", lambda *given: likeness(*given) + np.eye(10, dtype=np.int64)[..., np.newaxis]),
     ("meritrank", "accuracies", lambda reports, means, *given: accuracies(reports, means[..., ::-1], *given)),
     ("meritrank", "_BITS", 29),
     ("bittensor-trust", "_medians", lambda scores, stakes: _medians(scores, np.ones_like(stakes))),
     ("bittensor-trust", "WHOLE", 1 << 8)],
)  # fmt: skip
def test_planted_wrong_merits_are_seen(name, place, wrong, monkeypatch):
    monkeypatch.setattr(f"chain_bandit.simulation.arrays.{name.replace('-', '_')}.{place}", wrong)
    with pytest.raises(AssertionError, match=f"merits of .*{name}"):
        [require_equal_merits(name, {}, "honest", (10, 3, 5), seed) for seed in range(8)]


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
    for seed, lie in list(enumerate(lies))[len(name) % 2 :: 2]:
        named = entry(name, delta=0.4) if name == "delta-safe" else name
        per_report = "2/b" if seed % 2 else "0.5"
        require_equal_games(game(seed, named, exploration=per_report, malicious=malicious(lie, 0, 4)))


def leaving_out(seed: int, aggregation: Any, name: str, least: float, **changes: Any) -> Scenario:
    return game(seed, aggregation, reputation={"name": name, "options": {"least": least}}, **changes)


@pytest.mark.parametrize("name", NAMES)
def test_whole_games_in_which_somebody_is_left_out(name, monkeypatch):
    """By both rules of merit, under lies that come and go, so that who is left out changes from round to round."""
    found: list[int] = []

    def spied(kept: ReputationArray) -> Any:
        changed = LEAVE_OUT(kept)
        found.extend((len(kept.values) - kept.passed).tolist())
        return changed

    monkeypatch.setattr(ReputationArray, "leave_out", spied)
    for seed, lie in enumerate(["constant-lie", "worse-half"]):
        named = entry(name, delta=0.4) if name == "delta-safe" else name
        by = sorted(REPUTATIONS)[(seed + len(name)) % 2]
        per_report = "2/b" if seed % 2 else "0.5"
        require_equal_games(
            leaving_out(seed, named, by, 0.8, exploration=per_report, malicious=malicious(lie, 0, 4))
        )
    assert {0, 2} <= set(found) <= set(range(5))


def test_where_the_form_of_a_reputation_is_unsure_the_rule_is_asked(monkeypatch):
    form = arrays.find_merits(reputation("bittensor-trust", {})[1])
    assert form
    monkeypatch.setattr(arrays, "find_merits", lambda choice: lambda *given: (0 * form(*given)[0], YES))
    require_equal_games(leaving_out(4, "krum", "bittensor-trust", 0.5, malicious=malicious("constant-lie", 1, 6)))


LEAVE_OUT = ReputationArray.leave_out


def everybody_begins_anew(kept: ReputationArray) -> Any:
    kept._after = np.full_like(kept.values, START)
    return LEAVE_OUT(kept)


def keeps_estimators(kept: ReputationArray) -> Any:
    return LEAVE_OUT(kept) & False


@pytest.mark.parametrize("wrong", [everybody_begins_anew, keeps_estimators])
def test_a_planted_wrong_exclusion_is_seen(wrong, monkeypatch):
    monkeypatch.setattr(ReputationArray, "leave_out", wrong)
    with pytest.raises(AssertionError, match="round - 1"):
        require_equal_games(leaving_out(6, "median", "meritrank", 0.45, malicious=malicious("constant-lie", 1, 6)))


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
