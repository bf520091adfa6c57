"""Numbers that no chain has, from a node, a deployment file or a keystore: refused by name, and never shown whole."""

import json

import pytest

from chain_bandit.chain.accounts import KEYSTORE, PASSWORD, named
from chain_bandit.chain.errors import AccountRefused, NodeGarbled
from chain_bandit.chain.rpc import as_int
from chain_bandit.game.deployment import FORMAT, NotADeployment, recorded

WORD = 2**256


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
    others = dict.fromkeys(("genesis_hash", "contract", "code_hash", "game"), "0x")
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps({"format": FORMAT, "chain_id": 7, **others}).replace("7", number))
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
