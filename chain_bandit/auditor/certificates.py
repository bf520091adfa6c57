"""Certificates: a quorum of the round's validators, each signature its seat's own (protocol.md: Consensus, Records)."""

from time import perf_counter

from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.nonces import Signed
from chain_bandit.protocol.blocks import SIGNATURE_BYTES, seats
from chain_bandit.protocol.ledger import validators
from chain_bandit.protocol.messages import Phase, Role, Slot


def signed_by(game: ReplayedGame, seat: int, digest: bytes, signature: bytes) -> bytes | None:
    """Whose a signature is, which should be a seat's; its time is told to the game, its nonce looked at."""
    return signer_of(game, game.addresses[seat], digest, signature)


def signer_of(game: ReplayedGame, expected: bytes, digest: bytes, signature: bytes) -> bytes | None:
    """The same of a signature that should be an account's."""
    start = perf_counter()
    address = game.whose(digest, signature, expected)
    game.on_verified(perf_counter() - start)
    if address is not None and game.nonces.add(digest, signature):
        game.nonces.keep(Signed(address, digest, signature, game.running.round))
    return address


def check_certificate(game: ReplayedGame, content: bytes, signers: int, signatures: bytes) -> bool:
    """Check a certificate of the open round over `content`, a header's digest or no block; whether it holds."""
    p, checks, ledger = game.parameters, game.checks, game.running
    holders, members, t = seats(signers), validators(ledger), ledger.round
    formed = len(signatures) == SIGNATURE_BYTES * len(holders)
    quorum = p.quorum(members.bit_count())
    enough = checks.that(
        formed and len(holders) >= quorum, "certificate.quorum", t, "signers",
        "seats {} signed, a quorum is {} of {}; {} bytes of signatures", holders, quorum, members.bit_count(),
        len(signatures), part=signatures,
    )  # fmt: skip
    entitled = checks.that(
        signers & ~members == 0, "certificate.members", t, "signers",
        "seats {} signed, the round's validators are {}", holders, seats(members), part=signatures,
    )  # fmt: skip
    if not formed:
        return False
    digest = Slot(game.separator, t, ledger.head).digest(Phase.BLOCK, Role.SIGNER, 0, content)
    valid = []
    for index, seat in enumerate(holder for holder in holders if holder < p.participants):
        signature = signatures[SIGNATURE_BYTES * index : SIGNATURE_BYTES * (index + 1)]
        who = signed_by(game, seat, digest, signature)
        valid.append(checks.that(
            who == game.addresses[seat], "certificate.signatures", t, f"block signature of seat {seat}",
            "{2} is not its signature over this record: it is of {0}, the seat is {1}", who, game.addresses[seat],
            signature, part=signature,
        ))  # fmt: skip
    return enough and entitled and all(valid)
