"""A game while it is played: its history so far is fetched, audited and drawn again and again, and served as a page."""

from dataclasses import dataclass
from html import escape
from time import monotonic, sleep

from chain_bandit.auditor.report import AuditReport
from chain_bandit.audits import audit_file, page_of
from chain_bandit.chain.remote import at_url
from chain_bandit.loopback import Response
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.runs import history_of_node

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Of the page that says to wait; that of a game states its own."""

HTML = "text/html; charset=utf-8"


@dataclass
class Watched:
    """The newest page of a game.

    Attributes:
        first: its first block, if it is known.
        every: seconds from one look to the next, at least.
        report: of the newest history; None before there is one.
    """

    rpc: str
    contract: bytes
    first: int | None
    every: float
    report: AuditReport | None = None

    def __post_init__(self) -> None:
        """There is no page yet."""
        self._page = self._waiting("the game's history is on its way")

    @property
    def over(self) -> bool:
        """Whether the game's accounts are final: nothing more will change."""
        return self.report is not None and self.report.complete

    def look(self) -> None:
        """Fetch, audit and draw once; a node that does not answer leaves the page as it was."""
        try:
            with history_of_node(at_url(self.rpc), self.contract, self.first, None) as path:
                report = audit_file(path)
                body = page_of(path, report).encode()
        except ChainBanditError as error:
            if self.report is None:
                self._page = self._waiting(str(error))
            return
        self.report = report
        self._page = Response(200, HTML, body, {} if self.over else self._again)

    def run(self) -> None:
        """Look again and again until the game is over: after `every` seconds, or as long as the last look took."""
        while True:
            began = monotonic()
            self.look()
            if self.over:
                return
            sleep(max(self.every, monotonic() - began))  # the interval that was asked for

    def answer(self, path: str) -> Response:
        """The page at `/`, which asks for itself again until the game is over."""
        return self._page if path == "/" else Response(404, "text/plain", b"the page is at /\n")

    @property
    def _again(self) -> dict[str, str]:
        return {"Refresh": f"{max(1, round(self.every))}"}

    def _waiting(self, why: str) -> Response:
        text = f"<!doctype html><title>chain_bandit</title><p>{escape(why)}</p>"
        return Response(200, HTML, text.encode(), self._again | {"Content-Security-Policy": POLICY})
