"""Recommended rule against its acceptance thresholds ("bars"): under the worst lie of the picture and of the searches,
from rows that are kept.

    python -m science.bars

A ratio's interval is that of 95 % of two independent means, to first order: the squares of the two relative errors add
up. Ours and the oracle share their seeds and move together, so theirs is narrower. A bar is cleared where all of it is
below. Of a rule that met several lies the one that hurt it least is taken.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import hypot
from typing import Any

from chain_bandit.protocol import rules
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.units import UNIT
from chain_bandit.runner.rows import read_rows
from science import rivals
from science.figures import ROUNDS, SEATS
from science.provenance import FIGURES

OURS = "confidence"
DELTA = dict(rules.named(RuleKind.AGGREGATION, OURS).options)["delta"] / UNIT
"""As a scenario has it by default."""
PICTURES = {1: "heat-1", 3: "heat"}
BARS = {
    (1, "UCB1 alone"): 0.30, (1, "`zhu`"): 0.45, (1, "oracle"): 1.30,
    (3, "UCB1 alone"): 0.40, (3, "`zhu`"): 0.50, (3, "oracle"): 1.60,
}  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A value and the ends of its interval."""

    mean: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Half the interval, as a share of the value."""
        return (self.high - self.low) / (2 * self.mean)

    def over(self, other: "Span") -> "Span":
        """The ratio."""
        ratio = self.mean / other.mean
        half = ratio * hypot(self.error, other.error)
        return Span(ratio, ratio - half, ratio + half)

    @property
    def said(self) -> str:
        """With half its interval."""
        return f"{self.mean:.1f} ± {self.high - self.mean:.1f}"


@dataclass(frozen=True)
class BarRow:
    """Our rule under its worst attack, held against another one; `bar`: what the ratio is to stay below, if set."""

    liars: int
    attack: str
    ours: Span
    rule: str
    other: Span
    bar: float | None

    @property
    def clear(self) -> bool:
        """Whether the whole interval of the ratio is below the bar."""
        return self.bar is not None and self.ours.over(self.other).high < self.bar


def held() -> Iterator[BarRow]:
    """All bars, and Zhu's estimator with the width of all that it pools, for which none was set."""
    for liars in PICTURES:
        found = _picture(liars)
        attack = found["worst"][OURS]
        listed = attack, Span(**found["regret"][attack][OURS])
        yield from _against(liars, *max([listed, *_searched(liars)], key=lambda each: each[1].mean))


def rushed() -> Iterator[BarRow]:
    """The same of rushing liars, which know what no seat of the protocol does: the honest reports of the same round."""
    for row in read_rows(FIGURES / "edge.jsonl"):
        if (row["rule"], row["delta"]) == (OURS, DELTA):
            yield from _against(row["liars"], f"{row['attack']}, rushing", Span(**row["regret"]))


def _searched(liars: int) -> Iterator[tuple[str, Span]]:
    """Of the same game, by liars that know the last block."""
    for row in read_rows(FIGURES / "search.jsonl"):
        asked = row["rule"], row["liars"], row["seats"], row["rounds"], row["rushing"]
        if asked == (OURS, liars, SEATS, ROUNDS, False):
            yield "searched", Span(**row["regret"])


def _picture(liars: int) -> Any:
    return json.loads((FIGURES / f"{PICTURES[liars]}.json").read_text(encoding="utf-8"))["figures"]


def _against(liars: int, attack: str, ours: Span) -> Iterator[BarRow]:
    zhu = rivals.kept(read_rows(FIGURES / "rivals.jsonl"), "zhu")
    found = _picture(liars)
    others = {"UCB1 alone": Span(**found["alone"]), "oracle": Span(**found["oracle"])}
    for rival in ("zhu", "zhu-pooled"):
        rows = [row for asked, row in zhu.items() if (asked.rival, asked.liars) == (rival, liars)]
        least = min(rows, key=lambda row: row.regret)
        others[f"`{rival}`"] = Span(least.regret, least.regret - least.half, least.regret + least.half)
    for rule, other in others.items():
        yield BarRow(liars, attack, ours, rule, other, BARS.get((liars, rule)))


def table(found: Iterable[BarRow]) -> Iterator[str]:
    """As docs/results.md has them."""
    yield "| f | worst attack | ours | against | its regret | ratio | interval | bar | clear of it |"
    yield "|---:|---|---:|---|---:|---:|---:|---:|---|"
    for each in found:
        ratio = each.ours.over(each.other)
        bar, clear = ("none", "") if each.bar is None else (f"{each.bar:.2f}", "yes" if each.clear else "**no**")
        yield (
            f"| {each.liars} | `{each.attack}` | {each.ours.said} | {each.rule} | {each.other.said} | {ratio.mean:.2f} "
            f"| {ratio.low:.3f} … {ratio.high:.3f} | {bar} | {clear} |"
        )


if __name__ == "__main__":
    print(*table(held()), "", *table(rushed()), sep="\n")
