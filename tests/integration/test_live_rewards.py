"""Games in one process whose rewards come from a function: forfeits, audits, and what these must find."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from chain_bandit import runs
from chain_bandit.actors.environment import Environment
from chain_bandit.auditor import setup
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain.anvil import anvil
from chain_bandit.environments.errors import RewardsAway, RewardsExhausted
from chain_bandit.game.live import PULLS, NothingToSimulate
from chain_bandit.game.plan import Plan
from chain_bandit.game.simulated import engines, plain
from chain_bandit.paranoid import draws
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.rewards import live_commitment
from chain_bandit.protocol.settlement import NOTHING, Pull, encode_pulls
from chain_bandit.runs import audit_folder
from chain_bandit.scenario import Scenario, ScenarioInvalid, built
from tests.integration.conftest import Called
from tests.integration.framed import frame
from tests.integration.nodes import chain_bandit, here, started, wait_for

SOURCE = """
from random import Random

asked = []


def pull(key, arm):
    asked.append(key)
    if key.participant == 1 and key.round in (18, 19, 20):
        return [float("nan"), 2, "much"][key.round - 18]
    return round(Random(f"{key} {arm}").random() * (0.9, 0.5, 0.2)[arm], 4)
"""
GIVEN: dict[str, Any] = {
    "name": "live", "preset": "paper", "seed": 1, "participants": 4, "rounds": 40, "burn_in": 12,
    "liars": 1, "attackers": 1,
    "rewards": {"kind": "live", "source": "live_source:pull", "arms": ["a", "b", "c"], "reward_timeout": 0.2},
    "malicious": [{"seat": 3, "attacks": [{"name": "worse-half"}]}],
}  # fmt: skip


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[AuditReport, dict[str, Any]]]:
    """Plays the scenario with some changes, and audits it twice; gives the report and the manifest."""
    (tmp_path / "live_source.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "live_source", raising=False)

    def play(**changes: Any) -> tuple[AuditReport, dict[str, Any]]:
        finished = runs.play(scenario(**changes), tmp_path / "run")
        return audit_folder(finished.out, paranoid=True), finished.manifest

    return play


def scenario(**changes: Any) -> Scenario:
    return built(Path("live.toml"), "", GIVEN, changes)


def source() -> Any:
    return __import__("live_source")


def test_a_game_on_a_function_is_played_audited_and_computed_twice(played: Any, tmp_path: Path) -> None:
    report, manifest = played()
    assert (report.exit_code, report.violations) == (0, [])
    learning = sum(len(row.rewards) for row in report.rounds if row.kind == "approved" and row.round > 12)
    assert report.checks["settlement.rewards"].trusted == learning - 3
    assert report.checks["settlement.rewards"].passed == 0
    assert report.checks["paranoid.reward"].trusted == learning - 3
    assert report.checks["settlement.rewards"].evidence == (
        f"{learning - 3} rewards were not recomputed: they rest on the environment's signature alone"
    )
    assert f", {report.live} on the environment's signature: live rewards are not recomputed" in report.lines()[0]
    assert "quorum's word" not in report.lines()[0]
    (forfeited,) = [each for each in report.findings if each.kind == "forfeited"]
    assert (forfeited.seat, forfeited.rounds) == (1, (18, 19, 20))
    assert "as it was away, or its reward did not come in time" in forfeited.sentence
    assert (report.game["live"], report.game["true_means"], report.game["cost"]) == (True, None, None)
    assert {account.role for account in report.accounts} == {None, "environment"}
    assert [manifest[name] for name in ("arm_means", "regret", "regret_units", "undefended", "roles")] == [None] * 5
    keys = source().asked
    assert len(set(keys)) == 4 * 12 + learning
    assert {key for key in keys if keys.count(key) > 1} == {
        key for key in keys if key.participant == 1 and key.round in (18, 19, 20)
    }, "wrong answers are asked for again, all else once"
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "nobody knows true means" in page
    assert "Pseudo-regret" not in page


def test_a_run_folder_is_shown_without_numbers_of_the_placeholder(played: Any, tmp_path: Path) -> None:
    played(rounds=20)
    history, page = tmp_path / "run" / "history.jsonl.gz", tmp_path / "page.html"
    assert here("audit", "--history", history, "--page", page).returncode == 0
    assert "nobody knows true means" in page.read_text(encoding="utf-8")
    assert "not known" in here("show", tmp_path / "run", "participant", "1").stdout
    assert here("show", history, "round", "15").returncode == 0
    shown = here("show", tmp_path / "run")
    assert shown.returncode == 0, shown.stderr
    assert "true means are not known" in " ".join(shown.stdout.split())
    assert "UCB1 alone" not in shown.stdout
    assert json.loads(here("show", tmp_path / "run", "--json").stdout)["manifest"]["live"] is True


def test_with_a_slash_reports_are_held_against_settled_receipts_and_the_liar_is_proven(played: Any) -> None:
    report, _ = played(slash=0.2)
    assert (report.exit_code, report.violations) == (0, [])
    found = {(each.kind, each.seat) for each in report.findings if each.weight == "proof"}
    assert found == {("false report of live rewards", 3), ("proven false report", 3)}
    honest = report.checks["honest.report"]
    assert honest.passed > 50
    assert (honest.failed, honest.not_checkable, honest.trusted) == (0, 0, 0)


@pytest.mark.parametrize("changes", [{"paid_burn_in": True}, {"growth": 0.5, "rounds": 120},
                                     {"slash": 0.2, "growth": 0.5}, {"slash": 0.2, "paid_burn_in": True},
                                     {"chain.body": "compact"}, {"cost": "distance"},
                                     {"quorum": "majority"}])  # fmt: skip
def test_other_settings_are_audited_alike(played: Any, changes: dict[str, Any]) -> None:
    report, _ = played(**changes)
    assert (report.exit_code, report.violations) == (0, [])
    assert report.live


def test_an_audit_that_redraws_live_rewards_is_contradicted(played: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "live_commitment", lambda participants, arms: b"")
    report, _ = played(rounds=20)
    assert report.exit_code == 12
    assert report.checks["settlement.rewards"].failed
    assert report.checks["paranoid.cost"].failed


def test_a_second_computation_that_redraws_live_rewards_is_contradicted(
    played: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws, "LIVE", bytes(32))
    report, _ = played(rounds=20)
    assert report.exit_code == 12
    assert report.checks["settlement.rewards"].failed == 0
    assert report.checks["paranoid.reward"].failed


@pytest.mark.parametrize("is_given", [True, False])
def test_a_settlement_that_differs_from_the_receipts_is_found(
    played: Any, monkeypatch: pytest.MonkeyPatch, is_given: bool
) -> None:
    said = Environment.settlement

    def other(self: Environment, round_: int, pulls: tuple[Pull, ...]) -> bytes:
        data = said(self, round_, pulls)
        if round_ != 15:
            return data
        assert pulls[0].reward
        less = replace(pulls[0], reward=pulls[0].reward - 1) if is_given else NOTHING
        return encode_pulls((less, *pulls[1:]), False)

    monkeypatch.setattr(Environment, "settlement", other)
    report, _ = played(slash=0.2)
    assert report.exit_code == 12
    assert report.checks["settlement.tallies"].failed
    assert report.checks["paranoid.reward"].failed
    assert {each.kind for each in report.findings if each.seat == 0} <= {"forfeited"}
    assert report.checks["honest.report"].not_checkable


def test_who_was_framed_and_acquitted_is_not_blamed(played: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    frame(monkeypatch, 0, 15)
    report, _ = played(slash=0.2)
    assert {each.check for each in report.violations} == {"settlement.tallies", "paranoid.reward"}
    assert {each.kind for each in report.findings if each.seat is None} >= {"two tallies, of the environment"}
    assert not [each for each in report.findings if each.seat == 0]


def test_a_file_in_order_is_played_and_its_end_is_a_sentence(tmp_path: Path) -> None:
    rows = [f"{arm},{(7 * at + arm) % 11 / 10}" for at in range(100) for arm in range(3)]
    given = {"kind": "csv", "file": str(tmp_path / "rows.csv"), "arms": ["0", "1", "2"]}
    (tmp_path / "rows.csv").write_text("\n".join(["arm,reward", *rows]), encoding="utf-8")
    first, again = (runs.play(scenario(rewards=given, rounds=20), tmp_path / name) for name in ("one", "two"))
    assert first.report.exit_code == 0
    assert first.manifest["run_digest"] == again.manifest["run_digest"]
    (tmp_path / "rows.csv").write_text("\n".join(["arm,reward", *rows[:12]]), encoding="utf-8")
    with pytest.raises(RewardsExhausted, match="the file has 4 rows of it, this is pull 5; add rows and start again"):
        runs.play(scenario(rewards=given), tmp_path / "three")


def test_rows_that_a_game_takes_are_held_against_its_file_before_it_begins(tmp_path: Path, called: Called) -> None:
    given = {name: value for name, value in GIVEN.items() if name != "malicious"} | {
        "rounds": 20, "rewards": {"kind": "csv", "file": "rows.csv", "arms": ["a", "b", "c"]},
    }  # fmt: skip
    (tmp_path / "live.toml").write_text(tomli_w.dumps(given))
    p = scenario(rounds=20).parameters
    least, most = 4 * p.burn_in // 3, 4 * p.burn_in // 3 + 4 * (20 - p.burn_in)
    burn_in = f"rounds 1 to L take {least} of each arm"
    stops = f"the game {most} of one at most: where there is none for a pull, it stops"
    for rows, code, said in (
        (least - 1, 3, f"error: rows.csv has {least - 1} rows of the arm 'a'; {burn_in}\n"),
        (most - 1, 0, f"warning: rows.csv has {most - 1} rows of the arm 'a'; {burn_in}, {stops}\n"),
        (most, 0, ""),
    ):
        lines = [f"{arm},0.5" for arm in "abc" for _ in range(rows if arm == "a" else most)]
        (tmp_path / "rows.csv").write_text("\n".join(["arm,reward", *lines]), encoding="utf-8")
        result = called("run", "live.toml", "--out", f"run-{rows}")
        assert (result.returncode, "rows.csv" in result.stderr) == (code, bool(said)), result.stderr
        assert said in result.stderr


def test_a_burn_in_without_answers_ends_by_a_sentence(played: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain_bandit.game.live.PATIENCE", 0.3)
    source().pull = lambda key, arm: None
    with pytest.raises(RewardsAway, match="live_source:pull: reward of a, participant 0, round 1"):
        played()


def test_live_rewards_are_refused_where_they_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssumptionBroken, match="open rewards where they are live"):
        scenario(sealed=True)
    for call in (lambda: next(iter(plain(scenario()))), lambda: engines([(scenario(), 1)])):
        with pytest.raises(NothingToSimulate, match=r"rewards\.kind = 'live': live rewards have no model"):
            call()
    file = tmp_path / "live.toml"
    given = 'name = "x"\npreset = "paper"\nparticipants = 4\nrounds = 40\nliars = 1\nattackers = 1\n'
    rewards = 'rewards = { kind = "http", url = "http://localhost/", arms = ["a", "b"] }\n'
    file.write_text(given + rewards)
    axes = '[axes.bound]\none = { liars = 1 }\n'
    (tmp_path / "sweep.toml").write_text(f'name = "s"\nreplicates = 2\n[base]\n{given}{rewards}{axes}')
    for command in (("simulate", file), ("sweep", tmp_path / "sweep.toml", "--out", tmp_path / "sweep")):
        said = chain_bandit(*command)
        assert (said.returncode, said.stderr.count("\n")) == (3, 1), said.stderr
        assert "nothing to simulate" in said.stderr


@pytest.mark.parametrize(
    ("rewards", "told"),
    [
        ({"kind": "http", "url": "ftp://x", "arms": ["a"]}, r"rewards\.url"),
        ({"kind": "http", "url": "http://user:secret@x", "arms": ["a"]}, r"rewards\.url"),
        ({"kind": "csv", "file": "x.csv", "arms": ["a", "a"]}, "two arms have one name"),
        ({"kind": "live", "source": "m:f", "arms": []}, r"rewards\.arms"),
        ({"kind": "live", "source": "m:f", "arms": ["a"], "url": "x"}, r"unknown key 'rewards\.url'"),
    ],
)
def test_a_scenario_that_names_no_source_is_refused(rewards: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioInvalid, match=told):
        scenario(rewards=rewards)


def test_anybody_can_compute_the_commitment_of_a_live_game() -> None:
    one, other = Plan(scenario()), Plan(scenario(seed=2))
    assert one.secret_commitment == other.secret_commitment == live_commitment(4, 3)
    assert one.game != other.game


def test_a_run_that_was_killed_is_taken_up_without_a_second_pull_of_what_was_answered(tmp_path: Path) -> None:
    (tmp_path / "live_source.py").write_text(
        "from pathlib import Path\nfrom random import Random\n\n\ndef pull(key, arm):\n"
        "    with (Path(__file__).parent / 'asked').open('a') as file:\n        file.write(f'{key}\\n')\n"
        "    return round(Random(f'{key} {arm}').random(), 4)\n"
    )
    given = {name: value for name, value in GIVEN.items() if name != "malicious"} | {"rounds": 20}
    (tmp_path / "live.toml").write_text(tomli_w.dumps(given))
    out = tmp_path / "run"
    journal = out.with_name("run.partial-run") / PULLS
    with anvil() as node:
        command = ("run", tmp_path / "live.toml", "--chain", node.url, "--account", "dev5", "--out", out)
        first = started(*command, PYTHONPATH=str(tmp_path))
        wait_for(lambda: first.poll() is not None or (journal.exists() and journal.read_bytes().count(b"\n") > 100))
        first.kill()
        first.communicate()
        before = [json.loads(line) for line in journal.read_bytes().split(b"\n")[:-1]]
        said = chain_bandit(*command, "--resume", PYTHONPATH=str(tmp_path))
        assert said.returncode == 0, said.stderr
        assert "warning: a lie costs nothing in this game" in said.stderr
    asked = (tmp_path / "asked").read_text().split()
    twice = {tuple(map(int, key.split("-")[1:3])) for key in asked if asked.count(key) > 1}
    assert not twice & {(round_, seat) for what, round_, seat, *_ in before if what == "reward"}
    assert len(set(asked)) == 4 * 20
    assert audit_folder(out, paranoid=True).exit_code == 0
