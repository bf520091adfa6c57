"""protocol/messages.py and protocol/parameters.py, held against eth_account and eth_abi."""

import json
import random
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak as outside_keccak

from chain_bandit.chain.artifacts import canonical_type, chain_bandit_artifact
from chain_bandit.protocol import creation
from chain_bandit.protocol.errors import Malformed
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
from chain_bandit.protocol.parameters import FIELDS, Parameters
from chain_bandit.protocol.ruleset import RuleKind, RulesUnknown, declared
from tests.rules import rule

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
                "version": "2",
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
    p, artifact = parameters(), chain_bandit_artifact()
    (constructor,) = (entry for entry in artifact.abi if entry["type"] == "constructor")
    types = [canonical_type(entry) for entry in constructor["inputs"][0]["components"]]
    assert re.findall(r"\d+", ",".join(types).replace("bytes32", "uint256")) == list(map(str, FIELDS.values()))
    assert p.words() == encode(["uint256"] * 42, p.fields())
    assert p.words()[8 * 32 : 9 * 32] == outside_keccak(p.declaration)


def test_a_creation_is_the_abi_encoding_of_its_arguments(parameters):
    p, code = parameters(), b"\1" * 77
    arguments = (bytes(20), p.fields(), b"\2" * 32, b"\3" * 32, p.declaration)
    written = encode(["address", f"({','.join(['uint256'] * 42)})", "bytes32", "bytes32", "bytes"], arguments)
    data = code + creation.encode(p, b"\2" * 32, b"\3" * 32)
    assert data == code + written[32:]
    assert creation.decode(data) == creation.Created(code, p.fields(), b"\2" * 32, b"\3" * 32, p.declaration)
    assert Parameters.of(p.fields(), p.declaration) == p
    for shorter in (data[:-1], data[:-32], data[32 * 3 :], b""):
        with pytest.raises(Malformed):
            Parameters.of(creation.decode(shorter).fields, p.declaration)


def test_a_creation_with_known_code_has_its_arguments_behind_it(parameters):
    code = b"\1" * 77
    data = code + creation.encode(parameters(), b"\2" * 32, b"\3" * 32)
    assert creation.decode(data, code) == creation.decode(data)
    for other in (data[:-1] + b"\1", data + bytes(32), data[:900], code, b"\7" + data):
        with pytest.raises(Malformed):
            creation.decode(other, code)


@pytest.mark.parametrize(
    ("name", "value"),
    [("arms", 256), ("dimension", 1), ("payload", 4), ("attested", 1), ("extension", 2**255), ("participants", 2**16)],
)
def test_parameters_that_no_game_of_this_format_has_are_refused(parameters, name, value):
    fields_ = dict(zip(FIELDS, parameters().fields(), strict=True)) | {name: value}
    with pytest.raises(Malformed, match=f"malformed parameters: expected {name}"):
        Parameters.without_rules(tuple(fields_.values()))


@pytest.mark.parametrize(
    ("change", "classes"),
    [({}, 0), ({"body_mode": 1}, 3), ({"sortition": 1}, 4), ({"commanders": 1, "body_mode": 1}, 7)],
)
def test_trust_classes_are_those_of_what_the_quorum_vouches_for(parameters, change, classes):
    assert parameters(**change).attested == classes


