"""One verdict, byte for byte: from the export and from the node, on every chain, whatever the hash seed."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.hardhat import hardhat
from chain_bandit.game import folder
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.game.run import run
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests.integration.nodes import ROOT, chain_bandit
from tests.integration.rpc_server import served

SCENARIO, ROUNDS = ROOT / "examples" / "small.toml", 40


@contextmanager
def embedded(place: Path) -> Iterator[str]:
    """The run folder of a game in process, and the URL of the same chain, played again."""
    scenario = load(SCENARIO, {"rounds": ROUNDS})
    place.mkdir()
    run(scenario, place, lambda moment: None, Stopwatch())
    recorder = OnChain(embedded_node(Plan(scenario)), Stopwatch())
    for _ in Game(scenario, recorder).play():
        pass
    with served(recorder.node) as url:  # type: ignore[arg-type]
        yield url


def live(name: str) -> "type[AbstractContextManager[str]]":
    @contextmanager
    def chain(place: Path) -> Iterator[str]:
        with {"anvil": anvil, "hardhat": hardhat}[name]() as node:
            result = chain_bandit("run", SCENARIO, "--rounds", ROUNDS, "--chain", node.url, "--out", place)
            assert result.returncode == 0, result.stderr
            yield node.url

    return chain  # type: ignore[return-value]


CHAINS = {"embedded": embedded, "anvil": live("anvil"), "hardhat": live("hardhat")}


@pytest.mark.parametrize("name", CHAINS)
def test_export_and_node_give_one_verdict(tmp_path: Path, name: str) -> None:
    with CHAINS[name](tmp_path / "run") as url:
        manifest = folder.read_manifest(tmp_path / "run")
        export = ["--history", tmp_path / "run" / folder.HISTORY]
        node = ["--rpc", url, "--contract", manifest["contract"]]
        told = [
            chain_bandit("audit", *where, "--head", manifest["head"], "--json", PYTHONHASHSEED=str(seed))
            for seed, where in enumerate([export, [*node, "--export", tmp_path / "again.gz"], export, node])
        ]
    assert {result.returncode for result in told} == {0}, told[0].stdout + told[0].stderr
    assert len({result.stdout for result in told}) == 1
    assert json.loads(told[0].stdout)["run_digest"] == manifest["run_digest"]
    assert (tmp_path / "again.gz").read_bytes() == (tmp_path / "run" / folder.HISTORY).read_bytes()
