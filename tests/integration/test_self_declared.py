"""Games whose participants observe rewards of their own: what they report, are paid, and what audits must find."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit import runs
from chain_bandit import scenario as scenarios
from chain_bandit.actors.environment import Environment
from chain_bandit.auditor import setup
from chain_bandit.auditor.report import AuditReport
from chain_bandit.audits import audit_file, audit_folder
from chain_bandit.chain.anvil import anvil
from chain_bandit.environments.errors import RewardsAway
from chain_bandit.environments.live_http import without_keys
from chain_bandit.game import wiring
from chain_bandit.game.folder import HISTORY
from chain_bandit.game.live import PULLS, NoSourceNamed, NothingToSimulate
from chain_bandit.game.plan import Plan
from chain_bandit.game.run import run
from chain_bandit.game.simulated import plain
from chain_bandit.game.unfinished import lock
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes import start
from chain_bandit.paranoid import draws
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.rewards import self_declared_commitment
from chain_bandit.protocol.settlement import Pull
from chain_bandit.protocol.units import NO_PULL, UNIT
from chain_bandit.scenario import Scenario, ScenarioInvalid, built
from chain_bandit.stopwatch import Stopwatch
from tests.integration.nodes import COMMAND, chain_bandit, here
from tests.integration.nodes_up import digests_of
from tests.integration.nodes_up import game as playing
from tests.integration.test_docs import blocks, ran
from tests.light_keys import light_keys_elsewhere
from verification.browser.bundle import verifier
from verification.kills import free_ports

SOURCE = """
from pathlib import Path
from random import Random

MEANS = 0.9, 0.5, 0.2


def pull(key, arm):
    with (Path(__file__).parent / "asked").open("a") as file:
        file.write(f"{key} {arm}\\n")
    if key.participant == 1 and key.round in (18, 19):
        return "much"
    return round(MEANS[arm] + 0.1 * Random(f"{key.round} {key.participant} {arm}").uniform(-1, 1), 4)
