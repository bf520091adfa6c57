"""Every rule of the literature on every chain: one digest, and nothing wrong with the audit; some of them by nodes."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from chain_bandit import runs
from chain_bandit.game.chains import chain as chain_named
from chain_bandit.scenario import Scenario, load
from tests.few import few
from tests.games import build_scenario, malicious
from tests.integration.nodes_up import game
from tests.unit.protocol.rules.records import AGGREGATIONS, DISCLOSURES, POLICIES, REPUTATIONS

ROOT = Path(__file__).parents[2]
OF_THE_PAPER = {"option-1", "option-2", "option-3", "delta-safe", "confidence", "accuracy", "ucb1", "estimates"}
FIRST = ("median", "meritrank", "kl-ucb", "thompson", "tree-noise")
"""What plays every time, on one other chain of two: a contract knows no rule."""
RULES = sorted(
    [
        (kind, name)
        for kind, known in (("aggregation", AGGREGATIONS), ("reputation", REPUTATIONS), ("policy", POLICIES),
                            ("disclosure", DISCLOSURES))
        for name in known.keys() - OF_THE_PAPER
    ],
    key=lambda rule: (rule[1] not in FIRST, rule),
)


def scenario(kind: str, name: str, **more: Any) -> Scenario:
    """Flights, cut short: ten participants, three malicious, two of them proven so; sealed for who needs keys."""
    cut = {kind: name, "rounds": 56, "burn_in": 32, "preset": "paper", "sealed": name == "tree-noise"}
    return load(ROOT / "examples" / "flights.toml", cut | more)


def played(kind: str, name: str, chain: str) -> str:
    """The run digest, of a game that the audit passes."""
    with TemporaryDirectory() as place:
        finished = runs.play(scenario(kind, name), Path(place) / "run", chain=chain_named(chain))
        page = (Path(place) / "run" / "report.html").read_text(encoding="utf-8")
    assert ("epsilon = " in page) == (name == "tree-noise")
    report = finished.report
    assert (report.exit_code, report.verdict, report.violations) == (0, "passed", [])
    assert report.checks["aggregate.selected"].passed > 15
    assert report.run_digest == finished.manifest["run_digest"]
    return str(finished.manifest["run_digest"])


@cache
def on_embedded(kind: str, name: str) -> str:
    """Once, however many chains are held against it."""
    return played(kind, name, "embedded")


@pytest.mark.parametrize(("kind", "name", "chain"), [
    pytest.param(*rule, chain, marks=[] if place < len(FIRST) and (place + at) % 2 == 0 else [pytest.mark.deep])
    for place, rule in enumerate(RULES) for at, chain in enumerate(("anvil", "hardhat"))
])  # fmt: skip
def test_a_rule_comes_to_the_same_on_every_chain(kind: str, name: str, chain: str) -> None:
    assert played(kind, name, chain) == on_embedded(kind, name)


def test_every_rule_is_another_game() -> None:
    assert len(RULES) == 17
    assert len({on_embedded(*rule) for rule in RULES[: len(FIRST)]}) == len(FIRST)


@pytest.mark.parametrize(("kind", "name"), few([("reputation", "meritrank"), ("aggregation", "median"),
                                                ("disclosure", "tree-noise"), ("policy", "kl-ucb"),
                                                ("policy", "thompson"), ("aggregation", "krum")], 2))  # fmt: skip
def test_nodes_with_a_rule_come_to_the_same(kind: str, name: str, tmp_path: Path) -> None:
    liar = malicious(3, ("constant-lie", {"value": 1.0}))
    small = build_scenario(5, 2, 20, malicious=[liar], bound_ms=2000, sealed=name == "tree-noise", **{kind: name})
    alone = runs.play(small, tmp_path / "run")
    with game(small, tmp_path / "game") as up:
        manifest, report = up.end()
    assert (report.exit_code, report.verdict, report.violations) == (0, "passed", [])
    assert manifest["run_digest"] == alone.manifest["run_digest"]
