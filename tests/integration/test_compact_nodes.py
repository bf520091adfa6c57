"""A compact game of processes: bodies lie beside the chain, at nodes that are killed and lose their files of them."""

import json
import os
import subprocess
from pathlib import Path

import requests

from chain_bandit.actors.messages import COMPARISON
from chain_bandit.auditor.report import Weight
from chain_bandit.audits import audit_file, audit_folder
from chain_bandit.chain_history import files as history
from chain_bandit.chain_history.bodies import KEPT
from chain_bandit.nodes.crash import VARIABLE
from chain_bandit.protocol.digests import keccak
from chain_bandit.scenario import Scenario, load
from tests.integration.nodes import COMMAND, SMALL
from tests.integration.nodes_up import NAMES, digests_of, game
from verification.kills import free_ports

SEATS = NAMES[:4]


def compact(rounds: int, **changes: object) -> Scenario:
    return load(
        SMALL, {"rounds": rounds, "expect": {}, "chain": {"body": "compact"}} | changes
    )


def kept(place: Path) -> dict[str, bytes]:
    """A node's bodies by hash."""
    if not (place / KEPT).exists():
        return {}
    found = [bytes.fromhex(json.loads(line)) for line in (place / KEPT).read_text().splitlines()]
    return {"0x" + keccak(body).hex(): body for body in found}


def test_an_environment_and_a_relayer_that_lost_all_bodies_ask_for_them_and_serve_them(tmp_path, monkeypatch, play):
    """Rounds wait for these two, so the game comes to the same as in one process; in the audit nothing is open."""
    monkeypatch.setenv(VARIABLE, "environment/record seen:4")
    scenario, (port,) = compact(16, bound_ms=10000), free_ports(1)
    with game(scenario, tmp_path / "game") as played:
        played.wait(lambda: "environment" in played.killed)
        played.kill("relayer")
        for name in ("environment", "relayer"):
            assert kept(played.out / name)
            (played.out / name / KEPT).unlink()
        with (played.out / "relayer" / "log").open("ab") as log:
            played.started["relayer"] = subprocess.Popen(
                [COMMAND, "node", str(played.out / "relayer"), "--metrics", f"127.0.0.1:{port}"],
                stdout=log, stderr=log, env={**os.environ, VARIABLE: ""},
            )  # fmt: skip
        played.wait(lambda: len(kept(played.out / "relayer")) == 4)
        for digest, body in kept(played.out / "relayer").items():
            answer = requests.get(f"http://127.0.0.1:{port}/body/{digest}", timeout=10)
            assert (answer.status_code, answer.content) == (200, body)
        for path in ("0x" + "00" * 32, "", "0x", "../key.json", "0x" + "0g" * 32):
            assert requests.get(f"http://127.0.0.1:{port}/body/{path}", timeout=10).status_code == 404
        played.start("environment")
        manifest, report = played.end()
    assert (report.verdict, report.exit_code) == ("passed", 0), report.violations
    alone, _ = play(scenario)
    assert manifest["run_digest"] == report.run_digest == "0x" + alone.run_digest.hex()
    assert not (tmp_path / "game" / "comparison" / KEPT).exists(), f"{COMPARISON} needs none"
    exported = {"0x" + keccak(body).hex()
                for block in history.read(tmp_path / "game" / "history.jsonl.gz").blocks for body in block.bodies}
    assert exported == kept(tmp_path / "game" / "environment").keys()
    assert audit_folder(tmp_path / "game").verdict == "passed"
    assert audit_file(tmp_path / "game" / "history.jsonl.gz", paranoid=True).verdict == "passed"


def test_a_seat_that_was_away_and_lost_its_bodies_has_all_in_the_end(tmp_path, monkeypatch):
    """Also with proofs of false reports, which are found by the bodies of all rounds.

    No round ends without the relayer, which is away until the seat has restarted.
    """
    monkeypatch.setenv(VARIABLE, "seat-2/journal synced:30")
    malicious = [{"seat": 3, "attacks": [{"name": "worse-half"}]}]
    scenario = compact(50, bound_ms=300, liars=1, attackers=0, slash=0.25, malicious=malicious)
    with game(scenario, tmp_path / "game") as played:
        played.wait(lambda: "seat-2" in played.killed)
        played.kill("relayer")
        assert not played.at_round(40)
        (played.out / "seat-2" / KEPT).unlink()
        played.start("seat-2")
        played.wait(lambda: played.is_back("seat-2"))
        played.start("relayer")
        _, report = played.end()
        for name in (*SEATS[:3], "environment"):
            assert digests_of(played.out / name)
        recorded = kept(played.out / "environment")
        assert kept(played.out / "seat-2").items() >= recorded.items()
    assert (report.verdict, report.exit_code) == ("passed", 0), report.violations
    assert {finding.seat for finding in report.findings if finding.weight is Weight.PROOF} == {3}
