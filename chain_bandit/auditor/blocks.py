"""One block: its header's form, its body, and everything in it that follows from reports and records."""

from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import or_

from chain_bandit.auditor.aggregation import agreed_on, check_attested, check_selected
from chain_bandit.auditor.collusion import Alike
from chain_bandit.auditor.commitments import check_counts
from chain_bandit.auditor.draws import check_successors, checks_of_successors, proven
from chain_bandit.auditor.exhibits import Slice
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.reports import check_against_receipts, check_reports, known
from chain_bandit.auditor.seals import check_records
from chain_bandit.protocol.blocks import Body, Header, SignedReport, seats
from chain_bandit.protocol.digests import keccak, uints
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import blocked, chosen_arm, honest_arm, length
from chain_bandit.protocol.parameters import ESTIMATES
from chain_bandit.protocol.reputation import radii
from chain_bandit.protocol.ruleset import RulesUnknown
from chain_bandit.protocol.settlement import case_2

ON_THE_BODY = (
    "header.body", "header.radii", "report.signature", "report.named", "report.range", "aggregate.selected",
    "aggregate.means", "aggregate.accuracy", "honest.report", "counts.commitment", "counts.bits",
)  # fmt: skip
"""What cannot be checked of a compact game's block whose body is not in the history."""


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """A block after its checks.

    Attributes:
        digest: of its header.
        signed: its signed reports by seat; None when they are not known.
        costly: case 2; None when it is not known.
    """

    digest: bytes
    signed: dict[int, SignedReport] | None
    costly: bool | None


def check_block(game: ReplayedGame, header: Header, opened: Body | None) -> CheckedBlock:
    """Check the open round's block. Without a body it is a compact game's, whose body lies beside the chain."""
    p = game.parameters
    digest = keccak(header.encode(p))
    _check_form(game, header)
    compact = opened is None
    body = game.bodies.get(header.body) if compact else None
    if compact and body is None:
        for name in (*ON_THE_BODY, *checks_of_successors(p), *(("seal.records",) if p.sealed else ())):
            why = "bodies lie beside the chain, and nothing that was given has them: audit --rpc takes --bodies"
            game.checks.unknown(name, why)
        return CheckedBlock(digest, None, None)
    opened = opened if body is None else _open(game, header, body)
    if opened is None:
        return CheckedBlock(digest, None, None)
    game.checks.passed("header.body")
    game.checks.each_same(
        opened.radii, radii(game.running.pulls), "header.radii", header.round, "radius of arm", uints(opened.radii, 4)
    )
    signed = {
        seat: report for seat, report in zip(seats(header.reporters), opened.reports, strict=True)
        if seat < p.participants
    }  # fmt: skip
    reports = check_reports(game, signed)
    owns = known(game, reports)
    lied = check_against_receipts(game, reports, owns)
    if game.disclosed is not None and p.participants > 1 and p.disclosure == ESTIMATES:
        game.alike = game.alike or Alike(p.participants)
        game.alike.take(header.round, game.running.pulls, reports, game.disclosed.model)
    hashes = proven(game, header.round, reports)
    agreed = agreed_on(game, header, reports, hashes)
    kept = check_selected(game, header, agreed), check_attested(game, header, agreed) if p.is_attested else ()
    check_counts(game, header, reports)
    check_successors(game, header, agreed, kept)
    if p.sealed:
        check_records(game, reports)
    held = [frozenset(seats(row)) & reports.keys() for row in header.selected]
    if game.live:  # nobody is known to lie, so that no round is case 2
        return CheckedBlock(digest, signed, False)
    if game.disclosed is None or not game.disclosed.liars & frozenset().union(*held) <= owns.keys():
        return CheckedBlock(digest, signed, None)
    return CheckedBlock(digest, signed, case_2(held, lied & game.disclosed.liars))


def _check_form(game: ReplayedGame, header: Header) -> None:
    p, t, checks = game.parameters, header.round, game.checks
    outside = header.reporters >> p.participants
    checks.that(not outside, "header.form", t, "reporters", "seats {} of {} do not exist",
                seats(outside << p.participants), p.participants)
    for name, rows in (("comparison bits", header.candidates), ("B", header.selected)):
        named = reduce(or_, rows)
        checks.that(not named & ~header.reporters, "header.form", t, name, "seats {} are named, only {} report",
                    seats(named), seats(header.reporters))
    try:
        expected, reason = chosen_arm(p, game.running)
    except RulesUnknown as error:
        checks.unknown("header.arm", str(error))
    else:
        checks.same(header.arm, expected, "header.arm", t, "honest arm")
        if game.running.means is not None and t > p.burn_in:  # until then arms are pulled in turn
            game.answer("policy without an arm", reason, t)
    if p.has_phases:
        due, decided, size = length(p, game.running, header.arm), header.decided(p), len(header.extension(p))
        said = Slice(decided, len(decided) - size, size)
        checks.same(header.length, due, "header.length", t, "pulls of the arm", part=said)
    listed = blocked(game.running, t)
    if listed:
        checks.that(not header.reporters & listed, "blocklist.silence", t, "reporters",
                    "seats {} report, on the block list are {}", seats(header.reporters), seats(listed))


def honest(game: ReplayedGame) -> int | None:
    """The honest arm of the open round; None where it rests on a rule that is not here."""
    with suppress(RulesUnknown):
        return honest_arm(game.parameters, game.running)
    return None


def _open(game: ReplayedGame, header: Header, body: bytes) -> Body | None:
    """The decoded body. It is found by its hash, so that only its form can be wrong."""
    try:
        return Body.decode(body, header.reporters.bit_count(), game.parameters)
    except Malformed as error:
        game.checks.that(False, "header.body", header.round, "body", "{2}", len(body), error.expected, error, part=body)
        return None
