"""Sentences of the pages and of the help are short, and name things as the field does."""

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from typer.main import get_command

from chain_bandit.cli.root import app

ROOT = Path(__file__).resolve().parents[2]
MEDIAN, MOST = 20, 45
"""Words of a sentence."""
LONGER = {"exclusion.md": 2, "gas.md": 2, "nodes-log.md": 8, "payoff.md": 6, "theorems.md": 3}
"""How many longer sentences a page of results or a log still has; a number only falls."""
PRIVATE = re.compile(
    r"\b(doors?|nursery|purses?|thrift|punctuality|sittings?|bent units|tokens of thanks)\b",
    re.IGNORECASE,
)
"""Words of our own for what has a standard term."""
NO_PROSE = (r"```.*?```", r"^\s*\|.*$", r"^#.*$")


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Each sentence of a page of Markdown with its number of words; a colon before a capital ends one."""
    for pattern in NO_PROSE:
        text = re.sub(pattern, "\n\n", text, flags=re.MULTILINE | re.DOTALL if "`" in pattern else re.MULTILINE)
    text = re.sub(r"`[^`]*`", "x", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text))
    for block in re.split(r"\n\s*\n|\n\s*(?:[-*]|\d+\.) ", text):
        for sentence in re.split(r"(?<=[.!?:;])\s+(?=[A-Z(x\"*])|(?<=[.!?])\s+", " ".join(block.split())):
            words = len(re.findall(r"[A-Za-z][\w'-]*", sentence))
            if words > 2:
                yield words, sentence


def pages() -> dict[str, str]:
    found = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))
    return {page.name: page.read_text(encoding="utf-8") for page in found}


def helps(command: Any) -> Iterator[str]:
    """What a command says of itself and of its options, and all commands within it."""
    yield from filter(None, (command.help, *(getattr(each, "help", None) for each in command.params)))
    for inner in getattr(command, "commands", {}).values():
        yield from helps(inner)


def too_long(text: str) -> list[str]:
    return [sentence for words, sentence in sentences(text) if words > MOST]


def test_sentences_of_pages_are_short() -> None:
    found = {name: too_long(text) for name, text in pages().items()}
    assert len(found) > 30
    assert {name: each for name, each in found.items() if len(each) > LONGER.get(name, 0)} == {}
    assert median(words for text in pages().values() for words, _ in sentences(text)) <= MEDIAN


def test_sentences_of_the_help_are_short() -> None:
    said = list(helps(get_command(app)))
    assert len(said) > 100
    assert [each for each in said if too_long(each)] == []
    assert median(words for each in said for words, _ in sentences(each)) <= MEDIAN


def test_pages_and_help_have_no_private_words() -> None:
    texts = pages() | {each: each for each in helps(get_command(app))}
    assert {name: PRIVATE.findall(text) for name, text in texts.items() if PRIVATE.search(text)} == {}


@pytest.mark.parametrize("text", [f"- {'word ' * 46}end.", f"A table.\n\n| x | y |\n\n{'word ' * 30}; {'and ' * 20}."])
def test_a_long_sentence_is_found(text: str) -> None:
    assert len(too_long(text)) == 1


@pytest.mark.parametrize("text", [f"{'word ' * 40}end. {'Word ' * 40}end.", f"```\n{'word ' * 60}\n```", "| a " * 60])
def test_no_other_sentence_is_found(text: str) -> None:
    assert too_long(text) == []
