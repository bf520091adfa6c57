"""verification/played.py: a budget is left out only where no code that it depends on changed since it was played."""

import pytest

from tests.tier import beside
from verification import played

MODULE = "verification.schedules.play"


@pytest.fixture(autouse=True)
def _own_file(monkeypatch, tmp_path):
    monkeypatch.setattr(played, "FILE", tmp_path / "played.json")


def changed(monkeypatch, tmp_path, name, old="", new="_ = 0\n"):
    """Another text in a source: at its first place, or of all that begins the file."""
    whole = played.sources

    def sources(*asked):
        found = whole(*asked)
        if name not in found:
            return found
        copy = tmp_path / "changed.py"
        text = found[name].read_text(encoding="utf-8")
        assert old in text
        copy.write_text(text.replace(old, new, 1), encoding="utf-8")
        return found | {name: copy}

    monkeypatch.setattr(played, "sources", sources)


def test_what_was_played_whole_on_these_sources_is_played_and_no_more():
    assert not played.is_played(MODULE, 1)
    played.record(MODULE, 1000)
    played.record("verification.schedules.nodes", 10)
    assert played.is_played(MODULE, 1000)
    assert played.is_played(MODULE, 999)
    assert not played.is_played(MODULE, 1001)
    assert not played.is_played("verification.schedules.nodes", 11)


@pytest.mark.parametrize("name", [
    "chain_bandit.consensus.echo", "chain_bandit.protocol.digests", "chain_bandit.network.memory", MODULE,
    "verification.schedules.invariants", "verification.virtual_network",
])  # fmt: skip
def test_a_statement_in_any_source_has_it_played_again(name, monkeypatch, tmp_path):
    played.record(MODULE, 1000)
    changed(monkeypatch, tmp_path, name)
    assert not played.is_played(MODULE, 1)


@pytest.mark.parametrize(("old", "new", "plays_again"), [
    ('"""A schedule', '"""Another schedule', False),
    ("\n    def ", "\n    # A comment.\n    def ", False),
    ("'nothing unusual'", "'nothing'", True),
    ('"skip" if', '"skipped" if', True),
])  # fmt: skip
def test_the_code_of_a_source_counts_and_not_its_comments_and_docstrings(old, new, plays_again, monkeypatch, tmp_path):
    played.record(MODULE, 1000)
    changed(monkeypatch, tmp_path, MODULE, old, new)
    assert played.is_played(MODULE, 1) != plays_again


@pytest.mark.parametrize("name", ["protocol.rules.huber", "attacks.sleeper", "protocol.rules.none_such"])
def test_what_a_registry_imports_without_a_name_counts(name, monkeypatch, tmp_path):
    """Rules and attacks are found by their folders: with the rules of a game any of them may be played."""
    played.record(MODULE, 1000)
    path = played.ROOT / "chain_bandit" / f"{name.replace('.', '/')}.py"
    read = played._digest
    seen = []

    def digest(suffix, content):
        seen.append(content)
        return read(suffix, content + b"\n_ = 0" if path.is_file() and content == path.read_bytes() else content)

    monkeypatch.setattr(played, "_digest", digest)
    assert played.is_played(MODULE, 1) != path.is_file()
    assert seen


@pytest.mark.parametrize("module", ["verification.schedules.exhaustive", "tests.unit.simulation.test_engine"])
def test_a_change_of_what_it_does_not_import_changes_nothing(module, monkeypatch, tmp_path):
    """The record names `pkgutil` too, and is no registry; fixtures are of games without a chain."""
    played.record(module, 1, *beside(module))
    changed(monkeypatch, tmp_path, "chain_bandit.chain.outbox")
    assert played.is_played(module, 1, *beside(module))
    changed(monkeypatch, tmp_path, "chain_bandit.protocol.digests")
    assert not played.is_played(module, 1, *beside(module))


def test_sources_are_all_that_is_imported_whether_or_not_by_name():
    names = set(played.sources("verification.schedules.nodes", "verification"))
    assert names >= {"chain_bandit.nodes.node", "chain_bandit.consensus.echo", "verification.schedules.acts"}
    assert "chain_bandit.mediate.agreement" not in names


def test_a_locked_version_counts(monkeypatch, tmp_path):
    played.record(MODULE, 1000)
    (tmp_path / "requirements-dev.lock").write_text("numpy==1.0\n", encoding="utf-8")
    monkeypatch.setattr(played, "ROOT", tmp_path)
    assert not played.is_played(MODULE, 1)
