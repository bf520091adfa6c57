"""Drawn committees and commanders: what the contract can hold without looking into proofs."""

from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import eligible, validators
from chain_bandit.protocol.parameters import ODDS
from tests.contracts.harness import Game, hexed, parameters
from tests.contracts.test_evidence import accuse

DRAWN = parameters(
    participants=7, liars=1, attackers=1, horizon=60, sortition=7 * ODDS // 10, probing=ODDS // 2,
    commanders=ODDS // 2,
)  # fmt: skip


def opened(**changes: int) -> Game:
    game = Game(replace(DRAWN, **changes), name="draws").open()
    assert game.deployment.accepted
    return game


def submitted_with(game: Game, **named: int) -> tuple:
    header, body = game.block()
    outcome = game.submit(game.submitted(replace(header, **named), body))
    assert not outcome.accepted
    return outcome.error


@pytest.mark.parametrize("changes", [{}, {"sortition": 0}, {"probing": ODDS, "commanders": ODDS}])
def test_no_two_seats_have_one_vrf_key_where_anything_is_drawn(changes):
    """They would be drawn together. One hash of a sealing key does no harm: nonces differ by seat."""
    game, key = Game(replace(DRAWN, **changes)), b"\2" + b"\7" * 32
    other = key[:-1] + b"\6"
    game.do(game.seats[0], "join", key + b"\5" * 32, value=game.p.stake)
    for rest in (b"\5", b"\4"):
        refused = game.refused(game.seats[1], "join", key + rest * 32, value=game.p.stake)
        assert refused == ("VrfKeyOfAnotherSeat", 0)
    game.do(game.seats[1], "join", other + b"\5" * 32, value=game.p.stake)
    assert game.refused(game.seats[2], "join", other + b"\4" * 32, value=game.p.stake) == ("VrfKeyOfAnotherSeat", 1)
    plain = Game(replace(DRAWN, sortition=0, probing=ODDS, commanders=ODDS))
    for seat in plain.seats:
        plain.do(seat, "join", bytes(65), value=plain.p.stake)


@pytest.mark.parametrize("mode", [0, 1])
def test_a_drawn_committee_is_taken_as_named_and_signs_the_next_round(mode):
    game = opened(body_mode=mode)
    game.approve(committee=0b0010111, commanders=0b0000110)
    assert game.ledger.committee == 0b0010111
    assert game.view("validators", game.ledger.round) == tuple(
        sorted(hexed(game.seats[seat]) for seat in (0, 1, 2, 4))
    )
    assert game.view("quorum") == game.p.quorum(4) == 3
    header, body = game.block()
    assert game.submit(game.submitted(header, body, signers=(0, 1, 3))).error == (
        "UnknownSigners", 0b1011, 0b0010111
    )  # fmt: skip
    assert game.submit(game.submitted(header, body, signers=(0, 1))).error == ("QuorumMissing", 2, 3)
    game.approve()
    game.check()


def test_a_drawn_committee_holds_somebody_and_nobody_else_than_eligible_seats():
    game = opened()
    assert submitted_with(game, committee=0, commanders=0) == ("CommitteeMalformed", 0, 127, 1)
    assert submitted_with(game, committee=1 << 7, commanders=0) == ("CommitteeMalformed", 128, 127, 1)
    accuse(game, 3)
    while eligible(game.p, game.ledger, game.ledger.round + 1) == game.p.everybody:
        game.approve(committee=127, commanders=0)
    assert submitted_with(game, committee=127, commanders=0) == ("CommitteeMalformed", 127, 119, 1)
    game.approve(committee=119, commanders=0)
    assert validators(game.ledger) == 119


def test_commanders_validate():
    game = opened()
    assert submitted_with(game, committee=0b111, commanders=0b1001) == ("CommandersMalformed", 0b1001, 0b111)
    game.approve(committee=0b111, commanders=0)
    everybody = opened(sortition=0)
    assert submitted_with(everybody, commanders=1 << 7) == ("CommandersMalformed", 128, 127)
    everybody.approve(commanders=0)


def test_everybody_validates_after_a_skip_and_after_an_exploration():
    game = opened()
    game.approve(committee=0b111, commanders=0)
    for named in (0, 0b111, 128):
        error = game.refused(game.anybody, "skip", named, *game.certificate(ZERO))
        assert error == ("CommitteeMalformed", named, 127, 7)
    game.skip()
    assert game.ledger.committee == 127
    assert submitted_with(game, committee=0, commanders=0) == ("CommitteeMalformed", 0, 127, 1)
    game.skip()
    assert game.records[-1][1].kind is Kind.EXPLORATION
    assert game.ledger.committee == 127
    game.approve(committee=0b1111, commanders=0)
    game.skip_after_deadline()
    assert game.ledger.committee == 127
    game.check()


def test_a_rejection_that_brings_an_exploration_names_everybody():
    game = opened(failure_limit=1)
    header, body = game.block(selected=(127, 0))
    assert header.committee == 127
    wrong = replace(header, committee=0b111, commanders=0)
    assert game.submit(game.submitted(wrong, body)).error == ("CommitteeMalformed", 0b111, 127, 7)
    assert game.submit(game.submitted(header, body)).accepted


def test_a_report_without_room_for_its_proof_is_refused():
    game, plain = opened(), opened(sortition=0, probing=ODDS, commanders=ODDS)
    header, body = plain.block()
    short = game.submitted(replace(header, committee=127, parent=game.ledger.head, body=keccak(body)), body)
    assert game.submit(short).error[0] == "WrongCalldataLength"
