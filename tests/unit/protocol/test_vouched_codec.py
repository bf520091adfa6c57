"""Bytes of games whose rules need the quorum's word: the extension of headers, and full games that attest means.

`WRITE_SNAPSHOTS=1 pytest tests/unit/protocol/test_vouched_codec.py` writes the vectors anew, by the spelling here,
which shares nothing with `protocol/blocks.py`.
"""

from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import MOST_STATE, Header, encode_states, seats, state_integers
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.ruleset import CHOSEN, COMPUTED, STATE, WEIGHTS
from chain_bandit.protocol.submission import decode
from tests.unit.protocol.spelled import header_of, plain_case, vectors
from tests.unit.protocol.test_phase_codec import require_golden

STATES = [[[]], [[1, -1]], [[2**63 - 1, -(2**63)], [], [5]]]


def plain_extension(states):
    kept = "".join(f"{len(state):04x}" + "".join(f"{value % 2**64:016x}" for value in state) for state in states)
    return f"01{len(kept) // 2:04x}" + kept


def cases():
    return vectors(
        "vouched",
        lambda chance, mode, states: plain_case(
            chance, mode, "0b" + plain_extension(states), 0b1011, beside=True, states=states
        ),
        STATES,
    )


@pytest.fixture
def game(parameters):
    def build(mode, asked=COMPUTED | WEIGHTS | STATE | CHOSEN):
        p = replace(parameters(), validators=3, body_mode=BodyMode[mode.upper()])
        return replace(p, vouched=asked | 4 if mode == "full" else asked & ~COMPUTED | 4)

    return build


def test_headers_and_submissions_equal_their_golden_bytes_both_ways(game):
    assert [case["header"]["states"] for case in cases()] == STATES * 2
    for case in cases():
        p, header = game(case["mode"]), header_of(case)
        block = require_golden(p, header, case)
        assert block.opened(p, header.round, header.parent, 0)[0] == header
        assert len(seats(block.signers)) == 2
        assert plain_extension(case["header"]["states"]) in case["bytes"]


@pytest.mark.parametrize(
    "extension",
    [
        "00", "02", "0100", "010001", "0100020001", "010003000000", "01000a00010000000000000000ff",
        "011001" + "0000" * 2048 + "00", "01ffff",
    ],
)  # fmt: skip
def test_an_extension_in_any_other_form_is_refused(game, extension):
    case = next(case for case in cases() if case["header"]["states"] == [[]])
    data, usual = case["bytes"], plain_extension([[]])
    assert data.count(usual) == 1
    with pytest.raises(Malformed):
        Header.decode(bytes.fromhex(data.replace(usual, extension)), game("full"))
    with pytest.raises(Malformed):
        decode(game("full"), bytes.fromhex(case["submission"].replace(usual, extension)))


def test_an_extension_may_take_all_the_room_that_there_is(game):
    case, usual = next(case for case in cases() if case["header"]["states"] == [[]]), plain_extension([[]])
    full = "01" + f"{MOST_STATE:04x}" + "0000" * (MOST_STATE // 2)
    header = Header.decode(bytes.fromhex(case["bytes"].replace(usual, full)), game("full"))
    assert header.states == ((),) * (MOST_STATE // 2)


def test_where_rules_keep_nothing_a_header_has_no_extension(game):
    p = game("full", COMPUTED | WEIGHTS | CHOSEN)
    case = cases()[0]
    with pytest.raises(Malformed):
        Header.decode(bytes.fromhex(case["bytes"]), p)
    plain = bytes.fromhex(case["bytes"].replace(plain_extension([[]]), "00"))
    assert Header.decode(plain, p).states == ()


@pytest.mark.parametrize("keepers", [1, 2, 3])
def test_so_many_integers_of_each_rule_fit_a_header_and_one_more_does_not(keepers):
    most = state_integers(keepers)
    assert len(encode_states([(1,) * most] * keepers)) - 3 <= MOST_STATE
    assert len(encode_states([(1,) * (most + 1)] * keepers)) - 3 > MOST_STATE
