"""An index policy alone and on a pool, compiled, against the plain one on the same draws."""

from functools import partial

import numpy as np
import pytest

from chain_bandit.crypto.keys import derive
from chain_bandit.protocol.rewards import Distribution, Draws, RewardModel, bernoulli
from chain_bandit.protocol.rules.kl_ucb import KlUcb
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.kernel.forms import POLICIES
from chain_bandit.simulation.kernel.pooled import pooled as compiled_pool
from chain_bandit.simulation.rivals.on_draws import C1, UCB1, pooled
from tests.unit.protocol.rules.records import GAME

ROUNDS = 700

MODELS = {
    "coins": RewardModel(tuple(bernoulli(round(mean * UNIT)) for mean in (0.5, 0.45, 0.4, 0.3))),
    "equal coins": RewardModel((bernoulli(UNIT // 2),) * 5),
    "tables": RewardModel((
        Distribution((0, 7, UNIT), (3, 4, 5)), Distribution((1, 2, 3, 400_000_000), (1, 1, 1, 6)), bernoulli(1),
    )),
    "one arm": RewardModel((bernoulli(3),)),
}  # fmt: skip


def regrets(plain, model):
    lost = [max(model.means) - model.means[arm] for arm in plain]
    return np.cumsum(lost).tolist()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seats", [(0,), (6,), (0, 1, 2), (1, 3, 4, 9)])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_compiled_pool_pulls_what_the_plain_one_pulls(name, seats, policy):
    model, secret, seed_0 = MODELS[name], derive(7, "secret"), derive(7, "seed_0")
    arms, marks = len(model.arms), np.arange(1, ROUNDS + 1)
    out = np.zeros(ROUNDS, np.int64)
    assert compiled_pool(
        encoding.environment(model), encoding.widths(ROUNDS, C1, 1), encoding.keys(secret, seed_0), np.array(seats),
        POLICIES[policy], np.zeros((3, arms), np.int64), np.full(arms, np.inf), marks, out,
    )  # fmt: skip
    draws, choose = Draws(model, secret, seed_0), UCB1 if policy == "ucb1" else partial(KlUcb().arm, GAME)
    plain = pooled(draws, seats, arms, ROUNDS, choose)
    assert out.tolist() == regrets(plain, model)
    assert arms == 1 or name == "equal coins" or out[-1] > 0
