"""The report page of an agreement on tokens: one HTML file, from its audit alone."""

from chain_bandit.auditor.agreement import PROVES, AgreementReport
from chain_bandit.protocol.units import UNIT
from chain_bandit.views.agreement import facts, token
from chain_bandit.views.canvas import BLUE, INK, RED, drawing, figure, place, svg, themed, thinned
from chain_bandit.views.document import document
from chain_bandit.views.markup import Markup, facts_list, joined, picture, table, tag
from chain_bandit.views.page_audit import audit_section
from chain_bandit.views.page_conduct import findings_table, violations_list
from chain_bandit.views.view_model import signed, whole

SECTIONS = {"conduct": "Who did what", "tokens": "Tokens", "epochs": "Epochs", "audit": "Audit"}
"""Anchor and title of each section, in order."""

SHOWN = 2_000
"""Epochs in the table; all are in `audit.json`."""

STATUS = {"passed": ("ok", "✓"), "violated": ("bad", "✗"), "incomplete": ("open", "?")}


def agreement_page(report: AgreementReport, name: str = "Agreement on tokens") -> str:
    """The page. The same report gives the same text."""
    body = joined(
        _top(report, name), _conduct(report), _tokens(report), _epochs(report),
        audit_section(report, report.head if report.head_trusted else "", PROVES),
    )  # fmt: skip
    return document(name, body)


def _top(report: AgreementReport, name: str) -> Markup:
    status, mark = STATUS[report.verdict]
    agreed = sum(row.kind == "agreed" for row in report.epochs)
    said = (
        f"In {agreed:,} of {len(report.epochs):,} epochs a quorum signed one token for all; "
        f"after the last one it is {token(report.token)}."
    )
    return tag(
        "header",
        tag("h1", name),
        tag("p", f"{mark} {report.summary()}", class_=f"verdict {status}"),
        tag("p", said, class_="lead"),
        tag("nav", *(tag("a", title, href=f"#{anchor}") for anchor, title in SECTIONS.items()), aria_label="Sections"),
    )


def _section(anchor: str, *children: object) -> Markup:
    return tag("section", tag("h2", SECTIONS[anchor]), *children, id=anchor)


def _conduct(report: AgreementReport) -> Markup:
    terms, rows = report.terms, list[list[object]]()
    agreed = [row for row in report.epochs if row.kind == "agreed"]
    for seat in range(terms.places if terms else 0):
        assert terms is not None
        is_dealer = seat < terms.participants
        took_part = sum(seat in (row.counted if is_dealer else row.signers) for row in agreed)
        rows.append([
            whole(seat), "participant" if is_dealer else "validator", whole(took_part),
            whole(None if is_dealer else sum(seat in row.wrong for row in agreed)),
            whole(None if is_dealer else sum(seat in row.missing for row in agreed)),
            whole(report.blocked_from[seat] or None),
            signed(report.credits[seat], 9) if is_dealer else "\N{EN DASH}",
        ])  # fmt: skip
    head = ["seat", "role", "counted or signed", "false sums", "no sums", "left out from", "credits"]
    return _section("conduct", violations_list(report), findings_table(report), table(head, rows, "n-nnnnn"))


def _tokens(report: AgreementReport) -> Markup:
    caption = "The token in use after each epoch; the thin line is what the groups' median was before it was clamped."
    return _section("tokens", facts_list(list(facts(report))), picture(themed(_curve(report)), caption, "broad"))


def _curve(report: AgreementReport) -> str:
    if not report.epochs:
        return ""
    at = thinned(report.epochs)
    rows = [report.epochs[i] for i in at]
    x = [row.epoch for row in rows]
    with drawing():
        made, axes = figure(920, 250)
        place(made, 60, 24, 24, 34)
        axes.plot(x, [float("nan") if row.agreed is None else row.agreed / UNIT for row in rows], color=RED,
                  linewidth=0.8)  # fmt: skip
        axes.plot(x, [row.token / UNIT for row in rows], color=BLUE, linewidth=1.8)
        axes.set_title("token", loc="left", color=INK, x=0, pad=8)
        axes.set_xlim(x[0], max(x[-1], x[0] + 1))
        axes.grid(axis="y")
        axes.tick_params(length=0)
        axes.set_xlabel("epoch", loc="right", labelpad=2)
        axes.locator_params(axis="x", nbins=6, integer=True)
        return svg(made, "token", "The token in use after each epoch")


def _epochs(report: AgreementReport) -> Markup:
    rows: list[list[object]] = [
        [
            whole(row.epoch), row.kind, token(row.token), ", ".join(map(token, row.means)), whole(len(row.counted)),
            whole(len(row.signers)), whole(row.gas), whole(row.block),
        ]
        for row in report.epochs[-SHOWN:]
    ]  # fmt: skip
    more = f"The last {SHOWN:,} of {len(report.epochs):,} epochs." if len(report.epochs) > SHOWN else None
    head = ["epoch", "ended", "token", "means of groups", "counted", "signers", "gas", "block"]
    return _section("epochs", tag("p", more, class_="quiet") if more else None, table(head, rows, "n-n-nnnn"))
