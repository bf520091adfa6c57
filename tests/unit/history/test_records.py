import json
import random
from importlib.resources import files

import pytest
from eth_abi import encode

from chain_bandit.chain_history.records import (
    GAME,
    METHODS,
    Accusation,
    Acquittal,
    Interface,
    Refutation,
    decode_arguments,
)
from chain_bandit.chain_history.tokens import TOKENS
from chain_bandit.protocol.errors import BadEncoding
from chain_bandit.protocol.settlement import CostEntry

COSTS = METHODS["settleCosts"]
EVIDENCE = METHODS["reportEquivocation"]


def abi_types(inputs: list[dict[str, object]]) -> tuple[str, ...]:
    return tuple(
        f"({','.join(abi_types(entry['components']))}){entry['type'][5:]}"
        if str(entry["type"]).startswith("tuple") else str(entry["type"])
        for entry in inputs
    )  # fmt: skip


@pytest.mark.parametrize(("contract", "interface"), [("ChainBandit", GAME), ("Tokens", TOKENS)])
def test_methods_and_events_are_those_of_the_shipped_contract(contract: str, interface: Interface) -> None:
    abi = json.loads(files("chain_bandit").joinpath("chain", "artifacts", f"{contract}.json").read_text())["abi"]
    writing = {
        entry["name"]: abi_types(entry["inputs"])
        for entry in abi
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    events = {entry["name"]: abi_types(entry["inputs"]) for entry in abi if entry["type"] == "event"}
    assert writing == interface.methods
    assert events == interface.events
    assert not any(item["indexed"] for entry in abi if entry["type"] == "event" for item in entry["inputs"])


def test_arguments_decode_as_the_reference_does() -> None:
    chance = random.Random(1)
    for _ in range(200):
        values = (chance.getrandbits(256), chance.getrandbits(256), chance.randbytes(chance.randint(0, 100)))
        assert decode_arguments(METHODS["skip"], encode(METHODS["skip"], values)) == values
        seat, round_, phase, role = (chance.getrandbits(bits) for bits in (16, 32, 8, 8))
        parent, *rest = (chance.randbytes(32) for _ in range(7))
        proof = (seat, round_, parent, phase, role, *rest)
        content, r, vs, other_content, other_r, other_vs = rest
        expected = Accusation(
            seat, round_, parent, phase, role, content, r + vs, other_content, other_r + other_vs
        )
        assert decode_arguments(EVIDENCE, encode(EVIDENCE, [proof])) == (expected,)
        report, tally = (chance.randbytes(chance.randint(0, 100)) for _ in range(2))
        path = tuple(chance.randbytes(32) for _ in range(chance.randint(0, 4)))
        root, root_r, root_vs = chance.randbytes(32), chance.randbytes(32), chance.randbytes(32)
        false = (seat, round_, parent, report, r, vs, tally, round_ // 2, root, root_r, root_vs, path, phase)
        read = Refutation(seat, round_, parent, report, r + vs, tally, round_ // 2, root, root_r + root_vs, path, phase)
        assert decode_arguments(METHODS["reportFalse"], encode(METHODS["reportFalse"], [false])) == (read,)
        shown = (seat, parent, phase, round_, round_ << 16, content, r, vs)
        assert decode_arguments(METHODS["acquit"], encode(METHODS["acquit"], [shown])) == (
            Acquittal(seat, parent, phase, round_, round_ << 16, content, r + vs),
        )
        entries = tuple(
            CostEntry(chance.randbytes(32), chance.randint(1, 4), chance.random() < 0.5, chance.randbytes(size))
            for size in (0, 31, 32, 70)[: chance.randint(0, 4)]
        )
        data = encode(COSTS, [[(e.parent, e.kind, e.costly, e.header) for e in entries]])
        assert decode_arguments(COSTS, data) == (entries,)


def test_arguments_that_overlap_or_run_out_are_refused() -> None:
    def word(value: int) -> bytes:
        return value.to_bytes(32, "big")

    one = bytes(96) + word(128) + word(4096) + bytes(4096)
    bomb = word(32) + word(1000) + word(32 * 1000) * 1000 + one
    for data in (bomb, word(32) + word(2**255), word(2**255), b"", word(32)):
        with pytest.raises(BadEncoding):
            decode_arguments(COSTS, data)


@pytest.mark.parametrize(("place", "value"), [(0, 2**16), (1, 2**32), (3, 256), (4, 256)])
def test_proof_with_a_value_too_wide_for_its_type_is_refused(place: int, value: int) -> None:
    data = encode(EVIDENCE, [(1, 2, b"p" * 32, 1, 1, *[b"c" * 32] * 6)])
    with pytest.raises(BadEncoding, match="is no uint"):
        decode_arguments(EVIDENCE, data[: 32 * place] + value.to_bytes(32, "big") + data[32 * place + 32 :])
    for cut in (0, 31, len(data) - 1):
        with pytest.raises(BadEncoding, match="too short"):
            decode_arguments(EVIDENCE, data[:cut])


def test_cost_entry_with_a_value_too_wide_for_its_type_is_refused() -> None:
    good = encode(COSTS, [[(b"p" * 32, 1, True, b"")]])
    for at in (128 + 31, 160 + 31):
        assert decode_arguments(COSTS, good)
        with pytest.raises(BadEncoding, match="is no"):
            decode_arguments(COSTS, good[: at - 1] + b"\1" + good[at:])


def test_random_calldata_never_raises_anything_else() -> None:
    chance = random.Random(2)
    for _ in range(3000):
        types = METHODS[chance.choice(sorted(METHODS))]
        likely = (0, 1, 32, 64, 96, 128, 2**31, chance.getrandbits(256))
        words = [chance.choice(likely) for _ in range(chance.randint(0, 12))]
        data = b"".join(value.to_bytes(32, "big") for value in words)
        try:
            decode_arguments(types, data[: chance.randint(0, len(data))])
        except BadEncoding:
            continue
