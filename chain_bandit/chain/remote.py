"""A node as a plain JSON-RPC callable, for reading histories: the embedded one, or any at a URL."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests import RequestException, Session
from urllib3.exceptions import HTTPError

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.answers import AS_IT_IS, answered
from chain_bandit.chain.errors import NodeRefused, NodeUnreachable
from chain_bandit.chain.modules import require_game
from chain_bandit.chain.patience import Patience
from chain_bandit.chain.rpc import as_answered, as_bytes
from chain_bandit.chain.wire import Refused, read_answer

if TYPE_CHECKING:
    from web3 import Web3

TIMEOUT = 30.0
"""Seconds for one answer."""

PATIENCE = 20.0
"""Seconds for which a node that has answered before is asked again when an answer is lost."""

_HERE = ("127.0.0.1", "localhost")


_NO_ANSWER = (
    RequestException, HTTPError, ConnectionError, TimeoutError,
    ValueError, TypeError, KeyError, AttributeError, RecursionError,  # whatever is said may not be an answer
)  # fmt: skip


def at_url(url: str) -> Callable[..., Any]:
    """The node at an HTTP URL, as `json_rpc` has it; it may also raise `NodeRefused`.

    An answer is bounded as in `chain.answers`, and takes no longer than `TIMEOUT`, however it is spun out. A lost one
    is asked for again, though not before the node has answered once.
    """
    return _Http(url).ask


class _Http:
    def __init__(self, url: str) -> None:
        self._url, self._session, self._patience = url, Session(), 0.0
        self._session.headers.update(AS_IT_IS)

    def ask(self, method: str, params: Sequence[Any], read: Callable[[Any], Any] = as_answered) -> Any:
        patience = Patience(self._patience)
        while True:
            try:
                answer = self._exchange(method, params)
                break
            except NodeUnreachable as error:
                patience.wait(error)
        self._patience = PATIENCE
        if isinstance(answer, Refused):
            raise NodeRefused(method, answer.text)
        return read(answer)

    def _exchange(self, method: str, params: Sequence[Any]) -> Any:
        request: Any = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        until = monotonic() + TIMEOUT
        try:
            with self._session.post(
                self._url, json=request, stream=True, timeout=TIMEOUT, allow_redirects=False, **_way(self._url)
            ) as response:
                if response.status_code != HTTPStatus.OK:
                    raise NodeUnreachable(f"HTTP status {response.status_code}")
                answer = answered(response.raw, until)
            if answer["id"] != 1:
                raise NodeUnreachable(f"{method}: an answer to another question")
            return read_answer(answer)
        except _NO_ANSWER as error:
            raise NodeUnreachable(f"{method}: {type(error).__name__}") from error


def _way(url: str) -> dict[str, Any]:
    """To this machine past any proxy."""
    host = urlsplit(url).hostname
    return {"proxies": {"no_proxy": host}} if host in _HERE else {}


def json_rpc(web3: "Web3") -> Callable[..., Any]:
    """A node in this process as `rpc(method, params, read)`: the result, as `read` has it, or `NodeUnreachable`.

    Nothing is asked again: who reads a history may begin anew. A game asks through `chain.rpc`.
    """

    from chain_bandit.chain.libraries import RPCEndpoint, Web3Exception

    def rpc(method: str, params: Sequence[Any], read: Callable[[Any], Any] = as_answered) -> Any:
        try:
            answer = web3.manager.request_blocking(RPCEndpoint(method), list(params))
        except (*_NO_ANSWER, Web3Exception) as error:
            raise NodeUnreachable(f"{method}: {type(error).__name__}") from error
        return read(answer)

    return rpc


def require_contract(rpc: Callable[[str, Sequence[Any]], Any], contract: bytes) -> None:
    """Raise `ForeignContract` unless an address (20 bytes) holds a game of this version.

    A node that keeps no state at all is not asked twice: what created the contract is in its blocks.
    """

    def code_at(address: bytes) -> bytes:
        return as_bytes(rpc("eth_getCode", [checksummed(address), "latest"]))

    with suppress(NodeRefused):
        require_game(code_at, contract)
