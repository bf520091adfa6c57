"""Sending of transactions under faults: journaled before, counted when confirmed, paid for as nodes want it."""

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import rlp

from chain_bandit.chain.call import Order
from chain_bandit.chain.errors import NodeUnreachable, TransactionReverted
from chain_bandit.chain.journal import Journal, Origin, journal_in
from chain_bandit.chain.node import account
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.sender import Sender
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.game.folder import read_manifest
from chain_bandit.protocol.digests import keccak
from chain_bandit.stopwatch import Stopwatch
from tests.few import few
from tests.integration.faults import FAULTS, Sometimes, error
from tests.integration.live import Anvil, Batch, Handler, anvil, proxy, sends
from tests.integration.nodes import SMALL, chain_bandit

QUICK = TransactionPolicy(patience=4.0, timeout=2.0, resend_after=0.2)
SOMEBODY = b"\x22" * 20


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


def sender(node: Anvil, url: str, name: str, delivery: TransactionPolicy = QUICK, journal: Journal | None = None):
    payer = account(keccak(name.encode()))
    node.fund({bytes.fromhex(payer.address[2:]): 10**20})
    return Sender(Rpc(url, Stopwatch(), delivery), journal or Journal(), delivery), payer


def test_what_a_node_is_sent_is_on_the_disk_by_then(node, tmp_path, monkeypatch):
    path, synced, late = tmp_path / "journal", [0], []
    really = os.fsync

    def fsync(file: int) -> None:
        really(file)
        if stat.S_ISREG(os.fstat(file).st_mode):
            synced[0] = max(synced[0], os.fstat(file).st_size)

    def look(handler: Handler, batch: Batch) -> bool:
        kept = path.read_bytes()[: synced[0]]
        late.extend(each for each in sends(batch) if each["params"][0].encode() not in kept)
        seen.extend(sends(batch))
        return False

    seen: list[object] = []
    monkeypatch.setattr(os, "fsync", fsync)
    with proxy(node.url, look) as url, journal_in(path) as journal:
        outbox, payer = sender(node, url, "journaled", journal=journal)
        for _ in range(40):
            outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        outbox.settle()
    assert len(seen) >= 40
    assert late == []


def test_a_receipt_counts_with_so_many_blocks_on_top(node):
    outbox, payer = sender(node, node.url, "confirmed", TransactionPolicy(confirmations=3, patience=0.6))
    outbox._mines_at_once = False  # as of a node that cannot be told to mine
    call = outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
    for missing in (2, 1):
        with pytest.raises(NodeUnreachable):
            outbox.settle()
        assert call.receipt is not None, missing
        node.mine(1)
    outbox.settle()


def test_a_node_that_mines_by_transaction_is_asked_for_the_blocks_that_confirmations_want(node):
    outbox, payer = sender(node, node.url, "mined", TransactionPolicy(confirmations=6, patience=5.0))
    call, height = outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b""), int(node.ask("eth_blockNumber"), 16)
    outbox.settle()
    assert call.receipt is not None
    assert int(node.ask("eth_blockNumber"), 16) >= max(height, call.receipt.block + 5)


def test_what_fell_out_before_it_counted_is_sent_again(node):
    outbox, payer = sender(node, node.url, "fallen", TransactionPolicy(confirmations=3, patience=0.8, resend_after=0.2))
    outbox._mines_at_once = False
    call = outbox.submit("pay", payer, SOMEBODY, 7, 21_000, b"")
    for reorganised in (True, False):
        with pytest.raises(NodeUnreachable):
            outbox.settle()
        if reorganised:
            first = call.receipt
            node.ask("anvil_reorg", 1, [])
    node.mine(2)
    outbox.settle()
    assert first is not None
    assert call.receipt.block_hash != first.block_hash
    assert int(node.ask("eth_getTransactionCount", payer.address, "latest"), 16) == 1


