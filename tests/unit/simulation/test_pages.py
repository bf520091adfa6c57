"""The tables of docs/growth.md and docs/payoff.md are what their commands print: cheap rows of each, played again."""

from pathlib import Path

import pytest

from benchmarks import growth, pages, payoff

DOCS = Path(__file__).resolve().parents[3] / "docs"


def cells(page: str, *beginning: str) -> list[str]:
    """Of the one row of a page that begins so, what follows."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (DOCS / page).read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| {' | '.join(beginning)} |")
    ]
    return rows[0][len(beginning) :]


@pytest.mark.parametrize(("theorem", "attack"), [(1, "the scenario's"), (4, "in range"), (5, "the scenario's")])
def test_growth_page_has_what_its_command_gives(theorem, attack):
    case = next(case for case in growth.CASES if (case.theorem, case.attack) == (theorem, attack))
    found = growth.line(case, growth.play(case, growth.SHOWN[0], 100, 1))
    assert cells("growth.md", str(theorem), attack)[0] == growth.with_interval(found["regret"])


@pytest.mark.parametrize("attack", ["sign-flip", "two-faced-report", "captured-committee"])
def test_payoff_page_has_what_its_command_gives(attack):
    for column, rule in enumerate(payoff.RULES):
        if column % 2 == 0:
            row = payoff.said("registry", payoff.Bench(rule, 1, 10_000, 100, payoff.TABLE), attack, {})
            assert cells("payoff.md", attack)[2 * column] == payoff.cell(row, "gain")


@pytest.mark.parametrize("page", pages.PAGES)
def test_the_tables_of_a_page_are_those_of_its_rows(page):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert pages.filled(page, text) == text
    changed = text.replace(" ± ", " ± 1", 40)
    assert pages.filled(page, changed) != changed
    with pytest.raises(pages.NoSuchTable):
        pages.filled(page, "no table")
