"""10,000 random byte changes of a game's export, the head's hash kept by the auditor: every one is detected."""

import json
import random
from collections import Counter
from contextlib import suppress

import pytest
import rlp
from rlp.exceptions import RLPException

from chain_bandit.audit.audit import audit
from chain_bandit.history import files
from chain_bandit.history.errors import HistoryError
from chain_bandit.history.setup import ARGUMENTS
from tests.unit.audit.forging import Forgery, rehashed
from tests.unit.audit.played_game import Played

CHANGES, SHARDS = 6_000, 8
DIGITS = b"0123456789abcdef"


@pytest.fixture(scope="module")
def export(honest: Played) -> bytes:
    history = honest.history
    return files.origin_line(history.origin) + b"".join(map(files.block_line, history.blocks))


def verdict(data: bytes, head: bytes | None) -> int:
    """12 or 13 from the report, 3 when the text cannot be read."""
    try:
        return audit(files.parse(data), head).exit_code
    except HistoryError as error:
        return error.exit_code


def changed(export: bytes, chance: random.Random, readable: bool) -> bytes:
    """One byte changed to any other, or, to get past the reader, one hexadecimal digit to another digit."""
    at = chance.randrange(len(export))
    while readable and export[at] not in DIGITS:
        at = chance.randrange(len(export))
    byte = chance.choice([other for other in (DIGITS if readable else range(256)) if other != export[at]])
    return export[:at] + bytes([byte]) + export[at + 1 :]


def mended(data: bytes) -> bytes | None:
    """The changed text in canonical form, with every hash that needs no key recomputed; None when it cannot be read."""
    try:
        origin, *lines = (json.loads(line) for line in data.splitlines())
        blocks = [
            (
                list(rlp.decode(bytes.fromhex(line["header"][2:]))),
                [bytes.fromhex(item[2:]) for item in line["transactions"]],
                [bytes.fromhex(item[2:]) for item in line["receipts"]],
            )
            for line in lines
        ]
        made = rehashed(blocks)
    except (ValueError, KeyError, TypeError, IndexError, RLPException):
        return None
    first = json.dumps(origin, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    return first + b"".join(map(files.block_line, made))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_change_of_a_byte_is_detected(export: bytes, shard: int) -> None:
    chance = random.Random(shard)
    head = bytes.fromhex(audit(files.parse(export)).head[2:])
    assert verdict(export, head) == 0
    made = {"as it is": 0, "mended": 0, "beyond mending": 0, "undone by mending": 0}
    for index in range(CHANGES // SHARDS):
        data = changed(export, chance, readable=index % 2 == 1)
        assert verdict(data, head) in (3, 12)
        made["as it is"] += 1
        again = mended(data)
        if again is None:
            made["beyond mending"] += 1
        elif again == export:
            made["undone by mending"] += 1
        else:
            assert verdict(again, head) in (3, 12)
            made["mended"] += 1
    assert sum(made.values()) == 2 * made["as it is"] == 2 * CHANGES // SHARDS
    assert made["mended"] > CHANGES // SHARDS // 4, made


def test_every_change_of_a_body_is_detected(compact: Played) -> None:
    history, chance = compact.history, random.Random(5)
    data = files.origin_line(history.origin) + b"".join(map(files.block_line, history.blocks))
    head = bytes.fromhex(audit(files.parse(data)).head[2:])
    assert verdict(data, head) == 0
    bodies = [body.hex().encode() for block in history.blocks for body in block.bodies]
    for _ in range(300):
        body = chance.choice(bodies)
        at = data.index(body) + chance.randrange(len(body))
        new = chance.choice([digit for digit in DIGITS if digit != data[at]])
        assert verdict(data[:at] + bytes([new]) + data[at + 1 :], head) in (3, 12)  # 3: by hash it lies elsewhere now


def test_mending_leaves_an_unchanged_export_as_it_is(export: bytes) -> None:
    assert mended(export) == export


def test_no_change_makes_an_audit_without_a_kept_head_raise(export: bytes) -> None:
    chance = random.Random(99)
    verdicts = [verdict(again, None) for again in (mended(changed(export, chance, True)) for _ in range(400)) if again]
    assert len(verdicts) > 100
    assert set(verdicts) <= {0, 3, 12, 13}


def test_every_line_dropped_swapped_or_repeated_is_detected(export: bytes) -> None:
    head = bytes.fromhex(audit(files.parse(export)).head[2:])
    lines = export.splitlines(keepends=True)
    for index in range(len(lines)):
        assert verdict(b"".join(lines[:index] + lines[index + 1 :]), head) in (3, 12)
        assert verdict(b"".join(lines[: index + 1] + lines[index:]), head) in (3, 12)
        if index + 1 < len(lines):
            swapped = [*lines[:index], lines[index + 1], lines[index], *lines[index + 2 :]]
            assert verdict(b"".join(swapped), head) in (3, 12)
        assert verdict(export[: export.index(lines[index])], head) in (3, 12)


def test_no_signed_nonsense_makes_an_audit_raise(honest: Played) -> None:
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

    for _ in range(400):
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
                forged.creation(lambda data: data[:-ARGUMENTS] + spoilt(data[-ARGUMENTS:]))
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
    assert sum(verdicts.values()) == 400
    assert verdicts[12] > 200, verdicts
