"""Snapshots of a deployed game: interface, storage, size of the code.

`WRITE_SNAPSHOTS=1 pytest tests/contracts/test_snapshots.py` rewrites the snapshots.
"""

import json
import os
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest

from chain_bandit.chain.artifacts import Artifact, canonical_type
from scripts.build_artifacts import storage_layouts
from tests.contracts.harness import ARTIFACT, BASE, TOKENS, creation_of

FOLDER = Path(__file__).resolve().parents[1] / "snapshots"
LIMIT, CREATION_LIMIT = 24_576, 49_152
"""EIP-170 and EIP-3860."""


def interface(artifact: Artifact = ARTIFACT) -> list[str]:
    """One line for everything that a caller or a reader of logs can see."""
    return sorted(map(line, artifact.abi))


def line(entry: dict) -> str:
    inputs = ",".join(canonical_type(i) + (" indexed" if i.get("indexed") else "") for i in entry.get("inputs", ()))
    outputs = ",".join(map(canonical_type, entry.get("outputs", ())))
    named = f"{entry['type']} {entry.get('name', '')}({inputs})"
    return " ".join(filter(None, (named, entry.get("stateMutability"), outputs and f"-> {outputs}")))


layouts = cache(storage_layouts)


def storage() -> list:
    """What both halves of the code keep, which must be the same: they run in one storage."""
    assert layouts()["ChainBandit"] == layouts()["Bookkeeper"]
    return deepcopy(layouts()["ChainBandit"])


def size() -> dict[str, dict[str, int]]:
    """Bytes of code on chain and of creation code, and how many more there could be."""
    limits = {"game": (len(ARTIFACT.deployed.code), LIMIT)}
    limits["game, creation"] = (len(creation_of(BASE, bytes(32), bytes(32))), CREATION_LIMIT)
    for module in ARTIFACT.modules:
        limits[module.name] = (len(module.code), LIMIT)
        limits[f"{module.name}, creation"] = (len(module.creation), CREATION_LIMIT)
    limits["Tokens"] = (len(TOKENS.deployed.code), LIMIT)
    limits["Tokens, creation"] = (len(TOKENS.constructor((0,) * 9, [])), CREATION_LIMIT)
    return {
        name: {"bytes": bytes_, "limit": limit, "margin": limit - bytes_} for name, (bytes_, limit) in limits.items()
    }


def agreement() -> dict[str, object]:
    """The same of an agreement's contract."""
    code = len(TOKENS.deployed.code)
    kept = layouts()["Tokens"]
    return {"abi": interface(TOKENS), "storage_layout": kept, "bytes": code, "margin": LIMIT - code}


SNAPSHOTS = {"tokens": agreement, "abi": interface, "storage_layout": storage, "bytecode_size": size}


def drift(name: str, measured: object) -> bool:
    """Whether a snapshot is another one than what was measured."""
    return bool(json.loads((FOLDER / f"{name}.json").read_text()) != measured)


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_contract_is_the_recorded_one(name):
    measured = SNAPSHOTS[name]()
    assert measured
    if os.environ.get("WRITE_SNAPSHOTS"):
        (FOLDER / f"{name}.json").write_text(json.dumps(measured, indent=1) + "\n")
    assert not drift(name, measured), f"{name} changed: look at it, then WRITE_SNAPSHOTS=1 pytest {Path(__file__).name}"


def test_planted_change_is_drift():
    assert drift("abi", [entry for entry in interface() if "withdraw(" not in entry])
    layout = storage()
    layout[0]["slot"] += 1
    assert drift("storage_layout", layout)
    sizes = size()
    sizes["Bookkeeper"]["bytes"] += 1
    assert drift("bytecode_size", sizes)


def test_there_is_room_for_what_later_versions_need():
    """12 kB of creation code in each contract, and 3.5 kB of code of the 5 kB that there were before phases."""
    for name, each in size().items():
        assert each["margin"] >= (12_000 if "creation" in name else 3_500), name


def test_code_fits_under_the_limit_of_a_chain():
    assert all(each["margin"] >= 0 for each in size().values()), size()
    assert len(TOKENS.deployed.code) <= LIMIT
