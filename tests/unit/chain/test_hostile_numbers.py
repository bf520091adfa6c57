"""Numbers that no chain has and words that no node says, from a node, a deployment file or a keystore: refused by name,
and never shown whole.
"""

import json

import pytest

from chain_bandit.chain.accounts import KEYSTORE, PASSWORD, named
from chain_bandit.chain.answers import as_int
from chain_bandit.chain.errors import AccountRefused, NodeGarbled, NodeUnreachable
from chain_bandit.chain.identity import Identity, require_same
from chain_bandit.chain.remote import at_url
from chain_bandit.chain.wire import HttpWire
from chain_bandit.game.deployment import FORMAT, NotADeployment, recorded
from tests.integration.rpc_server import answering

WORD = 2**256
IDENTITY = {name: "0x" + "ab" * (20 if name == "contract" else 32)
            for name in ("genesis_hash", "contract", "code_hash", "game")}  # fmt: skip
NESTED = "[" * 200_000, "[" * 200_000 + "]" * 200_000, '{"a":' * 200_000 + "1" + "}" * 200_000


GARBLED = [hex(WORD), "0x1" + "0" * 10**6, "-0x1", WORD, -1, 10**4_000]


@pytest.mark.parametrize("value", GARBLED, ids=lambda value: repr(value)[:9])
def test_a_node_answers_with_words(value):
    with pytest.raises(NodeGarbled) as garbled:
        as_int(value)
    assert garbled.value.exit_code == 5
    assert len(str(garbled.value)) < 300


def test_a_node_may_answer_with_the_largest_word():
    assert (as_int(hex(WORD - 1)), as_int(0)) == (WORD - 1, 0)


@pytest.mark.parametrize("number", ["-1", str(WORD), "1" + "0" * 4_000, "1" + "0" * 5_000, "1" + "0" * 10**6], ids=len)
def test_a_deployment_file_names_a_chain(tmp_path, number):
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps({"format": FORMAT, "chain_id": 7, **IDENTITY}).replace("7", number))
    with pytest.raises(NotADeployment) as refused:
        recorded(path)
    assert refused.value.exit_code == 3
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("number", ["1" + "0" * 30, "1" + "0" * 4_000, "1" + "0" * 5_000], ids=len)
def test_a_keystore_has_numbers_that_its_cipher_takes(tmp_path, monkeypatch, number):
    crypto = {
        "cipher": "aes-128-ctr", "cipherparams": {"iv": "00" * 16}, "ciphertext": "00" * 32, "mac": "00" * 32,
        "kdf": "pbkdf2", "kdfparams": {"c": 77, "dklen": 32, "prf": "hmac-sha256", "salt": "00" * 32},
    }  # fmt: skip
    (tmp_path / "key.json").write_text(json.dumps({"version": 3, "crypto": crypto}).replace("77", number))
    (tmp_path / "password").write_text("secret")
    monkeypatch.setenv(KEYSTORE, str(tmp_path))
    monkeypatch.setenv(PASSWORD, str(tmp_path / "password"))
    with pytest.raises(AccountRefused) as refused:
        named("key", 1)
    assert refused.value.exit_code == 8


@pytest.mark.parametrize("text", [*NESTED, "[]", '"x"', "null", "7", "{}"], ids=lambda text: text[:6])
def test_what_is_no_answer_is_no_answer_by_either_way_to_a_node(text):
    """Nested answers ended the process itself, without a word, while the limit on recursion was a library's."""
    with answering(text.encode()) as url:
        with pytest.raises(NodeUnreachable):
            at_url(url)("eth_chainId", [])
        with pytest.raises(NodeUnreachable):
            HttpWire(url, 5.0).post([("eth_chainId", [])]).result()


@pytest.mark.parametrize("nested", NESTED, ids=lambda text: text[-6:])
def test_a_nested_file_is_refused(tmp_path, monkeypatch, nested):
    path, password = tmp_path / "key.json", tmp_path / "password"
    path.write_text(nested)
    password.write_text("secret")
    with pytest.raises(NotADeployment):
        recorded(path)
    monkeypatch.setenv(KEYSTORE, str(tmp_path))
    monkeypatch.setenv(PASSWORD, str(password))
    with pytest.raises(AccountRefused):
        named("key", 1)


@pytest.mark.parametrize("name", IDENTITY)
@pytest.mark.parametrize("value", ["0x", "0x3333", "0x" + "zz" * 32, "ab" * 32, "0x" + "AB" * 32, 7, None])
def test_a_deployment_file_names_a_game(tmp_path, name, value):
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps({"format": FORMAT, "chain_id": 7, **IDENTITY}))
    assert recorded(path)[0].chain_id == 7
    path.write_text(json.dumps({"format": FORMAT, "chain_id": 7, **IDENTITY, name: value}))
    with pytest.raises(NotADeployment, match=name):
        recorded(path)


@pytest.mark.parametrize("block", [{}, "0x5", [], 7, {"hash": 7}, {"hash": "0xzz"}], ids=str)
def test_block_0_has_a_hash(block):
    with pytest.raises(NodeGarbled):
        require_same(
            lambda method, params, read: read("0x7" if method == "eth_chainId" else block), Identity(7, **IDENTITY)
        )
