"""A changed history that is audited by a kept hash is found out, and where; all of it: `verification.tampering`."""

import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest
import rlp

from chain_bandit.auditor.audit import audit
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.protocol.creation import decode
from tests.unit.audit.forging import Forgery
from tests.unit.audit.played_game import Played
from verification.tampering import (
    EDITS,
    Export,
    Verdict,
    at_random,
    counted,
    edited,
    judged,
    looked_at,
    mended,
    rehashed,
    share,
    sweep,
    taken_apart,
    with_byte,
)

DIGITS = b"0123456789abcdef"
SHARDS = 24
"""Of the whole: lines of the export go to them in turn."""


@pytest.fixture(scope="module")
def export() -> Export:
    return Export.played(0)


@pytest.fixture(scope="module")
def other() -> Export:
    return Export.played(1)


def verdict(data: bytes, head: bytes | None) -> int:
    """12 or 13 from the report, 3 when the text cannot be read."""
    try:
        return audit(files.parse(data), head).exit_code
    except HistoryError as error:
        return error.exit_code


def swept(export: Export, every: int, lines: range) -> None:
    rows = [counted("every byte", line, every, sweep(export, line, every)) for line in lines]
    assert sum(row.changes for row in rows) == sum(row.detected for row in rows) > 0
    assert share(rows) >= 0.99, [(row.first, row.changes, row.located, row.by) for row in rows]
    assert sum(row.trailed for row in rows) == sum(row.changes for row in rows)


def test_mending_leaves_an_unchanged_history_as_it_is(export: Export) -> None:
    assert rehashed(taken_apart(export.blocks)) == export.blocks
    assert mended(export, 5, export.blocks[5]) == export.blocks
    assert verdict(b"".join(export.lines), export.head) == 0


def test_a_sample_of_all_bytes_is_detected_and_located(export: Export) -> None:
    swept(export, 331, range(len(export.lines)))


@pytest.mark.deep
@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_byte_is_detected_and_located(export: Export, shard: int) -> None:
    swept(export, 1, range(shard, len(export.lines), SHARDS))


@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.deep)])
def test_bytes_changed_at_random_are_detected_and_located(export: Export, count: int) -> None:
    row = counted("random byte", 0, count, map(partial(at_random, export), range(count)))
    assert row.detected == row.changes == count
    assert share([row]) >= 0.99


@pytest.mark.parametrize("count", [90, pytest.param(1_500, marks=pytest.mark.deep)])
def test_larger_edits_are_detected_and_where_a_rule_is_broken_located(
    export: Export, other: Export, count: int
) -> None:
    row = counted("edit", 0, count, map(partial(edited, export, other), range(count)))
    assert row.detected == row.trailed == row.changes == count >= 6 * len(EDITS)
    assert share([row], "lawful") >= 0.98
    assert row.blocks < 8 * row.bounded


def test_what_is_tried_first_says_what_the_whole_audit_says(export: Export) -> None:
    """An audit up to the changed block finds nothing that one of everything, with the kept hash, does not."""
    chance = random.Random(3)
    for _ in range(30):
        line = chance.randrange(1, len(export.lines))
        text = export.lines[line]
        at = chance.choice([index for index, byte in enumerate(text) if byte in DIGITS])
        changed = with_byte(text, at, chance.choice([digit for digit in DIGITS if digit != text[at]]))
        said = looked_at(export, line, changed)
        lines = [*export.lines[:line], changed, *export.lines[line + 1 :]]
        assert (verdict(b"".join(lines), export.head) in (3, 12)) is said.detected is True
        with suppress(ValueError):
            blocks = mended(export, line - 1, files.parse_block(changed))
            report = audit(History(export.origin, blocks), export.head)
            assert report.exit_code == 12
            assert said.how in {violation.check for violation in report.violations}


def test_another_history_of_the_same_game_is_told_by_the_kept_hash_alone(export: Export) -> None:
    header = export.blocks[7].header
    text = export.lines[8]
    state_root = text.index(header.hex().encode()) + 2 * (header.index(rlp.decode(header)[3]) + 5)
    byte = next(digit for digit in DIGITS if digit != text[state_root])
    assert looked_at(export, 8, with_byte(text, state_root, byte)) == Verdict(
        True, False, lawful=True, same=True, how="chain.head"
    )  # fmt: skip


@pytest.mark.parametrize("which", [0, 20, -1])
def test_a_type_that_came_later_is_told_by_the_kept_hash_and_the_trail(export: Export, which: int) -> None:
    """An edit that makes a transaction unreadable is detected all the same: not its content, but its place."""
    at = [index for index, block in enumerate(export.blocks) if block.transactions][which]
    blocks = taken_apart(export.blocks)
    blocks[at][1][0] = b"\5" + blocks[at][1][0][1:]
    assert judged(export, rehashed(blocks), {at}) == Verdict(True, False, lawful=True, how="chain.head")


