"""The same game on every chain: equal digests, equal gas; and refusals that read the same wherever they come from."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.chain import development
from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.hardhat import SCRIPT
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import DevelopmentNode, account
from chain_bandit.chain.transaction_policy import AT_ONCE
from chain_bandit.chain.wire import Refused, read_answer, wire_to
from chain_bandit.chain_history.collect import collect
from chain_bandit.game.chains import OWN, chain
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.digests import keccak
from chain_bandit.scenario import Scenario, load
from chain_bandit.stopwatch import Stopwatch
from tests.few import few
from tests.integration.conftest import Called
from tests.integration.nodes import SMALL

pytestmark = pytest.mark.py_evm

ROOT = Path(__file__).parents[2]
CHAINS = ("embedded", "anvil", "hardhat")
GAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "flights": (  # 31 records, three malicious, all of them proven so, one by its reports alone
        "flights.toml",
        {
            "preset": "paper", "rounds": 62, "burn_in": 32, "slash": 0.25, "chain.settle_every": 5,
            "chain.settlement_window": 400,
        },
    ),
    "batches": (  # of seven rounds, bodies beside the chain, seven of ten validate
        "flights.toml",
        {
            "preset": "paper", "rounds": 62, "burn_in": 32, "attackers": 2, "validators": 7, "chain.batch": 7,
            "chain.body": "compact",
            "malicious": [
                {"seat": 7, "attacks": [{"name": "worse-half"}]},
                {"seat": 9, "attacks": [{"name": "equivocating-commander"}]},
            ],
        },
    ),
    "phases": (  # by the recommended preset: each is settled before its successor is recorded
        "flights.toml", {"rounds": 220, "chain.settlement_window": 400},
    ),
    "weights": ("weights.toml", {"preset": "paper", "rounds": 40}),  # drawn by stake: another committee every round
    "deadlines": (  # two of four fall silent for three rounds: only the deadline ends those
        "small.toml",
        {
            "preset": "paper", "rounds": 20,
            "chain.skip_deadline": 12,
            "malicious": [
                {"seat": seat, "attacks": [{"name": "silent-validator", "options": {"first": 10, "last": 12}}]}
                for seat in (2, 3)
            ],
        },
    ),
}  # fmt: skip


THEOREMS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"theorem {n}": (f"theorems/theorem{n}.toml", {"burn_in": 39}) for n in (1, 2, 3, 4, 5, 6, 7)},
    "theorem 2, sealed, drawn": (
        "theorems/theorem2.toml",
        {
            "burn_in": 39, "sealed": True, "sortition": 0.9, "commanders": "trust", "quorum": "majority",
            "liars": 2, "adversary.liars": 2, "attackers": 1, "adversary.attackers": 1,
            "adversary.consensus": [{"name": "equivocating-commander"}],
        },
    ),
}  # fmt: skip


def scenario(name: str) -> Scenario:
    file, overrides = GAMES[name]
    return load(ROOT / "examples" / file, overrides)


@contextmanager
def opened(name: str, plan: Plan) -> Iterator[DevelopmentNode]:
    """A chain by name; "url" is an Anvil that was there before."""
    with ExitStack() as stack:
        target = stack.enter_context(anvil()).url if name == "url" else name
        yield stack.enter_context(chain(target)(plan, Journal(), False))


def played(name: str, game: Scenario) -> tuple[bytes, dict[str, list[int]], list[str]]:
    """Run digest, gas by method, kinds of rounds."""
    plan = Plan(game)
    with opened(name, plan) as node:
        recorder = OnChain(node, Stopwatch())
        playing = Game(game, recorder, plan)
        kinds = [each.record.kind.name if each.record else "BURN_IN" for each in playing.play()]
        return playing.run_digest, recorder.contract.gas, kinds


@cache
def on_embedded(game: str) -> tuple[bytes, dict[str, list[int]], list[str]]:
    """Once, however many chains are held against it."""
    return played("embedded", scenario(game))


@pytest.mark.parametrize(("name", "game"), [
    *product(("anvil", "hardhat"), GAMES), *few((("url", game) for game in GAMES), len(GAMES))
])  # fmt: skip
def test_a_game_is_the_same_on_every_chain(name: str, game: str) -> None:
    digest, gas, kinds = played(name, scenario(game))
    expected_digest, expected_gas, expected_kinds = on_embedded(game)
    assert kinds == expected_kinds
    assert gas == expected_gas, "gas of each transaction, by method"
    assert digest == expected_digest
    assert sum(map(len, gas.values())) >= 26
    assert ("SKIP" in kinds) == ("skipAfterDeadline" in gas) == (game == "deadlines")
    assert ("reportEquivocation" in gas) == (game != "deadlines")
    assert ("reportFalse" in gas) == (game in ("flights", "phases"))
    blocks = {"flights": 31, "batches": 5, "phases": 65, "weights": 29, "deadlines": 9}
    assert len(gas["submitBlocks"]) == blocks[game]


@pytest.mark.parametrize("game", few(THEOREMS, 3))
def test_a_theorems_game_is_the_same_on_every_chain(game: str) -> None:
    file, overrides = THEOREMS[game]
    short = load(ROOT / "examples" / file, {"rounds": 52} | overrides)
    digest, gas, kinds = played("embedded", short)
    assert kinds.count("APPROVED") >= 3
    assert len(gas["settleRewards"]) >= 1
    for name in ("anvil", "hardhat"):
        assert played(name, short) == (digest, gas, kinds), name


def test_a_second_game_on_a_running_chain_is_the_same_again() -> None:
    game = scenario("deadlines")
    with anvil() as node:
        for _ in range(2):
            plan = Plan(game)
            with chain(node.url)(plan, Journal(), False) as attached:
                recorder = OnChain(attached, Stopwatch())
                playing = Game(game, recorder, plan)
                assert sum(1 for _ in playing.play()) == game.rounds
            digest, gas, _ = on_embedded("deadlines")
            assert playing.run_digest == digest  # not so the gas: another address, other signatures, other zero bytes
            assert {name: len(used) for name, used in recorder.contract.gas.items()} == {
                name: len(used) for name, used in gas.items()
            }


@pytest.mark.parametrize(
    ("file", "rounds", "approved", "accused"),
    few([(SMALL, 40, 20, [3]), (ROOT / "examples" / "flights.toml", 140, 100, [8, 9])], 2),
    ids=lambda value: value.stem if isinstance(value, Path) else None,
)
def test_a_game_runs_from_the_command_line_on_every_chain(
    file: Path, rounds: int, approved: int, accused: list[int], called: Called
) -> None:
    said = {}
    for name in CHAINS:
        result = called("run", file, "--rounds", rounds, "--chain", name, "--out", name, "--json")
        assert result.returncode == 0, result.stderr
        said[name] = json.loads(result.stdout)
        assert said[name]["audit"] == "passed"
        assert said[name]["approved"] >= approved
        assert said[name]["accused"] == accused
    for field in ("run_digest", "gas_by_method", "chain_id", "contract", "first_block", "code_hash", "game", "regret"):
        assert len({json.dumps(each[field]) for each in said.values()}) == 1, field
    assert len({each["genesis_hash"] for each in said.values()}) == len(CHAINS)


@pytest.mark.parametrize("name", CHAINS)
def test_refusals_read_the_same_on_every_chain(name: str) -> None:
    game = scenario("deadlines")
    plan = Plan(game)
    with opened(name, plan) as node:
        environment = account(plan.environment.secret)
        with pytest.raises(TransactionReverted) as mined:
            Coordinator.deploy(node.line, environment, plan.parameters, bytes(32), bytes(32), 0, Stopwatch())
        assert (mined.value.error, mined.value.values) == ("PoolTooSmall", (0, plan.pool))
        recorder = OnChain(node, Stopwatch(), AT_ONCE)  # pipelined, a refusal is told with a later call
        recorder.open(plan)
        with pytest.raises(TransactionReverted) as view:
            recorder.contract.seat_of(bytes(20))
        assert (view.value.error, view.value.values) == ("NotParticipant", ("0x" + "00" * 20,))
        blocks = []
        for _ in range(2):  # the failed transaction took a block and a nonce, and the next one goes through
            with pytest.raises(TransactionReverted) as early:
                recorder.contract.skip_after_deadline(account(plan.relayer.secret), 0)
            assert early.value.error == "DeadlineNotPassed"
            blocks.append(early.value.values[0])
        assert blocks[1] == blocks[0] + 1
        with pytest.raises(TransactionReverted) as refused:
            recorder.contract.withdraw(account(keccak(b"pauper")))
        assert refused.value.error == "Rejected"
        assert "{" not in str(refused.value)
        request = {"from": "0x" + plan.environment.address.hex(), "to": "0x" + recorder.contract.address.hex()}
        for method, more in (("eth_call", ["latest"]), ("eth_estimateGas", [])):
            (answer,) = wire_to(node.line, 10.0).post([(method, [{**request, "data": "0x00000000"}, *more])]).result()
            assert isinstance(answer, Refused)
            assert answer.data == b"", method


def test_revert_data_is_found_one_level_deeper_too() -> None:
    deeper = {"error": {"code": -32603, "message": "reverted", "data": {"txHash": "0x12", "data": "0xabcd"}}}
    assert read_answer(deeper) == Refused("reverted", bytes.fromhex("abcd"))
    assert read_answer({"error": {"code": -32603, "message": "no"}}) == Refused("no")
    assert read_answer({"result": None}) is None


@pytest.mark.parametrize("name", OWN)
def test_blocks_that_pass_are_real_and_linked(name: str) -> None:
    with OWN[name]() as node:
        start = node.height()
        node.mine(150)
        assert node.height() == start + 150
        blocks = list(collect(node.rpc.ask, bytes(20), start + 1, start + 150).blocks)
        assert len(blocks) == 150


def test_blocks_are_waited_for_where_nobody_can_mine() -> None:
    class Patient(HttpNode):
        """Anvil as it looks without its own methods: its interval mining stands for a network that goes on."""

        def _attempt(self, method: str, *parameters: Any) -> bool:
            return False

    with anvil() as node:
        node.ask("anvil_setIntervalMining", 1)
        patient = Patient(node.url)
        start = patient.height()
        patient.mine(2)
        assert patient.height() >= start + 2


def test_nodes_are_set_up_alike() -> None:
    network = json.loads(SCRIPT.with_name("hardhat_network.json").read_text())
    assert network["chainId"] == development.CHAIN_ID
    assert network["hardfork"] == development.HARDFORK
    assert network["blockGasLimit"] == development.GAS_LIMIT
    assert network["initialBaseFeePerGas"] == development.BASE_FEE
    for name in OWN:
        with OWN[name]() as node:
            first = node.ask("eth_getBlockByNumber", "0x0", False)
            assert node.chain_id == development.CHAIN_ID
            assert int(first["gasLimit"], 16) == development.GAS_LIMIT
            assert int(first["baseFeePerGas"], 16) == development.BASE_FEE
            assert "requestsHash" in first, "prague"
