"""Invariants after every round of every schedule: C-1 to C-8. C-9, that a seed replays exactly, has a test.

While every message of a round arrives in time, all of them; in any other round C-4 where two quorums always share an
honest seat, and C-5, C-7 and C-8 always.
"""

from collections.abc import Collection, Iterator
from typing import Protocol

from chain_bandit.actors.messages import Message
from chain_bandit.actors.relayer import Relayer
from chain_bandit.actors.seat import Seat
from chain_bandit.consensus.broadcast import MOST_VALUES, Frame, HeaderExchange, SignedBroadcast
from chain_bandit.consensus.certificate import Vote
from chain_bandit.consensus.echo import Echo
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.consensus.vector import NO_SEAT, Vector, VectorBroadcast, vector_content
from chain_bandit.protocol.blocks import SIGNATURE_BYTES, seats
from chain_bandit.protocol.messages import Phase, Role, broadcast_value, statement_content
from verification.schedules.acts import FaultSchedule, GameSize
from verification.schedules.adversary import ByzantineAdversary
from verification.schedules.stage import ScheduleStage

SignedContents = dict[tuple[int, Phase, Role], set[bytes]]
"""Statements that each honest seat sent in its own name in a round."""
Relayed = dict[tuple[int, Phase, int, int], int]
"""How many claims each honest seat relayed of each commander in a phase, to whom."""
BOTH = (Phase.REPORT, Phase.BLOCK)
CountedVotes = dict[int, dict[bytes, frozenset[int]]]
"""By seat and content: its voters."""


class Round(Protocol):
    """A round that was played.

    Attributes:
        honest: seats that follow the rules, those that died included.
        down: seats that died in this round.
        proofs: what each honest seat can prove of it.
        told: proofs that were sent to the relayer; of machines that tick, all that the living hold.
        counted: voters by content, as each honest seat knew before its last exchange of votes.
    """

    stage: ScheduleStage
    schedule: FaultSchedule
    adversary: ByzantineAdversary
    relayer: Relayer
    honest: dict[int, Seat]
    down: set[int]
    said: SignedContents
    relayed: Relayed
    proofs: dict[int, list[Equivocation]]
    told: list[Equivocation]
    counted: CountedVotes
    round: int


def check(played: Round, calm: bool, whole: bool, lockstep: Collection[Phase]) -> Iterator[str]:
    """The invariants that do not hold.

    Args:
        calm: everything was in time.
        whole: and every living seat has received from every other one in the last step.
        lockstep: and none has ended a step of these phases before all others were in it.
    """
    size = played.schedule.size
    quorum = played.stage.rules.quorum(played.adversary.ledger)
    alive = {number: seat for number, seat in played.honest.items() if number not in played.down}
    if calm:
        if disagree(alive):
            yield "C-1 two seats compute different blocks"
        commanders = played.stage.rules.commanders(played.adversary.ledger) if Phase.BLOCK in lockstep else ()
        yield from _agreement(alive, played.said, commanders)
        yield from _outcome(played, alive, quorum <= size.validators - size.attackers)
        yield from unproven(played, alive, BOTH if whole else lockstep, whole)
    if (calm or 2 * quorum - size.validators > size.attackers) and certificates(played) > 1:
        yield "C-4 two certificates of one round can be made"
    if 2 * quorum - size.validators > size.attackers and vectors(played) > 1:
        yield "C-4 two vectors of one round can be certified"
    yield from _bounded(alive, played.relayed)
    yield from _evidence_is_sound(played)
    yield from _said_once(played.said)
    yield from _nothing_forged(played, alive)


def _broadcasts(seat: Seat) -> tuple[SignedBroadcast, SignedBroadcast]:
    return seat.validator.reports, seat.validator.blocks


