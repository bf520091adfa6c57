"""Web3 secret storage, version 3: a secret under a password, in JSON. The library for it takes a second to load."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from chain_bandit.protocol.digests import keccak

WORK = 2**18
"""The n of scrypt: half a second and 256 MiB for each guess, as other programs have it."""

LENGTH = 32
"""Bytes of a secret, and of what is derived from a password."""

MOST_MEMORY = 2**31 - 1
"""Bytes that a file can have scrypt take."""


class WrongPassword(ValueError):
    """The file is another password's."""


def encrypted(secret: bytes, address: bytes, password: str) -> dict[str, Any]:
    """What the file has, in the clear the address too."""
    salt, start = os.urandom(16), os.urandom(16)
    numbers = {"dklen": LENGTH, "n": WORK, "r": 8, "p": 1, "salt": salt.hex()}
    key = _derived("scrypt", numbers, password)
    hidden = _stream(key, start, secret)
    crypto = {
        "cipher": "aes-128-ctr", "cipherparams": {"iv": start.hex()}, "ciphertext": hidden.hex(), "kdf": "scrypt",
        "kdfparams": numbers, "mac": _mac(key, hidden).hex(),
    }  # fmt: skip
    return {"address": address.hex(), "crypto": crypto, "id": str(uuid4()), "version": 3}


def decrypted(found: Any, password: str) -> bytes:
    """The secret, by whatever program the file is.

    Raises:
        WrongPassword: it is another password's.
        ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError: it is no such file.
    """
    keystore = _lower(found)
    crypto = keystore["crypto"]
    if (keystore["version"], crypto["cipher"]) != (3, "aes-128-ctr"):
        raise ValueError("another version, or another cipher")
    key, hidden = _derived(crypto["kdf"], crypto["kdfparams"], password), _bytes(crypto["ciphertext"])
    if not hmac.compare_digest(_mac(key, hidden), _bytes(crypto["mac"])):
        raise WrongPassword("another password's")
    if len(hidden) != LENGTH:
        raise ValueError(f"a secret of {len(hidden)} bytes")
    return _stream(key, _bytes(crypto["cipherparams"]["iv"]).rjust(16, b"\0"), hidden)


def _derived(kind: str, numbers: Mapping[str, Any], password: str) -> bytes:
    if numbers["dklen"] != LENGTH:
        raise ValueError("a derived key of another length")
    given, salt = password.encode(), _bytes(numbers["salt"])
    if kind == "scrypt":
        n, r, p = numbers["n"], numbers["r"], numbers["p"]
        return hashlib.scrypt(given, salt=salt, n=n, r=r, p=p, maxmem=MOST_MEMORY, dklen=LENGTH)
    if kind != "pbkdf2":
        raise ValueError("another way from a password to a key")
    keyed, _, name = numbers["prf"].partition("-")
    if keyed != "hmac":
        raise ValueError("another function")
    return hashlib.pbkdf2_hmac(name, given, salt, numbers["c"], LENGTH)


def _stream(key: bytes, start: bytes, data: bytes) -> bytes:
    return Cipher(AES(key[:16]), CTR(start)).encryptor().update(data)


def _mac(key: bytes, hidden: bytes) -> bytes:
    return keccak(key[16:], hidden)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _lower(found: Any) -> Any:
    """The same with names in small letters, which some programs write otherwise."""
    return {name.lower(): _lower(each) for name, each in found.items()} if isinstance(found, dict) else found
