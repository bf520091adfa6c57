"""The tables of the pages, and some pictures, from the rows that are kept beside these.

    python -m science.pages

Rows are those that the studies write to docs/figures with `--json`; a table stands between the comment of its name
and the one of its end. `made`: which commits have made a page's rows, and on which seeds.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from benchmarks import internet, mediate
from chain_bandit.runner.rows import read_rows
from chain_bandit.simulation.kernel.forms import FORMS
from chain_bandit.views import fixed_tokens
from science import (
    bars,
    communication,
    exclusion,
    growth,
    payoff,
    price,
    recommended,
    rivals,
    rules,
    search,
    study,
    widths,
)
from science.provenance import FIGURES

DOCS = FIGURES.parent

_Table = Callable[[], Iterable[str]]


def rows(page: str) -> list[Any]:
    """What was played for a page."""
    return read_rows(FIGURES / f"{page}.jsonl")


def made(found: list[Any]) -> Iterator[str]:
    """Which commits have made how many rows, and on which seeds."""
    commits = Counter(row["commit"] for row in found)
    counted = ", ".join(f"{count} by `{commit}`" for commit, count in commits.items())
    first, last = (edge(row["seeds"][at] for row in found) for at, edge in enumerate((min, max)))
    yield f"Of the {len(found)} rows {counted}; seeds {first:,} to {last:,}."


def of(page: str, **tables: Callable[[list[Any]], Iterable[str]]) -> dict[str, _Table]:
    """The tables of a page's rows by name, and what has made these."""

    def later(table: Callable[[list[Any]], Iterable[str]]) -> _Table:
        return lambda: table(rows(page))

    return {name: later(table) for name, table in {"made": made, **tables}.items()}


PAGES: dict[str, dict[str, _Table]] = {
    "results": {
        "recommended": recommended.table, "lengths": recommended.lengths,
        "phases": communication.table, "worst": lambda: search.beside_alone(rows("recommended")),
        "bars": lambda: bars.table(bars.held()),
        "rushing": lambda: bars.table(bars.rushed()),
    }
    | of("price", price=price.shown, every=price.every),
    "growth": of("growth", totals=growth.totals, parts=growth.parts),
    "payoff": of("payoff", registry=payoff.registry, responses=payoff.responses)
    | {"slashed": lambda: [*payoff.responses(rows("payoff_slash")), "", *made(rows("payoff_slash"))]}
    | {"cells": lambda: [*payoff.worst(cells := rows("payoff_cells") + rows("payoff_sealed")), *made(cells)]}
    | {"others": lambda: [*payoff.worst(rows("payoff_others")), *made(rows("payoff_others"))]}
    | {"free": lambda: [*payoff.registry(rows("payoff_free")), "", *made(rows("payoff_free"))]},
    "exclusion": of("exclusion", registry=exclusion.registry)
    | {"edge": lambda: [*exclusion.edge(rows("edge")), "", *made(rows("edge"))]},
    "robust": {
        "widths": lambda: [*widths.table(rows("widths")), "", *made(rows("widths"))],
        "searched": lambda: [
            *search.table(row for row in rows("search") if row["games"] and row["seats"] == 10), "",
            *made(rows("search")),
        ],
        "unproven": lambda: [*search.unproven(rows("unproven")), "", *made(rows("unproven"))],
        "beyond": lambda: search.table(row for row in rows("search") if not row["games"] and row["seats"] == 10),
        "broken": lambda: search.broken(row for row in rows("search") if row["seats"] == 20),
        "bias": lambda: [*widths.biased(rows("bias")), "", *made(rows("bias"))],
    },
    "internet": {"rounds": internet.table},
    "rivals": of(
        "rivals", published=rivals.published, alone=rivals.alone, attacked=rivals.attacked, swapped=rivals.swapped
    ),
    "rules-results": of(
        "rules", summary=rules.summary, one=partial(rules.every, liars=1), three=partial(rules.every, liars=3),
        absent=rules.absent,
    ),
    "mediate": {
        "speed": lambda: mediate.shown(rows("mediate_speed")), "played": lambda: study.made(rows("mediate")),
        "bandits": lambda: [*rivals.incentives(rows("mediate_bandits")), "", *made(rows("mediate_bandits"))],
        "came": lambda: study.shown(rows("mediate")), "pairs": lambda: study.pairs(rows("mediate")),
        "code": lambda: [*study.shown(rows("mediate_code")), "", *study.made(rows("mediate_code"))],
        "swept": lambda: [*study.swept(rows("mediate_tokens")), "", *study.made(rows("mediate_tokens"))],
        "squared": lambda: [*study.squared(rows("mediate_token_pairs")), "", *study.made(rows("mediate_token_pairs"))],
    },
}  # fmt: skip

PICTURES: dict[str, Callable[[], str]] = {
    "mediate_tokens": lambda: fixed_tokens.curves(study.sweeps(rows("mediate_tokens"))),
    "search": lambda: search.curves(
        row
        for row in rows("search")
        if row["rule"] in FORMS.keys() - {"option-3"} and row["seats"] == 10 and not row["blind"]  # as option-2
    ),
    "mediate_token_pairs": lambda: fixed_tokens.heat_map(*study.sweeps(rows("mediate_token_pairs"))),
}
"""Drawn from the rows of the same name."""


class NoSuchTable(ValueError):
    """A page without that place for a table."""

    def __init__(self, page: str, name: str) -> None:
        super().__init__(f"docs/{page}.md has no <!-- {name} --> with <!-- end of {name} --> after it")


def filled(page: str, text: str) -> str:
    """The text of a page with the tables of its rows. Raises `NoSuchTable`."""
    for name, table in PAGES[page].items():
        place = re.search(f"(?<=<!-- {name} -->\n).*?(?=<!-- end of {name} -->)", text, re.DOTALL)
        if place is None:
            raise NoSuchTable(page, name)
        lines = "\n".join(["", *table(), "", ""])
        text = text[: place.start()] + lines + text[place.end() :]
    return text


def main() -> None:
    """Fill every page, draw every picture."""
    for page in PAGES:
        file = DOCS / f"{page}.md"
        file.write_text(filled(page, file.read_text(encoding="utf-8")), encoding="utf-8")
    for name, drawn in PICTURES.items():
        (FIGURES / f"{name}.svg").write_text(drawn(), encoding="utf-8")


if __name__ == "__main__":
    main()
