"""Replay of a refused call: where every rule allows it the contract had to accept it (protocol.md: Records)."""

from collections import ChainMap, defaultdict
from collections.abc import Callable
from copy import copy
from dataclasses import replace

from chain_bandit.auditor.books import AccountTotals
from chain_bandit.auditor.evidence import due_events
from chain_bandit.auditor.exhibits import Field, Slice
from chain_bandit.auditor.game import ReplayedGame, recovered
from chain_bandit.auditor.nonces import Nonces
from chain_bandit.auditor.report import Checks
from chain_bandit.auditor.rows import Rows
from chain_bandit.chain_history.records import ContractCall, Event, record_event
from chain_bandit.protocol.blocks import Record

ANYBODYS = (
    "join", "submitBlocks", "skip", "skipAfterDeadline", "reportEquivocation", "reportFalse", "acquit", "revealSeal",
)  # fmt: skip
"""Calls by which a game goes on, from any sender, and a seat's with its own key. A closing can be sent again, and the
environment's calls are its own to make."""


class DueEvents(Checks):
    """Checks that keep the events that a call was to have.

    Attributes:
        due: those of the last check of events.
    """

    due: tuple[Event, ...] = ()

    def that(
        self, holds: bool, check: str, where: int | None, about: str, problem: str, found: object, expected: object,
        *more: object, part: bytes | Slice = b"", shown: Field | None = None, since: int | None = None,
    ) -> bool:
        """See `Checks`."""  # fmt: skip
        if isinstance(expected, tuple) and all(isinstance(each, Event) for each in expected):
            self.due = expected
        return super().that(
            holds, check, where, about, problem, found, expected, *more, part=part, shown=shown, since=since
        )


def allowed(
    game: ReplayedGame, call: ContractCall, replay: Callable[[ReplayedGame, ContractCall], None]
) -> tuple[Event, ...]:
    """The events that a refused call would have had to have; none where some rule does not allow it.

    Args:
        replay: takes a call in.
    """
    if call.method not in ANYBODYS or call.arguments is None or game.blind:
        return ()
    if call.method != "join" and game.ledger is None:
        return ()
    taken, found = replace(call, succeeded=True, events=()), _on_trial(game)
    replay(found, taken)  # it breaks the rules of its events, and shows what these are
    events = _events(game, found, call)
    again = _on_trial(game)
    replay(again, replace(taken, events=events))
    return () if again.checks.violations or again.blind else events


def _events(before: ReplayedGame, after: ReplayedGame, call: ContractCall) -> tuple[Event, ...]:
    if call.method == "join":
        return (Event("Joined", (len(before.addresses), call.sender)),)
    if call.method in ("reportEquivocation", "reportFalse", "acquit"):
        assert call.arguments is not None
        return due_events(before, call.method, call.arguments[0])
    if call.method == "revealSeal":
        seat = before.addresses.index(call.sender) if call.sender in before.addresses else None
        hidden = before.parameters.sealed and seat is not None and seat not in before.unsealed
        return (Event("SealRevealed", (seat, *(call.arguments or ()))),) if hidden else ()
    last = after.running.round - 1
    if last not in after.past:
        return ()
    record = Record(last, after.past[last].kind)
    return (record_event(after.parameters, record, after.running.head, after.running.committee),)


def _on_trial(game: ReplayedGame) -> ReplayedGame:
    """The game as it is: what a call changes in it changes nothing of the original. Takes no longer for a long one."""
    tried = copy(game)
    tried.checks, tried.nonces, tried.rows, tried.alike = Checks(), Nonces(), Rows(), None
    tried.whose, tried.on_verified, tried.findings = recovered, lambda seconds: None, defaultdict(list)
    tried.failed, tried.answered = {}, set()
    tried.seated, tried.addresses, tried.last = list(game.seated), list(game.addresses), list(game.last)
    tried.counts, tried.totals = list(map(list, game.counts)), list(map(list, game.totals))
    tried.unread, tried.earned, tried.rewards = set(game.unread), list(game.earned), list(game.rewards)
    tried.waiting, tried.unsealed = list(game.waiting), set(game.unsealed)
    tried.recent, tried.proven = copy(game.recent), dict(game.proven)
    tried.by_report, tried.acquitted = set(game.by_report), dict(game.acquitted)
    tried.books, tried.past = AccountTotals(copy(game.books.owed)), ChainMap({}, game.past)
    return tried
