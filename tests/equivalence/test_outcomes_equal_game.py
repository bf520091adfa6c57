"""A game without messages and the live one, fed the same streams, decide alike in every round, whatever the attack."""

import random
from itertools import product
from typing import Any

import pytest

from chain_bandit import plugins
from chain_bandit.attacks.attack import Attack, NotSimulated, View
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.game.game import Game
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.game.without_messages import simulated
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import Counts
from chain_bandit.scenario import Scenario
from science import theorems
from tests.few import crossed
from tests.rules import ENTRIES

OPTIONS: dict[str, dict[str, Any]] = {
    "sleeper": {"wakes": 20}, "equivocating-commander": {"first": 12}, "silent-validator": {"first": 15, "last": 22},
}  # fmt: skip


def scenario(name: str, seed: int = 0, seats: tuple[int, ...] = (5, 6), **changes: Any) -> Scenario:
    attack = {"name": name, "options": OPTIONS.get(name, {})}
    return Scenario.model_validate({
        "name": "equal", "seed": seed, "participants": 7, "rounds": 50, "burn_in": 9, "liars": 2, "attackers": 2,
        "rewards": {"kind": "bernoulli", "means": [0.7, 0.5, 0.45]},
        "malicious": [{"seat": seat, "attacks": [attack]} for seat in seats],
    } | changes)  # fmt: skip


def decided(round_: int, kind: Any, arm: Any, header: Any, cost: Any, ledger: Any, proven: Any) -> tuple[Any, ...]:
    said = header and (
        header.blocked, header.reporters, header.arm, header.candidates, header.selected, header.committee,
        header.commanders, header.means, header.accuracies,
    )  # fmt: skip
    state = (ledger.pulls, ledger.means, ledger.failed, ledger.explorations, ledger.reputations, ledger.committee)
    return round_, kind, arm, said, cost, state, proven


def live(case: Scenario) -> list[tuple[Any, ...]]:
    game, rows = Game(case, NoChain()), []
    for played in game.play():
        header, kind = (played.record.header, played.record.kind) if played.record else (None, None)
        ledger = game.progress.ledger
        rows.append(decided(played.round, kind, played.arm, header, played.cost, ledger, played.accused))
    return rows


def without_messages(case: Scenario) -> list[tuple[Any, ...]]:
    return [
        decided(o.round, o.kind, o.arm, o.header, o.cost, o.ledger, o.proven) for o in simulated(Plan(case))
    ]


def require_equal(case: Scenario) -> list[tuple[Any, ...]]:
    there, here = live(case), without_messages(case)
    for ours, theirs in zip(here, there, strict=True):
        assert ours == theirs
    return here


PLAYED = sorted(set(ATTACKS) - {"captured-committee"})


@pytest.mark.parametrize(("name", "option"), crossed(PLAYED, list(ENTRIES), every=5))
def test_every_attack_comes_to_what_it_says(name, option):
    rows = require_equal(scenario(name, aggregation=ENTRIES[option]))
    assert len(rows) == 50


SELECTIONS: dict[str, dict[str, Any]] = {
    "reputation": {"validators": 5, "quorum": "majority"},
    "sortition": {"sortition": 0.8, "quorum": "majority", "attackers": 1},
    "weights": {"sortition": 0.45, "quorum": "majority", "attackers": 1, "weights": [1, 3, 1, 2, 6, 1, 2]},
    "trust": {"commanders": "trust", "quorum": "majority"},
    "sortition and trust": {"sortition": 0.8, "commanders": "trust", "quorum": "majority", "attackers": 1},
    "weights and trust": {
        "sortition": 0.5, "commanders": "trust", "quorum": "majority", "attackers": 1,
        "weights": [2, 1, 1024, 1, 5, 1, 1],
    },
}


ON_MESSAGES = [name for name in PLAYED if ATTACKS[name].outbox is not Attack.outbox]


def paired(one: str, other: str, seats: tuple[int, ...], seed: int) -> Scenario:
    """Both at each of the seats, the rest of the game by a seed."""
    rng = random.Random(f"{one} {other} {seed}")
    selection, more = rng.choice(({}, *SELECTIONS.values())), rng.choice(({}, {"slash": 0.25}, {"sealed": True}))
    silent = {"first": rng.randint(0, 20), "reports": rng.random() < 0.5}
    attacks = [{"name": name, "options": silent if name == "silent-validator" else {}} for name in (one, other)]
    malicious = [{"seat": seat, "attacks": attacks} for seat in seats]
    return scenario("mimic", seed, **selection, **more, malicious=malicious, rounds=30)


@pytest.mark.parametrize(("one", "other"), crossed(ON_MESSAGES, ON_MESSAGES, every=2))
def test_two_attacks_at_one_seat_come_to_what_they_say_in_either_order(one, other):
    """What is held back does not go out twice: not even the value of a probe round."""
    require_equal(paired(one, other, (5, 6), 1))


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize(("one", "other"), list(product(ON_MESSAGES, repeat=2)))
def test_two_attacks_at_one_seat_in_more_games(one, other, seed):
    require_equal(paired(one, other, ((5, 6), (6,))[seed % 2], seed))


