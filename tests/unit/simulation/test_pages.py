"""The tables of the pages are those of their rows, and these what their commands print: cheap ones, played again."""

import json
import re
from pathlib import Path

import pytest

from science import figures, growth, pages, payoff
from science.bars import Span
from science.provenance import FIGURES

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
            row = payoff.said("registry", payoff.AttackBench(rule, 1, 10_000, 100, payoff.TABLE), attack, {})
            assert cells("payoff.md", attack)[2 * column] == payoff.cell(row, "gain")


@pytest.mark.parametrize("page", pages.PAGES)
def test_the_tables_of_a_page_are_those_of_its_rows(page):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert pages.filled(page, text) == text
    changed = re.sub(r"(<!-- (\w+) -->\n).*?(<!-- end of \2 -->)", r"\1\3", text, flags=re.DOTALL)
    assert changed.count("<!-- end of ") == len(pages.PAGES[page])
    assert changed != text == pages.filled(page, changed)
    with pytest.raises(pages.NoSuchTable):
        pages.filled(page, "no table")


def test_pictures_of_rows_are_shown_and_are_those_of_their_rows():
    everything = "".join((DOCS / f"{page}.md").read_text(encoding="utf-8") for page in pages.PAGES)
    for name, drawn in pages.PICTURES.items():
        assert f"(figures/{name}.svg)" in everything
        assert (DOCS / "figures" / f"{name}.svg").read_text(encoding="utf-8") == drawn()


def test_every_picture_is_shown_and_says_where_it_is_from():
    page, readme = ((DOCS.parent / name).read_text(encoding="utf-8") for name in ("docs/results.md", "README.md"))
    pictures = {path.stem for path in FIGURES.glob("*.svg")} - pages.PICTURES.keys() - {"terminal"}  # it has no numbers
    for name, where in (("rules", "rules-results.md"), ("internet", "internet.md")):
        assert f"(figures/{name}.svg)" in (DOCS / where).read_text(encoding="utf-8")
        pictures.remove(name)
    assert pictures == {*figures.FIGURES, "speed", "communication"}
    for name in pictures:
        assert f"(figures/{name}.svg)" in page or f"(docs/figures/{name}.svg)" in readme
        assert {"command", "commit", "seeds", "figures"} <= json.loads((FIGURES / f"{name}.json").read_text()).keys()


def table(figures_):
    """The rows of the README, from the numbers beside its picture."""
    for name, found in figures_.items():
        burn_in, cost = (f"{found[part]['mean']:.1f}" if part in found else "none" for part in ("burn_in", "cost"))
        yield f"| {name} | {Span(**found['all']).said} | {burn_in} | {cost} |"


def test_the_readme_has_the_figures_beside_its_picture():
    found = json.loads((FIGURES / "demo.json").read_text())["figures"]["regret"]["10000"]
    learners = {figures.ALONE, figures.OWN, figures.ORACLE}
    assert found.keys() == {*figures.demo_games(), *learners}
    shown = {figures.OURS, "the paper's preset", figures.NONE, *learners}
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    first, last = json.loads((FIGURES / "demo.json").read_text())["seeds"]
    assert f"`chain-bandit simulate flights --seed {first} --replicates {last - first + 1} --baselines`" in readme
    for row in table({name: found[name] for name in shown}):
        assert f"\n{row}\n" in readme
