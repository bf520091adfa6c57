"""Monitor of false reports at a node: the chain's evidence, and proofs not yet submitted."""

from collections import Counter
from math import inf
from typing import Any

from chain_bandit.actors.rules import Rules
from chain_bandit.actors.witness import Witness
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.node import Wallet
from chain_bandit.crypto.verify import Verifier
from chain_bandit.nodes.crash import at
from chain_bandit.nodes.follower import Follower, Recorded
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.tallies import FalseReport

TRIES = 3
"""Calls for one proof that the contract has not decided."""


class Prover:
    """Finds false reports by records and settlements alone, so that a restart finds all of them again.

    Args:
        patience: 0 hands in a proof at once. Else others may first: while the game runs, until one more round is
            recorded, after it for so many seconds, and no longer than three quarters of the blocks that take proofs.
            With `inf` nothing is handed in while the game runs.
    """

    def __init__(
        self, rules: Rules, verifier: Verifier, contract: Coordinator, follower: Follower, patience: float = 0.0
    ) -> None:
        self._parameters, self._contract, self._follower = rules.parameters, contract, follower
        self._patience, self._since = patience, dict[int, tuple[int, float]]()
        self._records = 0
        self._is_blind = not rules.parameters.provable
        self._found: dict[int, FalseReport] = {}
        """By seat, the one of the earliest round."""
        self._sent: FalseReport | None = None
        """That which the chain's node refuses, and may take once there is money for it."""
        self._failed = Counter[int]()
        if not self._is_blind:
            self._witness = Witness(rules, verifier)
            follower.keep_settlements(bool(rules.parameters.sealed))

    def on_record(self, ledger: Ledger, found: Recorded) -> None:
        """Take in how the open round of a ledger ended, before the settlements that the chain shows by now."""
        if self._is_blind:
            return
        self._records += 1
        self._witness.on_record(ledger, found.record, found.block.body if found.block is not None else b"")
        self._look()

    def unproven(self) -> list[FalseReport]:
        """What the settlements prove by now and the contract takes, by seat."""
        if self._is_blind:
            return []
        self._look()
        for seat in [seat for seat, proof in self._found.items() if self._is_proven(proof)]:
            del self._found[seat]
        return [self._found[seat] for seat in sorted(self._found)]

    def prove(self, wallet: Wallet) -> None:
        """Hand in what nobody has for so long; what the contract refuses was proven already, or comes too late.

        One of an account without money waits for it, before all others, and one that the contract has not decided is
        handed in again.
        """
        sent, others = self._sent, [proof for proof in self.unproven() if proof is not self._sent]
        for proof in others if sent is None else [sent, *others]:
            if proof is not sent and (self._is_early(proof) or self._is_told_later(proof)) and not self._is_urgent():
                continue
            try:
                if proof is not sent:
                    self._contract.report_false(wallet, proof.seat, proof.slot.round, proof.calldata())
                    self._sent = proof
                self._contract.settle()
            except TransactionReverted as refused:
                if refused.error == "Rejected":
                    return
                self._sent = None
                self._failed[proof.seat] += 1
                if refused.error in ("OutOfGas", "Unexplained") and self._failed[proof.seat] < TRIES:
                    continue
            self._sent = None
            if self._found.get(proof.seat) is proof:
                del self._found[proof.seat]
            at("false report proven")

    def _is_early(self, proof: FalseReport) -> bool:
        """Whether others may still hand it in."""
        records, moment = self._since[proof.seat]
        if self._patience and not self._contract.is_over():
            return self._patience == inf or self._records <= records
        return self._contract.rpc.clock.now() < moment + self._patience

    def _is_urgent(self) -> bool:
        """Whether the node due to submit a proof has had most of the blocks for it, however fast they came."""
        if not self._contract.is_over():
            return False
        return self._contract.blocks_left(self._parameters, 3 * self._parameters.settlement_window // 8) <= 0

    def is_over(self) -> bool:
        """Whether nothing more can be proven of a game that is over."""
        if self.knows_all() and not self.unproven():
            return True
        return self._contract.blocks_left(self._parameters, self._parameters.settlement_window // 2) <= 0

    def knows_all(self) -> bool:
        """Whether the chain shows all that proofs rest on: settlements, of a sealed game sums, secret and keys too."""
        said, p = self._follower, self._parameters
        if p.sealed and not (said.credited and said.revealed and len(said.unsealed) == p.participants):
            return False
        return max(said.settled, p.burn_in) >= self._contract.next_round() - 1

    def _look(self) -> None:
        for method, arguments in self._follower.settlements():
            for proof in self._proofs(method, arguments):
                self._found[proof.seat] = proof
                self._since[proof.seat] = self._records, self._contract.rpc.clock.now()

    def _proofs(self, method: str, arguments: tuple[Any, ...]) -> list[FalseReport]:
        match method, arguments:
            case "settleRewards", (through, said):
                return self._witness.on_settlement(through, said)
            case "settleSums", (sums,):
                return self._witness.on_sums(sums)
            case "reveal", (secret, _, model):
                return self._witness.on_secret(secret, model)
            case _, (seat, key):
                return self._witness.on_key(seat, key)
        return []

    def _is_proven(self, proof: FalseReport) -> bool:
        """Whether it would change nothing any more: neither the first proven round nor what the seat keeps."""
        first, kept = self._follower.voided.get(proof.seat, (inf, inf))
        is_less = proof.slot.round < first or proof.tally.credited < kept
        return not is_less or proof.seat in self._follower.acquitted

    def _is_told_later(self, proof: FalseReport) -> bool:
        """Whether the contract has a proof as early, and what the seat keeps by it is in an event that does not count
        yet."""
        first, _ = self._follower.voided.get(proof.seat, (0, 0))
        told = self._contract.proven_from(proof.seat)
        return told != first and 0 < told <= proof.slot.round
