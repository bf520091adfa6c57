"""Signed broadcast under strategic adversaries, and the planted mutants that the same schedules must kill.

One schedule is one phase of one round: n validators, all of them commanders, m of them corrupt, colluding and
rushing. The corrupt hold one another's keys and everything that was ever sent to them. After every schedule the
invariants C-1 to C-6 and C-9 of the protocol are checked on what the honest hold.
"""

import random
from collections import Counter

import pytest

from chain_bandit.consensus.broadcast import Claim, Drop, Frame, SignedBroadcast
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.secp256k1 import ORDER
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.messages import Phase, Role, Slot, broadcast_value, statement_content
from tests.conftest import second_signature

SIGNERS = [Signer(derive(99, "participant", seat)) for seat in range(7)]
SIZE = {Phase.REPORT: 40, Phase.BLOCK: 32}


class Adversary:
    """All corrupt seats as one mind: each commander of theirs follows a campaign, and old messages are reused."""

    MOVES = (
        "colluders", "pooled", "pooled", "repeated signer", "repeated commander", "headless", "foreign signer",
        "unknown seat", "other round", "other instance", "junk relay", "wrong size",
    )  # fmt: skip

    def __init__(self, rng, slot, phase, n, m, corrupt):
        self.rng, self.slot, self.phase, self.n, self.m, self.corrupt = rng, slot, phase, n, m, sorted(corrupt)
        self.honest = [seat for seat in range(n) if seat not in corrupt]
        self.seen: dict[Claim, dict[int, bytes]] = {}
        self.moves = Counter()
        self.plan = [release for seat in self.corrupt for release in self._campaign(seat)]

    def sign(self, seat, role, instance, content, slot=None):
        return SIGNERS[seat].sign((slot or self.slot).digest(self.phase, role, instance, content))

    def _value(self, seat, content=None):
        """A content signed by its commander, in the ordinary way or with a nonce of its own."""
        value = content or self.rng.randbytes(SIZE[self.phase])
        digest = self.slot.digest(self.phase, Role.COMMANDER, seat, statement_content(self.phase, value))
        if content is None:
            return Claim(seat, value, SIGNERS[seat].sign(digest))
        return Claim(seat, value, second_signature(SIGNERS[seat], digest, self.rng.randrange(1, ORDER)))

    def _campaign(self, seat):
        """What the corrupt commander releases: (step, victims, value, how its chain is dressed)."""
        rng, half = self.rng, self.rng.sample(self.honest, len(self.honest) // 2)
        rest = [p for p in self.honest if p not in half]
        value, other = self._value(seat), self._value(seat)
        match rng.choice(["split", "last victim", "last victim", "signed twice", "flood", "anything"]):
            case "split":
                return [(0, half, value, "colluders"), (0, rest, other, "colluders")]
            case "last victim":
                late = (rng.choice([max(self.m - 1, 0), self.m, self.m]), rng.sample(self.honest, 1), value)
                early = [(0, self.honest, other, "colluders")] if rng.random() < 0.5 else []
                return [*early, *((*late, move) for move in ("colluders", rng.choice(self.MOVES)))]
            case "signed twice":
                again = [(0, half, self._value(seat, value.content), "colluders")]
                if rng.random() < 0.5:
                    again += [(0, rest, v, "colluders") for v in (other, self._value(seat, other.content))]
                return [(0, half, value, "colluders"), *again]
            case "flood":
                return [(0, self.honest, self._value(seat), "colluders") for _ in range(5)]
            case _:
                values = [value, other, self._value(seat, value.content)][: rng.randint(1, 3)]
                return [
                    (rng.randint(0, self.m + 1), rng.sample(self.honest, rng.randint(1, len(self.honest))), v,
                     rng.choice(self.MOVES))
                    for v in values
                ]  # fmt: skip

    def hear(self, frame):
        """Pool every signature that an honest validator sent."""
        for claim in frame.claims:
            bare = claim._replace(relays=())
            self.seen.setdefault(bare, {}).update(dict(claim.relays))

    def act(self, step):
        """What goes to whom in this step, after all honest messages of the step were seen."""
        sent = [
            (to, self._dressed(claim, step, move))
            for when, victims, claim, move in self.plan
            if when == step
            for to in victims
        ]
        if self.seen and self.rng.random() < 0.7:
            claim = self.rng.choice(sorted(self.seen, key=lambda c: (c.instance, c.content, c.signature)))
            sent.append((self.rng.choice(self.honest), self._dressed(claim, step, self.rng.choice(self.MOVES))))
        if sent and self.rng.random() < 0.3:
            sent.append(self.rng.choice(sent))
        self.rng.shuffle(sent)
        return sent

    def _dressed(self, claim, step, move):
        """The value with a chain that may pass for one of step + 1 signatures."""
        self.moves[move] += 1
        rng, phase, slot = self.rng, self.phase, self.slot
        value = broadcast_value(phase, claim.content, claim.signature)

        def relay(seat, instance=claim.instance, where=slot):
            return seat, self.sign(seat, Role.RELAY, instance, value, where)

        relays = [relay(seat) for seat in self.corrupt if seat != claim.instance]
        if move == "pooled":
            relays += sorted(self.seen.get(claim, {}).items())
            relays = [pair for pair in relays if pair[0] != claim.instance]
        elif move == "repeated signer":
            relays = (relays or [relay(self.corrupt[0])]) * (step + 1)
        elif move == "repeated commander":
            relays += [relay(seat if claim.instance not in self.corrupt else claim.instance)
                       for seat in self.corrupt[:1] * (step + 1)]
        elif move == "headless":
            instance = rng.choice([*self.honest, claim.instance])
            own = self.sign(self.corrupt[0], Role.COMMANDER, instance, statement_content(phase, claim.content))
            claim = Claim(instance, claim.content, own)
            value = broadcast_value(phase, claim.content, own)
            relays = [relay(seat, instance) for seat in self.corrupt if seat != instance]
        elif move == "foreign signer":
            key = rng.choice(self.corrupt)
            relays += [(seat, relay(key)[1]) for seat in rng.sample(self.honest, min(2, len(self.honest)))]
        elif move == "unknown seat":
            relays += [(seat, relay(self.corrupt[0])[1]) for seat in (self.n, -1, 2**70)]
        elif move == "other round":
            past = Slot(slot.separator, slot.round - 1, slot.parent)
            signed = statement_content(phase, claim.content)
            if claim.instance in self.corrupt:
                old = self.sign(claim.instance, Role.COMMANDER, claim.instance, signed, past)
                claim = Claim(claim.instance, claim.content, old)
                value = broadcast_value(phase, claim.content, old)
            relays = [relay(seat, claim.instance, past) for seat in self.corrupt if seat != claim.instance]
        elif move == "other instance":
            claim = claim._replace(instance=rng.choice([seat for seat in range(self.n) if seat != claim.instance]))
        elif move == "junk relay":
            relays += [(seat, rng.randbytes(64)) for seat in self.honest]
        elif move == "wrong size":
            claim = claim._replace(content=claim.content + b"\0")
        rng.shuffle(relays)
        return Frame(phase, (claim._replace(relays=tuple(relays)),))


class Schedule:
    """One phase played to its end."""

    def __init__(self, n, m, seed, machine=SignedBroadcast):
        rng = self.rng = random.Random(seed)
        self.phase = rng.choice([Phase.REPORT, Phase.BLOCK])
        self.slot = Slot(rng.randbytes(32), rng.randint(2, 2**32 - 1), rng.randbytes(32))
        self.corrupt = frozenset(rng.sample(range(n), m))
        self.addresses = [signer.address for signer in SIGNERS[:n]]
        self.verifier = Verifier()
        self.adversary = Adversary(rng, self.slot, self.phase, n, m, self.corrupt)
        self.honest = {
            seat: machine(
                self.phase, self.slot, seat, self.addresses, 2**n - 1, 2**n - 1, SIZE[self.phase], m, SIGNERS[seat],
                self.verifier,
            )
            for seat in range(n)
            if seat not in self.corrupt
        }
        self.own = {seat: rng.randbytes(SIZE[self.phase]) for seat in self.honest}
        self.drops = Counter()
        self.relayed = Counter()
        for step in range(m + 2):
            self._step(step, m)

    def _step(self, step, m):
        sent = []
        for seat, broadcast in self.honest.items():
            frame = broadcast.open(self.own[seat]) if step == 0 else broadcast.relays() if step <= m else None
            if frame is not None:
                sent.append((seat, frame))
                self.relayed.update((seat, claim.instance) for claim in frame.claims if step)
        deliveries = [(to, frame) for seat, frame in sent for to in self.honest if to != seat]
        for _, frame in sent:
            self.adversary.hear(frame)
        self.rng.shuffle(deliveries)
        for to, frame in [*deliveries, *self.adversary.act(step)]:
            self.drops.update(self.honest[to].on_frame(step, frame))

    def violations(self):
        """Which invariants do not hold."""
        found = set()
        for instance in range(len(self.addresses)):
            outcomes = {broadcast._key(claim) if (claim := broadcast.outcome(instance)) else None
                        for broadcast in self.honest.values()}
            if len(outcomes) > 1:
                found.add("C-1 agreement")
            if instance in self.honest and {key and key[0] for key in outcomes} != {self.own[instance]}:
                found.add("C-2 validity")
        if self.relayed and max(self.relayed.values()) > 3:
            found.add("C-3 bounded messages")
        proofs = [proof for broadcast in self.honest.values() for proof in broadcast.equivocations()]
        if not all(proof.proves(self.addresses, self.verifier) for proof in proofs):
            found.add("C-5 a proof that proves nothing")
        if any(proof.instance in self.honest for proof in proofs):
            found.add("C-5 an honest seat accused")
        accused = {proof.instance for proof in proofs}
        for instance in self.corrupt:
            contents = {claim.content for b in self.honest.values() for claim in b._held[instance].values()}
            if len(contents) > 1 and instance not in accused:
                found.add("C-6 evidence completeness")
        if self._framed():
            found.add("C-9 framing")
        return found

    def _framed(self):
        """Try every pair of what an honest commander's slot ever saw as a proof against it."""
        for seat in self.honest:
            said = [(claim.content, s) for claim, relays in self.adversary.seen.items()
                    for s in (claim.signature, *relays.values())][:12]
            for one in said:
                for other in said:
                    if Equivocation(self.slot, self.phase, Role.COMMANDER, seat, *one, *other).proves(
                        self.addresses, self.verifier
                    ):
                        return True
        return False


BUDGETS = [(4, 1, 2000), (5, 2, 1500), (7, 2, 700)]


@pytest.mark.parametrize(("n", "m", "schedules"), BUDGETS)
def test_the_honest_agree_and_nobody_is_framed_under_every_schedule(n, m, schedules):
    drops, moves, ran, accused, silent = Counter(), Counter(), 0, 0, 0
    for seed in range(schedules):
        schedule = Schedule(n, m, seed)
        assert schedule.violations() == set(), f"seed {seed}"
        drops += schedule.drops
        moves += schedule.adversary.moves
        proofs = {proof.instance for b in schedule.honest.values() for proof in b.equivocations()}
        accused += len(proofs)
        silent += sum(next(iter(schedule.honest.values())).outcome(seat) is None for seat in schedule.corrupt)
        ran += 1
    assert ran == schedules
    assert set(drops) == set(Drop), "every reason to drop a claim occurred"
    assert set(moves) == set(Adversary.MOVES)
    assert accused > schedules // 4, "the adversary did equivocate"
    assert silent > schedules // 4


# A machine that accepts one step longer, with the chain length to match, is no mutant: such a chain holds the
# signature of an honest validator that relayed the value in time.


class NoLengthTest(SignedBroadcast):
    def _fault(self, step, claim):
        return super()._fault(0, claim)


class RepeatedSigners(SignedBroadcast):
    def _fault(self, step, claim):
        if len(claim.relays) < step:
            return Drop.SHORT_CHAIN
        once = {seat: signature for seat, signature in claim.relays if seat != claim.instance}
        return super()._fault(0, claim._replace(relays=tuple(once.items())))


class NoRelay(SignedBroadcast):
    def relays(self):
        super().relays()


class OneStepEarly(SignedBroadcast):
    def on_claim(self, step, claim):
        return super().on_claim(step, claim) if step < self._last_step else Drop.LATE


class FirstValueOnly(SignedBroadcast):
    def on_claim(self, step, claim):
        if 0 <= claim.instance < len(self._held) and self._held[claim.instance]:
            return Drop.ENOUGH
        return super().on_claim(step, claim)


class AnyCommander(SignedBroadcast):
    """Does not check that the commander's signature is the commander's."""

    def _fault(self, step, claim):
        reason = super()._fault(step, claim)
        if reason is not Drop.BAD_SIGNATURE:
            return reason
        digest = self._relay_digest(claim)
        fine = all(self._verifier.is_signed_by(self._addresses[seat], digest, s) for seat, s in claim.relays)
        return None if fine else reason


class AnyRelay(SignedBroadcast):
    """Counts relay signatures without checking them."""

    def _fault(self, step, claim):
        if len(claim.relays) < step:
            return Drop.SHORT_CHAIN
        return super()._fault(0, claim._replace(relays=()))


class ThreeForget(SignedBroadcast):
    """Stops at two values even when both are signatures of one content."""

    @staticmethod
    def _is_enough(held, claim):
        return len(held) >= 2


class NoLimit(SignedBroadcast):
    @staticmethod
    def _is_enough(held, claim):
        return False


class LooseProof(SignedBroadcast):
    """Accuses whoever signed one content twice."""

    def equivocations(self):
        twice = []
        for instance, held in enumerate(self._held):
            one, *rest = held.values() or [None]
            if rest:
                twice.append(
                    Equivocation(self._slot, self.phase, Role.COMMANDER, instance, one.content, one.signature,
                                 rest[0].content, rest[0].signature)
                )  # fmt: skip
        return twice


MUTANTS = [
    NoLengthTest, RepeatedSigners, NoRelay, OneStepEarly, FirstValueOnly, AnyCommander, AnyRelay, ThreeForget, NoLimit,
    LooseProof,
]  # fmt: skip
SEEDS = 20


@pytest.mark.parametrize(("n", "m"), [(n, m) for n, m, _ in BUDGETS])
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_planted_mutant_is_killed_within_twenty_seeds(mutant, n, m):
    killed = next((seed for seed in range(SEEDS) if Schedule(n, m, seed, mutant).violations()), None)
    assert killed is not None
