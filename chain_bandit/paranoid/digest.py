"""The run digest: one hash over all that was decided, free of anything bound to a chain (docs/protocol.md, Bytes)."""

from chain_bandit.paranoid.packed import mask
from chain_bandit.paranoid.parameters import Parameters
from chain_bandit.paranoid.records import Past
from chain_bandit.paranoid.settlement import Pull, packed
from chain_bandit.paranoid.words import keccak, uint


def run_digest(p: Parameters, past: list[Past], pulls: dict[int, list[Pull | None]]) -> bytes | None:
    """The digest after all records; None where a body is missing, or a pull is not known."""
    digest = bytes(32)
    for each in past:
        parts, settled = [digest, uint(each.round, 4), uint(each.kind, 1)], pulls.get(each.round, [])
        if each.header is not None:
            if each.body is None:
                return None
            header = each.header
            parts += [each.body.reports[seat].content for seat in sorted(each.body.reports)]
            rows = [*header.candidates, header.reporters, *header.selected, header.blocked]
            parts += [uint(mask(row), p.mask) for row in rows]
            parts += [uint(mean, 4) for mean in header.means]
        if None in settled:
            return None
        parts += [packed(p, pull) for pull in settled if pull]
        digest = keccak(*parts)
    return digest