LIES = ["sign-flip", "two-faced-report", "equivocating-commander", "silent-validator", "within-range", "late-chain"]


@pytest.mark.parametrize(("name", "selection"), crossed(LIES, list(SELECTIONS), every=5))
def test_every_selection_comes_out_alike(name, selection):
    require_equal(scenario(name, seed=3, **SELECTIONS[selection]))


def test_weights_decide_who_validates():
    """As many approved rounds have each seat in their committee as its trials say, to within five deviations."""
    case = scenario("mimic", seed=4, rounds=400, **SELECTIONS["weights"])
    committees = [row[3][5] for row in without_messages(case) if row[3] and row[3][5] != 127]
    assert len(committees) > 300
    for seat, weight in enumerate(case.weights):
        chance = 1 - (1 - 0.45) ** weight
        found = sum(members >> seat & 1 for members in committees)
        assert abs(found - chance * len(committees)) < 5 * (len(committees) * chance * (1 - chance)) ** 0.5 + 1
    ones = scenario("mimic", seed=4, rounds=60, **SELECTIONS["weights"] | {"weights": []})
    assert [row[3] for row in without_messages(ones)] != [
        row[3] for row in without_messages(scenario("mimic", seed=4, rounds=60, **SELECTIONS["weights"]))
    ]


@pytest.mark.parametrize(("name", "seats", "changes", "decides"), [
    ("within-range", (5, 6), {"cost": "distance"}, True),
    ("two-faced-counts", (5, 6), {"sealed": True}, False),
    ("two-faced-report", (5, 6), {"chain": {"batch": 5}}, True),
    ("silent-validator", (5, 6), {"exploration": "1.5"}, True),
    ("within-range", (5, 6), {"threshold": 3}, False),
    ("silent-validator", (3, 4, 5, 6), {"failure_limit": 1}, True),
    ("silent-validator", (5, 6), {"policy": "kl-ucb"}, True),
    ("two-faced-counts", (5, 6), {"policy": "thompson"}, True),
    ("within-range", (5, 6), {"sealed": True, "disclosure": "tree-noise"}, True),
], ids=str)  # fmt: skip
def test_every_other_switch_comes_out_alike(name, seats, changes, decides):
    """Of most the rounds are others than without it, so that who forgot it would be seen."""
    rows = require_equal(scenario(name, 5, seats, **changes))
    assert (rows != without_messages(scenario(name, 5, seats))) is decides


class Boaster(Attack):
    """Counts one pull more than there are rounds, or as many as there are, by its seat."""

    conduct = Conduct.LIAR

    def counts(self, view: View, honest: Counts) -> Counts:
        """Of every arm."""
        return (view.rules.parameters.horizon + view.seat % 2,) * len(honest)


def test_a_count_beyond_the_horizon_is_withheld_in_both():
    rows = require_equal(scenario(f"{__name__}:Boaster"))
    reporters = {row[3][1] for row in rows if row[3]}
    assert reporters == {0b1011111}


@pytest.mark.parametrize("name", ["false-record", "withheld-key"])
def test_what_is_sealed_and_what_stays_shut_decides_nothing(name):
    assert require_equal(scenario(name, sealed=True)) == without_messages(scenario("two-faced-counts", sealed=True))


def test_rounds_fail_when_too_many_fall_silent_and_nothing_is_decided_in_them():
    rows = require_equal(scenario("silent-validator", seats=(3, 4, 5, 6)))
    kinds = [row[1].name for row in rows if row[1] is not None]
    assert {"SKIP", "EXPLORATION", "APPROVED"} == set(kinds)


def test_an_attack_on_messages_that_does_not_say_what_it_comes_to_is_refused(monkeypatch):
    class Unknown(Attack):
        def outbox(self, view: View, sends: Any) -> Any:
            return []

    with pytest.raises(NotSimulated, match="play it with `run`"):
        list(simulated(Plan(scenario("captured-committee"))))
    monkeypatch.setitem(plugins._GIVEN, ("attacks", "unknown"), Unknown)
    with pytest.raises(NotSimulated, match="what its messages come to"):
        simulated(Plan(scenario("unknown")))


def test_a_false_effect_is_noticed(monkeypatch):
    """The planted fault: a silent validator that says it votes."""
    case = scenario("silent-validator", seats=(3, 4, 5, 6))
    monkeypatch.setattr(ATTACKS["silent-validator"], "effect", lambda self: Attack.effect(self))
    assert live(case) != without_messages(case)


@pytest.mark.parametrize(("theorem", "place"), [
    each for each in crossed(range(1, 8), theorems.PLACES, every=3) if each.values != theorems.CAPTURED
])  # fmt: skip
def test_the_scenario_of_every_theorem_comes_out_alike_inside_its_assumption_and_outside(theorem, place):
    rows = require_equal(theorems.scenario(theorem, place, 11, 100))
    assert any(row[1] is not None and row[1].name == "APPROVED" for row in rows) or place == "outside"
