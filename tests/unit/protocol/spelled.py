"""Headers and submissions with an extension, spelled a second time as docs/protocol.md has them, as golden vectors."""

import json
import os
import random
from pathlib import Path

from chain_bandit.protocol.blocks import Header
from chain_bandit.protocol.digests import keccak

VECTORS = Path(__file__).parents[2] / "vectors"


def plain_case(chance, mode, decided, committee, *, beside=False, **extension):
    """Four seats, two arms; a body of one report, whatever it says. `beside`: full blocks say means and accuracies."""
    fields = {
        "round": chance.randrange(2**32), "parent": chance.randbytes(32).hex(), "blocked": 0,
        "body": chance.randbytes(8 + 104).hex(), "reporters": 4, "arm": 1, "candidates": [4, 4], "selected": [4, 0],
        "committee": committee, "means": [7, 2**32 - 1], "accuracies": [0, 65535, 258, 1], **extension,
    }  # fmt: skip
    digest = keccak(bytes.fromhex(fields["body"])).hex()
    decided = "0401" + "0104" + "000400" + decided
    derived = "".join(f"{mean:08x}" for mean in fields["means"])
    derived += "".join(f"{lane:04x}" for lane in fields["accuracies"])
    signatures = chance.randbytes(128).hex()
    full = decided + derived * beside + fields["body"]
    return {
        "mode": mode, "header": fields, "signers": 3, "signatures": signatures,
        "bytes": f"{fields['round']:08x}" + fields["parent"] + 64 * "0" + digest + decided + derived,
        "submission": "03" + (full if mode == "full" else digest + decided + derived) + signatures,
    }  # fmt: skip


def vectors(name, case, values):
    """The cases in a file of vectors; written anew, by `case` of a seeded stream, mode and value, where it is asked."""
    path = VECTORS / f"{name}.json"
    if os.environ.get("WRITE_SNAPSHOTS"):
        chance = random.Random(name)
        cases = [case(chance, mode, value) for mode in ("full", "compact") for value in values]
        path.write_text(json.dumps({"accepted": cases}, indent=1) + "\n")
    return json.loads(path.read_text())["accepted"]


def header_of(case):
    """The header that the bytes of a case must decode to."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in case["header"].items()}
    if "states" in values:
        values["states"] = tuple(map(tuple, values["states"]))
    body = keccak(bytes.fromhex(values["body"]))
    return Header(**values | {"parent": bytes.fromhex(values["parent"]), "body": body})
