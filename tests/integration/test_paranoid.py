"""The second computation and the audit agree on whole games of every example, by all actors, with attackers in them."""

from pathlib import Path

import pytest

from chain_bandit import runs
from chain_bandit.auditor.catalogue import SECOND
from chain_bandit.game.run import run
from chain_bandit.runs import audit_folder
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests.games import build_scenario, malicious
from tests.integration.test_vouched_rules import RECALL, TRUSTED

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GAMES: dict[str, tuple[str, dict[str, object]]] = {
    "small": ("small.toml", {}),
    "flights": ("flights.toml", {"preset": "paper", "rounds": 120}),
    "weights, slashed": ("weights.toml", {"rounds": 50, "slash": 0.5}),
    "exclusion": ("exclusion.toml", {"rounds": 45}),
    "captured": ("theorems/theorem7-captured.toml", {"rounds": 90}),
    "sealed, compact, by distance": ("small.toml", {"sealed": True, "chain.body": "compact", "cost": "distance"}),
    "kl-ucb": ("small.toml", {"rounds": 60, "policy": "kl-ucb"}),
    "thompson": ("small.toml", {"rounds": 60, "policy": "thompson"}),
    "compared by validators": ("small.toml", {"rounds": 24, "comparison": "mpc", "parties": 3}),
}
"""Scenario and what is changed in it; the theorems' own are in tests/integration/test_theorems.py."""


@pytest.mark.parametrize("game", GAMES)
def test_both_agree_on_an_example(game: str, tmp_path: Path) -> None:
    file, changes = GAMES[game]
    out = tmp_path / "run"
    out.mkdir()
    run(load(EXAMPLES / file, {"preset": "paper", "expect": {}} | changes), out, lambda moment: None, Stopwatch())
    report = audit_folder(out, paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    assert {name for name in SECOND if not report.checks[name].passed} <= {"paranoid.commanders", "paranoid.evidence"}


COARSE = """
from chain_bandit.rule_api import Disclosure, Means, Own, Terms


class Coarse(Disclosure):
    name = "coarse"

    def encode(self, terms: Terms, own: Own) -> Means:
        return tuple(mean // 10**7 * 10**7 for mean in own.means)

    def is_valid(self, terms: Terms, values: Means) -> bool:
        return all(value % 10**7 == 0 for value in values)
"""
SELECTIVE = RECALL.replace("    def weigh", """
    def left_out(self, terms: Terms, reputations: State) -> frozenset[int]:
        return frozenset(seat for seat, each in enumerate(reputations) if each < 10_000)

    def weigh""")
LATELY = """
from chain_bandit.rule_api import Learnt, Policy, Terms


class Lately(Policy):
    name = "lately"

    def arm(self, terms: Terms, learnt: Learnt) -> int:
        return learnt.pulls.index(min(learnt.pulls))
"""
OTHERS = {
    "policy": ({"policy": ("Lately", LATELY)}, {"arm"}, {}),
    "reputation": ({"reputation": ("Recall", SELECTIVE)}, {"accuracy", "selection"}, {}),
    "selection": ({"selection": ("Trusted", TRUSTED)}, {"committee"}, {}),
    "disclosure": ({"disclosure": ("Coarse", COARSE)}, {"report", "cost"}, {"attackers": 2, "liars": 2}),
    "all": (
        {"reputation": ("Recall", SELECTIVE), "selection": ("Trusted", TRUSTED), "disclosure": ("Coarse", COARSE)},
        {"accuracy", "selection", "committee", "report", "cost"}, {},
    ),
    "who is left out of a draw": (
        {"reputation": ("Recall", SELECTIVE)}, {"accuracy", "selection", "committee"}, {"sortition": 0.9},
    ),
}  # fmt: skip
"""Rules that have no second implementation, and the checks that have one for them."""


@pytest.mark.parametrize("body", ["compact", "full"])
@pytest.mark.parametrize("case", OTHERS)
def test_what_rules_of_others_say_is_taken_as_recorded_and_all_else_is_computed(
    case: str, body: str, tmp_path: Path
) -> None:
    files, once, more = OTHERS[case]
    named = {}
    for kind, (attribute, text) in files.items():
        (tmp_path / f"{kind}.py").write_text(text)
        named[kind] = f"{tmp_path / kind}.py:{attribute}"
    liar = malicious(6, ("constant-lie", {"value": 1.0}))
    fields = {"attackers": 1, "liars": 1, "quorum": "majority", "chain": {"body": body}, **more, **named}
    runs.play(build_scenario(7, 2, 30, malicious=[liar], **fields), tmp_path / "run")
    report = audit_folder(tmp_path / "run", paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    said = {name for name in SECOND if "has one implementation" in report.checks[name].evidence}
    assert said == {f"paranoid.{name}" for name in once}
    unmade = {name for name in SECOND if not report.checks[name].passed}
    assert unmade - said <= {"paranoid.commanders", "paranoid.evidence"}
    assert not any(report.checks[name].not_checkable for name in SECOND)
