"""Games of processes on Anvil: killed wherever it hurts and started again, among peers that do not keep to anything."""

import random
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.audit.findings import Weight
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.node import account
from chain_bandit.network.wire import MOST_BYTES
from chain_bandit.nodes import place as files
from chain_bandit.nodes.crash import VARIABLE
from chain_bandit.nodes.place import read_game
from chain_bandit.scenario import Scenario, load
from chain_bandit.stopwatch import Stopwatch
from tests.integration.nodes import descendants, processes, wait_for
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


def test_nodes_killed_at_named_places_and_then_besieged_lose_nothing(tmp_path, monkeypatch):
    """Four nodes once each, where `nodes/crash.py` says; then whoever has the key of seat 3 tries all at once.

    Rounds pass while nodes come back, one a second, and a busy machine takes long over that. So the relayer is killed
    again, without which no round ends, until all are back and have refused the attacker.
    """
    crashes = {
        "seat-2": "journal synced:12", "relayer": "about to record:2", "environment": "receipt appended:34",
        "comparison": "ticked:3",
    }  # fmt: skip
    monkeypatch.setenv(VARIABLE, ",".join(f"{node}/{place}" for node, place in crashes.items()))
    malicious = [{"seat": 3, "attacks": [{"name": "silent-validator"}]}]
    with game(small(20, malicious=malicious, bound_ms=300), tmp_path / "game", revive=True) as played:
        played.wait(lambda: len(played.killed) == len(crashes))
        played.stop_reviving()
        for name in ("relayer", "seat-3"):
            played.kill(name)
        besieged = [name for name in NAMES if name not in ("relayer", "seat-3")]
        played.wait(lambda: all(map(played.is_back, crashes.keys() & besieged)))
        assert not any(played.at_round(20, name) for name in besieged)
        with siege(played.out, besieged) as refused:
            played.wait(lambda: refused == set(besieged))
            played.start("relayer")
            played.wait(lambda: all(played.at_round(20, name) for name in besieged))
        for name in besieged:
            assert re.search(r"^round 20 .*not read any more: \[3\]$", played.log(name), re.MULTILINE)
        played.start("seat-3")
        require_whole(played, len(crashes) + 2)


def test_nobody_is_paid_for_a_certified_block_that_the_chain_never_gets(tmp_path, monkeypatch):
    """Anybody may skip a round whose deadline is over, while its certificate is on its way."""
    monkeypatch.setenv(VARIABLE, "relayer/about to record:3")
    with game(small(14, bound_ms=5000), tmp_path / "game") as played:
        played.wait(lambda: played.killed == ["relayer"])
        skipped = skip_open_round(played.out)
        played.start("relayer")
        _, report = played.end()
    kinds = {row.round: row.kind for row in report.rounds}
    assert kinds[skipped] == "skip"
    assert "approved" in kinds.values()
    assert report.verdict == "passed", report.violations


def test_an_environment_killed_when_it_settles_and_when_it_has_closed_knows_all_that_it_gave(tmp_path, monkeypatch):
    """What it settles is on its disk before, though no receipt has left; and it reads every round of a closed game."""
    monkeypatch.setenv(VARIABLE, "environment/settled:1")
    scenario = small(14, bound_ms=5000, malicious=[], liars=0, chain={"settle_every": 4})
    with game(scenario, tmp_path / "game") as played:
        played.wait(lambda: played.killed == ["environment"])
        played.start("environment", "closed:1")
        played.wait(lambda: played.started["environment"].poll() is not None)
        played.start("environment")
        require_whole(played, 1)


def skip_open_round(out: Path) -> int:
    """As anybody may, here an account that has nothing else to do with the game."""
    at = read_game(out / files.GAME)
    node, anybody = HttpNode(at.url), account(bytes(31) + b"\x07")
    node.grant({bytes.fromhex(anybody.address[2:]): 10**18})
    contract = Coordinator.at(node.line, bytes.fromhex(at.contract[2:]), Stopwatch())
    skipped = contract.next_round()
    node.mine(contract.parameters().skip_deadline)
    contract.skip_after_deadline(anybody, 0)
    contract.settle()
    return skipped


def test_commanders_by_trust_and_sealed_reports_come_to_the_same_as_in_one_process(tmp_path, play):
    scenario = small(12, burn_in=6, commanders="trust", sealed=True, malicious=[], liars=0, bound_ms=20000)
    with game(scenario, tmp_path / "game") as played:
        manifest, report = played.end()
    assert report.verdict == "passed", report.violations
    alone, _ = play(scenario)
    assert manifest["run_digest"] == report.run_digest == "0x" + alone.run_digest.hex()


def test_no_process_is_left_of_a_game_whose_test_fails(tmp_path):
    """Neither a node that was split off, nor one that was started again, nor the chain."""
    before, of_game = descendants(), set[int]()

    def fail() -> None:
        with game(small(200), tmp_path / "game", revive=True) as played:
            played.wait(lambda: all(map(played.is_up, NAMES)))
            played.kill("seat-1")
            of_game.update(descendants() - before)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(of_game) > len(NAMES)
    wait_for(lambda: not of_game & processes().keys(), 10)  # all were killed, and a kill takes its time
    assert descendants() <= before


@contextmanager
def siege(out: Path, names: list[str]) -> Iterator[set[str]]:
    """With the key of seat 3 at every door by turns, as long as the block runs; who does not let it in any more."""
    refused, stop = set[str](), threading.Event()
    attacker = threading.Thread(target=attack, args=(out, names, stop, refused))
    attacker.start()
    try:
        yield refused
    finally:
        stop.set()
        attacker.join()


def attack(out: Path, names: list[str], stop: threading.Event, refused: set[str]) -> None:
    """Half-open links and noise. A node never writes on a link that another one dialled, nor ends one but of a banned
    peer, or for a newer one, which is not made here before."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(out / "seat-3" / files.LINK)
    chance, turns = random.Random(3), cycle(names)
    frames = [
        lambda: (MOST_BYTES + 1).to_bytes(4, "big"),
        lambda: (200).to_bytes(4, "big") + chance.randbytes(200),
        lambda: (7).to_bytes(4, "big") + bytes.fromhex("95 01 00 0e 03 90 00"),
        lambda: (6).to_bytes(4, "big") + bytes.fromhex("95 01 00 0e 03 90"),
    ]
    half_open = []
    while not stop.wait(0.05):  # the whole siege is benchmarks/siege.py
        name = next(turns)
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(1)
        try:
            line.connect(str(out / name / "door"))
            if chance.random() < 0.3:
                half_open.append(line)
                continue
            tls = context.wrap_socket(line)
        except OSError:
            line.close()
            continue  # too busy to say who it is
        with tls:
            try:
                for _ in range(200):
                    tls.sendall(chance.choice(frames)())
                is_cut = tls.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                is_cut = True
            if is_cut:
                refused.add(name)
