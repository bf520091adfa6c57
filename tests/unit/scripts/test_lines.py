"""Lines of code are counted without what is none."""

import subprocess
from pathlib import Path

from scripts.lines import COLUMNS, by_issue, counted, of_braces, of_python, of_working_tree


def test_blanks_comments_and_docstrings_are_no_code():
    text = '"""A module."""\n\n# why\nX = (\n    1,  # one\n)\n\n\ndef f():\n    """Gives."""\n    return """a\nb"""\n'
    assert of_python(text) == 3 + 1 + 2
    assert of_braces("// SPDX\npragma solidity 0.8.30;\n\n    /// @dev why\n    x = 1; // one\n") == 2


def test_a_long_line_counts_as_the_lines_that_it_would_fill():
    assert of_python(f"X = '{'a' * 2 * COLUMNS}'\n") == 3


def test_an_assignment_to_several_targets_counts_as_many_times():
    assert of_python("a, b, c = 1, 2, 3\nd = e = 4\nf, g = pair\n") == 3 + 2 + 1


def test_block_comments_of_typescript_are_no_code():
    assert of_braces("/** One.\n * Two. */\nconst a = 1;\n/* three */\n\n// four\nconst b = 2; // five\n") == 2


def git(place: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *who, *arguments], cwd=place, check=True, capture_output=True)


def test_parts_of_a_revision_are_counted_and_packing_lines_gains_nothing(tmp_path: Path) -> None:
    (tmp_path / "chain_bandit").mkdir()
    packed = tmp_path / "chain_bandit" / "a.py"
    packed.write_text("x = 1\n\ny = {\n    1: 2, 3: 4,\n    5: 6,\n}  # fmt: skip\nif x: y = 2; x = 3\n")
    (tmp_path / "README.md").write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    assert counted("HEAD", tmp_path) == {"wheel": 1 + 5 + 3, "words of documents": 3}
    packed.write_text("x = 1\n")
    assert of_working_tree(tmp_path) == {"wheel": 1, "words of documents": 3}


def test_lines_that_came_and_went_are_listed_by_the_issue_of_their_commits(tmp_path: Path) -> None:
    code = tmp_path / "a.py"
    git(tmp_path, "init", "-q")
    for text, message in (
        ("x = 1\n", "one"), ("x = 1\ny = 2\n", "two\n\nIssue: 62"), ("z = 3\n", "three\n\nIssue: 62"),
        ("z = 3\nx = 1\n", "four"),
    ):  # fmt: skip
        code.write_text(text)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", message)
    assert by_issue("HEAD~3", tmp_path) == {"62": (2, 2), "none": (1, 0)}
