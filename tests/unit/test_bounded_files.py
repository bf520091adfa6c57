"""Scenario and sweep files are read to a bound, and only where they end."""

import os
import tracemalloc

import pytest

from chain_bandit.scenario import ScenarioInvalid, load, read
from chain_bandit.sweeps import grid

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


def test_a_name_that_no_file_has_is_called_one(tmp_path):
    (tmp_path / "sweep.toml").write_text(SWEEP.format("a\\u0000b").replace("seed =", "liars ="))
    with pytest.raises(ScenarioInvalid, match="b: cannot be read: no file has such a name"):
        next(grid.load(tmp_path / "sweep.toml").points())


LONG_KEYS = [
    "{key} = 1", "[{key}]", "[[{key}]]", "x = {{ {key} = 1 }}", "x = [{{ y = 1.5 }}, {{ {key} = 1 }}]",
    '"#" = "\'"\n{key}=1', "x = '''\n# \"'''\n{key} = 1", '"\u2028".{key} = 1',
]  # fmt: skip


@pytest.mark.parametrize("place", LONG_KEYS)
@pytest.mark.parametrize("part", ["a", "1", '"1.5"', "'b c'", '"\\"#"', "1.5 ", "-_"])
def test_a_key_of_thousands_of_parts_is_refused_in_little_memory(tmp_path, place, part):
    """To read it takes memory by the square of its parts, of 5,000 a hundred megabytes."""
    (path := tmp_path / "long.toml").write_text(place.format(key=".".join([part] * 5_000)))
    tracemalloc.start()
    try:
        with pytest.raises(ScenarioInvalid, match="it nests too deep"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("opened", ["[", "{a=", "{a.b="])
def test_what_nests_deeper_than_anybody_writes_is_refused_before_anybody_walks_it(tmp_path, opened):
    path, shut = tmp_path / "deep.toml", {"[": "]"}.get(opened, "}")
    for depth, is_read in ((15, True), (33, False), (330, False), (100_000, False)):
        path.write_text(f"x = {opened * depth}1{shut * depth}".replace("[1]", "[]"))
        if is_read:
            assert read(path)[1]
        else:
            with pytest.raises(ScenarioInvalid, match="it nests too deep"):
                read(path)


def test_dots_of_numbers_are_no_depth(tmp_path):
    (path := tmp_path / "numbers.toml").write_text(f"x = [{', '.join(['0.5', '-1.25'] * 1_500)}]")
    assert len(read(path)[1]["x"]) == 3_000
