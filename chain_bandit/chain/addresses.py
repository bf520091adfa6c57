"""Addresses as JSON-RPC and people spell them."""

from chain_bandit.protocol.digests import keccak


def checksummed(address: bytes) -> str:
    """20 bytes in hexadecimal, letters in upper case where the hash of the whole has a large digit (EIP-55)."""
    digits = address.hex()
    signs = zip(digits, keccak(digits.encode()).hex(), strict=False)
    return "0x" + "".join(digit.upper() if sign >= "8" else digit for digit, sign in signs)
