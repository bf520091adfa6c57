"""A service for examples/ab_test.toml: four web pages whose conversion drifts, as a seeded simulation of visitors.

Every pull shows a page to one visitor, and answers 1 if the visitor buys, else 0. An `Idempotency-Key` that was seen
before gets the same answer again and shows the page to nobody. A journal on disk makes that hold over restarts.

    python examples/ab_service.py --port 8808 --journal visits.jsonl
"""

import argparse
import json
import math
import random
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

PAGES = ("control", "short form", "video", "reviews")
START = (0.30, 0.45, 0.35, 0.55)
"""Share of visitors that buy, about which it drifts."""

DRIFT, PERIOD = 0.10, 200
"""How far a share moves up and down, and over how many rounds."""


def conversion(page: int, round_: int) -> float:
    """The share of visitors that buy on a page in a round."""
    return START[page] + DRIFT * math.sin(2 * math.pi * (round_ / PERIOD + page / len(PAGES)))


class Visits:
    """The visits so far, by key; each is on disk before it is answered."""

    def __init__(self, journal: Path, seed: int) -> None:
        self._seed, self._lock, self._seen = seed, Lock(), dict[str, float]()
        self._file = journal.open("a+b")
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):  # it was never answered
                break
            key, reward = json.loads(line)
            self._seen[key] = reward
            whole += len(line)
        self._file.truncate(whole)

    def reward(self, key: str, round_: int, page: int) -> float:
        """Whether the visitor buys: 1 or 0, the same again for a key that was seen."""
        with self._lock:
            if key not in self._seen:
                chance = random.Random(f"{self._seed} {key} {page}").random()
                self._seen[key] = float(chance < conversion(page, round_))
                self._file.write(json.dumps([key, self._seen[key]]).encode() + b"\n")
                self._file.flush()
            return self._seen[key]


MOST_BYTES = 1 << 16
"""Of the body of a request."""


def whole(value: object, below: int) -> bool:
    """Whether a value of JSON is a whole number from 0 to below a bound."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < below


class Refused(ValueError):
    """A request that is none for a pull; its text says what was expected."""


def length_of(said: str | None) -> int:
    """Bytes of a body by its Content-Length. Raises `Refused`."""
    if said is None or not (said.isascii() and said.isdigit() and len(said) <= 9 and int(said) <= MOST_BYTES):
        raise Refused(f"expected a Content-Length from 0 to {MOST_BYTES}")
    return int(said)


def pull_of(body: bytes) -> dict[str, Any]:
    """The pull that a body asks for. Raises `Refused`."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("expected a body of JSON") from None
    if not isinstance(asked, dict) or not whole(asked.get("round"), 1 << 64):
        raise Refused("expected an object with a round, a whole number from 0")
    if not whole(asked.get("arm"), len(PAGES)):
        raise Refused(f"expected an arm, a whole number from 0 to {len(PAGES) - 1}")
    return asked


class Server(ThreadingHTTPServer):
    """Does not report a client that disconnected before its answer."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what is no such thing."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def handler(visits: Visits, answer: Callable[[dict[str, object], float], bytes]) -> type[BaseHTTPRequestHandler]:
    """What answers requests; `answer` makes the body of the answer from a request and its reward."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version, timeout = "HTTP/1.1", 30

        def do_POST(self) -> None:
            key = self.headers["Idempotency-Key"]
            try:
                length = length_of(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    raise Refused("expected as many bytes as Content-Length says")
                asked = pull_of(body)
                if not key:
                    raise Refused("expected an Idempotency-Key")
            except Refused as refused:
                self.send_error(400, str(refused))
                return
            body = answer(asked, visits.reward(key, asked["round"], asked["arm"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.send_error(405, "expected POST")

        do_HEAD = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def honest(asked: dict[str, object], reward: float) -> bytes:
    """The answer to a pull."""
    return json.dumps({"reward": reward}).encode()


def main() -> None:
    """Serve until the process is ended."""
    options = argparse.ArgumentParser(description="Four web pages whose conversion drifts, as rewards over HTTP.")
    options.add_argument("--port", type=int, default=8808)
    options.add_argument("--journal", type=Path, default=Path("visits.jsonl"))
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    server = Server(("127.0.0.1", given.port), handler(Visits(given.journal, given.seed), honest))
    print(f"four pages at http://127.0.0.1:{server.server_port}/pull", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
