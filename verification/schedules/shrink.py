"""Shrinking of a failing schedule to the fewest acts that still fail, in words that a person can follow."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from verification.schedules.acts import Act, FaultSchedule
from verification.schedules.epochs import EpochSchedule
from verification.schedules.play import PlayedSchedule, play
from verification.schedules.stage import ScheduleStage

AnySchedule = TypeVar("AnySchedule", FaultSchedule, EpochSchedule)


class Player(Protocol):
    """`schedules.play.play` or `schedules.nodes.play`."""

    def __call__(self, stage: ScheduleStage, schedule: FaultSchedule, logged: bool = False) -> PlayedSchedule:
        """What the schedule comes to."""
        ...


def shrunk(schedule: AnySchedule, fails: Callable[[AnySchedule], bool]) -> AnySchedule:
    """A part of the schedule that fails still, and of which no single act can be left out."""
    while schedule.rounds > 1 and fails(replace(schedule, rounds=schedule.rounds - 1)):
        schedule = replace(schedule, rounds=schedule.rounds - 1)
    size: int = len(schedule.acts)
    at: int
    while size:
        at, smaller = 0, False
        while at < len(schedule.acts):
            less = replace(schedule, acts=(*schedule.acts[:at], *schedule.acts[at + size :]))
            if fails(less):
                schedule, smaller = less, True
            else:
                at += size
        size = size // 2 if size > 1 or not smaller else 1
    return schedule


def violates(stage: ScheduleStage, violations: list[str], player: Player = play) -> Callable[[FaultSchedule], bool]:
    """Whether a schedule breaks the first of these again."""
    return lambda schedule: violations[0] in player(stage, schedule).violations


def story(stage: ScheduleStage, schedule: FaultSchedule, player: Player = play) -> str:
    """The schedule, what the adversary's messages were, and what each honest seat came to."""
    played = player(stage, schedule, logged=True)
    size = schedule.size
    corrupt = ", ".join(map(str, schedule.corrupt)) or "nobody"
    lines = [
        f"n = {size.validators}, m = {size.attackers}, quorum {size.quorum}, rounds: {schedule.rounds}",
        f"corrupt from the beginning: {corrupt}",
        *(f"  {told(act)}" for act in schedule.acts),
        "what arrived from the adversary:",
        *(f"  {line}" for line in played.trace),
        "what the honest held in the end:",
        *(f"  {line}" for line in played.ends),
        f"broken: {'; '.join(played.violations) or 'nothing'}",
    ]
    return "\n".join(lines)


def told(act: Act) -> str:
    """An act in a line."""
    fields = (f"{name} {value}" for name in act.__dataclass_fields__ if (value := getattr(act, name)) != ())
    return f"{type(act).__name__}: {', '.join(fields)}"
