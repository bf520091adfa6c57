"""protocol/messages.py and protocol/parameters.py, held against eth_account and eth_abi."""

import json
import random
from dataclasses import astuple, fields
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak as outside_keccak

from chain_bandit.protocol.messages import (
    NO_BLOCK,
    Domain,
    Phase,
    Role,
    Slot,
    broadcast_value,
    commitment,
    commitment_salt,
    pull_content,
    receipt_content,
    statement_content,
    tally,
)
from chain_bandit.protocol.parameters import Parameters

STATEMENTS = json.loads((Path(__file__).parents[2] / "vectors" / "statement.json").read_text())["statements"]

TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
        {"name": "salt", "type": "bytes32"},
    ],
    "Statement": [
        {"name": "round", "type": "uint32"},
        {"name": "parent", "type": "bytes32"},
        {"name": "phase", "type": "uint8"},
        {"name": "role", "type": "uint8"},
        {"name": "instance", "type": "uint16"},
        {"name": "content", "type": "bytes32"},
    ],
}


def raw(text):
    return bytes.fromhex(text.removeprefix("0x"))


def ours(case):
    domain = Domain(case["chain_id"], raw(case["contract"]), raw(case["game"]))
    slot = Slot(domain.separator(), case["round"], raw(case["parent"]))
    return slot.digest(Phase(case["phase"]), Role(case["role"]), case["instance"], raw(case["content"]))


def eth_accounts(case):
    message = encode_typed_data(
        full_message={
            "types": TYPES,
            "primaryType": "Statement",
            "domain": {
                "name": "chain_bandit",
                "version": "1",
                "chainId": case["chain_id"],
                "verifyingContract": case["contract"],
                "salt": raw(case["game"]),
            },
            "message": {
                "round": case["round"],
                "parent": raw(case["parent"]),
                "phase": case["phase"],
                "role": case["role"],
                "instance": case["instance"],
                "content": raw(case["content"]),
            },
        }
    )
    return outside_keccak(b"\x19" + message.version + message.header + message.body)


def test_a_statement_has_another_digest_when_any_part_differs():
    assert len({case["digest"] for case in STATEMENTS}) == len(STATEMENTS) == 17
    assert ours(STATEMENTS[0]).hex() == STATEMENTS[0]["digest"][2:]
    for case in STATEMENTS[1:]:
        assert ours(case) != raw(STATEMENTS[0]["digest"])


@pytest.mark.parametrize("case", STATEMENTS, ids=lambda case: case["name"])
def test_a_digest_equals_its_golden_vector_and_eth_accounts(case):
    assert ours(case) == raw(case["digest"]) == eth_accounts(case)


def test_random_digests_equal_eth_accounts():
    rng = random.Random(11)
    for _ in range(50):
        case = {
            "chain_id": rng.choice([0, 1, 2**64, 2**256 - 1]),
            "contract": "0x" + rng.randbytes(20).hex(),
            "game": "0x" + rng.randbytes(32).hex(),
            "round": rng.choice([0, 1, 2**32 - 1, rng.getrandbits(32)]),
            "parent": "0x" + rng.randbytes(32).hex(),
            "phase": rng.choice(list(Phase)),
            "role": rng.choice(list(Role)),
            "instance": rng.choice([0, 65535, rng.getrandbits(16)]),
            "content": "0x" + rng.randbytes(32).hex(),
        }
        assert ours(case) == eth_accounts(case)


def test_contents_are_keccak_of_fixed_width_fields():
    salt = bytes(range(32))
    assert commitment((1, 2**32 - 1), salt) == outside_keccak(b"\0\0\0\1" + b"\xff" * 4 + salt)
    assert commitment_salt(salt, 9, 3) == outside_keccak(salt + b"counts" + b"\0\0\0\x09" + b"\0\x03")
    assert tally((1, 2), (3, 2**64 - 1)) == outside_keccak(
        b"\0\0\0\1\0\0\0\2" + (3).to_bytes(8, "big") + b"\xff" * 8
    )
    assert pull_content(254) == outside_keccak(b"\xfe")
    assert receipt_content(1, 10**9, salt) == outside_keccak(b"\1" + (10**9).to_bytes(4, "big") + salt)
    assert bytes(32) == NO_BLOCK


@pytest.mark.parametrize("counts", [(-1,), (2**32,)])
def test_commitment_raises_when_a_count_does_not_fit(counts):
    with pytest.raises(OverflowError):
        commitment(counts, bytes(32))


def test_reports_are_agreed_on_with_their_signature_and_headers_without():
    content, signature = b"\1" * 40, b"\2" * 64
    assert statement_content(Phase.REPORT, content) == outside_keccak(content)
    assert broadcast_value(Phase.REPORT, content, signature) == outside_keccak(content + signature)
    assert statement_content(Phase.BLOCK, content) == content == broadcast_value(Phase.BLOCK, content, signature)


def test_parameters_words_equal_the_abi_encoding_of_the_contracts_struct(parameters):
    p = parameters()
    names = [field.name for field in fields(Parameters)]
    assert len(names) == 33
    assert p.words() == encode(["uint256"] * 33, list(astuple(p)))
    assert p.words() == encode([f"({','.join(['uint256'] * 33)})"], [astuple(p)])


def test_the_games_digest_changes_with_every_parameter_and_commitment(parameters):
    p, salt, secret = parameters(), b"\1" * 32, b"\2" * 32
    assert p.digest(salt, secret) == outside_keccak(p.words() + salt + secret)
    digests = {p.digest(salt, secret), p.digest(secret, salt), p.digest(salt, salt)}
    for field in fields(Parameters):
        digests.add(parameters(**{field.name: getattr(p, field.name) + 1}).digest(salt, secret))
    assert len(digests) == 36
