"""Scenario and sweep files are read to a bound, and only where they end."""

import os

import pytest

from chain_bandit.scenario import ScenarioInvalid, load, read
from chain_bandit.sweep import grid

SWEEP = 'name = "x"\nbase = "{}"\n[axes]\nseed = [1]\n'


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/null", "{folder}", "{folder}/pipe"])
def test_what_has_no_end_or_is_no_file_is_refused_at_once(tmp_path, place):
    os.mkfifo(tmp_path / "pipe")
    place = place.format(folder=tmp_path)
    (tmp_path / "sweep.toml").write_text(SWEEP.format(place))
    with pytest.raises(ScenarioInvalid, match=r"is not a file|cannot be read: (Is a directory|No such)"):
        load(tmp_path / place)
    with pytest.raises(ScenarioInvalid):
        grid.load(tmp_path / place)
    with pytest.raises(ScenarioInvalid):
        next(grid.load(tmp_path / "sweep.toml").points())


def test_a_megabyte_is_read_and_not_a_byte_more(tmp_path):
    path = tmp_path / "long.toml"
    path.write_bytes(b"x = 1\r\n" + b"#" * (2**20 - 7))
    assert read(path)[1] == {"x": 1}
    path.write_bytes(path.read_bytes() + b"#")
    with pytest.raises(ScenarioInvalid, match="is larger than 1048576 bytes"):
        read(path)
