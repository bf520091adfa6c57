"""Bodies of a compact game: what rests on them is checked with them, open without them, and a wrong one is found."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.blocks import ON_THE_BODY
from chain_bandit.chain_history.blocks import History, RawBlock
from tests.unit.audit.played_game import Played

OPEN = {*ON_THE_BODY, "costs.case"}


def changed(history: History, change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]], first: int = 0) -> History:
    """The history with the bodies of blocks that have some changed, from the `first` such block on."""
    made: list[RawBlock] = []
    seen = 0
    for block in history.blocks:
        seen += bool(block.bodies)
        made.append(replace(block, bodies=change(block.bodies)) if block.bodies and seen > first else block)
    return History(history.origin, tuple(made))


def test_what_rests_on_the_bodies_is_open_when_they_are_not_given(compact: Played) -> None:
    report = audit(compact.chain)
    assert (report.exit_code, report.run_digest) == (13, None)
    assert {name for name, tally in report.checks.items() if tally.not_checkable} == OPEN
    assert all(report.checks[name].passed == 0 for name in ON_THE_BODY)
    assert not report.violations
    assert "nothing that was given has them: audit --rpc takes --bodies" in report.checks["report.signature"].evidence
    whole = audit(compact.history)
    assert [row.kind for row in report.rounds] == [row.kind for row in whole.rounds]
    assert [row.reputations for row in report.rounds] == [row.reputations for row in whole.rounds]


def test_full_game_needs_nothing_beside_the_chain(full: Played) -> None:
    assert audit(full.chain).json() == audit(full.history).json()


def test_missing_body_leaves_its_block_open(compact: Played) -> None:
    report = audit(changed(compact.history, lambda bodies: bodies[1:], first=3))
    assert report.exit_code == 13
    assert 0 < report.checks["header.body"].not_checkable < report.checks["header.body"].passed + 20


FALSE: dict[str, Callable[[tuple[bytes, ...]], tuple[bytes, ...]]] = {
    "changed": lambda bodies: (bodies[0][:-1] + bytes([bodies[0][-1] ^ 1]), *bodies[1:]),
    "cut": lambda bodies: (bodies[0][:-1], *bodies[1:]),
    "twice": lambda bodies: (*bodies, bodies[0]),
    "a stranger": lambda bodies: (*bodies, b"stranger"),
}


@pytest.mark.parametrize("how", FALSE)
def test_wrong_body_is_a_violation(compact: Played, how: str) -> None:
    report = audit(changed(compact.history, FALSE[how], first=2))
    assert {violation.check for violation in report.violations} == {"header.body"}
    assert "bodies beside block" in report.violations[0].sentence


def test_body_beside_a_full_game_is_a_violation(honest: Played) -> None:
    blocks = [replace(block, bodies=(b"x",)) for block in honest.history.blocks]
    report = audit(History(honest.history.origin, blocks))
    assert {violation.check for violation in report.violations} == {"header.body"}


@pytest.mark.parametrize("at", [3, -2])
def test_a_body_of_nobody_is_blamed_on_the_block_that_it_lies_beside(compact: Played, at: int) -> None:
    """Whatever was called before, or in the last block of all."""
    blocks = list(compact.history.blocks)
    blocks[at] = replace(blocks[at], bodies=(*blocks[at].bodies, b"stranger"))
    (violation,) = audit(History(compact.history.origin, blocks)).violations
    number = compact.history.origin.first_block + range(len(blocks))[at]
    assert violation.field == f"bodies beside block {number}"
    assert violation.exhibit is not None
    assert (violation.exhibit.block, violation.exhibit.transaction) == (number, None)
