import random

import pytest
import rlp
from eth_account import Account
from trie import HexaryTrie

from chain_bandit.chain_history.errors import UnknownType
from chain_bandit.chain_history.evm import (
    HEADER_FIELDS,
    Log,
    decode_header,
    decode_receipt,
    decode_transaction,
    logs_bloom,
    ordered_root,
)
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import BadEncoding

KEY = "0x" + "46" * 32
ACCOUNT = Account.from_key(KEY)
SENDER = bytes.fromhex(ACCOUNT.address[2:])
TO = "0x" + "35" * 20


@pytest.mark.parametrize("size", [0, 1, 2, 3, 15, 16, 17, 127, 128, 129, 255, 256, 257, 400])
@pytest.mark.parametrize("length", [1, 20, 31, 32, 33, 300])
def test_ordered_root_is_that_of_the_reference_trie(size: int, length: int) -> None:
    chance = random.Random(size * 1000 + length)
    items = tuple(chance.randbytes(chance.randint(1, length)) for _ in range(size))
    trie = HexaryTrie({})
    for index, item in enumerate(items):
        trie.set(rlp.encode(index), item)
    assert ordered_root(items) == trie.root_hash


def signed(**fields: object) -> bytes:
    base = {"nonce": 9, "gas": 90000, "to": TO, "value": 10**18, "data": b"\1\2"}
    return bytes(ACCOUNT.sign_transaction(base | fields).raw_transaction)


FEES = {"maxFeePerGas": 10, "maxPriorityFeePerGas": 1}
ACCESS = [{"address": TO, "storageKeys": ["0x" + "01" * 32]}]
TYPES = {
    "legacy without chain": (0, None, {"gasPrice": 10, "chainId": None}),
    "legacy": (0, 37, {"gasPrice": 10, "chainId": 37}),
    "access list": (1, 5, {"gasPrice": 10, "chainId": 5, "accessList": ACCESS, "type": 1}),
    "fee market": (2, 5, {**FEES, "chainId": 5, "accessList": ACCESS, "type": 2}),
}


@pytest.mark.parametrize("name", TYPES)
def test_decode_transaction_recovers_the_sender_of_every_type(name: str) -> None:
    kind, chain_id, fields = TYPES[name]
    if chain_id is None:
        values = [9, 10, 90000, bytes.fromhex(TO[2:]), 10**18, b"\1\2"]
        made = ACCOUNT.unsafe_sign_hash(keccak(rlp.encode(values)))
        raw = rlp.encode([*values, made.v, made.r, made.s])
    else:
        raw = signed(**fields)
    transaction = decode_transaction(raw)
    assert (transaction.type, transaction.chain_id, transaction.sender) == (kind, chain_id, SENDER)
    assert (transaction.nonce, transaction.value, transaction.data) == (9, 10**18, b"\1\2")
    assert transaction.to == bytes.fromhex(TO[2:])
    assert transaction.digest == keccak(raw)


def test_set_code_transaction_is_decoded() -> None:
    authorization = ACCOUNT.sign_authorization({"chainId": 5, "address": TO, "nonce": 1})
    raw = signed(**FEES, chainId=5, authorizationList=[authorization], type=4)
    assert decode_transaction(raw).sender == SENDER
    (given,) = decode_transaction(raw).authorizations
    assert (given.chain_id, given.code, given.nonce) == (5, bytes.fromhex(TO[2:]), 1)
    assert given.signer == SENDER


def test_an_authorization_of_nobody_has_no_effect_and_is_no_fault() -> None:
    """A chain takes the transaction that carries it (EIP-7702)."""
    authorization = ACCOUNT.sign_authorization({"chainId": 5, "address": TO, "nonce": 1})
    fields = rlp.decode(signed(**FEES, chainId=5, authorizationList=[authorization], type=4)[1:])
    fields[9][0][3] = b"\2"  # its parity
    made = ACCOUNT.unsafe_sign_hash(keccak(b"\4" + rlp.encode(fields[:-3])))
    fields[-3:] = [rlp.sedes.big_endian_int.serialize(each) for each in (made.v - 27, made.r, made.s)]
    sent = decode_transaction(b"\4" + rlp.encode(fields))
    assert sent.sender == SENDER
    assert [given.signer for given in sent.authorizations] == [None]


