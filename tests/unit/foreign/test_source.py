"""A rule's file is found without an import, whatever names it, and read within bounds."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_bandit.foreign.source import MAX_SIZE, found
from chain_bandit.plugins import PluginBroken
from chain_bandit.protocol.digests import keccak

TEXT = "raise SystemExit('this was imported')\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, in which the process is not, and of which nothing is imported."""
    (tmp_path / "path").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "path")])
    monkeypatch.chdir(tmp_path / "here")
    yield tmp_path / "path"
    files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    assert [file for file in files if file.startswith(str(tmp_path))] == []


def put(path: Path, text: str = TEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def install(place: Path, files: dict[str, str], value: str, name: str = "other", **more: str) -> None:
    """A distribution as installers leave it."""
    information = place / f"{name}-1.0.dist-info"
    put(information / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    put(information / "entry_points.txt", f"[chain_bandit.aggregation]\nmine = {value}\n")
    for file, text in files.items():
        put(place / file, text)
    for file, text in more.items():
        put(information / file.replace("_json", ".json"), text)
    put(information / "RECORD", "".join(f"{file},,\n" for file in files))


def refused(name: str) -> str:
    with pytest.raises(PluginBroken) as caught:
        found("aggregation", name)
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_a_file_is_found_by_its_path_and_named_by_its_bytes(place: Path) -> None:
    source = found("aggregation", f"{put(place / 'a' / 'krum.py')}:Krum")
    assert (source.path, source.attribute, source.data) == (place / "a" / "krum.py", "Krum", TEXT.encode())
    assert source.digest == keccak(TEXT.encode())
    put(place.parent / "here" / "krum.py")
    assert found("aggregation", "krum.py:Krum").digest == source.digest


def test_a_module_is_found_on_the_path_before_the_folder_at_work(place: Path) -> None:
    here = put(place.parent / "here" / "my_krum.py", "0")
    assert found("reputation", "my_krum:Krum").path.samefile(here)
    on_path = put(place / "my_krum.py")
    assert found("reputation", "my_krum:Krum").path == on_path


def test_a_module_of_a_package_is_no_name_of_a_file(place: Path) -> None:
    put(place / "folder" / "__init__.py")
    put(place / "folder" / "krum.py")
    put(place / "a" / "b.py")
    for name in ("folder.krum:Krum", "folder:Krum", "json.decoder:JSONDecoder", "..a:Krum", "a/b:Krum", "absent:Krum"):
        assert "write FILE.py:" in refused(name)


def test_an_entry_point_is_found_by_the_record_of_its_distribution(place: Path) -> None:
    install(place, {"folder/__init__.py": TEXT, "folder/krum.py": "1"}, "folder.krum:Krum")
    source = found("aggregation", "mine")
    assert (source.path, source.attribute, source.data) == (place / "folder" / "krum.py", "Krum", b"1")


def test_an_entry_point_is_not_found_beside_the_record(place: Path) -> None:
    install(place, {"other.py": "1", "other.pth": "\n"}, "folder.krum:Krum")
    put(place / "folder" / "krum.py")
    assert "no file of folder.krum" in refused("mine")


def test_an_editable_distribution_is_found_by_its_pth_file(place: Path) -> None:
    written = put(place.parent / "work" / "src" / "krum.py", "2")
    lines = f"# made by an installer\nimport krum\n\n{written.parent}\n"
    install(place, {"_other.pth": lines}, "krum:Krum")
    assert found("aggregation", "mine").data == b"2"


@pytest.mark.parametrize("below", ["", "src/"])
def test_an_editable_distribution_is_found_by_the_folder_that_it_names(place: Path, below: str) -> None:
    put(place.parent / "work at" / below / "krum" / "__init__.py", "3")
    url = f'{{"url": "{(place.parent / "work at").as_uri()}", "dir_info": {{"editable": true}}}}'
    install(place, {"_finder.py": TEXT}, "krum:Krum", direct_url_json=url)
    assert found("aggregation", "mine").data == b"3"


def test_a_distribution_that_is_not_editable_is_not_looked_for_elsewhere(place: Path) -> None:
    put(place.parent / "work" / "krum.py")
    url = f'{{"url": "{(place.parent / "work").as_uri()}", "dir_info": {{}}}}'
    install(place, {"_finder.py": TEXT}, "krum:Krum", direct_url_json=url)
    assert "no file of krum" in refused("mine")


@pytest.mark.parametrize("told", ["{", "[]", '{"dir_info": 3}', '{"dir_info": {"editable": true}}'])
def test_records_that_nobody_wrote_so_are_refused(place: Path, told: str) -> None:
    install(place, {"_finder.py": TEXT}, "krum:Krum", direct_url_json=told)
    assert "records of its package cannot be read" in refused("mine")


def test_a_recorded_file_that_is_gone_is_refused(place: Path) -> None:
    install(place, {"_other.pth": "/nowhere\n"}, "krum:Krum")
    (place / "_other.pth").unlink()
    told = refused("mine")  # before Python 3.12 the records themselves cannot be read
    assert "records of its package cannot be read" in told or "no file of krum is found" in told


def test_a_name_that_two_distributions_offer_is_refused(place: Path) -> None:
    install(place, {"one.py": "1"}, "one:Krum")
    install(place, {"two.py": "1"}, "two:Krum", name="another")
    assert "several packages" in refused("mine")


@pytest.mark.parametrize("value", ["", ":", ":Krum", "one:Krum extra", "one:"])
def test_an_entry_point_of_nothing_is_refused(place: Path, value: str) -> None:
    install(place, {"one.py": "1"}, value)
    assert "names no class" in refused("mine")


def test_names_of_nothing_are_refused(place: Path) -> None:
    install(place, {"one.py": "1"}, "one")
    assert "names no class" in refused("mine")
    assert "not a known name" in refused("yours")
    assert "names no class" in refused(f"{put(place / 'a.py')}:")
    assert "names no class" in refused(f"{put(place / 'a.py')}:A.B")


def test_what_is_no_small_file_is_refused(place: Path) -> None:
    assert "cannot be read" in refused(f"{place / 'absent.py'}:Krum")
    (place / "folder.py").mkdir()
    assert "cannot be read" in refused(f"{place / 'folder.py'}:Krum")
    os.mkfifo(place / "pipe.py")
    assert "cannot be read" in refused(f"{place / 'pipe.py'}:Krum")
    assert "cannot be read" in refused("a\0b.py:Krum")
    os.truncate(put(place / "large.py"), 1 << 40)
    assert f"larger than {MAX_SIZE} bytes" in refused(f"{place / 'large.py'}:Krum")
    assert len(found("aggregation", f"{put(place / 'fits.py', '#' * MAX_SIZE)}:Krum").data) == MAX_SIZE
