"""Requests to one node, several in one exchange, each answered or refused; or the whole exchange is lost."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from http import HTTPStatus
from threading import Lock, Semaphore, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from eth_utils.exceptions import ValidationError
from urllib3 import PoolManager, ProxyManager
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, make_headers, parse_url

from chain_bandit.chain.bounded_response import AS_IT_IS, TIMED, parsed, whole
from chain_bandit.chain.errors import NodeUnreachable, RateLimited
from chain_bandit.chain.notice import SILENT, Notice
from chain_bandit.chain.provider_limits import (
    AcceptedSize,
    RequestPacer,
    is_rate_limit,
    retry_after,
    says_range,
    says_rate,
)
from chain_bandit.chain.retry_budget import MONOTONIC, Clock

if TYPE_CHECKING:
    from web3 import Web3

Line: TypeAlias = "str | Web3 | Wire"
"""How a node is asked: at its URL, through web3 where it is in this process, or over a wire that there is already."""

Request = tuple[str, Sequence[Any]]
"""(method, parameters)."""

_HERE = "127.0.0.1", "localhost", "[::1]"

INVALID_REQUEST, METHOD_NOT_FOUND, METHOD_NOT_SUPPORTED = -32600, -32601, -32004
"""Error codes of JSON-RPC 2.0 and of EIP-1474."""

AT_ONCE = 2
"""Exchanges that are under way with one node at most."""

DOUBTED = 4
"""Limits in a row after which a refusal of a question for events in the same words is of its range."""

LIMITED = 30.0
"""Seconds without any answer but rate limits after which an exchange is lost."""

_TOO_LARGE = (
    HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.GATEWAY_TIMEOUT,
)  # fmt: skip
"""The statuses of a node that may take less at once: a smaller batch, or events of fewer blocks."""

_TOO_LONG = HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.BAD_GATEWAY, 524
"""More of those, of events alone: a gateway whose node is away has them for all it is asked. 524 is Cloudflare's."""

_FILTERED = (
    HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED,
)  # fmt: skip
"""The statuses of a gateway that passes on no methods but those of all nodes."""

_OF_BATCH = re.compile(r"batch|too many calls|calls (in|per) ", re.IGNORECASE)
"""In the words of nodes that take no batch of that size, whatever their status."""

_LONGEST_TEXT = 200

NOT_TAKEN: Final = object()
"""In the place of an answer: the batch was too large for the node, and the request is due in a smaller one."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A node's error answer to one request.

    Attributes:
        data: what a contract reverted with; None for other grounds.
        unknown_method: the node does not do what was asked, now or later.
        limited: seconds that a node asks to wait which takes no more requests now; None for other grounds.
    """

    text: str
    data: bytes | None = None
    unknown_method: bool = False
    limited: float | None = None


def is_common(method: str) -> bool:
    """Whether all nodes have a method: others are of development nodes, or of some makers alone."""
    return method.startswith(("eth_", "net_", "web3_"))


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


