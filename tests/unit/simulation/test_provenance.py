"""Rows and pictures say which commit and which seeds have made them, and a changed tree makes none for the pages."""

import json
import re
import subprocess

import pytest

from science import growth, payoff, provenance, rivals

ROWS = [
    (file.name, number, json.loads(line))
    for file in sorted(provenance.FIGURES.glob("*.jsonl"))
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
]


def test_every_row_of_the_pages_says_what_has_made_it():
    assert {name for name, _, _ in ROWS} >= {"growth.jsonl", "payoff.jsonl"}
    for name, number, row in ROWS:
        assert re.fullmatch("[0-9a-f]{7,40}", row["commit"]), (name, number)
        first, last = row["seeds"]
        assert 0 <= first <= last, (name, number)


@pytest.mark.deep
def test_what_has_made_a_row_is_in_the_history():
    """Not in every copy of the tree is all of that."""
    known = provenance.history()
    if known is None:
        pytest.skip("a clone without its history")
    unknown = {(name, row["commit"]) for name, _, row in ROWS if not known(row["commit"])}
    assert not unknown
    assert not known("1234567")


def test_new_rows_say_it_too(monkeypatch):
    monkeypatch.setattr(provenance, "commit", lambda: "1234567")
    grown = growth.line(growth.CASES[0], growth.play(growth.CASES[0], 1_000, 3, 1))
    bench = payoff.AttackBench(next(iter(payoff.RULES)), 1, 100, 3, payoff.TABLE)
    paid, refused = (payoff.said("registry", bench, name, {}) for name in ("sign-flip", "captured-committee"))
    asked = rivals.RivalAsked("swarmgov", "swarmgov-mean", "one arm, ring, anywhere", 5, 20, 3)
    rival = rivals.line(asked, rivals.figure(asked))
    seeds = [(grown, [1_000, 1_002]), (paid, [1, 3]), (refused, [1, 3]), (rival, [1, 10])]
    for row, expected in seeds:
        assert (row["commit"], row["seeds"]) == ("1234567", expected)
    assert "refused" in refused


def test_rows_of_the_pages_are_not_made_from_a_changed_tree(monkeypatch, tmp_path):
    for made_by, refused in (("1234567+", True), ("1234567", False)):
        monkeypatch.setattr(provenance, "commit", lambda made_by=made_by: made_by)
        provenance.require_clean(tmp_path)
        provenance.require_clean(None)
        for out in (provenance.FIGURES, provenance.FIGURES / "growth.jsonl"):
            if refused:
                with pytest.raises(SystemExit, match=r"1234567\+"):
                    provenance.require_clean(out)
            else:
                provenance.require_clean(out)


def test_a_tree_is_changed_by_what_plays_and_not_by_what_it_wrote(monkeypatch, tmp_path):
    def git(*words):
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@localhost")
        return subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    played, written = tmp_path / "benchmarks" / "one.py", tmp_path / "docs" / "figures" / "one.jsonl"
    for file in (played, written):
        file.parent.mkdir(parents=True)
        file.write_text("1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    head = git("rev-parse", "--short", "HEAD").strip()
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    ask = provenance.commit.__wrapped__
    written.write_text("2\n")
    assert ask() == head
    played.with_name("two.py").write_text("")
    assert ask() == f"{head}+"
    played.with_name("two.py").unlink()
    played.write_text("2\n")
    assert ask() == f"{head}+"
    known = provenance.history()
    assert known(head)
    assert known(git("rev-parse", "HEAD").strip())
    assert not any(map(known, ("1234567", "", head[:6], "master", f"{head}~0")))
    git("clone", "-q", "--depth", "1", tmp_path.as_uri(), "part")
    monkeypatch.setattr(provenance, "ROOT", tmp_path / "part")
    assert provenance.history() is None
    monkeypatch.setattr(provenance, "ROOT", tmp_path.parent)
    assert provenance.history() is None
