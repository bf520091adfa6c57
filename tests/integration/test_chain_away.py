"""Nodes whose chain goes away, or whose files do: they log it at once, and go on when all is as it was."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from chain_bandit.chain.answers import hash_of
from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.node import account
from chain_bandit.chain.notice import Notice
from chain_bandit.chain.process import OwnNode
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.chain.tokens import Tokens
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.game.plan import Plan
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.epochs import EpochFollower
from chain_bandit.nodes.follower import Follower
from chain_bandit.nodes.head import ChainWentBack, Head, HeadWatch
from chain_bandit.protocol.agreement.ledger import opening
from chain_bandit.protocol.digests import keccak
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests.integration.nodes import SMALL, chain_bandit
from tests.integration.nodes_up import NAMES, game
from tests.unit.mediate.company import TERMS


@pytest.fixture
def node() -> Iterator[OwnNode]:
    with anvil() as started:
        yield started


def small(**changes: Any) -> Any:
    return load(SMALL, {"rounds": 30, "expect": {}, "malicious": [], "liars": 0, "bound_ms": 1000} | changes)


def test_nodes_say_at_once_that_the_chain_hangs_and_go_on_when_it_answers_again(node: OwnNode, tmp_path: Path) -> None:
    with game(small(), tmp_path / "game", chain=node.url) as played:
        played.wait(lambda: played.at_round(8))
        os.killpg(node.process.pid, signal.SIGSTOP)
        since, waits = monotonic(), f"waiting for the chain at {node.url}"

        def told() -> list[str]:
            return [line for line in played.lines if f": {waits}" in line]

        try:
            played.wait(lambda: all(waits in played.log(name) for name in NAMES) and told() != [], 30)
            took = monotonic() - since
        finally:
            os.killpg(node.process.pid, signal.SIGCONT)
        _, report = played.end()
        assert took < 10, "an exchange lasts ten seconds at most: it was said before its end"
        assert all(f"connected to the chain at {node.url} again" in played.log(name) for name in NAMES)
        assert len(told()) == 1, "once by who started them"
    assert report.verdict == "passed", report.violations


def test_a_chain_that_goes_back_is_told_and_a_node_that_finds_it_so_ends_with_its_own_code(
    node: OwnNode, tmp_path: Path
) -> None:
    """Anvil is put back to a state of four blocks before, as one is that was started from an older copy."""
    plan, said = Plan(small()), list[str]()
    node.grant({plan.environment.address: 10**20})
    contract = Coordinator.deploy(
        node.line, _wallet(plan), plan.parameters, plan.salt_commitment, plan.secret_commitment, plan.pool, Stopwatch(),
        PIPELINED,
    )  # fmt: skip
    node.mine(3)
    older = node.ask("evm_snapshot")
    node.mine(4)
    now, genesis = [0.0], node.ask("eth_getBlockByNumber", "0x0", False)["hash"]
    contract.rpc.notice = Notice(f"the chain at {node.url}", said.append)
    head = Head(node.url, genesis, patience=5.0)
    contract.rpc.clock = Clock(lambda: now[0])
    watch = HeadWatch(contract.rpc, tmp_path / files.HEAD, head)
    follower = Follower(contract, contract.created_in or 0, is_as_it_was=watch.look)
    assert follower.opening() is None
    height = node.height()
    node.ask("evm_revert", older)
    now[0] += 2
    assert follower.opening() is None
    assert said == [f"waiting for the chain at {node.url}: {head.trouble}"]
    assert f"it is at block {height - 4}, and block {height} (0x" in said[0]
    now[0] += 6
    with pytest.raises(ChainWentBack) as stopped:
        follower.opening()
    assert stopped.value.exit_code == 6


def test_a_record_that_a_reorganisation_brings_again_is_taken_once(node: OwnNode) -> None:
    """Its transaction falls out of one block and is in one of another branch, beside nothing new."""
    wallet, other = (account(keccak(name)) for name in (b"ours", b"theirs"))
    node.grant({bytes.fromhex(each.address[2:]): 10**20 for each in (wallet, other)})
    accounts = [bytes(19) + bytes([1 + seat]) for seat in range(TERMS.places)]
    tokens = Tokens.deploy(node.line, wallet, TERMS, accounts, Stopwatch())
    theirs = Tokens.at(node.line, tokens.address, Stopwatch())
    follower, ledger = EpochFollower(tokens, tokens.created_in or 0), opening(TERMS, accounts)
    for epoch in range(2):
        node.mine(TERMS.deadline)
        kept = tokens.keep_after_deadline(wallet, epoch)
        if not epoch:  # afterwards what fell out may have come in between
            assert tokens.records(kept) == [(epoch, tokens.token())]
        found = follower.next(TERMS, ledger)
        assert found is not None
        assert follower.next(TERMS, found.after) is None
        ledger, block = found.after, node.height()
        before = hash_of(node.ask("eth_getBlockByNumber", hex(block), False))
        node.ask("anvil_reorg", 1, [])
        assert follower.next(TERMS, ledger) is None
        with suppress(TransactionReverted):  # what fell out lies in Anvil's pool until another comes, or is in a block
            theirs.keep_after_deadline(other, epoch)
        assert tokens.next_epoch() == epoch + 1
        assert hash_of(node.ask("eth_getBlockByNumber", hex(block), False)) != before
        assert follower.next(TERMS, ledger) is None


def _wallet(plan: Plan) -> Any:
    return account(plan.environment.secret)


def test_an_environment_whose_receipts_are_gone_does_not_start_and_does_when_they_are_back(tmp_path: Path) -> None:
    with game(small(rounds=20), tmp_path / "game") as played:
        played.wait(lambda: played.at_round(9))
        played.kill("environment")
        path = played.out / "environment" / files.RECEIPTS
        whole = path.read_bytes()
        path.write_bytes(b"")
        refused = chain_bandit("node", played.out / "environment")
        assert refused.returncode == 3, refused.stderr
        sentence = refused.stderr.splitlines()[-1]
        assert sentence.startswith(f"error: {path}: lacks ")
        assert "the first to seat 0 in round 1; restore the original file" in sentence
        path.write_bytes(whole)
        played.start("environment")
        manifest, report = played.end()
    assert report.verdict == "passed", report.violations
    assert manifest["approved"] > 9
