"""Games of processes on Anvil: killed wherever it hurts and started again, among peers that do not keep to anything."""

import json
import random
import re
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from chain_bandit import runs
from chain_bandit.auditor.findings import Weight
from chain_bandit.audits import audit_file, audit_folder
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.node import account
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.game.folder import read_manifest, read_rounds
from chain_bandit.game.plan import Plan
from chain_bandit.game.without_messages import simulated
from chain_bandit.network.wire import MOST_BYTES, MOST_SAID, Envelope, EnvelopeKind, encode, most_bytes
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.crash import VARIABLE
from chain_bandit.nodes.node_files import read_game
from chain_bandit.protocol.blocks import Report, SignedReport, genesis_digest
from chain_bandit.protocol.messages import Phase, commitment, commitment_salt
from chain_bandit.protocol.parameters import FIELDS
from chain_bandit.protocol.run_digest import START, extend
from chain_bandit.protocol.settlement import NOTHING, Pull
from chain_bandit.protocol.units import sample_means
from chain_bandit.scenario import Scenario, load
from chain_bandit.simulation.outcomes import Outcome, SampleMeans
from chain_bandit.stopwatch import Stopwatch
from tests.integration.nodes import SMALL, chain_bandit, descendants, processes, wait_for
from tests.integration.nodes_up import NAMES, Game, digests_of, game

ROOT = Path(__file__).parents[2]


def small(rounds: int = 20, **changes: Any) -> Scenario:
    return load(SMALL, {"rounds": rounds, "expect": {}} | changes)


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
    """Four nodes once each, where `nodes/crash.py` says; then an attacker with the key of seat 3 tries all at once.

    Rounds pass while nodes come back, one a second, and a busy machine takes long over that. So the relayer is killed
    again, without which no round ends, until all have resynced and refused the attacker.
    """
    crashes = {
        "seat-2": "journal synced:12", "relayer": "about to record:2", "environment": "receipt appended:34",
        "comparison": "ticked:3",
    }  # fmt: skip
    monkeypatch.setenv(VARIABLE, ",".join(f"{node}/{place}" for node, place in crashes.items()))
    malicious = [{"seat": 3, "attacks": [{"name": "silent-validator"}]}]
    scenario = small(20, malicious=malicious, bound_ms=300)
    with game(scenario, tmp_path / "game", revive=True) as played:
        played.wait(lambda: len(played.killed) == len(crashes))
        played.stop_reviving()
        for name in ("relayer", "seat-3"):
            played.kill(name)
        besieged = [name for name in NAMES if name not in ("relayer", "seat-3")]
        played.wait(lambda: all(map(played.is_back, crashes.keys() & besieged)))
        assert not any(played.at_round(20, name) for name in besieged)
        say_as_much_as_a_seat_may_and_then_more(played, scenario)
        with siege(played.out, besieged) as refused:
            played.wait(lambda: refused == set(besieged))
            played.start("relayer")
            played.wait(lambda: all(played.at_round(20, name) for name in besieged))
        for name in besieged:
            assert re.search(r"^round 20 .*not read any more: \[3\]$", played.log(name), re.MULTILINE)
        played.start("seat-3")
        require_whole(played, len(crashes) + 2)


def test_two_of_four_who_were_away_are_waited_for_in_the_next_round_that_is_agreed_on(tmp_path, monkeypatch):
    """Though nobody sends in the exploration round between, before which they announced their restart."""
    monkeypatch.setenv(VARIABLE, "seat-0/round begun:6,seat-1/round begun:6")
    scenario = small(14, bound_ms=1000, failure_limit=1, malicious=[], liars=0)
    with game(scenario, tmp_path / "game", revive=True) as played:
        _, report = played.end()
        logs = [played.log(name) for name in ("seat-0", "seat-1")]
        back = [re.search(r"^resynced in round (\d+)$", log, re.MULTILINE) for log in logs]
    since = max(int(found[1]) for found in back if found)
    kinds = {row.round: row.kind for row in report.rounds}
    assert kinds[since + 1] == "exploration"
    assert kinds[since + 2] in ("approved", "rejected"), kinds