def _agreement(alive: dict[int, Seat], said: SignedContents, commanders: tuple[int, ...]) -> Iterator[str]:
    """Where headers are not relayed nothing rests on a corrupt commander's: C-1 is then of blocks and votes alone.

    Nor on an honest one's at a seat that had voted before it came; for those of `commanders` all must hold.
    """
    for broadcasts in zip(*map(_broadcasts, alive.values()), strict=True):
        phase, outcomes = broadcasts[0].phase, [_outcomes(each) for each in broadcasts]
        if not isinstance(broadcasts[0], HeaderExchange) and any(each != outcomes[0] for each in outcomes):
            yield f"C-1 two seats hold different values of a commander in phase {phase.name}"
        for number in alive if phase is Phase.REPORT else alive.keys() & commanders:
            own = said.get((number, phase, Role.COMMANDER), set())
            if any(value is None or value[0] not in own for value in (held[number] for held in outcomes)):
                yield f"C-2 an honest commander's value is not the outcome in phase {phase.name}"
                break


def _outcomes(broadcast: SignedBroadcast) -> list[tuple[bytes, bytes] | None]:
    """By instance: what is held, as the phase counts it."""
    outcomes = map(broadcast.outcome, range(len(broadcast._held)))
    return [None if claim is None else broadcast._key(claim) for claim in outcomes]


def _outcome(played: Round, alive: dict[int, Seat], can_certify: bool) -> Iterator[str]:
    """All honest reports are in the block, and the block is certified."""
    first = next(iter(alive.values())).validator
    if not alive.keys() <= first.agreed.keys():
        yield "C-2 the block leaves out an honest report"
    votes = {content for number in alive for content in played.said.get((number, Phase.BLOCK, Role.SIGNER), ())}
    if votes != {first.digest}:
        yield "C-3 the honest do not all sign the block that they computed"
    block = played.relayer.block
    if can_certify and (block is None or block.certificate.content != first.digest):
        yield "C-3 no block is certified in the last step"


def disagree(alive: dict[int, Seat]) -> bool:
    """Whether two seats computed different blocks."""
    return len({seat.validator.digest for seat in alive.values()}) > 1


def certificates(played: Round) -> int:
    """Of how many contents a certificate can be made, however the corrupt sign; or was taken, if those are more."""
    signed: dict[bytes, int] = {}
    for (number, phase, role), contents in played.said.items():
        if (phase, role) != (Phase.BLOCK, Role.SIGNER):
            continue
        if number in played.honest:  # a seat that voted and was then corrupted signs anything now
            for content in contents:
                signed[content] = signed.get(content, 0) + 1
    lacking = played.stage.rules.quorum(played.adversary.ledger) - len(played.adversary.corrupt)
    relayer = played.relayer
    taken = (relayer.block is not None) + (relayer.skip is not None)
    return max(sum(count >= lacking for count in signed.values()), taken)


def vectors(played: Round) -> int:
    """How many vectors can be certified, however the corrupt sign; or are held, if those are more."""
    rules, slot = played.stage.rules, played.adversary.slot
    machines = [seat.validator.reports for seat in played.honest.values()]
    certifying = [each for each in machines if isinstance(each, VectorBroadcast) and each._slot == slot]
    signed = [played.stage.book.signed_by(rules.addresses[number]) for number in played.honest]
    lacking = rules.quorum(played.adversary.ledger) - len(played.adversary.corrupt)
    made = 0
    for content in {vector_content(machine._echoed) for machine in certifying}:
        digest = slot.digest(Phase.REPORT, Role.SIGNER, 0, content)
        made += sum(digest in of_seat for of_seat in signed) >= lacking
    held = {machine._certificate.content for machine in certifying if machine._certificate is not None}
    return max(made, len(held))


def _bounded(alive: dict[int, Seat], relayed: Relayed) -> Iterator[str]:
    """A header's digest is one value however often it is signed: two are all, 2 n^2 messages a commander at most.

    A report is a value with its signature. Two signatures of one content prove nothing, and a third value then does: of
    a corrupt commander the n - f others send 3 (n - f) (n - 1) claims at most.
    """
    for (_, phase, instance, _), count in relayed.items():
        if instance == NO_SEAT and count > 1:
            yield "C-3 a vector is handed on twice"
        if count > MOST_VALUES + (phase is Phase.REPORT):
            yield f"C-3 more is relayed of a commander than proves anything in phase {phase.name}"
    for seat in alive.values():
        for broadcast in _broadcasts(seat):
            if max(map(len, broadcast._held)) > MOST_VALUES + (broadcast.phase is Phase.REPORT):
                yield "C-3 more values held than prove anything"
            size = broadcast._content_bytes
            if any(len(content) != size for held in broadcast._held for content, _ in held):
                yield "C-3 a content of the wrong size is held"
        contents = seat.validator.votes._by_content
        if sum(map(len, contents.values())) > 2 * len(broadcast._held):
            yield "C-3 more votes held than prove anything"


