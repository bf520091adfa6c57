"""The page's first section: violations, observed misbehaviour, its evidence and its cost."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chain_bandit.auditor.exhibits import NEEDED, Exhibit
from chain_bandit.auditor.report import Checked, Finding, Weight, counted
from chain_bandit.game_names import clean
from chain_bandit.views.markup import Markup, TableCell, code, joined, table, tag
from chain_bandit.views.phrases import (
    CONDUCT,
    SECTIONS,
    attacks_in_words,
    beyond_bounds,
    honest_average,
    misbehaved,
    what_it_cost,
    what_proofs_cost,
)
from chain_bandit.views.view_model import ViewModel, amount, by_weight, short, signed, whole

SHOWN = 200
"""Findings and violations that the page has; all are in `audit.json`."""

_COLOUR = {Weight.PROOF: "bad", Weight.OBSERVATION: "open", Weight.HINT: "none"}


def conduct_section(facts: ViewModel, evidence: Sequence[Mapping[str, Any]]) -> Markup:
    """Violations with what shows them, findings by weight, and the proofs of equivocation in `evidence`."""
    beyond = beyond_bounds(facts)
    return tag(
        "section",
        tag("h2", SECTIONS["conduct"]),
        violations_list(facts.report),
        tag("p", misbehaved(facts)),
        tag("p", what_it_cost(facts)),
        *(tag("p", said) for said in what_proofs_cost(facts)),
        tag("p", beyond, class_="open") if beyond else None,
        findings_table(facts.report),
        _equivocations(evidence),
        id="conduct",
    )


def conduct_table(facts: ViewModel) -> Markup | None:
    """Seats that sent false reports or equivocated, since when, at what cost, beside an honest one; None for none."""
    if not facts.suspects:
        return None
    rows: list[list[object]] = [
        [
            TableCell(f"seat {p.seat}{facts.seat_name(p.seat)}" + (f", {p.role}" if p.role else ""), p.seat),
            p.conduct or _NONE,
            TableCell(whole(p.first or None), p.first), TableCell(whole(p.blocked_from or None), p.blocked_from),
            amount(p.reward), amount(p.slash), amount(p.void), signed(p.net),
        ]
        for p in facts.suspects
    ]  # fmt: skip
    earned, net = honest_average(facts)
    if net is not None:
        rows.append([TableCell("honest, on average", len(facts.participants)), _NONE, TableCell(_NONE, 0),
                     TableCell(_NONE, 0), amount(earned), amount(0), amount(0), signed(net)])  # fmt: skip
    head = ["participant", "observed", "since", "excluded", "earned", "slash", "voided", "took home"]
    return joined(table(head, rows, "--nnnnnn", SECTIONS["conduct"]),
                  *(tag("p", said, class_="quiet") for said in (*attacks_in_words(facts), CONDUCT)))  # fmt: skip


_NONE = "\N{EN DASH}"


def violations_list(report: Checked) -> Markup | None:
    """What contradicts the rules, and where it shows; None where nothing does."""
    found = report.violations
    if not found:
        return None
    first = {item.check: item for item in reversed(found)}
    items = [
        tag("li", code(clean(item.check)), " ", clean(item.sentence, 600),
            _exhibit(item.exhibit, first[item.check] is item) if item.exhibit else None)
        for item in found[:SHOWN]
    ]  # fmt: skip
    needed = tag("p", NEEDED, class_="quiet") if any(item.exhibit for item in found) else None
    return tag("div", tag("h3", "What contradicts the rules"), tag("ul", *items), needed, _more(len(found)),
               class_="violations")  # fmt: skip


def _exhibit(seen: Exhibit, with_command: bool) -> Markup:
    """Where a violation shows, and the commands that print those bytes."""
    of = f"transaction {clean(seen.transaction, 80)}" if seen.transaction else "its header"
    bytes_ = f", bytes {seen.first:,} to {seen.first + seen.size - 1:,}" if seen.size else ""
    where = tag("div", f"Block {whole(seen.block)}, {of}: {clean(seen.field)}{bytes_}.", class_="quiet")
    if not with_command:
        return where
    by_hand = tag("details", tag("summary", "See it by hand"), tag("pre", clean(seen.cast, _COMMAND)),
                  tag("pre", clean(seen.curl, _COMMAND)))  # fmt: skip
    return joined(where, by_hand)


_COMMAND = 2_000


def findings_table(report: Checked) -> Markup:
    """What was noticed about whom beyond the checks."""
    found = by_weight(report.findings)
    if not found:
        return tag("p", "Nothing was noticed about any participant beyond the checks.", class_="quiet")
    return joined(
        tag("p", "A proof follows from what was signed and opened. An observation may have an innocent reason, a hint "
            "is no more than unlikely by chance.", class_="quiet"),
        table(["", "seat", "what was found", "times", "first in round"], [_finding(item) for item in found[:SHOWN]],
              "---nn"),
        _more(len(found)),
    )  # fmt: skip


def _finding(item: Finding) -> list[object]:
    seats = ([] if item.seat is None else [item.seat]) + list(item.others)
    shown = json.dumps(item.evidence, indent=1) if item.evidence else ""
    evidence = tag("details", tag("summary", "Evidence"), tag("pre", _lines(shown))) if shown else None
    weight = tag("span", item.weight.value, class_=f"mark {_COLOUR[item.weight]}")
    return [
        TableCell(weight, list(Weight).index(item.weight)),
        TableCell(", ".join(map(str, seats[:12])) or "\N{EN DASH}", seats[0] if seats else -1),
        tag("div", clean(item.sentence, 400), evidence, class_="long"),
        whole(item.count), whole(item.rounds[0] if item.rounds else None),
    ]  # fmt: skip


def _lines(text: str) -> str:
    """The beginning of a text of several lines."""
    return text if len(text) <= _COMMAND else text[:_COMMAND] + "\n… the rest is in audit.json"


def _more(count: int) -> Markup | None:
    return tag("p", f"{count - SHOWN:,} more are in audit.json.", class_="quiet") if count > SHOWN else None


def _equivocations(evidence: Sequence[Mapping[str, Any]]) -> Markup | None:
    """The first proof against each seat: two signatures of one key over two contents of one slot."""
    first: dict[object, Mapping[str, Any]] = {}
    for proof in evidence:
        first.setdefault(proof.get("seat"), proof)
    if not first:
        return None
    items = []
    for seat, proof in first.items():
        count = sum(each.get("seat") == seat for each in evidence)
        pairs = zip(proof.get("contents", ()), proof.get("signatures", ()), strict=False)
        items.append(tag(
            "li", f"Seat {clean(seat)}, {counted(count, 'proof')}; the first: round {clean(proof.get('round'))}, "
            f"{clean(proof.get('role')).lower()} of phase {clean(proof.get('phase')).lower()}, signed ",
            *(joined(code(short(clean(content, 200))), " with ", code(short(clean(signature, 200))), "; ")
              for content, signature in pairs),
        ))  # fmt: skip
    summary = f"Proofs of equivocation against {counted(len(first), 'seat')}"
    return tag("details", tag("summary", summary), tag("ul", *items))
