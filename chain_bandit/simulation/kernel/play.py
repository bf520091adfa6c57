"""A whole game, compiled: `simulation.outcomes.Play` over arrays, one replicate a call, without Python's lock.

Only what changed is computed anew: all honest participants pull one arm a round, so one arm of the block moves, and
those that a lie moves.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chain_bandit.array_types import Ints, Words
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.reputation import START
from chain_bandit.protocol.units import INFINITY, UNIT
from chain_bandit.simulation.kernel.arms import factor, ucb_arm
from chain_bandit.simulation.kernel.committee_election import draw, drawn, elect, judge, quorum
from chain_bandit.simulation.kernel.compiled import compiled, inlined
from chain_bandit.simulation.kernel.divergence import UNSURE, kl_arm
from chain_bandit.simulation.kernel.encoding import (
    AFTER,
    COMMANDS,
    FIRST,
    LABELLED,
    LASTING,
    LIE,
    OPENS,
    PROBING,
    RUSHES,
    SAYS,
    SEAT,
    SINCE,
    UNTIL,
    VOTES,
    AttackPlan,
    KernelParameters,
)
from chain_bandit.simulation.kernel.forms import BY_ARM, KL_UCB
from chain_bandit.simulation.kernel.keccak import LANES, keccak
from chain_bandit.simulation.kernel.lies import (
    AVERAGE,
    CLAIMS,
    FAMILY,
    HIGHEST,
    INFLATED,
    LOWEST,
    MOST,
    SPREAD,
    claimed,
    tell,
)
from chain_bandit.simulation.kernel.order_statistics import measure
from chain_bandit.simulation.kernel.philox import philox
from chain_bandit.simulation.kernel.quotients import quotient, reciprocal
from chain_bandit.simulation.kernel.rewards import drawable, reward
from chain_bandit.simulation.kernel.selection import (
    IN,
    MEMBER,
    OUT,
    SORTED,
    SUSPECT,
    TIED,
    insert,
    kept_by,
    spares,
    standing,
    trim,
)
from chain_bandit.simulation.sums import SUMS

APPROVED, REJECTED, SKIP, EXPLORATION = (int(kind) for kind in Kind)
UNRECORDED = 0
"""The kind of a pull that leaves no record: of the burn-in, or in a phase after its first."""

ONCE, TWICE = range(2)
"""As in `attack.SAID`."""

_BURN_IN, _ARMS, _UNPAID, _COST, _PAID, _COSTLY, _SKIPS, _REJECTED, _EXPLORED, _SINCE, _ARM, _BLOCKS = range(
    len(SUMS)
)


class Trace(NamedTuple):
    """Every round of a game, where somebody wants it; no rows where nobody does.

    Attributes:
        rounds: (T, 3 + K): kind of its record, or `UNRECORDED`; the arm that the honest pulled, or -1; its cost in
            units, or -1; then the global estimators in force after it, the first negative until there are some.
        seats: (T, 3, M): reputations, whether it validates the next round, from when on it is on the block list.
        local: (T, K, M): every seat's estimators after the round.
    """

    rounds: Ints
    seats: Ints
    local: Ints


def trace(rounds: int, arms: int, seats: int) -> Trace:
    """Room for so many rounds."""
    shapes = ((rounds, 3 + arms), (rounds, 3, seats), (rounds, arms, seats))
    return Trace(*(np.zeros(shape, np.int64) for shape in shapes))


COUNTS, TOTALS, LOCAL, TOLD, ENOUGH, ORDER, LIED = range(7)
"""By arm and seat: pulls, their rewards, the estimator, what is reported of it, the comparison bit; all seats by what
they report; whether that differs from the estimator."""

STALE, BLOCK, BLOCK_SIZE, MEAN, SIZE, PULLS, SAMPLES, REPORT, FORGIVEN = range(MOST + 1, MOST + 10)
"""By arm, after the rows of `lies` of the honest estimators: to be computed anew; the block's estimator and |B_i|;
those in force, the first mean negative until there are some; n_ref, and times the reports if C1 is divided by them; the
report that is being made up; how far a report may be off without loss of reputation."""

(
    HONEST, ENOUGH_OF, REPORTING, PROVEN, BLOCKED_FROM, REPUTATION, COMMITTEE, COMMANDER, BUFFER, REWARD, KEPT_FOR,
    TIED_FOR, LIED_ABOUT, ABLE, SETTLED, UNPAID, CHARGED, MISCOUNTS, FALSE, OBSERVED, SPARED,
) = range(21)  # fmt: skip
"""By seat: comparison bits that hold; whose report is in the block; a draw; in how many arms it is in B, among equals
of whom some are, not telling its estimator; whether it has told a lasting lie; rewards that were seen and are not
kept; what its rounds in case 2 cost; whether it commits to other counts; whether a block has a false report of its; of
the unpaid what the next paid pull brings; whether it is listed for a false report; the rest as in `ledger.Ledger`."""

STAND = MOST + 1
"""By malicious seat and arm, after the rows of `lies` of the last block that it read: where it stands in the block."""


(
    FAILED, FAILURES, EXPLORATIONS, SKIPS_IN_A_ROW, WAITING, EXPLORES, EMPTY, QUIET, COSTING, STILL, UNSETTLED, EXTRA,
    DOUBTED,
) = range(13)  # fmt: skip
"""Of the game: failed rounds, those in a row, exploration rounds, skips in a row; records that wait for a transaction;
whether the next round explores; arms whose B is empty; pulls left of a phase, and what each costs; whether every seat
reports for good, and nobody's consensus is in question; paid rounds that are not settled; pulls beyond one a round: the
round of a time t is t - EXTRA; whether doubles did not tell an arm, so that the plain loop has to play the game."""


class GameState(NamedTuple):
    """What a game consists of between two rounds; few arrays, since the compiler takes its time for each.

    Attributes:
        pulled, arms, seats, liars, now: see the lists of their rows above.
        sums: `simulation.sums.Sums`.
        notes: for digests.
        factors: `arms.factor` by arm; of KL-UCB what its indices were.
    """

    pulled: Ints
    arms: Ints
    seats: Ints
    liars: Ints
    now: Ints
    sums: Ints
    factors: NDArray[np.float64]
    notes: Words


@compiled
def play(rules: Any, cast: Any, keys: Any, state: Any, marks: Any, out: Any, trace: Any) -> None:
    """Play rounds 1 to T.

    Args:
        rules, cast, keys: `numbers.Rules`, `AttackPlan`, `Keys`.
        state: `opening`; changed.
        marks: ascending rounds at which the sums are kept.
        out: int64, a row of `SUMS` for each of them; filled.
        trace: `Trace` of T rounds, or of none.
    """
    simple, t, mark = _is_simple(rules, cast), np.int64(1), np.int64(0)
    while t <= rules.horizon:
        if state.now[EXPLORES]:
            kind, arm, cost = EXPLORATION, state.now[EXPLORATIONS] % rules.arms, -1
            _receive(rules, cast, keys, state, t, arm, True)
            _explored(rules, keys, state, t, simple)
        elif t < rules.burn_in:
            kind, arm, cost = UNRECORDED, (t - 1) % rules.arms, -1
            if rules.draws_commanders:
                _probe(rules, cast, keys, state, t)
                _accuse(rules, cast, state, rules.burn_in)
            _receive(rules, cast, keys, state, t, arm, True)
        elif state.now[QUIET]:
            kind, arm, cost = UNRECORDED, state.sums[_ARM], state.now[COSTING]
            state.now[EXTRA] += 1
            _bill(rules, state, t, cost)
            _receive(rules, cast, keys, state, t, arm, False)
            state.now[QUIET] -= 1
        else:
            kind, arm, cost = _recorded(rules, cast, keys, state, t, simple)
        if rules.provable and t >= rules.burn_in and kind != UNRECORDED:
            _settle(rules, cast, state, t, kind)
        _account(rules, state, t, kind, arm, cost)
        if t <= trace.rounds.shape[0]:
            _keep(trace, state, t, kind, arm, cost)
        if mark < marks.size and marks[mark] == t:
            copy(out[mark], state.sums)
            mark += 1
        t += 1


@inlined
def _recorded(rules: Any, cast: Any, keys: Any, state: Any, t: Any, simple: Any) -> Any:
    """A round with a record that may fail: (its kind, the honest arm or -1, what it costs or -1)."""
    now, arm, cost = state.now, np.int64(-1), np.int64(-1)
    kind, pays = _agree(rules, cast, state, t, simple), t > rules.burn_in
    if rules.provable and kind != SKIP:
        _convict(cast, state)
    if kind != SKIP and rules.validators < rules.participants:
        judge(rules, state.arms[PULLS], state.pulled[TOLD], state.seats[REPORTING], state.arms[BLOCK],
              state.arms[BLOCK_SIZE], state.seats[REPUTATION], state.arms[FORGIVEN])
    if kind == APPROVED or not pays:
        arm = _learning_arm(rules, state, t)
        if pays and _case_2(rules, cast, keys, state, t):
            cost = _charge(rules, keys, state, arm)
            _bill(rules, state, t, cost)
        _receive(rules, cast, keys, state, t, arm, not pays)
    now[SKIPS_IN_A_ROW] = now[SKIPS_IN_A_ROW] + 1 if kind == SKIP else 0
    if not simple:
        _succeed(rules, keys, state, t, kind)
        _accuse(rules, cast, state, t - now[EXTRA] - now[WAITING])
    if kind == APPROVED:
        copy(state.arms[MEAN], state.arms[BLOCK])
        for each in range(rules.arms):
            if state.arms[SIZE, each] != state.arms[BLOCK_SIZE, each]:
                state.arms[SIZE, each] = state.arms[BLOCK_SIZE, each]
                _weigh(rules, state, each)
        now[FAILURES] = 0
        now[WAITING] = 0 if now[WAITING] + 1 == rules.batch else now[WAITING] + 1
        if pays and rules.growth:
            before = state.arms[PULLS, arm] - 1
            now[QUIET], now[COSTING] = max(0, (rules.growth * before + UNIT - 1) // UNIT - 1), cost
    else:
        now[FAILED] += 1
        now[FAILURES] += 1
        now[WAITING] = 0
        now[EXPLORES] = now[FAILURES] >= rules.failure_limit
    return kind, arm, cost


@inlined
def _explored(rules: Any, keys: Any, state: Any, t: Any, simple: Any) -> None:
    """What an exploration round leaves, after its receipts."""
    if not simple:
        _succeed(rules, keys, state, t, EXPLORATION)
    state.now[EXPLORATIONS] += 1
    state.now[FAILURES] = state.now[EXPLORES] = 0


def opening(rules: KernelParameters, cast: AttackPlan) -> GameState:
    """Before round 1."""
    arms, count = rules.arms, rules.participants
    state = GameState(
        np.zeros((7, arms, count), np.int64), np.zeros((MOST + 10, arms), np.int64),
        np.zeros((SPARED + 1, count), np.int64), np.zeros((MOST + 2, cast.seats.shape[1], arms), np.int64),
        np.zeros(13, np.int64), np.zeros(len(SUMS), np.int64), np.zeros(arms, np.float64),
        np.zeros((count + 1, LANES), np.uint64),
    )  # fmt: skip
    state.pulled[ORDER] = np.arange(count)
    state.arms[STALE] = 1
    state.arms[MEAN] = -1
    state.seats[[HONEST, REPORTING, COMMITTEE, COMMANDER]] = 1
    state.seats[HONEST, cast.seats[SEAT]] = 0
    state.seats[REPUTATION] = START
    state.liars[AVERAGE] = -1
    state.now[EMPTY] = arms
    return state


def settled(state: GameState) -> Ints:
    """`replicates.Measured.settled` of one game."""
    paid = state.pulled[TOTALS].sum(axis=0) - state.seats[UNPAID]
    return np.stack([paid, state.seats[CHARGED], state.seats[BLOCKED_FROM]])


@inlined
def fill(row: Any, value: Any) -> None:
    """The compiler has loops sooner than assignments of slices; so for `copy`."""
    for at in range(row.size):
        row[at] = value


@inlined
def copy(to: Any, row: Any) -> None:
    """As long as the second is."""
    for at in range(row.size):
        to[at] = row[at]


@inlined
def _is_simple(rules: Any, cast: Any) -> Any:
    """Whether every block is certified and nobody is ever proven guilty, whatever the rounds bring."""
    for part in range(cast.parts.shape[1]):
        if cast.parts[SAYS, part] != ONCE or cast.parts[COMMANDS, part] != ONCE:
            return False
        if not (cast.parts[OPENS, part] and cast.parts[VOTES, part]):
            return False
    if rules.provable and cast.seats.shape[1]:
        return False
    return rules.validators == rules.participants and not rules.sortition and not rules.draws_commanders


# --- consensus


@inlined
def _effect(cast: Any, index: Any, t: Any) -> Any:
    """(report, header, opens, votes) of a malicious seat, as by `Effect.then`."""
    report, header, opens, votes = ONCE, ONCE, True, True
    for part in range(cast.seats[FIRST, index], cast.seats[AFTER, index]):
        if cast.parts[SINCE, part] <= t <= cast.parts[UNTIL, part]:
            report, header = max(report, cast.parts[SAYS, part]), max(header, cast.parts[COMMANDS, part])
            opens, votes = opens and cast.parts[OPENS, part], votes and cast.parts[VOTES, part]
    return report, header, opens, votes


@inlined
def _listed(state: Any, seat: Any, t: Any) -> Any:
    return 0 < state.seats[BLOCKED_FROM, seat] <= t - state.now[EXTRA]


@inlined
def _barred(state: Any, seat: Any, t: Any) -> Any:
    return _listed(state, seat, t) and not state.seats[SPARED, seat]


@inlined
def _is_rewarded(rules: Any, state: Any, seat: Any, t: Any) -> Any:
    """`Rules.rewarded`."""
    return not _listed(state, seat, t) and (state.seats[REPORTING, seat] or not rules.provable)


@compiled
def _probe(rules: Any, cast: Any, keys: Any, state: Any, t: Any) -> None:
    """A probe round: an equivocator is proven guilty if it is drawn."""
    least = rules.commands_from[PROBING]
    for index in range(cast.seats.shape[1]):
        seat = cast.seats[SEAT, index]
        if _effect(cast, index, t)[1] == TWICE and drawn(keys, seat, t, 1, least, state.notes[0]):
            state.seats[PROVEN, seat] = True


@inlined
def _agree(rules: Any, cast: Any, state: Any, t: Any, simple: Any) -> Any:
    """What the open round's consensus comes to: `APPROVED`, `REJECTED` or `SKIP`; its block is in the state."""
    heard, votes, members = simple, 0, 0
    if not simple:
        for seat in range(rules.participants):
            if state.seats[COMMITTEE, seat] and not _barred(state, seat, t):
                members += 1
                votes += state.seats[HONEST, seat]
                heard = heard or (state.seats[HONEST, seat] and state.seats[COMMANDER, seat])
    if not state.now[STILL]:
        still = simple and cast.known == 0
        for index in range(cast.seats.shape[1]):
            seat = cast.seats[SEAT, index]
            if not simple:
                report, header, opens, voting = _effect(cast, index, t)
                listed = _listed(state, seat, t)
                reports = not listed and report == ONCE and opens
                if reports != state.seats[REPORTING, seat]:
                    state.seats[REPORTING, seat] = reports
                    fill(state.arms[STALE], 1)
                if not listed and report == TWICE:
                    state.seats[PROVEN, seat] = True
                if state.seats[COMMITTEE, seat] and not _barred(state, seat, t):
                    votes += voting
                    if state.seats[COMMANDER, seat]:
                        heard = heard or header == ONCE
                        if header == TWICE:
                            state.seats[PROVEN, seat] = True
            if state.seats[REPORTING, seat] and not state.seats[SETTLED, seat]:
                if cast.seats[RUSHES, index]:
                    _read(cast, state, index)
                _tell(rules, cast, state, index, seat, t)
                state.seats[SETTLED, seat] = cast.seats[LASTING, index]
            if rules.provable:
                state.seats[MISCOUNTS, seat] = _miscounts(cast, state, index, seat, t)
            still = still and state.seats[SETTLED, seat]
            if state.seats[COMMITTEE, seat] and not _barred(state, seat, t):
                _read(cast, state, index)
        state.now[STILL] = still
    for arm in range(rules.arms):
        if state.arms[STALE, arm]:
            _select(rules, cast, state, arm)
            state.arms[STALE, arm] = False
    if not simple and not (heard and votes >= quorum(rules, members)):
        return SKIP
    return REJECTED if state.now[EMPTY] else APPROVED


