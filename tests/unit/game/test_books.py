"""A round's reports, from those who agree on them to the environment's books."""

from collections import Counter

from chain_bandit.game.books import Books
from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import Kind, Record, Report
from chain_bandit.protocol.ledger import after_burn_in_round, opening
from chain_bandit.protocol.transaction import MOST_UNPAID


def test_a_report_is_parsed_where_it_comes_in_and_nowhere_else(monkeypatch, scenario, cheat):
    """By validators, which are one process here, and of a block by the environment."""
    parsed, whole = Counter(), Report.decode

    def counted(data, parameters):
        parsed[data] += 1
        return whole(data, parameters)

    monkeypatch.setattr(Report, "decode", counted)
    game = Game(scenario(7, 2, 12, malicious=[cheat(6, "within-range")]), NoChain())
    blocks = [played for played in game.play() if played.record and played.record.kind is Kind.APPROVED]
    assert len(parsed) == 7 * len(blocks) > 0
    assert set(parsed.values()) == {2}


def test_rounds_that_pay_nothing_are_settled_before_they_are_too_many_for_a_transaction(scenario):
    """Where nothing is approved no number of paid rounds is ever due: all of a long silence came in one call."""
    parameters = scenario(4, 2, 10_000, failure_limit=65_535).parameters
    ledger = opening(parameters, bytes(32), bytes(32))
    while ledger.round < parameters.burn_in:
        ledger = after_burn_in_round(parameters, ledger)
    books, due = Books(parameters, None, ledger), []
    while books.ledger.round <= 5_000:
        books.add(Record(books.ledger.round, Kind.SKIP), b"")
        settlement = books.settlement(25)
        if settlement is not None:
            assert settlement[1] == b""
            due.append(settlement[0])
            books.settled()
    assert due == [parameters.burn_in + MOST_UNPAID, parameters.burn_in + 2 * MOST_UNPAID]
