"""A game while it is played: its history so far is fetched, audited and drawn again and again, and served as a page."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from time import monotonic

from chain_bandit.auditor.report import AuditReport
from chain_bandit.audits import audit_file, page_of
from chain_bandit.chain.remote import at_url
from chain_bandit.loopback import Response
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.runs import history_of_node

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Of the page that says to wait; that of a game states its own."""


@dataclass
class Watched:
    """The newest page of a game.

    Attributes:
        report: of the newest history; None before there is one.
        why: why there is none, or no newer one.
        over: whether the game's accounts are final: nothing more will change.
        drawn: how many pages have been drawn.
    """

    rpc: str
    contract: bytes
    first: int | None
    every: float
    report: AuditReport | None = None
    why: str = "the game's history is on its way"
    over: bool = False
    drawn: int = 0
    _page: bytes = b""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> None:
        """Fetch, audit and draw once; a node that does not answer leaves the page as it was."""
        try:
            with history_of_node(at_url(self.rpc), self.contract, self.first, None) as path:
                report = audit_file(path)
                page = page_of(path, report).encode()
        except ChainBanditError as error:
            self.why = str(error)
            return
        with self._lock:
            self.report, self._page, self.over, self.why = report, page, report.complete, ""
            self.drawn += 1

    def run(self, stopped: threading.Event, looked: Callable[[], None] = lambda: None) -> None:
        """Look again and again until the game is over: after `every` seconds, or as long as the last look took."""
        while not stopped.is_set() and not self.over:
            began = monotonic()
            self.look()
            looked()
            stopped.wait(max(self.every, monotonic() - began))

    def answer(self, path: str) -> Response:
        """The page at `/`, which asks for itself again until the game is over."""
        if path != "/":
            return Response(404, "text/plain", b"the page is at /\n")
        again = {} if self.over else {"Refresh": f"{max(1, round(self.every))}"}
        with self._lock:
            if self._page:
                return Response(200, "text/html; charset=utf-8", self._page, again)
        text = f"<!doctype html><title>chain_bandit</title><p>{escape(self.why)}</p>".encode()
        return Response(200, "text/html; charset=utf-8", text, again | {"Content-Security-Policy": POLICY})
