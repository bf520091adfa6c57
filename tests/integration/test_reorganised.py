"""Games on Anvil whose chain goes back: a part of `python -m verification.reorganised`."""

from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.funds import Need, fund
from chain_bandit.chain.http_node import BURIED, HttpNode
from chain_bandit.chain.journal import Journal
from chain_bandit.cli.root import app
from chain_bandit.crypto.keys import Signer
from chain_bandit.game.errors import PlacesDiffer
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.nodes import open_game
from chain_bandit.nodes.follower import Follower
from chain_bandit.nodes.head import Head, HeadWatch, read_head
from chain_bandit.nodes.node_files import Registration
from chain_bandit.nodes.start import NeverOpened
from chain_bandit.protocol.digests import keccak
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests.integration.nodes import SMALL
from verification.reorganised import ReorganisedGame, play


@pytest.mark.parametrize(
    "game",
    [
        ReorganisedGame(0, "run", "joining", 3, 1, 0), ReorganisedGame(1, "run", "closing", 4, 6, 0),
        ReorganisedGame(2, "up", "rounds", 2, 1, 0),
    ],
    ids=lambda game: f"{game.verb} {game.stage}",
)  # fmt: skip
def test_a_game_whose_chain_goes_back_is_played_to_its_end(game: ReorganisedGame, tmp_path: Path) -> None:
    play(game, tmp_path)
    assert (game.ended, game.codes, game.left, game.undone) == ("audited", [0], 0, 1), game.said


def test_a_run_keeps_a_short_opening_deadline_and_ends_below_blocks_that_bury_its_closing(tmp_path: Path) -> None:
    with anvil() as own:
        node = HttpNode(own.url)
        node.mine(20)
        given = ["run", str(SMALL), "--rounds", "12", "-o", "expect.approved='>= 0'", "-o", "chain.opening_deadline=10"]
        assert app([*given, "--chain", own.url, "--out", str(tmp_path / "run")], standalone_mode=False) in (None, 0)
        paid = chain_bandit_artifact().members("event")["Withdrawn"].topic.hex()
        logs = node.ask("eth_getLogs", {"fromBlock": "0x0", "topics": ["0x" + paid]})
        assert node.height() - max(int(log["blockNumber"], 16) for log in logs) >= BURIED


@pytest.mark.parametrize("payer", [None, Account.from_key(keccak(b"payer"))], ids=["by the node", "by an account"])
def test_money_that_an_account_was_given_stays_when_the_chain_goes_back(payer: Any) -> None:
    with anvil() as own:
        node, need = HttpNode(own.url), Need(keccak(b"poor")[12:], 10**18, 0)
        node.mine(3)
        if payer is not None:
            node.grant({bytes.fromhex(payer.address[2:]): 10**20})
            node.mine(3)
        fund(node, [need], payer, Journal())
        node.ask("anvil_reorg", 3, [])
        assert node.balance("0x" + need.account.hex()) == 10**18


def test_a_game_whose_places_a_reorganisation_permutes_is_refunded_and_not_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The chain has the joins of two seats in another order, as it may once both came back from the mempool."""
    plan, join, first = Plan(load(SMALL)), Coordinator.join, list[Any]()

    def permuted(contract: Coordinator, sender: Any, seated: Any) -> Any:
        if not first:
            first.extend((sender, seated))
            return contract._creation
        made = join(contract, sender, seated)
        if len(first) == 2:
            first.append(join(contract, *first))
        return made

    monkeypatch.setattr(Coordinator, "join", permuted)
    with anvil() as own:
        node = HttpNode(own.url)
        node.grant(dict.fromkeys((*plan.addresses, plan.environment.address, plan.relayer.address), 10 ** 20))
        before = node.balance("0x" + plan.addresses[0].hex())
        game = OnChain(node, Stopwatch())
        with pytest.raises(PlacesDiffer, match="all stakes and the pool were returned") as refused:
            game.open(plan)
        assert refused.value.held.keys() == {0, 1}
        assert not game.contract.opened()
        assert node.balance("0x" + game.contract.address.hex()) == 0
        assert before - node.balance("0x" + plan.addresses[0].hex()) < 10**16, "but for gas"


def test_no_stake_is_sent_to_a_contract_that_a_reorganisation_may_move_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At an address without code it would be lost."""
    plan = Plan(load(SMALL))

    def join(contract: Coordinator, sender: Any, seated: Any) -> Any:
        node.ask("anvil_reorg", BURIED - 1, [])
        assert contract.rpc.code(contract.address)
        raise NeverOpened(0, 0)

    monkeypatch.setattr(Coordinator, "join", join)
    with anvil() as own:
        node = HttpNode(own.url)
        node.mine(3)
        node.grant({plan.environment.address: 10**20})
        node.mine(BURIED)
        with pytest.raises(NeverOpened):
            OnChain(node, Stopwatch()).open(plan)


def test_who_has_joined_keeps_its_place_and_a_gift_when_the_chain_goes_back() -> None:
    """By then `join.json` names the place, and the next one joins."""
    plan = Plan(load(SMALL))
    first, second = (Signer(keccak(name)) for name in (b"ann", b"bob"))
    with anvil() as own:
        node = HttpNode(own.url)
        node.grant({plan.environment.address: 10**20})
        contract = Coordinator.deploy(
            node.line, _wallet(plan), plan.parameters, plan.salt_commitment, plan.secret_commitment, plan.pool,
            Stopwatch(), node.delivery,
        )  # fmt: skip
        node.mine(BURIED)
        for key in (first, second):
            there = Registration(address=key.address, vrf_key=bytes(33), seal_hash=bytes(32), weight=1)
            open_game._take_seat(node, contract, key, there, plan.parameters.stake, None)
            node.ask("anvil_reorg", BURIED - 1, [])
            node.ask("anvil_dropAllTransactions")
            assert contract.holder(int(key is second)) == key.address
        open_game._funded(node, Need(keccak(b"poor")[12:], 10**18, 0), None)
        node.ask("anvil_reorg", BURIED - 1, [])
        assert node.balance("0x" + keccak(b"poor")[12:].hex()) == 10**18


def test_a_block_that_is_replaced_before_the_opening_stops_no_node(tmp_path: Path) -> None:
    plan, now = Plan(load(SMALL)), [0.0]
    with anvil() as node:
        node.grant({plan.environment.address: 10**20})
        contract = Coordinator.deploy(
            node.line, _wallet(plan), plan.parameters, plan.salt_commitment, plan.secret_commitment, plan.pool,
            Stopwatch(), node.delivery,
        )  # fmt: skip
        node.mine(5)
        genesis = node.ask("eth_getBlockByNumber", "0x0", False)["hash"]

        def started() -> Follower:
            follower = Follower(contract, contract.created_in or 0, is_as_it_was=lambda: watch.look())
            head = Head(node.url, genesis, kept=read_head(tmp_path / "head.json"), lacks=follower.lacks)
            watch = HeadWatch(contract.rpc, tmp_path / "head.json", head)
            return follower

        follower = started()
        assert follower.opening() is None
        before = read_head(tmp_path / "head.json")
        node.ask("anvil_reorg", 1, [])
        for each in (started(), started()):
            assert each.opening() is None
            assert each.is_over() is False
        assert before != read_head(tmp_path / "head.json"), "the block in its place is kept"
        assert now == [0.0]


def _wallet(plan: Plan) -> Any:
    from chain_bandit.chain.node import account

    return account(plan.environment.secret)
