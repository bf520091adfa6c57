"""Learners beside one game of the protocol, on its very draws, those of `protocol.rewards`: one alone, and an oracle.

A rival that pulls an arm in a round gets the very reward that a participant of the game gets for it, as long as that
game has had no failed round.
"""

from collections.abc import Callable, Iterator
from functools import partial

from chain_bandit.protocol.blocks import round_seed
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.rule import Learnt, Terms
from chain_bandit.protocol.rules.ucb1 import Ucb1
from chain_bandit.protocol.units import sample_means

C1 = 2
"""The exploration constant of every index policy's source: for UCB1 a width sqrt(2 ln t / n) in every round t."""

UCB1 = partial(Ucb1().arm, Terms(1, 1, 0, 0, 0, 1, 1, c1=(C1, 1)))


def ucb1(draws: Draws, seat: int, arms: int, horizon: int) -> Iterator[int]:
    """The arms of rounds 1..T of one participant alone: UCB1 on its own samples, each arm once first."""
    return pooled(draws, (seat,), arms, horizon)


def pooled(
    draws: Draws, seats: tuple[int, ...], arms: int, horizon: int, choose: Callable[[Learnt], int] = UCB1,
    seed_0: bytes = bytes(32),
) -> Iterator[int]:  # fmt: skip
    """The arms of rounds 1..T of an oracle that knows the honest and sees their rewards at once.

    All `seats` pull the same arm in a round and their rewards go into one pool. The oracle plays an index policy on
    that pool: mean and n count every sample, |seats| a round, so UCB1 has the width sqrt(2 ln t / (|seats| rounds)).
    No liar enters, nothing is trimmed, no round fails, and it learns from round 1 with no burn-in.

    Args:
        choose: an index policy.
        seed_0: of the game, for a policy that draws.
    """
    counts, totals = [0] * arms, [0] * arms
    for round_ in range(1, horizon + 1):
        means, seed = sample_means(totals, counts), round_seed(seed_0, round_)
        arm = choose(Learnt(round_, seed, means, tuple(counts), (1,) * arms))
        yield arm
        counts[arm] += len(seats)
        totals[arm] += sum(draws.reward(round_, seat, arm, 0) for seat in seats)
