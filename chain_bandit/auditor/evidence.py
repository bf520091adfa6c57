"""Proofs of equivocation and of false reports, and the block list from them (protocol.md: Consensus; decision 102)."""

from collections.abc import Callable
from typing import Any

from chain_bandit.auditor.certificates import signed_by, signer_of
from chain_bandit.auditor.exhibits import Field
from chain_bandit.auditor.game import Proven, ReplayedGame
from chain_bandit.auditor.tallies import FALSE_TALLIES, is_signed, tally_of
from chain_bandit.chain_history.records import Accusation, Acquittal, ContractCall, Event, Refutation
from chain_bandit.protocol.blocks import Report
from chain_bandit.protocol.digests import keccak, read_uints
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import accused
from chain_bandit.protocol.messages import Phase, Role, Slot, receipt_content
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.tallies import Tally, leads_to

ROLES = {
    (Phase.REPORT, Role.COMMANDER): "reporter",
    (Phase.BLOCK, Role.COMMANDER): "commander",
    (Phase.BLOCK, Role.SIGNER): "block signer",
}
"""In which (phase, role) two contents prove a signer false; relays sign what others said."""

PROVEN = "proven false report"


def evidence_taken(game: ReplayedGame, call: ContractCall) -> None:
    """The contract took a proof: it must be one, and count from the right round on."""
    if call.arguments is None:
        return
    (proof,) = call.arguments
    p, checks, ledger = game.parameters, game.checks, game.running
    t, seat = ledger.round, proof.seat
    problem = _problem(game, proof)
    checks.that(not problem, "evidence.proof", t, f"proof against seat {seat}", "{2}", proof,
                "two contents, each with the seat's signature in one slot", problem)
    if seat >= p.participants:
        return
    fresh, expected = not ledger.blocked_from[seat], due_events(game, call.method, proof)
    checks.that(
        (fresh or seat in game.by_report) and call.events == expected, "evidence.listing", t, f"seat {seat}",
        "the history says {}, the rules {}; taken in round {}, it was listed before from round {} on (0: never)",
        call.events, expected if fresh else (), t, ledger.blocked_from[seat],
    )  # fmt: skip
    if fresh:
        game.ledger = accused(ledger, seat, t + p.evidence_delay)
    game.by_report.discard(seat)
    if not problem:
        labelled = game.disclosed is None or game.disclosed.roles[seat] & Conduct.ATTACKER
        game.note("equivocated" if labelled else "equivocation of a seat not labelled an attacker", seat, proof.round)


def refutation_taken(game: ReplayedGame, call: ContractCall) -> None:
    """The contract took a proof of a false report: it must be one, and void what it should."""
    if call.arguments is None:
        return
    (proof,) = call.arguments
    p, checks, t, seat = game.parameters, game.checks, game.running.round, proof.seat
    told = _read(p, proof)
    problem = "report or tally has not the length of one" if told is None else _no_refutation(game, proof, *told)
    if problem is not None:
        checks.that(not problem, "evidence.proof", t, f"proof against a report of seat {seat}", "{2}", proof,
                    "a report with its seat's signature, and the tally that it names with the environment's", problem)
    if told is None or seat >= p.participants:
        return
    expected = due_events(game, call.method, proof)
    checks.that(
        call.events == expected, "evidence.listing", t, f"seat {seat}",
        "the history says {}, the rules {}; taken in round {}, it was listed before from round {} on (0: never)",
        call.events, expected, t, game.running.blocked_from[seat],
    )  # fmt: skip
    if not game.running.blocked_from[seat]:
        game.by_report.add(seat)
        game.ledger = accused(game.running, seat, t + p.evidence_delay, lied=True)
    _, tally = told
    first, kept = _least(game, proof, tally)
    game.proven[seat] = Proven(first, tally.round, kept, tally.digest)
    if not problem:
        labelled = game.disclosed is None or game.disclosed.roles[seat] & Conduct.LIAR
        game.note(PROVEN if labelled else f"{PROVEN} of a seat not labelled a liar", seat, proof.round)


def due_events(game: ReplayedGame, method: str, proof: Any) -> tuple[Event, ...]:
    """The events of a proof, or of an acquittal, that is taken now."""
    if method == "acquit":
        return (Event("Acquitted", (proof.seat,)),)
    before = game.running.blocked_from[proof.seat] if proof.seat < game.parameters.participants else 0
    listed = Event("Accused", (proof.seat, before or game.running.round + game.parameters.evidence_delay))
    if method == "reportEquivocation":
        return (listed,)
    told = _read(game.parameters, proof)
    if told is None or proof.seat >= game.parameters.participants:
        return ()
    voided = Event("Voided", (proof.seat, *_least(game, proof, told[1])))
    return (voided,) if before else (listed, voided)


def _least(game: ReplayedGame, proof: Refutation, tally: Tally) -> tuple[int, int]:
    """The first round with a proven false report of a seat, and the least that it keeps, with this proof."""
    before = game.proven.get(proof.seat)
    if before is None:
        return proof.round, tally.credited
    return min(proof.round, before.round), min(tally.credited, before.kept)


def _read(p: Parameters, proof: Refutation) -> tuple[Report, Tally] | None:
    """The report and the tally that it is held against; None where either is malformed."""
    counts, totals = 8, 8 + 4 * p.arms
    if not p.provable or len(proof.tally) != totals + 8 * p.arms:
        return None
    try:
        report = Report.decode(proof.report, p)
    except Malformed:
        return None
    said = proof.tally
    return report, Tally(
        report.named[0], proof.seat, int.from_bytes(said[:counts], "big"), read_uints(said[counts:totals], 4),
        read_uints(said[totals:], 8),
    )  # fmt: skip


