"""Views of a sweep: a table on the terminal, a heat map of the regret at the end of each cell."""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from chain_bandit.simulation.replicates import PARTS
from chain_bandit.sweeps.run import SweepRow, Swept
from chain_bandit.views.canvas import INK, drawing, figure, place, svg
from chain_bandit.views.heat_map import HEIGHT, WIDTH, block
from chain_bandit.views.terminal import plain_table, titled
from chain_bandit.views.view_model import clean

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
