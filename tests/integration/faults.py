"""Faults of a node, or of a proxy before it: each a script for the proxy."""

import random
from collections.abc import Callable
from typing import Any

from tests.integration.live import Batch, Fault, Handler, pause, sends

SLOW = 0.4
"""Seconds; longer than the tests' time limit for one exchange."""


def error(request: dict[str, Any], text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": text}}


def instead(handler: Handler, batch: Batch, change: Callable[[dict[str, Any], Any], Any]) -> bool:
    """Forward, then answer what `change` makes of each (request, result)."""
    requests = {request["id"]: request for request in batch}
    answers = handler.forward(batch)
    handler.reply([
        answer if "error" in answer else change(requests[answer["id"]], answer["result"]) or answer
        for answer in answers
    ])  # fmt: skip
    return True


def accepts_then_503(handler: Handler, batch: Batch) -> bool:
    handler.forward(batch)
    handler.reply(b"Service Unavailable", 503, "text/plain")
    return True


def rate_limit(handler: Handler, batch: Batch) -> bool:
    handler.reply(b"Too Many Requests", 429, "text/plain")
    return True


def accepts_then_hangs_up(handler: Handler, batch: Batch) -> bool:
    handler.forward(batch)
    handler.hang_up()
    return True


def hangs_up(handler: Handler, batch: Batch) -> bool:
    handler.hang_up()
    return True


def html(handler: Handler, batch: Batch) -> bool:
    handler.reply(b"<html><body>We will be back soon</body></html>", 200, "text/html")
    return True


def half_an_answer(handler: Handler, batch: Batch) -> bool:
    handler.reply(handler.forward(batch)[::2])
    return True


def accepts_then_times_out(handler: Handler, batch: Batch) -> bool:
    handler.forward(batch)
    pause(SLOW)
    handler.hang_up()
    return True


def one_error(handler: Handler, batch: Batch) -> bool:
    handler.reply([error(request, "internal error") for request in batch])
    return True


def already_known(handler: Handler, batch: Batch) -> bool:
    known = {request["id"] for request in sends(batch)}
    return instead(handler, batch, lambda r, _: error(r, "already known") if r["id"] in known else None)


def nonce_too_low(handler: Handler, batch: Batch) -> bool:
    known = {request["id"] for request in sends(batch)}
    return instead(handler, batch, lambda r, _: error(r, "nonce too low") if r["id"] in known else None)


def refuses(handler: Handler, batch: Batch) -> bool:
    """Transactions do not reach the node."""
    rest = [request for request in batch if request["method"] != "eth_sendRawTransaction"]
    refused = [error(request, "txpool is full") for request in sends(batch)]
    handler.reply(refused + (handler.forward(rest) if rest else []))
    return True


def null_receipts(handler: Handler, batch: Batch) -> bool:
    method = "eth_getTransactionReceipt"
    return instead(handler, batch, lambda r, _: {**r, "result": None} if r["method"] == method else None)


GARBAGE: tuple[Any, ...] = (None, {}, [], "", "0x", "0xzz", "garbage", 7.5, -1, [None], {"number": None}, [[]], True)


def garbled(handler: Handler, batch: Batch) -> bool:
    """Well-formed answers that no node should give."""
    whole = sum(request["id"] for request in batch)
    return instead(handler, batch, lambda r, _: {**r, "result": GARBAGE[(whole + r["id"]) % len(GARBAGE)]})


LOGS: tuple[Any, ...] = (
    {}, "0x", 7, [7], [{}], [{"topics": 7, "data": "0x"}], [{"topics": ["0xzz"], "data": "0x"}],
    [{"topics": [], "data": 7}],
)  # fmt: skip


def garbled_logs(handler: Handler, batch: Batch) -> bool:
    """Receipts whose events are none."""
    whole = sum(request["id"] for request in batch)

    def change(request: dict[str, Any], result: Any) -> Any:
        if not isinstance(result, dict) or "logs" not in result:
            return None
        return {**request, "result": {**result, "logs": LOGS[(whole + request["id"]) % len(LOGS)]}}

    return instead(handler, batch, change)


def wrong_chain_id(handler: Handler, batch: Batch) -> bool:
    """A lost answer, and then somebody else's node."""
    if any(request["method"] == "eth_chainId" for request in batch):
        return instead(handler, batch, lambda r, _: {**r, "result": "0x1"} if r["method"] == "eth_chainId" else None)
    return hangs_up(handler, batch)


def stale_head(handler: Handler, batch: Batch) -> bool:
    """A node some blocks behind: it knows neither the last blocks nor what is in them."""
    (answer,) = handler.forward([{"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []}])
    last = max(int(answer["result"], 16) - 3, 0)

    def old(request: dict[str, Any]) -> dict[str, Any]:
        return {**request, "params": [hex(last) if each == "latest" else each for each in request["params"]]}

    def known(request: dict[str, Any], result: Any) -> Any:
        if request["method"] == "eth_blockNumber":
            return {**request, "result": hex(last)}
        number = result.get("blockNumber") or result.get("number") if isinstance(result, dict) else None
        return {**request, "result": None} if number is not None and int(number, 16) > last else None

    return instead(handler, [old(request) for request in batch], known)


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        accepts_then_503, rate_limit, accepts_then_hangs_up, hangs_up, html, half_an_answer, accepts_then_times_out,
        one_error, garbled, already_known, nonce_too_low, refuses, null_receipts, wrong_chain_id, stale_head,
        garbled_logs,
    )
}  # fmt: skip


class Sometimes:
    """One of some faults in every `period` exchanges or so, a few in a row; the first `spare` go through."""

    def __init__(self, names: list[str], seed: object, period: int = 3, spare: int = 0) -> None:
        self._names, self._rng, self._period, self._spare = names, random.Random(str(seed)), period, spare
        self._row: list[str] = []
        self.happened = 0

    def stop(self) -> None:
        """No more faults."""
        self._spare, self._row = 10**9, []

    def __call__(self, handler: Handler, batch: Batch) -> bool:
        if self._spare:
            self._spare -= 1
            return False
        if self._row:
            self.happened += 1
            return FAULTS[self._row.pop()](handler, batch)
        if self._rng.randrange(self._period) == 0:
            self._row = [self._rng.choice(self._names)] * self._rng.randint(1, 3)
        return False