"""
GIVEN: dict[str, Any] = {
    "name": "own", "preset": "paper", "seed": 1, "participants": 4, "rounds": 40, "burn_in": 12,
    "liars": 1, "attackers": 1,
    "rewards": {"kind": "self-declared", "source": "own_source:pull", "arms": ["a", "b", "c"], "reward_timeout": 0.3},
    "malicious": [{"seat": 3, "attacks": [{"name": "worse-half"}]}],
}  # fmt: skip

Play = Callable[..., tuple[AuditReport, dict[str, Any]]]


def scenario(**changes: Any) -> Scenario:
    return built(Path("own.toml"), "", GIVEN, changes)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_source.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "own_source", raising=False)
    return tmp_path


@pytest.fixture
def played(source: Path) -> Play:
    def play(**changes: Any) -> tuple[AuditReport, dict[str, Any]]:
        finished = runs.play(scenario(**changes), source / "run")
        return audit_folder(finished.out, paranoid=True), finished.manifest

    return play


def test_own_rewards_are_learned_from_and_every_pull_is_paid_alike(played: Play, source: Path) -> None:
    report, manifest = played()
    assert (report.exit_code, report.violations) == (0, [])
    last = next(row for row in reversed(report.rounds) if row.kind == "approved")
    assert last.means is not None
    for arm, mean in enumerate((0.9, 0.5, 0.2)):
        assert abs(last.means[arm] / UNIT - mean) <= 0.1, "one liar moves no estimator out of what the honest saw"
    assert last.arm == 0
    learning = sum(row.kind == "approved" and row.round > 12 for row in report.rounds)
    assert {account.rewards for account in report.accounts if account.seat is not None} == {learning * UNIT}
    reports, second = report.checks["honest.report"], report.checks["paranoid.report"]
    assert (reports.passed, reports.failed, reports.not_checkable) == (0, 0, 0)
    assert reports.trusted == second.trusted > 100
    assert reports.evidence == (
        f"{reports.trusted} reports of self-declared rewards were not recomputed: they rest on their participants' own "
        "word alone"
    )
    assert f", {report.live} on participants' own word: their rewards are self-declared" in report.lines()[0]
    paid = report.checks["settlement.rewards"]
    assert (paid.passed, paid.trusted, report.checks["paranoid.reward"].trusted) == (4 * learning, 0, 0)
    assert report.checks["counts.bits"].passed
    assert (report.game["self_declared"], report.game["true_means"], manifest["self_declared"]) == (True, None, True)
    assert [manifest[name] for name in ("arm_means", "regret", "roles")] == [None] * 3
    asked = (source / "asked").read_text().splitlines()
    assert len(set(asked)) == 4 * (12 + learning)
    again = {line.split("-")[2] for line in asked if asked.count(line) > 1}
    assert again == {"1"}, "only after a wrong answer"
    said = " ".join((source / "run" / "report.html").read_text(encoding="utf-8").split())
    shown = " ".join(here("show", source / "run").stdout.split())
    for place in (said, shown):
        assert "The rewards are self-declared: each participant observes its own" in place
        assert "Every pull is paid one whole reward" in place


@pytest.mark.parametrize("changes", [{"paid_burn_in": True}, {"growth": 0.5, "rounds": 120},
                                     {"cost": "distance", "chain.body": "compact"},
                                     {"validators": 3, "liars": 1, "attackers": 0}])  # fmt: skip
def test_other_settings_are_audited_alike(played: Play, changes: dict[str, Any]) -> None:
    report, _ = played(**changes)
    assert (report.exit_code, report.violations) == (0, [])
    assert report.live


def page_of(place: Path) -> dict[str, Any]:
    with verifier() as page:
        return page.verdict(place / "run" / "history.jsonl.gz")


def failed(result: dict[str, Any]) -> set[str]:
    return {check["id"] for check in result["checks"] if check["tally"]["failed"]}


def test_the_page_for_browsers_comes_to_the_same_verdict(played: Play, source: Path) -> None:
    played(rounds=20)
    result = page_of(source)
    assert (result["verdict"], failed(result)) == ("passed", set())
    assert "self-declared rewards rest on their participants' own word" in json.dumps(result)


def test_a_pull_that_is_settled_other_than_flat_is_found_by_all_three(
    played: Play, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Environment.pulls

    def less(self: Environment, round_: int) -> tuple[Pull, ...]:
        first, *others = said(self, round_)
        return (replace(first, reward=first.reward - 1) if round_ == 15 and first.reward else first, *others)

    monkeypatch.setattr(Environment, "pulls", less)
    report, _ = played(rounds=20)
    assert report.exit_code == 12
    assert report.checks["settlement.rewards"].failed == 1
    assert "round 15: flat pay of seat 0" in report.checks["settlement.rewards"].evidence
    assert report.checks["paranoid.reward"].failed
    assert failed(page_of(source)) >= {"settlement.rewards"}


def test_an_audit_that_holds_own_rewards_against_the_pay_is_contradicted(
    played: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "self_declared_commitment", lambda participants, arms: b"")
    report, _ = played(rounds=20)
    assert report.exit_code == 12
    assert report.checks["honest.report"].failed
    assert report.checks["paranoid.report"].failed == 0


def test_a_second_computation_that_does_so_is_contradicted(played: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "DECLARED", bytes(32))
    report, _ = played(rounds=20)
    assert report.exit_code == 12
    assert report.checks["honest.report"].failed == 0
    assert report.checks["paranoid.report"].failed


def test_each_participant_reads_a_file_of_its_own(tmp_path: Path) -> None:
    for seat in range(4):
        rows = [f"{arm},{mean + seat / 100}" for _ in range(60) for arm, mean in (("a", 0.8), ("b", 0.5), ("c", 0.1))]
        (tmp_path / f"users-{seat}.csv").write_text("\n".join(["arm,reward", *rows]))
    given = {**GIVEN["rewards"], "source": str(tmp_path / "users-{seat}.csv")}
    first = runs.play(scenario(rewards=given, rounds=20), tmp_path / "run")
    assert first.report.exit_code == 0
    assert {path.name for path in first.out.glob("users-*")} == {f"users-{seat}.csv" for seat in range(4)}
    again = chain_bandit("run", first.out / "scenario.lock.toml", "--out", tmp_path / "again", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / "again" / "manifest.json").read_text())["run_digest"] == first.manifest["run_digest"]


def test_who_has_nothing_more_to_observe_goes_on_by_what_it_has_seen(tmp_path: Path) -> None:
    rows = [f"{arm},{mean}" for _ in range(6) for arm, mean in (("a", 0.8), ("b", 0.5), ("c", 0.1))]
    (tmp_path / "users.csv").write_text("\n".join(["arm,reward", *rows]))
    given = {**GIVEN["rewards"], "source": str(tmp_path / "users.csv"), "reward_timeout": 0.05}
    played = runs.play(scenario(rewards=given, rounds=20), tmp_path / "run")
    assert played.report.exit_code == 0
    with pytest.raises(ScenarioInvalid, match="in the name of a file, not of its folder"):
        scenario(rewards={**given, "source": "{seat}/users.csv"})


def test_a_url_is_no_file_and_an_environment_has_nobodys_source(tmp_path: Path) -> None:
    game = scenario(rewards={**GIVEN["rewards"], "source": "http://user:key@127.0.0.1:1/users-{seat}.csv?key=secret"})
    lock(game, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.lock.toml"]
    lock(game, tmp_path, observers=())
    assert "users-" not in (tmp_path / "scenario.lock.toml").read_text()
    assert without_keys(game.rewards.source) == "http://127.0.0.1:1/users-{seat}.csv"  # type: ignore[union-attr,arg-type]


def test_a_burn_in_without_answers_ends_by_a_sentence(played: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain_bandit.game.live.PATIENCE", 0.3)
    setattr(__import__("own_source"), "pull", lambda key, arm: None)  # noqa: B010
    with pytest.raises(RewardsAway, match=r"own_source:pull: reward of ., participant 0, round 1"):
        played()


def test_they_are_refused_where_they_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssumptionBroken, match="no report can be proven false"):
        scenario(slash=0.2)
    with pytest.raises(AssumptionBroken, match="open rewards where they are live"):
        scenario(sealed=True)
    with pytest.raises(NothingToSimulate, match=r"rewards\.kind = 'self-declared'"):
        next(iter(plain(scenario())))
    none = {name: value for name, value in GIVEN["rewards"].items() if name != "source"}
    with pytest.raises(NoSourceNamed, match=r"as rewards\.source, for a node by --rewards"):
        runs.play(scenario(rewards=none), tmp_path / "run")


def test_a_game_with_the_commitment_and_a_slash_is_one_of_receipts(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An organiser may deploy what no scenario says: reports of own rewards would be proven false there."""
    original = vars(scenarios)["require"]

    def lenient(holds: bool, name: str, *given: Any, **values: Any) -> None:
        original(holds or name == "slash", name, *given, **values)

    monkeypatch.setattr(scenarios, "require", lenient)
    monkeypatch.setattr(wiring, "OwnRewards", lambda *given, **named: None)  # as `Start._own` has it, see below
    out = source / "other"
    out.mkdir()
    game = scenario(slash=0.25, malicious=[], chain={"settlement_window": 100})
    run(game, out, lambda moment: None, Stopwatch())
    report = audit_file(out / HISTORY, paranoid=True)
    assert report.verdict == "passed"
    assert "self_declared" not in report.game
    assert report.checks["honest.report"].trusted == 0
    assert not any(each.kind.startswith("proven false report") for each in report.findings)
    with verifier() as page:
        assert page.verdict(out / HISTORY)["verdict"] == "passed"


