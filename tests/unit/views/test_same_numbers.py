"""One game, one set of numbers: terminal, page, `show`, API and audit say the same of what they share."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chain_bandit import api
from chain_bandit.cli.root import app
from chain_bandit.game.folder import ROUNDS, read_rounds
from chain_bandit.protocol.units import UNIT
from tests.unit.views.conftest import SCENARIO
from tests.unit.views.test_page import read

RUNNER = CliRunner()

MISLED = SCENARIO.replace('name = "constant-lie", options = { favour = 0 }', 'name = "swap"')
"""The sample game with a lie that gets into the estimators: rounds of case 2, two skips and an exploration."""


def said_by(*arguments: object) -> str:
    """What a command prints."""
    result = RUNNER.invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


class Told:
    """What each of the five says of one game."""

    def __init__(self, run: api.Run) -> None:
        out = run.out
        self.run, self.overview = run, " ".join(said_by("show", out).split())
        self.asked = json.loads(said_by("show", out, "--json"))
        self.audited = json.loads(said_by("audit", out, "--json"))
        self.statements = said_by("audit", out)
        self.page = " ".join(" ".join(read(run.report.read_text(encoding="utf-8")).text).split())
        numbers = [row["round"] for row in run.rounds.to_arrow().to_pylist()]
        recorded = [number for number in numbers if number >= run.manifest["burn_in"]]
        self.rounds = [json.loads(said_by("show", out, "round", number, "--json")) for number in recorded]

    def every(self, sentence: str) -> None:
        """Both views have a sentence."""
        for where in (self.overview, self.page):
            assert sentence in where


@pytest.fixture(scope="module", params=[0, 0.25], ids=["with costs", "with proofs and no costs"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    place = tmp_path_factory.mktemp("told")
    (place / "misled.toml").write_text(MISLED, encoding="utf-8")
    run = api.play(api.load(place / "misled.toml", slash=request.param), place / "run")
    assert run.passed
    return Told(run)


def test_rounds_of_case_2_are_as_many_wherever_they_are_counted(told: Told) -> None:
    misled = sum(row["costly"] is True for row in told.rounds)
    assert misled > 0
    assert told.run.audit.game["costly_rounds"] == told.audited["game"]["costly_rounds"] == misled
    assert told.run.manifest["regret_units"]["costly"] == misled
    told.every(f" in {misled} rounds of case 2.")
    assert f"rounds of case 2 {misled}" in told.page
    for row in told.rounds[:6]:
        shown = said_by("show", told.run.out, "round", row["round"])
        assert re.search(rf"case 2 +{'yes' if row['costly'] else 'no'}\b", shown)


def test_rounds_that_pay_nothing_are_as_many_wherever_they_are_counted(told: Told) -> None:
    manifest = told.run.manifest
    unpaid = [row["round"] for row in told.rounds if row["kind"] != "approved"]
    assert len(unpaid) == sum(manifest[kind] for kind in ("rejected", "skip", "exploration")) == 3
    told.every(f"in {len(unpaid)} rounds without an approved block")
    (listed,) = re.findall(r"Rounds without an approved block, which pay nothing: ([^.]*)\.", told.page)
    assert [int(each) for each in re.findall(r"(\d+) \(", listed)] == unpaid
    assert "no round failed" not in told.overview + told.page


def test_columns_of_units_say_so_also_of_an_older_folder(told: Told, tmp_path: Path) -> None:
    columns, units = read_rounds(told.run.out), told.run.manifest["regret_units"]
    counted = {name for name in columns if name.startswith("regret_")}
    assert counted == {f"regret_{name}_units" for name in ("burn_in", "arms", "failed", "cost", "ucb1", "oracle")}
    assert all(columns[name][-1] == units[name.removeprefix("regret_").removesuffix("_units")] for name in counted)
    text = (told.run.out / ROUNDS).read_text(encoding="utf-8")
    (tmp_path / ROUNDS).write_text(text.replace("_units", ""), encoding="utf-8")
    assert read_rounds(tmp_path) == columns


def test_what_the_honest_lost_is_one_number(told: Told) -> None:
    units = told.run.manifest["regret_units"]
    assert told.run.regret == told.asked["manifest"]["regret"] == units["total"] / UNIT
    told.every(f"chain_bandit, in all {units['total'] / UNIT:,.2f}")
    told.every(f"cost of lies {units['cost'] / UNIT:,.2f}")
    told.every(f"{units['failed'] / UNIT:,.2f} in 3 rounds without an approved block")
    told.every(f"{units['cost'] / UNIT:,.2f} in {units['costly']} rounds of case 2")
    told.every(f"lost {(units['failed'] + units['cost']) / UNIT:,.2f} rewards in expectation")
    provable = told.run.audit.game["parameters"].get("provable", 0)
    assert bool(units["cost"]) != bool(provable)
    assert (told.overview.count("costs nothing where false reports can be proven"), provable) in ((0, 0), (1, 1))


def test_what_each_seat_earned_and_took_home_is_one_number(told: Told) -> None:
    wei = told.run.audit.game["parameters"]["wei_per_unit"]
    table = told.audited["accounts"]
    assert table == told.asked["audit"]["accounts"]
    given = told.run.participants.to_arrow().to_pylist()
    assert given == [{"rewards_units" if key == "rewards" else key: row[key] for key in row} for row in table]
    for row in table[:-1]:
        net = f"{row['net'] / wei / UNIT:+,.2f}".replace("-", "\N{MINUS SIGN}")
        reward = f"{row['rewards'] / UNIT:,.2f}"
        assert re.search(rf"\b{row['seat']} {row['role']} {re.escape(reward)} .*? {re.escape(net)} ", told.overview)
        assert re.search(rf"^ *{row['seat']} +\S+ +{re.escape(reward)} ", told.statements, re.MULTILINE)
        assert re.search(rf"\b{row['seat']} {row['role']} [\d,.]+ {re.escape(reward)} ", told.page)
        asked = " ".join(said_by("show", told.run.out, "participant", row["seat"]).split())
        assert f"reward {reward} ({row['rewards'] * wei:,} wei)" in asked
        assert f"net {net} (" in asked


def test_verdict_and_checks_are_one_number(told: Told) -> None:
    passed = sum(each.passed for each in told.run.audit.checks.values())
    assert passed == sum(each["passed"] for each in told.audited["checks"].values())
    told.every(f"all {passed:,} checks of its history passed")
    assert f"audit passed: {passed:,} checks of" in " ".join(told.statements.split())
