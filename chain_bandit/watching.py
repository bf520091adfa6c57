"""Live page of a running game: its history so far is fetched, audited, drawn and served, again and again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from io import StringIO
from pathlib import Path
from re import sub
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from rich.console import Console, RenderableType

from chain_bandit.auditor.report import AuditReport
from chain_bandit.audits import audit_file, described, page_of
from chain_bandit.chain.errors import NodeRefused
from chain_bandit.chain.notice import Notice, nobody
from chain_bandit.chain.remote import at_url
from chain_bandit.chain.wire import without_key
from chain_bandit.chain_history import files
from chain_bandit.game.folder import HISTORY
from chain_bandit.game_names import UNNAMED, GameNames
from chain_bandit.loopback import Response
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.runs import history_of_node
from chain_bandit.views.decoded_history import DecodedHistory, NotShown
from chain_bandit.views.document import document, policy
from chain_bandit.views.markup import joined, tag
from chain_bandit.views.show import show_participant, show_round

HTML = "text/html; charset=utf-8"
AFTER = "/after/"
COLUMNS = 100
"""Of the text of an opened round or participant."""

DRAWN_EVERY = 1.05
"""Times as many rounds as were drawn: then the pictures, of all rounds, are drawn anew, after the page's words."""

HELD, MOST_HELD = 20.0, 32
"""Seconds for which a question for a newer page waits for one, and how many wait at a time."""

LAST_LOOKS = 3
"""Intervals for which the page of a game that is over is still served, unless it has been asked for."""


@dataclass
class Watched:
    """The newest page of a game.

    Attributes:
        first: its first block, if it is known.
        every: seconds from one look to the next, at least.
        say: called when the node does not answer, and when it does again.
        names: of game and arms, by the file that says where the game is.
        report: of the newest history; None before there is one.
    """

    rpc: str
    contract: bytes
    first: int | None
    every: float
    say: Callable[[str], None] = nobody
    report: AuditReport | None = None
    names: GameNames = UNNAMED

    def __post_init__(self) -> None:
        """There is no page yet."""
        self._place = TemporaryDirectory()
        self._history = Path(self._place.name) / HISTORY
        self._inside: DecodedHistory | None = None
        self._told, self._changed = threading.Event(), threading.Condition()
        self._pictures: dict[str, Any] = {}
        self._drawn = self._version = self._held = 0
        self._notice = Notice(f"the chain at {without_key(self.rpc)}", self.say)
        self._page = self._waiting("the game's history is on its way")

    @property
    def over(self) -> bool:
        """Whether the game's accounts are final: nothing more will change."""
        return self.report is not None and self.report.complete

    @property
    def last(self) -> str:
        """The newest page as a file: without links to what is open only while it is served."""
        return sub(r'<a href="/[^"]*">([^<]*)</a>', r"\1", self._page.body.decode())

    def look(self) -> None:
        """Fetch what is new, audit and show it; draw it anew when there is more of it by a twentieth.

        A node that does not answer, which is logged once, or has nothing new leaves the page.

        Raises:
            NodeRefused: before the first page, which was insisted on: of receipts that the node does not keep.
        """
        try:
            rpc = at_url(self.rpc, notice=self._notice)
            if self._has_news(rpc):
                self._renew(rpc)
            self._notice.over()
        except ChainBanditError as error:
            if self.report is None and isinstance(error, NodeRefused):
                raise
            self._notice.waiting(error)
            if self.report is None:
                self._publish(self._waiting(str(error)))

    def _renew(self, rpc: Callable[..., Any]) -> None:
        with history_of_node(rpc, self.contract, self.first, None, export=self._history, keep=True) as path:
            history, report = files.read(path), audit_file(path)
            self._inside = DecodedHistory.of(described(path, report, self.names)[0], report, history)
            rounds = len(report.rounds)
            if not report.complete and self._pictures:
                self._show(path, report)  # with the pictures of an earlier page
            if report.complete or not self._drawn < rounds < DRAWN_EVERY * self._drawn:
                self._pictures, self._drawn = {}, rounds
                self._show(path, report)
        self.first = history.origin.first_block

    def _has_news(self, rpc: Callable[..., Any]) -> bool:
        """Whether the chain ends with another block than the page."""
        latest = rpc("eth_getBlockByNumber", ["latest", False])
        return self.report is None or not isinstance(latest, dict) or latest.get("hash") != self.report.head

    def _show(self, path: Path, report: AuditReport) -> None:
        every = 0 if report.complete else self.every
        body = page_of(path, report, every, self._pictures, self.names).encode()
        self.report = report
        self._publish(_response(200, body, policy(live=True)))

    def _publish(self, page: Response) -> None:
        with self._changed:
            self._version += 1
            self._page = replace(page, headers={**page.headers, "ETag": f'"{self._version}"'})
            self._changed.notify_all()

    def run(self) -> None:
        """Look again and again until the game is over, and its last page was asked for or waited for.

        Raises `NodeRefused` as `look` does.
        """
        while True:
            began = monotonic()
            self.look()
            if self.over:
                self._told.wait(LAST_LOOKS * self.every)
                return
            took = monotonic() - began
            sleep(max(self.every - took, took / 4))  # the interval that was asked for

    def answer(self, path: str) -> Response:
        """The page at `/`; a round at `/round/N`, a participant at `/participant/SEAT` or its address.

        At `/after/N` it is the page as soon as its version, which its ETag says, is not N.
        """
        if path == "/" or path.startswith(AFTER):
            self._wait_for_other(path.removeprefix(AFTER))
            if self.over:
                self._told.set()
            return self._page
        _, what, which, *rest = *path.split("/"), "", ""
        shows = _OPENED.get(what)
        if shows is None or any(rest) or self._inside is None:
            return Response(404, "text/plain", b"the page is at /\n")
        try:
            return self._opened(f"{what} {which}", shows(self._inside, which))
        except NotShown as error:
            return Response(404, "text/plain", f"{error}\n".encode())
        except ChainBanditError as error:
            return Response(503, "text/plain", f"{error}\n".encode())

    def _wait_for_other(self, known: str) -> None:
        with self._changed:
            if self._held < MOST_HELD:
                self._held += 1
                self._changed.wait_for(lambda: known != str(self._version), HELD)
                self._held -= 1

    def _opened(self, title: str, said: RenderableType) -> Response:
        out = StringIO()
        Console(file=out, width=COLUMNS, markup=False, emoji=False, highlight=False).print(said)
        back = tag("nav", tag("a", "the game", href="/"))
        body = joined(back, tag("h1", title), tag("pre", out.getvalue(), tabindex="0"))
        return _response(200, document(title, body).encode(), policy())

    def _waiting(self, why: str) -> Response:
        text = f"<!doctype html><title>chain_bandit</title><p>{escape(why)}</p>"
        again = {"Refresh": f"{max(1, round(self.every))}"}
        return _response(200, text.encode(), "default-src 'none'", again)


def _round(inside: DecodedHistory, which: str) -> RenderableType:
    if not (which.isascii() and which.isdecimal() and len(which) <= 10):
        raise NotShown("round", which, "a round is a number")
    return show_round(inside, int(which))


_OPENED: dict[str, Callable[[DecodedHistory, str], RenderableType]] = {
    "round": _round, "participant": show_participant,
}  # fmt: skip


def _response(code: int, body: bytes, rules: str, headers: dict[str, str] | None = None) -> Response:
    """A page under its policy, which no page of others may frame."""
    said = {"Content-Security-Policy": f"{rules}; frame-ancestors 'none'", **(headers or {})}
    return Response(code, HTML, body, said)