@pytest.mark.parametrize("slash", [0, 1])
def test_a_node_asks_no_source_where_reports_can_be_proven_false(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slash: int
) -> None:
    p, salt = replace(scenario().parameters, slash=slash, provable=slash), bytes(32)
    domain = SimpleNamespace(game=p.digest(keccak(salt), self_declared_commitment(p.participants, p.arms)))
    monkeypatch.setattr(start, "kept_own", lambda *given: "own")
    node: Any = SimpleNamespace(
        parameters=p, follower=SimpleNamespace(opening=lambda: salt), domain=domain, _source=None, _place=tmp_path,
        key=SimpleNamespace(address=0), _say=print,
    )  # fmt: skip
    assert start.Start._own(node, None, None) == (None if slash else "own")  # type: ignore[arg-type]


def test_anybody_can_compute_the_commitment(source: Path) -> None:
    one, other = Plan(scenario()), Plan(scenario(seed=2))
    assert one.secret_commitment == other.secret_commitment == self_declared_commitment(4, 3)


HELD = """
import os, time
from pathlib import Path
from random import Random

PLACE = Path(__file__).parent


def pull(key, arm, asked="asked"):
    with (PLACE / asked).open("a") as file:
        file.write(f"{key}\\n")
    if (key.round, key.participant) == (22, 0) and not (PLACE / "sent").exists():
        (PLACE / "sent").touch()
        time.sleep(600)  # a source that does not answer, until its node is killed
    return round((0.9, 0.5, 0.2)[arm] + 0.1 * Random(f"{key} {arm}").uniform(-1, 1), 4)


def other(key, arm):
    return pull(key, arm, "asked-otherwise")
"""


