"""Many games at once in numpy, for where nothing can be compiled: the sums of `simulation.kernel`, to the unit.

All replicates play the same round at the same time, each an entry of the last axis of every array, so that a round is
the same few hundred operations for one game as for thousands. Everybody validates and commands, nobody attacks the
consensus, and there are no phases: every round from L on has a block, which is approved, everybody pulls one arm a
round, and n_p = n_ref for all. What else the kernel plays is refused.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from chain_bandit.attacks.attack import NotSimulated
from chain_bandit.protocol.aggregation import tie_break, trim_of, trimmed
from chain_bandit.protocol.blocks import round_seed
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.batch_lies import TOLD, learnt, tell
from chain_bandit.simulation.batch_numbers import factors, isqrt, philox, rewards, ucb_arms
from chain_bandit.simulation.kernel.forms import BY_ARM, NEAR, NEARER
from chain_bandit.simulation.kernel.lies import Lie
from chain_bandit.simulation.kernel.numbers import (
    AFTER,
    COMMANDS,
    FIRST,
    LABELLED,
    LIE,
    OPENS,
    SAYS,
    SEAT,
    VOTES,
    A,
    B,
    Cast,
    Ints,
    Keys,
    Rules,
)
from chain_bandit.simulation.sums import SUMS, Sums

Flags = NDArray[np.bool_]

CELLS = 2**18
"""Of the largest array, (seats, arms, replicates), about: more no longer fit the caches, fewer are all overhead."""


class NeedsNumba(NotSimulated):
    """A game that only the compiled engine plays."""

    def __init__(self, what: str) -> None:
        ChainBanditError.__init__(
            self, f"{what} is for the compiled engine, which needs numba: install it, or play the scenario with `run`"
        )
        self.attack, self.reason = what, "it needs numba"


def at_once(rules: Rules) -> int:
    """How many replicates are best played together."""
    return max(1, CELLS // (rules.participants * rules.arms))


def play(rules: Rules, cast: Cast, chances: Sequence[Keys], marks: Sequence[int]) -> Ints:
    """Play one game for each of the chances, all together, from round 1 to T.

    Args:
        marks: ascending rounds at which the sums are kept.

    Returns:
        (replicates, marks, `SUMS`), bit for bit those of `kernel.play`.

    Raises:
        NeedsNumba: for anything but what the head of this file says, and for a lie without a form for arrays.
    """
    _require_plain(rules, cast)
    games, kept = _Games(rules, cast, chances), {}
    for t in range(1, rules.horizon + 1):
        games.round(t)
        if t in marks:
            kept[t] = np.stack(games.sums, axis=-1)
    return np.stack([kept[mark] for mark in marks], axis=1)


def plays(rules: Rules, cast: Cast) -> bool:
    """Whether `play` takes this setting."""
    try:
        _require_plain(rules, cast)
    except NeedsNumba:
        return False
    return True


def _require_plain(rules: Rules, cast: Cast) -> None:
    honest = cast.parts[[SAYS, COMMANDS]] == 0, cast.parts[[OPENS, VOTES]] == 1
    untold = sorted(set(cast.parts[LIE].tolist()) - TOLD - {-1})
    empties = rules.aggregation == BY_ARM and rules.participants <= 2 * rules.liars
    for refused, what in (
        (rules.validators < rules.participants or rules.sortition, "a game in which not everybody validates"),
        (rules.draws_commanders, "a game that draws its commanders"),
        (rules.growth, "a game in phases"),
        (not all(each.all() for each in honest), "an attack on the consensus"),
        (untold, f"the lie {Lie(untold[0]).name.lower()}" if untold else ""),
        (empties or rules.threshold < 2 or rules.burn_in <= rules.arms, "a game whose blocks may be rejected"),
    ):
        if refused:
            raise NeedsNumba(what)


class _Games:
    """All replicates between two rounds.

    A cell is an arm of a replicate, at arm * replicates + replicate; arrays by cell have it as their last axis. Seats
    stand with the honest first, in order; the malicious follow, those of equal lies together.

    Attributes:
        sums: so far.
    """

    def __init__(self, rules: Rules, cast: Cast, chances: Sequence[Keys]) -> None:
        self.rules, self.count = rules, len(chances)
        self.sums = Sums(*np.zeros((len(SUMS), self.count), np.int64))
        self._keys = np.array([[keys.k0 for keys in chances], [keys.k1 for keys in chances]], np.uint64)[:, np.newaxis]
        self._charges = np.array([keys.charge for keys in chances], np.int64)
        self._seeds = [keys.words[0].astype(">u8").tobytes() for keys in chances]
        self._each = np.arange(self.count)

        told = [_told_by(cast, index) for index in range(cast.seats.shape[1])]
        order = sorted(range(len(told)), key=lambda index: told[index])
        groups = groupby(enumerate(order), key=lambda placed: told[placed[1]])
        self._groups = [(lies, [row for row, _ in rows]) for lies, rows in groups]
        liars = cast.seats[SEAT, order].tolist()
        self._honest = rules.participants - len(liars)
        self._seats = np.array([*sorted(set(range(rules.participants)) - set(liars)), *liars], np.int64)
        self._labelled = np.flatnonzero(cast.seats[LABELLED, order])  # rows after the honest
        self._known = cast.known if self._honest else 0

        cells = rules.arms * self.count
        self._pulls, self._samples = np.zeros((2, cells), np.int64)
        self._factors = np.zeros(cells)
        self._totals, self._told = np.zeros((2, rules.participants, cells), np.int64)
        self._own = np.zeros((len(liars), cells), np.int64)  # what liars do not tell
        self._mean, self._size = np.zeros((2, cells), np.int64)  # in force
        self._stale = np.ones(cells, np.bool_)  # what is told of it is not what the block has
        self._kept, self._tied, self._lied = np.zeros((3, len(self._labelled), cells), np.bool_)
        self._rows = np.zeros((self._known, cells), np.int64)  # of the honest, see `kernel.lies`
        self._read: Ints | None = None  # the same in the last block

    def round(self, t: int) -> None:
        """Everybody reports, validates and pulls (PROTOCOL 1.3 to 1.6), but in the burn-in, where all only pull."""
        rules, sums, best = self.rules, self.sums, self.rules.environment.best
        arms = np.full(self.count, (t - 1) % rules.arms)
        if t > rules.burn_in:
            means, samples = (each.reshape(-1, self.count) for each in (self._mean, self._samples))
            arms = ucb_arms(means, samples, self._factors.reshape(means.shape), int(rules.widths[t]))
        if t >= rules.burn_in:
            self._report(t)
            self._aggregate()
            moved = sums.arm != arms
            sums.blocks[:] += 1
            sums.since[moved], sums.arm[moved] = t, arms[moved]
        if t > rules.burn_in:
            sums.arms[:] += best - rules.environment.truth[arms]
            sums.paid[:] += 1
            self._charge(t, arms)
        else:
            sums.burn_in[:] += best
        self._pull(t, arms)

    def _report(self, t: int) -> None:
        """The malicious tell their lies; who follows the rules has told what it has."""
        shape = (self.rules.arms, self.count)
        in_force = self._mean.reshape(shape) if t > self.rules.burn_in else None
        pulls = self._pulls.reshape(shape)
        known = None if self._read is None else self._read.reshape(-1, *shape)
        for lies, rows in self._groups:
            if t > self.rules.burn_in and lies and lies[-1][0] == Lie.CONSTANT_LIE:
                continue  # told once and for all
            report: Ints = self._own[rows].reshape(-1, *shape)
            for lie, a, b in lies:
                report = tell(report, lie, a, b, t, in_force, pulls, known)
            told, places = report.reshape(-1, self._stale.size), self._honest + np.array(rows)
            self._stale |= (self._told[places] != told).any(axis=0)
            self._told[places] = told
        if self._known:
            self._read = self._rows.copy()

    def _aggregate(self) -> None:
        """The estimators of every arm of which something else is told than before (PROTOCOL 1.4)."""
        rules, option = self.rules, self.rules.aggregation
        cells = np.flatnonzero(self._stale)
        self._stale[:] = False
        told = self._told.take(cells, axis=1)
        ranked = np.sort(told, axis=0)
        liars = told[self._honest + self._labelled]
        if option in (NEAR, NEARER):
            fewer = self._pulls[cells] if option == NEARER else np.ones_like(cells)
            radius, median = isqrt(rules.radius_squared // fewer), ranked[(len(ranked) - 1) // 2]
            within = np.abs(ranked - median) <= radius
            size = within.sum(axis=0)
            mean = (ranked * within).sum(axis=0) // size
            kept = np.abs(liars - median) <= radius
            tied = np.zeros_like(kept)
        else:
            trim, size = self._trim, np.full_like(cells, rules.participants - 2 * self._trim)
            left = ranked[trim : rules.participants - trim]
            mean = left.sum(axis=0) // len(left)
            kept = tied = np.ones_like(liars, np.bool_)
            if trim:  # equal to one that is cut, and to one that is left: their order decides
                kept = (ranked[trim - 1] < liars) & (liars < ranked[-trim])
                tied = (left[0] <= liars) & (liars <= left[-1]) & ~kept
        self._mean[cells] = mean
        self._kept[:, cells], self._tied[:, cells] = kept, tied
        self._lied[:, cells] = liars != self._own.take(cells, axis=1)[self._labelled]
        if rules.per_report:
            self._size[cells] = size
            self._weigh(cells)

    @property
    def _trim(self) -> int:
        rules = self.rules
        by_arm = rules.aggregation == BY_ARM
        return rules.liars if by_arm else trim_of(rules.participants, rules.liars)

    def _weigh(self, cells: Ints) -> None:
        """What an arm's index is made of, once its pulls or reports have changed."""
        reports = np.maximum(self._size[cells], 1) if self.rules.per_report else 1
        self._samples[cells] = reports * self._pulls[cells]
        self._factors[cells] = factors(self._samples[cells])

    def _charge(self, t: int, arms: Ints) -> None:
        """What rounds in case 2 cost: the charge, or floor(c d^2 / 10^18), by halves since it has up to 90 bits."""
        case_2 = self._case_2(t)
        cost = self._charges
        if self.rules.by_distance:
            off = self._mean[arms * self.count + self._each] - self.rules.environment.truth[arms]
            square = np.minimum(UNIT, np.abs(off)) ** 2
            cost = (cost * (square // UNIT) + cost * (square % UNIT) // UNIT) // UNIT
        self.sums.cost[:] += cost * case_2
        self.sums.costly[:] += case_2

    def _case_2(self, t: int) -> Flags:
        """Where some B_i holds a labelled liar whose report differs from its receipts."""
        shape = (len(self._labelled), self.rules.arms, self.count)
        kept, tied, lied = (np.any(each.reshape(shape), axis=1) for each in (self._kept, self._tied, self._lied))
        found: Flags = np.any(lied & kept, axis=0)
        for replicate in np.flatnonzero(np.any(lied & tied, axis=0) & ~found):
            found[replicate] = self._case_2_by_order(t, int(replicate), lied[:, replicate])
        return found

    def _case_2_by_order(self, t: int, replicate: int, lied: Flags) -> bool:
        """The same for one replicate, by the rule itself, where only the order of equals decides."""
        liars = set(self._seats[self._honest + self._labelled[lied]].tolist())
        seats = self._seats.tolist()
        order = tie_break(round_seed(self._seeds[replicate], t), frozenset(seats))
        for cell in range(replicate, len(self._mean), self.count):
            estimates = dict(zip(seats, self._told[:, cell].tolist(), strict=True))
            if self._tied[:, cell].any() and liars & trimmed(estimates, frozenset(seats), self._trim, order):
                return True
        return False

    def _pull(self, t: int, arms: Ints) -> None:
        """Everybody's receipt for one arm a replicate."""
        cells, seats = arms * self.count + self._each, self._seats
        words = philox(self._keys, t, (len(seats) + 3) // 4, arms)[seats % 4, seats // 4]
        self._pulls[cells] += 1
        totals = self._totals.take(cells, axis=1) + rewards(self.rules.environment, arms, words)
        self._totals[:, cells] = totals
        means = totals // self._pulls[cells]
        honest = means[: self._honest]
        self._told[: self._honest, cells], self._own[:, cells] = honest, means[self._honest :]
        self._stale[cells] = True
        self._weigh(cells)
        if self._known:
            self._rows[:, cells] = learnt(honest, self._known)[: self._known]


def _told_by(cast: Cast, index: int) -> tuple[tuple[int, int, int], ...]:
    """The lies of a malicious seat in their order."""
    parts = cast.parts[:, cast.seats[FIRST, index] : cast.seats[AFTER, index]]
    return tuple((lie, a, b) for lie, a, b in parts[[LIE, A, B]].T.tolist() if lie >= 0)
