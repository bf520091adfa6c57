"""The books: double entry that agrees with the contract's own balance after every block, and what is written of it."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.books import BURNED, CONTRACT, HEADINGS, AccountTotals, Movement, account
from chain_bandit.auditor.report import AuditReport
from chain_bandit.audits import audit_file
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import LAST_BLOCK, History
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.views.statement import MOST, StatementRefused, written
from tests.unit.audit.forging import Forgery
from tests.unit.audit.planted import more
from tests.unit.audit.played_game import LIAR, PARAMETERS, M, Played

BOOKED = ("honest", "full", "void", "void, with a block list", "called off", "running", "with a key kept", "weighed")


def booked(played: Played) -> tuple[AuditReport, list[Movement]]:
    rows: list[Movement] = []
    return audit(played.history, on_movement=rows.append), rows


@pytest.mark.parametrize("game", BOOKED)
def test_books_agree_with_the_contracts_balance_after_every_block(games: Callable[[str], Played], game: str) -> None:
    played = games(game)
    report, rows = booked(played)
    assert not report.violations
    assert report.checks["money.conservation"].passed > 5
    eth, held, last = played.node.line.eth, 0, 0
    by_block: dict[int, int] = defaultdict(int)
    for row in rows:
        assert row.wei > 0
        assert row.debit != row.credit
        assert row.block >= last
        last = row.block
        by_block[row.block] += row.wei * ((row.debit == CONTRACT) - (row.credit in (CONTRACT, BURNED)))
    for number in range(eth.block_number + 1):
        held += by_block[number]
        assert held == eth.get_balance(played.contract.address, number), number


@pytest.mark.parametrize("game", BOOKED)
def test_statement_of_every_account_adds_up(games: Callable[[str], Played], game: str) -> None:
    played = games(game)
    report, rows = booked(played)
    totals: dict[str, int] = defaultdict(int)
    for row in rows:
        totals[row.debit] -= row.wei
        totals[row.credit] += row.wei
    assert sum(totals.values()) == 0
    wei = PARAMETERS.wei_per_unit
    for line in report.accounts[:M]:
        seat = line.seat
        assert seat is not None
        own = [totals[account(seat, heading)] for heading in HEADINGS]
        assert own == [
            line.stake, line.rewards * wei, -(line.cost or 0), -line.penalty, -line.void, line.share,
            -line.withdrawn,
        ]  # fmt: skip
        assert line.owed == sum(own) == played.contract.owed(played.signers[seat].address) or game == "running"
        if line.net is not None:
            assert line.stake + line.net == line.withdrawn + line.owed
    assert totals["pool"] == (0 if report.complete else totals["pool"])
    assert totals["costs"] == 0
    assert totals[BURNED] == report.burned


def test_a_withheld_key_is_a_penalty_and_no_cost(games: Callable[[str], Played]) -> None:
    report = audit(games("with a key kept").history)
    lines = report.accounts[:M]
    assert [line.penalty for line in lines] == [1000 if line.seat == LIAR else 0 for line in lines]
    assert {line.cost for line in lines[:LIAR]} == {-(lines[LIAR].cost or 0)}


def test_rewards_are_a_row_a_seat_and_round(honest: Played) -> None:
    report, rows = booked(honest)
    rewards = {(row.round, row.credit): row.wei for row in rows if row.what == "reward"}
    said = {
        (row.round, account(seat, "rewards")): reward * PARAMETERS.wei_per_unit
        for row in report.rounds for seat, reward in enumerate(row.rewards or ()) if reward
    }  # fmt: skip
    assert rewards == said
    assert len(said) > 20


@pytest.mark.parametrize(("wei", "short"), [(1, True), (-1, False)])
def test_who_takes_more_than_its_own_is_found_in_that_block(honest: Played, wei: int, short: bool) -> None:
    forged = Forgery(honest.history, {signer.address: signer for signer in (*honest.signers, honest.owner)})
    forged.event("Withdrawn", 1, more(wei))
    report = audit(forged.made())
    found = [violation for violation in report.violations if violation.check == "money.conservation"]
    assert len(found) == short
    for violation in found:
        assert violation.exhibit is not None
        assert violation.exhibit.block == forged.block_of("withdraw", 1) + 1
    assert report.accounts[1].owed == -wei


def test_negative_movement_goes_the_other_way_and_nothing_is_no_row() -> None:
    rows: list[Movement] = []
    books = AccountTotals(told=rows.append)
    books.move("x", "a", "b", -3)
    books.move("x", "a", "b", 0)
    assert [(row.debit, row.credit, row.wei) for row in rows] == [("b", "a", 3)]
    assert dict(books.owed) == {"a": 3, "b": -3}


READ: dict[str, Callable[[Path], list[dict[str, object]]]] = {
    ".csv": lambda path: pyarrow.csv.read_csv(
        path, convert_options=pyarrow.csv.ConvertOptions(column_types={"wei": pyarrow.decimal128(38, 0)})
    ).to_pylist(),
    ".parquet": lambda path: pyarrow.parquet.read_table(path).to_pylist(),
}


@pytest.mark.parametrize("ending", READ)
def test_statement_holds_every_movement(
    honest: Played, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, (_, rows) = tmp_path / f"money{ending}", booked(honest)
    rows = [replace(rows[0], wei=MOST - 1), *rows]
    monkeypatch.setattr("chain_bandit.views.statement.ROWS", len(rows) // 2 - 1)
    with written(path) as told:
        for row in rows:
            told(row)
    found = READ[ending](path)
    assert [
        (each["block"], each["transaction"], each["round"], each["what"], each["debit"], each["credit"], each["wei"])
        for each in found
    ] == [(r.block, r.transaction, r.round, r.what, r.debit, r.credit, Decimal(r.wei)) for r in rows]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["money.txt", "money", "none/money.csv"])
def test_statement_is_refused_where_it_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(StatementRefused), written(tmp_path / name):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_statement_of_a_game_in_the_highest_blocks(honest: Played, tmp_path: Path, ending: str) -> None:
    for first, fits in ((LAST_BLOCK, True), (2**63 - 20, False), (LAST_BLOCK + 1, False), (2**64 - 1, False)):
        history, money = tmp_path / str(first), tmp_path / f"{first}{ending}"
        origin = replace(honest.history.origin, first_block=first)
        forged = Forgery(History(origin, honest.history.blocks), {})
        forged.wait(1, 0)
        files.write(forged.made(), history)
        if fits:
            with written(money) as told:
                assert audit_file(history, on_movement=told).exit_code == 0
            assert min(row["block"] for row in READ[ending](money)) == first
        else:
            with pytest.raises(HistoryError, match="first_block") as raised, written(money) as told:
                audit_file(history, on_movement=told)
            assert raised.value.exit_code == 3
            assert not money.exists()


def test_statement_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    path, row = tmp_path / "money.csv", Movement(1, "0x", None, "x", "a", "b", MOST)
    path.write_text("earlier")
    with pytest.raises(StatementRefused, match="38 digits"), written(path) as told:
        told(row)
    assert path.read_text() == "earlier"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
