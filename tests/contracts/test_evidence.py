"""Proof of equivocation: what is accepted, from which round it counts, and what it costs."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from coincurve import PublicKey

from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.blocks import Kind, mask
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import accused, blocked, validators
from chain_bandit.protocol.messages import NO_BLOCK, Domain, Phase, Role, Slot, statement_content
from chain_bandit.protocol.rewards import hidden_cost
from chain_bandit.protocol.settlement import NOTHING, Pull, encode_pulls, final_balance, void_balance
from chain_bandit.protocol.units import UNIT
from tests.contracts.harness import BASE, CHAIN_ID, DEAD, FUNCTIONS, ORDER, Game, hexed, high_s, parameters
from verification.scripted_game import CONTENTS

ROLES = {
    "reporter": (Phase.REPORT, Role.COMMANDER),
    "commander": (Phase.BLOCK, Role.COMMANDER),
    "signer": (Phase.BLOCK, Role.SIGNER),
}
ONE, OTHER = CONTENTS


def accuse(game: Game, seat: int) -> None:
    """Hand in proof against a seat, and note it."""
    given = game.equivocation(seat)
    game.ledger = accused(game.ledger, seat, game.ledger.round + game.p.evidence_delay)
    since = game.ledger.blocked_from[seat]
    assert game.do(game.anybody, "reportEquivocation", given.calldata()).events == (("Accused", (seat, since)),)


def approve_until(game: Game, round_: int) -> None:
    while game.ledger.round < round_:
        game.approve()


def refused(game: Game, given: Equivocation) -> tuple:
    before = [game.view(name) for name in ("head", "progress", "reputations")]
    error = game.refused(game.anybody, "reportEquivocation", given.calldata())
    assert [game.view(name) for name in ("head", "progress", "reputations")] == before
    assert not given.proves(game.seats, Verifier()) or error[0] == "AlreadyAccused"
    return error


@pytest.mark.parametrize(("phase", "role"), ROLES.values(), ids=ROLES)
@pytest.mark.parametrize("seat", range(4))
def test_each_of_the_three_roles_is_accepted_once(game, seat, phase, role):
    content = (b"\1" * 40, b"\2" * 40) if phase is Phase.REPORT else (ONE, OTHER)
    given = game.equivocation(seat, phase, role, content)
    assert given.proves(game.seats, Verifier())
    since = BASE.burn_in + BASE.evidence_delay
    outcome = game.do(game.anybody, "reportEquivocation", given.calldata())
    assert outcome.events == (("Accused", (seat, since)),)
    game.ledger = accused(game.ledger, seat, game.ledger.round + game.p.evidence_delay)
    game.check()
    assert game.view("progress")[6] == 1
    swapped = replace(
        given, content=given.other_content, signature=given.other_signature, other_content=given.content,
        other_signature=given.signature,
    )  # fmt: skip
    for again in (given, swapped, game.equivocation(seat)):
        assert refused(game, again) == ("AlreadyAccused", seat, since)


def test_a_block_and_no_block_are_two_contents(game):
    game.do(game.anybody, "reportEquivocation", game.equivocation(1, contents=(NO_BLOCK, OTHER)).calldata())


def test_proof_of_any_round_counts_even_of_one_long_past_or_never_recorded(game):
    for seat, (round_, parent) in enumerate(((0, ZERO), (2**32 - 1, ONE), (7, game.genesis))):
        slot = Slot(game.separator, round_, parent)
        given = replace(game.equivocation(seat, slots=(slot, slot)), slot=slot)
        assert given.proves(game.seats, Verifier())
        game.do(game.anybody, "reportEquivocation", given.calldata())


WRONG_ROLES = [
    (phase, role) for phase in Phase for role in Role if (phase, role) not in ROLES.values()
]


@pytest.mark.parametrize(("phase", "role"), WRONG_ROLES)
def test_relays_and_every_other_role_prove_nothing(game, phase, role):
    assert len(WRONG_ROLES) == 25
    assert refused(game, game.equivocation(1, phase, role)) == ("NoSuchRole", int(phase), int(role))


@pytest.mark.parametrize(("phase", "role"), ROLES.values(), ids=ROLES)
def test_one_content_proves_nothing_however_often_it_is_signed(game, phase, role, twice_signed):
    given = game.equivocation(2, phase, role, (ONE, ONE))
    signed = statement_content(phase, ONE)
    assert refused(game, given) == ("SameContent", signed)
    digest = game.slot.digest(phase, role, 0 if role is Role.SIGNER else 2, signed)
    first, second = twice_signed(game.signers[2], digest)
    assert first != second
    assert refused(game, replace(given, signature=first, other_signature=second)) == ("SameContent", signed)


def elsewhere(game: Game) -> dict[str, Slot]:
    slot = game.slot

    def domain(**parts: object) -> Slot:
        own = {"chain_id": CHAIN_ID, "contract": game.address, "game": game.digest}
        return replace(slot, separator=Domain(**own | parts).separator())

    return {
        "round": replace(slot, round=slot.round + 1),
        "parent": replace(slot, parent=ZERO),
        "chain id": domain(chain_id=CHAIN_ID + 1),
        "contract": domain(contract=bytes(20)),
        "game": domain(game=ZERO),
    }


@pytest.mark.parametrize("part", ["round", "parent", "chain id", "contract", "game"])
@pytest.mark.parametrize("which", ["first", "second", "both"])
@pytest.mark.parametrize(("phase", "role"), ROLES.values(), ids=ROLES)
def test_contents_of_two_slots_prove_nothing(game, part, which, phase, role):
    here, there = game.slot, elsewhere(game)[part]
    where = {"first": (there, here), "second": (here, there), "both": (there, there)}[which]
    given = game.equivocation(1, phase, role, slots=where)
    assert refused(game, given) == ("InvalidSignature", 1, hexed(game.seats[1]))


def test_a_signature_in_another_instance_phase_or_role_proves_nothing(game):
    error = ("InvalidSignature", 1, hexed(game.seats[1]))
    for phase, role in ROLES.values():
        wrong = 1 if role is Role.SIGNER else 2
        assert refused(game, game.equivocation(1, phase, role, instance=wrong)) == error
        for other_phase, other_role in ROLES.values():
            if (phase, role) != (other_phase, other_role):
                given = replace(game.equivocation(1, phase, role), phase=other_phase, role=other_role)
                assert refused(game, given) == error


def test_a_proof_names_the_seat_that_signed(game):
    for seat, key in ((0, 1), (3, 2)):
        assert refused(game, game.equivocation(seat, key=key)) == ("InvalidSignature", seat, hexed(game.seats[seat]))
    assert refused(game, replace(game.equivocation(1), instance=2)) == ("InvalidSignature", 2, hexed(game.seats[2]))
    assert refused(game, replace(game.equivocation(1), instance=4)) == ("SeatEmpty", 4, 4)


FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "high s": high_s,
    "zero": lambda good: bytes(64),
    "zero s": lambda good: good[:32] + bytes(32),
    "zero r": lambda good: bytes(32) + good[32:],
    "parity": lambda good: good[:32] + bytes([good[32] ^ 128]) + good[33:],
    "r of the order": lambda good: ORDER.to_bytes(32, "big") + good[32:],
    "ones": lambda good: b"\xff" * 64,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_signatures_that_are_not_canonical_prove_nothing(game, forge):
    good = game.equivocation(3)
    for wrong in (
        replace(good, signature=forge(good.signature)), replace(good, other_signature=forge(good.other_signature))
    ):  # fmt: skip
        assert refused(game, wrong) == ("InvalidSignature", 3, hexed(game.seats[3]))
    game.do(game.anybody, "reportEquivocation", good.calldata())


def test_every_flipped_bit_of_a_proof_is_refused(game):
    data = FUNCTIONS["reportEquivocation"].encode(game.equivocation(1).calldata())
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert not game.send(bytes(changed)).accepted, bit
    assert game.send(data).accepted


@pytest.mark.parametrize("w", [1, 2, 5])
def test_the_list_counts_from_the_open_round_plus_3_plus_w_on_and_the_penalty_is_taken_once(w):
    game = Game(parameters(unrecorded=w, horizon=40, evidence_penalty=20_000, tolerance=1)).open()
    game.approve()
    accuse(game, 2)
    since = game.ledger.blocked_from[2]
    assert since == BASE.burn_in + 1 + 3 + w
    costs, least = [], 0
    while game.ledger.round < since + 6:
        before = game.ledger
        assert game.view("blocked") == (0b0100 if before.round >= since else 0)
        assert set(game.view("validators", before.round)) == {
            hexed(game.seats[seat]) for seat in range(4) if validators(before) >> seat & 1
        }
        game.approve(reporters=(0, 1, 3))
        game.check()
        moved = before.reputations[2] - (before.reputations[2] >> 3)
        costs.append(moved - game.ledger.reputations[2])
        least = min(20_000, moved) if before.round + 1 == since else least
    assert [cost for cost in costs if cost] == [least]
    assert costs.index(max(costs)) == w + 2


def test_the_blocked_stay_blocked_and_report_and_certify_nothing():
    game = Game(parameters(horizon=40)).open()
    accuse(game, 3)
    approve_until(game, game.ledger.blocked_from[3])
    for _ in range(20):
        assert blocked(game.ledger, game.ledger.round) == 0b1000 == game.view("blocked")
        assert game.view("quorum") == game.quorum == 2
        listed = game.block(reporters=(0, 3))
        assert game.submit(game.submitted(*listed)).error == ("UnknownReporters", 0b1001, 0b1000)
        header, body = game.block()
        for signers in ((0, 3), (0, 1, 2, 3), (3,)):
            assert game.submit(game.submitted(header, body, signers)).error == ("UnknownSigners", mask(signers), 0b0111)
        error = game.refused(game.anybody, "skip", 0, *game.certificate(ZERO, (0, 3)))
        assert error == ("UnknownSigners", 0b1001, 0b0111)
        game.approve()
    game.check()


def test_a_skip_costs_the_blocked_nothing():
    game = Game(parameters(horizon=40, evidence_penalty=0)).open()
    accuse(game, 0)
    approve_until(game, game.ledger.blocked_from[0])
    before = game.view("reputations")
    game.skip()
    assert [old - new for old, new in zip(before, game.view("reputations"), strict=True)] == [0, 4096, 4096, 4096]
    game.check()


def test_a_pull_of_the_blocked_is_refused_at_settlement():
    game = Game(parameters(horizon=12)).open()
    game.approve()
    accuse(game, 1)
    accuse(game, 3)
    since = game.ledger.blocked_from[1]
    game.play_out()
    first, last = BASE.burn_in + 1, 12
    good = Pull(0, 5)

    def pulls(rounds: dict[int, list[Pull]]) -> bytes:
        row = {
            t: [NOTHING if s in (1, 3) and t >= since else good for s in range(4)] for t in range(first, last + 1)
        }
        return b"".join(encode_pulls(each) for each in (row | rounds).values())

    for seat in (1, 3):
        for pull in (good, Pull(0, 0), Pull(1, 0)):
            for round_ in (since, last):
                wrong = [NOTHING if s in (1, 3) else good for s in range(4)]
                wrong[seat] = pull
                error = game.refused(game.environment, "settleRewards", last, pulls({round_: wrong}))
                assert error == ("BlockedPull", round_, seat)
    assert game.call(game.environment, "settleRewards", last, pulls({})).accepted


SLASH = 5 * 10**9


def played_with_evidence(roles: bytes, slash: int = SLASH) -> tuple[Game, int, list[int]]:
    """A game of 12 rounds in which seats 1 and 3 are accused, all rewards settled; its first blocked round."""
    game = Game(parameters(horizon=12, slash=slash), roles).open()
    game.approve()
    accuse(game, 1)
    game.approve()
    accuse(game, 3)
    game.play_out()
    since = game.ledger.blocked_from
    rewards = [0] * 4
    data = b""
    for round_ in range(BASE.burn_in + 1, 13):
        row = [NOTHING if 0 < since[s] <= round_ else Pull(1, UNIT - s) for s in range(4)]
        rewards = [total + pull.reward for total, pull in zip(rewards, row, strict=True)]
        data += encode_pulls(row)
    game.do(game.environment, "settleRewards", 12, data)
    return game, min(since[1], since[3]), rewards


@pytest.mark.parametrize("slash", [0, SLASH])
@pytest.mark.parametrize("roles", [bytes([0, 3, 0, 2]), bytes([1, 0, 0, 3]), bytes([1, 3, 1, 3])])
def test_costs_of_later_rounds_pass_the_blocked_by_and_money_is_conserved(roles, slash):
    game, _, rewards = played_with_evidence(roles, slash)
    people = (*game.seats, game.environment)
    initial = sum(map(game.machine.state.get_balance, people)) + game.held()
    liars = mask(seat for seat, role in enumerate(roles) if role & 1)
    costly = [
        r.round for _, r, _ in game.records if r.round > BASE.burn_in and r.header.selected[0] & liars
    ]
    since = game.ledger.blocked_from
    counted = [sum(not 0 < since[s] <= t for t in costly) for s in range(4)]
    assert counted[1] < len(costly) or not costly or since[1] > max(costly)
    game.reveal()
    over = game.machine.block
    if slash:
        until = over + BASE.settlement_window // 2
        assert game.refused(game.environment, "settleCosts", game.entries(costly)) == ("ProofsPending", over, until)
        game.machine.block = until + 1
    game.do(game.environment, "settleCosts", game.entries(costly))
    if slash:
        deadline = over + BASE.settlement_window
        assert game.refused(game.anybody, "close") == ("Unfinished", game.machine.block, deadline)
        game.machine.block = deadline + 1
    game.do(game.anybody, "close")
    cost = hidden_cost(game.secret, game.seed_0)
    blocked = frozenset({1, 3})
    expected = final_balance(game.p, game.pool, rewards, roles, [cost * rounds for rounds in counted], blocked)
    owed = [game.view("owed", account) for account in people]
    without = final_balance(game.p, game.pool, rewards, roles, [cost * rounds for rounds in counted])
    lost = [before - after for before, after in zip(without.participants, expected.participants, strict=True)]
    assert (lost, expected.burned - without.burned) == ([0, slash, 0, slash], 2 * slash)
    assert owed == [*expected.participants, expected.environment]
    assert game.machine.state.get_balance(DEAD) == expected.burned
    for account in people:
        game.do(account, "withdraw")
    assert game.held() == 0
    balance = game.machine.state.get_balance
    assert sum(map(balance, people)) + balance(DEAD) == initial


def test_shares_of_a_void_game_are_not_given_to_the_accused():
    game, _, rewards = played_with_evidence(bytes([0, 3, 0, 2]))
    game.machine.block += BASE.settlement_window + 1
    expected = void_balance(game.p, game.pool, rewards, frozenset({1, 3}))
    assert game.do(game.anybody, "close").events == (("Closed", (True, expected.burned)),)
    owed = [game.view("owed", account) for account in (*game.seats, game.environment)]
    assert owed == [*expected.participants, 0]
    assert owed[0] > owed[1] == game.p.stake - SLASH + rewards[1] * game.p.wei_per_unit
    assert game.held() == sum(owed)


def test_a_void_game_in_which_everybody_is_accused_burns_what_is_left():
    game = Game().open()
    for seat in range(4):
        game.do(game.anybody, "reportEquivocation", game.equivocation(seat).calldata())
    game.machine.block = 2 + BASE.game_blocks + BASE.settlement_window
    assert game.do(game.anybody, "close").events == (("Closed", (True, game.pool)),)
    assert [game.view("owed", seat) for seat in game.seats] == [BASE.stake] * 4


def test_evidence_is_refused_before_the_opening_and_after_the_end(game):
    given = game.equivocation(1)
    game.play_out()
    error = game.refused(game.anybody, "reportEquivocation", given.calldata())
    assert error == ("GameIsOver", game.machine.block)


def test_accusations_reach_reputations_through_every_kind_of_record():
    """The round before the first blocked one may end in any way."""
    for kind in Kind:
        game = Game(parameters(horizon=40, failure_limit=2 if kind is Kind.EXPLORATION else 3)).open()
        accuse(game, 2)
        since = game.ledger.blocked_from[2]
        if kind is Kind.EXPLORATION:
            approve_until(game, since - 3)
            game.skip()
            game.skip()
        else:
            approve_until(game, since - 1)
            {Kind.APPROVED: game.approve, Kind.REJECTED: game.reject, Kind.SKIP: game.skip}[kind]()
        game.check()
        assert game.ledger.round == since
        assert game.view("reputations")[2] == 0
        assert min(game.view("reputations")[:2]) > 0


def test_a_public_key_is_recovered_as_the_contract_does(game):
    """The proof's signature is the seat's by another library too."""
    given = game.equivocation(1)
    digest = game.slot.digest(Phase.BLOCK, Role.SIGNER, 0, ONE)
    r, s = given.signature[:32], bytearray(given.signature[32:])
    parity, s[0] = s[0] >> 7, s[0] & 127
    key = PublicKey.from_signature_and_message(r + bytes(s) + bytes([parity]), digest, hasher=None)
    assert keccak(key.format(compressed=False)[1:])[12:] == game.seats[1]
