"""Metrics and health of a node over HTTP (OpenMetrics), read-only: what the chain shows, and how the node keeps up.

Nothing of rewards or reports is told: of a sealed game these are secret until its keys are revealed.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from chain_bandit.nodes.observed import Observed
from chain_bandit.protocol.errors import ChainBanditError

STALE = 120.0
"""Seconds without a record after which a node says that it is not healthy."""

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Bounds of the histogram of rounds."""


class MetricsRefused(ChainBanditError):
    """An address where metrics cannot be served."""

    exit_code = 2

    def __init__(self, address: str, reason: object) -> None:
        super().__init__(f"--metrics {address}: {reason}; name HOST:PORT, such as 127.0.0.1:9100")
        self.address, self.reason = address, reason


class Metrics:
    """Counts of one node since it was started; those of records are of the whole game, which it follows from round 1.

    Args:
        name: the node's.
        gas: by method what this process's own transactions have used.
        journal_bytes: how long its sign-once journal is.
    """

    def __init__(
        self, name: str, gas: Callable[[], dict[str, list[int]]], journal_bytes: Callable[[], int],
        clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self.registry, self._clock = CollectorRegistry(), clock
        self._round, self._seen_at = 0, clock()
        made: dict[str, Gauge] = {}
        for key, what in (
            ("round", "the last round that is recorded"), ("peers_away", "participants that were not heard in it"),
            ("peers_banned", "peers that are not read any more"), ("accused", "participants on the block list"),
        ):  # fmt: skip
            made[key] = Gauge(f"chain_bandit_{key}", what, ("node",), registry=self.registry)
        self._gauges, self._name = made, name
        kinds = ("node", "kind")
        self._records = Counter("chain_bandit_records", "records of the chain", kinds, registry=self.registry)
        self._seconds = Histogram(
            "chain_bandit_round_seconds", "from the begin of a round here to its record", ("node",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        used = Gauge("chain_bandit_gas_used", "gas of this process's transactions", ("node",), registry=self.registry)
        used.labels(name).set_function(lambda: sum(map(sum, gas().values())))
        bytes_ = "length of the sign-once journal"
        length = Gauge("chain_bandit_journal_bytes", bytes_, ("node",), registry=self.registry)
        length.labels(name).set_function(journal_bytes)

    def take(self, seen: Observed) -> None:
        """A round is over."""
        self._round, self._seen_at = seen.round, self._clock()
        for key, value in (
            ("round", seen.round), ("peers_away", seen.away), ("peers_banned", seen.banned), ("accused", seen.accused)
        ):  # fmt: skip
            self._gauges[key].labels(self._name).set(value)
        self._records.labels(self._name, seen.kind).inc()
        if seen.seconds is not None:
            self._seconds.labels(self._name).observe(seen.seconds)

    def health(self) -> tuple[bool, dict[str, object]]:
        """Whether records come, and what is said of that."""
        since = self._clock() - self._seen_at
        healthy = since < STALE
        status = "ok" if healthy else "no record for a while: the chain, the quorum or this node is away"
        return healthy, {"status": status, "round": self._round, "seconds_since_record": round(since, 3)}

    def text(self) -> bytes:
        """All of it in the text format of OpenMetrics."""
        said: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call]
        return said


@contextmanager
def served(metrics: Metrics, address: str) -> Iterator[int]:
    """Serve /metrics and /healthz at HOST:PORT while the block runs; gives the port.

    Requests are for GET alone, by the address that is served or by localhost, and not from a page of another origin.

    Raises `MetricsRefused`.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port[:6]) >= 1 << 16:
        raise MetricsRefused(address, "is no address")
    allowed = {host.strip("[]"), "localhost"} | ({"127.0.0.1", "::1"} if _is_loopback(host) else set())

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            asked = self.headers.get("Host", "").rpartition(":")[0].strip("[]") or self.headers.get("Host", "")
            if asked not in allowed or "Origin" in self.headers:
                self._say(403, "text/plain", b"this address is for those who can reach it by its own name\n")
            elif self.path == "/metrics":
                self._say(200, CONTENT_TYPE_LATEST, metrics.text())
            elif self.path == "/healthz":
                healthy, said = metrics.health()
                self._say(200 if healthy else 503, "application/json", json.dumps(said).encode())
            else:
                self._say(404, "text/plain", b"/metrics or /healthz\n")

        def _say(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """A scrape is no news."""

    try:
        server = ThreadingHTTPServer((host.strip("[]"), int(port)), Handler)
    except OSError as error:
        raise MetricsRefused(address, error.strerror or error) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
