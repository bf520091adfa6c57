"""Nonce reuse: a key that signs two digests with one nonce is public (RELIABILITY, U-5).

Every valid signature of a game is looked at, those of transactions too. Of each only 16 bytes are kept; the few that
then look like others are kept whole in a second replay.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from chain_bandit.crypto.nonces import gives_key_away


@dataclass(frozen=True, slots=True)
class Signed:
    """One valid signature over a digest, whose it is, and in which round it was found (0 outside of rounds)."""

    address: bytes
    digest: bytes
    signature: bytes
    round: int


@dataclass(slots=True)
class Nonces:
    """The nonces of a game.

    Attributes:
        watched: the first 8 bytes of nonces whose signatures are kept whole.
    """

    watched: frozenset[int] = frozenset()
    _heads: "array[int]" = field(default_factory=lambda: array("Q"))
    _digests: "array[int]" = field(default_factory=lambda: array("Q"))
    _kept: dict[bytes, dict[tuple[bytes, bytes], Signed]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, digest: bytes, signature: bytes) -> bool:
        """Take in a valid signature of 64 bytes; whether it is one to `keep`."""
        head = int.from_bytes(signature[:8], "big")
        self._heads.append(head)
        self._digests.append(int.from_bytes(digest[:8], "big"))
        return head in self.watched

    def keep(self, signed: Signed) -> None:
        """Keep a signature whole."""
        self._kept[signed.signature[:32]].setdefault((signed.address, signed.digest), signed)

    def repeated(self) -> frozenset[int]:
        """The first 8 bytes of nonces that may have signed two digests."""
        heads, digests = (np.frombuffer(each, dtype=np.uint64) for each in (self._heads, self._digests))
        order = np.lexsort((digests, heads))
        heads, digests = heads[order], digests[order]
        again = (heads[1:] == heads[:-1]) & (digests[1:] != digests[:-1])
        return frozenset(map(int, np.unique(heads[1:][again])))

    def found(self) -> Iterator[tuple[Signed, Signed]]:
        """Of each nonce and each address, the first two signatures with it that give the key away."""
        for signatures in self._kept.values():
            by_address: dict[bytes, list[Signed]] = defaultdict(list)
            for each in signatures.values():
                by_address[each.address].append(each)
            for address, (first, *others) in by_address.items():
                for second in others[:1]:
                    if gives_key_away(address, (first.digest, first.signature), (second.digest, second.signature)):
                        yield first, second