def _evidence_is_sound(played: Round) -> Iterator[str]:
    """No proof names an honest seat or proves nothing, and none can be made of all that the honest ever signed."""
    rules, verifier = played.stage.rules, played.stage.verifier
    for proofs in played.proofs.values():
        for proof in proofs:
            if proof.instance in played.honest:
                yield "C-5 an honest seat is accused"
            if not proof.proves(rules.addresses, verifier):
                yield "C-5 a proof that proves nothing"
    book, slot, pools = played.stage.book, played.adversary.slot, played.adversary.overheard
    of_seat: dict[int, set[bytes]] = {number: set() for number in played.honest}
    for claim in pools[Phase.REPORT]:
        if claim.instance in of_seat:
            of_seat[claim.instance].add(statement_content(Phase.REPORT, claim.content))
    blocks = {*(claim.content for claim in pools[Phase.BLOCK]), *played.adversary.votes}
    votes = {slot.digest(Phase.BLOCK, Role.SIGNER, 0, content) for content in blocks}
    for number, reports in of_seat.items():
        signed = book.signed_by(rules.addresses[number])
        if len(votes & signed) > 1:
            yield "C-5 an honest seat can be framed as SIGNER of phase BLOCK"
        for phase, contents in ((Phase.REPORT, reports), (Phase.BLOCK, blocks | reports)):
            if sum(slot.digest(phase, Role.COMMANDER, number, content) in signed for content in contents) > 1:
                yield f"C-5 an honest seat can be framed as COMMANDER of phase {phase.name}"
    yield from _proofs_are_told_apart(played)


def _proofs_are_told_apart(played: Round) -> Iterator[str]:
    """Against one honest seat, every pair of some of what it signed, true and false, is tried as a proof."""
    numbers = sorted(played.honest)
    number = numbers[played.schedule.order % len(numbers)]
    stage, slot = played.stage, played.adversary.slot
    addresses, verifier = stage.rules.addresses, stage.verifier
    for phase, pool in played.adversary.overheard.items():
        said = [(claim.content, claim.signature) for claim in pool if claim.instance == number][:1]
        said += [(claim.content, relays[number]) for claim, relays in pool.items() if number in relays][:2]
        said += [(claim.content, claim.signature) for claim in pool if claim.instance != number][:1]
        if phase is Phase.BLOCK:
            said += [(content, votes[number]) for content, votes in played.adversary.votes.items() if number in votes]
        for role in (Role.COMMANDER, Role.SIGNER) if phase is Phase.BLOCK else (Role.COMMANDER,):
            for one in said:
                for other in said:
                    if Equivocation(slot, phase, role, number, *one, *other).proves(addresses, verifier):
                        yield f"C-5 a proof against an honest {role.name} of phase {phase.name} is believed"


def unproven(played: Round, alive: dict[int, Seat], phases: Collection[Phase], votes: bool) -> Iterator[str]:
    """What two of the living accepted of one commander, or counted of one voter, and the relayer was told no proof of.

    Args:
        phases: in which every one has received all that others sent before its last step.
        votes: and in that step.
    """
    accused = {(proof.instance, proof.phase, proof.role) for proof in played.told}
    for number in played.adversary.corrupt:
        for index, phase in enumerate(BOTH):
            contents = {content for seat in alive.values() for content, _ in _broadcasts(seat)[index]._held[number]}
            if phase in phases and len(contents) > 1 and (number, phase, Role.COMMANDER) not in accused:
                yield f"C-6 an equivocation is seen and not proven in phase {phase.name}"
        counted = {
            content for seat in alive for content, voters in played.counted[seat].items() if number in voters
        }
        if votes and len(counted) > 1 and (number, Phase.BLOCK, Role.SIGNER) not in accused:
            yield "C-6 two votes of a seat are seen and not proven"


