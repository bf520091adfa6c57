"""`chain-bandit list`, and shipped examples by their names."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chain_bandit import plugins
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.auditor.catalogue import CHECKS
from chain_bandit.cli.root import app
from chain_bandit.examples import examples
from chain_bandit.protocol.rules import shipped
from chain_bandit.scenario import ScenarioInvalid, load
from chain_bandit.sweeps import grid


def listed(what: str) -> dict[str, str]:
    result = CliRunner().invoke(app, ["list", what, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, str] = json.loads(result.stdout)[what]
    return found


@pytest.mark.parametrize("what", ["attacks", "rules", "environments", "examples", "checks"])
def test_each_entry_of_a_list_has_a_sentence(what: str) -> None:
    found = listed(what)
    assert found
    assert all(sentence.endswith((".", ":")) or what == "checks" for sentence in found.values()), found
    assert all(sentence for sentence in found.values())
    shown = CliRunner().invoke(app, ["list", what])
    assert shown.exit_code == 0
    assert all(name.split()[-1] in shown.stdout for name in found)


def test_lists_are_whole() -> None:
    assert listed("attacks").keys() == ATTACKS.keys()
    assert len(listed("rules")) == len(shipped())
    assert listed("checks") == CHECKS
    assert listed("environments").keys() >= {"bernoulli", "table", "http", "csv", "live"}


def test_a_name_of_ours_stays_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    offers = {"aggregation": {"option-1": "other:Rule", "z": "other:Z"}, "attacks": {"mimic": "other:Attack"}}
    monkeypatch.setattr(plugins, "offers", lambda kind: offers.get(kind, {}))
    assert "other" not in listed("rules")["aggregation option-1"] + listed("attacks")["mimic"]
    assert list(listed("rules").items())[-1] == ("aggregation z", "of other:Z")


def test_every_example_loads_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in listed("examples"):
        read = grid.load if name == "sweep" else load
        assert read(Path(name)).name
    assert listed("examples").keys() == examples().keys()


def test_a_word_that_cannot_be_listed_is_refused_with_those_that_can() -> None:
    result = CliRunner().invoke(app, ["list", "sorcery"])
    assert result.exit_code == 2
    assert "attacks" in result.output


def test_a_name_of_no_file_and_no_example_says_where_examples_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioInvalid, match=r"did you mean 'flights'\?"):
        load(Path("flihgts"))
    (tmp_path / "mine.toml").touch()
    with pytest.raises(ScenarioInvalid, match=r"cannot be read: .*; did you mean '.*/mine\.toml'\?"):
        load(tmp_path / "mien.toml")
    with pytest.raises(ScenarioInvalid, match="nor is it a shipped example, which `chain-bandit list examples`"):
        load(Path("neither-of-these"))
    with pytest.raises(ScenarioInvalid) as caught:
        load(tmp_path / "none.toml")
    assert "example" not in str(caught.value)
