"""nodes/metrics.py: counters, accepted requests, and when a node is not healthy."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from chain_bandit.loopback import AddressRefused, Response, served
from chain_bandit.nodes.metrics import STALE, Metrics
from chain_bandit.nodes.observed import Observed


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def counted() -> Iterator[tuple[Metrics, int, Time]]:
    time = Time()
    metrics = Metrics("seat-0", lambda: {"join": [100, 20], "withdraw": [3]}, lambda: 42, time)
    with served("127.0.0.1:0", metrics.answer) as port:
        yield metrics, port, time


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, str]:
    line = HTTPConnection("127.0.0.1", port, timeout=5)
    line.request(method, path, headers=headers)
    answer = line.getresponse()
    return answer.status, answer.read(), answer.getheader("Content-Type", "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_another_method_than_get_is_not_allowed(counted: tuple[Metrics, int, Time], method: str) -> None:
    _, port, _ = counted
    code, body, _ = ask(port, "/metrics", method)
    assert code == 405
    assert b"chain_bandit" not in body


def test_a_second_host_is_refused(counted: tuple[Metrics, int, Time]) -> None:
    _, port, _ = counted
    line = HTTPConnection("127.0.0.1", port, timeout=5)
    line.putrequest("GET", "/metrics")
    line.putheader("Host", "foreign.example")
    line.endheaders()
    assert line.getresponse().status == 403


def numbers(text: bytes) -> dict[tuple[str, str], float]:
    """Samples by name and kind, as a scraper of OpenMetrics reads them."""
    return {
        (sample.name, sample.labels.get("kind", "")): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_what_a_scrape_reads_is_what_was_observed(counted: tuple[Metrics, int, Time]) -> None:
    metrics, port, _ = counted
    for seen in (
        Observed(11, "approved", None, 0, 0, 0), Observed(12, "approved", 0.3, 1, 0, 0),
        Observed(13, "skipped", 7.0, 1, 1, 2),
    ):  # fmt: skip
        metrics.take(seen)
    code, text, kind = ask(port, "/metrics")
    assert code == 200
    assert kind.startswith("application/openmetrics-text")
    found = numbers(text)
    assert found["chain_bandit_round", ""] == 13
    assert found["chain_bandit_records_total", "approved"] == 2
    assert found["chain_bandit_records_total", "skipped"] == 1
    assert found["chain_bandit_peers_away", ""] == 1
    assert found["chain_bandit_peers_banned", ""] == 1
    assert found["chain_bandit_accused", ""] == 2
    assert found["chain_bandit_round_seconds_count", ""] == 2, "a round that was over before counts no time"
    assert found["chain_bandit_round_seconds_sum", ""] == pytest.approx(7.3)
    assert found["chain_bandit_gas_used", ""] == 123
    assert found["chain_bandit_journal_bytes", ""] == 42


def test_a_node_is_ready_while_records_come_and_alive_while_it_waits(counted: tuple[Metrics, int, Time]) -> None:
    metrics, port, time = counted

    def health() -> tuple[int, int, str]:
        code, said, _ = ask(port, "/readyz")
        alive, same, _ = ask(port, "/healthz")
        assert said == same
        return alive, code, json.loads(said)["status"]

    time.now += STALE + 10
    assert health() == (200, 503, "waiting for the opening"), "however long that takes"
    metrics.opened()
    assert health() == (200, 200, "ok")
    metrics.take(Observed(5, "approved", 1.0, 0, 0, 0))
    time.now += STALE - 1
    assert health() == (200, 200, "ok")
    time.now += 2
    assert health()[:2] == (200, 503), "no restart of this node brings back a quorum"
    assert "quorum" in health()[2]
    metrics.take(Observed(6, "approved", 1.0, 0, 0, 0))
    assert health() == (200, 200, "ok")


def test_other_origins_hosts_methods_and_paths_are_refused(counted: tuple[Metrics, int, Time]) -> None:
    _, port, _ = counted
    assert ask(port, "/metrics", Host=f"localhost:{port}")[0] == 200
    assert ask(port, "/metrics", Host="evil.example")[0] == 403
    assert ask(port, "/metrics", Host=f"evil.example:{port}")[0] == 403
    assert ask(port, "/metrics", Origin="http://evil.example")[0] == 403
    assert ask(port, "/secrets")[0] == 404


@pytest.mark.parametrize("address", ["nonsense", ":80", "127.0.0.1:x", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused_by_name(address: str) -> None:
    with pytest.raises(AddressRefused, match="HOST:PORT"), served(address, Metrics("n", dict, int).answer):
        pass


def test_an_address_that_is_taken_is_refused(counted: tuple[Metrics, int, Time]) -> None:
    metrics, port, _ = counted
    with pytest.raises(AddressRefused, match="in use"), served(f"127.0.0.1:{port}", metrics.answer):
        pass


def test_who_goes_before_the_answer_is_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    asked, gone = threading.Event(), threading.Event()

    def answer(path: str) -> Response:
        asked.set()
        assert gone.wait(10)
        return Response(200, "text/plain", b"")

    with served("127.0.0.1:0", answer) as port:
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it is reset when it is closed
        line.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert asked.wait(10)
        line.close()
        before = threading.active_count()
        gone.set()
        for _ in range(1000):
            if threading.active_count() < before:
                break
            threading.Event().wait(0.01)
    assert capsys.readouterr().err == ""


def test_a_page_is_served_at_an_address_of_ipv6() -> None:
    with served("[::1]:0", lambda path: Response(200, "text/plain", b"here")) as port:
        line = HTTPConnection("::1", port, timeout=5)
        line.request("GET", "/", headers={"Host": f"[::1]:{port}"})
        assert line.getresponse().read() == b"here"