def test_a_header_whose_bloom_is_not_that_of_its_receipts_is_a_violation(export: Export) -> None:
    *before, last = export.blocks[:8]
    bloom = rlp.decode(last.header)[6]
    changed = replace(last, header=last.header.replace(bloom, bytes([bloom[0] ^ 1]) + bloom[1:]))
    (violation,) = audit(History(export.origin, (*before, changed))).violations
    assert (violation.check, violation.field) == ("chain.receipts", "block 8")
    assert "its bloom is not that of its receipts" in violation.sentence


def test_every_change_of_a_body_is_detected(compact: Played) -> None:
    history, chance = compact.history, random.Random(5)
    data = files.origin_line(history.origin) + b"".join(map(files.block_line, history.blocks))
    head = bytes.fromhex(audit(files.parse(data)).head[2:])
    assert verdict(data, head) == 0
    bodies = [body.hex().encode() for block in history.blocks for body in block.bodies]
    for _ in range(60):
        body = chance.choice(bodies)
        at = data.index(body) + chance.randrange(len(body))
        new = chance.choice([digit for digit in DIGITS if digit != data[at]])
        assert verdict(data[:at] + bytes([new]) + data[at + 1 :], head) in (3, 12)  # 3: by hash it lies elsewhere now


@pytest.mark.parametrize("count", [60, pytest.param(1_000, marks=pytest.mark.deep)])
def test_no_change_makes_an_audit_without_a_kept_head_raise(export: Export, count: int) -> None:
    chance, verdicts = random.Random(99), Counter[int]()
    while verdicts.total() < count:
        line = chance.randrange(1, len(export.lines))
        text = export.lines[line]
        at = chance.choice([index for index, byte in enumerate(text) if byte in DIGITS])
        with suppress(ValueError):
            changed = files.parse_block(with_byte(text, at, chance.choice(DIGITS)))
            lines = (export.lines[0], *map(files.block_line, mended(export, line - 1, changed)))
            verdicts[verdict(b"".join(lines), None)] += 1
    assert set(verdicts) <= {0, 3, 12, 13}
    assert verdicts[12] > count // 3


@pytest.mark.parametrize("count", [50, pytest.param(1_000, marks=pytest.mark.deep)])
def test_no_signed_nonsense_makes_an_audit_raise(honest: Played, count: int) -> None:
    """Calldata, values, events, order: changed at random, then signed and hashed as if the chain had taken them."""
    chance, verdicts = random.Random(11), Counter[int]()
    keys = {signer.address: signer for signer in (*honest.signers, honest.owner)}
    history = files.parse(
        files.origin_line(honest.history.origin) + b"".join(map(files.block_line, honest.history.blocks))
    )
    counts = {"join": 4, "open": 1, "submitBlocks": 24, "skip": 1, "settleRewards": 5, "reveal": 1, "settleCosts": 2,
              "close": 1, "withdraw": 5}  # fmt: skip
    events = {"Joined": 4, "Opened": 1, "Recorded": 26, "RewardsSettled": 5, "Revealed": 1, "CostsSettled": 2,
              "Closed": 1, "Withdrawn": 5}  # fmt: skip

    def spoilt(data: bytes) -> bytes:
        for _ in range(chance.randint(1, 3)):
            at, how = chance.randrange(len(data)), chance.random()
            if how < 0.1:
                return data[:at]
            new = chance.randbytes(1) if how < 0.7 else chance.choice((bytes(8), b"\xff" * 8))
            data = data[:at] + new + data[at + len(new) :]
        return data

    for _ in range(count):
        forged = Forgery(history, keys)
        for _ in range(chance.randint(1, 3)):
            how = chance.random()
            if how < 0.6:
                method = chance.choice(sorted(counts))
                with suppress(IndexError):  # an earlier change took the call away
                    forged.call(method, chance.randrange(counts[method]), spoilt)
            elif how < 0.8:
                name = chance.choice(sorted(events))
                forged.event(name, chance.randrange(events[name]), spoilt)
            elif how < 0.85:
                forged.creation(lambda data: data[: (at := len(decode(data).code))] + spoilt(data[at:]))
            else:
                one, other = (chance.randrange(1, len(forged.blocks)) for _ in range(2))
                for part in (1, 2):
                    mine, theirs = forged.blocks[one][part], forged.blocks[other][part]
                    mine[:], theirs[:] = theirs[:], mine[:]
                for block in (one, other):
                    receipts = forged.blocks[block][2]
                    gas = rlp.decode(receipts[0][1:])[1] if receipts else b""
                    forged.blocks[block][0][10] = gas
        verdicts[audit(forged.made()).exit_code] += 1
    assert sum(verdicts.values()) == count
    assert verdicts[12] > count // 2, verdicts
