"""Text of a renderable."""

from io import StringIO

from rich.cells import cell_len
from rich.console import Console, RenderableType


def shown(renderable: RenderableType, width: int = 80) -> str:
    """The text on a screen of so many columns, without colour; no line is longer."""
    out = StringIO()
    Console(file=out, width=width, markup=False, emoji=False, highlight=False).print(renderable)
    text = out.getvalue()
    assert all(cell_len(line) <= width for line in text.splitlines())
    return text
