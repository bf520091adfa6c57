"""Comparison of the audit's verdict on a history with the page's."""

import atexit
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.trial import ANYBODYS
from chain_bandit.chain_history import files
from chain_bandit.chain_history.errors import HistoryError
from verification.browser.bundle import BrowserVerifier, verifier
from verification.browser.histories import as_text, play, tampered, written
from verification.refusals import refusal

AGREED, OPEN, CONTRADICTED, STOPPED = "agrees", "not checked, by name", "contradicts", "stopped"
VERDICTS = {0: "passed", 3: "unreadable", 12: "violated", 13: "incomplete"}
REFUSED = ("violated", "unreadable")
FOUND = (*ANYBODYS, "withdraw")
"""Calls whose forged refusal no verifier leaves open."""


@dataclass(frozen=True)
class ComparedHistory:
    """One history.

    Attributes:
        kind: "game", "tampered" or "refusal".
        how: how it was changed.
        audit: the audit's verdict without the kept head, for a game with it.
        page: the page's.
        kept: the page's verdict on a changed history with the head of the true one; empty for a game.
        wrong: what a forged refusal must not come to, and did.
        about: checks that failed, or that are open, with the first sentence of each.
    """

    kind: str
    seed: int
    how: str
    audit: str
    page: str
    kept: str = ""
    wrong: str = ""
    about: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """Whether the page agrees."""
        if self.audit == STOPPED:
            return STOPPED
        if self.wrong or (self.kind == "tampered" and self.kept not in REFUSED):
            return CONTRADICTED
        if self.audit == self.page or {self.audit, self.page} == set(REFUSED):
            return AGREED
        return OPEN if self.page == "incomplete" else CONTRADICTED


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
        return ComparedHistory("tampered", seed, made.how, audited, result["verdict"], kept, about=_about(result))


def of_refusal(seed: int, page: BrowserVerifier) -> ComparedHistory:
    """One history with a forged refusal, without the head and with it; the contract is asked, too.

    Where anybody could have made the call it must be found; where the environment alone could, nothing may pass.
    """
    made = refusal(seed)
    with written(as_text(made.history)) as path:
        result, audited = page.verdict(path), _audited(path, None)
        kept = page.verdict(path, made.head)["verdict"]
    verdicts = (audited, result["verdict"])
    wrong = "" if kept in REFUSED else "not found with the kept head"
    if made.lawful:
        wrong = "the contract refuses it, too" if set(verdicts) & set(REFUSED) else wrong
    elif "passed" in verdicts or (made.method in FOUND and not set(verdicts) <= set(REFUSED)):
        wrong = "the contract takes it"
    how = f"refusal: {made.method}{', followed' if made.followed else ''}"
    return ComparedHistory("refusal", seed, how, *verdicts, kept, wrong, _about(result))


@lru_cache(maxsize=1)
def page() -> BrowserVerifier:
    """The verifier of this process, which ends with it."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(verifier())


def judged(task: tuple[str, int]) -> ComparedHistory:
    """A history by its kind and its seed."""
    kind, seed = task
    return {"game": of_game, "tampered": of_tampered, "refusal": of_refusal}[kind](seed, page())
