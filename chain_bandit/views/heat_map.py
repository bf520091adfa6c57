"""Heat map: cells, each a number on its shade, with labels of columns and rows."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

from chain_bandit.game_names import clean
from chain_bandit.views.canvas import BLUE, INK, rectangles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 84, 30
"""Pixels of a cell."""


def block(
    axes: "Axes", top: float, lines: Sequence[str], columns: Sequence[str],
    cells: Mapping[tuple[str, str], float | None], scale: tuple[float, float], digits: int,
) -> None:  # fmt: skip
    """Draw the cells, by line and column, on axes of pixels whose y grows downwards; None is one that failed.

    A cell that is not there stays empty.

    Args:
        top: where the cells begin; the columns' names stand above.
        scale: what has the palest and the darkest shade.
    """
    for x, name in enumerate(columns):
        axes.text((x + 0.5) * WIDTH, top - 9, clean(name, 13), color=INK, ha="center", va="center", fontsize=9)
    for y, name in enumerate(lines):
        axes.text(-8, top + (y + 0.5) * HEIGHT, clean(name, 20), color=INK, ha="right", va="center", fontsize=9)
    for (y, line), (x, column) in product(enumerate(lines), enumerate(columns)):
        if (line, column) not in cells:
            continue
        value = cells[line, column]
        if value is not None:
            share = (value - scale[0]) / ((scale[1] - scale[0]) or 1)
            box = (x * WIDTH, top + y * HEIGHT, WIDTH - 1, HEIGHT - 1)
            rectangles(axes, [box], facecolor=BLUE, alpha=0.08 + 0.52 * share)
        said = "failed" if value is None else f"{value:,.{digits}f}"
        axes.text((x + 0.5) * WIDTH, top + (y + 0.5) * HEIGHT, said, color=INK, ha="center", va="center", fontsize=9)
