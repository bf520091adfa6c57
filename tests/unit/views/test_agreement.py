"""An agreement on tokens as `show` prints it, and its report page."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chain_bandit.auditor.agreement import AgreementReport
from chain_bandit.cli.root import app
from chain_bandit.game import folder, mediated
from chain_bandit.game.mediated import AgreementGame, default_terms
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.views import agreement
from chain_bandit.views.agreement_page import agreement_page
from tests.unit.views.on_screen import shown


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agreement") / "tokens"


@pytest.fixture(scope="module")
def report(out: Path) -> AgreementReport:
    return mediated.play_on("embedded", AgreementGame(default_terms(4, 4, 1, 2, 4), (0.8, 0.6), 4, 1), out).report


@pytest.fixture(scope="module")
def failed(report: AgreementReport) -> AgreementReport:
    """The same with a false sum, a missing one, one left out, and a check that fails."""
    rows = [replace(report.epochs[0], wrong=(4,), missing=(5,)), *report.epochs[1:]]
    checks = {**report.checks, "token.sums": replace(report.checks["token.sums"], failed=1, evidence="<b>off</b>")}
    return replace(report, epochs=rows, checks=checks, blocked_from=(0, 0, 0, 2, 0, 0, 0, 0))


def called(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if isinstance(result.exception, ChainBanditError):
        raise result.exception
    return result.exit_code, result.stdout


def test_show_tells_what_came_of_it_every_epoch_and_every_seat(out: Path, report: AgreementReport) -> None:
    code, text = called("show", out)
    assert code == 0
    assert report.digest is not None
    assert report.digest in text.replace("\n", "").replace(" ", "")
    assert text.count("agreed  ") >= 4
    for row in report.epochs:
        assert f"{row.token / 1e9:.9f}" in text
    assert text.count("participant ") == text.count("validator ") == 4
    assert "audit passed" in text
    assert called("show", out / folder.AGREEMENT) == (0, text)
    assert json.loads(called("show", out, "--json")[1]) == json.loads(report.json())


def test_show_tells_one_epoch_and_one_seat(out: Path, report: AgreementReport) -> None:
    row = json.loads(called("show", out, "epoch", 2, "--json")[1])
    assert (row["token"], row["counted"]) == (report.epochs[2].token, [0, 1, 2, 3])
    assert f"{report.epochs[2].token / 1e9:.9f}" in called("show", out, "epoch", 2)[1]
    assert json.loads(called("show", out, "participant", 1, "--json")[1]) == {
        "seat": 1, "role": "participant", "counted": 4, "credits": report.credits[1], "agreed_epochs": 4,
        "left_out_from": None,
    }  # fmt: skip
    assert "validator" in called("show", out, "participant", 7)[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("epoch", 4), "no epoch 4 in this run: its history has 4 epochs, from 0"),
        (("participant", 8), "no seat 8 in this run: it has 8 seats, from 0"),
        (("tx", "0x00"), "epoch N | participant SEAT"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(
    out: Path, report: AgreementReport, arguments: tuple[object, ...], sentence: str
) -> None:
    with pytest.raises(ChainBanditError, match=re.escape(sentence)):
        called("show", out, *arguments)


def test_false_and_missing_sums_are_told_of_their_validators(failed: AgreementReport) -> None:
    assert agreement.seat(failed, 4)[0]["false_sums"] == agreement.seat(failed, 5)[0]["no_sums"] == 1
    assert agreement.seat(failed, 3)[0]["left_out_from"] == 2
    text = "".join(shown(each) for each in agreement.overview(failed))
    assert "audit violated" in text


def test_the_page_lies_in_the_run_folder_and_is_the_same_every_time(out: Path, report: AgreementReport) -> None:
    text = (out / folder.REPORT).read_text(encoding="utf-8")
    assert text == agreement_page(report).replace("\r", "")
    assert called("mediate", "audit", out / folder.AGREEMENT, "--page", out / "again.html")[0] == 0
    again = (out / "again.html").read_text(encoding="utf-8")
    assert again == text
    for row in report.epochs:
        assert f"{row.token / 1e9:.9f}" in text
    assert all(name in text for name in report.checks)


def test_the_page_of_a_violated_audit_says_so_and_escapes_what_it_cites(failed: AgreementReport) -> None:
    text = agreement_page(failed)
    assert "✗ audit violated" in text
    assert "&lt;b&gt;off&lt;/b&gt;" in text
    assert "<b>off</b>" not in text
