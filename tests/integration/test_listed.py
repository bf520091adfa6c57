"""The short form of `python -m verification.listed`: nodes list liars in time."""

import json
import sys
from dataclasses import asdict

import pytest

from tests.few import few
from tests.integration.nodes import ROOT
from verification import listed
from verification.listed import EVERYBODY, ListedGame, main, play


@pytest.mark.parametrize(("theorem", "attack"), few([(2, "copycat"), (4, "worse-half"), (7, "radius")], 3))
def test_nodes_list_whoever_lies_within_the_bound(theorem, attack):
    row = play(theorem, attack)
    assert row.first is not None
    assert row.holds


def test_provers_that_hand_in_nothing_are_found_out(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    row = play(4, "copycat", bound_ms=200, idle=[EVERYBODY])
    assert row.first is not None
    assert row.listed is None
    assert not row.holds


def made(listed: int | None, audit: str = "passed") -> ListedGame:
    return ListedGame(1, "copycat", 5, 500, 0, "equivocating-commander", (), "anvil", 5, 20, listed, 12, 0, audit, 1.0)


@pytest.mark.parametrize(("row", "holds"), [
    (made(32), True), (made(33), False), (made(None), False), (made(32, "failed"), False),
])  # fmt: skip
def test_what_came_late_or_never_is_told_and_not_played_again(tmp_path, monkeypatch, row, holds):
    file = tmp_path / "rows.jsonl"
    arguments = ["--theorems", "1", "--attacks", "copycat", "--bound-ms", "500", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["listed", *arguments])
    monkeypatch.setattr(listed, "play", lambda *asked: row)
    assert main() == (0 if holds else 14)
    monkeypatch.delattr(listed, "play")
    assert main() == (0 if holds else 14)
    assert json.loads(file.read_text()) == {**asdict(row), "idle": []}