@pytest.mark.parametrize("kind", [5, 0x7E, 0x7F])
def test_a_type_that_came_later_is_none_that_anybody_is_to_blame_for(kind: int) -> None:
    with pytest.raises(UnknownType) as raised:
        decode_transaction(bytes([kind]) + rlp.encode([b""] * 12))
    assert (raised.value.kind, raised.value.exit_code) == (kind, 13)


def test_what_can_be_no_type_is_no_transaction() -> None:
    with pytest.raises(BadEncoding) as raised:
        decode_transaction(b"\x80" + rlp.encode([b""] * 12))
    assert not isinstance(raised.value, UnknownType)


def test_eip_155_example_is_decoded() -> None:
    raw = bytes.fromhex(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195"
        "fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    )
    transaction = decode_transaction(raw)
    assert (transaction.chain_id, transaction.sender) == (1, SENDER)


def test_decode_transaction_refuses_a_high_s() -> None:
    fields = rlp.decode(signed(**FEES, chainId=5, type=2)[1:])
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    fields[-1] = (order - int.from_bytes(fields[-1], "big")).to_bytes(32, "big")
    fields[-3] = b"" if fields[-3] else b"\1"
    with pytest.raises(BadEncoding, match="signature is not valid"):
        _ = decode_transaction(b"\2" + rlp.encode(fields)).sender


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x05\xc0", b"\x80", b"\xc0", b"\x02", b"\x02\xc0", b"\xf8\x01\x01", b"\xff" * 9, b"\xc1" * 5000,
     b"\x02" + rlp.encode([b""] * 12), rlp.encode([[]] * 9), rlp.encode([b"\0"] * 9)],
)  # fmt: skip
def test_decoders_refuse_what_is_nothing(raw: bytes) -> None:
    for decode in (lambda raw: decode_transaction(raw).sender, decode_receipt, decode_header):
        with pytest.raises(BadEncoding):
            decode(raw)


def header(**fields: bytes) -> bytes:
    sizes = {"miner": 20, "logsBloom": 256, "nonce": 8}
    numbers = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed",
               "excessBlobGas", "extraData")  # fmt: skip
    values = {name: b"" if name in numbers else bytes(sizes.get(name, 32)) for name in HEADER_FIELDS}
    return rlp.encode([*(values | fields).values()])


def test_decode_header_reads_the_fields() -> None:
    decoded = decode_header(header(number=b"\7", parentHash=b"p" * 32, gasUsed=b"\1\0"))
    assert (decoded.number, decoded.parent, decoded.gas_used) == (7, b"p" * 32, 256)
    assert decode_header(rlp.encode(rlp.decode(header())[:15])).number == 0


@pytest.mark.parametrize("fields", [{"number": b"\0\1"}, {"parentHash": b"p"}, {"nonce": b""}, {"number": b"1" * 33}])
def test_decode_header_refuses_another_form(fields: dict[str, bytes]) -> None:
    with pytest.raises(BadEncoding):
        decode_header(header(**fields))


def receipt(status: bytes = b"\1", logs: object = (), bloom: bytes | None = None) -> bytes:
    decoded = [Log(*log) for log in logs] if isinstance(logs, tuple) else []
    encoded = [[log.address, list(log.topics), log.data] for log in decoded] if isinstance(logs, tuple) else logs
    return b"\2" + rlp.encode([status, b"\x52\x08", logs_bloom(decoded) if bloom is None else bloom, encoded])


def test_decode_receipt_reads_status_and_logs() -> None:
    log = (b"a" * 20, (b"t" * 32,), b"data")
    decoded = decode_receipt(receipt(logs=(log,)))
    assert (decoded.type, decoded.succeeded, decoded.gas, decoded.logs) == (2, True, 21000, (Log(*log),))
    assert not decode_receipt(receipt(status=b"")).succeeded


@pytest.mark.parametrize(
    "raw",
    [receipt(status=b"\2"), receipt(bloom=b"\1" * 256), receipt(logs=b"x"), receipt(logs=[[b"a" * 19, [], b""]]),
     receipt(logs=[b"x"]), b"\5" + receipt()[1:]],
)  # fmt: skip
def test_decode_receipt_refuses_another_form(raw: bytes) -> None:
    with pytest.raises(BadEncoding):
        decode_receipt(raw)
