"""A rule of another author in nodes: one digest with the game in one process, and no node with another file of it."""

import json
import re
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

import chain_bandit as cb
from chain_bandit import runs
from chain_bandit.audits import audit_folder
from chain_bandit.foreign import registry
from chain_bandit.foreign.registry import named
from chain_bandit.protocol import rules
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.estimation import estimate
from chain_bandit.protocol.rule import Agreed
from chain_bandit.protocol.ruleset import RuleKind, RuleUnanswered
from chain_bandit.protocol.units import INFINITY
from chain_bandit.runner.workers import processes
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.engine import Engine
from chain_bandit.sweeps.cell import Cell
from chain_bandit.sweeps.cell import play as cell_play
from tests.games import build_scenario, malicious
from tests.integration.nodes import chain_bandit
from tests.integration.nodes_up import game

RULE = '''
from chain_bandit.rule_api import Aggregation, Agreed, Estimate, State, Terms, chance, mean_over


class Drawn(Aggregation):
    """One report, which the round's seed draws; no answer in round 11."""

    name = "drawn"
    draws = True

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        seats = sorted(agreed.passed())
        one = [seats[chance(agreed.seed, agreed.round) // (agreed.round - 11) % len(seats)]] if seats else []
        return mean_over(agreed, [frozenset(one)] * terms.arms)
'''
"""Who divides by nothing in round 11 raises in every node at once."""


@pytest.fixture
def scenario(tmp_path):
    file = tmp_path / "drawn.py"
    file.write_text(RULE)
    liar = malicious(3, ("constant-lie", {"value": 1.0}))
    return file, build_scenario(4, 2, 24, aggregation=f"{file}:Drawn", malicious=[liar], bound_ms=2000)


def test_a_rule_that_fails_in_a_round_rejects_its_block_alike_everywhere(scenario, tmp_path, play):
    _, game_ = scenario
    finished = runs.play(game_, tmp_path / "run")
    assert finished.report.verdict == "passed", finished.report.violations
    failed = [found for found in finished.report.findings if found.kind == "rule without an answer"]
    assert [found.rounds for found in failed] == [(11,)]
    (row,) = [row for row in finished.report.rounds if row.round == 11]
    assert (row.kind, row.rewards) == ("rejected", None)
    _, rounds = play(game_)
    kinds = {each.round: each.record.kind for each in rounds if each.record}
    assert [t for t, kind in kinds.items() if kind is Kind.REJECTED] == [11]


RAISES = {
    "an aggregation": ("Aggregation", "estimate(self, terms, state, agreed)", "aggregation failed in all 2 blocks"),
    "a policy": ("Policy", "arm(self, terms, learnt)", "policy failed in all "),
    "a reputation": ("Reputation", "weigh(self, terms, state, agreed, estimate)", "reputation failed in all "),
    "a disclosure": ("Disclosure", "encode(self, terms, own)", "disclosure failed on the rewards of seat 0 in all "),
}


@pytest.mark.parametrize("kind", RAISES)
def test_a_rule_that_raises_in_every_call_is_no_success(kind, tmp_path, called, caplog, monkeypatch):
    base, verb, said = RAISES[kind]
    rule = f'class Mine({base}):\n    name = "mine"\n\n    def {verb}:\n        raise ValueError("no seat\\nmore")\n'
    (tmp_path / "mine.py").write_text(f"from chain_bandit.rule_api import {base}\n\n\n{rule}")
    (tmp_path / "game.toml").write_text(
        'name = "game"\npreset = "paper"\nparticipants = 4\nrounds = 10\nliars = 1\nattackers = 1\nburn_in = 8\n'
        f'{base.lower()} = "mine.py:Mine"\n[rewards]\nkind = "bernoulli"\nmeans = [0.9, 0.3]\n'
    )
    played = called("run", "game.toml", "--out", "run")
    why = f"{verb.partition('(')[0]} raises ValueError: no seat (line 8)"
    assert played.returncode == 3, played.stderr
    assert f"warning: the rule 'Mine' gave no answer: {why}\n" in caplog.text
    assert f"error: the game's {'rule of ' * (base in ('Aggregation', 'Reputation'))}{said}" in played.stderr
    assert why in " ".join(played.stdout.split())
    monkeypatch.chdir(tmp_path)
    assert not cb.play(cb.load("game.toml"), "api").passed
    for _ in range(2):  # what was remembered of the first game is no answer in the second
        with pytest.raises(RuleUnanswered, match=f"{base.lower()} 'mine' failed each of the .*: {re.escape(why)}"):
            cb.simulate(cb.load("game.toml"), 2)
    simulated = called("simulate", "game.toml", "--replicates", "2")
    assert (simulated.returncode, simulated.stdout) == (3, "")
    assert f"{verb.partition('(')[0]} was asked: {why}; correct the file of the rule" in simulated.stderr
    swept = cb.sweep("game.toml", axes={"threshold": [2, 3]}, replicates=2)
    assert all(why in row["error"] for row in swept.final.to_arrow().to_pylist())
    with monkeypatch.context() as patched:  # as in another process
        patched.setattr(rules, "_added", {})
        patched.setattr(registry, "_loaded", {})
        opened = called("audit", "run")
    assert (opened.returncode, "--rule NAME or FILE.py:Class runs it" in " ".join(opened.stdout.split())) == (13, True)
    seen = called("show", "run", "--rule", "mine.py:Mine")
    assert (why in " ".join(seen.stdout.split()), seen.returncode) == (True, 0)


