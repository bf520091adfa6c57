"""Sealed games: what of a receipt stays hidden while the game runs, and what binds to it (PROTOCOL 1.3, 1.8)."""

from collections.abc import Sequence

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.settlement import Pull, encode_pulls

NONCE_BYTES = 12


def nonce(game: bytes, round_: int, seat: int) -> bytes:
    """The nonce of a seat's sealed record in a round: everybody can compute it, so that it need not travel.

    Args:
        game: the game's digest, which two games under one key do not share.
    """
    return keccak(game, b"seal", uint(round_, 4), uint(seat, 2))[:NONCE_BYTES]


def counts_key(seal_key: bytes) -> bytes:
    """The key of a participant's count commitments in a sealed game: one revealed key opens everything."""
    return keccak(seal_key, b"counts")


def receipts_root(secret: bytes, seed_0: bytes, round_: int, pulls: Sequence[Pull]) -> bytes:
    """What settlement carries of an approved round: keccak(secret, seed_0, "receipts", round, every seat's pull).

    The environment's secret, which it committed to before the game and reveals after it, is the salt: nobody guesses
    few pulls from the root, and no participant can spoil it.
    """
    return keccak(secret, seed_0, b"receipts", uint(round_, 4), encode_pulls(pulls))
