"""What a deployed game looks like from outside, as recorded: interface, storage, size of the code.

`WRITE_SNAPSHOTS=1 pytest tests/contracts/test_snapshots.py` rewrites the snapshots.
"""

import json
import os
from pathlib import Path

import pytest

from chain_bandit.chain.artifacts import canonical_type
from scripts.build_artifacts import storage_layout
from tests.contracts.harness import ARTIFACT

FOLDER = Path(__file__).resolve().parents[1] / "snapshots"
LIMIT = 24_576
"""EIP-170."""


def interface() -> list[str]:
    """One line for everything that a caller or a reader of logs can see."""
    return sorted(map(line, ARTIFACT.abi))


def line(entry: dict) -> str:
    inputs = ",".join(canonical_type(i) + (" indexed" if i.get("indexed") else "") for i in entry.get("inputs", ()))
    outputs = ",".join(map(canonical_type, entry.get("outputs", ())))
    named = f"{entry['type']} {entry.get('name', '')}({inputs})"
    return " ".join(filter(None, (named, entry.get("stateMutability"), outputs and f"-> {outputs}")))


def size() -> dict[str, int]:
    """Bytes of deployed code, and how many more there could be."""
    return {"deployed": len(ARTIFACT.deployed), "limit": LIMIT, "margin": LIMIT - len(ARTIFACT.deployed)}


SNAPSHOTS = {"abi": interface, "storage_layout": storage_layout, "bytecode_size": size}


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
    layout = storage_layout()
    layout[0]["slot"] += 1
    assert drift("storage_layout", layout)
    assert drift("bytecode_size", size() | {"deployed": len(ARTIFACT.deployed) + 1})



def test_code_fits_under_the_limit_of_a_chain():
    assert size()["margin"] >= 0, size()