def lines(path: Path) -> list[list[Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_node_that_is_killed_before_its_own_reward_came_asks_with_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_source.py").write_text(HELD)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    out, rewards = tmp_path / "game", GIVEN["rewards"] | {"reward_timeout": 30.0}
    with playing(scenario(rounds=40, rewards=rewards, bound_ms=3000), out) as game:
        game.wait((tmp_path / "sent").exists)  # its receipt is there, journaled and asked for, and not answered
        game.kill("seat-0")
        before = lines(out / "seat-0" / PULLS)
        game.start("seat-0")
        game.wait(lambda: game.at_round(26))
        game.kill("seat-1")
        command = [COMMAND, "node", str(out / "seat-1"), "--rewards", "own_source:other"]
        with (out / "seat-1" / "log").open("ab") as log:
            game.started["seat-1"] = subprocess.Popen(command, stdout=log, stderr=log)
        manifest, report = game.end()
    assert ["pull", 22, 0] in [line[:3] for line in before]
    assert [22, 0] not in [line[1:3] for line in before if line[0] != "pull"]
    assert (report.exit_code, report.violations, manifest["self_declared"]) == (0, [], True)
    assert audit_folder(out, paranoid=True).exit_code == 0
    assert report.checks["honest.report"].trusted > 80
    assert len({account.rewards for account in report.accounts if account.seat in (2, 3)}) == 1
    last = next(row for row in reversed(report.rounds) if row.kind == "approved")
    assert last.means is not None
    assert all(abs(mean / UNIT - true) <= 0.1 for mean, true in zip(last.means, (0.9, 0.5, 0.2), strict=True))
    asked = (tmp_path / "asked").read_text().splitlines()
    assert (tmp_path / "asked-otherwise").exists(), "its node was given a source of its own"
    for seat in range(4):
        place = out / f"seat-{seat}"
        receipts = {(round_, arm) for _, round_, arm, *_ in lines(place / files.RECEIPTS) if arm != NO_PULL}
        kept = lines(place / PULLS)
        pulls = [(round_, arm) for what, round_, _, *more in kept if what == "pull" for arm in more[:1]]
        assert sorted(pulls) == sorted(receipts), "each receipt's pull was begun once"
        ended = [round_ for what, round_, *_ in kept if what != "pull"]
        assert len(ended) == len(set(ended))
        digests_of(place) if seat != 3 else None
    twice = {line for line in asked if asked.count(line) > 1}
    assert all(line.split("-")[2] == "0" for line in twice), twice
    assert any(line.split("-")[1:3] == ["22", "0"] for line in twice)


def test_participants_with_keys_of_their_own_name_their_own_sources(tmp_path: Path) -> None:
    """The tutorial on taking part, with another game: nobody's source is in the file that all have."""
    names = "ann", "bob", "cleo", "dan"
    for mean, name in zip(("0.5", "0.4", "0.6", "0.5"), names, strict=True):
        rows = [f"{arm},{value}" for _ in range(80) for arm, value in ((0, 0.1), (1, mean))]
        (tmp_path / f"{name}-users.csv").write_text("\n".join(["arm,reward", *rows]))
    (tmp_path / "experiment.toml").write_text(
        'name = "x"\nparticipants = 4\nrounds = 24\nburn_in = 8\nliars = 1\nattackers = 1\nbound_ms = 1000\n'
        '[rewards]\nkind = "self-declared"\narms = ["old", "new"]\n'
    )
    script = "set -e\n" + "".join(blocks("docs/take-part.md", "sh"))
    for name in names:
        run = f"chain-bandit node {name} --game game.json"
        script = script.replace(run, f"{run} --rewards {name}-users.csv")
    with anvil() as node:
        ports = iter(free_ports(7))
        for port in (*range(7700, 7703), *range(7710, 7714)):
            script = script.replace(f":{port}", f":{next(ports)}")
        said = ran(script.replace("http://127.0.0.1:8545", node.url), tmp_path,
                   PYTHONPATH=light_keys_elsewhere(tmp_path))  # fmt: skip
    assert "users" not in (tmp_path / "game.json").read_text()
    assert "reports of self-declared rewards were not recomputed" in " ".join(said.split())
    for name in names:
        assert lines(tmp_path / name / PULLS), "each asked its own source"
