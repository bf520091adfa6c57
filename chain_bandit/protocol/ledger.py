"""The state that everybody derives from the records alone: one pure transition, many callers.

Participants choose by it, validators propose with it, the environment checks pulls against it, the
auditor replays it, and the simulator iterates it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from chain_bandit.protocol.arms import round_robin
from chain_bandit.protocol.blocks import FAILED, Header, Kind, Record, mask, round_seed, seats
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.estimation import choose_arm, select, worth
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.reputation import START, Reputations, after_block, penalised
from chain_bandit.protocol.rule import Learnt, Standing, State
from chain_bandit.protocol.ruleset import RulesUnknown
from chain_bandit.protocol.units import UNIT, Counts, Means, added


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is known when record t - 1 is known.

    Attributes:
        round: the open round: one more than there are records, and than L - 1.
        time: t, the number of the open round's first pull; the round itself in a game without phases.
        head: the digest of record t - 1; in the burn-in the genesis digest.
        pulls: n_ref, pulls of each arm in rounds before t by a participant that follows the rules.
        means: the global estimators in force, None until a block is approved.
        worth: how many reports each of the `means` counts for in the confidence width; empty where that rests on a
            rule that is not here.
        failed: failed rounds so far.
        failures: failed rounds in a row.
        explorations: exploration rounds so far.
        seed: seed_0.
        weights: of every seat in the draw of validators, as registered.
        reputations: of every seat.
        skips: skips in a row, exploration rounds aside.
        committee: validators of the open round, blocked or not, as a mask.
        commanders: seats that may command it, if they validate, as a mask.
        blocked_from: for each seat the first round in which it is on the block list; 0 for never.
        liars: seats on the block list, or soon, for a false report and nothing before it, as a mask: these validate
            on, so that a quorum of those left is no larger than the honest among them.
        states: what rules keep, see `rules.keepers`; nothing before the first block.
    """

    round: int
    head: bytes
    pulls: Counts
    means: Means | None = None
    worth: tuple[int, ...] = ()
    failed: int = 0
    failures: int = 0
    explorations: int = 0
    seed: bytes = ZERO
    weights: tuple[int, ...] = ()
    reputations: Reputations = ()
    skips: int = 0
    committee: int = 0
    commanders: int = 0
    blocked_from: tuple[int, ...] = ()
    states: tuple[State, ...] = ()
    time: int = 1
    liars: int = 0


def opening(parameters: Parameters, genesis: bytes, seed_0: bytes, weights: tuple[int, ...] = ()) -> Ledger:
    """The ledger before round 1; without `weights` every seat has 1."""
    count = parameters.participants
    return Ledger(
        1, genesis, (0,) * parameters.arms, seed=seed_0, weights=weights or (1,) * count, reputations=(START,) * count,
        committee=parameters.everybody, commanders=parameters.everybody, blocked_from=(0,) * count,
    )  # fmt: skip


def blocked(ledger: Ledger, round_: int) -> int:
    """D(t): the seats against which a proof counts in a round, as a mask: these neither report nor pull."""
    if not any(ledger.blocked_from):
        return 0  # nearly every round of nearly every game
    return mask(seat for seat, since in enumerate(ledger.blocked_from) if 0 < since <= round_)


def barred(ledger: Ledger, round_: int) -> int:
    """Those of D(t) that do not validate either: seats proven to have equivocated, as a mask."""
    return blocked(ledger, round_) & ~ledger.liars


def validators(ledger: Ledger) -> int:
    """Validators of the open round: its committee less the barred seats, as a mask."""
    return ledger.committee & ~barred(ledger, ledger.round)


def commanders(ledger: Ledger) -> int:
    """Commanders of the open round, as a mask: maybe none, then the round fails (Theorem 5)."""
    return ledger.commanders & validators(ledger)


def accused(ledger: Ledger, seat: int, since: int, lied: bool = False) -> Ledger:
    """The ledger once proof against a seat counts from a round on, see `Parameters.evidence_delay`.

    Args:
        lied: proof of a false report, not of equivocation.
    """
    listed = (*ledger.blocked_from[:seat], since, *ledger.blocked_from[seat + 1 :])
    return replace(ledger, blocked_from=listed, liars=ledger.liars | lied << seat)


def eligible(parameters: Parameters, ledger: Ledger, round_: int) -> int:
    """Seats that may validate a round, as a mask: all that are not barred."""
    return parameters.everybody & ~barred(ledger, round_)


def reporters(parameters: Parameters, ledger: Ledger) -> int:
    """Seats that may report and pull in the open round, as a mask: all but the block list."""
    return parameters.everybody & ~blocked(ledger, ledger.round)


def committee_after(
    parameters: Parameters, ledger: Ledger, header: Header | None, reputations: Reputations, skips: int
) -> int:
    """Validators of the round after the open one, which ended with the block of `header` or without one.

    Where headers name a committee this one's does, and without a block everybody eligible validates; else the game's
    selection chooses by what all know.
    """
    if not parameters.has_committees:
        return parameters.everybody
    if parameters.names_committee:
        return eligible(parameters, ledger, ledger.round + 1) if header is None else header.committee
    return mask(select(parameters, (), None, standing(parameters, ledger, reputations, skips)).validators)


def standing(parameters: Parameters, ledger: Ledger, reputations: Reputations, skips: int) -> Standing:
    """Whom the validators of the round after the open one are chosen among, and by what."""
    round_ = ledger.round + 1
    return Standing(
        round_, round_seed(ledger.seed, round_), frozenset(seats(eligible(parameters, ledger, round_))), reputations,
        ledger.weights, skips, parameters.validators, parameters.least_committee, parameters.sortition,
    )  # fmt: skip