def test_rules_are_declared_in_one_text(parameters):
    p = parameters(aggregation=rule("delta-safe", delta=7), validators=3)
    text = (
        b'{"format":2,"rules":[{"kind":"aggregation","name":"delta-safe","options":{"delta":7},"version":1},'
        b'{"kind":"reputation","name":"accuracy","options":{},"version":1},'
        b'{"kind":"selection","name":"best-by-reputation","options":{},"version":1},'
        b'{"kind":"disclosure","name":"estimates","options":{},"version":1}]}'
    )
    at = list(FIELDS).index("rules")

    def fields_of(other):
        return (*p.fields()[:at], int.from_bytes(outside_keccak(other)), *p.fields()[at + 1 :])

    assert p.declaration == text
    assert declared(text) == p.rules
    for other, error in (
        (text.replace(b":2,", b":3,", 1), RulesUnknown),
        (text.replace(b"best-by-reputation", b"sortition"), RulesUnknown),
        (text.replace(b":2,", b": 2,", 1), Malformed),
        (text.replace(b'"delta":7', b'"delta":true'), Malformed),
        (text[:-1], Malformed),
        (b"[" * 5000, Malformed),
        (b"[]", Malformed),
        (b'{"format":2,"rules":[]}', RulesUnknown),
        (text.replace(b'"reputation"', b'"oracle"'), RulesUnknown),
        (text.replace(b'"reputation"', b'"aggregation"'), Malformed),
        (text.replace(b'"accuracy"', b"null"), Malformed),
        (text.replace(b":2,", b":true,", 1), Malformed),
        (b'{"format":2,"rules":[[]]}', Malformed),
        (text[:-2] + b',{"kind":"policy","name":"ucb1","options":{},"version":1}]}', RulesUnknown),
        (text.replace(b'{"kind":"agg', b'{"digest":"ab","kind":"agg'), Malformed),
        (text.replace(b'{"kind":"agg', b'{"digest":"","kind":"agg'), Malformed),
    ):
        with pytest.raises(error):
            Parameters.of(fields_of(other), other)
    with pytest.raises(Malformed):
        Parameters.of(p.fields(), text.replace(b'"delta":7', b'"delta":8'))


@pytest.mark.parametrize(
    "choice",
    [rule("no-such"), rule("option-1", 2), rule("option-1", delta=1), rule("median", x=-5, y=2**300),
     replace(rule("theirs", a=1), digest=b"\7" * 32, steps=9)],
    ids=str,
)  # fmt: skip
def test_a_rule_that_is_not_here_is_read_and_comes_back(parameters, choice):
    """Whether it is here shows when it is used."""
    others = {kind: replace(choice, kind=RuleKind[kind.upper()]) for kind in ("reputation", "disclosure", "policy")}
    p = parameters(aggregation=choice, **others)
    assert declared(p.declaration) == p.rules
    assert Parameters.of(p.fields(), p.declaration) == p
    assert Parameters.from_numbers(p.numbers(), p.declaration.decode()) == p
    assert (b'"digest":"' in p.declaration) is bool(choice.digest)


def test_numbers_and_a_declaration_give_the_parameters_back(parameters):
    """So that a view reads what the contract was deployed with."""
    for field in fields(Parameters):
        if field.name not in ("aggregation", "reputation", "disclosure", "selection", "policy"):
            p = replace(parameters(), **{field.name: 1})
            assert Parameters.from_numbers(p.numbers(), p.declaration.decode()) == p, field.name


def later(choice):
    return replace(choice, version=choice.version + 1)



def test_the_games_digest_changes_with_every_parameter_and_commitment(parameters):
    p, salt, secret = parameters(), b"\1" * 32, b"\2" * 32
    assert p.digest(salt, secret) == outside_keccak(p.words() + salt + secret)
    digests = {p.digest(salt, secret), p.digest(secret, salt), p.digest(salt, salt)}
    for field in fields(Parameters):
        if field.name not in ("aggregation", "reputation", "disclosure", "selection", "policy"):
            digests.add(parameters(**{field.name: getattr(p, field.name) + 1}).digest(salt, secret))
    assert len(digests) == 39
    foreign = replace(rule("option-1"), digest=bytes(32))
    other = (rule("option-2"), rule("delta-safe", delta=1), rule("option-1", 2), foreign)
    digests |= {parameters(aggregation=each).digest(salt, secret) for each in other}
    digests |= {parameters(reputation=later(p.reputation)).digest(salt, secret)}
    digests |= {parameters(disclosure=later(p.disclosure)).digest(salt, secret)}
    digests |= {parameters(selection=later(p.selected_by)).digest(salt, secret)}
    digests |= {parameters(policy=later(p.policy)).digest(salt, secret)}
    assert len(digests) == 47
