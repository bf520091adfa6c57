"""Certified vectors in whole games: the same decisions in fewer steps; and what a slow or hostile participant costs."""

import json
from dataclasses import dataclass
from math import inf
from pathlib import Path

import pytest

from benchmarks.internet import Network
from benchmarks.internet import play as of_nodes
from chain_bandit.actors.messages import Schedule
from chain_bandit.game import wiring
from chain_bandit.network.memory import MemoryNetwork
from chain_bandit.protocol.messages import Phase
from tests.integration.nodes import SMALL, here
from tests.integration.test_virtual_time import in_virtual_time
from verification.schedules import nodes
from verification.schedules.acts import Carried, FaultSchedule, GameSize, Release, SignatureChain, Timed
from verification.schedules.stage import ScheduleStage

CERTIFIED = {"vectors": "certified"}


@pytest.fixture
def steps(monkeypatch):
    """How many steps each round of a game took."""
    taken = []

    class Counted(MemoryNetwork):
        def step(self, step):
            if step == 0:
                taken.append(0)
            taken[-1] += 1
            super().step(step)

    monkeypatch.setattr(wiring, "MemoryNetwork", Counted)
    return taken


@pytest.mark.parametrize(("n", "m"), [(4, 1), (31, 10), (100, 33)])
def test_a_round_has_six_steps_or_at_most_m_and_eight(n, m):
    schedule = Schedule(m, 0, certified=True)
    assert (schedule.compare, schedule.certify + 1, schedule.steps) == (2, 6, m + 8)
    assert Schedule(m, 0).steps == m + 6


@pytest.mark.parametrize(("n", "silent"), [(4, 0), (4, 1), (10, 0), (10, 3), (16, 5)])
def test_rounds_take_six_steps_where_nobody_tells_two_things(n, silent, play, scenario, cheat, steps):
    malicious = [cheat(n - 1 - k, "silent-validator") for k in range(silent)]
    given = {"attackers": (n - 1) // 3, "malicious": malicious, "rounds": 14}
    plain, _ = play(scenario(n, **given))
    steps.clear()
    certified, _ = play(scenario(n, **given, **CERTIFIED))
    assert certified.run_digest == plain.run_digest
    assert set(steps) == {6}


@pytest.mark.parametrize("attack", [
    "two-faced-report", "equivocating-commander", "late-chain", "silent-validator", "forged-signature", "replay",
    "two-faced-counts",
])  # fmt: skip
def test_a_game_under_attack_decides_the_same_and_proves_the_same(attack, play, scenario, cheat, steps, monkeypatch):
    given = {"rounds": 12, "attackers": 2, "malicious": [cheat(5, attack), cheat(6, attack)]}
    game, rounds = play(scenario(7, **given))
    expected = game.run_digest, [played.accused for played in rounds]
    steps.clear()
    game, rounds = play(scenario(7, **given, **CERTIFIED))
    assert (game.run_digest, [played.accused for played in rounds]) == expected
    assert max(steps) <= 2 + 8
    for seed in range(2):
        monkeypatch.setattr(wiring, "MemoryNetwork", in_virtual_time(seed))
        game, rounds = play(scenario(7, **given, **CERTIFIED))
        assert (game.run_digest, [played.accused for played in rounds]) == expected, seed


def test_a_committee_certifies_vectors_too(play, scenario, steps):
    given = {"rounds": 14, "validators": 4, "attackers": 1, "liars": 1}
    plain, _ = play(scenario(7, **given))
    steps.clear()
    certified, _ = play(scenario(7, **given, **CERTIFIED))
    assert certified.run_digest == plain.run_digest
    assert set(steps) == {6}


@dataclass(frozen=True)
class Slow(Network):
    """Every message to and from one of the seats takes `late` seconds."""

    late: float = 0.0

    def round_trip(self, one: int, other: int) -> float:
        return 2 * self.late if 1 in (one, other) and min(one, other) >= 0 else 0.02


@pytest.mark.parametrize(("n", "m"), [(4, 1), (7, 2), (10, 3)])
@pytest.mark.parametrize("late", [0.4, 0.9, 1.5])
def test_one_slow_participant_costs_at_most_two_deltas_a_round_and_m_and_two_without_vectors(n, m, late):
    """Delta is a second. Beyond it the slow one is late, and is not waited for in most rounds."""
    slow = Slow(bandwidth=inf, jitter=0.0, late=late)
    sizes = (GameSize(n, m, certified=True), 1.5), (GameSize(n, m), m + 2), (GameSize(n, m, "majority"), m + 2)
    for size, most in sizes:
        rounds = of_nodes(ScheduleStage(size), "", slow, 1.0, rounds=6)
        assert rounds.certified == 6
        assert rounds.seconds < most


@pytest.mark.parametrize(("n", "m"), [(4, 1), (7, 2), (10, 3)])
def test_a_hostile_participant_costs_m_and_four_deltas_a_round_and_two_fewer_without_vectors(n, m):
    """It tells half of the others its report, and sends each envelope at the last moment."""
    for certified, deltas in ((True, m + 4), (False, m + 2)):
        size, honest = GameSize(n, m, certified=certified), tuple(range(1, n))
        acts = [Carried(10, ())]
        for round_ in range(2):
            acts.append(Release(round_, 0, Phase.REPORT, 0, honest[: n // 2], 0, 0, SignatureChain.BARE))
            acts += [Timed(round_, step, 0, honest, 1, -20) for step in range(size.steps.steps)]
        game = nodes._Game(ScheduleStage(size), FaultSchedule(size, (0,), 2, 5, tuple(acts)), logged=False)
        assert game.play().violations == []
        began = [played.began[1] for _, played in sorted(game.rounds.items())]
        assert (began[1] - began[0]) / nodes.BOUND == pytest.approx(deltas, abs=0.3)


@pytest.mark.parametrize("n", [4, 10, 31])
def test_without_faults_vectors_are_faster_between_nodes_and_take_hardly_more_bytes(n):
    equal = Network(bandwidth=inf, jitter=0.0, equal=200.0)
    m = (n - 1) // 3
    certified, plain = (
        of_nodes(ScheduleStage(GameSize(n, m, certified=each)), "", equal, 1.0, rounds=2) for each in (True, False)
    )
    assert certified.seconds == pytest.approx(10 * 0.1)
    assert plain.seconds == pytest.approx((m + 10) * 0.1)
    assert certified.bytes < 1.1 * plain.bytes


def test_nodes_play_a_game_with_certified_vectors_that_its_audit_passes(tmp_path: Path) -> None:
    small = SMALL
    line = ("--rounds", 14, "-o", "burn_in=6", "-o", "expect={}", "-o", 'vectors="certified"', "-o", "bound_ms=2000")
    out = tmp_path / "game"
    ended = here("up", small, *line, "--out", out)
    assert ended.returncode == 0, ended.stderr
    assert json.loads((out / "game.json").read_text())["vectors"] == "certified"
    assert json.loads((out / "audit.json").read_text())["verdict"] == "passed"
    assert json.loads((out / "evidence.json").read_text())
