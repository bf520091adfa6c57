"""Learners beside one game of the protocol, on its very draws, those of `protocol.rewards`: UCB1 alone, and an oracle.

A rival that pulls an arm in a round gets the very reward that a participant of the game gets for it, as long as that
game has had no failed round.
"""

from collections.abc import Iterator

from chain_bandit.protocol.arms import ucb_arm, width_table
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.units import sample_means

C1 = 2
"""UCB1's exploration constant: width sqrt(2 ln t / n) in every round t from 1."""


def ucb1(draws: Draws, seat: int, arms: int, horizon: int) -> Iterator[int]:
    """The arms of rounds 1..T of one participant alone: UCB1 on its own samples, each arm once first."""
    return _ucb(draws, (seat,), arms, horizon)


def pooled_ucb(draws: Draws, seats: tuple[int, ...], arms: int, horizon: int) -> Iterator[int]:
    """The arms of rounds 1..T of an oracle that knows who is honest and sees their rewards at once.

    All `seats` pull the same arm in a round and their rewards go into one pool. The oracle is UCB1 on that
    pool: mean and n count every sample, |seats| a round, so the width is sqrt(2 ln t / (|seats| * rounds)).
    No liar enters, nothing is trimmed, no round fails, and it learns from round 1 with no burn-in.
    """
    return _ucb(draws, seats, arms, horizon)


def _ucb(draws: Draws, seats: tuple[int, ...], arms: int, horizon: int) -> Iterator[int]:
    counts, totals = [0] * arms, [0] * arms
    for round_ in range(1, horizon + 1):
        arm = ucb_arm(sample_means(totals, counts), counts, [width_table(round_, C1, 1)] * arms)
        yield arm
        counts[arm] += len(seats)
        totals[arm] += sum(draws.reward(round_, seat, arm, 0) for seat in seats)