def test_a_rule_that_raises_from_a_later_round_on_is_no_success_and_its_numbers_are_there(
    tmp_path, called, monkeypatch
):
    (tmp_path / "late.py").write_text(
        'from chain_bandit.rule_api import Policy\n\n\nclass Late(Policy):\n    name = "late"\n\n'
        "    def arm(self, terms, learnt):\n        return 1 // (learnt.round <= 15)\n"
    )
    (tmp_path / "game.toml").write_text(
        'name = "game"\npreset = "paper"\nparticipants = 4\nrounds = 20\nliars = 1\nattackers = 1\nburn_in = 8\n'
        'policy = "late.py:Late"\n[rewards]\nkind = "bernoulli"\nmeans = [0.9, 0.3]\n'
    )
    said = "the game's policy 'late' failed 5 of the 12 times that arm was asked: arm raises ZeroDivisionError"
    simulated = called("simulate", "game.toml", "--replicates", "1")
    assert simulated.returncode == 3
    assert f"error: {said}" in simulated.stderr
    assert "ucb1 chose in its place" in simulated.stderr
    assert "Regret of an honest participant" in simulated.stdout
    told = json.loads(called("simulate", "game.toml", "--replicates", "1", "--json").stdout)
    assert told["error"]["message"].startswith(said)
    assert told["checkpoints"][-1]["round"] == 20
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuleUnanswered, match=re.escape(said)) as refused:
        cb.simulate("game.toml", 1)
    assert len(refused.value.results.sums) == 1
    (row,) = cb.sweep("game.toml", axes={"threshold": [2]}, replicates=1).final
    assert said in row["error"]
    played = called("run", "game.toml", "--out", "run")
    assert played.returncode == 3
    assert "error: the game's policy failed in 5 blocks" in played.stderr
    assert json.loads((tmp_path / "run" / "audit.json").read_text())["verdict"] == "passed"
    assert not cb.play("game.toml", "api").passed


def test_a_rejected_round_is_shown_with_what_its_rule_raised(scenario, tmp_path, called):
    _, game_ = scenario
    runs.play(game_, tmp_path / "run")
    seen = called("show", "run", "round", 11)
    why = "the rule of aggregation selected no report, and gave no estimator: estimate raises ZeroDivisionError"
    assert why in " ".join(seen.stdout.split())
    assert "too high or too low" not in seen.stdout


