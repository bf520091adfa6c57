"""The block of a round as a function of what was agreed: every honest validator computes the same one."""

from collections.abc import Mapping
from functools import lru_cache

from chain_bandit.protocol.aggregation import global_means, option_1
from chain_bandit.protocol.blocks import Header, Report, SignedReport, encode_body, mask, round_seed
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import Ledger, honest_arm
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.units import is_estimate

Bits = tuple[bool, ...]
"""One comparison bit an arm."""


@lru_cache(maxsize=512)  # every validator reads the same reports
def readable_report(content: bytes, arms: int) -> Report | None:
    """The report in agreed bytes; None, as if withheld, when malformed or when an estimator is out of range."""
    try:
        decoded = Report.decode(content, arms)
    except Malformed:
        return None
    return decoded if all(map(is_estimate, decoded.means)) else None


def propose(
    parameters: Parameters,
    ledger: Ledger,
    seed_0: bytes,
    reports: Mapping[int, SignedReport],
    bits: Mapping[int, Bits],
) -> tuple[Header, bytes]:
    """The header and body of the open round (PROTOCOL 1.4 to 1.6).

    Args:
        reports: the agreed signed reports by seat, all readable.
        bits: comparison bits by seat; a seat without bits did not open its commitment and counts as withheld.
    """
    seats = tuple(sorted(reports.keys() & bits.keys()))
    return _propose(
        parameters, ledger, seed_0, seats, tuple(reports[p] for p in seats), tuple(tuple(bits[p]) for p in seats)
    )


@lru_cache(maxsize=4)  # in one process the validators of a round ask for the same block
def _propose(
    parameters: Parameters,
    ledger: Ledger,
    seed_0: bytes,
    seats: tuple[int, ...],
    reports: tuple[SignedReport, ...],
    rows: tuple[Bits, ...],
) -> tuple[Header, bytes]:
    means = {p: Report.decode(report.content, parameters.arms).means for p, report in zip(seats, reports, strict=True)}
    bits = dict(zip(seats, rows, strict=True))
    seed = round_seed(seed_0, ledger.round)
    selected = option_1(means, bits, frozenset(), parameters.liars, parameters.arms, seed)
    body = encode_body(reports)
    header = Header(
        round=ledger.round,
        parent=ledger.head,
        body=keccak(body),
        reporters=mask(seats),
        arm=honest_arm(parameters, ledger),
        candidates=tuple(mask(p for p in seats if bits[p][arm]) for arm in range(parameters.arms)),
        selected=tuple(map(mask, selected)),
        means=global_means(means, selected),
    )
    return header, body