@inlined
def _read(cast: Any, state: Any, index: Any) -> None:
    """What the honest report, as far as lies are made of it."""
    for row in range(cast.known):
        copy(state.liars[row, index], state.arms[row])


@inlined
def _tell(rules: Any, cast: Any, state: Any, index: Any, seat: Any, t: Any) -> None:
    """The report of a malicious seat; the arms that it changes are stale."""
    report, claims = state.arms[REPORT], False
    arms = report.size
    for arm in range(arms):
        report[arm] = state.pulled[LOCAL, arm, seat]
    for part in range(cast.seats[FIRST, index], cast.seats[AFTER, index]):
        if cast.parts[LIE, part] >= 0:
            tell(report, cast.parts[LIE, part], cast.numbers[part], t, state.arms[MEAN], state.arms[PULLS],
                 state.liars, index)
        if cast.parts[LIE, part] == FAMILY and cast.numbers[part, CLAIMS]:
            claims = True
    if claims:
        _claim(rules, cast, state, index, seat, t)
    for arm in range(arms):
        if report[arm] != state.pulled[TOLD, arm, seat]:
            state.pulled[TOLD, arm, seat] = report[arm]
            state.arms[STALE, arm] = True


@inlined
def _claim(rules: Any, cast: Any, state: Any, index: Any, seat: Any, t: Any) -> None:
    """The comparison bits of a seat that claims the pulls of some arms alone."""
    for arm in range(rules.arms):
        enough = rules.threshold * state.pulled[COUNTS, arm, seat] > state.arms[PULLS, arm]
        for part in range(cast.seats[FIRST, index], cast.seats[AFTER, index]):
            if cast.parts[LIE, part] == FAMILY:
                enough = enough and claimed(cast.numbers[part], t, state.liars, index, arm)
        if enough != state.pulled[ENOUGH, arm, seat]:
            state.pulled[ENOUGH, arm, seat] = enough
            state.seats[ENOUGH_OF, seat] += 1 if enough else -1
            state.arms[STALE, arm] = True
            if rules.aggregation != BY_ARM:
                fill(state.arms[STALE], 1)


