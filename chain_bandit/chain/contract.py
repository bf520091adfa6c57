"""A contract on a chain as Python calls: transactions handed to the sender, errors decoded, gas counted."""

from collections.abc import Callable, Sequence
from typing import Any

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.answers import as_bytes
from chain_bandit.chain.artifacts import Artifact
from chain_bandit.chain.call import Call, Events, Order, unread
from chain_bandit.chain.errors import ForeignContract, NodeUnreachable, TransactionReverted
from chain_bandit.chain.http_node import BURIED, HttpNode
from chain_bandit.chain.journal import Journal, Origin, Unkept
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.rpc import Rpc, StateAt, as_decoded
from chain_bandit.chain.sender import Sender
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.wire import Line
from chain_bandit.protocol.rlp import created_address
from chain_bandit.protocol.transaction import MOST_GAS, gas_of_call
from chain_bandit.stopwatch import Stopwatch


class Contract:
    """What a game's contract and an agreement's have in common.

    Delivered `AT_ONCE` a call is in a block when the method returns; else `settle` waits for all, and whatever an
    earlier call was refused for may be raised by a later one. One client must send all transactions of an account.

    Raises (every method):
        NodeUnreachable: the node does not answer, or takes nothing in.
        TransactionReverted: the contract, or the node, refused.

    Attributes:
        address: 20 bytes.
        chain_id: as the node says.
        rpc: for questions to the node.
    """

    def __init__(
        self, line: Line, address: bytes, artifact: Artifact, stopwatch: Stopwatch, delivery: TransactionPolicy,
        journal: Journal | None = None,
    ) -> None:  # fmt: skip
        """Use `deploy` or `at` of a contract, which make sure that the address holds it."""
        self.address = address
        self.rpc = Rpc(line, stopwatch, delivery)
        self._journal = journal or Unkept()
        self._sender = Sender(self.rpc, self._journal, delivery)
        self._creation: Call | None = None
        self.chain_id = self._sender.chain_id
        self._functions = artifact.members("function")

    @property
    def gas(self) -> dict[str, list[int]]:
        """Gas used by each transaction, by method."""
        return self._sender.gas

    @property
    def transactions(self) -> int:
        """How many were found in blocks."""
        return sum(map(len, self._sender.gas.values()))

    @property
    def created_in(self) -> int | None:
        """The block of the deployment; None for a contract found by `at`."""
        return self._creation.receipt.block if self._creation and self._creation.receipt else None

    def settle(self) -> None:
        """Wait until everything handed over is in blocks with enough confirmations."""
        self._sender.settle()

    def bury_creation(self, node: HttpNode, most: int = BURIED) -> None:
        """Wait until no reorganisation moves the contract: files name its block, and a stake before it would be lost.

        Args:
            most: blocks that the wait takes at most.
        """
        assert self.created_in is not None
        node.bury(self.created_in, min(BURIED, most))
        self.settle()

    def take_over(self, earlier: "Contract") -> None:
        """Go on in the place of an earlier client of the same accounts, whose transactions may have fallen out."""
        self._sender.take_over(earlier._sender)

    def bring_back(self) -> TransactionReverted | None:
        """Send again what a reorganisation took out of the chain; gives the contract's first refusal."""
        first: TransactionReverted | None = None
        while True:
            try:
                self._sender.settle()
                return first
            except TransactionReverted as refused:
                if refused.error == "Rejected":  # for money, which may come with what comes back
                    return first
                first = first or refused

    def wait_until(self, over: Callable[[], bool]) -> None:
        """Wait for what comes of calls under way."""
        self._sender.wait_until(over)

    def records(self, call: Call) -> list[Any] | None:
        """The records that a call made, the number of its round or epoch first in each; None while it is under way, and
        when another account's call made them.
        """
        made: list[Any] | None = call.receipt.said if call.receipt and call.receipt.succeeded else None
        return made

    def head(self) -> bytes:
        """The digest of all rounds, or epochs, so far."""
        return bytes(self._view("head"))

    def blocked_from(self, seat: int) -> int:
        """The first round, or epoch, in which a seat is on the block list; 0 for never."""
        return int(self._view("blockedFrom", seat))

    def _create(self, sender: Wallet, value: int, gas: int, data: bytes) -> None:
        """Put it on the chain, and wait for it."""
        self.address = created_address(as_address(sender.address), self._sender.upcoming_nonce(sender))
        self._bind()
        self._creation = self._sender.submit("deploy", sender, None, value, gas, data, order=Order.ALONE)
        self._sender.settle()

    def _bind(self) -> None:
        """The address is known."""
        self._journal.bind(Origin(self.chain_id, self._sender.genesis, "0x" + self.address.hex()))

    def _view(self, name: str, *arguments: object, block: StateAt = "latest") -> Any:
        function = self._functions[name]

        def read(answer: Any) -> Any:
            data = as_bytes(answer)
            return as_decoded(function.decode_outputs, data) if data else ()

        found: list[Any] = []

        def is_there() -> bool:
            found[:] = self.rpc.call(name, self.address, function.encode(*arguments), block, read)
            return bool(found)

        if not is_there():
            if self._creation is None or self.rpc.wire.certain:
                raise ForeignContract(checksummed(self.address), 0)
            if block != "latest":
                raise NodeUnreachable("its block is of a branch without the contract")
            self._sender.settle()  # a reorganisation has undone the deployment: it is sent again
            self._sender.wait_until(is_there)
        return found[0]

    def _submit(
        self,
        sender: Wallet,
        name: str,
        *arguments: object,
        value: int = 0,
        parts: Sequence[bytes] = (),
        gas: int = 0,
        seats: int = 0,
        order: Order = Order.FREE,
        done: Callable[[str], int] | None = None,
        read: Callable[[Events], Any] = unread,
    ) -> Call:
        data = self._functions[name].encode(*arguments)
        limit = min(gas or gas_of_call(len(data) + sum(map(len, parts)), seats), MOST_GAS)
        return self._sender.submit(name, sender, self.address, value, limit, data, parts, order, done, read)


def as_address(value: str) -> bytes:
    """An address as views spell it."""
    return bytes.fromhex(value[2:])
