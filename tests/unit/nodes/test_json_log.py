"""`node --log json`: every line of a node is an object, its last one and those about live rewards too."""

import json
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from chain_bandit.cli.node import LogFormat, _json_lines, node
from chain_bandit.nodes.live import kept_rewards


def test_the_error_that_ends_a_node_is_an_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        node(tmp_path / "nowhere", log=LogFormat.JSON)
    assert ended.value.exit_code == 3
    said = json.loads(capsys.readouterr().err)
    assert (said["level"], said["node"]) == ("error", "nowhere")
    assert said["message"].startswith("error: ")


def test_live_rewards_are_told_by_the_log_of_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr("chain_bandit.game.live.live_rewards", lambda scenario, game, lines, say: told.append(say))
    live = cast("Any", SimpleNamespace(is_live=True, is_self_declared=False))
    with ExitStack() as stack:
        kept_rewards(tmp_path, live, b"", cast("Any", None), stack, print)
    assert told == [print]


def test_a_game_file_that_is_none_is_told_as_an_object_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "game.json").write_text("{")
    with pytest.raises(typer.Exit):
        node(tmp_path, game=tmp_path / "game.json", log=LogFormat.JSON)
    said = json.loads(capsys.readouterr().err)
    assert said["message"].startswith(f"error: {tmp_path / 'game.json'}: ")


@pytest.mark.parametrize("end", ["; it is forfeited", "; it is asked for again"])
def test_a_reward_that_does_not_come_is_a_warning(end: str, capsys: pytest.CaptureFixture[str]) -> None:
    _json_lines("environment")(f"source: no answer{end}")
    assert json.loads(capsys.readouterr().err)["level"] == "warning"
