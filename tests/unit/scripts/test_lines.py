"""Lines of code are counted without what is none."""

import subprocess
from pathlib import Path

from scripts.lines import COLUMNS, counted, of_python, of_solidity


def test_blanks_comments_and_docstrings_are_no_code():
    text = '"""A module."""\n\n# why\nX = (\n    1,  # one\n)\n\n\ndef f():\n    """Gives."""\n    return """a\nb"""\n'
    assert of_python(text) == 3 + 1 + 2
    assert of_solidity("// SPDX\npragma solidity 0.8.30;\n\n    /// @dev why\n    x = 1; // one\n") == 2


def test_a_long_line_counts_as_the_lines_that_it_would_fill():
    assert of_python(f"X = '{'a' * 2 * COLUMNS}'\n") == 3


def test_parts_of_a_revision_are_counted(tmp_path: Path):
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "chain_bandit").mkdir()
    (tmp_path / "chain_bandit" / "a.py").write_text("x = 1\n\ny = 2\n")
    (tmp_path / "README.md").write_text("x = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    assert counted("HEAD", tmp_path) == {"wheel": 2}
