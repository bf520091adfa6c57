"""The commands of the folders beside the package are on their pages; what pages ask of make is in the Makefile."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "science", "verification")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def kept(pattern: str) -> list[str]:
    """The files of a folder or of a pattern that git keeps."""
    listed = subprocess.run(["git", "ls-files", pattern], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return listed.split()


def targets(makefile: str) -> set[str]:
    """All targets that a Makefile has, files among them, but for names that mean something to make, such as .PHONY."""
    rules = re.findall(r"^([^\s#:=][^#:=\n]*)::?(?!=)", makefile, flags=re.MULTILINE)
    return {name for rule in rules for name in rule.split() if not re.fullmatch(r"\.[A-Z_]+", name)}


def commands(makefile: str) -> set[str]:
    """The targets that are neither files in a folder nor hidden, with help or without."""
    return {name for name in targets(makefile) if "/" not in name and not name.startswith(".")}


def asked_of_make(page: str) -> set[str]:
    """The targets that a page of Markdown asks of make, between backticks or in a block of code."""
    fenced = r"^ *```.*?\n(.*?)^ *```"
    code = re.findall(fenced, page, flags=re.MULTILINE | re.DOTALL)
    rest = re.sub(fenced, "", page, flags=re.MULTILINE | re.DOTALL)
    code += re.findall(r"^(?: {4}|\t)(.*)", rest, flags=re.MULTILINE)
    code += (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest))
    lines = (line.partition("#")[0].strip() for each in code for line in re.split(r"\n|&&|[;|]", each))
    asked = (match[1].split() for line in lines if (match := re.match(r"(?:\$ +)?(?:\w+=\S* +)*make +(.*)", line)))
    return {word for words in asked for word in words if "=" not in word and not word.startswith("-")}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_of_a_folder_is_on_its_page(folder):
    page = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    modules = {Path(name).relative_to(folder).parts[0].removesuffix(".py") for name in kept(folder)} - {"README.md"}
    named = set(re.findall(rf"{folder}\.(\w+)|`(\w+)\.py`", page))
    assert {one or other for one, other in named} == modules


def test_the_makefile_has_fifteen_targets_at_most_and_help_for_each():
    assert 10 <= len(commands(MAKEFILE)) <= 15
    assert commands(MAKEFILE) == set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, flags=re.MULTILINE))


def test_a_target_counts_without_help_and_a_file_does_not():
    makefile = "A := b\nC ?= d\n.PHONY: one\none: .venv/x ## said\ntwo three_3: one\n\t@x: y\nthree_3::\n.venv/x: y\n"
    assert commands(makefile) == {"one", "two", "three_3"}
    assert targets(makefile) == {"one", "two", "three_3", ".venv/x"}


def test_every_target_that_a_page_names_is_in_the_makefile():
    """The changelog tells of targets that are gone."""
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in kept("*.md") if name != "CHANGELOG.md"}
    pages = {name: asked_of_make(text) for name, text in texts.items()}
    assert pages["README.md"] >= {"demo", "test"}
    assert pages["docs/decisions/0130-games-of-tests-are-on-revm.md"] == {"deep"}
    assert {name: gone for name, asked in pages.items() if (gone := asked - targets(MAKEFILE))} == {}


@pytest.mark.parametrize("page", [
    "Run `make nonsense`.", "`A=1 make nonsense`", "`make nonsense B=2`, or", "`make -s nonsense`",
    "    make nonsense  # it", "```sh\n$ make nonsense\n```", "`cd x && make nonsense`",
    "as `make\nnonsense`",
])  # fmt: skip
def test_a_target_on_a_page_is_found(page):
    assert asked_of_make(page) == {"nonsense"}


@pytest.mark.parametrize("page", ["Lies make nonsense.", "`make` nonsense", "`cmake nonsense`", "    they make none"])
def test_a_page_that_speaks_of_making_names_no_target(page):
    assert asked_of_make(page) == set()
