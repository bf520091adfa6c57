"""A node as a plain JSON-RPC callable, for reading histories: the embedded one, or any at a URL."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.answers import NodeReader, as_answered, as_bytes
from chain_bandit.chain.errors import NodeRefused, NodeUnreachable, RateLimited
from chain_bandit.chain.modules import require_game
from chain_bandit.chain.notice import SILENT, Notice, nobody
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.wire import HttpWire, LocalWire, Refused, Wire, awaited, without_key

if TYPE_CHECKING:
    from web3 import Web3

TIMEOUT = 30.0
"""Seconds for one answer."""

PATIENCE = 20.0
"""Seconds for which a node that has answered before is asked again when an answer is lost."""


def at_url(url: str, say: Callable[[str], None] = nobody, notice: Notice | None = None) -> NodeReader:
    """The node at an HTTP URL; a wait of more than a second is told to `say`, or by a notice that others share.

    An answer is bounded as in `chain.bounded_response`, and takes no longer than `TIMEOUT`, however it is spun out. A
    lost or garbled one is asked for again, though not before the node has answered once.

    Raises (the callable):
        NodeUnreachable: patience is at its end; `NodeGarbled` where the last answer was that.
        NodeRefused: the node will not say.
        RateLimited: its provider limits requests, however long the pauses are.
    """
    return _Reader(HttpWire(url, TIMEOUT), notice or Notice(f"the chain at {without_key(url)}", say)).ask


def json_rpc(web3: "Web3") -> NodeReader:
    """A node in this process, as `at_url` has one. A game asks through `chain.rpc`."""
    return _Reader(LocalWire(web3), Notice()).ask


class _Reader:
    def __init__(self, wire: Wire, notice: Notice) -> None:
        self._wire, self._notice, self._patience = wire, notice, 0.0

    def ask(self, method: str, params: Sequence[Any], read: Callable[[Any], Any] = as_answered) -> Any:
        patience = RetryBudget(self._patience)

        def wait(why: NodeUnreachable) -> None:
            if self._patience and monotonic() > patience.since + SILENT:
                self._notice.waiting(why if isinstance(why, RateLimited) else why.reason)
            patience.wait(why)

        while True:
            try:
                (answer,) = awaited(self._wire.post([(method, params)]), self._wire, self._notice)
                self._patience = 0.0 if self._wire.certain else PATIENCE
                result = answer if isinstance(answer, Refused) else read(answer)
                self._notice.over()
                break
            except NodeUnreachable as error:
                wait(NodeUnreachable(f"{method}: {error.reason}") if type(error) is NodeUnreachable else error)
        if isinstance(result, Refused):
            raise NodeRefused(method, result.text)
        return result


def require_contract(rpc: NodeReader, contract: bytes) -> None:
    """Raise `ForeignContract` unless an address (20 bytes) holds a game of this version.

    A node that keeps no state at all is not asked twice: what created the contract is in its blocks.
    """

    def code_at(address: bytes) -> bytes:
        code: bytes = rpc("eth_getCode", [checksummed(address), "latest"], as_bytes)
        return code

    with suppress(NodeRefused):
        require_game(code_at, contract)