def test_a_receipt_of_a_block_above_the_head_is_asked_for_again():
    """A block comes after the head was told, and is undone before the next question."""
    undone: list[str] = []

    def fault(handler: Handler, batch: Batch) -> bool:
        first = next((i for i, each in enumerate(batch) if each["method"] == "eth_getTransactionReceipt"), None)
        if first is None:
            return False
        if undone:
            node.mine(1)
            return False
        before = handler.forward(batch[:first])
        node.mine(1)
        answers = before + handler.forward(batch[first:])
        undone.extend(each["result"]["blockHash"] for each in answers[first : first + 1])
        node.ask("anvil_reorg", 1, [])
        handler.reply(answers)
        return True

    with anvil("--no-mining") as node, proxy(node.url, fault) as url:
        outbox, payer = sender(node, url, "above")
        node.mine(3)
        call = outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        outbox.wait_until(lambda: call.receipt is not None)
        assert call.receipt.block_hash.hex() not in undone[0]


def wants(tip: int):
    """A node that takes nothing with a smaller tip, in geth's words."""

    def fault(handler: Handler, batch: Batch) -> bool:
        low = {
            each["id"]: each for each in sends(batch)
            if int.from_bytes(rlp.decode(bytes.fromhex(each["params"][0][4:]))[2], "big") < tip
        }  # fmt: skip
        rest = [each for each in batch if each["id"] not in low]
        refused = [error(each, f"transaction underpriced: minimum needed {tip}") for each in low.values()]
        handler.reply(refused + (handler.forward(rest) if rest else []))
        return True

    return fault


@pytest.mark.parametrize("tip", [1, 10**6])
def test_a_node_that_wants_a_tip_gets_one(node, tip):
    with proxy(node.url, wants(tip)) as url:
        outbox, payer = sender(node, url, f"tip {tip}")
        for _ in range(3):
            outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        outbox.settle()
        assert int(node.ask("eth_getTransactionCount", payer.address, "latest"), 16) == 3


def test_a_node_that_wants_more_than_anybody_offers_is_believed(node):
    with proxy(node.url, wants(10**15)) as url:
        outbox, payer = sender(node, url, "greed")
        outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        with pytest.raises(NodeUnreachable, match="underpriced"):
            outbox.settle()


def test_what_an_account_cannot_pay_for_is_refused_without_waiting_for_long_and_goes_out_once_it_can(node):
    """So a proof of a false report waits for money, and is not made again."""
    outbox, payer = Sender(Rpc(node.url, Stopwatch(), QUICK), Journal(), QUICK), account(keccak(b"pauper"))
    outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
    for _ in range(2):
        with pytest.raises(TransactionReverted, match=r"[Ii]nsufficient funds"):
            outbox.settle()
    node.fund({bytes.fromhex(payer.address[2:]): 10**20})
    outbox.settle()
    assert len(outbox.gas["pay"]) == outbox.upcoming_nonce(payer) == 1


def test_a_node_that_is_full_for_a_while_is_waited_for(node):
    """Its words are no verdict of the contract's, however often others' blocks pass meanwhile."""
    refused = [0]

    def fault(handler: Handler, batch: Batch) -> bool:
        node.mine(3)
        if not sends(batch) or refused[0] > 12:
            return False
        refused[0] += 1
        full = [error(each, "txpool is full") for each in sends(batch)]
        handler.reply(full)
        return True

    with proxy(node.url, fault) as url:
        outbox, payer = sender(node, url, "full", TransactionPolicy(patience=8.0, timeout=2.0, resend_after=0.8))
        call = outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        outbox.settle()
    assert refused[0] > 12
    assert len(call.versions) <= 2


GATE = "0x36600d57" "600054601257" "5f5ffd" "5b60015f55" "5b00"
"""Called with data it opens; called without it reverts unless open."""


GATE_AT = b"\x9a" * 20
STRANGER = "0x" + "9b" * 20


def shut_gate(node: Anvil) -> None:
    node.ask("anvil_setCode", "0x" + GATE_AT.hex(), GATE)
    node.ask("anvil_setStorageAt", "0x" + GATE_AT.hex(), "0x" + "00" * 32, "0x" + "00" * 32)
    node.ask("anvil_setBalance", STRANGER, hex(10**20))
    node.ask("anvil_impersonateAccount", STRANGER)


def open_gate(node: Anvil) -> None:
    opening = {"from": STRANGER, "to": "0x" + GATE_AT.hex(), "data": "0x01", "gas": hex(60_000)}
    node.ask("eth_sendTransaction", opening)


def waiting(node: Anvil) -> int:
    return int(node.ask("txpool_status")["pending"], 16)


