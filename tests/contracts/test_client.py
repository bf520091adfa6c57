"""The client on the embedded chain: a whole game, and how refusals and lost nodes come back."""


from dataclasses import replace

import pytest
from eth_account import Account
from web3 import Web3

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import ForeignContract, NodeUnreachable, TransactionReverted
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.protocol.blocks import Kind, Seated, genesis_digest
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import accused, is_over
from chain_bandit.protocol.rewards import hidden_cost
from chain_bandit.protocol.settlement import NOTHING, Pull, encode_pulls, final_balance
from chain_bandit.protocol.transaction import gas_of_blocks, gas_of_call
from chain_bandit.protocol.units import MAX_PARTICIPANTS, UNIT
from chain_bandit.stopwatch import Stopwatch
from tests.contracts.harness import BASE, kind_of, least_pool
from tests.contracts.played import MODEL, SALT, SECRET, Played, raw


def test_client_plays_a_whole_game():
    game = Played(horizon=9)
    c, p, env = game.coordinator, game.p, game.environment
    seed, genesis = genesis_digest(c.game(), [Seated(raw(seat)) for seat in game.seats], SALT)
    assert c.genesis() == c.head() == genesis
    assert c.fields() == p.fields()
    assert (c._view("quorum"), c.pool(), c.environment()) == (p.quorum(4), least_pool(p), raw(env))
    assert [c.seat_of(raw(seat)) for seat in game.seats] == [0, 1, 2, 3]
    assert c.participant_at(3) == raw(game.seats[3])
    assert (c.opened(), c.is_over(), c.closed(), c.next_round(), c.settled_through()) == (True, False, False, 4, 4)

    made = [game.approve(), game.approve(), game.approve(selected=False)]
    game.node.mine(p.skip_deadline)
    made.append(game.note(c.skip_after_deadline(game.seats[1], 0), Kind.SKIP))
    made.append(game.approve())
    kinds = [(round_, kind) for events in made for round_, kind, _ in events]
    assert kinds == [
        (4, Kind.APPROVED), (5, Kind.APPROVED), (6, Kind.REJECTED), (8, Kind.EXPLORATION), (9, Kind.APPROVED),
    ]  # fmt: skip
    assert c.head() == made[-1][-1][2]
    assert [c._view("isApproved", r) for r in range(4, 10)] == [True, True, False, False, False, True]
    assert c.progress()[:4] == (10, 0, 0, 1)
    assert c.progress()[7] == 0b10_0011_0000
    assert c._view("blocked") == c.blocked_from(3) == 0
    assert len(c._view("reputations")) == 4
    best = c._view("committee", 9)
    assert (best, sorted(best)) == (c._view("committee", 4), [*range(4)])
    assert c.is_over()

    c.settle_rewards(env, 9, encode_pulls([Pull(0, UNIT)] * 4) * 2)
    c.reveal(env, SECRET, game.roles, MODEL)
    c.settle_costs(env, game.entries(costly=1))
    c.close(game.seats[2])
    expected = final_balance(p, c.pool(), [2 * UNIT] * 4, game.roles, [hidden_cost(SECRET, seed)] * 4)
    people = [*game.seats, env]
    assert [c.owed(raw(account)) for account in people] == [*expected.participants, expected.environment]
    for account in people:
        c.withdraw(account)
        assert c.owed(raw(account)) == 0
    assert c.closed()
    assert game.node.line.eth.get_balance(Web3.to_checksum_address(c.address)) == 0
    assert c.transactions == sum(map(len, c.gas.values())) == 1 + 4 + 1 + 5 + 3 + 1 + 5
    assert c.gas.keys() == {
        "deploy", "join", "open", "submitBlocks", "skipAfterDeadline", "settleRewards", "reveal", "settleCosts",
        "close", "withdraw",
    }  # fmt: skip


def test_client_skips_with_a_quorum():
    game = Played()
    assert [(round_, kind) for round_, kind, _ in game.skip()] == [(4, Kind.SKIP)]


def test_same_calls_give_the_same_blocks():
    first, second = Played(), Played()
    for game in (first, second):
        game.approve()
        game.node.mine(2)
    latest = [game.node.line.eth.get_block("latest") for game in (first, second)]
    assert latest[0]["hash"] == latest[1]["hash"]
    assert latest[0]["number"] == 1 + 4 + 1 + 1 + 2


def test_node_goes_back_to_a_snapshot():
    game = Played()
    snapshot, head = game.node.snapshot(), game.coordinator.head()
    game.approve()
    game.node.restore(snapshot)
    assert game.coordinator.head() == head


def test_refused_transaction_raises_the_contracts_error():
    game = Played()
    with pytest.raises(TransactionReverted, match=r"refused submitBlocks: WrongCalldataLength\(4, 22\)") as caught:
        game.coordinator.submit_blocks(game.environment, [])
    assert (caught.value.error, caught.value.values, caught.value.exit_code) == ("WrongCalldataLength", (4, 22), 7)
    deadline = 1 + 4 + 1 + BASE.skip_deadline + BASE.burn_in_blocks
    with pytest.raises(TransactionReverted, match=rf"DeadlineNotPassed\(8, {deadline}\)"):
        game.coordinator.skip_after_deadline(game.environment, 0)  # in block 8, as the failed block was the seventh
    assert [kind for _, kind, _ in game.approve()] == [Kind.APPROVED]  # nonces are still right