def awaited(answers: "Future[list[Any]]", wire: Wire, notice: Notice) -> list[Any]:
    """What comes of an exchange; the notice says why that takes long, as far as is known. Raises `NodeUnreachable`."""
    try:
        return answers.result(SILENT)
    except TimeoutError:
        notice.waiting((isinstance(wire, HttpWire) and wire.why) or "no answer")
    return answers.result()


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

    A lost request is not retried here. What the node's provider limits is: batches are split, and requests are paced,
    by what it refused before. A node that is not on this machine is asked through the proxy of the system's settings.

    Attributes:
        why: the rate limit that an exchange under way waits for; None while there is none.
    """

    certain = False

    def __init__(self, url: str, timeout: float, clock: Clock = MONOTONIC) -> None:
        """Raises `NodeUnreachable` where it is no URL of a node."""
        self._url, self._timeout, self._clock = url, timeout, clock
        try:
            parts = parse_url(url)
        except HTTPError as error:
            raise NodeUnreachable("its URL cannot be read") from error
        if parts.scheme not in ("http", "https") or not parts.host:
            raise NodeUnreachable("its URL does not begin with http:// or https:// and a host")
        self._host = f"{parts.scheme}://{parts.netloc}"  # where user, path and query, which may be a key, are left out
        headers = make_headers(keep_alive=True, basic_auth=parts.auth) | AS_IT_IS
        self._pool = pool_to(url, headers | {"Content-Type": "application/json"})
        self._under_way = Semaphore(AT_ONCE)
        self._batch, self._pace, self._lock = AcceptedSize(), RequestPacer(), Lock()
        self.why: RateLimited | None = None
        self._said = ""
        """The words of the last limit of requests, if there were any."""

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        """Start an exchange; the caller goes on meanwhile, and a process that ends waits for none."""
        answers: Future[list[Any]] = Future()

        def work() -> None:
            try:
                with self._under_way:
                    answers.set_result(self.exchange(requests))
            except BaseException as error:  # noqa: BLE001  (raised where the answers are asked for)
                answers.set_exception(error)

        Thread(target=work, name="wire", daemon=True).start()
        return answers

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """Ask, and wait for the answers. Raises `RateLimited` too, `LIMITED` seconds after the last answer."""
        answers: dict[int, Any] = {}
        until, most, row = self._clock.now() + LIMITED, len(requests), 0
        while missing := [index for index in range(len(requests)) if index not in answers]:
            part = self._next_part(missing[:most])
            said = self._ask([requests[index] for index in part])
            said = self._as_limits(said) if row < DOUBTED else said
            self._learn(said)
            fresh = {
                index: answer for index, answer in zip(part, said, strict=True)
                if answer is not NOT_TAKEN and not _is_limited(answer)
            }  # fmt: skip
            answers |= fresh
            row += 1
            if fresh:
                until, most, row = self._clock.now() + LIMITED, 2 * len(fresh), 0
            elif self.why is not None and self._clock.now() > until:
                raise self.why
        return [answers[index] for index in range(len(requests))]

    def _as_limits(self, said: list[Any]) -> list[Any]:
        """Answers, of which refusals in the words of a limit of requests are such ones.

        Besu says "Limit exceeded" of limits of any kind.
        """
        limit = Refused(self._said)
        return [replace(limit, limited=0.0) if self._said and each == limit else each for each in said]

    def _next_part(self, missing: list[int]) -> list[int]:
        """What is asked next, when the pace allows it."""
        with self._lock:
            part = missing[: min(self._batch.most, self._pace.most)]
            pause = self._pace.pause(len(part), self._clock.now())
        if pause > 0:
            self._clock.sleep(pause)
        return part

    def _learn(self, said: list[Any]) -> None:
        """Take in how the node kept up with a batch."""
        limited = [answer for answer in said if _is_limited(answer)]
        left_out = sum(answer is NOT_TAKEN for answer in said)
        with self._lock:
            if limited:
                self.why, self._said = RateLimited(limited[0].text), limited[0].text
                self._pace.limited(len(said), max(each.limited for each in limited), self._clock.now())
            elif left_out == len(said):
                self._batch.refused(len(said))
            elif not left_out:  # a part may be lost once
                self._pace.answered(len(said))
                self._batch.accepted(len(said))
                self.why = self.why if self._pace.is_slow else None

    def _ask(self, requests: Sequence[Request]) -> list[Any]:
        """The answers to one batch, `NOT_TAKEN` in the place of some. Raises `NodeUnreachable`."""
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
                text = whole(response, until).decode("latin-1")  # a letter a byte: none makes others take four
                status, after = response.status, retry_after(response.headers)
            return _taken(text, requests) if status == HTTPStatus.OK else _failed(text, status, after, requests)
        except (HTTPError, OSError) as error:
            raise NodeUnreachable(f"{self._host}: {type(error).__name__}") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise NodeUnreachable("its answer is not JSON-RPC") from error


def _is_limited(answer: Any) -> bool:
    return isinstance(answer, Refused) and answer.limited is not None


def _taken(text: str, requests: Sequence[Request]) -> list[Any]:
    """The answers in the text of a response."""
    try:
        return _answers(parsed(text), requests)
    except ValueError:
        said = text[:_LONGEST_TEXT]
        if says_rate(said):
            return _in_words(said, said, 0.0, requests)
        raise


def _in_words(why: str, said: str, after: float, requests: Sequence[Request]) -> list[Any]:
    """Refusals of requests by a text that is of some limit: of events of several blocks where it may be."""
    return [Refused(why, limited=after if says_rate(said, _is_of_blocks(requests)) else None)] * len(requests)


def _answers(found: Any, requests: Sequence[Request]) -> list[Any]:
    """The answers of a body to some requests.

    One error for several requests is of the batch. Some nodes give it no number, as JSON-RPC 2.0 has it, others that of
    a request; Geth gives a list of it alone. A node may also answer the first few and refuse or leave out the rest.
    """
    count = len(requests)
    alone = found[0] if isinstance(found, list) and len(found) == 1 < count else found
    if isinstance(alone, dict) and alone.get("error"):
        refused = read_answer(alone, _is_of_blocks(requests))
        return [refused if count == 1 or _is_limited(refused) else NOT_TAKEN] * count
    answers = {answer["id"]: answer for answer in (found if count > 1 else [found])}
    if count == 1:
        return [read_answer(answers[0])]
    return [
        NOT_TAKEN if index not in answers or _is_of_batch(answers[index])
        else read_answer(answers[index], _has_blocks(request))
        for index, request in enumerate(requests)
    ]  # fmt: skip


def _is_of_batch(answer: Mapping[str, Any]) -> bool:
    error = answer.get("error")
    return error is not None and (
        error.get("code") == INVALID_REQUEST or _OF_BATCH.search(str(error.get("message"))) is not None
    )


def _is_of_blocks(requests: Sequence[Request]) -> bool:
    return len(requests) == 1 and _has_blocks(requests[0])


def _has_blocks(request: Request) -> bool:
    """Whether it is a question for the events of several blocks, which may be asked of fewer."""
    method, parameters = request
    if method != "eth_getLogs" or "blockHash" in parameters[0]:
        return False
    return bool(parameters[0].get("fromBlock") != parameters[0].get("toBlock"))


def _failed(text: str, status: int, after: float | None, requests: Sequence[Request]) -> list[Any]:
    """What a response that is none of success has for some requests, as `_answers`. Raises `NodeUnreachable`.

    Args:
        after: seconds that it asks to wait; None where it does not say.
    """
    try:
        found = parsed(text)
        said = read_answer(found[0] if isinstance(found, list) else found).text
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        found, said = None, "" if text.lstrip()[:1] == "<" else " ".join(text.split())
    why, count = f"HTTP status {status}{said and ': '}{said[:_LONGEST_TEXT]}", len(requests)
    is_limit = status == HTTPStatus.TOO_MANY_REQUESTS
    is_of_range = is_limit and _is_of_blocks(requests) and says_range(said)
    if (is_limit and not is_of_range) or (status == HTTPStatus.SERVICE_UNAVAILABLE and after is not None):
        return [Refused(why, limited=after or 0.0)] * count
    is_filtered = status in _FILTERED and not all(is_common(method) for method, _ in requests)
    has_blocks = any(map(_has_blocks, requests))
    may_be_less = (
        is_filtered or is_of_range or status in _TOO_LARGE or (has_blocks and status in _TOO_LONG)
        or _OF_BATCH.search(said)
    )  # fmt: skip
    if found is not None and (has_blocks or may_be_less):
        return _answers(found, requests)
    if says_rate(begin := text[: 10 * _LONGEST_TEXT]):
        return _in_words(why, begin, after or 0.0, requests)
    if count > 1 and may_be_less:
        return [NOT_TAKEN] * count
    if is_filtered or (has_blocks and may_be_less):
        return [Refused(why)]
    raise NodeUnreachable(why)


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


def read_answer(answer: dict[str, Any], of_blocks: bool = False) -> Any:
    """The result in a JSON-RPC answer, or a `Refused` with the revert data wherever the node puts it.

    Args:
        of_blocks: the request was for events of several blocks.
    """
    error = answer.get("error")
    if error is None:
        return answer["result"]
    data, code, message, more = error.get("data"), error.get("code"), error.get("message"), ""
    if isinstance(data, dict):
        more = f": {said}" if isinstance(said := data.get("payload"), str) else ""  # where Tenderly says why
        data = data.get("data")  # where Hardhat 2 puts it
    is_revert = isinstance(data, str) and data.startswith("0x")
    unknown = code in (METHOD_NOT_FOUND, METHOD_NOT_SUPPORTED)
    text = (message if isinstance(message, str) else type(message).__name__) + more
    limited = 0.0 if not is_revert and is_rate_limit(code, text, of_blocks) else None
    return Refused(text, bytes.fromhex(data[2:]) if is_revert else None, unknown, limited)


def _reverted_with(failure: Exception) -> bytes | None:
    """What the contract reverted with; None when the node gave other grounds. eth-tester hands back a repr of bytes."""
    _, found, text = str(failure).partition("execution reverted: ")
    try:
        value = ast.literal_eval(text) if found else None
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, bytes) else None
