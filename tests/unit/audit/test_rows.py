"""The rows of a report: packed, they are what they were; and its JSON, which comes in pieces, is that of the whole."""

import json
from dataclasses import replace

from benchmarks.audit import scenario
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.rows import RoundRow, Rows
from chain_bandit.game.plan import Plan
from tests.unit.audit.played_game import Played
from verification.alone import alone
from verification.paper_chain import history_of

ROW = RoundRow(2**40, "approved", None, (0, 2**31 - 1), (), ((), (1, 3)), None, (None, 10**9), 0, 7, (0,), (1,))


def test_a_row_is_what_it_was_before_it_was_packed() -> None:
    rows, others = Rows(), [ROW, replace(ROW, costly=True, rewards=None, means=None), replace(ROW, round=3, arm=1)]
    for row in others:
        rows.append(row)
    assert list(rows) == [rows[index] for index in range(3)] == rows[:] == others
    assert (rows == others, rows == others[:2], len(rows)) == (True, False, 3)
    assert (rows[-1], rows[1:]) == (others[2], others[1:])
    rows[0] = others[2]
    assert rows == [others[2], *others[1:]]


def test_the_pieces_of_a_report_are_its_json(full: Played) -> None:
    report = audit(full.history)
    assert len(report.rounds) > 20
    for each in (report, replace(report, rounds=Rows())):
        for with_rounds in (True, False):
            expected = json.dumps(each.as_dict(with_rounds), sort_keys=True)
            assert "".join(each.pieces(with_rounds)) == each.json(with_rounds) == expected


def test_a_game_alone_makes_the_history_of_its_actors() -> None:
    """Which the benchmark of long histories rests on."""
    by_actors, by_itself = (history_of(Plan(scenario(4, 30)), *how).blocks for how in ((), (alone,)))
    assert list(by_actors) == list(by_itself)
