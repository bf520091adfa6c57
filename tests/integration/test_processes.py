"""Games of processes on Anvil: killed wherever it hurts and started again, among peers that do not keep to anything."""

import random
import socket
import ssl
import threading
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.audit.findings import Weight
from chain_bandit.network.wire import MOST_BYTES
from chain_bandit.nodes import place as files
from chain_bandit.nodes.crash import POINTS, VARIABLE
from chain_bandit.scenario import Scenario, load
from tests.integration.nodes_up import NAMES, Game, digests_of, game

ROOT = Path(__file__).parents[2]

ENVIRONMENT_ALONE = {"opened", "about to settle", "settled", "about to reveal", "revealed", "costs settled", "closed"}
RELAYER_ALONE = {"about to record", "recorded", "evidence reported"}
SEAT_ALONE = {"joined", "pulled"}
ONCE = {"started", "joined", "opened", "about to reveal", "revealed", "costs settled", "closed", "withdrawn", "settled",
        "about to settle", "evidence reported"}  # fmt: skip


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


def test_nodes_killed_at_named_places_and_then_besieged_lose_nothing(tmp_path, monkeypatch):
    """Four nodes once each, where `nodes/crash.py` says; then whoever has the key of seat 3 tries all at once."""
    crashes = {
        "seat-2": "journal synced:12", "relayer": "about to record:6", "environment": "journal synced:60",
        "comparison": "ticked:60",
    }  # fmt: skip
    monkeypatch.setenv(VARIABLE, ",".join(f"{node}/{place}" for node, place in crashes.items()))
    malicious = [{"seat": 3, "attacks": [{"name": "silent-validator"}]}]
    with game(small(36, malicious=malicious, bound_ms=500), tmp_path / "game", revive=True) as played:
        played.wait(lambda: len(played.killed) == len(crashes))
        played.wait(lambda: played.at_round(max(played.rounds("seat-0")) + 1, "seat-2"))
        played.stop_reviving()
        played.kill("seat-3")
        stop, sent = threading.Event(), [0]
        attacker = threading.Thread(target=attack, args=(played.out, stop, sent))
        attacker.start()
        try:
            played.wait(lambda: played.at_round(36))
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
    while not stop.is_set():
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
            stop.wait(0.01)


def cases() -> list[tuple[str, str, int]]:
    """Every named place × three occurrences, at each kind of node that comes by there."""
    found = []
    for point, nth in product(POINTS, (1, 2, 3)):
        if nth > 1 and point in ONCE:
            continue
        if point in ENVIRONMENT_ALONE:
            nodes = ["environment"]
        elif point in RELAYER_ALONE:
            nodes = ["relayer"]
        else:
            nodes = ["seat-1"] if point in SEAT_ALONE else ["seat-1", "environment", "relayer"]
        found += [(node, point, nth) for node in nodes]
    return found


@pytest.mark.deep
@pytest.mark.parametrize(("node", "point", "nth"), cases())
def test_a_node_killed_at_any_named_place_is_taken_up(tmp_path, monkeypatch, node, point, nth):
    monkeypatch.setenv(VARIABLE, f"{node}/{point}:{nth}")
    with game(small(20, malicious=[], bound_ms=300), tmp_path / "game", revive=True) as played:
        _, report = played.end()
        assert report.verdict == "passed", report.violations
        assert [finding for finding in report.findings if finding.weight is Weight.PROOF] == []
        assert len(played.killed) <= 1  # not every node comes by everywhere


@pytest.mark.deep
def test_two_hundred_kills_at_random_lose_nothing(tmp_path):
    chance = random.Random(7)
    with game(small(1000, malicious=[], bound_ms=300), tmp_path / "game", revive=True) as played:
        played.wait(lambda: played.at_round(13))
        for count in range(200):
            name = chance.choice(NAMES)
            played.wait(lambda name=name: is_running(played, name))
            played.kill(name)
            played.wait(lambda count=count: len(played.killed) > count)
            threading.Event().wait(chance.uniform(0, 3))
        require_whole(played, 200)


def is_running(played: Game, name: str) -> bool:
    from chain_bandit.nodes.up import states

    return next(state for state in states(played.out) if state.name == name).pid is not None
