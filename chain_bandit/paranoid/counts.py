"""Commitments of a report: its pull counts, or shares of them for the parties that compare."""

from chain_bandit.paranoid.words import keccak, number, uint

PRIME = 2**89 - 1
PARTIES = (3, 4, 5)
ATTEMPTS = 3


def opens(commitment: bytes, counts: list[int], salt: bytes) -> bool:
    """Whether a commitment is to these counts, for any set of comparing parties."""
    if commitment == keccak(*(uint(count, 4) for count in counts), salt):
        return True
    return commitment in [_to_shares(counts, salt, parties) for parties in PARTIES]


def _to_shares(counts: list[int], salt: bytes, parties: int) -> bytes:
    """Over the hashes of Shamir shares, for every party of every attempt (docs/protocol.md, Bytes)."""
    leaves: list[bytes] = []
    for attempt in range(ATTEMPTS):
        secrets = [*counts, _element(b"mask", salt, uint(attempt, 1))]
        for party in range(parties):
            share = b""
            for place, secret in enumerate(secrets):
                value = secret
                for power in range(1, (parties - 1) // 2 + 1):
                    coefficient = _element(b"coefficient", salt, uint(attempt, 1), uint(place, 2), uint(power, 1))
                    value += coefficient * (party + 1) ** power
                share += uint(value % PRIME, 12)
            share += keccak(_label(b"salt"), salt, uint(attempt, 1), uint(party, 1))
            leaves.append(keccak(_label(b"leaf"), uint(len(leaves), 2), share))
    return keccak(_label(b"commitment"), *leaves)


def _label(name: bytes) -> bytes:
    return keccak(b"chain_bandit.sharing." + name)


def _element(name: bytes, *parts: bytes) -> int:
    return number(keccak(_label(name), *parts)) % PRIME
