"""The game of Theorem 1, as a loop over `protocol`: what the rules do once every message has arrived.

Reports are agreed on, counts are committed honestly, and consensus succeeds except where the game says that it
fails. Nothing is signed, so a record's header digest is zero, its body is empty, and nobody earns reputation.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from chain_bandit.protocol.aggregation import Aggregation, Seats, enough_pulls, global_means, select
from chain_bandit.protocol.blocks import Header, Kind, Record, approves, genesis_digest, mask, round_seed
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.ledger import (
    Ledger,
    after_burn_in_round,
    after_record,
    honest_arm,
    opening,
    pulled_arm,
    records_made,
)
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rewards import Draws, RewardModel, hidden_cost
from chain_bandit.protocol.settlement import Cost, case_2, cost_of_round
from chain_bandit.protocol.units import Means
from chain_bandit.simulation.outcomes import Purse

Reports = Mapping[int, Means]
"""Estimators by seat, in units."""

Lie = Callable[[int, int, Reports, Ledger], Means]
"""(round, seat, honest means of every seat, ledger) to the means that the seat reports instead of its own.

An open game shows every receipt, so a liar knows what everybody's honest report would be (PROTOCOL 1.1).
"""

Aggregator = Callable[[Parameters, Reports, Mapping[int, tuple[bool, ...]], Ledger], tuple[Seats, ...]]
"""(parameters, reports, comparison bits, ledger of the round) to B_i of every arm."""


def robust(
    parameters: Parameters, reports: Reports, bits: Mapping[int, tuple[bool, ...]], ledger: Ledger
) -> tuple[Seats, ...]:
    """The option that the parameters name."""
    p, seed = parameters, round_seed(ledger.seed, ledger.round)
    option = Aggregation(p.aggregation)
    return select(option, reports, bits, frozenset(), p.liars, p.arms, seed, p.delta, ledger.pulls)


def plain_mean(
    parameters: Parameters, reports: Reports, bits: Mapping[int, tuple[bool, ...]], ledger: Ledger
) -> tuple[Seats, ...]:
    """No defence: everybody who reports is believed."""
    return (frozenset(reports),) * parameters.arms


AGGREGATORS: Mapping[str, Aggregator] = {"robust": robust, "mean": plain_mean}


@dataclass(frozen=True, slots=True)
class Game:
    """One game, decided by its arguments.

    Attributes:
        parameters: M, K, T, L, f, k, s, C1, aggregation and cost; the rest plays no part here.
        model: the rewards.
        secret: the environment's, from which draws and hidden cost follow.
        seed_0: seed of the game.
        liars: what each lying seat reports (A1 and A3).
        attackers: seats that attack the consensus (A2 and A3); not honest, whatever they report.
        equivocates: attackers that sign two reports every round, so that neither enters.
        failed: rounds whose consensus fails; an exploration round cannot fail.
        aggregator: a name of `AGGREGATORS`.
    """

    parameters: Parameters
    model: RewardModel
    secret: bytes
    seed_0: bytes
    liars: Mapping[int, Lie] = field(default_factory=dict)
    attackers: Seats = frozenset()
    equivocates: Seats = frozenset()
    failed: frozenset[int] = frozenset()
    aggregator: str = "robust"

    @property
    def honest(self) -> tuple[int, ...]:
        """H, ascending."""
        malicious = self.attackers | self.equivocates | frozenset(self.liars)
        return tuple(p for p in range(self.parameters.participants) if p not in malicious)

    @property
    def cost(self) -> int:
        """c in units."""
        return hidden_cost(self.secret, self.seed_0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one round ended.

    Attributes:
        round: t.
        kind: of its record; None in the rounds 1..L-1, which leave none.
        arm: what the honest pulled; None when nobody pulled.
        paid: whether rewards are paid: b_t = 1 and t > L.
        cost: in units, where the round is in case 2: it is paid, and a lie is in force; else None.
        rewards: reward in units of each honest seat that pulled.
        ledger: the state after the round.
    """

    round: int
    kind: Kind | None
    arm: int | None
    paid: bool
    cost: int | None
    rewards: Mapping[int, int]
    ledger: Ledger


def play(game: Game) -> Iterator[Outcome]:
    """The rounds 1..T, one at a time; memory does not grow with T."""
    p = game.parameters
    draws = Draws(game.model, game.secret, game.seed_0)
    purses = [Purse(p.arms) for _ in range(p.participants)]
    ledger = opening(p, genesis_digest(ZERO, (), game.seed_0)[1], game.seed_0)
    while ledger.round <= p.horizon:
        made: tuple[Record | None, ...] = (None,)
        lied = False
        if ledger.round >= p.burn_in:
            record, lied = _decide(game, ledger, purses)
            made = records_made(p, ledger, record)
        for entry in made:
            outcome = _end_round(game, ledger, entry, lied, draws, purses)
            yield outcome
            ledger = outcome.ledger


def _decide(game: Game, ledger: Ledger, purses: list[Purse]) -> tuple[Record, bool]:
    """The record that the open round ends in, and whether a lie is in force in its block."""
    p = game.parameters
    if ledger.round in game.failed:
        return Record(ledger.round, Kind.SKIP), False
    truth = {seat: purse.means for seat, purse in enumerate(purses)}
    reports = {
        seat: game.liars[seat](ledger.round, seat, truth, ledger) if seat in game.liars else means
        for seat, means in truth.items()
        if seat not in game.equivocates
    }
    bits = {seat: enough_pulls(purses[seat].counts, ledger.pulls, p.threshold) for seat in reports}
    selected = AGGREGATORS[game.aggregator](p, reports, bits, ledger)
    header = Header(
        round=ledger.round,
        parent=ledger.head,
        blocked=0,
        body=ZERO,
        reporters=mask(reports),
        arm=honest_arm(p, ledger),
        candidates=tuple(mask(seat for seat, row in bits.items() if row[arm]) for arm in range(p.arms)),
        selected=tuple(map(mask, selected)),
        committee=0,
        means=global_means(reports, selected),
        accuracies=(0,) * p.participants,
    )
    kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
    return Record(ledger.round, kind, header), case_2(selected, frozenset(game.liars), reports, truth)


def _cost(game: Game, record: Record | None) -> int:
    """What a round in case 2 costs, in units."""
    assert record is not None
    header = record.header
    assert header is not None
    choice, mean = Cost(game.parameters.cost), game.model.means[header.arm]
    return cost_of_round(choice, game.cost, header.means[header.arm], mean)


def _end_round(
    game: Game, ledger: Ledger, record: Record | None, lied: bool, draws: Draws, purses: list[Purse]
) -> Outcome:
    """End the open round in `record`, None before round L: everybody, liars too, pulls what the ledger says."""
    p = game.parameters
    arm = honest_arm(p, ledger) if record is None else pulled_arm(p, ledger, record.kind)
    rewards = {}
    if arm is not None:
        for seat, purse in enumerate(purses):
            rewards[seat] = draws.reward(ledger.round, seat, arm, ledger.failed)
            purse.take(arm, rewards[seat])
    paid = record is not None and record.kind is Kind.APPROVED and ledger.round > p.burn_in
    return Outcome(
        round=ledger.round,
        kind=record.kind if record else None,
        arm=arm,
        paid=paid,
        cost=_cost(game, record) if paid and lied else None,
        rewards={seat: rewards[seat] for seat in game.honest if seat in rewards},
        ledger=after_burn_in_round(p, ledger) if record is None else after_record(p, ledger, record),
    )
