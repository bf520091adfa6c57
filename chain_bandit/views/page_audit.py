"""The audit's section of the page: every check, what contradicts the rules, and what was noticed."""

from chain_bandit.audit.catalogue import PROVES
from chain_bandit.views.facts import Facts, check_status, clean, whole
from chain_bandit.views.markup import Cell, Markup, code, table, tag
from chain_bandit.views.wording import SECTIONS

_WORDS = {"ok": "✓ passed", "bad": "✗ failed", "open": "? open", "none": "\N{EN DASH} nothing to check"}
_RANK = {"bad": 0, "open": 1, "ok": 2, "none": 3}


def audit_section(facts: Facts) -> Markup:
    """Checks passed, failed and not checkable; for a failure the smallest evidence."""
    report = facts.report
    rows: list[list[object]] = []
    for name, tally in report.checks.items():
        status = check_status(tally)
        evidence = tag("div", clean(tally.evidence, 400), class_=status) if tally.evidence else None
        proves = tag("div", PROVES.get(name, ""), evidence, class_="long")
        rows.append([
            Cell(tag("span", _WORDS[status], class_=f"mark {status}"), _RANK[status]),
            code(name), proves, whole(tally.passed), whole(tally.failed), whole(tally.not_checkable),
        ])  # fmt: skip
    return tag(
        "section",
        tag("h2", SECTIONS["audit"]),
        tag("p", f"Replayed from the chain's history alone: {facts.passed:,} checks passed, {report.failed:,} failed, "
            f"{report.not_checkable:,} could not be made."),
        _violations(facts),
        _trust(facts),
        tag("h3", "Checks"),
        table(["", "check", "proves", "passed", "failed", "not checkable"], rows, "---nnn"),
        _findings(facts),
        id="audit",
    )  # fmt: skip


def _violations(facts: Facts) -> Markup | None:
    found = facts.report.violations
    if not found:
        return None
    items = [tag("li", code(item.check), " ", clean(item.sentence, 600)) for item in found]
    return tag("div", tag("h3", "What contradicts the rules"), tag("ul", *items), class_="violations")


def _trust(facts: Facts) -> Markup | None:
    if not facts.report.head_trusted:
        return None
    return tag("p", "The auditor was given no hash to hold the last block against: the history's own, ",
               code(facts.report.head), ", is trusted.", class_="quiet")  # fmt: skip


def _findings(facts: Facts) -> Markup:
    found = facts.report.findings
    if not found:
        return tag("p", "Nothing was noticed about any participant beyond the checks.", class_="quiet")
    items = [tag("li", clean(item.sentence, 400)) for item in found]
    return tag("div", tag("h3", "Noticed about participants"), tag("ul", *items))
