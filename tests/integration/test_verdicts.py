"""One verdict, byte for byte: from the export and from the node, on every chain and Python, whatever the hash seed."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from filecmp import cmp
from itertools import product
from pathlib import Path

import pytest

from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.hardhat import hardhat
from chain_bandit.chain.node import DevelopmentNode
from chain_bandit.chain_history import files
from chain_bandit.chain_history.collect import collect
from chain_bandit.game import folder
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.game.run import run
from chain_bandit.protocol.digests import keccak
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests.fast_chain import fast_node
from tests.integration.nodes import COMMAND, ROOT, SMALL, chain_bandit
from tests.integration.rpc_server import served

SCENARIO, ROUNDS = SMALL, 40
NEXT = ROOT / ".venv-next" / "bin" / "chain-bandit"
"""The same of a later Python, by `make .venv-next/ready`."""


@dataclass(frozen=True)
class Finished:
    """A game that has ended: its export, the node that still has its chain, and the block that created it."""

    export: Path
    url: str
    contract: str
    first: int
    head: str

    def told(self, by_node: bool, command: str, seed: int, *more: object) -> bytes:
        """What one audit prints."""
        node = ["--rpc", self.url, "--contract", self.contract, "--from-block", self.first, *more]
        result = chain_bandit(
            "audit", *(node if by_node else ["--history", self.export]), "--head", self.head, "--json", command=command,
            PYTHONHASHSEED=str(seed),
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout.encode()


def in_process(node: Callable[[Plan], DevelopmentNode]) -> Callable[[Path], AbstractContextManager[Finished]]:
    @contextmanager
    def chain(place: Path) -> Iterator[Finished]:
        scenario = load(SCENARIO, {"rounds": ROUNDS})
        plan = Plan(scenario)
        recorder, export = OnChain(node(plan), Stopwatch()), place / folder.HISTORY
        for _ in Game(scenario, recorder, plan).play():
            pass
        contract = recorder.contract
        assert contract.created_in is not None
        files.write(collect(contract.rpc.ask, contract.address, contract.created_in), export)
        *_, last = files.read(export).blocks
        with served(recorder.node) as url:  # type: ignore[arg-type]
            head = "0x" + keccak(last.header).hex()
            yield Finished(export, url, "0x" + contract.address.hex(), contract.created_in, head)

    return chain


def live(name: str) -> Callable[[Path], AbstractContextManager[Finished]]:
    @contextmanager
    def chain(place: Path) -> Iterator[Finished]:
        with {"anvil": anvil, "hardhat": hardhat}[name]() as node:
            result = chain_bandit("run", SCENARIO, "--rounds", ROUNDS, "--chain", node.url, "--out", place / "run")
            assert result.returncode == 0, result.stderr
            told = (folder.read_manifest(place / "run")[key] for key in ("contract", "first_block", "head"))
            yield Finished(place / "run" / folder.HISTORY, node.url, *told)

    return chain


CHAINS = {
    "revm": in_process(fast_node), "embedded": in_process(embedded_node), "anvil": live("anvil"),
    "hardhat": live("hardhat"),
}  # fmt: skip
NAMES = [pytest.param(name, marks=[pytest.mark.py_evm] if name == "embedded" else []) for name in CHAINS]


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run's own manifest says of the game: it is the same on every chain."""
    place = tmp_path_factory.mktemp("run")
    run(load(SCENARIO, {"rounds": ROUNDS}), place, lambda moment: None, Stopwatch())
    return str(folder.read_manifest(place)["run_digest"])


@pytest.mark.parametrize("name", NAMES)
def test_export_and_node_give_one_verdict(tmp_path: Path, name: str, digest: str) -> None:
    with CHAINS[name](tmp_path) as game:
        again: list[object] = ["--export", tmp_path / "again.gz"]
        ways: list[tuple[bool, list[object]]] = [(False, []), (True, again), (False, []), (True, [])]
        told = {game.told(by_node, COMMAND, seed, *more) for seed, (by_node, more) in enumerate(ways)}
    (verdict,) = told
    assert json.loads(verdict)["run_digest"] == digest
    assert cmp(tmp_path / "again.gz", game.export, shallow=False)


@pytest.mark.deep
@pytest.mark.parametrize("name", NAMES)
def test_export_and_node_give_one_verdict_on_two_pythons_under_four_hash_seeds(tmp_path: Path, name: str) -> None:
    """All of the product."""
    pythons = {COMMAND: "", str(NEXT): ""}
    for command in pythons:
        python = Path(command).with_name("python")
        pythons[command] = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
    assert len(set(pythons.values())) == 2
    with CHAINS[name](tmp_path) as game:
        told = {each: game.told(*each) for each in product((False, True), pythons, range(4))}
    assert len(told) == 16
    assert len(set(told.values())) == 1
