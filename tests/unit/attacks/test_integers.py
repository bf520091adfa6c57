"""Whatever type of integers an attack answers with, games take them as a message carries them."""

import numpy as np
import pytest

import chain_bandit as cb


@cb.attack("constant-of-a-type")
class Typed(cb.Attack):
    """Report 0.9 of every arm, with false counts, and pull the last arm, in integers of some type."""

    conduct = cb.Conduct.LIAR
    told = tuple

    def means(self, view, honest):
        return self.told([9 * 10**8] * len(honest))

    def counts(self, view, honest):
        return self.told([*honest])

    def arm(self, view, honest):
        return self.told([1])[0]


GAME = cb.build(
    participants=4, rounds=40, liars=1, attackers=0, aggregation="median", seed=3,
    rewards={"kind": "bernoulli", "means": [0.8, 0.5]},
    malicious=[{"seat": 3, "attacks": [{"name": "constant-of-a-type"}]}],
)  # fmt: skip


@pytest.mark.parametrize("told", [list, np.array, lambda values: tuple(map(np.uint32, values))])
def test_simulated_games_take_them(told, monkeypatch):
    wanted = cb.simulate(GAME, 4).measured
    monkeypatch.setattr(Typed, "told", staticmethod(told))
    found = cb.simulate(GAME, 4).measured
    assert found.sums.tolist() == wanted.sums.tolist()
    assert found.settled.tolist() == wanted.settled.tolist()


def test_games_on_a_chain_take_them(tmp_path, monkeypatch):
    wanted = cb.play(GAME, tmp_path / "of int")
    monkeypatch.setattr(Typed, "told", staticmethod(np.array))
    found = cb.play(GAME, tmp_path / "of numpy")
    assert found.audit.head == wanted.audit.head