@pytest.mark.parametrize(("away", "wait"), [
    (20, 100_000), pytest.param(60, 60, marks=pytest.mark.deep), (40, 20)  # of the second either may come first
])  # fmt: skip
def test_a_seat_that_is_away_for_a_while_comes_back_and_what_it_forfeited_is_in_the_tables(tmp_path, away, wait):
    """Away for so many Δ by the rounds that went by; a seat that resyncs before the wait is over misses no reward."""
    scenario = small(max(45, away + 25), bound_ms=50, pull_wait=wait, malicious=[], liars=0)
    with game(scenario, tmp_path / "game") as played:
        played.wait(lambda: played.at_round(8))
        played.kill("seat-2")
        before = len(played.rounds("seat-0"))
        played.wait(lambda: sum(durations(played.log("seat-0"))[before:]) > away * scenario.bound_ms / 1000)
        with played.held():
            played.start("seat-2")
            played.wait(lambda: played.is_back("seat-2"))
        manifest, report = played.end()
    assert report.verdict == "passed", report.violations
    assert {finding.seat for finding in report.findings if finding.weight is Weight.PROOF} == set()
    paid = [row for row in report.rounds if row.rewards is not None]
    lost = [row.round for row in paid if row.rewards[2] is None]
    (count,) = [found.count for found in report.findings if (found.kind, found.seat) == ("forfeited", 2)] or [0]
    assert count == len(lost)
    assert (not lost) if wait > away else (lost or away < 2 * wait)
    table = read_rounds(tmp_path / "game")
    assert [t for t, seats in zip(table["round"], table["forfeited"], strict=True) if "2" in seats.split(",")] == lost
    shown = chain_bandit("show", tmp_path / "game")
    assert (shown.returncode, f"forfeited {len(lost)}\N{MULTIPLICATION SIGN}" in shown.stdout) == (0, bool(lost))
    assert audit_file(tmp_path / "game" / "history.jsonl.gz", paranoid=True).verdict == "passed"
    assert manifest["approved"] > len(lost)


def test_a_seat_that_was_away_in_a_game_with_proofs_reports_and_earns_again(tmp_path):
    """Its last receipt is older than a report may be: it is first given one without a reward.

    It earns nothing in a round in which its messages take longer than Δ, as on a busy machine with 50 ms.
    """
    scenario = small(45, bound_ms=200, pull_wait=5, malicious=[], liars=0, slash=0.25)
    with game(scenario, tmp_path / "game") as played:
        played.wait(lambda: played.at_round(8))
        played.kill("seat-2")
        played.wait(lambda: played.at_round(30, "seat-0"))
        with played.held():
            missed = played.rounds("seat-0")[-1]
            played.start("seat-2")
            played.wait(lambda: played.is_back("seat-2"))
        _, report = played.end()
    assert report.verdict == "passed", report.violations
    silent = [row.round for row in report.rounds if row.kind == "approved" and 2 not in row.reporters]
    paid = [(row.round, row.rewards[2] is not None) for row in report.rounds if row.rewards is not None]
    assert set(silent) <= {round_ for round_, earns in paid if not earns}
    assert len(silent) > 10
    assert any(earns for round_, earns in paid if round_ > missed)
    assert audit_file(tmp_path / "game" / "history.jsonl.gz", paranoid=True).verdict == "passed"


def durations(log: str) -> list[float]:
    """Seconds of the rounds that a node has said the end of."""
    return [float(each) for each in re.findall(r"^round .* after ([\d.]+) s", log, re.MULTILINE)]


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


@pytest.mark.parametrize(
    ("crash", "sealed", "last", "verdict"),
    [("round closed:3", True, 0, "passed"), ("round closed:8", False, 8, "passed"),
     ("about to reveal:1", False, 12, "incomplete")],
    ids=["before any record", "in the game", "after it"],
)  # fmt: skip
def test_an_environment_that_comes_back_too_late_ends_the_game_and_the_audit_finds_no_fault(
    tmp_path, monkeypatch, crash, sealed, last, verdict
):
    """After the game's last block no more is recorded; after the window for settlement nothing is revealed."""
    monkeypatch.setenv(VARIABLE, f"environment/{crash}")
    chain = {"skip_deadline": 10, "settlement_window": 100 if last == 12 else 5000}
    scenario = small(12, burn_in=6, sealed=sealed, bound_ms=500, malicious=[], liars=0, chain=chain)
    with game(scenario, tmp_path / "game") as played:
        played.wait(lambda: played.killed == ["environment"])
        blocks = 100 if last == 12 else scenario.parameters.game_blocks
        HttpNode(read_game(played.out / files.GAME).url).mine(blocks + 2)
        played.start("environment")
        manifest, report = played.end()
    assert (report.verdict, report.violations) == (verdict, [])
    assert audit_file(played.out / "history.jsonl.gz", paranoid=True).verdict == verdict
    assert manifest["run_digest"] == report.run_digest
    assert max((row.round for row in report.rounds), default=0) == last
    ended = [name for name in NAMES if "the game ended before round" in played.log(name)]
    assert sorted(ended) == (sorted(NAMES) if last < 12 else [])


