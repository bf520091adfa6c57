"""Chains on which no game can be played, refused at once with exit code 6 before anything is sent; and long waits."""

import json
import re
import subprocess
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.capabilities import CANCUN
from chain_bandit.chain.create2 import PROXY, SIGNER
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.retry_budget import RetryBudget
from tests.integration.live import Anvil, Batch, Handler, anvil, proxy, sends
from tests.integration.nodes import SMALL, chain_bandit, started

PUSH0, MCOPY, PUSH1, PUSH32 = 0x5F, 0x5E, 0x60, 0x7F
NEWER = {0x49, 0x4A, 0x5C, 0x5D, MCOPY, PUSH0}
"""Opcodes of Shanghai and Cancun."""


def played(url: str, out: Path) -> tuple[int, str, float]:
    since = monotonic()
    ended = chain_bandit("run", SMALL, "--rounds", "12", "--chain", url, "--out", out, "-o", "expect={}")
    return ended.returncode, ended.stderr, monotonic() - since


def sent(node: Anvil) -> int:
    """Transactions in the chain, in its first blocks."""
    return sum(len(node.ask("eth_getBlockByNumber", hex(number), False)["transactions"])
               for number in range(int(node.ask("eth_blockNumber"), 16) + 1))  # fmt: skip


LACKS = {
    "berlin": "has no base fee (EIP-1559), and the contracts need Cancun",
    "london": "lacks opcodes of Cancun, which the contracts need (PUSH0, MCOPY)",
    "shanghai": "lacks opcodes of Cancun, which the contracts need (PUSH0, MCOPY)",
}


@pytest.mark.parametrize(("hardfork", "what"), LACKS.items(), ids=LACKS)
def test_a_chain_of_older_rules_is_refused_before_anything_is_sent(hardfork: str, what: str, tmp_path: Path) -> None:
    with anvil("--hardfork", hardfork, bare=True) as node:
        code, said, took = played(node.url, tmp_path / "out")
        remedy = "use a chain with the rules of Cancun (docs/chains.md)"
        assert (code, said.strip()) == (6, f"error: the chain at {node.url} {what}: {remedy}")
        assert (sent(node), took < 30) == (0, True)


def test_a_chain_with_small_blocks_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with anvil("--gas-limit", "5000000", bare=True) as node:
        code, said, _ = played(node.url, tmp_path / "out")
        assert (code, sent(node)) == (6, 0)
        assert "takes 5,000,000 gas a block, and one transaction needs 6,000,000: raise its block gas limit" in said


def test_a_chain_without_the_proxy_whose_node_wants_a_chain_id_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    """As Geth does by default."""

    def fault(handler: Handler, batch: Batch) -> bool:
        unprotected = [each for each in sends(batch) if each["params"][0].startswith("0xf8")]
        if unprotected:
            error = {"code": -32000, "message": "only replay-protected (EIP-155) transactions allowed over RPC"}
            handler.reply([{"jsonrpc": "2.0", "id": each["id"], "error": error} for each in batch])
        return bool(unprotected)

    with anvil(bare=True) as node, proxy(node.url, fault) as url:
        node.ask("anvil_setCode", "0x" + PROXY.hex(), "0x")
        code, said, _ = played(url, tmp_path / "out")
        assert (code, sent(node), int(node.ask("eth_getBalance", "0x" + SIGNER.hex(), "latest"), 16)) == (6, 0, 0)
        assert "lacks the deterministic deployment proxy and refuses its transaction, which has no chain id" in said


def test_the_contracts_use_no_newer_opcode_than_the_probe() -> None:
    artifact = chain_bandit_artifact()
    for code in (artifact.bytecode, *(module.creation for module in artifact.modules)):
        used, at = set[int](), 0
        while at < len(code):
            used.add(code[at])
            at += 1 + (code[at] - PUSH0 if PUSH1 <= code[at] <= PUSH32 else 0)
        assert used & NEWER <= set(CANCUN)


def line(run: "subprocess.Popen[str]", begin: str) -> str:
    """The next line on stderr that begins so."""
    assert run.stderr is not None
    return next(each.strip() for each in run.stderr if each.startswith(begin))


def test_a_base_fee_above_the_cap_is_named_beside_the_cap_until_it_has_fallen(tmp_path: Path) -> None:
    with anvil("--block-base-fee-per-gas", str(6 * 10**13)) as node:  # the blocks on top of a grant lower it
        run = started("run", SMALL, "--rounds", 12, "-o", "expect={}", "--out", tmp_path / "out", "--chain", node.url)
        told = line(run, "waiting for a lower base fee")
        assert re.search(r"base fee [1-5]\d,\d{3} gwei, above the cap of 10,000 gwei that is offered", told)
        node.ask("anvil_setNextBlockBaseFeePerGas", hex(10**9))
        node.mine(1)
        assert line(run, "the base fee is below the cap again")
        run.communicate(timeout=100)
        assert run.returncode == 0


def test_a_run_at_a_url_says_once_what_it_waits_for_and_when_it_goes_on(tmp_path: Path) -> None:
    away = Event()

    def fault(handler: Handler, batch: Batch) -> bool:
        is_away = away.is_set()
        if is_away:
            handler.reply(b"", status=503)
        return is_away

    with anvil() as node, proxy(node.url, fault) as url:
        asked = "run", SMALL, "--rounds", 300, "-o", "expect={}", "--json", "--out", tmp_path / "out", "--chain", url
        run, patience = started(*asked), RetryBudget(60.0)
        while int(node.ask("eth_blockNumber"), 16) < 20:
            patience.wait(NodeUnreachable("no game"))
        away.set()
        told = line(run, "waiting for")
        assert told.startswith(f"waiting for the chain at {url}: ")
        assert "HTTP status 503" in told
        away.clear()
        assert line(run, "connected to") == f"connected to the chain at {url} again"
        said, rest = run.communicate(timeout=100)
        assert (run.returncode, "waiting" in rest, json.loads(said)["audit"]) == (0, False, "passed"), rest