@inlined
def _miscounts(cast: Any, state: Any, index: Any, seat: Any, t: Any) -> Any:
    """Whether a seat commits to other counts than its own, by what it has read before the open round."""
    for arm in range(state.arms.shape[1]):
        if state.pulled[COUNTS, arm, seat]:
            for part in range(cast.seats[FIRST, index], cast.seats[AFTER, index]):
                lie, numbers = cast.parts[LIE, part], cast.numbers[part]
                if lie == INFLATED and numbers[1] != 1:
                    return True
                if lie == FAMILY and not claimed(numbers, t, state.liars, index, arm):
                    return True
    return False


@inlined
def _convict(cast: Any, state: Any) -> None:
    """Note whose report in the block of the open round is false."""
    for seat in cast.seats[SEAT]:
        if state.seats[REPORTING, seat] and (state.seats[MISCOUNTS, seat] or state.seats[LIED_ABOUT, seat]):
            state.seats[FALSE, seat] = True


@inlined
def _is_member(rules: Any, state: Any, arm: Any, seat: Any) -> Any:
    """Whether a report is in A_i, or in the filter F, as the option has it."""
    if rules.aggregation == BY_ARM:
        return state.seats[REPORTING, seat] and state.pulled[ENOUGH, arm, seat]
    return state.seats[REPORTING, seat] and state.seats[ENOUGH_OF, seat] == rules.arms


