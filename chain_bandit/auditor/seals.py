"""Sealed games: sums that are paid, keys that are revealed, and records that they open (protocol.md: Settlement)."""

from collections.abc import Mapping

from chain_bandit.auditor.books import POOL, account
from chain_bandit.auditor.chain import TWO_TALLIES
from chain_bandit.auditor.exhibits import Field, Slice
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.rewards import in_window
from chain_bandit.auditor.tallies import check_opened
from chain_bandit.chain_history.records import ContractCall, Event
from chain_bandit.crypto.unseal import unseal
from chain_bandit.protocol.blocks import Report
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.sealing import nonce
from chain_bandit.protocol.settlement import SUM_BYTES, Pull, encode_sums
from chain_bandit.protocol.tallies import SettledSums

_OTHER_ARM, _OTHER_REWARD, _NO_RECORD = "false sealed arm", "false sealed reward", "sealed record does not open"


def summed(game: ReplayedGame, call: ContractCall) -> None:
    """The environment pays each seat's sum."""
    if call.arguments is None:
        return
    p, checks, last = game.parameters, game.checks, game.running.round - 1
    try:
        said = SettledSums.decode(call.arguments[0], p)
    except Malformed as error:
        checks.that(False, "settlement.form", None, "sums", "{2}", error.got, error.expected, error)
        return
    checks.that(
        bool(p.sealed) and not game.summed and game.settled_through >= last, "settlement.form", None, "sums",
        "they are paid twice, or when tags are settled up to round {} of {}, or in an open game",
        game.settled_through, last, part=call.arguments[0],
    )  # fmt: skip
    sums = said.sums
    event = Event("RewardsSettled", (last, encode_sums(sums)))
    checks.same(call.events, (event,), "record.events", None, "event of the sums")
    checks.same(call.sender, game.environment, "settlement.form", None, "sender of the sums", shown=Field.SENDER)
    in_window(game, call, "payment of the sums")
    for seat, (paid, earned) in enumerate(zip(sums, game.earned, strict=True)):
        game.books.move("rewards", POOL, account(seat, "rewards"), paid * p.wei_per_unit)
        if seat in game.unread:
            checks.unknown("settlement.sums", f"what a receipt tag of seat {seat} stands for is not known")
        else:
            part = Slice(call.arguments[0], SUM_BYTES * seat, SUM_BYTES)
            checks.same(paid, earned, "settlement.sums", None, f"sum of the rewards of seat {seat}", part)
    if p.provable:
        check_opened(game, last, said)
    game.rewards, game.summed = list(sums), True


def key_revealed(game: ReplayedGame, call: ContractCall) -> None:
    """A participant opens its sealed records."""
    if call.arguments is None:
        return
    checks, (key,) = game.checks, call.arguments
    seat = game.addresses.index(call.sender) if call.sender in game.addresses else None
    checks.same(call.events, (Event("SealRevealed", (seat, key)),), "record.events", None, "event of a sealing key")
    in_window(game, call, "revealing of a sealing key")
    if seat is not None:
        checks.same(keccak(key), game.seated[seat].seal_hash, "seal.keys", None, f"sealing key of seat {seat}", key)
        game.unsealed.add(seat)


def check_records(game: ReplayedGame, reports: Mapping[int, Report]) -> None:
    """Open every report's sealed record, and hold it against its author's last receipt by the round that it names."""
    checks, t = game.checks, game.running.round
    for seat, report in reports.items():
        key, truth = game.survey.seal_keys.get(seat), game.last_of(seat, report)
        if key is None:
            checks.unknown("seal.records", f"seat {seat} did not reveal its sealing key")
            game.note("sealing key not revealed", seat, t)
        elif game.disclosed is None or truth is None:
            checks.unknown("seal.records", "what a seat last received is not known")
        elif seat in game.survey.acquitted:
            checks.unknown("seal.records", TWO_TALLIES)
        else:
            told = unseal(key, nonce(game.digest, t, seat), report.sealed)
            lie = _lie(told, truth)
            if lie and not game.is_honest(seat):
                game.note(lie, seat, t)
            else:
                checks.that(not lie, "seal.records", t, f"sealed record of seat {seat}",
                            "{2}: it holds {0}, its last receipt is {1}", told, truth, lie, part=report.sealed)


def _lie(told: Pull | None, truth: Pull) -> str:
    """How a record departs from the receipt: its arm, or the reward of that arm; empty when it does not."""
    if told is None:
        return _NO_RECORD
    if told.arm != truth.arm:
        return _OTHER_ARM
    return _OTHER_REWARD if told.reward != truth.reward else ""
