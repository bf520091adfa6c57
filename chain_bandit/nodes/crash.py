"""Places where a test may kill a node: `CHAIN_BANDIT_CRASH=NAME:K` is a kill -9 when it comes by for the K-th time."""

import os
import signal

VARIABLE = "CHAIN_BANDIT_CRASH"

_NAME, _, _TIMES = os.environ.get(VARIABLE, "").partition(":")
_left = int(_TIMES or 1)

POINTS = (
    "started", "joined", "opened", "followed", "round begun", "step begun", "ticked", "journal appended",
    "journal written", "journal synced", "receipt appended", "sent", "taken", "step over", "steps over",
    "evidence reported", "about to record", "recorded", "record seen", "pulled", "round closed", "about to settle",
    "settled", "about to reveal", "revealed", "costs settled", "closed", "withdrawn",
)  # fmt: skip


def at(point: str) -> None:
    """Come by."""
    global _left
    if point == _NAME:
        _left -= 1
        if not _left:
            os.kill(os.getpid(), signal.SIGKILL)