@inlined
def _select(rules: Any, cast: Any, state: Any, arm: Any) -> None:
    """One arm of the block, and the standing of possible liars in it."""
    order, told, values, count = state.pulled[ORDER, arm], state.pulled[TOLD, arm], state.seats[BUFFER], 0
    in_order = rules.participants <= SORTED
    for place in range(rules.participants):
        seat = order[place] if in_order else place
        is_member = _is_member(rules, state, arm, seat)
        if in_order:
            insert(values, order, place, told[seat] if is_member else INFINITY, seat)
        elif is_member:
            values[count] = told[seat]
        count += is_member
    kept = kept_by(rules, values, count, state.arms[PULLS, arm], in_order)
    state.now[EMPTY] += (kept.worth == 0) - (state.arms[BLOCK_SIZE, arm] == 0)
    state.arms[BLOCK, arm], state.arms[BLOCK_SIZE, arm] = kept.mean, kept.worth
    for index in range(cast.seats.shape[1]):
        seat = cast.seats[SEAT, index]
        stood, lies = state.liars[STAND, index, arm], state.pulled[LIED, arm, seat]
        stands = standing(kept, told[seat]) if _is_member(rules, state, arm, seat) else OUT
        lied = told[seat] != state.pulled[LOCAL, arm, seat]
        if stands != stood or lied != lies:
            state.seats[KEPT_FOR, seat] += (stands == IN) - (stood == IN)
            state.seats[TIED_FOR, seat] += (stands == TIED) - (stood == TIED)
            state.seats[LIED_ABOUT, seat] += lied - lies
            state.liars[STAND, index, arm], state.pulled[LIED, arm, seat] = stands, lied


