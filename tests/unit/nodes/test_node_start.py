"""nodes/node_start.py and nodes/node_files.py: what of a node's folder is refused before it runs."""

import os
from pathlib import Path

import pytest

from chain_bandit.append_log import write_private
from chain_bandit.nodes.node_files import KeyFile, PlaceRefused, read_key
from chain_bandit.nodes.node_start import EndpointRefused, require_own_socket


@pytest.mark.parametrize("path", ["notes", "seat-0/../notes", "seat-1/socket", "/etc/hosts", "seat-0/link/notes"])
def test_a_socket_outside_its_folder_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "seat-0"
    place.mkdir()
    (place / "link").symlink_to(tmp_path)
    with pytest.raises(EndpointRefused, match="below its own folder"):
        require_own_socket(f"unix:{path}", place)


def test_a_socket_of_the_folder_and_an_address_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    require_own_socket("unix:seat-0/socket", tmp_path / "seat-0")
    require_own_socket("127.0.0.1:7700", tmp_path / "seat-0")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_or_change_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    key = KeyFile(address=0, secret=bytes(range(32)))
    write_private(path, key.model_dump_json().encode())
    assert read_key(path) == key
    os.chmod(path, mode)
    with pytest.raises(PlaceRefused, match=f"mode {mode:o}.*: run chmod 600 {path}") as refused:
        read_key(path)
    assert refused.value.exit_code == 3
