"""The tables of docs/growth.md and docs/payoff.md, from the rows that are kept beside the pictures.

    python -m benchmarks.pages

Rows are those of `benchmarks/growth.py --json` and `benchmarks/payoff.py --json`; a table stands between the comment
of its name and the one of its end.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks import growth, payoff

DOCS = Path(__file__).resolve().parents[1] / "docs"

PAGES: dict[str, tuple[Callable[[list[Any]], Iterable[str]], ...]] = {
    "growth": (growth.totals, growth.parts), "payoff": (payoff.registry, payoff.responses),
}  # fmt: skip


class NoSuchTable(ValueError):
    """A page without that place for a table."""

    def __init__(self, page: str, name: str) -> None:
        super().__init__(f"docs/{page}.md has no <!-- {name} --> with <!-- end of {name} --> after it")


def rows(page: str) -> list[Any]:
    """What was played for a page."""
    file = DOCS / "figures" / f"{page}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def filled(page: str, text: str) -> str:
    """The text of a page with the tables of its rows. Raises `NoSuchTable`."""
    found = rows(page)
    for table in PAGES[page]:
        name = table.__name__
        place = re.compile(f"(?<=<!-- {name} -->\n).*?(?=<!-- end of {name} -->)", re.DOTALL)
        if not place.search(text):
            raise NoSuchTable(page, name)
        lines = "\n".join(["", *table(found), "", ""])
        text = place.sub(lambda _, lines=lines: lines, text, count=1)
    return text


def main() -> None:
    """Fill every page."""
    for page in PAGES:
        file = DOCS / f"{page}.md"
        file.write_text(filled(page, file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
