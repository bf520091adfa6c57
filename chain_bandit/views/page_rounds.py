"""The rounds' section of the page: the newest records, reports selected and trimmed per arm, and absences."""

from chain_bandit.auditor.rows import RoundRow
from chain_bandit.views.markup import Markup, TableCell, table, tag
from chain_bandit.views.phrases import SECTIONS
from chain_bandit.views.view_model import ViewModel, amount, whole

NEWEST = 50
"""Rounds that the table has."""


def rounds_section(facts: ViewModel, live: bool) -> Markup:
    """The newest rounds first; on a live page each number opens the round."""
    shown = list(facts.rows[-NEWEST:])[::-1]
    if not shown:
        return tag("section", tag("h2", SECTIONS["rounds"]), tag("p", "No round was recorded.", class_="quiet"),
                   id="rounds")  # fmt: skip
    all_ = len(facts.rows)
    said = f"The newest {len(shown)} of {all_:,} recorded rounds." if all_ > len(shown) else "All recorded rounds."
    head = ["round", "ended as", "arm", "estimate of it", "counted of reports, per arm", "no report", "gas",
            "chain block"]  # fmt: skip
    return tag(
        "section",
        tag("h2", SECTIONS["rounds"]),
        tag("p", f"{said} Counted: how many of the round's reports are in an arm's estimate; the others were not "
            "selected by the rule of aggregation, or had too few pulls of the arm."),
        table(head, [_round(facts, row, live) for row in shown], "n--n--nn"),
        id="rounds",
    )  # fmt: skip


def _round(facts: ViewModel, row: RoundRow, live: bool) -> list[object]:
    silent = _without_report(facts, row)
    known = row.means is not None and row.arm is not None
    return [
        TableCell(tag("a", whole(row.round), href=f"/round/{row.round}") if live else whole(row.round), row.round),
        row.kind,
        _NONE if row.arm is None else facts.names[row.arm],
        amount(row.means[row.arm], 3) if known and row.means and row.arm is not None else _NONE,
        TableCell(_counted(facts, row), sum(map(len, row.selected))),
        TableCell(", ".join(map(str, silent)) or _NONE, len(silent)),
        whole(row.gas) if row.gas else _NONE,
        whole(row.block),
    ]


_NONE = "\N{EN DASH}"
_FEW = 4


def _counted(facts: ViewModel, row: RoundRow) -> str:
    """Of each arm, or of many the sum."""
    if row.means is None or not row.selected:
        return _NONE
    reports = len(row.reporters)
    if len(row.selected) > _FEW:
        return f"{sum(map(len, row.selected)):,} of {reports * len(row.selected):,} in all"
    parts = zip(facts.names, row.selected, strict=False)
    return "; ".join(f"{name} {len(members)} of {reports}" for name, members in parts)


def _without_report(facts: ViewModel, row: RoundRow) -> list[int]:
    """Participants that the block has no report of, less those that it may not have one of."""
    if row.means is None:
        return []
    given = {*row.reporters, *row.blocked}
    return [p.seat for p in facts.participants if p.seat not in given]