def _no_refutation(game: ReplayedGame, proof: Refutation, report: Report, tally: Tally) -> str | None:
    """Why this proves nothing; empty when it does, None where that cannot be said."""
    if proof.seat >= game.parameters.participants or game.deployment is None:
        return "there is no such seat"
    digest = Slot(game.separator, proof.round, proof.parent).digest(
        Phase.REPORT, Role.COMMANDER, proof.seat, keccak(proof.report)
    )
    if signed_by(game, proof.seat, digest, proof.signature) != game.addresses[proof.seat]:
        return f"0x{proof.signature[:8].hex()}… is not its signature over this report"
    if not is_signed(game, proof.through, proof.root, proof.root_signature):
        return f"the environment did not sign 0x{proof.root[:8].hex()}… as the root through round {proof.through}"
    game.shown += ((game.checks.place, proof),)
    if not leads_to(tally.leaf, proof.path, proof.root):
        return "its path does not lead from the tally to the root"
    if min(proof.arm, game.parameters.arms) not in tally.lies(report, proof.round, _salts_of(game, proof.seat)):
        return f"what it names, {proof.arm}, follows from the tally: it is true"
    if not game.parameters.burn_in <= proof.round > tally.round >= game.parameters.burn_in - 1:
        return f"a report of round {proof.round} cannot rest on the tally of round {tally.round}"
    before = game.proven.get(proof.seat)
    if proof.seat in game.acquitted or (before and (before.round, before.kept) == _least(game, proof, tally)):
        return "the seat was acquitted, or what is proven of it says as much"
    return _no_tally(game, tally)


def _salts_of(game: ReplayedGame, seat: int) -> bytes | None:
    """From which the salts of a seat's counts follow, as far as the contract knows by now."""
    if not game.parameters.sealed:
        return game.seed_0
    return game.survey.seal_keys.get(seat) if seat in game.unsealed else None


def _no_tally(game: ReplayedGame, tally: Tally) -> str | None:
    """Why this is not the tally that follows from the settlements, whatever the environment signed."""
    settled = tally_of(game, tally.seat, tally.round)
    if settled is None:
        reason = "the round that a proven report names is not settled"
        game.checks.unknown("evidence.proof", reason)
        return None
    if settled == tally:
        return ""
    game.note(FALSE_TALLIES, None, tally.round)
    return "the environment signed another tally than follows from its settlements"


def acquitted(game: ReplayedGame, call: ContractCall) -> None:
    """A seat shows that the environment had signed another tally than that of the proof against it."""
    if call.arguments is None:
        return
    (shown,) = call.arguments
    checks, t, seat = game.checks, game.running.round, shown.seat
    problem = _no_acquittal(game, shown)
    checks.that(not problem, "evidence.proof", t, f"acquittal of seat {seat}", "{2}", shown,
                "a receipt of the round that the proven report names, with another tally", problem)
    checks.same(call.events, due_events(game, call.method, shown), "evidence.listing", t, f"acquittal of seat {seat}")
    checks.that(not game.closed, "record.deadline", None, "acquittal", "it is in block {}, {}", call.block,
                "after the closing", shown=Field.NUMBER)
    if not problem:
        game.acquitted[seat] = checks.place, shown
        for kind in (PROVEN, f"{PROVEN} of a seat not labelled a liar"):
            game.findings.pop((kind, seat), None)
        game.note("two tallies, of the environment", None, game.proven[seat].named)


def _no_acquittal(game: ReplayedGame, shown: Acquittal) -> str:
    """Why this acquits nobody; empty when it does."""
    proven = game.proven.get(shown.seat)
    if proven is None or shown.seat in game.acquitted or shown.tally == proven.tally:
        return "nothing is proven against the seat, or by the same tally"
    if game.parameters.has_phases:
        content = receipt_content(shown.arm, shown.reward, shown.tally, shown.pulls)
    else:  # the contract takes the last four bytes of the rewards
        content = receipt_content(shown.arm, shown.reward % 2**32, shown.tally)
    slot, owner = Slot(game.separator, proven.named, shown.parent), game.environment
    digest = slot.digest(Phase.REWARD, Role.ENVIRONMENT, shown.seat, content)
    if signer_of(game, owner, digest, shown.signature) != owner:
        return f"0x{shown.signature[:8].hex()}… is not the environment's signature of that receipt"
    return ""


def _problem(game: ReplayedGame, proof: Accusation) -> str:
    def is_its(digest: bytes, signature: bytes) -> bool:
        return signed_by(game, proof.seat, digest, signature) == game.addresses[proof.seat]

    return unproven(proof, game.parameters.participants, game.separator, is_its)


def unproven(proof: Accusation, seats: int, separator: bytes, is_its: Callable[[bytes, bytes], bool]) -> str:
    """Why this proves no equivocation of one of so many seats; empty when it does.

    Args:
        is_its: whether the accused seat, which there is, signed a digest.
    """
    if proof.seat >= seats:
        return "there is no such seat"
    if (proof.phase, proof.role) not in ROLES:
        return f"phase {proof.phase} has no role {proof.role} in which one may sign only once"
    if proof.content == proof.other_content:
        return "both signatures are over one content"
    phase, role = Phase(proof.phase), Role(proof.role)
    instance = 0 if role is Role.SIGNER else proof.seat
    slot = Slot(separator, proof.round, proof.parent)
    for content, signature in ((proof.content, proof.signature), (proof.other_content, proof.other_signature)):
        if not is_its(slot.digest(phase, role, instance, content), signature):
            return f"0x{signature[:8].hex()}… is not its signature over 0x{content[:8].hex()}… in that slot"
    return ""