def test_refused_view_and_deployment_raise_the_contracts_error():
    game = Played()
    with pytest.raises(TransactionReverted, match=r"refused seatOf: NotParticipant\(0x0{40}\)"):
        game.coordinator.seat_of(bytes(20))
    with pytest.raises(TransactionReverted, match=r"refused deploy: PoolTooSmall\(0, "):
        Coordinator.deploy(game.node.line, game.environment, game.p, ZERO, ZERO, 0, Stopwatch())


def test_joining_with_another_seats_vrf_key_is_refused_in_words():
    with pytest.raises(TransactionReverted, match=r"the contract refused join: VrfKeyOfAnotherSeat\(0\)"):
        Played(sortition=2**64)  # everybody joins with zeros


def test_account_that_cannot_pay_is_rejected():
    game = Played()
    pauper = Account.from_key(keccak(b"pauper"))
    with pytest.raises(TransactionReverted, match="the node refused withdraw: ") as caught:
        game.coordinator.withdraw(pauper)
    assert caught.value.error == "Rejected"


def test_attaching_accepts_our_code_only():
    game = Played()
    again = Coordinator.at(game.node.line, game.coordinator.address, Stopwatch())
    assert again.head() == game.coordinator.head()
    for foreign in (bytes(20), raw(game.environment)):
        with pytest.raises(ForeignContract, match="0 bytes of other code") as caught:
            Coordinator.at(game.node.line, foreign, Stopwatch())
        assert caught.value.exit_code == 6


@pytest.mark.parametrize("place", [0, 1])
def test_attaching_looks_at_the_modules_too(place, monkeypatch):
    game = Played()
    artifact = chain_bandit_artifact()
    changed = replace(artifact.modules[place], code=artifact.modules[place].code[:-1] + b"\1")
    modules = tuple(changed if at == place else each for at, each in enumerate(artifact.modules))
    monkeypatch.setattr("chain_bandit.chain.modules.chain_bandit_artifact", lambda: replace(artifact, modules=modules))
    with pytest.raises(ForeignContract) as caught:
        Coordinator.at(game.node.line, game.coordinator.address, Stopwatch())
    assert bytes.fromhex(caught.value.address[2:]) == artifact.modules[place].address


def test_node_that_does_not_answer_raises_node_unreachable():
    with pytest.raises(NodeUnreachable, match="does not answer") as caught:
        Coordinator.at("http://127.0.0.1:9", bytes(20), Stopwatch(), TransactionPolicy(patience=0.2))
    assert caught.value.exit_code == 5


def test_time_is_counted_under_evm():
    watch = Stopwatch()
    game = Played()
    Coordinator.at(game.node.line, game.coordinator.address, watch).head()
    assert set(watch.seconds) == {"evm"}
    assert watch.calls["evm"] == 2 + 4  # which chain, then the code in three places and the view


def test_stated_gas_is_enough_for_the_largest_batches():
    """settleRewards and settleCosts are the calls whose work grows with their calldata."""
    game = Played(horizon=120)
    while game.coordinator.next_round() <= 120:
        game.approve()
    c, env = game.coordinator, game.environment
    pulls = encode_pulls([Pull(1, UNIT)] * 4) * 116
    c.settle_rewards(env, 120, pulls)
    c.reveal(env, SECRET, game.roles, MODEL)
    c.settle_costs(env, game.entries(costly=116))
    assert c.gas["settleRewards"][0] < gas_of_call(len(pulls))


def test_stated_gas_is_enough_for_the_most_seats():
    """Of the opening, of the settlement that first credits everybody, and of the closing, calldata does not tell it."""
    game = Played(participants=MAX_PARTICIPANTS, horizon=5, opening_deadline=300)
    game.approve()
    game.approve()
    c, env = game.coordinator, game.environment
    c.settle_rewards(env, 5, encode_pulls([Pull(1, UNIT)] * MAX_PARTICIPANTS))
    c.reveal(env, SECRET, game.roles, MODEL)
    c.settle_costs(env, game.entries(costly=1))
    c.close(env)
    c.withdraw(game.seats[-1])
    assert all(c.gas[name][0] > gas_of_call(36) for name in ("open", "settleRewards"))


def test_stated_gas_is_enough_for_a_long_block_list():
    """Of a compact block, whose bytes pay for little more than its signatures, and of the first costs."""
    game = Played(
        participants=160, horizon=12, opening_deadline=300, liars=53, attackers=53, quorum_choice=1, body_mode=1,
    )  # fmt: skip
    p, c, env = game.p, game.coordinator, game.environment
    for seat in range(160 - 53, 160):
        c.report_equivocation(env, seat, game.equivocation(seat).calldata())
        game.ledger = accused(game.ledger, seat, game.ledger.round + p.evidence_delay)
    while not is_over(p, game.ledger):
        header, body = game.block()
        part = game.submitted(header, body)
        encoded = part.encode(p)
        gas = gas_of_blocks(len(encoded), 1, p.participants, part.signers.bit_count())
        game.note(c.submit_blocks(env, [encoded], gas=gas), kind_of(header), header)
    listed = game.ledger.blocked_from
    rows = [
        [NOTHING if listed[seat] and listed[seat] <= record.round else Pull(1, UNIT) for seat in range(160)]
        for _, record, _ in game.records
        if record.round > p.burn_in
    ]
    c.settle_rewards(env, p.horizon, b"".join(map(encode_pulls, rows)))
    c.reveal(env, SECRET, game.roles, MODEL)
    c.settle_costs(env, game.entries(costly=1)[:1])
    assert c.gas["settleCosts"][0] > gas_of_call(1_000)