def test_nodes_come_to_the_same_whatever_their_folder(scenario, tmp_path, play, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, game_ = scenario
    game_ = Scenario.model_validate(game_.model_dump() | {"aggregation": "drawn.py:Drawn"})
    alone, _ = play(game_)
    with game(game_, tmp_path / "game") as played:
        manifest, report = played.end()
        log = chain_bandit("logs", tmp_path / "game", "seat-1", "--lines", 99).stdout
    assert "warning: the rule 'Drawn' gave no answer: estimate raises ZeroDivisionError" in log
    assert report.verdict == "passed", report.violations
    assert manifest["run_digest"] == "0x" + alone.run_digest.hex()


def test_a_node_with_another_file_of_the_rule_refuses_to_start(scenario, tmp_path):
    """Who is away meanwhile is waited for or left out, by the clock: its game has no digest to compare."""
    file, game_ = scenario
    digest = named(RuleKind.AGGREGATION, f"{file}:Drawn").digest.hex()
    with game(game_, tmp_path / "game") as played:
        played.wait(lambda: played.at_round(8))
        played.kill("seat-2")
        file.write_text(RULE.replace("- 11", "- 12") + "\n")
        refused = chain_bandit("node", tmp_path / "game" / "seat-2")
        assert refused.returncode == 3, refused.stderr
        assert refused.stderr.count("0x") == 2
        assert digest in refused.stderr
        file.write_text(RULE)
        played.start("seat-2")
        _, report = played.end()
    assert report.verdict == "passed", report.violations


def test_a_rule_that_would_change_what_it_is_shown_gives_no_answer(scenario, tmp_path):
    file, _ = scenario
    file.write_text(RULE.replace("        seats =", "        agreed.reports[0] = (0,) * terms.arms\n        seats ="))
    choice = named(RuleKind.AGGREGATION, f"{file}:Drawn")
    p = build_scenario().parameters
    shown = {0: (7, 9)}
    agreed = Agreed(12, bytes(32), shown, {0: (True, True)}, (4, 4), None, (1, 1, 1, 1))
    found = estimate(replace(p, aggregation=choice), (), agreed)
    assert (found.means, shown) == ((INFINITY, INFINITY), {0: (7, 9)})


def test_results_of_a_sweep_are_those_of_the_rules_file(scenario):
    """An edited rule finds no cell that was played by the one before."""
    file, game_ = scenario
    key = Cell.of(game_, 1).key()
    file.write_text(RULE + "\n")
    again = Scenario.model_validate(game_.model_dump())
    assert Cell.of(again, 1).key() != key


def test_cells_are_played_in_other_processes_as_in_this_one(scenario):
    _, game_ = scenario
    cells = [Cell.of(game_.model_copy(update={"seed": seed}), 2) for seed in (1, 2)]
    tasks = [(cell, cell.digest, Engine.PLAIN) for cell in cells]
    with closing(processes(2)(cell_play, tasks)) as played:
        found = {digest: sums() for (_, digest, _), sums in played}
    for cell, digest, engine in tasks:
        assert np.array_equal(found[digest], cell_play((cell, digest, engine)))


OWN_UCB1 = '''
from math import isqrt

from chain_bandit.rule_api import Learnt, Policy, Terms, log_billionths


class Own(Policy):
    name = "own"

    def arm(self, terms: Terms, learnt: Learnt) -> int:
        p, q = terms.c1
        indices = []
        for mean, n, w in zip(learnt.means, learnt.pulls, learnt.worth):
            indices.append(mean + 10 * isqrt(p * log_billionths(learnt.round) * 10**7 // (q * max(w, 1)) // n))
        return indices.index(max(indices))
'''


def test_an_index_policy_can_be_written_by_what_the_interface_has(tmp_path):
    """UCB1 by somebody else pulls the arms of ours."""
    (tmp_path / "own.py").write_text(OWN_UCB1)
    liar = malicious(3, ("constant-lie", {"value": 1.0}))
    pulled = []
    for place, policy in enumerate((f"{tmp_path / 'own.py'}:Own", "ucb1", "kl-ucb")):
        played = build_scenario(4, 2, 60, policy=policy, malicious=[liar])
        report = runs.play(played, tmp_path / str(place)).report
        assert (report.verdict, report.violations) == ("passed", [])
        pulled.append([row.arm for row in report.rounds])
    assert pulled[0] == pulled[1] != pulled[2]


POLICY = '''
from chain_bandit.rule_api import Learnt, Policy, Terms


class Lately(Policy):
    """The arm pulled least; none that exists in round 13, no answer in round 15."""

    name = "lately"

    def arm(self, terms: Terms, learnt: Learnt) -> int:
        if learnt.round == 13:
            return terms.arms
        return learnt.pulls.index(min(learnt.pulls)) // (15 - learnt.round if learnt.round == 15 else 1)
'''


def test_where_a_policy_says_no_arm_all_pull_that_of_ucb1_and_the_audit_says_so(tmp_path):
    file = tmp_path / "lately.py"
    file.write_text(POLICY)
    liar = malicious(3, ("constant-lie", {"value": 1.0}))
    game_ = build_scenario(4, 2, 24, policy=f"{file}:Lately", malicious=[liar], bound_ms=2000)
    alone = runs.play(game_, tmp_path / "run")
    assert alone.report.verdict == "passed", alone.report.violations
    failed = [found for found in alone.report.findings if found.kind == "policy without an arm"]
    assert [found.rounds for found in failed] == [(13, 15)]
    assert {row.kind for row in alone.report.rounds} == {"approved"}
    with game(game_, tmp_path / "game") as played:
        manifest, report = played.end()
    assert (report.verdict, report.violations) == ("passed", [])
    assert manifest["run_digest"] == alone.manifest["run_digest"]


FAILING = '''
from chain_bandit.rule_api import (
    Agreed, Disclosure, Estimate, Means, Own, Reputation, Selected, Selection, Standing, State, Terms, Weights,
)


class Chooses(Selection):
    """Everybody; no answer after round 13."""

    name = "chooses"

    def select(self, terms: Terms, state: State, agreed: Agreed | None, standing: Standing) -> Selected:
        return Selected(frozenset(standing.eligible) if standing.round != 14 else None)


class Excludes(Reputation):
    """Nobody in the first block; no answer later."""

    name = "excludes"

    def weigh(self, terms: Terms, state: State, agreed: Agreed, estimate: Estimate) -> Weights:
        return Weights((50_000,) * terms.participants)

    def left_out(self, terms: Terms, reputations: Means) -> frozenset:
        return frozenset() if max(reputations) < 40_000 else None


class Says(Disclosure):
    """The means as they are; of round 17 no answer."""

    name = "says"

    def encode(self, terms: Terms, own: Own) -> Means:
        return own.means if own.round != 17 else None
'''


def test_of_every_kind_of_rule_an_audit_says_in_which_rounds_it_failed(tmp_path):
    file = tmp_path / "failing.py"
    file.write_text(FAILING)
    named = {"selection": "Chooses", "reputation": "Excludes", "disclosure": "Says"}
    played = build_scenario(4, 2, 24, **{kind: f"{file}:{name}" for kind, name in named.items()})
    report = runs.play(played, tmp_path / "run").report
    assert (report.verdict, report.violations) == ("passed", [])
    found = {(each.kind, each.seat): each.rounds for each in report.findings}
    assert found == {
        ("rule without a choice", None): (13,), ("rule without exclusions", None): tuple(range(5, 25)),
        **{("disclosure without a report", seat): (17,) for seat in range(4)},
    }  # fmt: skip


DISCLOSURE = '''
from chain_bandit.rule_api import Disclosure, Means, Own, Terms


class Coarse(Disclosure):
    """Thousandths."""

    name = "coarse"

    def encode(self, terms: Terms, own: Own) -> Means:
        return tuple([mean // 1_000_000 * 1_000_000 for mean in own.means])

    def is_valid(self, terms: Terms, values: Means) -> bool:
        return all([value % 1_000_000 == 0 for value in values])
'''


def test_without_the_disclosure_an_audit_makes_all_checks_but_those_that_rest_on_it(tmp_path, monkeypatch):
    file, other = tmp_path / "coarse.py", tmp_path / "other.py"
    file.write_text(DISCLOSURE)
    other.write_text(DISCLOSURE + "\n")
    liar = malicious(3, ("constant-lie", {"value": 1.0}))
    game_ = build_scenario(4, 2, 24, disclosure=f"{file}:Coarse", malicious=[liar], bound_ms=2000)
    full = runs.play(game_, tmp_path / "run").report
    assert full.verdict == "passed", full.violations
    monkeypatch.setattr(rules, "_added", {})
    monkeypatch.setattr(registry, "_loaded", {})
    assert len(list(registry.run_rules([f"{other}:Coarse"]))) == 1
    lacking = audit_folder(tmp_path / "run")
    assert (lacking.verdict, lacking.violations) == ("incomplete", [])
    open_ = {name for name, tally in lacking.checks.items() if tally.not_checkable}
    assert open_ == {"game.parameters", "report.range", "honest.report", "costs.case"}
    assert all(lacking.checks[name].passed == full.checks[name].passed for name in lacking.checks.keys() - open_)
    for each in (file, other):
        assert keccak(each.read_bytes()).hex() in lacking.checks["report.range"].evidence
    assert (lacking.run_digest, lacking.accounts) == (full.run_digest, full.accounts)
