"""HTML by functions: text is escaped unless it is markup already, so that no name in a history can act."""

from html import escape
from typing import NamedTuple


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


class TableCell(NamedTuple):
    """A table cell: what is shown, and what its column sorts by when that differs."""

    shown: object
    key: float | int | str | None = None


_VOID = frozenset({"meta", "br", "input"})


def text(value: object) -> Markup:
    """Escaped text; signs that cannot be printed are replaced, line ends stay."""
    if isinstance(value, Markup):
        return value
    printable = (c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return Markup(escape("".join(printable)))


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element. `class_` is class, `_` in a name is a hyphen; None leaves an attribute or a child out."""
    opened = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{opened}>")
    inside = "".join(text(child) for child in children if child is not None)
    return Markup(f"<{name}{opened}>{inside}</{name}>")


def joined(*parts: object) -> Markup:
    """Parts one after the other."""
    return Markup("".join(text(part) for part in parts if part is not None))


def code(value: object) -> Markup:
    """A hash, an address or a name of code, that may break anywhere."""
    return tag("code", value)


def table(head: list[str], rows: list[list[object]], numbers: str = "", caption: str | None = None) -> Markup:
    """A table that a reader can sort; `numbers` has an n for each column of numbers, aligned right.

    Cells may be `TableCell`s, to sort by something else than what they show.
    """
    kinds = [("n" if at < len(numbers) and numbers[at] == "n" else None) for at in range(len(head))]
    header = tag("tr", *(
        tag("th", tag("button", title, type="button"), scope="col", class_=kind)
        for title, kind in zip(head, kinds, strict=True)
    ))  # fmt: skip
    lines = [tag("tr", *(_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True))) for row in rows]
    return tag("div", tag(
        "table", tag("caption", caption) if caption else None, tag("thead", header), tag("tbody", *lines)
    ), class_="wide", tabindex="0")  # fmt: skip


def _cell(cell: object, kind: str | None) -> Markup:
    if isinstance(cell, TableCell):
        return tag("td", cell.shown, class_=kind, data_key=cell.key)
    return tag("td", cell, class_=kind)


def facts_list(pairs: list[tuple[str, object]]) -> Markup:
    """Names and values."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs))


def picture(svg: str, caption: object = None, class_: str | None = None) -> Markup:
    """A figure; nothing when there is nothing to draw."""
    if not svg:
        return Markup("")
    return tag(
        "figure", tag("div", Markup(svg), class_="wide"), tag("figcaption", caption) if caption else None, class_=class_
    )
