"""A game of `simulation.outcomes` as the sums that the compiled one adds up."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

import numpy as np

from chain_bandit.array_types import Ints
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.settlement import Credits, Pull
from chain_bandit.simulation.outcomes import Outcome, Play, Setting
from chain_bandit.simulation.sums import SUMS

_parts = attrgetter("burn_in", "arms", "failed", "cost", "paid", "costly")


class GameSums:
    """What is added up over the rounds of one game.

    Attributes:
        settled: `replicates.Measured.settled` of this game.
    """

    def __init__(self, setting: Setting) -> None:
        p = setting.parameters
        self._regret = Regret(setting.model.means, p.burn_in, bool(p.paid_burn_in))
        self._kinds = dict.fromkeys(Kind, 0)
        self._arm = self._since = 0
        self.settled = np.zeros((3, p.participants), np.int64)
        self._credits = Credits.none(p)
        self._false: set[int] = set()
        self._penalty = p.unrevealed_penalty // p.wei_per_unit

    def add(self, o: Outcome) -> None:
        """Take in one round, but for the regret of its pulls."""
        if o.kind is not None:
            self._kinds[o.kind] += 1
        if o.kind is Kind.APPROVED and o.arm is not None and o.arm != self._arm:
            self._arm, self._since = o.arm, o.time
        self._false |= o.false
        for seat in o.rewards.keys() - self._false:
            self._credits.add(o.round, seat, Pull(o.arm or 0, o.rewards[seat], o.length), o.paid)
        self.settled[0] = self._credits.units
        listed = [0 < since <= o.round for since in self.settled[2].tolist()]
        if o.cost:
            self.settled[1] += [0 if each else o.cost for each in listed]
        self.settled[2] = o.ledger.blocked_from

    def fine(self, seats: Iterable[int]) -> None:
        """Take the penalty from seats that keep their sealing keys."""
        for seat in seats:
            self.settled[0, seat] -= self._penalty

    def pull(self, o: Outcome) -> None:
        """Take in one of its pulls."""
        self._regret.add(o.round, o.arm, o.paid, None if o.cost is None else o.cost // o.length)

    @property
    def sums(self) -> tuple[int, ...]:
        """`simulation.sums.Sums` so far."""
        kinds = self._kinds
        blocks = kinds[Kind.APPROVED] + kinds[Kind.REJECTED]
        return (
            *_parts(self._regret), kinds[Kind.SKIP], kinds[Kind.REJECTED], kinds[Kind.EXPLORATION], self._since,
            self._arm, blocks,
        )  # fmt: skip


def play(setting: Setting, marks: Sequence[int]) -> tuple[Ints, Ints]:
    """One game: (1, marks, `SUMS`) after ascending times, and (1, 3, M), `Tally.settled`. Raises `NotSimulated`."""
    tally, wanted, sums, game = GameSums(setting), set(marks), list[tuple[int, ...]](), Play(setting)
    for outcome in game.rounds():
        tally.add(outcome)
        for time in range(outcome.time, outcome.time + outcome.length):
            tally.pull(outcome)
            if time in wanted:
                sums.append(tally.sums)
    tally.fine(seat for seat in setting.attacks if game.keeps_key(seat))
    return np.array(sums, np.int64).reshape(1, len(marks), len(SUMS)), tally.settled[np.newaxis]
