"""Bytes of games with phases, each spelled a second time as docs/protocol.md has it: headers, blocks, rows, receipts.

`WRITE_SNAPSHOTS=1 pytest tests/unit/protocol/test_phase_codec.py` writes the vectors anew, by the spelling here.
"""

from dataclasses import replace

import pytest

from chain_bandit.paranoid import settlement
from chain_bandit.protocol.blocks import Header
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import is_over, length, opening
from chain_bandit.protocol.messages import receipt_content
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.settlement import NOTHING, Pull, decode_pulls, encode_pulls, settled_bytes
from chain_bandit.protocol.submission import Submitted, decode, encode
from chain_bandit.protocol.tallies import may_name
from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.spelled import header_of, plain_case, vectors

LENGTHS = [1, 5, 2**32 - 1]


def cases():
    return vectors(
        "phases", lambda chance, mode, pulls: plain_case(chance, mode, f"02{pulls:08x}", 0, length=pulls), LENGTHS
    )


@pytest.fixture
def game(parameters):
    return lambda mode="full", **changes: replace(
        parameters(), growth=UNIT // 4, body_mode=BodyMode[mode.upper()], **changes
    )


def require_golden(p, header, case):
    """The block, whose header and submission are the case's bytes both ways."""
    data = bytes.fromhex(case["bytes"])
    assert header.encode(p) == data
    assert Header.decode(data, p) == header
    signed = case["signers"], bytes.fromhex(case["signatures"])
    block = Submitted.of(p, header, bytes.fromhex(case["header"]["body"]), *signed)
    submission = bytes.fromhex(case["submission"])
    assert encode(p, [block]) == submission
    assert decode(p, submission) == (block,)
    return block


def test_headers_and_submissions_equal_their_golden_bytes_both_ways(game):
    assert [case["header"]["length"] for case in cases()] == LENGTHS * 2
    for case in cases():
        require_golden(game(case["mode"]), header_of(case), case)


@pytest.mark.parametrize("extension", ["00", "01", "03", "0200", "010000"])
def test_an_extension_in_any_other_form_is_refused(game, extension):
    case, usual = cases()[1], "0200000005"
    assert case["submission"].count(usual) == case["bytes"].count(usual) == 1
    with pytest.raises(Malformed):
        Header.decode(bytes.fromhex(case["bytes"].replace(usual, extension)), game())
    with pytest.raises(Malformed):
        decode(game(), bytes.fromhex(case["submission"].replace(usual, extension)))
    with pytest.raises(Malformed):  # a game without phases has none
        decode(replace(game(), growth=0), bytes.fromhex(case["submission"]))


def test_rows_come_back_from_their_bytes(game):
    pulls = Pull(3, 2**33, 9), NOTHING, Pull(0, 0, 2**32 - 1)
    data = bytes.fromhex("03" + f"{9:08x}{2**33:016x}" + "ff" + 24 * "0" + "00" + "ffffffff" + 16 * "0")
    assert encode_pulls(pulls, phases=True) == data
    assert decode_pulls(data, 3, True) == pulls
    assert settled_bytes(game()) == 13 * 4
    assert b"".join(
        settlement.packed(game(), settlement.Pull(each.arm, each.reward, each.count * (each != NOTHING)))
        for each in pulls
    ) == data  # fmt: skip
    assert decode_pulls(b"\xff\0\0\0\1" + bytes(8), 1, True) != (NOTHING,)
    for size in (0, 5, 12, 14):
        with pytest.raises(Malformed):
            decode_pulls(bytes(size), 1, True)


def test_a_receipt_is_over_pulls_and_their_sum():
    told = b"\5" * 32
    assert receipt_content(1, 2**33, told, 9) == keccak(bytes.fromhex(f"01{9:08x}{2**33:016x}") + told)


@pytest.mark.parametrize(
    ("before", "time", "pulls"), [(0, 5, 1), (3, 5, 1), (4, 5, 1), (5, 5, 2), (8, 5, 2), (9, 5, 3), (40, 5, 8),
                                  (40, 12, 1), (40, 6, 7)],
)  # fmt: skip
def test_a_phase_is_a_part_of_the_pulls_before_it_rounded_up_and_ends_with_the_game(game, before, time, pulls):
    p = game()  # 12 pulls, 4 of them before the first block
    ledger = replace(opening(p, bytes(32), bytes(32)), round=5, time=time, pulls=(0, before))
    assert length(p, ledger, 1) == pulls
    assert length(p, replace(ledger, round=p.burn_in), 1) == length(replace(p, growth=0), ledger, 1) == 1
    assert is_over(p, replace(ledger, time=time + pulls)) is (time + pulls == p.horizon + 1)


def test_a_report_in_a_phase_names_the_last_round_that_gave_anything(game):
    p = game(slash=1, provable=1)
    assert [named for named in range(60) if may_name(p, 50, 0, named)] == [49]
    assert [named for named in range(60) if may_name(p, 50, 2, named)] == [47, 48, 49]
