"""Reports: authorship, bounds, and agreement with the receipts (protocol.md: Reports)."""

from collections.abc import Mapping

from chain_bandit.auditor.certificates import signed_by
from chain_bandit.auditor.chain import TWO_TALLIES
from chain_bandit.auditor.exhibits import Slice
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.live import hold
from chain_bandit.protocol.blocks import Report, SignedReport
from chain_bandit.protocol.estimation import disclosed, is_false, is_readable
from chain_bandit.protocol.ledger import blocked
from chain_bandit.protocol.messages import Phase, Role, Slot, statement_content
from chain_bandit.protocol.rule import Own
from chain_bandit.protocol.rules import disclosure
from chain_bandit.protocol.ruleset import RulesUnknown
from chain_bandit.protocol.sealing import noise_seed
from chain_bandit.protocol.tallies import may_name
from chain_bandit.protocol.units import UNIT


def check_reports(game: ReplayedGame, signed: Mapping[int, SignedReport]) -> dict[int, Report]:
    """Check author and range of every report of a block, and give them without signatures."""
    ledger, checks = game.running, game.checks
    slot = Slot(game.separator, ledger.round, ledger.head)
    reports = {seat: report.report for seat, report in signed.items()}
    for seat, report in signed.items():
        content = statement_content(Phase.REPORT, report.content)
        digest = slot.digest(Phase.REPORT, Role.COMMANDER, seat, content)
        who = signed_by(game, seat, digest, report.signature)
        checks.that(
            who == game.addresses[seat], "report.signature", ledger.round, f"report of seat {seat}",
            "{2} is not its signature over this report: it is of {0}, the seat is {1}", who, game.addresses[seat],
            report.signature, part=report.content + report.signature,
        )  # fmt: skip
        for named in reports[seat].named:
            checks.that(may_name(game.parameters, ledger.round, ledger.failures, named), "report.named", ledger.round,
                        f"report of seat {seat}", "it rests on the tally of round {}, which is none of {}", named,
                        "those that it may", part=report.content)  # fmt: skip
        try:
            allowed = is_readable(game.parameters, reports[seat].means)
        except RulesUnknown as error:  # a named reporter is one
            checks.unknown("report.range", str(error))
            continue
        checks.that(
            allowed, "report.range", ledger.round, f"report of seat {seat}",
            "its estimators are {}, at most {} is allowed, and what the game's disclosure says", reports[seat].means,
            UNIT, part=report.content,
        )  # fmt: skip
    listed = blocked(ledger, ledger.round)
    for seat in range(game.parameters.participants):
        if seat not in reports and not listed >> seat & 1:
            game.note("no report", seat, ledger.round)
    return reports


def _means(report: Report) -> Slice:
    """Where a report says its means: before its commitment."""
    size = 4 * len(report.means)
    return Slice(report.commitment, -size, size)


def known(game: ReplayedGame, reports: Mapping[int, Report]) -> dict[int, Own]:
    """What every seat knew by its receipts of earlier rounds, where that can be told: of no seat where the game's
    disclosure is not here; where it draws, of seats that revealed their key, with their seeds. Of a seat whose report
    names a round, by its receipts up to that one."""
    seeds = {}
    try:
        if disclosure(game.parameters).draws:
            seeds = {seat: noise_seed(key, game.seed_0) for seat, key in game.survey.seal_keys.items()}
    except RulesUnknown:
        return {}
    t = game.running.round
    receipts = {seat: pair for seat, pair in enumerate(zip(game.totals, game.counts, strict=True))
                if seat not in game.unread}  # fmt: skip
    receipts |= {seat: game.held(seat, *report.named) for seat, report in reports.items()
                 if report.named and seat in receipts}  # fmt: skip
    return {seat: Own.of(t, *pair, seeds.get(seat, b"")) for seat, pair in receipts.items()}


def check_against_receipts(
    game: ReplayedGame, reports: Mapping[int, Report], owns: Mapping[int, Own]
) -> frozenset[int]:
    """Honest seats report what follows from their receipts, and from their keys where the disclosure draws; others
    that depart from that are noted. Returns the seats whose report no key makes of their receipts."""
    lied = set()
    for seat, report in reports.items():
        if game.live:
            hold(game, seat, report)
        elif game.disclosed is None:
            game.checks.unknown("honest.report", "the environment's secret is not revealed")
        elif seat in game.survey.acquitted:
            game.checks.unknown("honest.report", TWO_TALLIES)
        elif seat not in owns:
            reason = "rewards of earlier rounds, or what is reported of them, are not known"
            game.checks.unknown("honest.report", reason)
        elif _is_false(game, seat, report, owns[seat]):
            lied.add(seat)
    return frozenset(lied)


def _is_false(game: ReplayedGame, seat: int, report: Report, own: Own) -> bool:
    """Check a report; returns whether no key makes it of its author's receipts."""
    p, t, checks = game.parameters, game.running.round, game.checks
    closed = disclosure(p).draws and not own.seed
    truth, failed = (own.means, "") if closed else disclosed(p, own)
    if not closed:
        game.answer("disclosure without a report", failed, t, seat)
    false = report.means != truth and is_false(p, own, report.means)
    if closed and not false:
        checks.unknown("honest.report", f"seat {seat} did not reveal its sealing key")
    elif game.is_honest(seat):
        checks.same(report.means, truth, "honest.report", t, f"estimators of seat {seat}", _means(report))
    elif report.means != truth:
        labelled = game.disclosed is not None and seat in game.disclosed.liars
        what = "false report" if false else "false noise"
        game.note(what if labelled else f"{what} of a seat not labelled a liar", seat, t)
    return false
