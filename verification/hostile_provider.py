"""A hostile provider: an HTTP server in front of a real node, with the limits of public providers, in any combination.

    python -m verification.hostile_provider http://127.0.0.1:8545 --port 8546 --limits range=100,batch=1,rate=10

Limits, each a `name` or `name=value`, separated by commas:

    range=N     blocks of one question for events
    batch=N     requests of one exchange; more are answered with one error object
    size=N      bytes of one answer
    rate=N      requests a second, each request of a batch counted
    after=S     seconds of `Retry-After` with a rate limit
    body        a rate limit is told in the body, with status 200; else with status 429
    busy=N      one exchange in N is answered as a rate limit
    lag=N       blocks behind the node
    spread=N    blocks that backends are apart: each exchange is answered by one that is 0 to N more blocks behind
    receipts=N  blocks for which receipts are kept
    states=N    blocks for which states are kept
    words=KIND  whose sentences: geth, erigon, nethermind, besu, alchemy, infura
"""

import argparse
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from time import monotonic
from typing import Any

from urllib3 import PoolManager

JsonObject = dict[str, Any]

UNBOUNDED = 1 << 62
"""The head of a chain whose height matters to no limit."""


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """What a provider refuses, see the module; 0 for no limit."""

    range: int = 0
    batch: int = 0
    size: int = 0
    rate: float = 0.0
    after: float = 0.0
    body: bool = False
    busy: int = 0
    lag: int = 0
    spread: int = 0
    receipts: int = 0
    states: int = 0
    words: str = "geth"

    @property
    def is_behind(self) -> bool:
        """Whether the provider's head may lie below the node's."""
        return bool(self.lag or self.spread)

    @staticmethod
    def of(text: str) -> "ProviderLimits":
        """The limits in a text. Raises `ValueError`."""
        none = ProviderLimits()
        kinds = {each.name: type(getattr(none, each.name)) for each in fields(none)}
        found: JsonObject = {}
        for part in filter(None, text.split(",")):
            name, _, value = part.partition("=")
            if name not in kinds:
                raise ValueError(f"{name}: expected one of {', '.join(kinds)}")
            found[name] = kinds[name](value or True)
        return ProviderLimits(**found)


_RANGE_OF_ALCHEMY = (
    "Under the Free tier plan, you can make eth_getLogs requests with up to a {most} block range. "
    "Based on your parameters, this block range should work: [{first}, {last}]."
)
_BATCH_OF_ERIGON = "batch limit {most} exceeded (can increase by --rpc.batch.limit). Requested batch of size: {asked}"

WORDS: dict[str, dict[str, tuple[int, str]]] = {
    "geth": {
        "range": (-32602, "exceed maximum block range: {most}"), "batch": (-32600, "batch too large"),
        "size": (-32003, "response too large"), "rate": (429, "Too Many Requests"),
        "state": (-32000, "missing trie node 00 (path ) state 0x00 is not available"),
    },
    "erigon": {
        "range": (-32000, "query block range {asked} exceeds {most}, narrow your filter"),
        "batch": (-32000, _BATCH_OF_ERIGON),
        "size": (-32000, "response size limit exceeded"), "rate": (-32005, "rate limit exceeded"),
        "state": (-32000, "old data not available due to pruning"),
    },
    "nethermind": {
        "range": (-32005, "Too many blocks requested: {asked}. Maximum is {most}"),
        "batch": (-32005, "Batch size limit exceeded"), "size": (-32005, "Response body size limit exceeded"),
        "rate": (-32005, "Too many requests"), "state": (-32002, "No state available for block"),
    },
    "besu": {
        "range": (-32005, "Requested range exceeds maximum RPC range limit"),
        "batch": (-32005, "Number of requests in batch exceeds limit"),
        "size": (-32005, "Response size limit exceeded"),
        "rate": (-32005, "Limit exceeded"), "state": (-32000, "World state unavailable"),
    },
    "alchemy": {
        "range": (-32600, _RANGE_OF_ALCHEMY), "batch": (-32600, "Batch size too large, max {most} requests"),
        "size": (-32602, "Log response size exceeded."),
        "rate": (429, "Your app has exceeded its compute units per second capacity."),
        "state": (-32000, "missing trie node"),
    },
    "drpc": {
        "range": (-32000, "ranges over {most} blocks are not supported on freetier"),
        "batch": (31, "Batch of more than {most} requests are not allowed on free tier"),
        "size": (-32000, "response size exceeded"), "rate": (15, "Too many requests, please slow down"),
        "state": (-32000, "missing trie node"),
    },
    "infura": {
        "range": (-32005, "query returned more than 10000 results. Try with this block range [{first}, {last}]."),
        "batch": (-32600, "batch item count exceeded"), "size": (-32005, "query returned more than 10000 results"),
        "rate": (-32005, "daily request count exceeded, request rate limited"),
        "state": (-32000, "project ID does not have access to archive state"),
    },
}  # fmt: skip
"""Code and text of each refusal, in the words of nodes and of providers."""

AS_A_LIST = ("geth", "erigon")
"""Who refuses a batch by a list of one error, which has the number of the first request."""


