"""Decryption of a sealed record (`crypto.seal`) by its key: the owner's, and after the reveal everybody's."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from chain_bandit.protocol.parameters import SEALED_BYTES
from chain_bandit.protocol.settlement import Pull, decode_pulls


def unseal(key: bytes, nonce: bytes, sealed: bytes) -> Pull | None:
    """The pull in a sealed record; None for anything that was not sealed with this key and nonce.

    Args:
        key: 32 bytes.
    """
    if len(sealed) != SEALED_BYTES:
        return None
    try:
        (pull,) = decode_pulls(AESGCMSIV(key).decrypt(nonce, sealed, None), 1)
    except InvalidTag:
        return None
    return pull
