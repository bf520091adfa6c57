"""A game's records in the contract, on a chain whose blocks the game's own driver may mine."""

from collections.abc import Sequence

from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain.node import Node, account
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import Recorded
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.settlement import CostEntry
from chain_bandit.protocol.submission import Submitted, encode
from chain_bandit.stopwatch import Stopwatch

GAS_MONEY = 10**20
"""Wei for gas that every account of an embedded chain starts with."""


def embedded_node(plan: Plan) -> EmbeddedNode:
    """A fresh chain in this process, on which everybody holds what the game needs."""
    parameters = plan.parameters
    balances = {signer.address: parameters.stake + GAS_MONEY for signer in plan.participants}
    balances[plan.environment.address] = plan.pool + GAS_MONEY
    balances[plan.relayer.address] = GAS_MONEY
    return EmbeddedNode(balances)


class OnChain:
    """`Recorder` over the contract: deploys it, submits to it, settles and empties it."""

    def __init__(self, node: Node, stopwatch: Stopwatch) -> None:
        self.node, self._stopwatch = node, stopwatch

    def open(self, plan: Plan) -> Domain:
        """Deploy, let everybody join, open."""
        self._plan = plan
        self._environment, self._relayer = account(plan.environment.secret), account(plan.relayer.secret)
        self._participants = [account(signer.secret) for signer in plan.participants]
        self.contract = Coordinator.deploy(
            self.node.web3, self._environment, plan.parameters, plan.salt_commitment, plan.secret_commitment,
            plan.pool, self._stopwatch,
        )  # fmt: skip
        for participant in self._participants:
            self.contract.join(participant)
        self.contract.open(self._environment, plan.salt)
        return Domain(self.node.chain_id, self.contract.address, plan.game)

    def submit(self, blocks: Sequence[Submitted]) -> Recorded:
        """Record certified blocks in a row."""
        return self.contract.submit_blocks(self._relayer, encode(self._plan.parameters, blocks))

    def skip(self, committee: int, certificate: Certificate) -> Recorded:
        """Record a quorum's "no block"."""
        return self.contract.skip(self._relayer, committee, certificate.signers, certificate.signatures)

    def report(self, proof: Equivocation) -> None:
        """Hand in a proof of equivocation."""
        self.contract.report_equivocation(self._relayer, proof.calldata())

    def skip_after_deadline(self, committee: int) -> Recorded:
        """Let the deadline pass, then record the skip."""
        parameters = self._plan.parameters
        blocks = parameters.skip_deadline
        if self.contract.next_round() == parameters.burn_in:
            blocks += parameters.burn_in_blocks
        with self._stopwatch("evm"):
            self.node.mine(blocks)
        return self.contract.skip_after_deadline(self._relayer, committee)

    def settle_rewards(self, through: int, pulls: bytes) -> None:
        """Credit rewards."""
        self.contract.settle_rewards(self._environment, through, pulls)

    def finish(self, entries: Sequence[CostEntry]) -> None:
        """Reveal, settle costs in chunks, close; everybody opens its count commitments and withdraws."""
        plan, contract, size = self._plan, self.contract, self._plan.scenario.chain.costs_every
        contract.reveal(self._environment, plan.secret, plan.roles, plan.model)
        for at in range(0, len(entries), size):
            contract.settle_costs(self._environment, entries[at : at + size])
        contract.close(self._relayer)
        for participant, salt_key in zip(self._participants, plan.salt_keys, strict=True):
            contract.reveal_counts(participant, salt_key)
            contract.withdraw(participant)
        contract.withdraw(self._environment)
