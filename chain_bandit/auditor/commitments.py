"""Pull counts: commitments in reports, opened by what is settled, and comparison bits (protocol.md: Aggregation)."""

from collections.abc import Mapping

from chain_bandit.auditor.chain import TWO_TALLIES
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import Header, Report
from chain_bandit.protocol.messages import commitment_salt
from chain_bandit.protocol.sharing import commits_to
from chain_bandit.protocol.units import Counts


def check_counts(game: ReplayedGame, header: Header, reports: Mapping[int, Report]) -> None:
    """Open every commitment whose salt is known, and hold the bits against it."""
    for seat, report in reports.items():
        _check_seat(game, header, seat, report)


def _check_seat(game: ReplayedGame, header: Header, seat: int, report: Report) -> None:
    p, t, checks = game.parameters, game.running.round, game.checks
    malicious = game.live or (game.disclosed is not None and not game.is_honest(seat))
    key = game.survey.seal_keys.get(seat) if p.sealed else game.seed_0
    if key is None and malicious:
        _trusted_bits(game, header, seat, report)
        return
    counts = _counts(game, seat, report)
    opens = key is not None and commits_to(report.commitment, counts, commitment_salt(key, t, seat))
    if key is None:
        reason = f"seat {seat} did not reveal its sealing key"
    elif seat in game.survey.acquitted:
        reason = TWO_TALLIES
    elif seat in game.unread:
        reason = "the pulls of an earlier round are not known"
    elif game.disclosed is None and not opens:
        reason = "roles are not revealed"  # a malicious seat may commit to anything
    else:
        reason = ""
    if reason:
        checks.unknown("counts.commitment", reason)
        checks.unknown("counts.bits", reason, p.arms)
        return
    if malicious and not opens:
        game.note("false count commitment", seat, t)
        _trusted_bits(game, header, seat, report)
        return
    checks.that(opens, "counts.commitment", t, f"count commitment of seat {seat}",
                "{} does not open to its pulls {}", report.commitment, counts, part=report.commitment)
    if opens:
        checks.each_same(_bits(header, seat), _true_bits(game, counts), "counts.bits", t,
                         f"comparison bit of seat {seat} and arm")


def _bits(header: Header, seat: int) -> list[bool]:
    return [bool(members >> seat & 1) for members in header.candidates]


def _counts(game: ReplayedGame, seat: int, report: Report) -> Counts:
    """A seat's pulls: all of them, or those up to the round that its report names."""
    return tuple(game.held(seat, *report.named)[1] if report.named else game.counts[seat])


def _true_bits(game: ReplayedGame, counts: Counts) -> list[bool]:
    """The bits that a seat's settled pulls give."""
    return list(enough_pulls(counts, game.running.pulls, game.parameters.threshold))


def _trusted_bits(game: ReplayedGame, header: Header, seat: int, report: Report) -> None:
    """A malicious seat may commit to other counts: its bits are what the quorum says they are.

    Where they are not those of its settled pulls, it committed to other counts: that shows without any key.
    """
    if seat not in game.unread and _bits(header, seat) != _true_bits(game, _counts(game, seat, report)):
        game.note("bits of other counts", seat, game.running.round)
    game.note("trusted bits", seat, game.running.round)
    game.checks.trust("counts.bits", "comparison bits of malicious seats", game.parameters.arms)
