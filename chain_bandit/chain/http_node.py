"""A node at a URL: Anvil, Hardhat, or any other that speaks JSON-RPC."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Any

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.answers import as_int
from chain_bandit.chain.errors import NodeUnreachable, NotUnderstood
from chain_bandit.chain.notice import Notice
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.transaction_policy import PIPELINED, TransactionPolicy
from chain_bandit.chain.wire import Refused, without_key
from chain_bandit.stopwatch import Stopwatch

STANDSTILL = 300.0
"""Seconds that one block may take on a chain that nobody can hurry."""

BURIED = 8
"""Blocks on top of one after which a game takes it for final: what others rest on waits for so many."""

CALM = 60.0
"""Seconds without a block after which a chain counts as one that mines by transaction alone."""

KNOCK = 1.0
"""Seconds for the first answer: whether anybody is there."""

SHOWN = 10.0
"""Seconds for which balances that were given are waited for: a provider may answer by an older block."""

LONG = 5.0
"""Seconds without the blocks that are waited for after which the wait is told."""

_POLL = 0.2


class HttpNode:
    """A running node. What only development nodes can do is asked for in Anvil's words, then in Hardhat's.

    Attributes:
        shown: its URL for everybody, as messages and logs have it.
        delivery: how transactions come to it.
        rpc: patient: a lost answer is asked for again.
    """

    def __init__(
        self, url: str, delivery: TransactionPolicy = PIPELINED, say: Callable[[str], None] | None = None
    ) -> None:  # fmt: skip
        """Ask the node for its identity; with `say` the wait may be as long as any. Raises `NodeUnreachable`."""
        self.url = url
        self.line = url
        self.delivery = delivery if say is None else replace(delivery, say=say)
        self.rpc = Rpc(url, Stopwatch(), self.delivery)
        self.shown = without_key(url)
        self.chain_id: int = self.rpc.ask("eth_chainId", [], as_int, KNOCK if say is None else inf)

    def ask(self, method: str, *parameters: Any) -> Any:
        """One answer. Raises `NodeUnreachable`."""
        return self.rpc.ask(method, parameters)

    def mine(self, blocks: int) -> None:
        """Let `blocks` blocks pass: mined at once by a development node, waited for on any other."""
        if not self._pass(blocks, STANDSTILL, "a deadline of the game passes there"):
            raise NodeUnreachable(f"{self.shown}: no block in {STANDSTILL:.0f} s")

    def bury(self, block: int, blocks: int = BURIED) -> None:
        """Let so many blocks come on top of one, unless the chain stands still: that one does not go back."""
        on_top = f"{blocks} blocks on top of block {block:,} make it final"
        self._pass(max(0, block + blocks - self.height()), CALM, on_top)

    def _pass(self, blocks: int, standstill: float, why: str) -> bool:
        """Whether so many blocks came, none of them later than so many seconds after the one before.

        A long wait is told, and why it is.
        """
        clock, height = self.delivery.clock, self.height()
        target = height + blocks
        self.hurry(blocks)
        until, told_at = clock.now() + standstill, clock.now() + LONG
        notice = Notice(f"block {target:,}", self.delivery.say, f"the wait for block {target:,} is over")
        while (now := self.height()) < target:
            if now > height:
                height, until = now, clock.now() + standstill
            elif clock.now() > until:
                break
            if clock.now() > told_at:
                notice.waiting(f"the chain is at block {now:,}; {why}")
            clock.sleep(_POLL)
        notice.over()
        return now >= target

    def hurry(self, blocks: int) -> None:
        """Have a development node mine `blocks` blocks; any other goes on as it does.

        By single blocks: of the many of one `hardhat_mine` a node makes most up, with a false transactions root, and no
        audit would pass; and where the answer to one is lost the height tells the rest.
        """
        target = self.height() + blocks
        patience = RetryBudget(self.delivery.patience, self.delivery.is_over, self.delivery.clock)
        while (left := target - self.height()) > 0:
            try:
                for _ in range(left):
                    (answer,) = self.rpc.answered(self.rpc.post([("evm_mine", [])]))
                    if isinstance(answer, Refused):
                        return
                    patience.moved()
            except NodeUnreachable as error:
                patience.wait(error)

    def grant(self, balances: Mapping[bytes, int]) -> bool:
        """Give accounts (20 bytes) at least so much wei out of nothing; False where the node does not do that."""
        poor = {checksummed(account): wei for account, wei in balances.items()}
        poor = {address: wei for address, wei in poor.items() if self.balance(address) < wei}
        if not all(self._understood("setBalance", address, hex(wei)) for address, wei in poor.items()):
            return False
        clock = self.delivery.clock
        until = clock.now() + SHOWN
        while any(self.balance(address) < wei for address, wei in poor.items()) and clock.now() < until:
            clock.sleep(_POLL)
        return True

    def height(self) -> int:
        """The number of the latest block."""
        return self.rpc.height()

    def balance(self, address: str) -> int:
        """Wei of an account."""
        wei: int = self.rpc.ask("eth_getBalance", [address, "latest"], as_int)
        return wei

    def sent(self, address: str) -> int:
        """How many transactions of an account the chain has."""
        count: int = self.rpc.ask("eth_getTransactionCount", [address, "latest"], as_int)
        return count

    def be_quiet(self) -> None:
        """Stop a development node from printing every request."""
        self._understood("setLoggingEnabled", False, at_most=KNOCK)

    def _understood(self, verb: str, *parameters: Any, at_most: float = inf) -> bool:
        dialects = ("anvil", "hardhat")
        return any(self._attempt(f"{dialect}_{verb}", *parameters, at_most=at_most) for dialect in dialects)

    def _attempt(self, method: str, *parameters: Any, at_most: float = inf) -> bool:
        """Whether the node did it; False where it answers that it does not. A lost answer is asked for so long."""
        try:
            self.rpc.ask(method, parameters, at_most=at_most)
        except NotUnderstood:
            return False
        return True
