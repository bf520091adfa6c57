"""Games in numpy come to the sums of the compiled ones, to the unit, at every mark."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chain_bandit.attacks import seen
from chain_bandit.attacks.attack import Attack, Effect, NotSimulated, View
from chain_bandit.attacks.registry import ATTACKS, make
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means
from chain_bandit.scenario import Scenario
from chain_bandit.simulation import batch, batch_numbers
from chain_bandit.simulation.arrays import option_2
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.hashes import digests
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.replicates import Measured
from chain_bandit.simulation.sums import SUMS
from tests.equivalence.test_outcomes_equal_game import OPTIONS as OF_ATTACKS
from tests.equivalence.test_outcomes_equal_game import SELECTIONS
from tests.rules import ENTRIES, entry

OPTIONS, NEAR = list(ENTRIES), ("delta-safe", "confidence")
LIES: list[tuple[str, dict[str, Any]]] = [
    ("constant-lie", {"value": 1.0}), ("constant-lie", {"value": 0.5}), ("constant-lie", {"value": 0.25, "favour": 2}),
    ("sign-flip", {}), ("worse-half", {}), ("copycat", {}), ("offset", {"distance": 0.2}), ("sleeper", {"wakes": 30}),
    ("on-off", {"period": 3}), ("inflated-counts", {"favour": 1}), ("within-range", {}), ("swap", {}),
    ("inner-product", {"epsilon": 1.5}), ("sybil", {}), ("a-little-is-enough", {"z": 1.5}),
    ("a-little-is-enough", {}), ("mimic", {}), ("radius", {}), ("radius", {"favour": 0, "share": 900.0}),
    ("parametric", {}), ("parametric", {"best": -0.5, "second": 3.0, "others": -1.0, "wakes": 20, "sleeps": 90,
                                        "period": 4, "fewest": 3, "most": 40, "closest": 0.1, "farthest": 2.0}),
    ("parametric", {"best": -9.0, "second": 0.0, "others": 3.0, "within": 0.8, "target": 1}),
    ("optimiser", {}), ("optimiser", {"rushing": True}),
]  # fmt: skip


def scenario(seed: int, **changes: Any) -> Scenario:
    """A setting of its own for every seed, of any option, size, width, reward and cast."""
    rng = random.Random(seed)
    option, arms, participants = rng.choice(OPTIONS), rng.randrange(2, 6), rng.randrange(4, 14)
    liars = rng.randrange((participants + 2) // 3)
    seats = rng.sample(range(participants), rng.randrange(participants // 2 + 1))
    told = [rng.choice(LIES) for _ in range(3)]
    attacks = [{"name": name, "options": options} for name, options in told]
    return Scenario.model_validate({
        "name": "equal", "seed": rng.randrange(2**32), "participants": participants, "rounds": rng.randrange(60, 140),
        "burn_in": rng.randrange(2, 5) * arms, "liars": liars, "attackers": 0,
        "aggregation": entry(option, delta=rng.choice((0.1, 0.4))) if option in NEAR else option,
        "cost": rng.choice(("constant", "distance")), "exploration": rng.choice(("2", "2/b", "0.01", "0.3/b")),
        "rewards": {"kind": "bernoulli", "means": [rng.choice((0.0, 0.3, 0.5, 0.51, 1.0)) for _ in range(arms)]},
        "malicious": [
            {"seat": seat, "attacks": rng.choice((attacks[:1], attacks[:1], attacks[1:2], attacks[1:]))}
            for seat in seats
        ],
    } | changes)  # fmt: skip


def both(case: Scenario, count: int = 12) -> tuple[Measured, Measured]:
    marks = range(1, case.rounds + 1)
    return replicates(case, count, marks, engine=Engine.NUMPY), replicates(case, count, marks, engine=Engine.COMPILED)


def require_equal(case: Scenario) -> Measured:
    ours, theirs = both(case)
    for at, name in enumerate(SUMS):
        differ = np.argwhere(ours.sums[:, :, at] != theirs.sums[:, :, at])
        assert not len(differ), f"{name} of (replicate, round - 1) {differ[0].tolist()}"
    assert np.array_equal(ours.settled, theirs.settled)
    return ours


@pytest.mark.parametrize("seed", range(60))
def test_any_setting(seed):
    require_equal(scenario(seed))


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(60, 1_000))
def test_any_setting_of_many(seed):
    require_equal(scenario(seed))


@pytest.mark.parametrize(("name", "options"), LIES, ids=str)
def test_every_lie_under_every_option(name, options):
    """Three tell it where two are reckoned with, so that it is in force often."""
    malicious = [{"seat": seat, "attacks": [{"name": name, "options": options}]} for seat in (0, 4, 6)]
    for seed, option in enumerate(OPTIONS):
        named = entry(option, delta=0.4) if option in NEAR else option
        means = {"kind": "bernoulli", "means": [0.7, 0.5, 0.45]}
        case = scenario(seed, participants=9, liars=2, aggregation=named, malicious=malicious,
                        rewards=means, burn_in=9)  # fmt: skip
        require_equal(case)


def test_every_attack_that_lies_in_its_report_is_tried():
    """`few-counts` lies in its counts too, so that not everybody passes: `test_kernel_equals_outcomes.py` plays it.
    `greedy` is not compiled: `test_lies_of_many_games.py` does."""
    lying = {name for name, kind in ATTACKS.items() if kind.lie is not Attack.lie}
    assert {name for name, _ in LIES} == lying - {"few-counts", "greedy"}


def test_recorded_rewards(tmp_path):
    rows = ["0,0.25,3", "0,0.5,1", "0,1,7", "1,0.4,1", *(f"2,{value / 100},{value + 1}" for value in range(101))]
    (tmp_path / "table.csv").write_text("\n".join(["arm,reward,count", *rows]) + "\n")
    for seed in range(4):
        case = scenario(seed, rewards={"kind": "table", "file": "table.csv"}, burn_in=6, folder=tmp_path)
        require_equal(case)


TIED: dict[str, Any] = {
    "participants": 8, "liars": 2, "aggregation": "option-1", "burn_in": 4, "cost": "constant",
    "rewards": {"kind": "bernoulli", "means": [1.0, 0.0]},
    "malicious": [{"seat": seat, "attacks": [{"name": "constant-lie", "options": {"value": 1.0}}]} for seat in (1, 5)],
}  # fmt: skip
"""Liars are among the equals of the best arm, of whom some are cut: keccak decides what the round costs."""


def test_the_order_of_equals_decides_a_cost(monkeypatch):
    asked = []
    monkeypatch.setattr(batch, "digests", lambda *given: asked.append(0) or digests(*given))
    costly = require_equal(scenario(1, **TIED)).sums[:, -1, SUMS.index("costly")]
    assert asked
    assert 0 < costly.min() < costly.max()


def test_neither_batches_nor_threads_change_anything(monkeypatch):
    case = scenario(3)
    marks, whole = (case.rounds,), replicates(case, 12, (case.rounds,), engine=Engine.NUMPY)
    monkeypatch.setattr(batch, "CELLS", 5 * case.participants * case.parameters.arms)
    for jobs in (1, 3):
        assert (replicates(case, 12, marks, jobs, Engine.NUMPY).sums == whole.sums).all()
    assert replicates(case, 0, marks, engine=Engine.NUMPY).sums.shape == (0, 1, len(SUMS))


LIE, AVERAGE = batch._Games._lie, seen._average
FAULTS: dict[str, tuple[Any, str, Any]] = {
    "a rounded root": (seen, "isqrt", lambda values: np.rint(np.sqrt(values)).astype(np.int64)),
    "a unit of a lie": (batch._Games, "_lie", lambda *given: LIE(*given) ^ 1),
    "the order of equals": (batch, "digests", lambda heads, tails, size: digests(heads, [0] * len(tails), size)),
    "what is cut": (option_2, "trim_of", lambda members, liars: max(liars - 1, 0)),
    "a word of another seat": (batch, "philox", lambda *given: batch_numbers.philox(*given)[::-1]),
    "a rounded mean of the honest": (seen, "_average", lambda reports: AVERAGE(reports) + 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault, monkeypatch):
    where, name, wrong = FAULTS[fault]
    cases = [scenario(1, **TIED), *map(scenario, range(20))]
    monkeypatch.setattr(where, name, wrong)
    with pytest.raises(AssertionError, match="of \\(replicate"):
        list(map(require_equal, cases))


class Alone(Attack):
    """Tells by seat."""

    conduct = Conduct.LIAR

    def means(self, view: View, honest: Means) -> Means:
        """Of one seat and game."""
        return tuple(UNIT - mean if (arm + view.seat) % 2 else mean for arm, mean in enumerate(honest))


PLAIN: dict[str, Any] = {
    "participants": 9, "liars": 2, "malicious": [], "aggregation": "option-2", "cost": "constant"
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "consensus": ({"malicious": [{"seat": 1, "attacks": [{"name": "silent-validator"}]}]}, "attack on the consensus"),
    "committee": (SELECTIONS["reputation"], "not everybody validates"),
    "sortition": (SELECTIONS["sortition"], "not everybody validates"),
    "commanders": (SELECTIONS["trust"], "draws its commanders"),
    "phases": ({"growth": 1.0}, "a game in phases"),
    "an attack seat by seat": (
        {"malicious": [{"seat": 1, "attacks": [{"name": f"{__name__}:Alone"}]}]},
        "the attack Alone, which is asked game by game",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_other_games_are_refused_in_one_sentence(what):
    changes, said = REFUSED[what]
    with pytest.raises(NotSimulated, match=f"^the numpy engine does not play [^.]*{said}: [^.]*$"):
        replicates(scenario(2, **{**PLAIN, **changes}), 2, engine=Engine.NUMPY)


@pytest.mark.parametrize("changes", [{"threshold": 1}, {"burn_in": 3}], ids=str)
def test_rules_that_may_reject_a_block_are_refused(changes):
    """No scenario has them: `assumptions.check` comes first."""
    case = scenario(2, **PLAIN)
    p = replace(case.parameters, arms=3, **changes)
    with pytest.raises(batch.NotTogether, match="may be rejected"):
        batch.play(p, encoding.rules(p, case.model), {}, [], [1])


def test_whatever_only_lies_is_played():
    for name in sorted(set(ATTACKS) - {"captured-committee", "free-rider", "greedy"}):
        case = scenario(4, malicious=[{"seat": 1, "attacks": [{"name": name, "options": OF_ATTACKS.get(name, {})}]}])
        try:
            require_equal(case)
        except batch.NotTogether:
            assert ATTACKS[name].conduct & Conduct.ATTACKER or name == "few-counts"
        else:
            assert make(name, OF_ATTACKS.get(name, {})).effect() == Effect()
