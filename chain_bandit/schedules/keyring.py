"""Keys whose every signature is written down: who accepts what its key never signed is found out.

Ideal signatures are tokens in the same book: nobody can forge one, and they cost nothing, so that a machine can play
a hundred thousand schedules. Which of the two are used changes nothing else.
"""

from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier

_ROOM = 12
"""Bytes of an ideal signature that its signer is free to choose: it may sign one digest in many ways."""


class Book:
    """What was signed, by whom."""

    def __init__(self) -> None:
        self.signatures: set[bytes] = set()
        self._signed: set[bytes] = set()

    def clear(self) -> None:
        """Begin a new schedule."""
        self.signatures.clear()
        self._signed.clear()

    def write(self, address: bytes, digest: bytes, signature: bytes) -> None:
        """Somebody signed."""
        self.signatures.add(signature)
        self._signed.add(digest + address)

    def knows(self, address: bytes, digest: bytes) -> bool:
        """Whether the key of `address` ever signed the digest."""
        return digest + address in self._signed


class Scribe(Signer):
    """A key that writes into a book whatever it signs; of what scheme, its kinds say."""

    def __init__(self, secret: bytes, book: Book) -> None:
        super().__init__(secret)
        self._book = book

    def sign(self, digest: bytes) -> bytes:
        """As any key."""
        signature = super().sign(digest)
        self._book.write(self.address, digest, signature)
        return signature

    def sign_again(self, digest: bytes, choice: int) -> bytes:
        """Another signature of the digest, for those who choose their nonces: 0 is the one that the honest use."""
        raise NotImplementedError

    @staticmethod
    def verifier(book: Book) -> Verifier:
        """Who checks such signatures."""
        return Verifier()


class IdealScribe(Scribe):
    """Signs with a token: the digest, the address, and room for other tokens of the same."""

    def sign(self, digest: bytes) -> bytes:
        """The one token that the honest use."""
        return self.sign_again(digest, 0)

    def sign_again(self, digest: bytes, choice: int) -> bytes:
        """The token of a choice of one's own."""
        signature = digest + self.address + choice.to_bytes(_ROOM, "big")
        self._book.write(self.address, digest, signature)
        return signature

    @staticmethod
    def verifier(book: Book) -> Verifier:
        """Who looks it up."""
        return IdealVerifier(book)


class IdealVerifier(Verifier):
    """Looks into the book."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        self._signatures = book.signatures

    def is_signed_by(self, address: bytes, digest: bytes, signature: bytes) -> bool:
        """Whether the token was given out, for this digest, by this address."""
        return signature in self._signatures and signature[:-_ROOM] == digest + address
