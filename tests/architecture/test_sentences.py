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


def faults(*texts: str) -> list[str]:
    """The sentences that are too long, and whether half of all are longer than the median may be."""
    found = [each for text in texts for each in sentences(text)]
    middle = median(words for words, _ in found)
    return [sentence for words, sentence in found if words > MOST] + [f"median {middle:g}"] * (middle > MEDIAN)


def test_sentences_of_pages_are_short() -> None:
    found = {name: faults(text) for name, text in pages().items()}
    assert len(found) > 30
    assert {name: each for name, each in found.items() if each} == {}


def test_sentences_of_the_help_are_short() -> None:
    texts = list(helps(get_command(app)))
    assert len(texts) > 100
    assert faults(*texts) == []


def test_pages_and_help_have_no_private_words() -> None:
    texts = pages() | {each: each for each in helps(get_command(app))}
    assert {name: PRIVATE.findall(text) for name, text in texts.items() if PRIVATE.search(text)} == {}


SHORT = f"{'A sentence of five words. ' * 3}\n\n"


@pytest.mark.parametrize("text", [f"- {'word ' * 46}end.", f"A table.\n\n| x | y |\n\n{'word ' * 30}; {'and ' * 20}."])
def test_a_long_sentence_is_found(text: str) -> None:
    assert len(faults(SHORT + text)) == 1


@pytest.mark.parametrize(("middle", "found"), [(20, []), (21, ["median 21"])])
def test_a_page_of_longer_sentences_is_found(middle: int, found: list[str]) -> None:
    assert faults(f"Two short words. {'word ' * middle}. {'Word ' * 40}.") == found


@pytest.mark.parametrize("text", [f"{'word ' * 40}end. {'Word ' * 40}end.", f"```\n{'word ' * 60}\n```", "| a " * 60])
def test_no_other_sentence_is_found(text: str) -> None:
    assert faults(SHORT + text) == []
