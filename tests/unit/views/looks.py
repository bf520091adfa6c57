"""Requirements of a page in a browser: each function gives its faults in words, none for a good page."""

import re
from pathlib import Path

from tests.unit.views.browser import Tab

PHONE, DESKTOP, SHEET = 390, 1280, 688
"""Widths in pixels: of a telephone, of a screen, of a sheet of A4 between the page's margins."""


def of_opening(tab: Tab, page: Path) -> list[str]:
    """Whatever it asks for beside itself, and whatever the console says."""
    assert tab.requests[:1] == [page.as_uri()]
    return [f"asks for {url}" for url in tab.requests[1:]] + [f"console: {said}" for said in tab.complaints]


def of_sections(tab: Tab, wanted: list[str]) -> list[str]:
    """Sections that are missing, empty, out of order, or that a link does not lead to."""
    found = tab.ask(
        "() => [...document.querySelectorAll('section')].map((s) => "
        "[s.id, s.innerText.length > s.firstElementChild.innerText.length + 1])"
    )
    lost = tab.ask("() => [...document.links].map((a) => a.hash).filter((to) => to && !document.querySelector(to))")
    faults = [] if [name for name, _ in found] == wanted else [f"sections {found}, not {wanted}"]
    return [*faults, *(f"{name} is empty" for name, full in found if not full), *(f"no {to}" for to in lost)]


_COLUMN = """(table, column) => {
  const at = document.querySelectorAll("table")[table], head = at.tHead.rows[0].cells[column];
  head.firstElementChild.click();
  const shown = [...at.tBodies[0].rows].map((row) => row.cells[column]);
  return [head.className === "n", head.getAttribute("aria-sort"), shown.map((c) => c.dataset.key ?? c.textContent)];
}"""


def of_sorting(tab: Tab) -> tuple[list[str], int]:
    """Columns that a click does not sort, numbers as numbers, a second click the other way; how many there are."""
    faults, columns = [], 0
    tables = tab.ask("() => [...document.querySelectorAll('table')].map((t) => t.tHead.rows[0].cells.length)")
    for table, width in enumerate(tables):
        for column in range(width):
            columns += 1
            for click in (1, 2):
                numbers, said, values = tab.ask(_COLUMN, table, column)
                keys = [_number(value) if numbers else _words(value) for value in values]
                down = numbers == (click == 1)
                if said != ("descending" if down else "ascending") or keys != sorted(keys, reverse=down):
                    faults.append(f"table {table}, column {column}, click {click}: {said} {values[:8]}")
    return faults, columns


def _number(text: str) -> float:
    """A dash is less than every number."""
    found = re.match(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", text.replace(",", "").replace("\N{MINUS SIGN}", "-"))
    return float(found[0]) if found else float("-inf")


def _words(text: str) -> list[tuple[int, int, str]]:
    """Signs, then numbers by value, then letters, as a reader expects them."""
    parts = re.findall(r"\d+|[^\W\d_]+|[\W_]", text.casefold())
    return [(1, int(part), "") if part.isdecimal() else (2 if part.isalpha() else 0, 0, part) for part in parts]


_WIDE = """(boxes) => {
  const cut = [];
  const name = (e) => `${e.tagName} ${e.className.baseVal ?? e.className} ${e.textContent.trim().slice(0, 40)}`;
  for (const e of document.body.querySelectorAll("*")) {
    const { left, right, width } = e.getBoundingClientRect();
    if (!width || e.checkVisibility?.() === false) continue;
    if ((right > innerWidth + 1 || left < -1) && !(boxes && e.parentElement.closest(boxes)))
      cut.push(`${Math.round(left)} to ${Math.round(right)} of ${innerWidth}: ${name(e)}`);
    const svg = e.tagName === "text" ? e.ownerSVGElement.getBoundingClientRect() : null;
    if (svg && (right > svg.right + 1 || left < svg.left - 1)) cut.push(`beyond its picture: ${name(e)}`);
  }
  return cut;
}"""


def of_width(tab: Tab, boxes: str = ".wide, pre") -> list[str]:
    """What is wider than the page, but for what scrolls in a box of its own; and words that a picture cuts off."""
    beyond = tab.ask("() => document.documentElement.scrollWidth - innerWidth")
    return [*tab.ask(_WIDE, boxes), *(["the page scrolls sideways"] if beyond > 0 else [])]


def of_print(tab: Tab) -> list[str]:
    """What a sheet of paper cuts off, what is hidden in something closed, and controls."""
    controls = tab.ask(
        "() => [...document.querySelectorAll('nav, summary')].filter((e) => e.checkVisibility() && "
        "!getComputedStyle(e).listStyleType.startsWith('none')).map((e) => e.tagName)"
        ".concat([...document.querySelectorAll('th')].filter((e) => "
        "getComputedStyle(e.firstElementChild, '::after').content !== 'none').map(() => 'an arrow'))"
    )
    closed = tab.ask(
        "() => [...document.querySelectorAll('details > :not(summary)')].filter((e) => "
        "!e.getBoundingClientRect().height).map((e) => e.parentElement.textContent.slice(0, 40))"
    )
    return [*of_width(tab, ""), *(f"control: {what}" for what in controls), *(f"closed: {what}" for what in closed)]


_CONTRAST = """() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const bytes = (colour) => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgb) => rgb.slice(0, 3).map((each) => each / 255)
    .map((each) => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const faint = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !e.checkVisibility() || e.closest("style, script, title")) continue;
    let under = e;
    while (under && bytes(getComputedStyle(under).backgroundColor)[3] < 255) under = under.parentElement;
    const ground = light(bytes(getComputedStyle(under ?? document.documentElement).backgroundColor));
    const style = getComputedStyle(e), ink = light(bytes(e.ownerSVGElement ? style.fill : style.color));
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    const words = walk.currentNode.textContent.trim().slice(0, 40);
    if (ratio < 4.5) faint.add(`${ratio.toFixed(1)} : 1 ${e.tagName} ${words}`);
  }
  return [...faint];
}"""


def of_contrast(tab: Tab) -> list[str]:
    """Words that are hard to read on what is behind them: less than 4.5 : 1 (WCAG 2.2, 1.4.3)."""
    return [str(each) for each in tab.ask(_CONTRAST)]
