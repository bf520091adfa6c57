"""Certificates: a quorum of seats, each signature its seat's own (PROTOCOL 1.5, 1.7)."""

from functools import lru_cache
from time import perf_counter

from chain_bandit.audit.game import Game
from chain_bandit.crypto.verify import signer
from chain_bandit.protocol.blocks import SIGNATURE_BYTES, seats
from chain_bandit.protocol.messages import Phase, Role, Slot

_signer = lru_cache(maxsize=4096)(signer)


def signed_by(game: Game, digest: bytes, signature: bytes) -> bytes | None:
    """`crypto.verify.signer`, its verdicts kept for a while and its time told to the game."""
    start = perf_counter()
    address = _signer(digest, signature)
    game.on_verified(perf_counter() - start)
    return address


def check_certificate(game: Game, content: bytes, signers: int, signatures: bytes) -> None:
    """Check the certificate of the open round over `content`: a header's digest, or no block."""
    p, checks, ledger = game.parameters, game.checks, game.running
    holders, t = seats(signers), ledger.round
    formed = signers >> p.participants == 0 and len(signatures) == SIGNATURE_BYTES * len(holders)
    checks.that(
        formed and len(holders) >= p.quorum, "certificate.quorum", t, "signers",
        "{} bytes of signatures by seats {}, a quorum is {} of {}",
        len(signatures), holders, p.quorum, p.participants,
    )  # fmt: skip
    if not formed:
        return
    digest = Slot(game.separator, t, ledger.head).digest(Phase.BLOCK, Role.SIGNER, 0, content)
    for index, seat in enumerate(holders):
        signature = signatures[SIGNATURE_BYTES * index : SIGNATURE_BYTES * (index + 1)]
        checks.that(
            signed_by(game, digest, signature) == game.addresses[seat], "certificate.signatures", t,
            f"block signature of seat {seat}", "{} is not its signature over this record", signature,
        )  # fmt: skip
