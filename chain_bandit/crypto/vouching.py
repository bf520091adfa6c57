"""Fingerprint of a link's certificate, and the digests that its owner signs: of it, and of a new address."""

from hashlib import sha256

from chain_bandit.protocol.digests import keccak


def fingerprint(certificate: bytes) -> bytes:
    """What a certificate (DER) is known by, 32 bytes."""
    return sha256(certificate).digest()


def vouching(game: bytes, certificate: bytes) -> bytes:
    """What the owner of a certificate signs with its key of the game, so that nobody else can give it a link.

    Not the form of anything else that the key signs: no statement, no transaction.
    """
    return keccak(b"chain_bandit link", game, certificate)


def announcement(game: bytes, endpoint: str, certificate: bytes, counter: int) -> bytes:
    """What a node signs that announces its address to others: listen address, certificate, how often they changed."""
    counted = counter.to_bytes(8, "big")
    return keccak(b"chain_bandit address", game, counted, fingerprint(certificate), endpoint.encode())
