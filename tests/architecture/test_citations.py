"""Sources cite docs/protocol.md by headings that it has."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = "chain_bandit", "contracts", "verification", "science", "benchmarks", "scripts", "tests"
CITED = re.compile(r"\bprotocol\.md:\s+([A-Z][\w ]*(?:,\s+[A-Z][\w ]*)*)")


def cited(text: str) -> Iterator[str]:
    """Headings that a text cites."""
    for found in CITED.finditer(text):
        yield from (" ".join(each.split()) for each in found[1].split(","))


def missing(text: str, headings: set[str]) -> set[str]:
    """Headings that a text cites, and the page has not."""
    return set(cited(text)) - headings


HEADINGS = set(re.findall(r"^##+ (.+)$", (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8"), re.MULTILINE))
FILES = [
    path for place in PLACES for suffix in ("py", "sol", "ts") for path in sorted((ROOT / place).rglob(f"*.{suffix}"))
    if path != Path(__file__).resolve()
]  # fmt: skip


def test_a_citation_of_the_protocol_is_a_heading_of_its_page() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in FILES}
    assert sum(1 for text in texts.values() for _ in cited(text)) > 75
    assert not {str(path): lost for path, text in texts.items() if (lost := missing(text, HEADINGS))}


def test_no_source_cites_a_document_outside_of_the_repository() -> None:
    assert not [str(path) for path in FILES if re.search(r"\bPROTOCOL \d", path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("(protocol.md: Settlement).", set()), ("(protocol.md: Aggregation,\n Records)", set()),
        ("(protocol.md: Settlements)", {"Settlements"}), ("(protocol.md: Records, Money).", {"Money"}),
    ],
)  # fmt: skip
def test_a_heading_that_the_page_has_not_is_found(text: str, lost: set[str]) -> None:
    assert missing(text, HEADINGS) == lost
