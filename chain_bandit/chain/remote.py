"""A node as a plain JSON-RPC callable, for reading histories: the embedded one, or any at a URL."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from eth_utils.address import to_checksum_address
from requests import RequestException
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from chain_bandit.chain.errors import ForeignContract, NodeUnreachable
from chain_bandit.chain.rpc import as_answered, as_bytes

TIMEOUT = 30.0
"""Seconds for one answer."""

_HERE = ("127.0.0.1", "localhost")


_NO_ANSWER = (
    RequestException, Web3Exception, ConnectionError, TimeoutError,
    ValueError, TypeError, KeyError, AttributeError, RecursionError,  # web3 takes whatever is said for an answer
)  # fmt: skip


def at_url(url: str) -> Callable[..., Any]:
    """The node at an HTTP URL, as `json_rpc` has it."""
    return json_rpc(web3_at(url))


def json_rpc(web3: Web3) -> Callable[..., Any]:
    """`rpc(method, params, read)`: the result, as `read` has it, or `NodeUnreachable`.

    Nothing is asked again: who reads a history may begin anew. A game asks through `chain.rpc`.
    """

    def rpc(method: str, params: Sequence[Any], read: Callable[[Any], Any] = as_answered) -> Any:
        try:
            answer = web3.manager.request_blocking(RPCEndpoint(method), list(params))
        except _NO_ANSWER as error:
            raise NodeUnreachable(f"{method}: {type(error).__name__}") from error
        return read(answer)

    return rpc


def web3_at(url: str) -> Web3:
    """A connection to the node at an HTTP URL, opened when it is first used; to this machine past any proxy."""
    options: dict[str, Any] = {"timeout": TIMEOUT}
    host = urlsplit(url).hostname
    if host in _HERE:
        options["proxies"] = {"no_proxy": host}
    provider = HTTPProvider(url, request_kwargs=options, exception_retry_configuration=None)
    return Web3(provider, middleware=[])


def require_code(rpc: Callable[[str, Sequence[Any]], Any], contract: bytes) -> None:
    """Raise `ForeignContract` for an address (20 bytes) that holds no code."""
    address = to_checksum_address(contract)
    if not as_bytes(rpc("eth_getCode", [address, "latest"])):
        raise ForeignContract(address, 0)
