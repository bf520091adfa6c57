"""Games with phases (decision 105): simulator, live game and its contract decide alike, and pay to the unit."""

from typing import Any

import pytest

from chain_bandit.scenario import Scenario
from tests.equivalence.test_false_reports import require_equal
from tests.equivalence.test_outcomes_equal_game import require_equal as decides_equally
from tests.equivalence.test_outcomes_equal_game import scenario as scenario_without
from tests.few import few

GROWTHS = [0.05, 0.3, 1.0, 4.0]


def scenario(name: str, **changes: Any) -> Scenario:
    return scenario_without(name, **{"rounds": 120, "growth": 0.3} | changes)


@pytest.mark.parametrize("growth", GROWTHS)
@pytest.mark.parametrize("name", ["mimic", "within-range", "two-faced-report"])
def test_phases_of_every_growth_decide_alike(name: str, growth: float) -> None:
    rows = decides_equally(scenario(name, growth=growth, cost="distance"))
    assert len(rows) < 120
    assert sum(rows[-1][5][0]) + rows[-1][5][2] == 120  # pulls, and rounds without any


SWITCHES: list[dict[str, Any]] = [
    {"paid_burn_in": True}, {"cost": "distance"}, {"growth": 2.0}, {"chain": {"batch": 3, "settle_every": 4}},
    {"failure_limit": 1}, {"policy": "kl-ucb"},
]  # fmt: skip
LIES = ["constant-lie", "two-faced-report", "within-range", "inflated-counts"]


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
@pytest.mark.parametrize("name", few(LIES, 2))
def test_a_liar_is_proven_and_pays_as_in_the_live_game(name: str, changes: dict[str, Any]) -> None:
    rows, listed = require_equal(scenario(name, slash=0.25, **changes))
    assert len(rows) < 120
    assert listed[5]


def test_where_rounds_fail_and_everybody_explores() -> None:
    quiet = {"name": "silent-validator", "options": {"reports": False, "first": 25, "last": 31}}
    malicious = [{"seat": seat, "attacks": [quiet]} for seat in (3, 4, 5, 6)]
    rows, _ = require_equal(scenario("", malicious=malicious, slash=0.25, failure_limit=2))
    kinds = {row[1].name for row in rows if row[1] is not None}
    assert {"SKIP", "EXPLORATION", "APPROVED"} <= kinds
