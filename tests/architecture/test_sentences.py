"""Sentences of the pages and of the help are short, and name things as the field does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from typer.main import get_command

from chain_bandit.cli.root import app
from scripts import reference_pages

ROOT = Path(__file__).resolve().parents[2]
MEDIAN, MOST = 20, 45
"""Words of a sentence."""
PRIVATE = re.compile(
    r"\b(houses?|(?:a|the) rooms?|doors?|nursery|thrift|punctuality|purses?|sittings?|bent units?|(?:tokens of )?thanks"
    r"|on trust|seen to|(?<!bool )costly|lied|in B|whoever|speaks?|speaking|spoken?|hears?|heard|hearing"
    r"|without a word|there again|takes? (?:it|them) up"
    r"|(?:is|are|was|were|be|been) back)\b",
    re.IGNORECASE,
)
"""Words of our own for what has a standard term."""
IN_USE = {"heard.jsonl", "costly"}
"""Names of a file and of a key of JSON."""
QUESTION = re.compile(r"(What|Who|How|Where|When|Why|Which|Whether)\b")
FOLDERS = "chain_bandit", "verification", "science", "benchmarks", "scripts", "tests"
NO_PROSE = (r"```.*?```", r"^\s*\|.*$", r"^#.*$")


PARTS = r"(?<=[.!?:;])\s+(?=[A-Z(x\"*])|(?<=[.!?])\s+"
"""A colon or semicolon before a capital ends a part of a sentence."""
WHOLE = r"(?<=[.!?])\s+"


def sentences(text: str, ends: str = PARTS) -> Iterator[tuple[int, str]]:
    """Each sentence of a page of Markdown with its number of words."""
    for pattern in NO_PROSE:
        text = re.sub(pattern, "\n\n", text, flags=re.MULTILINE | re.DOTALL if "`" in pattern else re.MULTILINE)
    text = re.sub(r"`[^`]*`", "x", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text))
    for block in re.split(r"\n\s*\n|\n\s*(?:[-*]|\d+\.) ", text):
        for sentence in re.split(ends, " ".join(block.split())):
            words = len(re.findall(r"[A-Za-z][\w'-]*", sentence))
            if words > 2:
                yield words, sentence


def pages() -> dict[str, str]:
    names = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
    found = (*(ROOT / name for name in names), *sorted((ROOT / "docs").glob("*.md")))
    return {page.name: page.read_text(encoding="utf-8") for page in found}


def helps(command: Any) -> Iterator[str]:
    """What a command says of itself and of its options, and all commands within it."""
    yield from filter(None, (command.help, *(getattr(each, "help", None) for each in command.params)))
    for inner in getattr(command, "commands", {}).values():
        yield from helps(inner)


def faults(*texts: str) -> list[str]:
    """The sentences that are too long, and whether half of all are longer than the median may be."""
    middle = median(words for text in texts for words, _ in sentences(text))
    long = [sentence for text in texts for words, sentence in sentences(text, WHOLE) if words > MOST]
    return long + [f"median {middle:g}"] * (middle > MEDIAN)


def test_sentences_of_pages_are_short() -> None:
    found = {name: faults(text) for name, text in pages().items()}
    assert len(found) > 30
    assert {name: each for name, each in found.items() if each} == {}


def test_sentences_of_the_help_are_short() -> None:
    texts = list(helps(get_command(app)))
    assert len(texts) > 100
    assert faults(*texts) == []


def literals(source: str) -> Iterator[str]:
    """The strings of a module of Python, without its docstrings."""
    tree = ast.parse(source)
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def private(text: str) -> list[str]:
    return [] if text in IN_USE else [found[0] for found in PRIVATE.finditer(text)]


def prose(page: str) -> str:
    """A page without code and addresses of links."""
    return re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", " ", page, flags=re.DOTALL)


def shown() -> Iterator[tuple[str, str]]:
    """What readers are shown: pages, notebooks, reference, help, strings of the package, pictures, verify.html."""
    notes = {folder: (ROOT / folder / "README.md").read_text() for folder in ("benchmarks", "science", "verification")}
    for name, page in (pages() | reference_pages.pages() | notes).items():
        yield name, prose(page)
    others = ("docs/notebooks/*.ipynb", "docs/figures/terminal.svg", "chain_bandit/views/*.js")
    for place in (*others, "verification/browser/src/*"):
        for file in ROOT.glob(place):
            yield file.name, file.read_text(encoding="utf-8").replace("&#160;", " ")
    for file in (ROOT / "chain_bandit").rglob("*.py"):
        for text in literals(file.read_text(encoding="utf-8")):
            yield file.relative_to(ROOT).as_posix(), text


def test_nothing_that_is_shown_has_private_words() -> None:
    texts = list(shown())
    assert len({name for name, _ in texts}) > 400
    assert [(name, private(text)) for name, text in texts if private(text)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is On trust, whoever\nsays so.", ["On trust", "whoever"]),
        ("A costly round, and three reports in B.", ["costly", "in B"]),
        ("`lied` and (uint8 kind, bool costly), B_i, [a page](whoever.md), a feedback that is there.", []),
        ("costly", []),
    ],
)
def test_private_words_are_found(text: str, found: list[str]) -> None:
    assert private(prose(text)) == found


def test_strings_of_a_module_are_found_and_its_docstrings_are_not() -> None:
    assert list(literals('"""Lied."""\nX = "lied", f"{1} on trust"\n"""Of X."""')) == ["lied", " on trust"]


SHORT = f"{'A sentence of five words. ' * 3}\n\n"


@pytest.mark.parametrize("text", [f"- {'word ' * 46}end.", f"A table.\n\n| x | y |\n\n{'word ' * 30}; {'and ' * 20}.",
                                  f"{'Word ' * 30}: `x` {'and ' * 20}."])
def test_a_long_sentence_is_found(text: str) -> None:
    assert len(faults(SHORT + text)) == 1


@pytest.mark.parametrize(("middle", "found"), [(20, []), (21, ["median 21"])])
def test_a_page_of_longer_sentences_is_found(middle: int, found: list[str]) -> None:
    assert faults(f"Two short words. {'word ' * middle}. {'Word ' * 40}.") == found


@pytest.mark.parametrize("text", [f"{'word ' * 40}end. {'Word ' * 40}end.", f"```\n{'word ' * 60}\n```", "| a " * 60])
def test_no_other_sentence_is_found(text: str) -> None:
    assert faults(SHORT + text) == []


def without_a_term(*sources: str) -> list[str]:
    """First lines of modules that begin with a question word in place of a noun."""
    texts = (ast.get_docstring(ast.parse(source)) or "" for source in sources)
    return [text.splitlines()[0] for text in texts if QUESTION.match(text)]


def test_modules_begin_with_the_term_that_they_are_searched_by() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 1000
    assert without_a_term(*(path.read_text(encoding="utf-8") for path in files)) == []


def test_a_module_that_begins_with_a_question_word_is_found() -> None:
    asked = '"""What a quorum is.\n\nMore.\n"""\nx = 1'
    assert without_a_term(asked, '"""Quorum: what certifies."""', "x = 1", '"""Whatever."""') == ["What a quorum is."]
