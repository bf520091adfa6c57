"""Child chain nodes: one ends with its parent, however that ends; and one that cannot start reports why."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import account
from chain_bandit.chain.process import NodeFailed, running
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.sender import Sender
from chain_bandit.game.chains import OWN
from chain_bandit.stopwatch import Stopwatch
from tests.integration.nodes import SMALL, chain_bandit, elsewhere, group, has_node, node_of, started, wait_for


@pytest.mark.parametrize("name", OWN)
def test_node_is_gone_after_its_block(name: str) -> None:
    with OWN[name]() as node:
        leader = node.process.pid
        assert len(group(leader)) >= 3, "keeper, its watch, the node"
    wait_for(lambda: not group(leader), 10)
    seen: list[int] = []
    with pytest.raises(ZeroDivisionError), OWN[name]() as node:
        seen += [node.process.pid // len(seen)]
    assert node_of(os.getpid()) is None


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_node_is_gone_however_a_run_is_ended(name: str, number: signal.Signals, code: int, tmp_path: Path) -> None:
    run = started("run", SMALL, "--rounds", 5000, "--chain", name, "--out", tmp_path / "run")
    wait_for(lambda: run.poll() is not None or has_node(run.pid))
    leader = node_of(run.pid)
    assert leader is not None, run.communicate()
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == code, errors
    assert "Traceback" not in errors
    wait_for(lambda: not group(leader), 10)
    if number != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []


def test_run_ends_with_exit_5_when_its_node_is_killed(tmp_path: Path) -> None:
    run = started("run", SMALL, "--rounds", 5000, "--chain", "anvil", "--out", tmp_path / "run")
    wait_for(lambda: list(tmp_path.glob("run.*.partial")) and has_node(run.pid))
    leader = node_of(run.pid)
    assert leader is not None
    os.killpg(leader, signal.SIGKILL)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 5, errors
    assert errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_node_of_ours_that_is_gone_is_not_waited_for_as_a_chain_that_may_come_back() -> None:
    with anvil() as node:
        payer = account(b"payer".rjust(32))
        assert node.grant({bytes.fromhex(payer.address[2:]): 10**18})
        outbox = Sender(Rpc(node.line, Stopwatch(), node.delivery), Journal(), node.delivery)
        outbox.submit("pay", payer, bytes(20), 1, 21_000, b"")
        os.killpg(node.process.pid, signal.SIGKILL)
        node.process.wait()
        start = time.monotonic()
        with pytest.raises(NodeUnreachable):
            node.height()
        with pytest.raises(NodeUnreachable):
            outbox.settle()
        assert time.monotonic() - start < node.delivery.patience / 10


def test_nodes_that_start_at_once_never_share_a_port() -> None:
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        nodes = list(pool.map(lambda _: stack.enter_context(anvil()), range(4)))
        assert len({node.url for node in nodes}) == 4
        for height, node in enumerate(nodes):
            node.mine(height + 1)
        assert [HttpNode(node.url).height() for node in nodes] == [1, 2, 3, 4]


def test_node_that_dies_at_once_says_why(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo no such hardfork >&2; exit 3"]
    said = "mars ended with exit code 3; it said: no such hardfork"
    with pytest.raises(NodeFailed, match=said) as failed, running("mars", command, tmp_path):
        pass
    assert failed.value.exit_code == 5


def test_node_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain_bandit.chain.process.STARTING", 0.3)
    said = "mute did not answer in 0 s; it said: nothing"
    with pytest.raises(NodeFailed, match=said), running("mute", ["/bin/sh", "-c", "exec sleep 1000"], tmp_path):
        pass
    assert node_of(os.getpid()) is None


def test_chains_that_need_a_tool_exit_4_and_say_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in OWN:
        arguments = ["run", SMALL, "--chain", name, "--out", tmp_path / "run"]
        own = elsewhere(tmp_path / "bin")
        result = chain_bandit(*arguments, cwd=tmp_path, PATH=own, PYTHONPATH=own)
        assert result.returncode == 4, result.stderr
        assert re.search(rf"{name}.* is not installed: run npm install", result.stderr)
        assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_run_refuses_a_chain_that_nobody_knows_or_that_does_not_answer(tmp_path: Path) -> None:
    for chain, code in (("mars", 2), ("http://127.0.0.1:9", 5), ("http://", 5)):
        result = chain_bandit("run", SMALL, "--chain", chain, "--out", tmp_path / "run", cwd=tmp_path)
        assert result.returncode == code, result.stderr
        assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