def skip_open_round(out: Path) -> int:
    """As anybody may, here an account that has nothing else to do with the game."""
    at = read_game(out / files.GAME)
    node, anybody = HttpNode(at.url), account(bytes(31) + b"\x07")
    node.grant({bytes.fromhex(anybody.address[2:]): 10**18})
    contract = Coordinator.at(node.line, bytes.fromhex(at.contract[2:]), Stopwatch())
    skipped = contract.next_round()
    node.mine(dict(zip(FIELDS, contract.fields(), strict=True))["skip_deadline"])
    contract.skip_after_deadline(anybody, 0)
    contract.settle()
    return skipped


def test_commanders_by_trust_and_sealed_reports_come_to_the_same_as_in_one_process(tmp_path, monkeypatch, play):
    """Also where a seat is killed when its sealing key is out, and comes back before the game is closed."""
    monkeypatch.setenv(VARIABLE, "seat-0/unsealed:1,environment/about to reveal:1")
    scenario = small(12, burn_in=6, commanders="trust", sealed=True, malicious=[], liars=0, bound_ms=20000)
    with game(scenario, tmp_path / "game") as played:
        played.wait(lambda: sorted(played.killed) == ["environment", "seat-0"])
        played.start("seat-0")
        played.wait(lambda: played.log("seat-0").count("the last is round 12") == 2)
        played.start("environment")
        manifest, report = played.end()
    assert report.verdict == "passed", report.violations
    alone, _ = play(scenario)
    assert manifest["run_digest"] == report.run_digest == "0x" + alone.run_digest.hex()


@pytest.mark.parametrize("vectors", ["plain", "certified"])
def test_processes_one_process_and_the_simulator_come_to_the_same_and_evidence_counts_in_the_same_round(
    tmp_path, play, vectors
):
    """Seat 3 reports what is true until it is block-listed, for what it said as a commander from round 7 on."""
    equivocator = {"name": "equivocating-commander", "options": {"first": 7}}
    malicious = [{"seat": 3, "attacks": [equivocator]}]
    scenario = small(16, burn_in=6, liars=0, malicious=malicious, bound_ms=20000, vectors=vectors)
    with game(scenario, tmp_path / "game") as played:
        manifest, report = played.end()
    assert report.verdict == "passed", report.violations
    took = [float(each) for name in NAMES for each in re.findall(r"^round .* after ([\d.]+) s", played.log(name), re.M)]
    assert len(took) == 11 * len(NAMES)
    assert max(took) < 20  # nobody waits for who is block-listed, nor it for what it never gets
    alone, rounds = play(scenario)
    outcomes = list(simulated(Plan(scenario)))
    digest = digest_without_messages(scenario, outcomes)
    assert manifest["run_digest"] == report.run_digest == "0x" + alone.run_digest.hex() == "0x" + digest.hex()
    assert read_game(played.out / files.GAME).environment != Plan(scenario).environment.address, "the next game's too"
    require_same_folder(tmp_path / "game", runs.play(scenario, tmp_path / "alone").out)
    counts = 7 + scenario.parameters.evidence_delay
    assert [played.round for played in rounds if played.blocked] == [*range(counts, 17)] != []
    assert [o.round for o in outcomes if o.header and o.header.blocked] == [*range(counts, 17)]


def require_same_folder(nodes: Path, alone: Path) -> None:
    """A folder of nodes has every file of a run folder, with the same game in it; only the chains differ."""
    names = {path.name for path in alone.iterdir()}
    assert names <= {path.name for path in nodes.iterdir()}
    table, other = read_rounds(nodes), read_rounds(alone)
    assert {**table, "accused": ()} == {**other, "accused": ()}
    assert table["accused"][6] == other["accused"][6] == "3"  # the contract takes one proof
    mine, theirs = read_manifest(nodes), read_manifest(alone)
    assert mine.keys() == theirs.keys() - {"attacks", "undefended"}  # nodes do not play what is compared with
    apart = {"contract", "chain_id", "genesis_hash", "code_hash", "first_block", "head", "gas", "gas_by_method"}
    assert {key for key in mine if mine[key] != theirs[key]} <= apart
    assert mine["gas_by_method"].keys() <= theirs["gas_by_method"].keys()
    first, *_ = json.loads((alone / "evidence.json").read_text())
    (proof,) = json.loads((nodes / "evidence.json").read_text())
    assert (proof.keys(), proof["seat"], proof["round"]) == (first.keys(), first["seat"], first["round"])
    assert audit_folder(nodes).verdict == "passed"


