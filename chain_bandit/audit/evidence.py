"""Proofs of equivocation, and the block list that they make (PROTOCOL 1.5)."""

from chain_bandit.audit.certificates import signed_by
from chain_bandit.audit.game import Game
from chain_bandit.history.records import Accusation, Call, Event
from chain_bandit.protocol.ledger import accused
from chain_bandit.protocol.messages import Phase, Role, Slot
from chain_bandit.protocol.settlement import Conduct

ROLES = {
    (Phase.REPORT, Role.COMMANDER): "reporter",
    (Phase.BLOCK, Role.COMMANDER): "commander",
    (Phase.BLOCK, Role.SIGNER): "block signer",
}
"""In which (phase, role) two contents prove a signer false; relays sign what others said."""


def evidence_taken(game: Game, call: Call) -> None:
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
    since = t + p.evidence_delay
    fresh = not ledger.blocked_from[seat]
    checks.that(
        fresh and call.events == (Event("Accused", (seat, since)),), "evidence.listing", t, f"seat {seat}",
        "the history says {}, the rules {}; taken in round {}, it was listed before from round {} on (0: never)",
        call.events, (Event("Accused", (seat, since)),) if fresh else (), t, ledger.blocked_from[seat],
    )  # fmt: skip
    if fresh:
        game.ledger = accused(ledger, seat, since)
    if not problem:
        labelled = game.disclosed is None or game.disclosed.roles[seat] & Conduct.ATTACKER
        game.note("equivocated" if labelled else "equivocation of a seat not labelled an attacker", seat, proof.round)


def _problem(game: Game, proof: Accusation) -> str:
    """Why this proves nothing; empty when it does."""
    if proof.seat >= game.parameters.participants:
        return "there is no such seat"
    if (proof.phase, proof.role) not in ROLES:
        return f"phase {proof.phase} has no role {proof.role} in which one may sign only once"
    if proof.content == proof.other_content:
        return "both signatures are over one content"
    phase, role = Phase(proof.phase), Role(proof.role)
    instance = 0 if role is Role.SIGNER else proof.seat
    slot = Slot(game.separator, proof.round, proof.parent)
    for content, signature in ((proof.content, proof.signature), (proof.other_content, proof.other_signature)):
        digest = slot.digest(phase, role, instance, content)
        if signed_by(game, proof.seat, digest, signature) != game.addresses[proof.seat]:
            return f"0x{signature[:8].hex()}… is not its signature over 0x{content[:8].hex()}… in that slot"
    return ""
