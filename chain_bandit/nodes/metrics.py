"""Metrics and health of a node over HTTP (OpenMetrics), read-only: what the chain shows, and how the node keeps up.

Nothing of rewards or reports is told: of a sealed game these are secret until its keys are revealed.
"""

import json
from collections.abc import Callable
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from chain_bandit.loopback import Response
from chain_bandit.nodes.observed import Observed

STALE = 120.0
"""Seconds without a record after which a node reports that it is not ready."""

WAITING = "waiting for the opening"
AWAY = "no record for a while: the chain, the quorum or this node is away"

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Bounds of the histogram of rounds."""


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
        self._round, self._seen_at, self._is_open = 0, clock(), False
        made: dict[str, Gauge] = {}
        for key, what in (
            ("round", "the last round that is recorded"), ("peers_away", "participants without a message in it"),
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
        self.opened()
        self._round = seen.round
        for key, value in (
            ("round", seen.round), ("peers_away", seen.away), ("peers_banned", seen.banned), ("accused", seen.accused)
        ):  # fmt: skip
            self._gauges[key].labels(self._name).set(value)
        self._records.labels(self._name, seen.kind).inc()
        if seen.seconds is not None:
            self._seconds.labels(self._name).observe(seen.seconds)

    def opened(self) -> None:
        """The first round can begin."""
        self._is_open, self._seen_at = True, self._clock()

    def health(self) -> tuple[bool, dict[str, object]]:
        """Whether the node plays: the game is open, and records come; with a message on it."""
        since = self._clock() - self._seen_at
        ready = self._is_open and since < STALE
        status = "ok" if ready else AWAY if self._is_open else WAITING
        return ready, {"status": status, "round": self._round, "seconds_since_record": round(since, 3)}

    def text(self) -> bytes:
        """All of it in the text format of OpenMetrics."""
        said: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call]
        return said

    def answer(self, path: str) -> Response:
        """/metrics; /healthz, which fails where a restart may help; /readyz, which fails while the node does not play.

        A node that waits, for the opening, the chain or a quorum, is alive: one whose loop has failed ends by itself.
        """
        if path == "/metrics":
            return Response(200, CONTENT_TYPE_LATEST, self.text())
        if path in ("/healthz", "/readyz"):
            ready, said = self.health()
            code = 200 if ready or path == "/healthz" else 503
            return Response(code, "application/json", json.dumps(said).encode())
        return Response(404, "text/plain", b"/metrics, /healthz or /readyz\n")
