"""Probe round of the burn-in: drawn commanders broadcast a value, and equivocation is detected (Theorem 5)."""

from chain_bandit.actors.messages import Probe, Send
from chain_bandit.actors.rules import Rules
from chain_bandit.consensus.broadcast import Frame, SignedBroadcast
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.protocol.blocks import round_seed
from chain_bandit.protocol.committee import commander_drawn
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import Ledger, eligible
from chain_bandit.protocol.messages import Phase


class Prober:
    """A seat in probe rounds, one at a time: nothing is decided in them, only evidence outlives them.

    They run in the slot of their round on the genesis digest, in which no block is ever signed. A commander's proof
    travels with its claims, since no report came before that could have shown it.
    """

    def __init__(self, rules: Rules, seat: int, signer: Signer, vrf_key: VrfKey, verifier: Verifier) -> None:
        self.rules, self.seat, self._signer, self._vrf_key, self._verifier = rules, seat, signer, vrf_key, verifier

    def begin(self, ledger: Ledger) -> None:
        """Forget the last round and open the next one."""
        rules = self.rules
        self._ledger, self._seed = ledger, round_seed(ledger.seed, ledger.round)
        self._able = eligible(rules.parameters, ledger, ledger.round)
        self._others = tuple(p for p in rules.everybody if p != self.seat)
        self._proofs: dict[int, bytes] = {}
        self.broadcast = SignedBroadcast(
            Phase.BLOCK, rules.slot(ledger), self.seat, rules.addresses, 0, self._able, 32,
            rules.schedule.relay_rounds, self._signer, self._verifier,
        )  # fmt: skip

    def on_tick(self, step: int) -> list[Send]:
        """Command in step 0 when drawn, then relay."""
        if step == 0:
            return self._command()
        frame = self.broadcast.relays()
        return [self._send(frame)] if frame else []

    def on_probe(self, step: int, probe: Probe) -> None:
        """Claims that arrived in a step; those of seats without a proof are dropped."""
        named = {claim.instance for claim in probe.frame.claims} - self._proofs.keys()
        for seat, proof in dict(probe.proofs).items():  # each takes long to check
            if seat in named and seat in self.rules.everybody:
                output = self._verifier.drawn_hash(self.rules.vrf_keys[seat], self._seed, proof)
                if output is not None:
                    self._admit(seat, output, proof)
        if probe.frame.phase is Phase.BLOCK:
            self.broadcast.on_frame(step, probe.frame)

    def equivocations(self) -> list[Equivocation]:
        """Every proof of equivocation of the round."""
        return self.broadcast.equivocations()

    def _command(self) -> list[Send]:
        """The value is any that is one's own and known to be so: the hash of the proof."""
        output, proof = self._vrf_key.prove(self._seed)
        if not self._admit(self.seat, output, proof):
            return []
        return [self._send(self.broadcast.open(keccak(proof)))]

    def _admit(self, seat: int, output: bytes, proof: bytes) -> bool:
        drawn = commander_drawn(self.rules.parameters, output, self._ledger.round)
        if drawn and self._able >> seat & 1:
            self._proofs[seat] = proof
            self.broadcast.admit(seat)
            return True
        return False

    def _send(self, frame: Frame) -> Send:
        """To all others, with the proofs of the commanders in it."""
        proofs = tuple((claim.instance, self._proofs[claim.instance]) for claim in frame.claims)
        return Send(self._others, Probe(proofs, frame))
