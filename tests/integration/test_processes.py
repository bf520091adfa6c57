"""Games of processes on Anvil: killed wherever it hurts and started again, among peers that do not keep to anything."""

import random
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.audit.findings import Weight
from chain_bandit.network.wire import MOST_BYTES
from chain_bandit.nodes import place as files
from chain_bandit.nodes.crash import VARIABLE
from chain_bandit.scenario import Scenario, load
from tests.integration.nodes_up import NAMES, Game, digests_of, game

ROOT = Path(__file__).parents[2]


def small(rounds: int = 20, **changes: Any) -> Scenario:
    return load(ROOT / "examples" / "small.toml", {"rounds": rounds, "expect": {}} | changes)


def require_whole(played: Game, killed: int) -> None:
    """The audit passes (every honest seat pulled in every approved round, and was paid), and nobody is accused."""
    manifest, report = played.end()
    assert report.verdict == "passed", report.violations
    assert [finding for finding in report.findings if finding.weight is Weight.PROOF] == []
    assert len(played.killed) == killed, played.tails()
    assert manifest["run_digest"] == report.run_digest
    for name in ("seat-0", "seat-1", "seat-2", "environment"):
        assert digests_of(played.out / name)


@pytest.mark.deep
def test_nodes_killed_at_named_places_and_then_besieged_lose_nothing(tmp_path, monkeypatch):
    """Four nodes once each, where `nodes/crash.py` says; then whoever has the key of seat 3 tries all at once."""
    crashes = {
        "seat-2": "journal synced:12", "relayer": "about to record:2", "environment": "journal synced:30",
        "comparison": "ticked:16",
    }  # fmt: skip
    monkeypatch.setenv(VARIABLE, ",".join(f"{node}/{place}" for node, place in crashes.items()))
    malicious = [{"seat": 3, "attacks": [{"name": "silent-validator"}]}]
    with game(small(28, malicious=malicious, bound_ms=300), tmp_path / "game", revive=True) as played:
        played.wait(lambda: len(played.killed) == len(crashes))
        after = max(played.rounds("seat-0")) + 1
        played.wait(lambda: played.at_round(after, "seat-2"))
        played.stop_reviving()
        played.kill("seat-3")
        stop, sent = threading.Event(), [0]
        attacker = threading.Thread(target=attack, args=(played.out, stop, sent))
        attacker.start()
        try:
            played.wait(lambda: played.at_round(28))
        finally:
            stop.set()
            attacker.join()
        assert sent[0] > 50
        log = (played.out / "seat-0" / "log").read_text()
        assert "3 is not read any more" in log or "not read any more: [3]" in log
        played.start("seat-3")
        require_whole(played, len(crashes) + 1)


def attack(out: Path, stop: threading.Event, sent: list[int]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(out / "seat-3" / files.LINK)
    chance, doors = random.Random(3), [out / name / "door" for name in NAMES if name != "seat-3"]
    frames = [
        lambda: (MOST_BYTES + 1).to_bytes(4, "big"),
        lambda: (200).to_bytes(4, "big") + chance.randbytes(200),
        lambda: (7).to_bytes(4, "big") + bytes.fromhex("95 01 00 0e 03 90 00"),
        lambda: (6).to_bytes(4, "big") + bytes.fromhex("95 01 00 0e 03 90"),
    ]
    half_open = []
    while not stop.wait(0.05):  # the whole siege is benchmarks/siege.py
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(1)
        try:
            line.connect(str(chance.choice(doors)))
            if chance.random() < 0.3:
                half_open.append(line)
                continue
            with context.wrap_socket(line) as tls:
                for _ in range(200):
                    tls.sendall(chance.choice(frames)())
                    sent[0] += 1
        except OSError:
            pass