def digest_without_messages(scenario: Scenario, outcomes: Iterable[Outcome]) -> bytes:
    """The run digest of an open game in which everybody reports and pulls as they should: of what was drawn alone."""
    p, plan = scenario.parameters, Plan(scenario)
    seed_0, _ = genesis_digest(plan.game, plan.seated, plan.salt)
    means, digest = [SampleMeans(p.arms) for _ in plan.seated], START
    for outcome in outcomes:
        if outcome.kind is not None:
            header, t = outcome.header, outcome.round
            reports = [
                SignedReport.of(Report(sample_means(own.totals, own.counts), commitment(own.counts, salt)), b"")
                for seat, own in enumerate(means)
                if header is not None and header.reporters >> seat & 1
                for salt in [commitment_salt(seed_0, t, seat)]
            ]
            pulls = [
                Pull(outcome.arm, outcome.rewards[seat]) if seat in outcome.rewards else NOTHING
                for seat in range(p.participants)
            ]
            digest = extend(digest, p, t, outcome.kind, header, reports, pulls if outcome.paid else ())
        for seat, reward in outcome.rewards.items():
            means[seat].take(outcome.round, outcome.arm, reward, outcome.length)
    return digest


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


def say_as_much_as_a_seat_may_and_then_more(played: Game, scenario: Scenario) -> None:
    """With the key of seat 3, in frames as large as any may be: the first is read, the second is the last."""
    p, said = scenario.parameters, MOST_SAID * scenario.participants
    size = most_bytes(scenario.participants, p.report_bytes, p.attackers)
    for name, claims, most, expected in (
        ("seat-1", said, size, f"envelope: expected at most {said} messages and claims, got {said + 1}"),
        ("seat-0", said - 1, size + 1, f"frame: expected at most {size} bytes in this game, got {size + 1}"),
    ):
        with identified(played.out).wrap_socket(dialled(played.out, name)) as link:
            for frame in (largest(said - 1, size), largest(claims, most)):  # and the message that the claims are in
                link.sendall(len(frame).to_bytes(4, "big") + frame)
            played.wait(lambda: "3 is not read any more: " in played.log(name))  # noqa: B023
            assert link.recv(1) == b""
        assert re.findall(r"^3 is not read any more: malformed (.*)$", played.log(name), re.MULTILINE) == [expected]


def largest(claims: int, most: int) -> bytes:
    """A frame of exactly so many bytes, with so many claims of round 1."""

    def padded(size: int) -> bytes:
        last = Claim(3, bytes(size), bytes(64))
        frame = Frame(Phase.REPORT, (Claim(3, b"", bytes(64)),) * (claims - 1) + (last,))
        return encode(Envelope(EnvelopeKind.NOW, 1, 0, (frame,)))

    room = most // 2
    frame = padded(most - len(padded(room)) + room)
    assert len(frame) == most
    return frame


def identified(out: Path) -> ssl.SSLContext:
    """What shows the key of seat 3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(out / "seat-3" / files.LINK)
    return context


def dialled(out: Path, name: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(10)
    line.connect(str(out / name / "socket"))
    return line


@contextmanager
def siege(out: Path, names: list[str]) -> Iterator[set[str]]:
    """With the key of seat 3 at every socket by turns, as long as the block runs; who does not let it in any more."""
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
    context, chance, turns = identified(out), random.Random(3), cycle(names)
    frames = [
        lambda: (MOST_BYTES + 1).to_bytes(4, "big"),
        lambda: (200).to_bytes(4, "big") + chance.randbytes(200),
        lambda: (7).to_bytes(4, "big") + bytes.fromhex("95 01 00 0e 03 90 00"),
        lambda: (6).to_bytes(4, "big") + bytes.fromhex("95 01 00 0e 03 90"),
    ]
    half_open = []
    while not stop.wait(0.05):  # the whole siege is verification/siege.py
        name = next(turns)
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(1)
        try:
            line.connect(str(out / name / "socket"))
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
