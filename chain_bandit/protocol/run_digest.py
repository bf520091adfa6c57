"""One hash over all decided rounds, free of anything bound to a chain or an order (protocol.md: Bytes)."""

from collections.abc import Sequence

from chain_bandit.protocol.blocks import Header, Kind, SignedReport
from chain_bandit.protocol.digests import ZERO, keccak, uint, uints
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Pull, encode_pulls

START = ZERO


def extend(
    digest: bytes,
    parameters: Parameters,
    round_: int,
    kind: Kind,
    header: Header | None = None,
    reports: Sequence[SignedReport] = (),
    pulls: Sequence[Pull] = (),
) -> bytes:
    """The digest after one more record: keccak(digest, t, kind, reports, bits, reporters, B, D, mu-hat, rewards)."""
    parts = [digest, uint(round_, 4), uint(kind, 1)]
    if header is not None:
        size = parameters.mask_bytes
        parts += [report.content for report in reports]
        parts += [uint(row, size) for row in (*header.candidates, header.reporters, *header.selected, header.blocked)]
        parts.append(uints(header.means, 4))
    return keccak(*parts, encode_pulls(pulls, parameters.has_phases))
