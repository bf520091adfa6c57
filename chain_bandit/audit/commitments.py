"""Pull counts: the commitments in the reports, opened after the game, and the comparison bits (PROTOCOL 1.4)."""

from collections.abc import Mapping

from chain_bandit.audit.game import Game
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import Header, Report
from chain_bandit.protocol.messages import commitment_salt
from chain_bandit.protocol.sealing import counts_key
from chain_bandit.protocol.sharing import commits_to


def check_counts(game: Game, header: Header, reports: Mapping[int, Report]) -> None:
    """Open every commitment that was made openable, and hold the bits against it."""
    for seat, report in reports.items():
        _check_seat(game, header, seat, report)


def _check_seat(game: Game, header: Header, seat: int, report: Report) -> None:
    p, t, checks = game.parameters, game.running.round, game.checks
    malicious = game.disclosed is not None and not game.is_honest(seat)
    key = _key(game, seat)
    if key is None and malicious:
        game.note("counts not opened", seat, t)
        _on_trust(game, header, seat)
        return
    if key is None or not game.receipts_known:
        reason = "the pulls of an earlier round are not settled" if key else f"seat {seat} did not open its counts"
        checks.unknown("counts.commitment", reason)
        checks.unknown("counts.bits", reason, p.arms)
        return
    counts = tuple(game.counts[seat])
    opens = commits_to(report.commitment, counts, commitment_salt(key, t))
    if malicious and not opens:
        game.note("false count commitment", seat, t)
        _on_trust(game, header, seat)
        return
    checks.that(opens, "counts.commitment", t, f"count commitment of seat {seat}",
                "{} does not open to its pulls {}", report.commitment, counts)
    if opens:
        checks.each_same(_bits(header, seat), _true_bits(game, seat), "counts.bits", t,
                         f"comparison bit of seat {seat} and arm")


def _key(game: Game, seat: int) -> bytes | None:
    """What opens a seat's commitments; in a sealed game it follows from the sealing key."""
    if not game.parameters.sealed:
        return game.survey.salt_keys.get(seat)
    key = game.survey.seal_keys.get(seat)
    return None if key is None else counts_key(key)


def _bits(header: Header, seat: int) -> list[bool]:
    return [bool(members >> seat & 1) for members in header.candidates]


def _true_bits(game: Game, seat: int) -> list[bool]:
    """The bits that a seat's settled pulls give."""
    return list(enough_pulls(tuple(game.counts[seat]), game.running.pulls, game.parameters.threshold))


def _on_trust(game: Game, header: Header, seat: int) -> None:
    """A malicious seat cannot be made to open its counts: its bits are what the quorum says they are.

    Where they are not those of its settled pulls, it committed to other counts: that shows without any key.
    """
    if game.receipts_known and _bits(header, seat) != _true_bits(game, seat):
        game.note("bits of other counts", seat, game.running.round)
    game.note("bits on trust", seat, game.running.round)
    game.checks.trust("counts.bits", "comparison bits of malicious seats", game.parameters.arms)