@contextmanager
def mined_by_hand(node: Anvil) -> Iterator[None]:
    node.ask("evm_setAutomine", False)
    try:
        yield
    finally:
        node.ask("evm_setAutomine", True)


def test_a_call_that_failed_and_goes_out_anew_does_not_wait_for_one_that_waits_for_it():
    """Both are of one account: the later one has a nonce, falls out of its block, and the first one's new nonce comes
    after it."""
    with anvil() as node:
        shut_gate(node)
        open_gate(node)
        outbox, payer = sender(node, node.url, "anew")
        node.mine(1)  # what it owns does not fall out
        first = outbox.submit("enter", payer, GATE_AT, 0, 60_000, b"")
        later = outbox.submit("enter", payer, GATE_AT, 0, 60_000, b"", order=Order.AFTER)
        outbox.settle()
        with mined_by_hand(node):
            node.ask("anvil_reorg", 2, [])
            node.ask("anvil_setStorageAt", "0x" + GATE_AT.hex(), "0x" + "00" * 32, "0x" + "00" * 32)
            outbox.wait_until(lambda: not first.receipts and waiting(node) > 0)
            node.mine(1)  # too early, for both: as if the gate's opening had fallen out too
            open_gate(node)
            node.mine(1)
        outbox.settle()
    for call in (first, later):
        assert call.receipt is not None
        assert call.receipt.succeeded
    assert len(first.versions) > 1


def test_a_call_that_waits_has_no_nonce_that_an_earlier_one_may_need(node):
    shut_gate(node)
    outbox, payer = sender(node, node.url, "late")
    with mined_by_hand(node):
        first = outbox.submit("enter", payer, GATE_AT, 0, 60_000, b"")
        later = outbox.submit("enter", payer, GATE_AT, 0, 60_000, b"", order=Order.AFTER)
        outbox.wait_until(lambda: first.accepted)
        node.mine(1)
        open_gate(node)
        node.mine(1)
    outbox.settle()
    assert [len(call.receipts) for call in (first, later)] == [2, 1]


@pytest.mark.parametrize("confirmations", [1, 3])
def test_who_goes_out_after_another_waits_until_that_one_has_succeeded(confirmations):
    """Seats go by order: a join that failed, in a block or anew, comes before the next one."""
    delivery = TransactionPolicy(patience=8.0, timeout=2.0, resend_after=0.5, confirmations=confirmations)
    kept: list[str] = []
    lost = [0]

    def fault(handler: Handler, batch: Batch) -> bool:
        """The first copy of what goes out anew is taken and forgotten."""
        raws = [each["params"][0] for each in sends(batch)]
        lose = [raw for raw in raws if kept and raw not in kept and nonce_of(raw) == 1 and lost[0] < 1]
        lost[0] += len(lose)
        taken = [{"jsonrpc": "2.0", "id": each["id"], "result": "0x" + "11" * 32}
                 for each in sends(batch) if each["params"][0] in lose]  # fmt: skip
        rest = [each for each in batch if not sends([each]) or each["params"][0] not in lose]
        handler.reply(taken + (handler.forward(rest) if rest else []))
        return True

    with anvil(*(["--block-time", "0.1"] if confirmations > 1 else [])) as node, proxy(node.url, fault) as url:
        shut_gate(node)
        outbox, one = sender(node, url, "one", delivery)
        _, two = sender(node, url, "two", delivery)
        open_gate(node)
        node.mine(1)  # this, and what they own, does not fall out
        owned = int(node.ask("eth_blockNumber"), 16)
        first, second = (
            outbox.submit("join", payer, GATE_AT, 0, 60_000, b"", order=Order.ALONE) for payer in (one, two)
        )
        outbox.settle()
        kept.extend(version.raw for version in first.versions)
        if confirmations > 1:
            node.ask("evm_setIntervalMining", 0)
        with mined_by_hand(node):
            node.ask("anvil_reorg", int(node.ask("eth_blockNumber"), 16) - owned, [])
            node.ask("anvil_setStorageAt", "0x" + GATE_AT.hex(), "0x" + "00" * 32, "0x" + "00" * 32)
            outbox.wait_until(lambda: not first.receipts and waiting(node) > 0)
            node.mine(1)  # too early
            open_gate(node)
            node.mine(1)
        if confirmations > 1:
            node.ask("evm_setIntervalMining", 1)
        outbox.settle()
    assert first.receipt is not None
    assert second.receipt is not None
    assert first.receipt.block < second.receipt.block
    assert lost[0] == 1


