"""Drawn committees and commanders: what the contract can hold without looking into proofs."""

from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Kind, Seated
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import eligible, validators
from chain_bandit.protocol.parameters import MAX_WEIGHT, ODDS
from chain_bandit.protocol.rewards import hidden_cost
from chain_bandit.protocol.settlement import encode_pulls, final_balance, void_balance
from tests.contracts.harness import KEYS, QUARTER, Game, hexed, parameters
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


def registered(vrf_key: bytes, seal: bytes = b"\5", weight: int = 1) -> bytes:
    return Seated(bytes(20), vrf_key, seal * 32, weight).keys


@pytest.mark.parametrize("changes", [{}, {"sortition": 0}, {"probing": ODDS, "commanders": ODDS}])
def test_no_two_seats_have_one_vrf_key_where_anything_is_drawn(changes):
    """They would be drawn together. One hash of a sealing key does no harm: nonces differ by seat."""
    game, key = Game(replace(DRAWN, **changes)), b"\2" + b"\7" * 32
    other = key[:-1] + b"\6"
    game.do(game.seats[0], "join", registered(key, b"\5"), value=game.p.stake)
    for rest in (b"\5", b"\4"):
        refused = game.refused(game.seats[1], "join", registered(key, rest), value=game.p.stake)
        assert refused == ("VrfKeyOfAnotherSeat", 0)
    game.do(game.seats[1], "join", registered(other, b"\5"), value=game.p.stake)
    again = game.refused(game.seats[2], "join", registered(other, b"\4"), value=game.p.stake)
    assert again == ("VrfKeyOfAnotherSeat", 1)
    plain = Game(replace(DRAWN, sortition=0, probing=ODDS, commanders=ODDS))
    for seat in plain.seats:
        plain.do(seat, "join", KEYS, value=plain.p.stake)


@pytest.mark.parametrize(("sortition", "most"), [(DRAWN.sortition, MAX_WEIGHT), (0, 1)])
def test_a_weight_is_at_least_1_and_no_more_than_the_game_allows(sortition, most):
    game = Game(replace(DRAWN, sortition=sortition))
    for weight in (0, most + 1, 2**15 + 1, 2**16 - 1):
        for value in (0, game.p.stake, weight * game.p.stake):
            refused = game.refused(game.seats[0], "join", registered(b"\2" * 33, weight=weight), value=value)
            assert refused == ("WeightOutOfRange", weight, most)
    game.do(game.seats[0], "join", registered(b"\2" * 33, weight=most), value=most * game.p.stake)
    assert game.held() == game.pool + most * game.p.stake


@pytest.mark.parametrize("weight", [1, 2, 255, 256, MAX_WEIGHT])
def test_a_seat_deposits_exactly_as_many_stakes_as_it_weighs(weight):
    game = Game(DRAWN)
    stake, keys = game.p.stake, registered(b"\2" * 33, weight=weight)
    for value in {0, stake, (weight - 1) * stake, weight * stake - 1, weight * stake + 1, (weight + 1) * stake}:
        if value != weight * stake:
            assert game.refused(game.seats[0], "join", keys, value=value) == ("WrongStake", value, weight * stake)
    game.do(game.seats[0], "join", keys, value=weight * stake)
    assert game.refused(game.seats[0], "join", keys, value=weight * stake) == ("AlreadyJoined", hexed(game.seats[0]), 0)
    assert (game.view("seatOf", game.seats[0]), game.view("participantAt", 0)) == (0, hexed(game.seats[0]))
    game.machine.block += game.p.opening_deadline + 1
    before = game.machine.state.get_balance(game.seats[0])
    game.do(game.seats[0], "withdraw")
    assert game.machine.state.get_balance(game.seats[0]) == before + weight * stake
    assert game.refused(game.seats[1], "withdraw") == ("NothingOwed", hexed(game.seats[1]))


@pytest.mark.parametrize("ending", ["complete", "void", "sealed"])
def test_every_stake_comes_back_and_weighs_nothing_in_rewards_and_costs(ending):
    weights, sealed = (3, 1, MAX_WEIGHT, 2, 1, 700, 1), ending == "sealed"
    changes = {"sealed": 1, "unrevealed_penalty": 5, "stake": DRAWN.stake + 5} if sealed else {}
    game = Game(replace(DRAWN, **changes), name="weights", weights=weights).open()
    people, stakes = (*game.seats, game.environment), sum(weights) * game.p.stake
    assert game.held() == game.pool + stakes
    everybody, costly = game.p.everybody, []
    for _ in range(5):
        costly.append(game.ledger.round)
        game.approve(selected=(everybody, everybody), committee=everybody, commanders=0)
    game.machine.block += game.p.game_blocks + 1
    rewards, costly = [0] * len(weights), [t for t in costly if t > game.p.burn_in]
    if ending == "complete":
        game.do(game.environment, "settleRewards", game.ledger.round - 1, encode_pulls([QUARTER] * 7 * len(costly)))
        rewards = [QUARTER.reward * len(costly)] * 7
        game.reveal()
        game.do(game.environment, "settleCosts", game.entries(costly))
        costs = [hidden_cost(game.secret, game.seed_0) * len(costly)] * 7
        expected = final_balance(game.p, game.pool, rewards, game.roles, costs, weights=weights)
    else:
        game.machine.block += game.p.settlement_window + 1
        missing = frozenset(range(7)) if sealed else frozenset()
        expected = void_balance(game.p, game.pool, rewards, frozenset(), missing, weights)
    game.do(game.anybody, "close")
    owed = [game.view("owed", account) for account in people]
    assert owed == [*expected.participants, expected.environment]
    assert game.held() == sum(owed) == game.pool + stakes - expected.burned
    light = [due - weight * game.p.stake for due, weight in zip(owed, weights, strict=False)]
    assert len(set(light)) == (2 if ending == "complete" else 1)  # honest and malicious; all alike
    for account in people:
        if game.view("owed", account):
            game.do(account, "withdraw")
    assert game.held() == 0


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
