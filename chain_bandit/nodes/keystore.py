"""The keystore of a node: one encrypted key, from which all its other secrets of a game derive."""

import getpass
import os
import shutil
import sys
from pathlib import Path

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER
from chain_bandit.append_log import write_private
from chain_bandit.chain.accounts import PASSWORD, decrypted, encrypted, password_in
from chain_bandit.chain.errors import AccountRefused
from chain_bandit.crypto.certificates import self_signed
from chain_bandit.crypto.keys import Signer, source
from chain_bandit.nodes.node_files import KEYSTORE, LINK, GameFile, KeyFile, NodeFile, PlaceRefused
from chain_bandit.protocol.digests import keccak

MOST_OF_NAME = 64
"""Bytes of the name in a certificate."""


def password(file: Path | None, name: str, new: bool = False) -> str:
    """A keystore's password: from a file, from the file that ETH_PASSWORD names, or from the terminal.

    Args:
        new: whether it is chosen now, and so asked for twice.

    Raises:
        AccountRefused: there is none, the file cannot be read, or the two differ.
    """
    named = file or password_file()
    if named is not None:
        return password_in(named, name, "--password-file" if file else PASSWORD)
    if not sys.stdin.isatty():
        raise AccountRefused(name, f"is locked: name a file with its password (--password-file, or {PASSWORD})")
    given = getpass.getpass(f"password of {name}: ")
    if new and getpass.getpass("once more: ") != given:
        raise AccountRefused(name, "was given two passwords: try again")
    return given


def password_file() -> Path | None:
    """The file that ETH_PASSWORD names, from where this process stands now."""
    return Path(os.environ[PASSWORD]).resolve() if os.environ.get(PASSWORD) else None


def create(place: Path, name: str, given: str, secret: bytes | None = None) -> bytes:
    """A new folder with a key, encrypted, and a TLS certificate; the address.

    Args:
        secret: the key, 32 bytes; by default of the system's chance.

    Raises:
        FolderRefused: it cannot be made, or is there already.
        AccountRefused: the password is empty, or the name is none that a certificate can have.
    """
    from chain_bandit.game import folder  # late: no node that runs needs it

    if not given:
        raise AccountRefused(name, "cannot have an empty password: choose one")
    if not name.isprintable() or not 0 < len(name.encode()) <= MOST_OF_NAME:
        raise AccountRefused(repr(name[:80]), f"is no name: take 1 to {MOST_OF_NAME} printable bytes")
    signer = Signer(os.urandom(32) if secret is None else source(secret))
    keystore, link = encrypted(signer.secret, given), self_signed(name)
    with folder.writing(place):
        if place.exists():
            raise folder.FolderRefused(place, "is there already; name another with --out")
        place.mkdir(mode=0o700, parents=True)
        try:
            write_private(place / KEYSTORE, keystore)
            write_private(place / LINK, link)
        except BaseException:
            shutil.rmtree(place)
            raise
    return signer.address


def unlock(place: Path, given: str) -> bytes:
    """What the `Signer` of a folder's keystore is made of. Raises `AccountRefused`."""
    path = place / KEYSTORE
    if not path.is_file():
        raise AccountRefused(str(path), "is no keystore: chain-bandit keygen makes one")
    try:
        return source(decrypted(place.resolve().name, path, given))
    except ValueError as error:
        raise AccountRefused(str(path), f"is no keystore: {error}") from None


def derived(secret: bytes, purpose: str, context: bytes) -> bytes:
    """A secret of one purpose and game, 32 bytes: it reveals nothing of the key or of any other."""
    return keccak(b"chain-bandit/derived/1", secret, context, purpose.encode())


def of_organiser(secret: bytes, nonce: bytes) -> dict[str, bytes]:
    """The secrets of a game that its organiser's key gives besides: of the relayer, the draws and the salt."""
    return {purpose: derived(secret, purpose, nonce) for purpose in ("relayer", "draws", "salt")}


def of_participant(secret: bytes, game: str) -> dict[str, bytes]:
    """The secrets of a participant in a game, by its digest as `GameFile` has it: of its draws and its sealing."""
    return {purpose: derived(secret, purpose, bytes.fromhex(game[2:])) for purpose in ("vrf", "seal")}


def keys_of(place: Path, node: NodeFile, game: GameFile, secret: bytes) -> KeyFile:
    """All secrets of a node, by its role. Raises `PlaceRefused` where the key has no place in the game."""
    if node.role == "comparison":
        return KeyFile(address=COMPARISON)
    if node.role == "relayer":
        return KeyFile(address=RELAYER, secret=of_organiser(secret, node.nonce)["relayer"])
    if node.role == "environment":
        made = of_organiser(secret, node.nonce)
        return KeyFile(address=ENVIRONMENT, secret=secret, draws=made["draws"], salt=made["salt"])
    own = Signer(secret).address
    seats = [seat for seat, each in enumerate(game.participants) if each.address == own]
    if not seats:
        raise PlaceRefused(place / node.game, f"has no participant 0x{own.hex()}; join, and assemble the file anew")
    made = of_participant(secret, game.game)
    return KeyFile(address=seats[0], secret=secret, vrf=made["vrf"], seal=made["seal"])
