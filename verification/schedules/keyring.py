"""Recording keys and ideal signatures: acceptance of a forged signature is detected.

Ideal signatures are tokens in the same book: nobody can forge one, and they cost nothing, so that a machine can play
a hundred thousand schedules. Which of the two are used changes nothing else.
"""

from collections import defaultdict

from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.secp256k1 import ORDER
from chain_bandit.crypto.verify import HALF_ORDER, Verifier
from chain_bandit.crypto.vrf_keys import Secp256k1Secret

_ROOM = 12
"""Bytes of an ideal signature that its signer is free to choose: it may sign one digest in many ways."""


class Book:
    """What was signed, by whom."""

    def __init__(self) -> None:
        self.signatures: set[bytes] = set()
        self._digests: defaultdict[bytes, set[bytes]] = defaultdict(set)

    def clear(self) -> None:
        """Begin a new schedule."""
        self.signatures.clear()
        self._digests.clear()

    def write(self, address: bytes, digest: bytes, signature: bytes) -> None:
        """Somebody signed."""
        self.signatures.add(signature)
        self._digests[address].add(digest)

    def signed_by(self, address: bytes) -> set[bytes]:
        """Every digest that the key of `address` signed."""
        return self._digests[address]


class Scribe(Signer):
    """A key that writes into a book whatever it signs."""

    def __init__(self, secret: bytes, book: Book) -> None:
        super().__init__(secret)
        self._book = book

    def sign(self, digest: bytes) -> bytes:
        """As any key."""
        signature = super().sign(digest)
        self._book.write(self.address, digest, signature)
        return signature

    def sign_again(self, digest: bytes, choice: int) -> bytes:
        """Another signature of the digest, by a nonce of one's own; for 0 the one that the honest use."""
        if not choice:
            return self.sign(digest)
        point = Secp256k1Secret(choice.to_bytes(32, "big")).base
        r, parity = int.from_bytes(point[1:], "big") % ORDER, point[0] & 1
        s = pow(choice, -1, ORDER) * (int.from_bytes(digest, "big") + r * int.from_bytes(self.secret, "big")) % ORDER
        if s > HALF_ORDER:
            s, parity = ORDER - s, 1 - parity
        signature = r.to_bytes(32, "big") + (parity << 255 | s).to_bytes(32, "big")
        self._book.write(self.address, digest, signature)
        return signature

    @staticmethod
    def verifier(book: Book) -> Verifier:
        """Verifier of such signatures."""
        return Verifier()


class IdealScribe(Scribe):
    """Signs with a token: the digest, the address, and room for other tokens of the same."""

    def __init__(self, secret: bytes, book: Book) -> None:
        super().__init__(secret, book)
        self._end = self.address + bytes(_ROOM)

    def sign(self, digest: bytes) -> bytes:
        """The one token that the honest use."""
        signature = digest + self._end
        self._book.write(self.address, digest, signature)
        return signature

    def sign_again(self, digest: bytes, choice: int) -> bytes:
        """The token of a choice of one's own."""
        signature = digest + self.address + choice.to_bytes(_ROOM, "big")
        self._book.write(self.address, digest, signature)
        return signature

    @staticmethod
    def verifier(book: Book) -> Verifier:
        """Verifier that looks tokens up."""
        return IdealVerifier(book)


class IdealVerifier(Verifier):
    """Looks into the book."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        self._signatures = book.signatures

    def is_signed_by(self, address: bytes, digest: bytes, signature: bytes) -> bool:
        """Whether the token was given out, for this digest, by this address."""
        return signature in self._signatures and signature[:-_ROOM] == digest + address
