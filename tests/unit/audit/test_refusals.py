"""Receipts that say that a call failed: nobody signs them, and no verifier believes that the gas ran out where it was
enough. `python -m verification.browser` tries more."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.second_implementation import with_second_opinion
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.evm import decode_transaction
from tests.unit.audit.played_game import MODEL, Played, Script
from tests.unit.audit.test_planted_violations import forgery
from verification.browser.bundle import BrowserVerifier, verifier
from verification.browser.compare import AGREED, VERDICTS, judged
from verification.splicing import GAMES


@pytest.fixture(scope="module")
def page() -> Iterator[BrowserVerifier]:
    with verifier() as found:
        yield found


def verdicts(history: History, page: BrowserVerifier, place: Path) -> tuple[str, str, str]:
    """Of the audit, the second computation, and the page."""
    path = place / "history.jsonl"
    files.write(history, path)
    report = audit(history)
    second = [each for each in with_second_opinion(report, path).violations if each.check.startswith("paranoid.")]
    return VERDICTS[report.exit_code], "violated" if second else "passed", page.verdict(path)["verdict"]


@pytest.mark.parametrize("used", [None, 21_000, 150_000])
@pytest.mark.parametrize("method", ["join", "skip", "reportEquivocation", "withdraw"])
def test_a_call_with_enough_gas_is_tried_whatever_its_receipt_says_it_used(
    method: str, used: int | None, full: Played, page: BrowserVerifier, tmp_path: Path
) -> None:
    forged = forgery(full)
    forged.refuse(method, 0, used)
    assert verdicts(forged.made(), page, tmp_path) == ("violated",) * 3
    assert any("the contract refused it" in each.sentence for each in audit(forged.made()).violations)


def test_the_last_record_is_not_lost_by_a_receipt(
    games: Callable[[str], Played], page: BrowserVerifier, tmp_path: Path
) -> None:
    """Nothing comes after it."""
    forged = forgery(games("running"))
    forged.refuse("submitBlocks", -1)
    assert verdicts(forged.made(), page, tmp_path)[::2] == ("violated", "violated")


@pytest.mark.parametrize("used", [None, 21_000])
def test_a_seat_is_not_said_to_have_kept_its_sealing_key(
    used: int | None, sealed: Played, page: BrowserVerifier, tmp_path: Path
) -> None:
    """It would lose a penalty for a receipt that nobody signed; a key that is shown twice is refused."""
    forged = forgery(sealed)
    forged.refuse("revealSeal", 1, used)
    assert verdicts(forged.made(), page, tmp_path)[::2] == ("violated", "violated")
    assert any("the contract refused it" in each.sentence for each in audit(forged.made()).violations)
    twice = forgery(sealed)
    first, second = (twice.block_of("revealSeal", which) for which in (0, 1))
    twice.copy(first, second)
    twice.refuse("revealSeal", 1, used)
    assert verdicts(twice.made(), page, tmp_path)[0] != "passed"
    assert not any("the contract refused it" in each.sentence for each in audit(twice.made()).violations)


@pytest.mark.parametrize(("limit", "verdict"), [(120_000, "passed"), (400_000, "violated")])
def test_a_call_whose_limit_was_too_low_may_have_run_out(
    limit: int, verdict: str, honest: Played, page: BrowserVerifier, tmp_path: Path
) -> None:
    forged = forgery(honest)
    at = forged.block_of("withdraw", 0)
    forged.change_transaction(at, 0, lambda fields: fields.__setitem__(4, limit.to_bytes(3, "big")))
    forged.refuse("withdraw", 0)
    assert verdicts(forged.made(), page, tmp_path)[::2] == (verdict, verdict)
    said = {each.kind for each in audit(forged.made()).findings}
    assert ("call out of gas, or refused" in said) == (verdict == "passed")


@pytest.mark.parametrize("entries", [0, 200])
def test_what_an_access_list_takes_may_have_used_the_gas_up(
    entries: int, honest: Played, page: BrowserVerifier, tmp_path: Path
) -> None:
    """2,400 for each of its addresses: nobody is to blame for a call that ran out of gas."""
    forged = forgery(honest)
    at = forged.block_of("withdraw", 0)
    listed = [[bytes([each]) * 20, []] for each in range(entries)]
    forged.change_transaction(
        at, 0, lambda fields: fields.__setitem__(slice(4, None), [
            (500_000).to_bytes(3, "big"), *fields[5:8], listed, *fields[9:],
        ]),
    )  # fmt: skip
    forged.refuse("withdraw", 0)
    assert decode_transaction(forged.blocks[at][1][0]).gas_limit == 500_000
    verdict = "passed" if entries else "violated"
    assert verdicts(forged.made(), page, tmp_path)[::2] == (verdict, verdict)


class Uncharged(Played):
    """All is revealed, and no costs are settled."""

    def _finish(self) -> None:
        self.contract.reveal(self.environment, self.secret, self.script.roles, MODEL.encode())
        self.node.mine(self.p.settlement_window)
        self.contract.close(self.accounts[2])


def test_a_game_that_was_closed_without_costs_is_incomplete(page: BrowserVerifier, tmp_path: Path) -> None:
    """A receipt may say that the costs were refused: they are the environment's to settle, who may have sent others."""
    assert verdicts(Uncharged(Script()).history, page, tmp_path)[::2] == ("incomplete", "incomplete")


def held(which: int, count: int) -> None:
    rows = [judged(("refusal", which + GAMES * at)) for at in range(count)]
    assert not [row for row in rows if (row.outcome, row.wrong) != (AGREED, "")]


def test_some_forged_refusals() -> None:
    held(0, 4)


@pytest.mark.deep
@pytest.mark.parametrize("which", range(GAMES))
def test_forged_refusals(which: int) -> None:
    held(which, 2_000 // GAMES)