# --- rewards, costs and regret


@inlined
def _learning_arm(rules: Any, state: Any, t: Any) -> Any:
    """The arm of a participant that follows the rules."""
    if t <= rules.burn_in or state.arms[MEAN, 0] < 0:
        return (t - 1) % rules.arms
    if rules.policy == KL_UCB:
        arm = kl_arm(state.arms[MEAN], state.arms[SAMPLES], state.factors, rules.widths[t])
        state.now[DOUBTED] |= arm == UNSURE
        return max(arm, 0)
    return ucb_arm(state.arms[MEAN], state.arms[SAMPLES], state.factors, rules.widths[t])


@inlined
def _weigh(rules: Any, state: Any, arm: Any) -> None:
    """What an arm's index is made of, once its pulls or reports have changed."""
    reports = max(state.arms[SIZE, arm], 1) if rules.per_report else 1
    state.arms[SAMPLES, arm] = reports * state.arms[PULLS, arm]
    state.factors[arm] = factor(state.arms[SAMPLES, arm])


@inlined
def _draw(rules: Any, keys: Any, state: Any, t: Any, arm: Any) -> None:
    """What an arm gives each seat in a round, `protocol.rewards.Draws`."""
    failed, seats, rewards = np.uint64(state.now[FAILED]), rules.participants, state.seats[REWARD]
    values = drawable(rules.environment, arm)
    for seat in range(0, seats, 4):
        first, second, third, fourth = philox(
            keys.k0, keys.k1, np.uint64(t), np.uint64(seat // 4), np.uint64(arm), failed
        )
        rewards[seat] = reward(rules.environment, values, first)
        if seat + 1 < seats:
            rewards[seat + 1] = reward(rules.environment, values, second)
        if seat + 2 < seats:
            rewards[seat + 2] = reward(rules.environment, values, third)
        if seat + 3 < seats:
            rewards[seat + 3] = reward(rules.environment, values, fourth)


@inlined
def _receive(rules: Any, cast: Any, keys: Any, state: Any, t: Any, arm: Any, everybody: Any) -> None:
    """Receipts for one arm: everybody's, or of those that are rewarded; what they change is stale."""
    state.arms[PULLS, arm] += 1
    _weigh(rules, state, arm)
    _draw(rules, keys, state, t, arm)
    if everybody:
        for seat in range(rules.participants):
            state.seats[UNPAID, seat] += state.seats[REWARD, seat]
            if rules.pays_burn_in and t <= rules.burn_in:
                state.seats[OBSERVED, seat] += state.seats[REWARD, seat]
    elif rules.provable:
        for seat in cast.seats[SEAT]:
            if state.seats[FALSE, seat] and _is_rewarded(rules, state, seat, t):
                state.seats[UNPAID, seat] += state.seats[REWARD, seat]
    if not everybody and rules.pays_burn_in:
        for seat in range(rules.participants):
            if state.seats[OBSERVED, seat] > 0 and not state.seats[FALSE, seat] and _is_rewarded(rules, state, seat, t):
                state.seats[UNPAID, seat] -= state.seats[OBSERVED, seat]
                state.seats[OBSERVED, seat] = 0
    counts, totals, local = state.pulled[COUNTS, arm], state.pulled[TOTALS, arm], state.pulled[LOCAL, arm]
    told, sufficient, rewards = state.pulled[TOLD, arm], state.pulled[ENOUGH, arm], state.seats[REWARD]
    truthful = state.seats[HONEST]
    pulls, count, inverse, enough = state.arms[PULLS, arm], np.int64(-1), np.uint64(0), False
    lowest, highest, total, honest = np.int64(UNIT), np.int64(0), np.int64(0), 0
    for seat in range(rules.participants):
        heard = everybody or _is_rewarded(rules, state, seat, t)
        counts[seat] += heard
        if counts[seat] != count:  # one division for all that have pulled it as often
            count = counts[seat]
            inverse, enough = reciprocal(count), rules.threshold * count > pulls
        if heard:
            totals[seat] += rewards[seat]
            local[seat] = quotient(totals[seat], count, inverse)
        if enough != sufficient[seat]:
            sufficient[seat] = enough
            state.seats[ENOUGH_OF, seat] += 1 if enough else -1
            if rules.aggregation != BY_ARM:
                fill(state.arms[STALE], 1)
        if truthful[seat]:
            mean = local[seat]
            told[seat] = mean
            lowest, highest, total, honest = min(lowest, mean), max(highest, mean), total + mean, honest + 1
    if cast.known:
        average = total // honest if honest else -1
        state.arms[LOWEST, arm], state.arms[HIGHEST, arm], state.arms[AVERAGE, arm] = lowest, highest, average
    if cast.known > SPREAD:
        measure(
            rules, state.seats[HONEST], state.pulled[LOCAL, arm], state.arms, arm, pulls, cast.known,
            state.seats[BUFFER],
        )  # fmt: skip
    state.arms[STALE, arm] = True


@inlined
def _case_2(rules: Any, cast: Any, keys: Any, state: Any, t: Any) -> Any:
    """Whether some B_i holds a labelled liar whose report differs from its receipts."""
    tied = False
    for index in range(cast.seats.shape[1]):
        if cast.seats[LABELLED, index] and state.seats[REPORTING, cast.seats[SEAT, index]]:
            seat = cast.seats[SEAT, index]
            if state.seats[LIED_ABOUT, seat]:
                if state.seats[KEPT_FOR, seat]:
                    return True
                tied = tied or state.seats[TIED_FOR, seat] > 0
    return tied and _tied_case_2(rules, cast, keys, state, t)


@compiled
def _tied_case_2(rules: Any, cast: Any, keys: Any, state: Any, t: Any) -> Any:
    """The same where only the order of equals decides."""
    seed, members = state.notes[rules.participants], state.seats[BUFFER]
    keccak(seed, keys.words[0], t - state.now[EXTRA], 4)
    for arm in range(rules.arms):
        count, told = 0, state.pulled[TOLD, arm]
        for seat in range(rules.participants):
            members[seat] = MEMBER if _is_member(rules, state, arm, seat) else 0
            count += members[seat]
        lowest, highest = np.int64(-1), np.int64(-1)
        for index in range(cast.seats.shape[1]):
            seat = cast.seats[SEAT, index]
            if cast.seats[LABELLED, index] and state.liars[STAND, index, arm] == TIED and state.seats[LIED_ABOUT, seat]:
                members[seat] = SUSPECT
                lowest = told[seat] if lowest < 0 else min(lowest, told[seat])
                highest = max(highest, told[seat])
        cut = trim(rules, count)
        if highest >= 0 and spares(told, members, highest, cut, seed, state.notes):
            return True
        if lowest < highest and spares(told, members, lowest, cut, seed, state.notes):
            return True
    return False


@inlined
def _charge(rules: Any, keys: Any, state: Any, arm: Any) -> Any:
    """What a round in case 2 costs: floor(c d^2 / 10^18), d at most 10^9; the product has up to 90 bits.

    Nothing where false reports can be proven.
    """
    if rules.provable:
        return 0
    if not rules.by_distance:
        return keys.charge
    square = min(UNIT, abs(state.arms[BLOCK, arm] - rules.environment.truth[arm])) ** 2
    high, low = square // UNIT, square % UNIT
    return (keys.charge * high + keys.charge * low // UNIT) // UNIT


@inlined
def _bill(rules: Any, state: Any, t: Any, cost: Any) -> None:
    """Charge every seat that is not on the block list what a round costs, if it does."""
    if cost > 0:
        for seat in range(rules.participants):
            state.seats[CHARGED, seat] += 0 if _listed(state, seat, t) else cost


@inlined
def _account(rules: Any, state: Any, t: Any, kind: Any, arm: Any, cost: Any) -> None:
    """Add one round to the sums."""
    best, sums = rules.environment.best, state.sums
    if t <= rules.burn_in:
        sums[_BURN_IN] += best - (rules.environment.truth[arm] if rules.pays_burn_in else 0)
    elif kind in (APPROVED, UNRECORDED):
        sums[_ARMS] += best - rules.environment.truth[arm]
        sums[_PAID] += 1
        if cost >= 0:
            sums[_COST] += cost
            sums[_COSTLY] += 1
    else:
        sums[_UNPAID] += best
    sums[_SKIPS] += kind == SKIP
    sums[_REJECTED] += kind == REJECTED
    sums[_EXPLORED] += kind == EXPLORATION
    sums[_BLOCKS] += kind in (APPROVED, REJECTED)
    if kind == APPROVED and sums[_ARM] != arm:
        sums[_ARM], sums[_SINCE] = arm, t


@inlined
def _keep(trace: Any, state: Any, t: Any, kind: Any, arm: Any, cost: Any) -> None:
    """Write one round down."""
    row = trace.rounds[t - 1]
    row[0], row[1], row[2] = kind, arm, cost
    copy(row[3:], state.arms[MEAN])
    copy(trace.seats[t - 1, 0], state.seats[REPUTATION])
    copy(trace.seats[t - 1, 1], state.seats[COMMITTEE])
    copy(trace.seats[t - 1, 2], state.seats[BLOCKED_FROM])
    for each in range(state.arms.shape[1]):
        copy(trace.local[t - 1, each], state.pulled[LOCAL, each])


# --- what a record leaves


@compiled
def _succeed(rules: Any, keys: Any, state: Any, t: Any, kind: Any) -> None:
    """Reputations, and the next round's validators and commanders; an exploration changes none of these."""
    seats = rules.participants
    by_reputation = rules.validators < seats
    if by_reputation:
        if kind == SKIP:
            for seat in range(seats):
                if state.seats[COMMITTEE, seat] and not _barred(state, seat, t):
                    state.seats[REPUTATION, seat] = max(0, state.seats[REPUTATION, seat] - rules.skip_penalty)
        for seat in range(seats):
            if state.seats[BLOCKED_FROM, seat] == t + 1:
                state.seats[REPUTATION, seat] = max(0, state.seats[REPUTATION, seat] - rules.evidence_penalty)
    able = state.seats[ABLE]
    for seat in range(seats):
        able[seat] = not _barred(state, seat, t + 1)
    if kind in (SKIP, EXPLORATION):
        if rules.sortition:
            copy(state.seats[COMMITTEE], able)
        fill(state.seats[COMMANDER], 1)
    else:
        draw(rules, keys, t + 1, state.seats[REPORTING], able, state.seats[COMMITTEE], state.seats[COMMANDER],
             state.notes[0])
    if by_reputation:
        elect(rules, keys, t + 1, state.seats[REPUTATION], able, state.now[SKIPS_IN_A_ROW], state.seats[COMMITTEE],
              state.notes)


@compiled
def _accuse(rules: Any, cast: Any, state: Any, opened: Any) -> None:
    """Proof that was given in the round counts some rounds after the contract's open one."""
    for seat in cast.seats[SEAT]:
        if state.seats[PROVEN, seat] and state.seats[BLOCKED_FROM, seat] == 0:
            state.seats[BLOCKED_FROM, seat] = opened + rules.evidence_delay


@compiled
def _settle(rules: Any, cast: Any, state: Any, t: Any, kind: Any) -> None:
    """Settle what is recorded, if it is worth it, or the game is over: all false reports in it are proven."""
    state.now[UNSETTLED] += t > rules.burn_in
    is_due = not (state.now[WAITING] or state.now[EXPLORES]) and state.now[UNSETTLED] >= rules.settle_every
    if is_due or t + state.now[QUIET] >= rules.horizon:
        state.now[UNSETTLED] = 0
        for seat in cast.seats[SEAT]:
            if state.seats[FALSE, seat] and state.seats[BLOCKED_FROM, seat] == 0:
                state.seats[SPARED, seat] = 1
                state.seats[BLOCKED_FROM, seat] = t + 1 - state.now[EXTRA] + rules.evidence_delay
