"""Step limit of a foreign rule's call: declared by its game, and the same for all who compute it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit import runs
from chain_bandit.foreign.registry import named
from chain_bandit.protocol import rules
from chain_bandit.protocol.estimation import estimate
from chain_bandit.protocol.ruleset import STEPS, RuleChoice, RuleKind, RuleRefused
from chain_bandit.protocol.units import INFINITY, UNIT
from chain_bandit.scenario import Scenario
from tests.games import build_scenario
from tests.integration.nodes import chain_bandit
from tests.integration.nodes_up import game
from tests.unit.protocol.rules import records

ROOT = Path(__file__).parents[2]
KRUM = ROOT / "tests" / "packages" / "their_krum.py"
BUSY = '''
from chain_bandit.rule_api import Aggregation, Agreed, Estimate, State, Terms, mean_over


class Busy(Aggregation):
    """The mean over F; from round 9 on a call of it takes more than 1,500,000 steps."""

    name = "busy"

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        for _ in range(15 if agreed.round > 8 else 1):
            sum(range(100_000))
        return mean_over(agreed, [agreed.passed()] * terms.arms)
'''


@pytest.fixture
def busy(tmp_path: Path) -> Path:
    file = tmp_path / "busy.py"
    file.write_text(BUSY)
    return file


def scenario(file: Path, **more: int) -> Scenario:
    return build_scenario(4, 2, 14, aggregation={"name": f"{file}:Busy", **more}, bound_ms=2000)


@pytest.mark.parametrize(("more", "rejected"), [({}, 4), ({"steps": 2 * STEPS}, 0)], ids=["default", "declared"])
def test_a_call_takes_as_many_steps_as_the_game_declares(
    busy: Path, more: dict[str, int], rejected: int, tmp_path: Path
) -> None:
    finished = runs.play(scenario(busy, **more), tmp_path / "run")
    assert finished.report.verdict == "passed", finished.report.violations
    failed = [found for found in finished.report.findings if found.kind == "rule without an answer"]
    assert sum(len(found.rounds) for found in failed) == rejected
    kinds = [row.kind for row in finished.report.rounds if row.round > 8]
    assert (kinds.count("rejected"), "approved" in kinds) == (rejected, not rejected)


def test_nodes_and_an_auditor_take_the_bound_from_the_chain(busy: Path, tmp_path: Path, play) -> None:  # type: ignore[no-untyped-def]
    game_ = scenario(busy, steps=2 * STEPS)
    alone, _ = play(game_)
    with game(game_, tmp_path / "game") as up:
        manifest, report = up.end()
    assert report.verdict == "passed", report.violations
    assert manifest["run_digest"] == "0x" + alone.run_digest.hex()
    audited = chain_bandit("audit", tmp_path / "game", "--rule", f"{busy}:Busy", "--json")
    assert audited.returncode == 0, audited.stderr
    assert json.loads(audited.stdout)["run_digest"] == manifest["run_digest"]


@pytest.mark.deep
def test_another_python_comes_to_the_same(busy: Path, tmp_path: Path) -> None:
    """The later one is made by `make .venv-next/ready`."""
    made = scenario(busy, steps=2 * STEPS).model_copy(update={"aggregation": "option-1"})
    runs.play(made, tmp_path / "plain")
    rule = f'aggregation={{name="{busy}:Busy", steps={2 * STEPS}}}'
    digests = set()
    for place in (".venv", ".venv-next"):
        command = str(ROOT / place / "bin" / "chain-bandit")
        lock, out = tmp_path / "plain" / "scenario.lock.toml", tmp_path / place
        played = chain_bandit("run", lock, "-o", rule, "--out", out, "--json", command=command)
        assert played.returncode == 0, played.stderr
        digests.add(json.loads(played.stdout)["run_digest"])
    assert len(digests) == 1


def test_krum_of_another_author_is_admitted_at_the_largest_game() -> None:
    """Its 8.7 million steps are within a bound of ten, and in no default one."""
    dice = records.Dice(3)
    agreed = records.matrix(*(tuple(UNIT // 2 + dice.below(UNIT // 20) for _ in range(254)) for _ in range(256)))
    ours = RuleChoice(RuleKind.AGGREGATION, "krum")
    for steps in (10**7, None):
        choice = named(RuleKind.AGGREGATION, f"{KRUM}:Krum", steps=steps)
        p = replace(build_scenario().parameters, participants=256, arms=254, liars=85, aggregation=choice)
        found = estimate(p, (), agreed)
        if steps:
            assert found == rules.find(ours).estimate(p.terms, (), agreed)  # type: ignore[attr-defined]
        else:
            assert found.means == (INFINITY,) * 254
            assert found.reason == "passes its bound of 1000000 steps"


def test_steps_of_a_rule_of_ours_are_not_counted() -> None:
    with pytest.raises(RuleRefused, match="are not counted"):
        build_scenario(aggregation={"name": "krum", "steps": 9})
