"""Accounts by name: of a keystore, or one of the public development accounts on a development chain."""

import json
import os
import re
from pathlib import Path

from chain_bandit.chain.development import DEVELOPMENT_IDS
from chain_bandit.chain.errors import AccountRefused
from chain_bandit.chain.node import Wallet, account

DEVELOPMENT_MNEMONIC = "test test test test test test test test test test test junk"
"""Known to everybody: Anvil and Hardhat start with its accounts funded."""

KEYSTORE, PASSWORD = "ETH_KEYSTORE", "ETH_PASSWORD"

_DEVELOPMENT_NAME = re.compile(r"dev([0-9])")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_SECRET = re.compile(r"(0x)?[0-9a-fA-F]{64}")

# What eth-account raises on a file that is JSON and no keystore: any of its fields may be missing or of another type.
_UNREADABLE = (
    ValueError, TypeError, KeyError, AttributeError, NotImplementedError,
    OverflowError,  # numbers of rounds or bytes that no key derivation takes
)  # fmt: skip


def named(name: str, chain_id: int) -> Wallet:
    """The account `dev0` … `dev9` on a development chain, else the one in the keystore's file of that name.

    Raises:
        AccountRefused: no such account, or it cannot be unlocked.
    """
    if _SECRET.fullmatch(name):
        raise AccountRefused("--account", "takes a name, never a private key: put the key into a keystore file")
    development = _DEVELOPMENT_NAME.fullmatch(name)
    return _development(int(development[1]), chain_id) if development else _unlocked(name, _keystore_file(name))


def _development(index: int, chain_id: int) -> Wallet:
    if chain_id not in DEVELOPMENT_IDS:
        known = ", ".join(map(str, sorted(DEVELOPMENT_IDS)))
        raise AccountRefused(f"dev{index}", f"has a public key: only for development chains ({known}), not {chain_id}")
    from chain_bandit.chain.libraries import Account

    Account.enable_unaudited_hdwallet_features()
    made = Account.from_mnemonic(DEVELOPMENT_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account(bytes(made.key))


def _keystore_file(name: str) -> Path:
    set_to = os.environ.get(KEYSTORE)
    if not set_to:
        raise AccountRefused(name, f"cannot be looked up: set {KEYSTORE} to a keystore file or a folder of them")
    place = Path(set_to)
    files = [place] if place.is_file() else [place / name, place / f"{name}.json"]
    found = next((file for file in files if file.is_file() and name in (file.name, file.stem)), None)
    if found is None and _ADDRESS.fullmatch(name):
        found = _file_of(_digits(name), files[:1] if place.is_file() else sorted(place.glob("*")))
    if found is None:
        raise AccountRefused(name, f"is no keystore file in {KEYSTORE}={set_to}: check the name")
    return found


def _file_of(address: str, files: list[Path]) -> Path | None:
    """The keystore file that names an address; else the only one that names none."""
    named = {file: said for file in files if (said := _named_in(file)) is not None}
    unnamed = [file for file, said in named.items() if not said]
    return next((file for file, said in named.items() if said == address), unnamed[0] if len(unnamed) == 1 else None)


def _named_in(file: Path) -> str | None:
    """The address that a keystore file names, in hexadecimal digits, which may be empty; None of another file."""
    try:
        said = json.loads(file.read_text(encoding="utf-8-sig"))
        return _digits(said.get("address") or "") if "crypto" in map(str.lower, said) else None
    except (OSError, RecursionError, *_UNREADABLE):
        return None


def _digits(address: str) -> str:
    return address.lower().removeprefix("0x")


def _unlocked(name: str, file: Path) -> Wallet:
    set_to = os.environ.get(PASSWORD)
    if not set_to:
        raise AccountRefused(name, f"is locked: set {PASSWORD} to the path of a file with its password")
    wallet = account(decrypted(name, file, password_in(Path(set_to), name, PASSWORD)))
    if _ADDRESS.fullmatch(name) and name.lower() not in (wallet.address.lower(), file.name, file.stem):
        raise AccountRefused(name, f"is no keystore file in {os.environ[KEYSTORE]}: {file} holds another key")
    return wallet


def password_in(path: Path, name: str, said_by: str) -> str:
    """The password in a file that an option or variable names, without the end of its line. Raises `AccountRefused`."""
    try:
        return path.read_text(encoding="utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = f"is locked: {said_by} names no readable file ({type(error).__name__})"
        raise AccountRefused(name, reason) from error


def encrypted(secret: bytes, password: str) -> bytes:
    """A keystore file (Web3 secret storage, version 3, scrypt) of a secret of 32 bytes."""
    from chain_bandit.chain.libraries import Account

    return json.dumps(Account.encrypt(secret, password), indent=1).encode()


def decrypted(name: str, file: Path, password: str) -> bytes:
    """The secret of a keystore file, 32 bytes. Raises `AccountRefused`."""
    try:
        keystore = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise AccountRefused(name, f"cannot be read from {file} ({type(error).__name__})") from error
    from chain_bandit.chain.libraries import Account

    try:
        secret = bytes(Account.decrypt(keystore, password))
        said, holds = keystore.get("address"), account(secret).address
        is_own = said is None or bytes.fromhex(_digits(said)) in (b"", bytes.fromhex(holds[2:]))
    except _UNREADABLE as error:
        wrong = str(error) == "MAC mismatch"
        reason = "does not open with this password" if wrong else f"is no keystore file: {file}"
        raise AccountRefused(name, reason) from None  # its context could show the password
    if not is_own:  # the file's checksum leaves out what the key is decrypted with
        raise AccountRefused(name, f"names another account than it holds the key of: put back {file} as it was")
    return secret