def reputations_after(
    parameters: Parameters, ledger: Ledger, kind: Kind, accuracies: Reputations
) -> Reputations:
    """What the open round's record makes of the reputations, proofs that count from the next round on included."""
    after = ledger.reputations
    if kind is Kind.SKIP:
        after = penalised(after, seats(validators(ledger)), parameters.skip_penalty)
    elif kind is not Kind.EXPLORATION:
        after = accuracies if parameters.sets_reputations else after_block(after, accuracies)
    fresh = [seat for seat, since in enumerate(ledger.blocked_from) if since == ledger.round + 1]
    return penalised(after, fresh, parameters.evidence_penalty)


def honest_arm(parameters: Parameters, ledger: Ledger) -> int:
    """The arm that the rules give for the open round, a function of the records alone (protocol.md: Arm).

    Raises:
        RulesUnknown: it rests on a rule that is not here.
    """
    return chosen_arm(parameters, ledger)[0]


@lru_cache(maxsize=16)  # needed several times in the computation of a round
def chosen_arm(parameters: Parameters, ledger: Ledger) -> tuple[int, str]:
    """The honest arm, and why it is not that of the game's policy; nothing where it is. Raises as `honest_arm`."""
    if ledger.round <= parameters.burn_in or ledger.means is None:
        return round_robin(ledger.round, parameters.arms), ""
    if not ledger.worth:
        raise RulesUnknown(str(parameters.aggregation), "on which the honest arm rests, and which is not here")
    seed = round_seed(ledger.seed, ledger.round)
    return choose_arm(parameters, Learnt(ledger.time, seed, ledger.means, ledger.pulls, ledger.worth))


def _worth(parameters: Parameters, header: Header, reputations: Reputations) -> tuple[int, ...]:
    try:
        return worth(parameters, header, reputations)
    except RulesUnknown:
        return ()


def exploration_arm(parameters: Parameters, ledger: Ledger) -> int:
    """The arm of the next exploration round: the e-th pulls (e - 1) mod K."""
    return ledger.explorations % parameters.arms


def records_made(parameters: Parameters, ledger: Ledger, record: Record) -> tuple[Record, ...]:
    """What the call that records `record` records: the s-th failure in a row brings an exploration round along."""
    failures = failures_after(ledger, record.kind)
    if failures >= parameters.failure_limit and ledger.time < parameters.horizon:
        return record, Record(ledger.round + 1, Kind.EXPLORATION)
    return (record,)


def failures_after(ledger: Ledger, kind: Kind) -> int:
    """Failed rounds in a row once the open round has ended in `kind`."""
    return ledger.failures + 1 if kind in FAILED else 0


def pulled_arm(parameters: Parameters, ledger: Ledger, record: Record) -> int | None:
    """The arm that the honest pull in the open round when it ends in `record`; None when nobody pulls.

    Where the honest arm rests on a rule that is not here it is what the block's header says.
    """
    if record.kind is Kind.EXPLORATION:
        return exploration_arm(parameters, ledger)
    if record.kind is not Kind.APPROVED and ledger.round != parameters.burn_in:
        return None
    try:
        return honest_arm(parameters, ledger)
    except RulesUnknown:
        assert record.header is not None  # up to round L arms rest on no rule
        return record.header.arm % parameters.arms


def length(parameters: Parameters, ledger: Ledger, arm: int) -> int:
    """How often everybody pulls an arm on the block of the open round: g times as often as before, and T ends it."""
    if not parameters.has_phases or ledger.round <= parameters.burn_in:
        return 1
    wanted = -(-parameters.growth * ledger.pulls[arm] // UNIT)
    return max(1, min(wanted, parameters.horizon - ledger.time + 1))


def is_over(parameters: Parameters, ledger: Ledger) -> bool:
    """Whether all T pulls are made."""
    return ledger.time > parameters.horizon


def after_burn_in_round(parameters: Parameters, ledger: Ledger) -> Ledger:
    """The ledger after one of the rounds 1..L-1, which leave no record."""
    pulls = added(ledger.pulls, honest_arm(parameters, ledger), 1)
    return replace(ledger, round=ledger.round + 1, time=ledger.time + 1, pulls=pulls)


def after_record(parameters: Parameters, ledger: Ledger, record: Record) -> Ledger:
    """The ledger after the open round has ended in `record`."""
    arm = pulled_arm(parameters, ledger, record)
    header = record.header
    learnt = header if record.kind is Kind.APPROVED else None
    count = learnt.length if learnt else 1
    accuracies = header.accuracies if header else ()
    reputations = reputations_after(parameters, ledger, record.kind, accuracies)
    skips = {Kind.SKIP: ledger.skips + 1, Kind.EXPLORATION: ledger.skips}.get(record.kind, 0)
    return replace(
        ledger,
        round=ledger.round + 1,
        time=ledger.time + count,
        head=record.head(ledger.head),
        pulls=ledger.pulls if arm is None else added(ledger.pulls, arm, count),
        means=learnt.means if learnt else ledger.means,
        worth=_worth(parameters, learnt, ledger.reputations) if learnt else ledger.worth,
        failed=ledger.failed + (record.kind in FAILED),
        failures=failures_after(ledger, record.kind),
        explorations=ledger.explorations + (record.kind is Kind.EXPLORATION),
        reputations=reputations,
        skips=skips,
        committee=committee_after(parameters, ledger, header, reputations, skips),
        commanders=header.commanders if header and parameters.draws_commanders else parameters.everybody,
        states=header.states if header else ledger.states,
    )
