"""Reports of a live game: checked against the settled receipts, since live rewards cannot be recomputed.

Nobody is labelled honest there. A report that its seat's receipts do not give is named, and breaks no check.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chain_bandit.auditor.chain import TWO_TALLIES
from chain_bandit.auditor.exhibits import Slice
from chain_bandit.auditor.report import ENVIRONMENT, ITSELF
from chain_bandit.protocol.blocks import Report
from chain_bandit.protocol.estimation import disclosed
from chain_bandit.protocol.rule import Own
from chain_bandit.protocol.settlement import Pull
from chain_bandit.protocol.tallies import STALE
from chain_bandit.protocol.units import UNIT

if TYPE_CHECKING:
    from chain_bandit.auditor.game import ReplayedGame

FALSE = "false report of live rewards"

_Tally = tuple[tuple[int, ...], tuple[int, ...]]
"""Totals in units, and counts, of a seat."""


@dataclass(slots=True)
class SettledReceipts:
    """What settlements say that everybody was given.

    Attributes:
        after: by round, for as long as a report may name it, what each seat had by its end.
        waiting: by the round that they name, reports that are not held against receipts yet: of which round and seat.
    """

    after: dict[int, list[_Tally]] = field(default_factory=dict)
    waiting: dict[int, list[tuple[int, int, Report]]] = field(default_factory=dict)
    totals: list[list[int]] = field(default_factory=list)
    counts: list[list[int]] = field(default_factory=list)


def check_reward(game: "ReplayedGame", t: int, seat: int, reward: int, pulls: int, part: Slice) -> None:
    """What is settled of so many pulls rests on the environment's signature; self-declared rewards are paid alike."""
    if game.self_declared:
        game.checks.same(reward, pulls * UNIT, "settlement.rewards", t, f"flat pay of seat {seat}", part)
    else:
        game.checks.trust("settlement.rewards", "rewards were not recomputed: they", pulls, ENVIRONMENT)


def hold(game: "ReplayedGame", seat: int, report: Report) -> None:
    """A report of the open round; where it names no round its receipts are in no settlement, and where rewards are
    self-declared it rests on none."""
    if game.self_declared:
        game.checks.trust("honest.report", "reports of self-declared rewards were not recomputed: they", 1, ITSELF)
        return
    if not report.named:
        game.checks.trust("honest.report", "reports were not held against receipts: they", 1, ENVIRONMENT)
        return
    (named,) = report.named
    given = game.receipts.after.get(named)
    if given is not None:
        _check(game, game.running.round, seat, report, given[seat])
    else:
        game.receipts.waiting.setdefault(named, []).append((game.running.round, seat, report))


def take_in(game: "ReplayedGame", rounds: Iterable[tuple[int, list[Pull]]]) -> None:
    """What everybody was given in the rounds of a settlement, each with the pulls by seat, or none at all."""
    kept, p = game.receipts, game.parameters
    if not kept.totals:
        kept.totals, kept.counts = ([[0] * p.arms for _ in range(p.participants)] for _ in range(2))
    last = 0
    for last, pulls in rounds:
        for seat, pull in enumerate(pulls):
            if pull.arm < p.arms:
                kept.totals[seat][pull.arm] += pull.reward
                kept.counts[seat][pull.arm] += pull.count
        after = [(tuple(totals), tuple(counts)) for totals, counts in zip(kept.totals, kept.counts, strict=True)]
        kept.after[last] = after
        for round_, seat, report in kept.waiting.pop(last, ()):
            _check(game, round_, seat, report, after[seat])
    oldest = last - last // STALE - 2 * p.failure_limit - 2
    for round_ in [round_ for round_ in kept.after if round_ < oldest]:
        del kept.after[round_]


def left(game: "ReplayedGame") -> None:
    """At the end: what was never settled."""
    for reports in game.receipts.waiting.values():
        game.checks.unknown("honest.report", "the receipts that it rests on are not settled", len(reports))


def _check(game: "ReplayedGame", round_: int, seat: int, report: Report, given: _Tally) -> None:
    if seat in game.survey.acquitted:
        game.checks.unknown("honest.report", TWO_TALLIES)
    elif report.means == disclosed(game.parameters, Own.of(round_, *given))[0]:
        game.checks.passed("honest.report")
    else:
        game.note(FALSE, seat, round_)
