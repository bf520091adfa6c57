"""Names of a game and its arms, by a file that anybody may have written."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from chain_bandit.chain.identity import GAME_FORMAT
from chain_bandit.crypto.certificates import public_part, self_signed
from chain_bandit.game_names import LONGEST, LONGEST_OF_SEAT, UNNAMED, GameNames, names_in
from chain_bandit.nodes.node_files import OneLine


def test_names_are_those_of_the_organisers_file_and_of_a_deployments_scenario(tmp_path: Path) -> None:
    file, named = tmp_path / "file.json", GameNames("visits", ("red", "blue"))
    file.write_text(json.dumps({"format": GAME_FORMAT, "name": "visits", "arm_names": ["red", "blue"]}))
    assert names_in(file) == named
    file.write_text(json.dumps({"scenario": {"name": "visits", "rewards": {"arms": ["red", "blue"]}}}))
    assert names_in(file) == named
    file.write_text(json.dumps({"scenario": {"name": "visits", "rewards": {"means": [0.1, 0.2]}}}))
    assert names_in(file) == GameNames("visits")


def test_seats_are_called_what_their_owners_called_their_certificates(tmp_path: Path) -> None:
    def record(address: object, name: str) -> dict[str, object]:
        return {"address": address, "certificate": public_part(self_signed(name)).hex()}

    unread = ({"address": 1, "certificate": each} for each in ("zz", 7, "3000"))
    others = (record("1", "bob"), record(-1, "relayer"), record(4, "seat-4"))
    hostile = ["none", None, 7, {}, {"address": 1}, *unread, *others]
    file = tmp_path / "file.json"
    records = [record(0, "ann"), *hostile, record(3, "\N{RIGHT-TO-LEFT OVERRIDE}" + "x" * 60)]
    file.write_text(json.dumps({"format": GAME_FORMAT, "node_records": records}))
    named = names_in(file).seats
    assert named.keys() == {0, 3}
    assert named[0] == "ann"
    assert named[3].isprintable()
    assert len(named[3]) == LONGEST_OF_SEAT


@pytest.mark.parametrize("name", ["\x1b]0;owned\x07", "a\nround 999 approved", "\u202egnp.exe", "a" * 10**6])
def test_a_name_in_a_nodes_file_is_one_short_line_that_a_terminal_does_not_obey(name: str) -> None:
    shown = TypeAdapter(OneLine).validate_python(name)
    assert shown.isprintable()
    assert 0 < len(shown) <= LONGEST


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 10_000, '{"scenario": 7}', '{"scenario": {"name": 7, "rewards": 7, "arm_names": 7}}',
             '{"node_records": 7}', '{"scenario": {"node_records": [[]]}}',
             '{"scenario": {"arm_names": ["red", 7]}}', '{"scenario": {"rewards": {"arms": {"red": 1}}}}']
)  # fmt: skip
def test_another_file_names_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(text)
    assert names_in(file) == names_in(tmp_path) == names_in(tmp_path / "none") == UNNAMED
