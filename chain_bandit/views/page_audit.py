"""The audit's section of the page: every check and how it went, what failed first."""

from chain_bandit.auditor.catalogue import PROVES
from chain_bandit.views.markup import Markup, TableCell, code, table, tag
from chain_bandit.views.phrases import SECTIONS
from chain_bandit.views.view_model import ViewModel, check_status, clean, whole

_WORDS = {"ok": "✓ passed", "bad": "✗ failed", "open": "? open", "none": "\N{EN DASH} no case"}
_RANK = {"bad": 0, "open": 1, "ok": 2, "none": 3}


def audit_section(facts: ViewModel) -> Markup:
    """Checks passed, failed and not checkable; for a failure the smallest evidence."""
    report = facts.report
    rows: list[list[object]] = []
    for name, tally in sorted(report.checks.items(), key=lambda item: _RANK[check_status(item[1])]):
        status = check_status(tally)
        evidence = tag("div", clean(tally.evidence, 400), class_=status) if tally.evidence else None
        proves = tag("div", PROVES.get(name, ""), tag("div", code(name)), evidence, class_="long")
        rows.append([
            TableCell(tag("span", _WORDS[status], class_=f"mark {status}"), _RANK[status]),
            TableCell(proves, name), whole(tally.passed), whole(tally.failed), whole(tally.not_checkable),
        ])  # fmt: skip
    return tag(
        "section",
        tag("h2", SECTIONS["audit"]),
        tag("p", f"Replayed from the chain's history alone: {facts.passed:,} checks passed, {report.failed:,} failed, "
            f"{report.not_checkable:,} could not be made."),
        _trust(facts),
        tag("h3", "Checks"),
        table(["", "what it proves", "passed", "failed", "not checkable"], rows, "--nnn"),
        id="audit",
    )  # fmt: skip


def _trust(facts: ViewModel) -> Markup | None:
    if not facts.report.head_trusted:
        return None
    return tag("p", "The auditor was given no hash to hold the last block against: the history's own, ",
               code(clean(facts.report.head, 80)), ", is trusted.", class_="quiet")  # fmt: skip