def counted(seat: Seat) -> dict[bytes, frozenset[int]]:
    """What a seat has counted by now."""
    return {content: frozenset(votes) for content, votes in seat.validator.votes._by_content.items()}


def note(sender: int, to: tuple[int, ...], message: Message, said: SignedContents, relayed: Relayed) -> int:
    """Keep an honest seat's own statements and how often it relayed whom; returns how many claims and votes."""
    match message:
        case Frame(phase=phase, claims=claims):
            for claim in claims:
                if claim.instance == sender:
                    said.setdefault((sender, phase, Role.COMMANDER), set()).add(claim.content)
                else:
                    for each in to:
                        key = (sender, phase, claim.instance, each)
                        relayed[key] = relayed.get(key, 0) + 1
            return len(to) * len(claims)
        case Echo(signature=signature):
            if signature:
                said.setdefault((sender, Phase.REPORT, Role.SIGNER), set()).add(signature)
            return len(to)
        case Vector(signers=signers):
            for each in to if signers else ():
                key = (sender, Phase.REPORT, NO_SEAT, each)
                relayed[key] = relayed.get(key, 0) + 1
            return len(to)
        case Vote(seat=seat, content=content):
            if seat == sender:
                said.setdefault((sender, Phase.BLOCK, Role.SIGNER), set()).add(content)
            return len(to)
    return 0


def chains(sender: int, message: Message, size: GameSize) -> Iterator[str]:
    """C-3: what is wrong with the length of what an honest seat relays."""
    if isinstance(message, Frame):
        most = size.attackers if message.phase is Phase.REPORT else size.steps.header_relays
        for claim in message.claims:
            if claim.instance != sender and len(claim.relays) > most:
                yield "C-3 a chain longer than m + 1"
    if isinstance(message, Vector) and len(message.relays) > size.attackers + 1:
        yield "C-3 a vector's chain longer than m + 1"


def _said_once(said: SignedContents) -> Iterator[str]:
    if any(len(contents) > 1 for contents in said.values()):
        yield "C-7 an honest seat signs two contents in one slot"


def _nothing_forged(played: Round, alive: dict[int, Seat]) -> Iterator[str]:
    """Whatever is held was signed by whom it names."""
    slot = played.adversary.slot
    signed = dict(enumerate(map(played.stage.book.signed_by, played.stage.rules.addresses)))
    nothing: set[bytes] = set()
    seen: set[int] = set()
    for seat in alive.values():
        for broadcast in _broadcasts(seat):
            phase = broadcast.phase
            for held in broadcast._held:
                for claim in held.values():
                    if id(claim) in seen:
                        continue
                    seen.add(id(claim))
                    content = statement_content(phase, claim.content)
                    if slot.digest(phase, Role.COMMANDER, claim.instance, content) not in signed[claim.instance]:
                        yield "C-8 a value is held that its commander never signed"
                    if claim.relays:
                        value = broadcast_value(phase, claim.content, claim.signature)
                        digest = slot.digest(phase, Role.RELAY, claim.instance, value)
                        if not all(digest in signed.get(relay, nothing) for relay, _ in claim.relays):
                            yield "C-8 a relay is counted that its seat never signed"
        reports = seat.validator.reports
        if isinstance(reports, VectorBroadcast) and (found := reports._certificate) is not None:
            digest = slot.digest(Phase.REPORT, Role.SIGNER, 0, found.content)
            if not all(digest in signed.get(signer, nothing) for signer in seats(found.signers)):
                yield "C-8 a vector is certified that its seats never signed"
        for content, votes in seat.validator.votes._by_content.items():
            digest = slot.digest(Phase.BLOCK, Role.SIGNER, 0, content)
            if not all(digest in signed.get(voter, nothing) for voter in votes):
                yield "C-8 a vote is counted that its seat never signed"
    relayer = played.relayer
    for certificate in (relayer.block.certificate if relayer.block else None, relayer.skip):
        if certificate is not None:
            digest = slot.digest(Phase.BLOCK, Role.SIGNER, 0, certificate.content)
            signers = seats(certificate.signers)
            if len(signers) * SIGNATURE_BYTES != len(certificate.signatures) or not all(
                digest in signed.get(signer, nothing) for signer in signers
            ):
                yield "C-8 a certificate is taken that its seats never signed"
