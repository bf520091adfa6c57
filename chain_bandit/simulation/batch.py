"""Many games at once in numpy, by any aggregation: the sums of `simulation.kernel` and `outcomes`, to the unit.

All replicates play the same round at the same time, each an entry of the last axis of every array, so that a round is
the same few hundred operations for one game as for thousands. The aggregation is its form over arrays
(`simulation.arrays`), and the rule itself, replicate by replicate, where it has none or its form is unsure. Reputations
are kept where they leave reports out, by a rule that has a form.

Everybody validates and commands, nobody attacks the consensus or is proven a liar, and there are no phases: every round
from L on has a block, which is approved, everybody pulls one arm a round, and n_p = n_ref for all. Other games are
refused; a game in which a rule rejects a block leaves the lockstep when it does.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from chain_bandit.array_types import Flags, Ints, Words
from chain_bandit.attacks.attack import EVER, Attack, Effect, NotSimulated, overrides
from chain_bandit.attacks.inflated_counts import InflatedCounts
from chain_bandit.attacks.malicious import named
from chain_bandit.attacks.parametric import Parametric
from chain_bandit.attacks.seen import Honest, Seen, integers, shown
from chain_bandit.protocol import rules as named_rules
from chain_bandit.protocol.blocks import approves
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.estimation import estimate, worth_of
from chain_bandit.protocol.merits import ByMerit
from chain_bandit.protocol.parameters import ESTIMATES, UCB1, Parameters
from chain_bandit.protocol.rule import Agreed, Estimate, State
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.roots import isqrt
from chain_bandit.simulation import arrays
from chain_bandit.simulation.batch_numbers import factors, philox, rewards, ucb_arms
from chain_bandit.simulation.hashes import digests
from chain_bandit.simulation.kernel.encoding import KernelParameters, Keys
from chain_bandit.simulation.outcomes import effects
from chain_bandit.simulation.outcomes import parts as parts_of
from chain_bandit.simulation.reputations import ReputationArray
from chain_bandit.simulation.sums import SUMS, Sums

_Rows = Ints | slice

ALL = slice(None)

CELLS = 2**18
"""Of the largest array, (seats, arms, replicates), about: more no longer fit the caches, fewer are all overhead."""


class NotTogether(NotSimulated):
    """A game that is not played in lockstep."""

    def __init__(self, what: str) -> None:
        ChainBanditError.__init__(
            self, f"the numpy engine does not play {what}: leave out --engine, or name another one"
        )
        self.attack, self.reason = what, "it is not played in lockstep"


class LeavesLockstep(Exception):
    """A replicate came to what is not played here: the plain loop plays it from the start."""


def at_once(rules: KernelParameters) -> int:
    """How many replicates are best played together."""
    return max(1, CELLS // (rules.participants * rules.arms))


def play(
    parameters: Parameters,
    rules: KernelParameters,
    attacks: Mapping[int, Attack],
    chances: Sequence[Keys],
    marks: Sequence[int],
) -> tuple[Ints, Ints]:
    """Play one game for each of the chances, all together, from round 1 to T.

    Args:
        attacks: by seat.
        marks: ascending rounds at which the sums are kept.

    Returns:
        (replicates, marks, `SUMS`), bit for bit those of `kernel.play`, and `replicates.Measured.settled`.

    Raises:
        NotTogether: for anything but what the head of this file says, and for a lie that is told game by game.
        LeavesLockstep: a rule rejects a block, or a report is not one.
        AttackFailed: an attack raises.
    """
    require_lockstep(parameters, attacks)
    games, kept = _Games(parameters, rules, attacks, chances), {}
    for t in range(1, rules.horizon + 1):
        games.round(t)
        if t in marks:
            kept[t] = np.stack(games.sums, axis=-1)
    return np.stack([kept[mark] for mark in marks], axis=1), games.settled()


def plays(parameters: Parameters, attacks: Mapping[int, Attack]) -> bool:
    """Whether `play` takes this setting. Raises `NotSimulated` as `outcomes.effects`."""
    try:
        require_lockstep(parameters, attacks)
    except NotTogether:
        return False
    return True


def require_lockstep(parameters: Parameters, attacks: Mapping[int, Attack]) -> None:
    """Raises `NotTogether` for a setting that `play` does not take."""
    p = parameters
    effective = [effect for attack in attacks.values() for effect in effects(attack)]
    on_consensus = any(replace(effect, first=0, last=EVER) != Effect() for effect in effective)
    alone = sorted({part.name for attack in attacks.values() for part in parts_of(attack) if not is_together(part)})
    keeping = any(overrides(part, "reveals") for attack in attacks.values() for part in parts_of(attack))
    for refused, what in (
        (p.validators < p.participants or p.selection or p.sortition, "a game in which not everybody validates"),
        (p.draws_commanders, "a game that draws its commanders"),
        (p.has_phases, "a game in phases"),
        (p.provable and attacks, "liars in a game whose false reports are proven"),
        (p.sealed and keeping, "a sealing key that may not be revealed"),
        (on_consensus, "an attack on the consensus"),
        (alone, f"the attack {alone[0]}, which is asked game by game" if alone else ""),
        (p.disclosure != ESTIMATES, f"the disclosure {p.disclosure.name}"),
        (p.policy != UCB1, f"the policy {p.policy.name}"),
        (leaves_out(p) and not arrays.find_merits(p.reputation), f"the reputation {p.reputation.name}"),
        (named_rules.aggregation(p).reads_reputations and not leaves_out(p),
         f"the aggregation {p.aggregation.name}, which reads reputations"),
        (p.threshold < 2 or p.burn_in <= p.arms, "a game whose blocks may be rejected"),
    ):
        if refused:
            raise NotTogether(what)


def leaves_out(parameters: Parameters) -> bool:
    """Whether reputations say whose reports count."""
    return named_rules.reputation(parameters).leaves_out(parameters.terms_of(parameters.reputation))


def is_together(attack: Attack) -> bool:
    """Whether an attack is a lie of many games at once and nothing else; counts that are inflated change no bit."""
    counts = getattr(attack.counts, "__func__", None)
    truly = isinstance(attack, Parametric) and attack.counts_truly and counts is Parametric.counts
    return not overrides(attack, "arm", "means") and (truly or counts in (Attack.counts, InflatedCounts.counts))


def _alike(attack: Attack) -> Hashable:
    """The same of attacks of which one object tells the lies of all."""
    try:
        key = tuple((type(part), tuple(sorted(vars(part).items()))) for part in parts_of(attack))
        hash(key)
    except TypeError:
        return id(attack)
    return key


class _Table(NamedTuple):
    """What a rule is told, by cell.

    Attributes:
        told: reports, (seats, cells).
        pulls, before: n_ref, and the estimators in force.
    """

    told: Ints
    pulls: Ints
    before: Ints | None


class _Games:
    """All replicates between two rounds.

    A cell is an arm of a replicate, at arm * replicates + replicate; arrays by cell have it as their last axis. Seats
    stand with the honest first, in order; the malicious follow, those of equal lies together.

    Attributes:
        sums: so far.
    """

    def __init__(
        self, parameters: Parameters, rules: KernelParameters, attacks: Mapping[int, Attack], chances: Sequence[Keys]
    ) -> None:
        self.rules, self.count = rules, len(chances)
        self._parameters, self._form = parameters, arrays.find(parameters.aggregation)
        everybody = rules.participants  # all of them pass that are not left out
        self._reputations = ReputationArray(parameters, self.count) if leaves_out(parameters) else None
        passing = range(everybody + 1) if self._reputations else [everybody]
        counts = np.maximum([worth_of(parameters, range(everybody + 1), passed) for passed in passing], 1)
        self._worth = counts if rules.per_report else np.ones_like(counts)
        self._keeps_state = named_rules.aggregation(parameters).keeps_state
        self.sums = Sums(*np.zeros((len(SUMS), self.count), np.int64))
        self._keys = np.array([[keys.k0 for keys in chances], [keys.k1 for keys in chances]], np.uint64)[:, np.newaxis]
        self._charges = np.array([keys.charge for keys in chances], np.int64)
        self._first = np.array([keys.words[0] for keys in chances], np.uint64).reshape(-1, 4)
        self._drawn: dict[tuple[int, int], Words] = {}  # in the open round, see `_chance`
        self._each = np.arange(self.count)

        groups: dict[Hashable, list[int]] = {}
        for seat, attack in sorted(attacks.items()):
            groups.setdefault(_alike(attack), []).append(seat)
        liars = [seat for seats in groups.values() for seat in seats]
        self._attacks = [(attacks[seats[0]], [liars.index(seat) for seat in seats]) for seats in groups.values()]
        self._lies: list[Ints | None] = [None] * len(groups)  # of each that was told last
        self._honest = rules.participants - len(liars)
        self._seats = np.array([*sorted(set(range(rules.participants)) - set(liars)), *liars], np.int64)
        labelled = [bool(attacks[seat].conduct & Conduct.LIAR) for seat in liars]
        self._suspects = self._honest + np.flatnonzero(labelled)  # rows

        cells = rules.arms * self.count
        self._pulls, self._samples = np.zeros((2, cells), np.int64)
        self._factors = np.zeros(cells)
        self._totals, self._told = np.zeros((2, rules.participants, cells), np.int64)
        self._own = np.zeros((len(liars), cells), np.int64)  # what liars do not tell
        self._mean, self._size = np.zeros((2, cells), np.int64)  # in force
        self._before: Ints | None = None  # in force before this round
        self._stale = np.ones(cells, np.bool_)  # what is told of it is not what the block has
        self._kept, self._tied, self._lied = np.zeros((3, len(self._suspects), cells), np.bool_)
        self._explored = np.zeros((rules.participants, self.count), np.int64)  # paid by nobody, in the burn-in
        self._states: list[State] = [()] * self.count
        self._asked: dict[int, Estimate] = {}  # by replicate, what the rule itself said of the open round
        self._read: Honest | None = None  # in the last block
        self._read_pulls = np.zeros_like(self._pulls)
        self._moved = np.arange(cells)  # of which the honest report something else than in the last block

    def round(self, t: int) -> None:
        """All report, validate and pull, or only pull in the burn-in (protocol.md: Reports, Aggregation, Consensus)."""
        rules, sums, best = self.rules, self.sums, self.rules.environment.best
        arms = np.full(self.count, (t - 1) % rules.arms)
        if t > rules.burn_in:
            means, samples = (each.reshape(-1, self.count) for each in (self._mean, self._samples))
            arms = ucb_arms(means, samples, self._factors.reshape(means.shape), int(rules.widths[t]))
        if t >= rules.burn_in:
            self._report(t)
            self._aggregate(t)
            moved = sums.arm != arms
            sums.blocks[:] += 1
            sums.since[moved], sums.arm[moved] = t, arms[moved]
        if t > rules.burn_in:
            sums.arms[:] += best - rules.environment.truth[arms]
            sums.paid[:] += 1
            self._charge(t, arms)
        else:
            sums.burn_in[:] += best - rules.environment.truth[arms] * rules.pays_burn_in
        self._pull(t, arms)
        if t == rules.burn_in and not rules.pays_burn_in:
            self._explored[:] = self._seen()

    def settled(self) -> Ints:
        """`replicates.Measured.settled` so far."""
        settled = np.zeros((self.count, 3, self.rules.participants), np.int64)
        settled[:, 0, self._seats] = (self._seen() - self._explored).T
        settled[:, 1] = self.sums.cost[:, np.newaxis]
        return settled

    def _seen(self) -> Ints:
        """Of all receipts of every row, the rewards."""
        total: Ints = self._totals.reshape(len(self._seats), -1, self.count).sum(axis=1)
        return total

    def _report(self, t: int) -> None:
        """The malicious report their lies; those that follow the rules have reported."""
        shape, honest = (self.rules.arms, self.count), self._told[: self._honest]
        in_force = shown(self._mean.reshape(shape)) if t > self.rules.burn_in else None
        for index, (attack, rows) in enumerate(self._attacks):
            read = Honest(honest.reshape(-1, *shape)) if attack.rushes else self._read
            pulls = self._pulls if attack.rushes else self._read_pulls
            seen = Seen(
                self._parameters, t, self._own[rows].reshape(-1, *shape), in_force, shown(self._pulls.reshape(shape)),
                read if self._honest else None, partial(self._accepted, t, read, pulls),
                partial(self._indices, t, read, pulls),
            )  # fmt: skip
            self._tell(index, self._honest + np.array(rows), self._lie(attack, rows, seen))
        if self._attacks:
            if self._read is None:
                self._read = Honest(honest.reshape(-1, *shape).copy())
            else:
                self._read.learn(self._moved, honest[:, self._moved])
            self._read_pulls = self._pulls.copy()

    def _accepted(self, t: int, honest: Honest | None, pulls: Ints, lie: Ints) -> Flags:
        """`Seen.accepted`: all the honest have enough pulls."""
        if honest is None or (self._form and self._form.whole):
            return np.ones(lie.shape, np.bool_)
        return self._asked_about(t, honest, pulls, lie)[0].reshape(lie.shape)

    def _indices(self, t: int, honest: Honest | None, pulls: Ints, lie: Ints) -> Ints:
        """`Seen.indices`, likewise, and everybody passes."""
        assert honest is not None, "what nobody has reported yet has no index"
        _, means, size = self._asked_about(t, honest, pulls, lie)
        return (means + 10 * isqrt(int(self.rules.widths[t]) // (self._worth[-1, size] * pulls))).reshape(lie.shape)

    def _asked_about(self, t: int, honest: Honest, pulls: Ints, lie: Ints) -> tuple[Flags, Ints, Ints]:
        """Of each cell, whether a report of all colluders has its value in B, the estimator, and |B|."""
        form, taken = self._form, np.ones(self._stale.size, np.bool_)
        means, size = np.zeros((2, taken.size), np.int64)
        told = np.concatenate([honest.reports, np.broadcast_to(lie, (len(self._own), *lie.shape))])
        in_force = self._mean if t > self.rules.burn_in else None
        table, rows = _Table(told.reshape(len(told), -1), pulls, in_force), np.arange(len(told))
        values = lie.reshape(-1)
        cells: Ints = np.arange(taken.size).reshape(-1 if form and form.by_arm else lie.shape)
        for ordered in (False, True):
            if form and cells.size and ordered <= form.ordered:
                found = self._by_form(form, t, table, rows, cells, ordered)
                taken[cells] = ((found.kept | found.tied) & (table.told[:, cells] == values[cells])).any(axis=0)
                means[cells], size[cells] = found.means, found.size
                cells = cells[..., np.broadcast_to(found.unsure, cells.shape[-1:])]
        for cell in cells.reshape(-1).tolist():
            arm, replicate = divmod(cell, self.count)
            said = self._estimate(t, table, replicate)
            taken[cell] = (table.told[np.isin(self._seats, [*said.sets[arm]]), cell] == values[cell]).any()
            means[cell], size[cell] = said.means[arm], len(said.sets[arm])
        return taken, means, size

    def _lie(self, attack: Attack, rows: list[int], seen: Seen) -> Ints:
        """What an attack tells, as far as it differs. What no report may say the plain loop leaves out or refuses."""
        lie = seen.own
        with named(attack, int(self._seats[self._honest + rows[0]]), seen.round):
            for part in parts_of(attack):
                lie = integers(part.lie(seen))
                seen = replace(seen, own=np.broadcast_to(lie, seen.own.shape))
        if lie.min() < 0 or lie.max() > UNIT:
            raise LeavesLockstep
        return lie

    def _tell(self, index: int, places: Ints, lie: Ints) -> None:
        """Put a lie into the reports, and note of which arms it is another one than before."""
        if lie.size <= self.rules.arms:
            last, self._lies[index] = self._lies[index], lie.copy()
            if last is not None and np.array_equal(lie, last):
                return  # all games are told the same as before
        shape = (len(places), self.rules.arms, self.count)
        told = np.broadcast_to(lie, shape).reshape(len(places), -1)
        self._stale |= (self._told[places] != told).any(axis=0)
        self._told[places] = told

    def _aggregate(self, t: int) -> None:
        """The estimators of every arm of which something else is told than before (protocol.md: Aggregation)."""
        self._asked.clear()
        self._before = self._mean.copy() if t > self.rules.burn_in else None
        form, reputations = self._form, self._reputations
        if reputations:
            self._stale.reshape(-1, self.count)[:, reputations.leave_out()] = True
        cells: Ints = np.arange(self._stale.size).reshape(-1, self.count)
        if form and form.by_arm:
            cells = np.flatnonzero(self._stale)
        self._stale[:] = False
        told, own = self._told[self._suspects], self._own[self._suspects - self._honest]
        self._lied[:, cells] = told[:, cells] != own[:, cells]
        unsure = self._find(form, t, cells) if form else cells
        if unsure.size:
            self._settle(t, unsure)
        if self._keeps_state:
            self._states = [self._asked[replicate].state for replicate in range(self.count)]
        if self.rules.per_report:
            self._weigh(cells.reshape(-1))
        if reputations:
            shape = (self.rules.arms, self.count)
            told, pulls, means = (each.reshape(-1, *shape) for each in (self._told, self._pulls, self._mean))
            reputations.weigh(told, pulls[0], means[0], partial(self._merits, t))

    def _merits(self, t: int, replicate: int) -> Ints:
        """What the rule of reputation itself says of the block of the open round, by row."""
        p, means = self._parameters, tuple(self._mean[replicate :: self.count].tolist())
        agreed = self._agreed(t, _Table(self._told, self._pulls, self._before), replicate)
        rule = named_rules.reputation(p)
        assert isinstance(rule, ByMerit)
        return np.array(rule.merits(p.terms_of(p.reputation), agreed, Estimate(means, ())))[self._seats]

    def _known(self, replicate: int) -> tuple[int, ...]:
        """The reputations of a replicate when the open round began, by seat; none where nobody reads them."""
        if self._reputations is None:
            return ()
        by_seat = np.empty(len(self._seats), np.int64)
        by_seat[self._seats] = self._reputations.values[:, replicate]
        return tuple(by_seat.tolist())

    def _settle(self, t: int, cells: Ints) -> None:
        """The estimators of cells where the order of equals, or the rule itself, decides: differently in each round."""
        self._stale[cells] = True
        if self._form and self._form.ordered:
            cells = self._find(self._form, t, cells, ordered=True)
        self._ask_of(t, cells.reshape(-1))

    def _find(self, form: arrays.Form, t: int, cells: Ints, ordered: bool = False) -> Ints:
        """Fill in the estimators of cells by a form, and give those of which it is unsure.

        Args:
            cells: (cells,) of a form that takes each arm by itself, else (arms, replicates).
        """
        table, unsure = _Table(self._told, self._pulls, self._before), [cells[..., :0]]
        for rows, some in self._reputations.parts(cells) if self._reputations else ((ALL, cells),):
            places, there = self._suspects, np.ones(len(self._suspects), np.bool_)
            if not isinstance(rows, slice):
                there = np.isin(places, rows)
                places = np.searchsorted(rows, places[there])
            found = self._by_form(form, t, table, places, some, ordered, rows)
            self._mean[some], self._size[some] = found.means, found.size
            for held, values in ((self._kept, found.kept), (self._tied, found.tied)):
                spread = np.zeros((len(held), *some.shape), np.bool_)
                spread[there] = values
                held[:, some] = spread
            unsure.append(some[..., np.broadcast_to(found.unsure, some.shape[-1:])])
        return np.concatenate(unsure, axis=-1)

    def _by_form(
        self, form: arrays.Form, t: int, table: _Table, suspects: Ints, cells: Ints, ordered: bool,
        rows: _Rows = ALL,
    ) -> arrays.Found:  # fmt: skip
        """What a form says of the reports of some rows, in some cells."""
        replicates, order = cells[0] % self.count if cells.ndim > 1 else cells % self.count, None
        if ordered:
            some, at = np.unique(replicates, return_inverse=True)
            order = self._order(t, some)[rows][:, at]
            order = order.reshape(len(order), *(1,) * (cells.ndim - 1), len(at))
        before = None if table.before is None else table.before[cells]
        return form.estimate(self._parameters.terms, arrays.Told(
            table.told.take(cells, axis=1)[rows], suspects, table.pulls[cells], before,
            lambda numbers: self._chance(t, numbers)[replicates], order,
        ))  # fmt: skip

    def _order(self, t: int, replicates: Ints) -> Ints:
        """By which equal reports stand, `protocol.aggregation.tie_break`: (seats, replicates), places of the rows."""
        words = digests(self._words(t)[replicates], self._seats, 2)
        return np.lexsort(np.moveaxis(words, 2, 0)[::-1], axis=1).argsort(axis=1).T

    def _words(self, t: int) -> Words:
        """seed_t of every replicate, as words."""
        if (t, 0) not in self._drawn:
            self._drawn = {(t, 0): digests(self._first, [t], 4)[:, 0]}
        return self._drawn[t, 0]

    def _chance(self, t: int, numbers: int) -> Words:
        """`arrays.Told.chance` of every replicate."""
        seeds = self._words(t)
        if (t, numbers) not in self._drawn:
            self._drawn[t, numbers] = digests(seeds, range(numbers), 4)
        return self._drawn[t, numbers]

    def _ask_of(self, t: int, cells: Ints) -> None:
        """The estimators of cells by the rule itself."""
        suspects = self._seats[self._suspects].tolist()
        for cell in cells.tolist():
            arm, replicate = divmod(cell, self.count)
            found = self._ask(t, replicate)
            self._mean[cell], self._size[cell] = found.means[arm], len(found.sets[arm])
            self._kept[:, cell] = [seat in found.sets[arm] for seat in suspects]
        self._tied[:, cells] = False

    def _ask(self, t: int, replicate: int) -> Estimate:
        """What the rule itself says of the reports of a replicate in the open round."""
        if replicate not in self._asked:
            found = self._estimate(t, _Table(self._told, self._pulls, self._before), replicate)
            if not approves(found.means):
                raise LeavesLockstep
            self._asked[replicate] = found
        return self._asked[replicate]

    def _estimate(self, t: int, table: _Table, replicate: int) -> Estimate:
        """What the rule itself says of a table."""
        return estimate(self._parameters, self._states[replicate], self._agreed(t, table, replicate))

    def _agreed(self, t: int, table: _Table, replicate: int) -> Agreed:
        """What rules are told of the reports of a replicate."""
        own, seats = slice(replicate, None, self.count), range(len(self._seats))
        told = dict(zip(self._seats.tolist(), map(tuple, table.told[:, own].tolist()), strict=True))
        before = None if table.before is None else tuple(table.before[own].tolist())
        return Agreed(
            t, self._seed(t, replicate), {seat: told[seat] for seat in seats},
            dict.fromkeys(seats, (True,) * self.rules.arms), tuple(table.pulls[own].tolist()), before,
            self._known(replicate),
        )  # fmt: skip

    def _seed(self, t: int, replicate: int) -> bytes:
        seed: bytes = self._words(t)[replicate].astype(">u8").tobytes()
        return seed

    def _weigh(self, cells: Ints) -> None:
        """What an arm's index is made of, once its pulls or reports have changed."""
        passed = self._reputations.passed[cells % self.count] if self._reputations else 0
        self._samples[cells] = self._worth[passed, self._size[cells]] * self._pulls[cells]
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
        found, tied = self._in_force()
        if (waiting := tied & ~found).any():
            cells = np.arange(self._stale.size).reshape(-1, self.count)
            if self._form and self._form.by_arm:
                cells = cells[self._tied.any(axis=0).reshape(cells.shape) & waiting]
            else:
                cells = cells[:, waiting]
            self._settle(t, cells)
            found, _ = self._in_force()
        return found

    def _in_force(self) -> tuple[Flags, Flags]:
        """By replicate, whether a suspect that lies of some arm is in B of one, or may be as one of some equals."""
        shape = (len(self._suspects), self.rules.arms, self.count)
        kept, tied, lied = (np.any(each.reshape(shape), axis=1) for each in (self._kept, self._tied, self._lied))
        return np.any(lied & kept, axis=0), np.any(lied & tied, axis=0)

    def _pull(self, t: int, arms: Ints) -> None:
        """Everybody's receipt for one arm a replicate."""
        cells, seats = arms * self.count + self._each, self._seats
        words = philox(self._keys, t, (len(seats) + 3) // 4, arms)[seats % 4, seats // 4]
        self._pulls[cells] += 1
        totals = self._totals.take(cells, axis=1) + rewards(self.rules.environment, arms, words)
        self._totals[:, cells] = totals
        means = totals // self._pulls[cells]
        self._told[: self._honest, cells], self._own[:, cells] = means[: self._honest], means[self._honest :]
        self._stale[cells] = True
        self._moved = cells
        self._weigh(cells)