def nonce_of(raw: str) -> int:
    return int.from_bytes(rlp.decode(bytes.fromhex(raw[4:]))[1], "big")


def test_what_a_node_forgot_goes_out_again_though_a_block_has_no_room_for_what_comes_before_it():
    with anvil("--gas-limit", "30000000") as node:
        outbox, one = sender(node, node.url, "roomy")
        _, two = sender(node, node.url, "crowded")
        with mined_by_hand(node):
            before = outbox.submit("pay", one, SOMEBODY, 1, 4_000_000, b"")
            outbox.wait_until(lambda: before.accepted)
            outbox.submit("pay", two, SOMEBODY, 1, 8_000_000, b"", order=Order.AFTER)
            forgotten = [outbox.submit("pay", one, SOMEBODY, 1, 4_000_000, b"") for _ in range(6)]
            outbox.wait_until(lambda: all(call.accepted for call in forgotten))
            for call in forgotten:
                node.ask("anvil_dropTransaction", call.versions[-1].identity)
            node.mine(1)
        outbox.settle()


def test_what_an_earlier_process_sent_goes_out_where_a_call_that_goes_anew_comes_after_it(tmp_path):
    """The run hands the later calls in only when the first one is through: nobody else would send them."""
    with anvil() as node:
        shut_gate(node)
        open_gate(node)
        for session in range(2):
            with journal_in(tmp_path / "journal") as journal:
                outbox, payer = sender(node, node.url, "sittings", journal=journal)
                journal.bind(Origin(outbox.chain_id, outbox.genesis, ""))
                first = outbox.submit("enter", payer, GATE_AT, 0, 60_000, b"")
                if session:
                    outbox.wait_until(lambda call=first: call.accepted)
                    node.mine(1)  # too early: what it needs fell out with it
                    open_gate(node)
                    node.mine(1)
                    node.ask("evm_setAutomine", True)
                outbox.settle()
                for _ in range(3):
                    outbox.submit("enter", payer, GATE_AT, 0, 60_000, b"")
                    outbox.settle()
            if not session:
                node.ask("evm_setAutomine", False)
                node.ask("anvil_reorg", 5, [])
        assert {version.nonce for version in first.versions} == {0, 4}


def test_what_was_written_and_not_synced_is_synced_before_it_goes_out_again(node, tmp_path, monkeypatch):
    path, synced, sent = tmp_path / "journal", [False], list[bool]()
    really = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: None)  # as if killed between write and fsync
    with journal_in(path) as journal:
        outbox, payer = sender(node, node.url, "unsynced", journal=journal)
        journal.bind(Origin(outbox.chain_id, outbox.genesis, ""))
        call, machine = outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b""), outbox._outbox
        machine._sign(call, 0, outbox._take_step(machine._fee()), 0)
        outbox._keep()
        journal.sync()

    def fsync(file: int) -> None:
        synced[0] = synced[0] or stat.S_ISREG(os.fstat(file).st_mode)
        really(file)

    def look(handler: Handler, batch: Batch) -> bool:
        sent.extend([synced[0]] * len(sends(batch)))
        return False

    monkeypatch.setattr(os, "fsync", fsync)
    with proxy(node.url, look) as url, journal_in(path) as journal:
        outbox, payer = sender(node, url, "unsynced", journal=journal)
        outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        outbox.settle()
    assert sent
    assert all(sent)


def test_a_node_that_loses_the_first_copy_of_everything_raises_no_later_fee():
    lost: set[int] = set()

    def fault(handler: Handler, batch: Batch) -> bool:
        lose = [each for each in sends(batch) if nonce_of(each["params"][0]) not in lost]
        lost.update(nonce_of(each["params"][0]) for each in lose)
        taken = [{"jsonrpc": "2.0", "id": each["id"], "result": "0x" + "11" * 32} for each in lose]
        rest = [each for each in batch if each not in lose]
        handler.reply(taken + (handler.forward(rest) if rest else []))
        return True

    with anvil("--block-time", "0.05") as node, proxy(node.url, fault) as url:
        outbox, payer = sender(node, url, "loses", TransactionPolicy(patience=8.0, timeout=2.0, resend_after=0.5))
        calls = []
        for _ in range(3):
            calls.append(outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b""))
            outbox.settle()
    assert len({call.versions[0].fee for call in calls}) == 1


