"""Reports: whose they are, what they may hold, and whether they stand on the receipts (PROTOCOL 1.3)."""

from collections.abc import Mapping
from contextlib import suppress

from chain_bandit.audit.certificates import signed_by
from chain_bandit.audit.exhibits import Slice
from chain_bandit.audit.game import Game
from chain_bandit.protocol.blocks import Report, SignedReport
from chain_bandit.protocol.estimation import disclose, is_readable
from chain_bandit.protocol.ledger import blocked
from chain_bandit.protocol.messages import Phase, Role, Slot, statement_content
from chain_bandit.protocol.ruleset import RulesUnknown
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means, sample_means


def check_reports(game: Game, signed: Mapping[int, SignedReport]) -> dict[int, Report]:
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
        try:
            allowed = is_readable(game.parameters, reports[seat].means)
        except RulesUnknown as error:  # who is named as a reporter is one
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


def receipts_means(game: Game) -> dict[int, Means]:
    """What honest reports say of the receipts of earlier rounds, of every seat of which that can be known: of none
    where the game's disclosure is not here."""
    if game.disclosed is None:
        return {}
    receipts = enumerate(zip(game.totals, game.counts, strict=True))
    p = game.parameters
    with suppress(RulesUnknown):
        return {seat: disclose(p, sample_means(*pair)) for seat, pair in receipts if seat not in game.unread}
    return {}


def check_against_receipts(game: Game, reports: Mapping[int, Report], truth: Mapping[int, Means]) -> None:
    """Honest seats report the means of their receipts; who else departs from them is named."""
    t, disclosed = game.running.round, game.disclosed
    for seat, report in reports.items():
        if disclosed is None:
            game.checks.unknown("honest.report", "the environment's secret is not revealed")
        elif seat not in truth:
            reason = "rewards of earlier rounds, or what is reported of them, are not known"
            game.checks.unknown("honest.report", reason)
        elif game.is_honest(seat):
            about = f"estimators of seat {seat}"
            game.checks.same(report.means, truth[seat], "honest.report", t, about, _means(report))
        elif report.means != truth[seat]:
            labelled = disclosed.roles[seat] & Conduct.LIAR
            game.note("false report" if labelled else "false report of a seat not labelled a liar", seat, t)
