"""The audit's section of the page: every check and how it went, what failed first."""

from collections.abc import Mapping

from chain_bandit.auditor.catalogue import PROVES
from chain_bandit.auditor.report import Checked
from chain_bandit.game_names import clean
from chain_bandit.views.markup import Markup, TableCell, code, table, tag
from chain_bandit.views.phrases import SECTIONS
from chain_bandit.views.view_model import check_status, whole

_WORDS = {"ok": "✓ passed", "bad": "✗ failed", "open": "? open", "none": "\N{EN DASH} no case"}
_RANK = {"bad": 0, "open": 1, "ok": 2, "none": 3}


def audit_section(report: Checked, trusted_head: str, proves: Mapping[str, str] = PROVES) -> Markup:
    """Checks passed, failed and not checkable; for a failure the smallest evidence.

    Args:
        trusted_head: the hash of the last block, where nobody gave it to the auditor.
        proves: of each check what it proves.
    """
    passed = sum(tally.passed for tally in report.checks.values())
    rows: list[list[object]] = []
    for name, tally in sorted(report.checks.items(), key=lambda item: _RANK[check_status(item[1])]):
        status = check_status(tally)
        evidence = tag("div", clean(tally.evidence, 400), class_=status) if tally.evidence else None
        said = tag("div", proves.get(name, ""), tag("div", code(name)), evidence, class_="long")
        rows.append([
            TableCell(tag("span", _WORDS[status], class_=f"mark {status}"), _RANK[status]),
            TableCell(said, name), whole(tally.passed), whole(tally.failed), whole(tally.not_checkable),
        ])  # fmt: skip
    return tag(
        "section",
        tag("h2", SECTIONS["audit"]),
        tag("p", f"Replayed from the chain's history alone: {passed:,} checks passed, {report.failed:,} failed, "
            f"{report.not_checkable:,} could not be made."),
        _trust(trusted_head),
        tag("h3", "Checks"),
        table(["", "what it proves", "passed", "failed", "not checkable"], rows, "--nnn"),
        id="audit",
    )  # fmt: skip


def _trust(head: str) -> Markup | None:
    if not head:
        return None
    return tag("p", "The auditor was given no hash to hold the last block against: the history's own, ",
               code(clean(head, 80)), ", is trusted.", class_="quiet")  # fmt: skip
