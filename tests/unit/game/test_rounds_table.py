"""The table of rounds of a run folder is read as it was written, and whatever else is in its place is refused."""

import pytest

from chain_bandit.game import folder

GOOD = "round,kind,arm,accused\n1,burn-in,0,\n2,approved,-1,\"0,3\"\n"


def test_integers_and_text_are_read_by_column(tmp_path):
    (tmp_path / folder.ROUNDS).write_text(GOOD)
    found = folder.read_rounds(tmp_path)
    assert {name: list(each) for name, each in found.items()} == {
        "round": [1, 2], "kind": ["burn-in", "approved"], "arm": [0, -1], "accused": ["", "0,3"],
    }  # fmt: skip


@pytest.mark.parametrize("bad", [
    b"round,round\n1,2\n", b"round,arm\n1\n", b"round\n1,2\n", b"round\nx\n", b"round\n9223372036854775808\n",
    b"round\n1.5\n", b"round\n\xff\n", b'kind\n"open\n', b"kind\n" + b"x" * 200_000, b"round\n" + b"9" * 5_000,
])  # fmt: skip
def test_a_damaged_table_is_refused(tmp_path, bad):
    (tmp_path / folder.ROUNDS).write_bytes(bad)
    with pytest.raises(folder.FolderRefused, match="its table of rounds cannot be read"):
        folder.read_rounds(tmp_path)


def test_a_table_without_end_or_larger_than_any_game_is_refused(tmp_path, monkeypatch):
    with pytest.raises(folder.FolderRefused, match="FileNotFoundError"):
        folder.read_rounds(tmp_path)
    (tmp_path / folder.ROUNDS).symlink_to("/dev/zero")
    with pytest.raises(folder.FolderRefused):
        folder.read_rounds(tmp_path)
    (tmp_path / folder.ROUNDS).unlink()
    (tmp_path / folder.ROUNDS).write_text(GOOD)
    monkeypatch.setattr(folder, "MOST_ROUNDS_BYTES", len(GOOD) - 1)
    with pytest.raises(folder.FolderRefused):
        folder.read_rounds(tmp_path)
