"""Crash points for tests: a node is killed with kill -9 at its K-th pass of a place.

`CHAIN_BANDIT_CRASH=NODE/POINT:K`, or several with commas between them.
"""

import os
import signal

VARIABLE = "CHAIN_BANDIT_CRASH"

_left: dict[str, int] = {}


POINTS = (
    "started", "joined", "opened", "followed", "round begun", "step begun", "ticked", "journal appended",
    "journal synced", "receipt appended", "sent", "taken", "step over", "steps over", "evidence reported",
    "false report proven", "acquitted", "about to record", "recorded", "record seen", "pulled", "round closed",
    "about to settle", "settlement signed", "settled", "about to reveal", "revealed", "unsealed", "costs settled",
    "closed", "withdrawn",
)  # fmt: skip


def arm(node: str) -> None:
    """This process is that node: what the variable has for it counts from now on."""
    for entry in filter(None, os.environ.get(VARIABLE, "").split(",")):
        whose, _, place = entry.partition("/")
        point, _, times = place.partition(":")
        if whose == node and point in POINTS:
            _left[point] = int(times)


def disarm() -> None:
    """Disarm: the variable was meant for an earlier process."""
    os.environ.pop(VARIABLE, None)


def at(point: str) -> None:
    """Come by."""
    if point in _left:
        _left[point] -= 1
        if not _left[point]:
            os.kill(os.getpid(), signal.SIGKILL)
