"""A hostile file ends as a rule that failed: no process dies of it, no step takes long, and nothing of it depends on
the recursion limit or the hash seed."""

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from tests.few import few
from tests.unit.foreign.hostile import CODES, GROWN, SEEDS

ROOT = Path(__file__).resolve().parents[3]
MICROSECONDS = 300
"""Of a step at most: some 40 on a machine that does nothing else."""


def outcomes(limit: int, seed: int, names: Collection[str] = CODES) -> dict[str, tuple[Any, ...]]:
    """By the names of the verbs: what is said, steps, and microseconds a step."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.unit.foreign.hostile", str(limit), *names]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    told = {name: tuple(each) for name, *each in map(json.loads, ended.stdout.splitlines())}
    assert (ended.returncode, next((name for name in names if name not in told), None)) == (0, None), ended.stderr
    return told


@pytest.fixture(scope="module")
def played() -> dict[str, tuple[Any, ...]]:
    return outcomes(limit=1000, seed=0)


def test_no_process_dies_of_a_hostile_file_and_no_step_takes_long(played: dict[str, tuple[Any, ...]]) -> None:
    assert {name: each for name, each in played.items() if each[2] > MICROSECONDS} == {}


def test_what_is_grown_out_of_bounds_is_told_or_costs_its_steps(played: dict[str, tuple[Any, ...]]) -> None:
    known = ("nested more than 32 deep", "passes its bound", "no set", "neither a number nor text", "TypeError",
             "more than it has steps")  # fmt: skip
    assert {name: played[name][0] for name in GROWN if not any(each in played[name][0] for each in known)} == {}


@pytest.mark.parametrize(("limit", "seed", "names"), few([(12000, 1, {**GROWN, **SEEDS}), (3000, 7, CODES)], 2))
def test_neither_recursion_limit_nor_hash_seed_changes_an_answer_or_its_steps(
    played: dict[str, tuple[Any, ...]], limit: int, seed: int, names: Collection[str]
) -> None:
    """What is slow, and neither deep nor a set of texts, is played again in `make deep` alone."""
    again = outcomes(limit, seed, names)
    assert {name: each[:2] for name, each in again.items()} == {name: played[name][:2] for name in names}


def test_what_a_set_decides_is_refused_or_sorted(played: dict[str, tuple[Any, ...]]) -> None:
    said = {name: played[name][0] for name in SEEDS}
    assert said.pop("texts in order") == "[('a', 1), ('b', 2), ('c', 3)]"
    assert all("differs from process to process" in each or "raises TypeError" in each or "None" in each
               for each in said.values()), said  # fmt: skip
