"""Properties of replays of schedules, for either way to play them, by its functions that draw and play one."""

import subprocess
import sys
from collections.abc import Callable

from verification.schedules.acts import FaultSchedule, GameSize
from verification.schedules.keyring import Scribe
from verification.schedules.play import PlayedSchedule
from verification.schedules.stage import ScheduleStage

Draw, Play = Callable[[GameSize, int], FaultSchedule], Callable[[ScheduleStage, FaultSchedule], PlayedSchedule]

PROGRAM = """
from verification.schedules.acts import GameSize
from {draw.__module__} import {draw.__name__}
from {play.__module__} import play
from verification.schedules.stage import ScheduleStage

size = GameSize(5, 2, "majority")
stage = ScheduleStage(size)
for seed in (7, 3, 11, 7):
    print(play(stage, {draw.__name__}(size, seed), logged=True).digest.hex())
"""


def require_ideal_signatures_are_as_good(draw: Draw, play: Play, seeds: int) -> None:
    """True signatures come to the same as ideal ones."""
    size = GameSize(4, 1)
    true, ideal = ScheduleStage(size, Scribe), ScheduleStage(size)
    for seed in range(seeds):
        schedule = draw(size, seed)
        one, other = play(true, schedule), play(ideal, schedule)
        assert one.violations == other.violations == []
        assert (one.certified, one.accused, one.sent, one.drops) == (
            other.certified, other.accused, other.sent, other.drops
        )  # fmt: skip


def require_same_in_any_process(draw: Draw, play: Play) -> None:
    """C-9: the digest of all that arrived, and of when it did, whatever was played before."""
    found, program = [], PROGRAM.format(draw=draw, play=play)
    for hash_seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": hash_seed, "PATH": ""}
        command = [sys.executable, "-c", program]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found.append(run.stdout.split())
    assert found[0] == found[1]
    seven, three, eleven, again = found[0]
    assert seven == again
    assert len({seven, three, eleven}) == 3
