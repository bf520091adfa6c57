"""The second computation and the audit agree on whole games of every example, by all actors, with attackers in them."""

from pathlib import Path

import pytest

from chain_bandit.audit.catalogue import SECOND
from chain_bandit.game.run import run
from chain_bandit.runs import audit_folder
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GAMES: dict[str, tuple[str, dict[str, object]]] = {
    "small": ("small.toml", {}),
    "flights": ("flights.toml", {"rounds": 120}),
    "weights": ("weights.toml", {"rounds": 50}),
    "exclusion": ("exclusion.toml", {"rounds": 45}),
    "captured": ("theorems/theorem7-captured.toml", {"rounds": 90}),
    "sealed, compact, by distance": ("small.toml", {"sealed": True, "chain.body": "compact", "cost": "distance"}),
    "compared by validators": ("small.toml", {"rounds": 24, "comparison": "mpc", "parties": 3}),
}
"""Scenario and what is changed in it; the theorems' own are in tests/integration/test_theorems.py."""


@pytest.mark.parametrize("game", GAMES)
def test_both_agree_on_an_example(game: str, tmp_path: Path) -> None:
    file, changes = GAMES[game]
    out = tmp_path / "run"
    out.mkdir()
    run(load(EXAMPLES / file, {"expect": {}} | changes), out, lambda moment: None, Stopwatch())
    report = audit_folder(out, paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    assert {name for name in SECOND if not report.checks[name].passed} <= {"paranoid.commanders", "paranoid.evidence"}
