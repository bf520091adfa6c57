"""Calldata that records blocks: of each block what the contract cannot know, and its certificate.

The contract fills in what it knows (round, parent, block list) and, in a full game, what it computes from the body
(its hash, means, accuracies); so nothing that is in calldata twice can differ. Where everybody validates, a block
without signers is vouched for by the next one that has some: its header holds the parent's digest. With committees
every block has signers: one that has none would choose the committee that certifies it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chain_bandit.protocol.aggregation import global_means
from chain_bandit.protocol.blocks import SIGNATURE_BYTES, Body, Header, Reader, body_bytes, seats
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.reputation import accuracies


@dataclass(frozen=True, slots=True)
class Submitted:
    """One block of a submission.

    Attributes:
        signers: mask of the seats that signed; 0 when a later block vouches for this one (never with committees).
        signatures: theirs, by ascending seat.
        decided: `Header.decided`.
        body: the encoded body in a full game; its hash in a compact one.
        derived: `Header.derived` where the quorum attests it; empty where the contract computes it.
    """

    signers: int
    signatures: bytes
    decided: bytes
    body: bytes
    derived: bytes

    @staticmethod
    def of(parameters: Parameters, header: Header, body: bytes, signers: int, signatures: bytes) -> "Submitted":
        """The part of a block that travels."""
        full = parameters.body_mode == BodyMode.FULL
        return Submitted(
            signers, signatures, header.decided(parameters),
            body if full else header.body, header.derived() if parameters.is_attested else b"",
        )  # fmt: skip

    def encode(self, parameters: Parameters) -> bytes:
        """Signers; in a compact game the header from its body's hash on, in a full one decisions, what is attested of
        means and weights, and the body; signatures."""
        full = parameters.body_mode == BodyMode.FULL
        block = self.decided + self.derived + self.body if full else self.body + self.decided + self.derived
        return uint(self.signers, parameters.mask_bytes) + block + self.signatures

    def reporters(self, parameters: Parameters) -> int:
        """Mask of the seats whose reports the block rests on."""
        return int.from_bytes(self.decided[: parameters.mask_bytes], "big")

    def opened(
        self, parameters: Parameters, round_: int, parent: bytes, blocked: int
    ) -> tuple[Header, Body | None]:
        """The block's whole header, filled in as the contract does, and the body if it is here, that is in a full game.

        Raises:
            Malformed: it could not be filled in.
        """
        known = uint(round_, 4) + parent + uint(blocked, 32)
        full = parameters.body_mode == BodyMode.FULL
        if parameters.is_attested:
            digest = keccak(self.body) if full else self.body
            header = Header.decode(known + digest + self.decided + self.derived, parameters)
            return header, Body.decode(self.body, header.reporters.bit_count(), parameters) if full else None
        nothing = bytes(4 * parameters.arms + 2 * parameters.participants)
        header = Header.decode(known + keccak(self.body) + self.decided + nothing, parameters)
        if any(members & ~header.reporters for members in header.selected):
            raise Malformed("block", "B of reporters", [hex(members) for members in header.selected])
        reporters = seats(header.reporters)
        body = Body.decode(self.body, len(reporters), parameters)
        means = {seat: signed.report.means for seat, signed in zip(reporters, body.reports, strict=True)}
        validated = global_means(means, [frozenset(seats(members)) for members in header.selected])
        accurate = accuracies(parameters.participants, means, validated, body.radii, parameters.tolerance)
        return replace(header, means=validated, accuracies=accurate), body


def encode(parameters: Parameters, blocks: Sequence[Submitted]) -> bytes:
    """The calldata after the selector."""
    return b"".join(block.encode(parameters) for block in blocks)


def decode(parameters: Parameters, data: bytes) -> tuple[Submitted, ...]:
    """The blocks in calldata. Raises `Malformed` where the contract would."""
    read, blocks = Reader(data, "submission"), list[Submitted]()
    while read.at < len(data) or not blocks:
        blocks.append(_block(parameters, read))
    if not blocks[-1].signers:
        raise Malformed("submission", "signers of its last block", 0)
    return tuple(blocks)


def _block(parameters: Parameters, read: Reader) -> Submitted:
    size, full = parameters.mask_bytes, parameters.body_mode == BodyMode.FULL
    signers = read.number(size)
    body = b"" if full else read.take(32)
    start = read.at
    reporters = read.number(size)
    read.take(1)
    for _ in range(2):
        read.sets(parameters)
    read.take(parameters.successor_bytes)
    read.extension(parameters)
    decided = read.data[start : read.at]
    derived = read.take((4 * parameters.arms + 2 * parameters.participants) * parameters.is_attested)
    if full:
        body = read.take(body_bytes(reporters.bit_count(), parameters))
    return Submitted(signers, read.take(SIGNATURE_BYTES * signers.bit_count()), decided, body, derived)
