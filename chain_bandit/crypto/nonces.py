"""Nonce reuse: two signatures with one nonce reveal their key.

s = (z + r d) / k for the digest z, the key d and the nonce k, whose point has the abscissa r. Of two signatures with
one r, k and then d follow by school arithmetic; a canonical s may be the negative of the computed one, so there are two
cases.
"""

from coincurve import PublicKey

from chain_bandit.crypto.secp256k1 import ORDER
from chain_bandit.crypto.verify import address_of

_PARITY = 1 << 255


def gives_key_away(address: bytes, first: tuple[bytes, bytes], second: tuple[bytes, bytes]) -> bool:
    """Whether the private key of an address was computed from two (digest, signature) of its own.

    The key is compared with the address, and forgotten: it is in no answer.
    """
    r, other = first[1][:32], second[1][:32]
    if r != other:
        return False
    (z1, s1), (z2, s2) = ((int.from_bytes(digest, "big"), _s(signature)) for digest, signature in (first, second))
    for s in (s2, -s2):
        if (s1 - s) % ORDER:
            nonce = (z1 - z2) * pow(s1 - s, -1, ORDER)
            key = (s1 * nonce - z1) * pow(int.from_bytes(r, "big"), -1, ORDER) % ORDER
            if key and address_of(PublicKey.from_secret(key.to_bytes(32, "big"))) == address:
                return True
    return False


def _s(signature: bytes) -> int:
    return int.from_bytes(signature[32:], "big") & (_PARITY - 1)
