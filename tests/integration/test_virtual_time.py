"""A live game on the network in virtual time: in which order messages come, and when within Delta, changes nothing."""

import random

import pytest

from chain_bandit.game import wiring
from verification.schedules.acts import SKEW
from verification.virtual_network import STEP, VirtualNetwork


def in_virtual_time(seed, longest=STEP - SKEW - 1):
    """What stands in for the synchronous network: clocks apart, every delay drawn; the malicious still act last."""

    class InVirtualTime:
        statements = 0

        def __init__(self, actors, order, rushing):
            rng = random.Random(seed)
            self.steps = actors[0].rules.schedule.steps
            clocks = {address: rng.randrange(SKEW) if address >= 0 else 0 for address in order}
            clocks |= dict.fromkeys(rushing, SKEW)
            self.network = VirtualNetwork(
                dict(actors), clocks, lambda moment, sender, to: (1 + rng.randrange(longest),)
            )

        def step(self, step):
            if step == 0:
                self.network.run(self.steps)

        def deliver(self, sender, sends):
            self.network.send(sender, sends)

    return InVirtualTime


@pytest.mark.parametrize("attack", ["equivocating-commander", "two-faced-report", "late-chain", "silent-validator"])
def test_a_game_is_the_same_in_virtual_time(attack, play, scenario, cheat, monkeypatch):
    malicious = [cheat(5, attack), cheat(6, attack)]
    game, rounds = play(scenario(7, rounds=12, malicious=malicious))
    expected = game.run_digest, [played.accused for played in rounds]
    for seed in range(3):
        with monkeypatch.context() as patched:
            patched.setattr(wiring, "MemoryNetwork", in_virtual_time(seed))
            game, rounds = play(scenario(7, rounds=12, malicious=malicious))
        assert (game.run_digest, [played.accused for played in rounds]) == expected, seed


def test_a_game_is_another_when_messages_take_longer_than_promised(play, scenario, monkeypatch):
    game, _ = play(scenario(4, rounds=12))
    monkeypatch.setattr(wiring, "MemoryNetwork", in_virtual_time(0, longest=4 * STEP))
    late, rounds = play(scenario(4, rounds=12))
    assert late.run_digest != game.run_digest
    assert not any(played.accused for played in rounds)
