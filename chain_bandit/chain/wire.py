"""Requests to one node, several in one exchange, each answered or refused; or the whole exchange is lost."""

import ast
import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from eth_utils.exceptions import ValidationError
from urllib3 import PoolManager, ProxyManager
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, make_headers, parse_url

from chain_bandit.chain.bounded_response import AS_IT_IS, TIMED, answered
from chain_bandit.chain.errors import NodeUnreachable

if TYPE_CHECKING:
    from web3 import Web3

Line: TypeAlias = "str | Web3 | Wire"
"""How a node is asked: at its URL, through web3 where it is in this process, or over a wire that there is already."""

Request = tuple[str, Sequence[Any]]
"""(method, parameters)."""

_HERE = "127.0.0.1", "localhost", "[::1]"

METHOD_NOT_FOUND, METHOD_NOT_SUPPORTED = -32601, -32004
"""Error codes of JSON-RPC 2.0 and of EIP-1474."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A node's error answer to one request.

    Attributes:
        data: what a contract reverted with; None for other grounds.
        unknown_method: the node does not do what was asked, now or later.
    """

    text: str
    data: bytes | None = None
    unknown_method: bool = False


@runtime_checkable
class Wire(Protocol):
    """A way to a node.

    Attributes:
        certain: the node is in this process: an answer is never lost, a refusal is final, no block is undone.
    """

    certain: bool

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """A result or a `Refused` for each request. Raises `NodeUnreachable`."""
        ...

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        """Start an exchange."""
        ...


def wire_to(line: Line, timeout: float) -> Wire:
    """The way to a node: by HTTP at a URL, over the wire that is given, else within this process."""
    if isinstance(line, str):
        return HttpWire(line, timeout)
    return line if isinstance(line, Wire) else LocalWire(line)


def without_key(url: str) -> str:
    """A node's URL for everybody: user, path and query, where a key of its owner may be, are left out."""
    parts = urlsplit(url)
    has_more = "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if has_more else url


class HttpWire:
    """JSON-RPC over HTTP connections that are kept open, several requests as a batch: two exchanges at a time.

    Nothing is retried here. A node that is not on this machine is asked through the proxy of the system's settings.
    """

    certain = False

    def __init__(self, url: str, timeout: float) -> None:
        """Raises `NodeUnreachable` where it is no URL of a node."""
        self._url, self._timeout = url, timeout
        try:
            parts = parse_url(url)
        except HTTPError as error:
            raise NodeUnreachable("its URL cannot be read") from error
        if parts.scheme not in ("http", "https") or not parts.host:
            raise NodeUnreachable("its URL does not begin with http:// or https:// and a host")
        self._host = f"{parts.scheme}://{parts.netloc}"  # where user, path and query, which may be a key, are left out
        headers = make_headers(keep_alive=True, basic_auth=parts.auth) | AS_IT_IS
        self._pool = pool_to(url, headers | {"Content-Type": "application/json"})
        self._worker = ThreadPoolExecutor(max_workers=2, thread_name_prefix="wire")

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        """Start an exchange; the caller goes on meanwhile."""
        return self._worker.submit(self.exchange, requests)

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """Ask, and wait for the answers."""
        batch = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": parameters}
            for index, (method, parameters) in enumerate(requests)
        ]
        until = monotonic() + self._timeout
        try:
            with self._pool.request(
                "POST", self._url, body=json.dumps(batch if len(batch) > 1 else batch[0]), preload_content=False,
                timeout=Timeout(total=self._timeout), redirect=False,
            ) as response:  # fmt: skip
                if response.status != HTTPStatus.OK:
                    raise NodeUnreachable(f"HTTP status {response.status}")
                found = answered(response, until)
            if len(batch) == 1 and found.get("error"):
                return [read_answer(found)]  # whatever number it has: of a request that was not understood it is none
            answers = {answer["id"]: answer for answer in (found if len(batch) > 1 else [found])}
            return [read_answer(answers[index]) for index in range(len(batch))]
        except (HTTPError, OSError) as error:
            raise NodeUnreachable(f"{self._host}: {type(error).__name__}") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise NodeUnreachable("its answer is not JSON-RPC") from error


def pool_to(url: str, headers: dict[str, str]) -> PoolManager:
    """Connections to a node, or to the proxy before it."""
    to = parse_url(url)
    proxy = None if to.host in _HERE or proxy_bypass(to.host or "") else getproxies().get(to.scheme or "")
    if proxy is None:
        pool = PoolManager(1, headers, retries=False, maxsize=2)
    else:
        known = make_headers(proxy_basic_auth=parse_url(proxy).auth)
        pool = ProxyManager(proxy, 1, headers, known, retries=False, maxsize=2)
    pool.pool_classes_by_scheme = TIMED
    return pool


class LocalWire:
    """A node in this process, asked through web3."""

    certain = True

    def __init__(self, web3: "Web3") -> None:
        from eth_tester.exceptions import TransactionFailed

        from chain_bandit.chain.libraries import RPCEndpoint, Web3Exception

        self._web3, self._method = web3, RPCEndpoint
        self._refusals: tuple[type[Exception], ...] = (Web3Exception, ValidationError, TransactionFailed)

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        """Ask at once."""
        answers: Future[list[Any]] = Future()
        answers.set_result(self.exchange(requests))
        return answers

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """Ask."""
        return [self._ask(*request) for request in requests]

    def _ask(self, method: str, parameters: Sequence[Any]) -> Any:
        try:
            return self._web3.manager.request_blocking(self._method(method), list(parameters))
        except self._refusals as failure:
            return Refused(str(failure), _reverted_with(failure))


def read_answer(answer: dict[str, Any]) -> Any:
    """The result in a JSON-RPC answer, or a `Refused` with the revert data wherever the node puts it."""
    error = answer.get("error")
    if error is None:
        return answer["result"]
    data = error.get("data")
    if isinstance(data, dict):
        data = data.get("data")  # where Hardhat 2 puts it
    is_revert = isinstance(data, str) and data.startswith("0x")
    unknown = error.get("code") in (METHOD_NOT_FOUND, METHOD_NOT_SUPPORTED)
    message = error.get("message")
    text = message if isinstance(message, str) else type(message).__name__
    return Refused(text, bytes.fromhex(data[2:]) if is_revert else None, unknown)


def _reverted_with(failure: Exception) -> bytes | None:
    """What the contract reverted with; None when the node gave other grounds. eth-tester hands back a repr of bytes."""
    _, found, text = str(failure).partition("execution reverted: ")
    try:
        value = ast.literal_eval(text) if found else None
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, bytes) else None
