"""Sealed records: one pull under a participant's own key, by AES-256-GCM-SIV (RFC 8452; protocol.md: Reports).

That AEAD survives a repeated nonce, which shows no more than that the same record was sealed twice.
"""

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from chain_bandit.protocol.settlement import Pull, encode_pulls


def seal(key: bytes, nonce: bytes, pull: Pull) -> bytes:
    """The sealed record: `SEALED_BYTES`, whatever the arm and the reward.

    Args:
        key: 32 secret bytes.
        nonce: `protocol.sealing.nonce` of game, round and seat.
    """
    return AESGCMSIV(key).encrypt(nonce, encode_pulls([pull]), None)
