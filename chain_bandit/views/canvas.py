"""One style for all plots, and the way from a figure to a short, deterministic SVG text."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREEN, PURPLE = "#0072b2", "#c2500a", "#00795a", "#a0408c"
INK, MUTED, RULE = "#1b1f24", "#67707a", "#d9dde2"
"""Told apart by eyes of every sort, and each at least 4.5 : 1 on white (the rule is only a hairline)."""

_VARIABLES = {BLUE: "--blue", RED: "--red", GREEN: "--green", PURPLE: "--purple", INK: "--ink", MUTED: "--muted",
              RULE: "--rule"}  # fmt: skip

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "chain_bandit",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 11.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.titlesize": 11.0,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "lines.solid_capstyle": "round",
    "path.simplify": True,
}

POINTS = 400
"""Points of a curve that are drawn."""


@contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib's own defaults and our style, whatever the user's configuration says."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def figure(width: float, height: float) -> "tuple[Figure, Axes]":
    """A figure of so many pixels with one pair of axes, transparent."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width / 72, height / 72), dpi=72)
    made.patch.set_visible(False)
    axes = made.add_subplot()
    axes.patch.set_visible(False)
    return made, axes


def place(made: "Figure", left: float, right: float, top: float, bottom: float) -> None:
    """Set the margins in pixels."""
    width, height = made.get_size_inches() * 72
    made.subplots_adjust(left=left / width, right=1 - right / width, top=1 - top / height, bottom=bottom / height)


def svg(made: "Figure", name: str, title: str) -> str:
    """The figure as an `svg` element to put into a page or a file; `title` is its text for screen readers."""
    from io import StringIO

    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = StringIO()
    FigureCanvasSVG(made).print_svg(out, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})  # type: ignore[no-untyped-call]
    return _trimmed(out.getvalue(), name, title)


_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def _trimmed(text: str, name: str, title: str) -> str:
    """Without prologue, metadata and unused names; numbers to two decimals; names of its own."""
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, count=1, flags=re.S)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.S)
    used = set(re.findall(r"(?:url\(#|xlink:href=\"#)([^\")]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r"(url\(#|xlink:href=\"#)", rf"\g<1>{name}-", text)
    text = re.sub(r'( (?:d|x|y|transform|viewBox|points)=")([^"]*)', lambda m: m[1] + _short_numbers(m[2]), text)
    text = re.sub(r"(font: [^;\"]*?|font-family: )'DejaVu Sans'[^;\"]*", lambda m: m[1] + _FONTS, text)
    text = re.sub(r"<svg [^>]*>", lambda m: _opened(m[0], title), text, count=1)
    return re.sub(r"\n\s*", "\n", text).strip()


def _short_numbers(text: str) -> str:
    text = re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), text)
    return re.sub(r"\s+", " ", text).strip()


def _opened(tag: str, title: str) -> str:
    from html import escape

    box = re.search(r'viewBox="([^"]*)"', tag)
    assert box is not None
    width, height = box[1].split()[2:]
    said = escape(title)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
        f'viewBox="{box[1]}" width="{width}" height="{height}" role="img" aria-label="{said}"><title>{said}</title>'
    )


def themed(text: str) -> str:
    """The same picture in the colours of the page around it, light or dark."""
    for colour, variable in _VARIABLES.items():
        text = text.replace(f": {colour}", f": var({variable}, {colour})")
    return text


def thinned(values: Sequence[Any], points: int = POINTS) -> list[int]:
    """At most about `points` indices of `values`, evenly spread, first and last among them."""
    last = len(values) - 1
    if last < points:
        return list(range(len(values)))
    return sorted({round(i * last / (points - 1)) for i in range(points)})


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Positions near the wanted ones that keep `gap` between neighbours."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    clusters: list[list[int]] = []
    at: list[float] = []  # the lowest position of each cluster
    for i in order:
        clusters.append([i])
        at.append(wanted[i])
        while len(clusters) > 1 and at[-2] + gap * len(clusters[-2]) > at[-1]:
            joined = clusters.pop(-2) + clusters.pop()
            at[-2:] = [sum(wanted[j] for j in joined) / len(joined) - gap * (len(joined) - 1) / 2]
            clusters.append(joined)
    placed = [0.0] * len(wanted)
    for start, members in zip(at, clusters, strict=True):
        for rank, i in enumerate(members):
            placed[i] = start + rank * gap
    return placed


def frame(axes: "Axes", last: int, first: int, title: str, at: str) -> None:
    """Title, grid and horizontal axis of a curve from `first` to `last`, which counts what `at` names."""
    axes.set_title(title, loc="left", color=INK, x=0, pad=8)
    axes.set_xlim(first, max(last, first + 1))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(at, loc="right", labelpad=2)
    axes.locator_params(axis="x", integer=True)  # there is no half an epoch
    axes.xaxis.set_major_formatter("{x:,.0f}")


def end_labels(axes: "Axes", x: float, labels: Sequence[tuple[float, str, str]], gap_px: float = 14) -> None:
    """Name curves at their right end: (value, text, colour) each, none over another."""
    low, high = axes.get_ylim()
    pixels = axes.get_window_extent().height  # figures have 72 dots per inch: pixels
    for (value, text, colour), y in zip(
        labels, spread([value for value, _, _ in labels], gap_px * (high - low) / pixels), strict=True
    ):
        axes.annotate(
            text, (x, value), xytext=(x, y), textcoords="data", color=colour, va="center", annotation_clip=False,
            xycoords="data",
        ).set_x(x + 0.015 * (axes.get_xlim()[1] - axes.get_xlim()[0]))  # fmt: skip


def rectangles(axes: "Axes", boxes: Sequence[tuple[float, float, float, float]], **style: Any) -> None:
    """Many rectangles (x, y, width, height in data) as one path: short in SVG."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not boxes:
        return
    points: list[tuple[float, float]] = []
    for x, y, w, h in boxes:
        points += [(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(boxes)
    axes.add_patch(PathPatch(Path(points, codes), linewidth=0, **style))


def runs(values: Sequence[Any], wanted: Callable[[Any], bool]) -> list[tuple[int, int]]:
    """(start, length) of each stretch of consecutive values that are wanted."""
    found: list[tuple[int, int]] = []
    start = None
    for at, value in enumerate([*values, None]):
        holds = at < len(values) and wanted(value)
        if holds and start is None:
            start = at
        elif not holds and start is not None:
            found.append((start, at - start))
            start = None
    return found
