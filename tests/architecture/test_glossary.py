"""The glossary is sorted, each of its entries is one short sentence, and every page links it."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LINK = "(glossary.md)"
ROW = re.compile(r"^\| (?!term \||---)(.*) \|$", flags=re.MULTILINE)


def faults(page: str) -> list[str]:
    """What is wrong with a glossary's entries."""
    rows = [[cell.strip() for cell in row.split("|")] for row in ROW.findall(page)]
    names = [row[0] for row in rows]
    wrong = [f"{row[0]}: {len(row)} cells" for row in rows if len(row) != 5]
    wrong += [f"{name}: twice" for name in sorted({name for name in names if names.count(name) > 1})]
    wrong += [f"{after}: behind {name}" for name, after in pairwise(names) if name.lower() > after.lower()]
    wrong += [f"{row[0]}: {len(row[1].split())} words" for row in rows if not 0 < len(row[1].split()) <= 30]
    return wrong


def test_entries_are_sorted_unique_and_short():
    page = (DOCS / "glossary.md").read_text(encoding="utf-8")
    assert len(ROW.findall(page)) > 80
    assert faults(page) == []


def test_every_page_links_the_glossary():
    pages = [page for page in DOCS.glob("*.md") if page.name != "glossary.md"]
    assert len(pages) > 20
    assert [page.name for page in pages if LINK not in page.read_text(encoding="utf-8")] == []
    assert "(docs/glossary.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (["| b | One. | | | |", "| a | Two. | | | |"], "a: behind b"),
        (["| a | One. | | | |", "| a | Two. | | | |"], "a: twice"),
        (["| a | One. | |"], "a: 3 cells"),
        ([f"| a | {'word ' * 31}| | | |"], "a: 31 words"),
        (["| a | | | | |"], "a: 0 words"),
    ],
)
def test_a_planted_fault_is_reported(rows, fault):
    assert faults("\n".join(("| term | meaning | unit | symbol | where |", "|---|---|---|---|---|", *rows))) == [fault]
