"""Sealed games: the part of a receipt that stays hidden, and what binds to it (protocol.md: Reports, Settlement)."""

from collections.abc import Callable, Sequence

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.settlement import NOTHING, TAG_BYTES, Pull, encode_pulls

NONCE_BYTES = 12


def nonce(game: bytes, round_: int, seat: int) -> bytes:
    """The nonce of a seat's sealed record in a round: everybody can compute it, so that it need not travel.

    Args:
        game: the game's digest, which two games under one key do not share.
    """
    return keccak(game, b"seal", uint(round_, 4), uint(seat, 2))[:NONCE_BYTES]


def noise_seed(key: bytes, seed_0: bytes) -> bytes:
    """From which a seat draws the noise of its reports: keccak(sealing key, "noise", seed_0).

    The key's hash is registered before anybody knows seed_0, so that nobody chooses a key for its noise.
    """
    return keccak(key, b"noise", seed_0)


def receipt_tag(secret: bytes, seed_0: bytes, round_: int, seat: int, pull: Pull) -> bytes:
    """What settlement carries of a seat's pull: 8 bytes of keccak(secret, seed_0, "receipt", round, seat, pull).

    The environment's secret, which it committed to before the game and reveals after it, is the key: nobody guesses
    a pull from its tag before, and no participant can spoil it. After, the secret gives the reward of every arm, so
    that a tag is opened by trying each arm and no pull.
    """
    hashed = keccak(secret, seed_0, b"receipt", uint(round_, 4), uint(seat, 2), encode_pulls([pull]))
    return hashed[:TAG_BYTES]


def receipt_tags(secret: bytes, seed_0: bytes, round_: int, pulls: Sequence[Pull]) -> bytes:
    """What settlement carries of an approved round: every seat's tag."""
    return b"".join(receipt_tag(secret, seed_0, round_, seat, pull) for seat, pull in enumerate(pulls))


def pull_of_tag(
    secret: bytes, seed_0: bytes, round_: int, seat: int, tag: bytes, arms: Sequence[int], reward: Callable[[int], int]
) -> Pull | None:
    """The pull that a tag stands for, once the secret is revealed; None where it is none of these.

    Args:
        arms: in the order in which they are tried; nothing is tried after the first.
        reward: what an arm gave the seat in the round, in units.
    """
    for place, arm in enumerate(arms):
        pull = Pull(arm, reward(arm))
        if receipt_tag(secret, seed_0, round_, seat, pull) == tag:
            return pull
        if place == 0 and receipt_tag(secret, seed_0, round_, seat, NOTHING) == tag:
            return NOTHING
    return None
