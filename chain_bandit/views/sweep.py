"""Views of a sweep: a table on the terminal, a heat map of the regret at the end of each cell."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import product
from math import isfinite
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from chain_bandit.game_names import clean
from chain_bandit.simulation.replicates import PARTS
from chain_bandit.sweeps.run import SweepRow, Swept
from chain_bandit.views.canvas import INK, drawing, figure, place, svg
from chain_bandit.views.heat_map import HEIGHT, WIDTH, block
from chain_bandit.views.terminal import plain_table, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 200
"""Of the table; the file has all."""

MOST_CELLS = 4_000
"""Of the heat map, which then ends with what it has."""

_GAP = 44
"""Pixels between two blocks."""


def table(swept: Swept) -> RenderableType:
    """Each cell's regret at the end, whole and by its parts; what is the same in all, and what failed, below."""
    final = [row for row in swept.final if row["error"] is None]
    columns = {"T": [f"{row['round']:,}" for row in final], "regret": list(map(_with_interval, final))}
    columns |= {part.replace("_", "-"): [f"{row[f'{part}_mean']:,.1f}" for row in final] for part in PARTS}
    same = {name: values[0] for name, values in columns.items() if name != "regret" and len(set(values)) == 1}
    varying = {name: values for name, values in columns.items() if name not in same}
    made = plain_table(
        *((name, "wrap") for name in _short(swept.axes)), *((name, "right") for name in varying)
    )  # fmt: skip
    for row, *values in list(zip(final, *varying.values(), strict=True))[:MOST_ROWS]:
        made.add_row(*(Text(clean(row[axis], 40)) for axis in swept.axes), *values)
    more = len(final) - MOST_ROWS
    return titled(
        f"{swept.name}: regret of an honest participant, in rewards, and 95 % interval", made,
        *([Text(f"and {more:,} more", "dim")] if more > 0 else []),
        *([Text(f"in every cell: {', '.join(map(' '.join, same.items()))}", "dim")] if same else []),
        *(Text(f"FAILED {clean(swept.where(row), 200)}: {clean(row['error'], 400)}", "red")
          for row in swept.failed[:MOST_ROWS]),
        *(Text(f"damaged, played again: {clean(each, 400)}", "yellow") for each in swept.damaged),
    )  # fmt: skip


def _short(axes: Sequence[str]) -> list[str]:
    """Keys without the tables that they are in, unless two would be one."""
    ends = [axis.rpartition(".")[2] for axis in axes]
    return [clean(end if ends.count(end) == 1 else axis, 24) for end, axis in zip(ends, axes, strict=True)]


def _with_interval(row: SweepRow) -> str:
    mean, high = row["regret_mean"], row["regret_high"]
    return f"{mean:,.1f}" + ("" if high is None else f" ±{high - mean:,.1f}")


def lines(swept: Swept) -> str | None:
    """`line_figure` as SVG; None without an axis of numbers."""
    with drawing():
        made = line_figure(swept)
        title = f"Regret at the end over {clean(_numeric(swept)[0], 64)}"
        return None if made is None else svg(made, "sweep-lines", title)


def line_figure(swept: Swept) -> "Figure | None":
    """Regret at the end with its 95 % interval over the last axis of numbers, a line for each other combination.

    None where no axis has two numbers and no other values.
    """
    axis, numbers = _numeric(swept)
    if not numbers:
        return None
    known = [row for row in swept.final if row["regret_mean"] is not None]
    others = [each for each in swept.axes if each != axis]
    by_line: dict[str, list[SweepRow]] = {}
    for row in sorted(known, key=lambda row: numbers[row[axis]]):
        by_line.setdefault(", ".join(f"{name} = {row[name]}" for name in others), []).append(row)
    with drawing():
        made, axes = figure(640, 360)
        for name, rows in list(by_line.items())[:MOST_LINES]:
            at = [numbers[row[axis]] for row in rows]
            (line,) = axes.plot(at, [row["regret_mean"] for row in rows], marker="o", label=clean(name, 60) or None)
            if all(row["regret_high"] is not None for row in rows):
                low, high = ([row[f"regret_{end}"] for row in rows] for end in ("low", "high"))
                axes.fill_between(at, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        in_percent = all(label.endswith("%") for label in numbers)
        axes.set(xlabel=clean(axis, 40) + " (%)" * in_percent, ylabel="regret at the end (rewards)", ylim=(0, None))
        if others and by_line:
            axes.legend(frameon=False, fontsize=8)
        return made


MOST_LINES = 12
"""Of one figure; the table has all."""


def _numeric(swept: Swept) -> tuple[str, dict[str, float]]:
    """The last axis of which all values are numbers, or shares, and what they are; nothing without one."""
    for axis in reversed(swept.axes):
        labels = list(dict.fromkeys(row[axis] for row in swept.final))
        with suppress(ValueError):
            numbers = {label: float(label.removesuffix("%")) for label in labels}
            if len(numbers) > 1 and all(map(isfinite, numbers.values())):
                return axis, numbers
    return "", {}


def heat_map(swept: Swept) -> str:
    """`heat_figure` as SVG."""
    with drawing():
        return svg(heat_figure(swept), "sweep", f"Regret at the end of every cell of {clean(swept.name, 64)}")


def heat_figure(swept: Swept) -> "Figure":
    """Regret at the end: the last axis from left to right, the one before it downwards, a block for the rest."""
    *outer, down, across = ("", *swept.axes) if len(swept.axes) == 1 else swept.axes
    by_place = {tuple(row.get(axis, "") for axis in (*outer, down, across)): row for row in swept.final}
    values = {axis: list(dict.fromkeys(row.get(axis, "") for row in swept.final)) for axis in (*outer, down, across)}
    columns, lines = values[across], values[down]
    blocks = list(product(*(values[axis] for axis in outer)))[: max(1, MOST_CELLS // (len(columns) * len(lines)))]
    tall = len(lines) * HEIGHT + _GAP
    width, height = len(columns) * WIDTH, len(blocks) * tall
    known = [row["regret_mean"] for row in by_place.values() if row["regret_mean"] is not None]
    scale = min(known, default=0.0), max(known, default=0.0)
    title = f"regret at the end, {clean(down, 24)} by {clean(across, 24)}"
    with drawing():
        made, axes = figure(max(width + 150, 134 + 8 * len(title)), height + 50)
        place(made, 134, 16, 34, 16)
        axes.set_xlim(0, made.get_figwidth() * made.dpi - 150)
        axes.set_ylim(height, 0)
        axes.axis("off")
        axes.set_title(title, loc="left", x=0, pad=8)
        for at, chosen in enumerate(blocks):
            top = at * tall + _GAP
            named = ", ".join(f"{axis} = {value}" for axis, value in zip(outer, chosen, strict=True))
            axes.text(0, top - 26, clean(named, 100), color=INK, va="center")
            cells = {key[-2:]: row["regret_mean"] for key, row in by_place.items() if key[:-2] == chosen}
            block(axes, top, lines, columns, cells, scale, 1)
        return made