def test_what_a_node_knows_and_never_mines_goes_out_with_a_higher_fee_though_others_blocks_come(node):
    """As Anvil does with what arrives while it mines: known, refused when it comes again, and in no block."""
    aside: list[str] = []
    tried = [0]

    def fault(handler: Handler, batch: Batch) -> bool:
        raws = [each["params"][0] for each in sends(batch)]
        aside.extend(raws[: 1 - len(aside)])
        if not set(aside) & set(raws) and not any(asks_for(each) for each in batch):
            return False
        tried[0] += bool(set(aside) & set(raws))
        if tried[0] == 2:
            node.mine(1)
        kept = [each for each in batch if asks_for(each)]
        known = [error(each, "transaction already imported") for each in sends(batch) if each["params"][0] in aside]
        known += [{"jsonrpc": "2.0", "id": each["id"], "result": {"hash": each["params"][0]}} for each in kept]
        done = {each["id"] for each in known}
        rest = [each for each in batch if each["id"] not in done]
        handler.reply(known + (handler.forward(rest) if rest else []))
        return True

    def asks_for(request: dict[str, Any]) -> bool:
        known = {"0x" + keccak(bytes.fromhex(raw[2:])).hex() for raw in aside}
        return request["method"] == "eth_getTransactionByHash" and request["params"][0] in known

    with proxy(node.url, fault) as url:
        outbox, payer = sender(node, url, "aside", TransactionPolicy(patience=6.0, timeout=2.0, resend_after=0.2))
        call = outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        outbox.settle()
        later = outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        outbox.settle()
    assert len(call.versions) == 2
    assert tried[0] >= 2
    assert later.versions[0].fee == call.versions[0].fee  # or each would start where the one before it ended


def test_blocks_that_come_all_at_once_raise_no_fee(node):
    """Anvil mines an empty one for every transaction but the first of a batch."""
    asked = [0]

    def fault(handler: Handler, batch: Batch) -> bool:
        asked[0] += any(each["method"] == "eth_getTransactionReceipt" for each in batch)
        node.mine(9)
        if not sends(batch) or asked[0] > 3:
            return False
        taken = [{"jsonrpc": "2.0", "id": each["id"], "result": "0x" + "11" * 32} for each in sends(batch)]
        handler.reply(taken)
        return True

    with proxy(node.url, fault) as url:
        outbox, payer = sender(node, url, "patient", TransactionPolicy(patience=8.0, timeout=2.0, resend_after=1.0))
        call = outbox.submit("pay", payer, SOMEBODY, 1, 21_000, b"")
        outbox.wait_until(lambda: asked[0] > 3)
        assert len(call.versions) == 1
        outbox.settle()


def run(url: str, out: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return chain_bandit(
        "run", SMALL, "--rounds", "12", "-o", "expect={}", "--chain", url, "--out", out,
        *options,
    )  # fmt: skip


@pytest.mark.parametrize("seed", few(range(1, 12), 11))
def test_a_whole_command_comes_through_any_mixture_of_faults(node, tmp_path, seed):
    """Opening, game, settlement and export: it ends well, or in exit 5 and is taken up."""
    assert run(node.url, tmp_path / "calm").returncode == 0
    others = ("accepts_then_times_out", "stale_head", "wrong_chain_id")  # slow, and one that is no fault to get over
    sometimes = Sometimes([name for name in FAULTS if name not in others], seed, 4)
    with anvil() as other, proxy(other.url, sometimes) as url:
        options: list[str] = []
        for _ in range(3):
            done = run(url, tmp_path / "run", *options)
            assert done.returncode in (0, 5), done.stderr
            if done.returncode == 0:
                break
            options = ["--resume"] if (tmp_path / "run.partial-run").exists() else []
    assert sometimes.happened > 5
    digests = {read_manifest(tmp_path / name)["run_digest"] for name in ("calm", "run")}
    assert len(digests) == 1
