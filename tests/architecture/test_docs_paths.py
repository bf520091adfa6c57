"""Every path of this repository that its Markdown quotes exists (prose outlives the files it names)."""

import re
import subprocess
from pathlib import Path

import pytest

from scripts import reference_pages

ROOT = Path(__file__).resolve().parents[2]
QUOTED = re.compile(r"`([^`\s]+)`|\]\(([^)\s]+)\)")
SUFFIXES = (".py", ".sol", ".toml", ".md", ".json", ".csv", ".js", ".mjs", ".svg", ".txt")
IGNORED_TOPS = {"runs", "deployments", "build", "dist", "reference", "..", "~", "shared"}
"""What a command makes, or what is not this repository's."""
GENERATED = {"decisions/index.md", *(f"reference/{name}.md" for name in reference_pages.pages())}
"""Pages of the documentation site that are made from the code when it is built."""


def quoted_paths(text: str) -> list[str]:
    """What stands in backticks, or in a link, and looks like a path of this repository."""
    found = []
    for match in QUOTED.finditer(text):
        quote = (match[1] or match[2]).split("#")[0].split("::")[0].rstrip(".,:;")
        if not quote or re.search(r"[<>*{}$=()\[\]:|\"'\\]|\.\.\.|…|^[-/~@]", quote):
            continue
        parts = quote.split("/")
        top = parts[0] if parts[0] != "." else parts[1]
        is_file = quote.endswith(SUFFIXES) and len(parts) > 1
        is_folder = quote.endswith("/") or (len(parts) > 1 and (ROOT / top).is_dir())
        if (is_file or is_folder) and top not in IGNORED_TOPS:
            found.append(quote)
    return found


def missing(text: str, folder: Path) -> list[str]:
    """The quoted paths that exist neither from the root, nor beside the page, nor inside the package."""
    roots = (ROOT, folder, ROOT / "chain_bandit")
    found = (quote for quote in quoted_paths(text) if not any((root / quote).exists() for root in roots))
    return [quote for quote in found if quote not in GENERATED]


def pages() -> list[Path]:
    """The Markdown that git keeps, or would."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_every_quoted_path_exists():
    checked = {page: missing(page.read_text(encoding="utf-8"), page.parent) for page in pages()}
    assert len(checked) >= 2
    assert {page.name: paths for page, paths in checked.items() if paths} == {}


@pytest.mark.parametrize("planted", ["`chain_bandit/no_such.py`", "[x](docs/no_such.md)", "`scripts/no_such/`"])
def test_a_quoted_path_is_reported_when_nothing_is_there(planted):
    assert len(missing(f"see {planted}.", ROOT)) == 1


@pytest.mark.parametrize(
    "fine", ["`chain_bandit/scenario.py`", "`protocol/units.py`", "`a / b`", "`t/T`", "`runs/x.json`", "`keccak(x)/2`"]
)
def test_a_quote_is_not_reported_when_it_is_a_path_that_exists_or_none(fine):
    assert missing(f"see {fine}.", ROOT) == []
