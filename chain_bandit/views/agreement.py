"""An agreement on tokens in a terminal: overview, one epoch, one participant or validator, from its audit."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from chain_bandit.auditor.agreement import PROVES, AgreementReport, EpochRow
from chain_bandit.game_names import clean
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.units import UNIT
from chain_bandit.views.decoded_history import NotShown
from chain_bandit.views.terminal import checks_table, pairs_grid, plain_table, titled
from chain_bandit.views.view_model import listed, signed, whole

SHOWN = 20
"""Epochs of an overview; `show … epoch N` has any."""


def overview(report: AgreementReport) -> list[RenderableType]:
    """What came of it, the last epochs, the seats, and how the checks went."""
    found: list[RenderableType] = [pairs_grid(facts(report)), titled("Epochs", epochs_table(report.epochs[-SHOWN:]))]
    if len(report.epochs) > SHOWN:
        found.append(Text(f"the last {SHOWN} of {len(report.epochs):,}", "dim"))
    if report.terms is not None:
        found.append(titled("Seats", _seats(report)))
    return [*found, checks_table(report, proves=PROVES)]


def facts(report: AgreementReport) -> list[tuple[str, str]]:
    """Names and values of the whole agreement."""
    kinds = [row.kind for row in report.epochs]
    pairs = [
        ("contract", report.contract), ("epochs", whole(len(kinds))),
        ("agreed", whole(kinds.count("agreed"))), ("came to nothing", whole(kinds.count("nothing"))),
        ("by deadline", whole(kinds.count("deadline"))), ("token", token(report.token)),
        ("digest", report.digest or "not known"), ("last block", report.head),
    ]  # fmt: skip
    terms = report.terms
    if terms is not None:
        pairs[1:1] = [
            ("participants", whole(terms.participants)),
            ("validators", f"{terms.validators}, of whom {terms.faulty} may be malicious"),
            ("groups", whole(terms.groups)), ("steps of an epoch", whole(terms.steps)),
            ("bounds of a token", f"0 to {token(terms.most)}, by {token(terms.step)} an epoch at most"),
        ]  # fmt: skip
    return pairs


def token(units: int | None) -> str:
    """A token to the unit; a dash where it is not known."""
    return "\N{EN DASH}" if units is None else f"{units // UNIT:,}.{units % UNIT:09d}"


def epochs_table(rows: Sequence[EpochRow]) -> Table:
    """A row an epoch."""
    made = plain_table(
        ("epoch", "right"), ("ended", "left"), ("token", "right"), ("before the clamp", "right"), ("counted", "right"),
        ("signers", "right"), ("block", "right"),
    )  # fmt: skip
    for row in rows:
        made.add_row(
            whole(row.epoch), row.kind, token(row.token), token(row.agreed), whole(len(row.counted)),
            whole(len(row.signers)), whole(row.block),
        )  # fmt: skip
    return made


def epoch(report: AgreementReport, number: int) -> tuple[EpochRow, list[RenderableType]]:
    """One epoch, as a value and in lines. Raises `NotShown`."""
    if not 0 <= number < len(report.epochs):
        raise NotShown("epoch", number, f"its history has {len(report.epochs)} epochs, from 0")
    row = report.epochs[number]
    pairs = [
        ("epoch", f"{row.epoch:,} of {len(report.epochs):,}"), ("ended", row.kind), ("token", token(row.token)),
        ("before the clamp", token(row.agreed)), ("means of groups", ", ".join(map(token, row.means)) or "none"),
        ("counted", listed(row.counted)), ("signers", listed(row.signers)), ("false sums", listed(row.wrong)),
        ("no sums", listed(row.missing)), ("chain block", whole(row.block)), ("gas", whole(row.gas)),
    ]  # fmt: skip
    return row, [pairs_grid(pairs)]


def seat(report: AgreementReport, who: int) -> tuple[dict[str, Any], list[RenderableType]]:
    """One participant or validator, as a value and in lines. Raises `NotShown`."""
    terms = report.terms
    if terms is None or not 0 <= who < terms.places:
        raise NotShown("seat", who, f"it has {terms.places if terms else 0} seats, from 0")
    found = _conduct(report, terms, who)
    pairs = [(name.replace("_", " "), value if isinstance(value, str) else whole(value))
             for name, value in found.items()]  # fmt: skip
    said = [Text(f"{item.weight}: {clean(item.sentence, 400)}") for item in report.findings if item.seat == who]
    return found, [pairs_grid(pairs), *said]


def _conduct(report: AgreementReport, terms: AgreementTerms, who: int) -> dict[str, Any]:
    agreed = [row for row in report.epochs if row.kind == "agreed"]
    found: dict[str, Any] = {"seat": who, "role": "validator" if who >= terms.participants else "participant"}
    if who < terms.participants:
        found |= {"counted": sum(who in row.counted for row in agreed), "credits": report.credits[who]}
    else:
        found |= {
            "signed": sum(who in row.signers for row in report.epochs),
            "false_sums": sum(who in row.wrong for row in agreed),
            "no_sums": sum(who in row.missing for row in agreed),
        }
    return found | {"agreed_epochs": len(agreed), "left_out_from": report.blocked_from[who] or None}


def _seats(report: AgreementReport) -> RenderableType:
    terms = report.terms
    assert terms is not None
    made = plain_table(
        ("seat", "right"), ("role", "left"), ("took part", "right"), ("no sum", "right"), ("false", "right"),
        ("out since", "right"), ("credits", "right"),
    )  # fmt: skip
    for who in range(terms.places):
        row = _conduct(report, terms, who)
        credited = signed(row["credits"], 9) if "credits" in row else "\N{EN DASH}"
        made.add_row(
            str(who), row["role"], whole(row.get("counted", row.get("signed"))), whole(row.get("no_sums")),
            whole(row.get("false_sums")), whole(row["left_out_from"]), credited,
        )  # fmt: skip
    return made
