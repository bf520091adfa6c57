"""Keystores: those of the library open here and ours there; what is none is refused."""

import json
from typing import Any
from unittest.mock import patch

import pytest
from eth_account import Account

from chain_bandit.chain import keystore_file

SECRET, PASSWORD = bytes(range(32)), "grün und \N{SNOWMAN}"


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    address = bytes.fromhex(Account.from_key(SECRET).address[2:])
    with patch.object(keystore_file, "WORK", 2):
        return keystore_file.encrypted(SECRET, address, PASSWORD)


def test_the_library_opens_ours(ours: dict[str, Any]) -> None:
    assert bytes(Account.decrypt(ours, PASSWORD)) == SECRET
    theirs = Account.encrypt(SECRET, PASSWORD, "scrypt", 2)
    assert theirs["address"].lower() == ours["address"]
    assert shape(theirs) == shape(ours)


def shape(found: Any) -> Any:
    """Names, and the types of what they have."""
    return {name: shape(each) for name, each in found.items()} if isinstance(found, dict) else type(found)


@pytest.mark.parametrize("kind", ["scrypt", "pbkdf2"])
@pytest.mark.parametrize("letters", [str, str.upper], ids=["small", "capital"])
def test_the_librarys_opens_here(kind: str, letters: Any) -> None:
    theirs: Any = Account.encrypt(SECRET, PASSWORD, kind, 4)
    theirs = {letters(name) if name != "version" else name: each for name, each in theirs.items()}
    assert keystore_file.decrypted(theirs, PASSWORD) == SECRET


def test_another_password_is_told_from_no_keystore(ours: dict[str, Any]) -> None:
    with pytest.raises(keystore_file.WrongPassword):
        keystore_file.decrypted(ours, PASSWORD + " ")


CHANGES: dict[str, tuple[tuple[str, ...], Any]] = {
    "another version": (("version",), 4), "another cipher": (("crypto", "cipher"), "aes-256-ctr"),
    "another derivation": (("crypto", "kdf"), "argon2"), "short derivation": (("crypto", "kdfparams", "dklen"), 16),
    "too much memory": (("crypto", "kdfparams", "n"), 2**40), "no power": (("crypto", "kdfparams", "n"), 3),
    "a word for a number": (("crypto", "kdfparams", "r"), "8"), "no object": (("crypto",), [1]),
    "no hexadecimals": (("crypto", "mac"), "zz"), "no text": (("crypto", "ciphertext"), 5),
    "no numbers": (("crypto", "kdfparams"), None), "a longer start": (("crypto", "cipherparams", "iv"), "00" * 17),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_keystore_is_refused(change: str, ours: dict[str, Any]) -> None:
    (*path, last), value = CHANGES[change]
    changed = json.loads(json.dumps(ours))
    place = changed
    for name in path:
        place = place[name]
    place[last] = value
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError)) as refused:
        keystore_file.decrypted(changed, PASSWORD)
    assert not isinstance(refused.value, keystore_file.WrongPassword)


@pytest.mark.parametrize("found", [[], None, 7, "x", {}, {1: 2}], ids=repr)
def test_other_json_is_refused(found: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        keystore_file.decrypted(found, PASSWORD)
