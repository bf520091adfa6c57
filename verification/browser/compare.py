"""Comparison of the audit's verdict on a history with the page's."""

import atexit
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chain_bandit.auditor.audit import audit
from chain_bandit.chain_history import files
from chain_bandit.chain_history.errors import HistoryError
from verification.browser.bundle import BrowserVerifier, verifier
from verification.browser.histories import play, tampered, written

AGREED, OPEN, CONTRADICTED, STOPPED = "agrees", "not checked, by name", "contradicts", "stopped"
VERDICTS = {0: "passed", 3: "violated", 12: "violated", 13: "incomplete"}


@dataclass(frozen=True)
class ComparedHistory:
    """One history.

    Attributes:
        kind: "game" or "tampered".
        how: how it was changed.
        audit: the audit's verdict without the kept head, for a game with it.
        page: the page's.
        kept: the page's verdict on a changed history with the head of the true one; empty for a game.
        about: checks that failed, or that are open, with the first sentence of each.
    """

    kind: str
    seed: int
    how: str
    audit: str
    page: str
    kept: str = ""
    about: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """Whether the page agrees."""
        if self.audit == STOPPED:
            return STOPPED
        if self.kind == "tampered" and self.kept != "violated":
            return CONTRADICTED
        if self.audit == self.page:
            return AGREED
        return OPEN if "incomplete" in (self.audit, self.page) else CONTRADICTED


def _about(result: dict[str, Any]) -> tuple[str, ...]:
    checks = [check for check in result["checks"] if check["tally"]["failed"] or check["tally"]["open"]]
    return tuple(f"{check['id']}: {check['tally']['failure'] or check['tally']['reasons'][0]}" for check in checks)


def _audited(path: Path, head: bytes | None) -> str:
    try:
        return VERDICTS[audit(files.read(path), head).exit_code]
    except HistoryError:
        return VERDICTS[3]


def of_game(seed: int, page: BrowserVerifier) -> ComparedHistory:
    """One game, with the head kept."""
    with TemporaryDirectory() as place:
        path = Path(place) / "history.jsonl"
        head = play(seed, path)
        if head is None:
            return ComparedHistory("game", seed, "", STOPPED, STOPPED)
        result = page.verdict(path, head)
        return ComparedHistory("game", seed, "", _audited(path, head), result["verdict"], about=_about(result))


def of_tampered(seed: int, page: BrowserVerifier) -> ComparedHistory:
    """One changed history, without the head and with it."""
    made = tampered(seed)
    with written(made.text) as path:
        result = page.verdict(path)
        kept = page.verdict(path, made.head)["verdict"]
        audited = _audited(path, None)
        return ComparedHistory("tampered", seed, made.how, audited, result["verdict"], kept, _about(result))


@lru_cache(maxsize=1)
def _page() -> BrowserVerifier:
    """The verifier of this process, which ends with it."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(verifier())


def judged(task: tuple[str, int]) -> ComparedHistory:
    """A history by its kind and its seed."""
    kind, seed = task
    return (of_game if kind == "game" else of_tampered)(seed, _page())
