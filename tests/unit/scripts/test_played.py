"""verification/played.py: a budget is left out only where no code that it depends on changed since it was played."""

from shutil import copy

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
    read = played._code
    seen = []

    def code(content):
        seen.append(content)
        return read(content + b"\n_ = 0" if path.is_file() and content == path.read_bytes() else content)

    monkeypatch.setattr(played, "_code", code)
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


@pytest.fixture
def own_root(monkeypatch, tmp_path):
    """Another root with the lock and the artifacts; the sources stay."""
    (tmp_path / played.ARTIFACTS).mkdir(parents=True)
    for each in (*played.ROOT.joinpath(played.ARTIFACTS).glob("*.json"), played.ROOT / played.LOCK):
        copy(each, tmp_path / each.relative_to(played.ROOT))
    monkeypatch.setattr(played, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("package", "plays_again"), [
    ("numpy", True), ("cffi", True), ("ray", False), ("web3", False),
])  # fmt: skip
def test_a_locked_version_counts_where_it_is_imported_or_what_is_imported_rests_on_it(package, plays_again, own_root):
    """coincurve rests on cffi; machines play without a chain and without Ray."""
    played.record(MODULE, 1000)
    lock = own_root / played.LOCK
    text = lock.read_text(encoding="utf-8")
    assert f"\n{package}==" in text
    lock.write_text(text.replace(f"\n{package}==", f"\n{package}==99."), encoding="utf-8")
    assert played.is_played(MODULE, 1) != plays_again


@pytest.mark.parametrize(("module", "plays_again"), [(MODULE, False), ("verification.schedules.nodes", True)])
def test_artifacts_count_where_they_are_read(module, plays_again, own_root):
    played.record(module, 1000)
    artifact = own_root / played.ARTIFACTS / "ChainBandit.json"
    artifact.write_text(f"{artifact.read_text(encoding='utf-8')}\n", encoding="utf-8")
    assert played.is_played(module, 1) != plays_again


def test_a_module_that_is_moved_has_nothing_played_again(monkeypatch, tmp_path):
    """Neither where it stands counts nor by which name it is imported, but from what is."""
    played.record(MODULE, 1000)
    whole, old, new = played.sources, "chain_bandit.consensus.", "elsewhere.consensus."

    def sources(*asked):
        found = {name.replace(old, new): path for name, path in whole(*asked).items()}
        for name, path in found.items():
            text = path.read_text(encoding="utf-8")
            if f"from {old}" in text:
                moved = tmp_path / f"{name}.py"
                moved.write_text(text.replace(f"from {old}", f"from {new}"), encoding="utf-8")
                found[name] = moved
        return found

    monkeypatch.setattr(played, "sources", sources)
    assert not played.is_played(MODULE, 1), "no module of another package is its own"
    monkeypatch.setattr(played, "OWN", played.OWN | {"elsewhere"})
    played._code.cache_clear()
    assert played.is_played(MODULE, 1000)


def test_the_same_name_from_another_module_is_another_source(monkeypatch, tmp_path):
    """Both modules were imported before, so the set of contents alone would be the same."""
    played.record(MODULE, 1000)
    changed(monkeypatch, tmp_path, MODULE, "chain_bandit.protocol.blocks import", "chain_bandit.consensus.echo import")
    assert not played.is_played(MODULE, 1)
