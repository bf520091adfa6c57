"""The loop of nodes under the same adversary, in virtual time: see `verification/schedules/nodes.py`."""

from collections import Counter

import pytest

from tests.properties.mutants import OF_NODES, OF_VECTORS_OF_NODES, planted
from tests.properties.replays import require_ideal_signatures_are_as_good, require_same_in_any_process
from verification.schedules import __main__ as schedules
from verification.schedules.acts import (
    SKEW,
    Ahead,
    Crash,
    FaultSchedule,
    GameSize,
    Informed,
    Recording,
    Skewed,
    Timed,
    Vectoring,
)
from verification.schedules.draw import draw_for_nodes
from verification.schedules.nodes import play
from verification.schedules.play import PlayedSchedule
from verification.schedules.shrink import shrunk, story, violates
from verification.schedules.stage import ScheduleStage

SIZES = (GameSize(4, 1), GameSize(5, 2, "majority"), GameSize(4, 1, "majority"))
SEEDS = 900
"""Within which every fault is found."""
ALL_WELL = 300
RARE = {"who_comes_back_speaks_in_the_same_round": 320}
"""Where the search begins for what few schedules see."""

OLD_LINE = "sleeps_to_the_deadline_though_others_are_ahead"

STAGES = {size: ScheduleStage(size) for size in SIZES}


def played(seed: int) -> tuple[FaultSchedule, PlayedSchedule]:
    size = SIZES[seed % len(SIZES)]
    schedule = draw_for_nodes(size, seed)
    return schedule, play(STAGES[size], schedule)


def test_every_invariant_holds_and_no_honest_report_in_time_is_left_out():
    acts, certified, accused = Counter(), Counter(), 0
    for seed in range(ALL_WELL):
        schedule, result = played(seed)
        assert result.violations == [], f"seed {seed} of {schedule.size}"
        acts.update(type(act) for act in schedule.acts)
        acts["as far behind as may be"] += any(isinstance(a, Skewed) and a.by == SKEW for a in schedule.acts)
        acts["never sent"] += any(isinstance(a, Timed) and a.offset is None for a in schedule.acts)
        acts["many rounds"] += schedule.rounds > 4
        calm = all(map(schedule.is_calm, range(schedule.rounds)))
        certified.update((ended, calm) for ended in result.certified)
        accused += len(result.accused)
    assert min(acts[kind] for kind in (Timed, Ahead, Recording, Crash)) > ALL_WELL // 50
    assert min(acts[kind] for kind in ("as far behind as may be", "never sent", "many rounds")) > ALL_WELL // 20
    assert certified["block", True] > ALL_WELL
    assert certified["nothing", True] == certified["skip", True] == 0
    assert certified["nothing", False] > 0, "the network did break its promise"
    assert accused > ALL_WELL // 5, "the adversary did equivocate"


@pytest.mark.parametrize(
    "size", [GameSize(5, 1), GameSize(6, 2, "majority"), GameSize(7, 2), GameSize(7, 3, "majority")]
)
def test_every_invariant_holds_at_other_sizes_too(size):
    stage = ScheduleStage(size)
    for seed in range(25):
        assert play(stage, draw_for_nodes(size, seed)).violations == [], f"seed {seed}"


@pytest.mark.parametrize(("size", "seeds"), [
    (GameSize(4, 1, certified=True), [*range(40), 3062]), (GameSize(6, 1, certified=True), [*range(10), 181]),
    (GameSize(7, 2, certified=True), [*range(20), 45, 518]),
])  # fmt: skip
def test_every_invariant_holds_where_certified_vectors_end_rounds_early(size, seeds):
    """The last ones once failed: a question that came too early, and what came to a node that had stopped."""
    stage = ScheduleStage(size)
    for seed in seeds:
        assert play(stage, draw_for_nodes(size, seed)).violations == [], f"seed {seed}"


@pytest.mark.parametrize("name", sorted(OF_VECTORS_OF_NODES))
def test_a_fault_that_only_what_is_said_a_step_later_brings_out_is_found(name):
    size = GameSize(4, 1, certified=True)
    stage, drawn = ScheduleStage(size), [draw_for_nodes(size, seed) for seed in range(60)]
    with planted(name):
        found = next(schedule for schedule in drawn if play(stage, schedule).violations)
        least = shrunk(found, violates(stage, play(stage, found).violations, play))
    assert {Informed, Vectoring, Timed} <= {type(act) for act in least.acts}
    assert play(stage, least).violations == [], "the fault is gone"


@pytest.mark.parametrize("name", sorted(OF_NODES))
def test_a_fault_of_the_loop_is_found(name):
    with planted(name):
        found = next((seed for seed in range(RARE.get(name, 0), SEEDS) if played(seed)[1].violations), None)
    assert found is not None, f"{SEEDS} seeds do not see it"


def test_there_are_enough_faults_and_the_old_line_among_them():
    assert len(OF_NODES) >= 14
    assert OLD_LINE in OF_NODES


def test_true_signatures_come_to_the_same_as_ideal_ones():
    require_ideal_signatures_are_as_good(draw_for_nodes, play, 15)


def test_a_seed_replays_exactly_in_any_process_whatever_was_played_before():
    require_same_in_any_process(draw_for_nodes, play)


def test_censorship_shrinks_to_an_envelope_withheld_and_a_view_that_lags():
    with planted(OLD_LINE):
        seed = next(seed for seed in range(SEEDS) if played(seed)[1].violations)
        schedule, result = played(seed)
        stage = STAGES[schedule.size]
        least = shrunk(schedule, violates(stage, result.violations, play))
        told = story(stage, least, play)
    assert result.violations[0] in told
    assert {Timed, Skewed} <= {type(act) for act in least.acts}
    assert len(least.acts) < 8 < len(schedule.acts)
    assert play(stage, least).violations == [], "the fault is gone"


def test_the_command_plays_nodes_and_names_what_fails(capsys):
    assert schedules.main(["--nodes", "--schedules", "40", "--jobs", "1"]) == 0
    assert "40 schedules" in capsys.readouterr().out
    assert schedules.main(["--nodes", "--certified", "--schedules", "20", "--jobs", "1"]) == 0
    assert "20 schedules" in capsys.readouterr().out
    with planted("waits_for_nobody"):
        assert schedules.main(["--nodes", "--schedules", "40", "--jobs", "1"]) == 14
        command = capsys.readouterr().err.splitlines()[0].split("python -m verification.schedules ")[1]
        assert schedules.main(command.split()) == 14
    assert schedules.main(command.split()) == 0
