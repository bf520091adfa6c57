"""Games whose burn-in is paid (decision 103): the simulator pays to the unit as the contract does, in every engine."""

import numpy as np
import pytest

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.batch import NotTogether
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.kernel.compiled import AVAILABLE
from tests.equivalence.test_false_reports import live, measured
from tests.equivalence.test_outcomes_equal_game import scenario, without_messages

ENGINES = [Engine.COMPILED, Engine.NUMPY] if AVAILABLE else [Engine.NUMPY]
L, AWAY = 9, 6


class Away(Attack):
    """Pulls nothing after the burn-in."""

    conduct = Conduct.LIAR

    def arm(self, view: View, honest: int) -> int | None:
        """None."""
        return None if view.round > L else honest


CASES = {
    "liars": {"name": "within-range"},
    "liars that are proven": {"name": "within-range", "slash": 0.25},
    "equivocators of the burn-in": {"name": "equivocating-commander", "commanders": "trust"},
    "away": {"name": f"{__name__}:Away"},
    "nobody lies": {"name": "", "malicious": []},
}


def paying(name, **changes):
    return scenario(name, paid_burn_in=True, **changes)


@pytest.mark.parametrize("case", CASES)
def test_everybody_gains_what_the_contract_pays(case):
    case = paying(**CASES[case])
    there, gained, _ = live(case)
    for ours, theirs in zip(without_messages(case), there, strict=True):
        assert ours == theirs
    wei = case.parameters.wei_per_unit
    assert [units * wei for units in measured(case).payoffs(case.roles)[0].tolist()] == gained


def test_who_pulls_nothing_after_the_burn_in_is_paid_nothing():
    found = measured(paying(f"{__name__}:Away", seats=(AWAY,))).settled
    assert found[0, 0, AWAY] == 0
    assert (np.delete(found[0, 0], AWAY) > 0).all()


@pytest.mark.parametrize("slash", [0.0, 0.25])
@pytest.mark.parametrize("name", ["within-range", "constant-lie", "equivocating-commander", "silent-validator", ""])
@pytest.mark.parametrize("engine", ENGINES)
def test_all_engines_come_to_the_same(engine, name, slash):
    case = paying(name, slash=slash, rounds=80, **({} if name else {"malicious": []}))
    plain = replicates(case, 3, engine=Engine.PLAIN)
    try:
        other = replicates(case, 3, engine=engine)
    except NotTogether:
        assert (engine, bool(name)) == (Engine.NUMPY, True)
        return
    assert np.array_equal(plain.settled, other.settled)
    assert np.array_equal(plain.sums, other.sums)


@pytest.mark.parametrize("engine", [Engine.PLAIN, *ENGINES])
def test_it_adds_the_rewards_of_the_burn_in_and_takes_its_best_pulls_from_the_regret(engine):
    """Of the same draws: nothing else changes."""
    cases = [scenario("", seed=4, malicious=[], rounds=80, paid_burn_in=paid) for paid in (False, True)]
    unpaid, paid = (replicates(case, 5, engine=engine) for case in cases)
    more = (paid.settled - unpaid.settled)[:, 0]
    assert not (paid.settled - unpaid.settled)[:, 1:].any()
    assert (more % UNIT == 0).all() and more.min() > 0 and more.max() <= L * UNIT  # noqa: PT018
    regret = dict(zip(("burn_in", "arms"), (paid.sums - unpaid.sums)[0, -1, :2].tolist(), strict=True))
    assert regret == {"burn_in": -3 * int(0.7 * UNIT + 0.5 * UNIT + 0.45 * UNIT), "arms": 0}