class Provider:
    """One provider, whatever it is asked.

    Attributes:
        asked: requests by method, each of a batch counted.
        refusals: limits by name.
    """

    def __init__(self, upstream: str, limits: ProviderLimits) -> None:
        self._pool, self._upstream, self.limits = PoolManager(maxsize=8), upstream, limits
        self._tokens, self._filled, self._exchanges = limits.rate, monotonic(), 0
        self._lock, self._random = threading.Lock(), Random(0)
        self.asked, self.refusals = Counter[str](), Counter[str]()

    def answer(self, body: Any) -> tuple[int, Any]:
        """Status and body of the answer to a request or a batch."""
        batch = body if isinstance(body, list) else [body]
        limits = self.limits
        with self._lock:
            self.asked.update(each["method"] for each in batch)
            is_limited = self._is_limited(len(batch))
        if is_limited:
            error = self._error("rate", None)
            return (200 if limits.body else 429), error
        if limits.batch and len(batch) > limits.batch:
            listed = limits.words in AS_A_LIST
            error = self._error("batch", batch[0]["id"] if listed else None, most=limits.batch, asked=len(batch))
            return (500 if limits.words == "drpc" else 200), [error] if listed else error
        answers = self._answers(batch)
        if limits.size and len(json.dumps(answers)) > limits.size:
            if isinstance(body, list) and len(batch) > 1:
                return 200, self._error("size", None)
            answers = [self._error("size", each["id"]) for each in batch]
        return 200, answers if isinstance(body, list) else answers[0]

    def _is_limited(self, count: int) -> bool:
        """Whether the rate limit refuses so many requests now."""
        self._exchanges += 1
        if self.limits.busy and self._exchanges % self.limits.busy == 0:
            return True
        if not self.limits.rate:
            return False
        now = monotonic()
        self._tokens = min(self.limits.rate, self._tokens + (now - self._filled) * self.limits.rate)
        self._filled = now
        if count > self._tokens:
            return True
        self._tokens -= count
        return False

    def _answers(self, batch: list[JsonObject]) -> list[JsonObject]:
        knows_head = self.limits.is_behind or self.limits.receipts or self.limits.states or self.limits.range
        head = self._head() if knows_head else UNBOUNDED
        asked = [self._changed(each, head) for each in batch]
        passed = [each for each in asked if "error" not in each]
        found = {each["id"]: each for each in self._forward(passed)} if passed else {}
        return [each if "error" in each else self._seen(each, found[each["id"]], head) for each in asked]

    def _changed(self, request: JsonObject, head: int) -> JsonObject:
        """The request as it is passed on, or its error."""
        limits, method, parameters = self.limits, request["method"], list(request["params"])
        if method == "eth_getLogs":
            return self._logs(request, dict(parameters[0]), head)
        if limits.is_behind:
            parameters = [hex(head) if each == "latest" else each for each in parameters]
        if method in ("eth_call", "eth_getCode", "eth_getBalance", "eth_getTransactionCount"):
            which = parameters[-1]
            number = int(which, 16) if isinstance(which, str) and which.startswith("0x") else head
            if number > head:
                return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": "header not found"}}
            if limits.states and number < head - limits.states:
                return self._error("state", request["id"])
        return {**request, "params": parameters}

    def _logs(self, request: JsonObject, wanted: JsonObject, head: int) -> JsonObject:
        first, last = (_number(wanted.get(name, "latest"), head) for name in ("fromBlock", "toBlock"))
        if self.limits.is_behind:
            wanted["toBlock"] = hex(last)
            if max(first, last) > head:
                self.refusals["head"] += 1
                text = "block range extends beyond current head block"
                return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32602, "message": text}}
        span = self.limits.range
        if span and last - first + 1 > span:
            return self._error(
                "range", request["id"], most=span, asked=last - first + 1, first=hex(first), last=hex(first + span - 1)
            )
        return {**request, "params": [wanted]}

    def _seen(self, request: JsonObject, answer: JsonObject, head: int) -> JsonObject:
        """An answer as this provider has it."""
        limits, result = self.limits, answer.get("result")
        if request["method"] == "eth_blockNumber" and limits.is_behind:
            return {**answer, "result": hex(head)}
        if not isinstance(result, dict):
            return answer
        number = result.get("blockNumber") or result.get("number")
        is_receipt = request["method"] == "eth_getTransactionReceipt"
        if number is None or not isinstance(number, str):
            return answer
        is_ahead = limits.is_behind and int(number, 16) > head
        is_pruned = limits.receipts and is_receipt and int(number, 16) < head - limits.receipts
        return {**answer, "result": None} if is_ahead or is_pruned else answer

    def _error(self, limit: str, identity: object, **values: object) -> JsonObject:
        self.refusals[limit] += 1
        code, text = WORDS[self.limits.words][limit]
        return {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": text.format(**values)}}

    def _head(self) -> int:
        (found,) = self._forward([{"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []}])
        return max(0, int(found["result"], 16) - self.limits.lag - self._random.randint(0, self.limits.spread))

    def _forward(self, batch: list[JsonObject]) -> list[JsonObject]:
        headers = {"Content-Type": "application/json"}
        found = self._pool.request("POST", self._upstream, body=json.dumps(batch), headers=headers, timeout=60)
        answers: list[JsonObject] = json.loads(found.data)
        return answers


def _number(block: object, head: int) -> int:
    return int(block, 16) if isinstance(block, str) and block.startswith("0x") else head


@contextmanager
def provided(upstream: str, limits: ProviderLimits, port: int = 0) -> Iterator[tuple[str, Provider]]:
    """A provider's URL, and the provider, while the block runs."""
    provider = Provider(upstream, limits)

    class Handler(BaseHTTPRequestHandler):
        protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = provider.answer(asked)
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if limits.after and isinstance(said, dict) and said["id"] is None and status != 200:
                self.send_header("Retry-After", f"{limits.after:g}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return  # the client has disconnected

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("upstream", help="the node's URL")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--limits", default="", type=ProviderLimits.of)
    arguments = parser.parse_args()
    with provided(arguments.upstream, arguments.limits, arguments.port) as (url, _):
        print(url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
