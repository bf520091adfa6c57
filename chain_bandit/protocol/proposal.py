"""The block of a round as a function of what was agreed: every honest validator computes the same one."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from chain_bandit.protocol.blocks import Body, Header, Kind, Record, Report, SignedReport, approves, mask, round_seed
from chain_bandit.protocol.committee import commanders_drawn
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.estimation import estimate, is_readable, select, weigh
from chain_bandit.protocol.ledger import (
    Ledger,
    after_record,
    blocked,
    commanders,
    honest_arm,
    length,
    records_made,
    reputations_after,
    standing,
)
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.reputation import radii
from chain_bandit.protocol.rule import Agreed, Selected, Standing, State
from chain_bandit.protocol.rules import keepers, state_of
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.tallies import may_name
from chain_bandit.protocol.within_a_round import kept_within_a_round

Bits = tuple[bool, ...]
"""One comparison bit an arm."""

NOTHING_PROVEN: Mapping[int, bytes] = MappingProxyType({})


@kept_within_a_round(512)  # in one process every validator reads the same reports
def readable_report(content: bytes, parameters: Parameters, round_: int, failures: int) -> Report | None:
    """The report of a round after so many failures in a row, in agreed bytes.

    None, as if withheld, when it is malformed, an estimator is out of range, or it rests on a tally too old or yet to
    come.
    """
    try:
        decoded = Report.decode(content, parameters)
    except Malformed:
        return None
    named = all(may_name(parameters, round_, failures, each) for each in decoded.named)
    return decoded if named and is_readable(parameters, decoded.means) else None


@lru_cache(maxsize=4)  # every receiver of a certified block reads its header
def readable_header(encoded: bytes, parameters: Parameters) -> Header | None:
    """The header in certified bytes; None when malformed."""
    try:
        return Header.decode(encoded, parameters)
    except Malformed:
        return None


@lru_cache(maxsize=4)  # every validator sends the same one
def encoded_header(header: Header, parameters: Parameters) -> tuple[bytes, bytes]:
    """The header's bytes and their digest, which validators agree on."""
    encoded = header.encode(parameters)
    return encoded, keccak(encoded)


def propose(
    parameters: Parameters,
    ledger: Ledger,
    reports: Mapping[int, SignedReport],
    bits: Mapping[int, Bits],
    hashes: Mapping[int, bytes] = NOTHING_PROVEN,
) -> tuple[Header, bytes]:
    """The header and body of the open round (protocol.md: Aggregation, Consensus).

    Args:
        reports: the agreed signed reports by seat, all readable.
        bits: comparison bits by seat; a seat without bits did not open its commitment and counts as withheld.
            The block list counts as withheld too, which leaves it out of A and F in every option.
        hashes: by seat the VRF hashes that the reports prove on the next round's seed; no valid proof, no hash.
    """
    listed = blocked(ledger, ledger.round)
    seats = tuple(p for p in sorted(reports.keys() & bits.keys()) if not listed >> p & 1)
    return _propose(
        parameters, ledger, seats, tuple(reports[p] for p in seats), tuple(tuple(bits[p]) for p in seats),
        tuple((p, hashes[p]) for p in seats if p in hashes),
    )  # fmt: skip


@kept_within_a_round(4)  # in one process the validators of a round ask for the same block
def _propose(
    parameters: Parameters,
    ledger: Ledger,
    seats: tuple[int, ...],
    reports: tuple[SignedReport, ...],
    rows: tuple[Bits, ...],
    hashes: tuple[tuple[int, bytes], ...],
) -> tuple[Header, bytes]:
    means = {seat: signed.report.means for seat, signed in zip(seats, reports, strict=True)}
    bits = dict(zip(seats, rows, strict=True))
    seed = round_seed(ledger.seed, ledger.round)
    agreed = Agreed(
        ledger.round, seed, means, bits, ledger.pulls, ledger.means, ledger.reputations, dict(hashes)
    )  # fmt: skip
    found = estimate(parameters, state_of(parameters, ledger.states, RuleKind.AGGREGATION), agreed)
    weights = weigh(parameters, state_of(parameters, ledger.states, RuleKind.REPUTATION), agreed, found)
    encoded, arm = Body(radii(ledger.pulls), reports).encode(), honest_arm(parameters, ledger)
    header = Header(
        round=ledger.round,
        parent=ledger.head,
        blocked=blocked(ledger, ledger.round),
        body=keccak(encoded),
        reporters=mask(seats),
        arm=arm,
        candidates=tuple(mask(p for p in seats if bits[p][i]) for i in range(parameters.arms)),
        selected=tuple(map(mask, found.sets)),
        committee=0,
        means=found.means,
        accuracies=weights.weights,
        length=length(parameters, ledger, arm),
    )
    return with_successors(parameters, ledger, header, agreed, (found.state, weights.state))[0], encoded


def with_successors(
    parameters: Parameters, ledger: Ledger, header: Header, agreed: Agreed, kept: tuple[State, State] | None = None
) -> tuple[Header, str]:
    """The header of the open round's block, with whom it names for the next round with validators and what rules keep,
    and why the rule of selection chose nobody, if it did not.

    An exploration round that the block brings along has none; after it nobody has a proof, so everybody validates.

    Args:
        agreed: of the round, of reporters only.
        kept: by the rules of aggregation and reputation; None leaves the header's states as they are.
    """
    if not (parameters.has_committees or parameters.draws):
        return _with_states(parameters, header, kept, ()), ""
    kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
    among = standing(parameters, ledger, reputations_after(parameters, ledger, kind, header.accuracies), 0)
    state = state_of(parameters, ledger.states, RuleKind.SELECTION)
    chosen, commanding = successors(parameters, among, state, agreed)
    drawn = replace(header, committee=mask(chosen.validators), commanders=mask(commanding))
    after = ledger
    for record in records_made(parameters, ledger, Record(ledger.round, kind, drawn)):
        after = after_record(parameters, after, record)
    named = replace(
        header,
        committee=after.committee if parameters.has_committees else 0,
        commanders=commanders(after) if parameters.draws_commanders else 0,
    )
    return _with_states(parameters, named, kept, chosen.state), chosen.reason


def successors(
    parameters: Parameters, among: Standing, state: State, agreed: Agreed
) -> tuple[Selected, frozenset[int]]:
    """Seats named by a header for the next round: validators, and those that may command if they validate.

    Where headers name no validators, everybody eligible is as good as any. Where the selection chose too few to certify
    anything, everybody eligible validates and commands.
    """
    chosen = select(parameters, state, agreed, among) if parameters.names_committee else Selected(among.eligible)
    if chosen.reason:
        return chosen, among.eligible
    return chosen, commanders_drawn(parameters, among.eligible, agreed.outputs, among.round)


def _with_states(
    parameters: Parameters, header: Header, kept: tuple[State, State] | None, selection: State
) -> Header:
    if kept is None or not parameters.keeps_state:
        return header
    states = *kept, selection
    return replace(header, states=tuple(states[kind] for kind in keepers(parameters)))
