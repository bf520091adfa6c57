"""The documentation site: Sphinx over the Markdown of this repository and the generated reference pages.

    python -m scripts.build_site [--quick]

Pages keep their places, so that their links are those of the repository. `docs/index.md` gives the order. Any broken
link fails the build; so does a notebook that raises, unless `--quick` leaves notebooks unexecuted.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts import reference_pages

ROOT = Path(__file__).resolve().parents[1]
SOURCE, SITE = ROOT / "build" / "site-source", ROOT / "build" / "site"
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s#]+)(#[^)\s]*)?(\))")
CONTENTS = """
```{{toctree}}
:hidden:
:maxdepth: 1
:caption: {caption}

{pages}
```
"""


def main() -> None:
    """Write the site to build/site, and say where it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="do not execute the notebooks")
    quick = parser.parse_args().quick
    shutil.rmtree(SOURCE, ignore_errors=True)
    lay_out(SOURCE)
    build(SOURCE, SITE, quick)
    print(f"open {(SITE / 'index.html').relative_to(ROOT)}")


def build(source: Path, site: Path, quick: bool = False) -> None:
    """Have Sphinx make the site; a warning is an error. Raises `CalledProcessError`."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", str(ROOT / "docs")]
    execution = ["-D", "nb_execution_mode=off"] if quick else []
    subprocess.run([*command, *execution, str(source), str(site)], check=True)


def lay_out(source: Path) -> None:
    """The pages as Sphinx takes them: those of the repository, the generated ones, and an index."""
    for page in (*tracked("*.md"), *tracked("docs/*.ipynb")):
        target = source / page
        target.parent.mkdir(parents=True, exist_ok=True)
        if page.suffix == ".md":
            target.write_text(linked(page, source), encoding="utf-8")
        else:
            shutil.copyfile(ROOT / page, target)
    (source / "docs" / "index.md").unlink()
    reference = source / "docs" / "reference"
    reference.mkdir()
    for name, text in reference_pages.pages().items():
        (reference / f"{name}.md").write_text(text, encoding="utf-8")
    (reference / "scenario.schema.json").write_text(reference_pages.schema(), encoding="utf-8")
    (source / "docs" / "decisions" / "index.md").write_text(decisions(), encoding="utf-8")
    (source / "index.md").write_text(index(), encoding="utf-8")


def tracked(pattern: str) -> list[Path]:
    """Files that git keeps: what else lies in `docs` is in no site."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", pattern],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\n")  # fmt: skip
    return sorted({Path(name) for name in listed if name and (ROOT / name).is_file() and not name.startswith(".")})


def linked(page: Path, source: Path) -> str:
    """A page's text; files that it links are copied beside it, and a folder's link becomes that of its index."""

    def follow(match: re.Match[str]) -> str:
        opening, target, anchor, closing = match[1], match[2], match[3] or "", match[4]
        if re.match(r"[a-z]+:", target):
            return match[0]
        there = (ROOT / page.parent / target).resolve()
        if there.is_dir():
            target = f"{target.rstrip('/')}/{'README' if (there / 'README.md').is_file() else 'index'}.md"
        elif there.is_file() and there.suffix not in (".md", ".ipynb"):
            copy = source / there.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(there, copy)
        return f"{opening}{target}{anchor}{closing}"

    text = (ROOT / page).read_text(encoding="utf-8")
    text = text.replace("(docs/index.md", "(index.md")
    return LINK.sub(follow, text)


def index() -> str:
    """The first page: docs/index.md, with a table of contents of each of its parts."""
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    moved = LINK.sub(_from_root, text)
    contents = (
        CONTENTS.format(caption=caption, pages="\n".join(dict.fromkeys(each.removesuffix(".md") for each in pages)))
        for caption, pages in parts(moved)
    )
    return moved + "".join(contents)


def _from_root(match: re.Match[str]) -> str:
    target = match[2]
    if re.match(r"[a-z]+:", target):
        return match[0]
    there = target[3:] if target.startswith("../") else f"docs/{target}"
    page = f"{there}/index.md" if (ROOT / there).is_dir() else there
    return f"{match[1]}{page}{match[3] or ''}{match[4]}"


def parts(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each part of the index that lists pages, with these in its order."""
    for part in text.split("\n## ")[1:]:
        pages = [match[2] for match in LINK.finditer(part) if match[2].endswith((".md", ".ipynb"))]
        if pages:
            yield part.splitlines()[0], pages


def decisions() -> str:
    """All decision records, the newest first."""
    records = sorted(tracked("docs/decisions/0*.md"), reverse=True)
    names = "\n".join(record.stem for record in records)
    contents = f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
    return f"# Decisions\n\nWhy things are as they are, one record each.\n\n{contents}"


if __name__ == "__main__":
    main()
