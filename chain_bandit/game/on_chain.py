"""A game's records in the contract, on a chain whose blocks the game's own driver may mine."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_bandit.chain.call import Call
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import ForeignChain, NodeUnreachable
from chain_bandit.chain.http_node import BURIED, HttpNode
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import DevelopmentNode, account
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.game.errors import PlacesDiffer, RecordMismatch
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import ExpectedRecord
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.settlement import CostEntry
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.tallies import FalseReport
from chain_bandit.protocol.transaction import gas_of_blocks
from chain_bandit.stopwatch import Stopwatch

if TYPE_CHECKING:
    from chain_bandit.chain.embedded import EmbeddedNode

GAS_MONEY = 10**20
"""Wei for gas that every account of an embedded chain starts with."""


def opening_balances(plan: Plan) -> dict[bytes, int]:
    """Wei that everybody needs on a development chain."""
    balances = {address: deposit + GAS_MONEY for address, deposit in plan.deposits.items()}
    balances[plan.environment.address] = plan.pool + GAS_MONEY
    balances[plan.relayer.address] = GAS_MONEY
    return balances


def embedded_node(plan: Plan) -> "EmbeddedNode":
    """A fresh chain in this process, on which everybody holds what the game needs."""
    from chain_bandit.chain.embedded import EmbeddedNode  # an EVM, which no other chain asks for

    return EmbeddedNode(opening_balances(plan))


@dataclass(slots=True)
class _Submitted:
    """A call that records rounds from `first` on, and what it should come to once the game has said so."""

    first: int
    call: Call | None = None
    expected: ExpectedRecord | None = None


class OnChain:
    """`Recorder` over the contract: deploys it, submits to it, settles and empties it.

    Records are under way while the game goes on. They are held against the rules as they come in, and all of them,
    with the contract's own head, before a deadline is waited for and before the game is settled.
    """

    def __init__(
        self,
        node: DevelopmentNode,
        stopwatch: Stopwatch,
        delivery: TransactionPolicy | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.node, self._stopwatch = node, stopwatch
        self._delivery, self._journal = node.delivery if delivery is None else delivery, journal
        self._submitted: deque[_Submitted] = deque()
        self._last: ExpectedRecord | None = None

    def open(self, plan: Plan) -> Domain:
        """Deploy, let everybody join, open."""
        self._plan = plan
        self._environment, self._relayer = account(plan.environment.secret), account(plan.relayer.secret)
        self._participants = [account(signer.secret) for signer in plan.participants]
        self.contract = Coordinator.deploy(
            self.node.line, self._environment, plan.parameters, plan.salt_commitment, plan.secret_commitment,
            plan.pool, self._stopwatch, self._delivery, self._journal,
        )  # fmt: skip
        if self.contract.chain_id != self.node.chain_id:
            raise ForeignChain("chain id", self.node.chain_id, self.contract.chain_id)
        if isinstance(self.node, HttpNode):
            with self._stopwatch("evm"):
                self.contract.bury_creation(self.node, plan.parameters.opening_deadline // 4)
        joins = list[Call]()
        for participant, seated in zip(self._participants, plan.seated, strict=True):
            joins.append(self.contract.join(participant, seated))
            if self._delivery.confirmations > 1:
                self.contract.settle()  # before the next one: a reorganisation may bring both back in another order
        self._require_places(joins)
        self.contract.open(self._environment, plan.salt)
        self.contract.settle()
        return Domain(self.node.chain_id, self.contract.address, plan.game)

    def _require_places(self, joins: Sequence[Call]) -> None:
        """Wait until no reorganisation moves the seats any more, and hold them against the plan.

        Raises `PlacesDiffer`, once stakes and pool are returned, or before any can be.
        """
        node = self.node
        if not isinstance(node, HttpNode):
            return
        self.contract.settle()
        deadline = (self.contract.created_in or 0) + self._plan.parameters.opening_deadline
        with self._stopwatch("evm"):
            left = max(0, deadline - node.height()) // 2  # of which the wait takes no more than half
            node.bury(max(block for join in joins for block in join.blocks), min(BURIED, left))
        self.contract.settle()
        held = list(zip(self._places(), self._plan.addresses, strict=True))
        moved = {seat: ("0x" + there.hex(), "0x" + own.hex()) for seat, (there, own) in enumerate(held) if there != own}
        if moved:
            raise PlacesDiffer(moved, deadline, self._refund(node, deadline))

    def _places(self) -> list[bytes]:
        """The account in each place, all by the state after one block, whichever nodes of a provider answer."""
        rules = self._delivery
        patience = RetryBudget(rules.patience, rules.is_over, rules.clock)
        while True:
            why = NodeUnreachable("it lacks a seat that was taken: it is behind")
            try:
                head = self.contract.rpc.latest()
                held = [self.contract.holder(seat, head) for seat in range(len(self._plan.addresses))]
                if None not in held:
                    return [each for each in held if each is not None]
            except NodeUnreachable as error:  # the block was replaced, or another node has none of it
                why = error
            patience.wait(why)

    def _refund(self, node: HttpNode, deadline: int) -> bool:
        """Withdraw stakes and pool of a game that no block can open any more; False while one can."""
        with self._stopwatch("evm"):
            node.hurry(max(0, deadline + 1 - node.height()))
        if node.height() <= deadline:
            return False
        for each in (*self._participants, self._environment):
            if self.contract.owed(bytes.fromhex(each.address[2:])):
                self.contract.withdraw(each)
        self.contract.settle()
        return True

    def submit(self, blocks: Sequence[Submitted]) -> None:
        """Record certified blocks in a row."""
        record = self._next()
        parameters = self._plan.parameters
        parts = [block.encode(parameters) for block in blocks]
        signatures = sum(block.signers.bit_count() for block in blocks)
        gas = gas_of_blocks(sum(map(len, parts)), len(parts), parameters.participants, signatures)
        record.call = self.contract.submit_blocks(self._relayer, parts, self._recorded(), gas)

    def skip(self, committee: int, certificate: Certificate) -> None:
        """Record a quorum's "no block"."""
        record = self._next()
        record.call = self.contract.skip(
            self._relayer, committee, certificate.signers, certificate.signatures, self._recorded()
        )

    def report(self, proof: Equivocation) -> None:
        """Hand in a proof of equivocation."""
        self.contract.report_equivocation(self._relayer, proof.instance, proof.calldata())

    def prove(self, proof: FalseReport) -> None:
        """Hand in a proof of a false report."""
        self.contract.report_false(self._relayer, proof.seat, proof.slot.round, proof.calldata())

    def accusations(self, through: int) -> Mapping[int, int]:
        """Evidence that the contract has accepted from any account, once the records are there that show all of it."""
        shown = through - self._plan.parameters.evidence_delay - 1
        self.contract.wait_until(lambda: self._is_checked(shown))
        return {seat: since for seat, since in self.contract.accusations().items() if since <= through}

    def liars(self) -> int:
        """The contract's list: it never changes for a seat that is on the block list."""
        return self.contract.liars()

    def skip_after_deadline(self, committee: int) -> None:
        """Let the deadline pass, then record the skip."""
        self._confirm()
        parameters, open_round = self._plan.parameters, self._open_round
        if self.contract.next_round() <= open_round:  # else a run that is resumed has done it; a node may lag
            blocks = parameters.skip_deadline
            if open_round == parameters.burn_in:
                blocks += parameters.burn_in_blocks
            with self._stopwatch("evm"):
                self.node.mine(blocks)
        record = self._next()
        record.call = self.contract.skip_after_deadline(self._relayer, committee, self._recorded())

    def expect(self, made: ExpectedRecord) -> None:
        """Remember what the rules give, and check what has come in."""
        self._submitted[-1].expected = self._last = made
        self._check()

    def settle_rewards(self, through: int, pulls: bytes) -> None:
        """Credit rewards."""
        self.contract.settle_rewards(self._environment, through, pulls, self._plan.parameters.has_phases)

    def show(self, sums: bytes, keys: Sequence[bytes | None]) -> None:
        """Pay the sums of a sealed game, let everybody reveal its key, and reveal."""
        plan, contract = self._plan, self.contract
        self._confirm()
        self._keeps_key = None in keys
        if plan.parameters.sealed:
            contract.settle_sums(self._environment, sums)
            for participant, seal_key in zip(self._participants, keys, strict=True):
                if seal_key is not None:
                    contract.reveal_seal(participant, seal_key)
        contract.reveal(self._environment, plan.secret, plan.roles, plan.model)

    def finish(self, entries: Sequence[CostEntry]) -> None:
        """Settle costs in chunks, close, once nobody can reveal a key any more; everybody withdraws."""
        plan, contract, size = self._plan, self.contract, self._plan.scenario.costs_every
        self._wait(plan.parameters.settlement_window // 2, bool(plan.parameters.slash))
        for at in range(0, len(entries), size):
            contract.settle_costs(self._environment, entries[at : at + size])
        self._wait(plan.parameters.settlement_window, self._keeps_key or bool(plan.parameters.slash))
        contract.close(self._relayer)
        contract.settle()
        paid = [contract.withdraw(each) for each in (*self._participants, self._environment)]
        contract.settle()
        if isinstance(self.node, HttpNode):  # this process alone sends again what falls out
            with self._stopwatch("evm"):
                last = max((block for call in paid for block in call.blocks), default=0)
                self.node.bury(last, max(BURIED, self._delivery.confirmations - 1))
            contract.settle()

    def _wait(self, blocks: int, is_needed: bool) -> None:
        """Let the settlement window come so far, unless it has: a run that is resumed may have waited before."""
        if not is_needed:
            return
        self.contract.settle()
        left = self.contract.blocks_left(self._plan.parameters, blocks)
        if left > 0:
            with self._stopwatch("evm"):
                self.node.mine(left)

    @property
    def _open_round(self) -> int:
        """The round that the next record ends, by the rules."""
        return self._last[0] + 1 if self._last else self._plan.parameters.burn_in

    def _next(self) -> _Submitted:
        record = _Submitted(self._open_round)
        self._submitted.append(record)
        return record

    def _recorded(self) -> Callable[[str], int]:
        """How many of the next records the contract has from somebody else; that they are ours, its head says later."""
        return self.contract.recorded_since(self._open_round)

    def _is_checked(self, round_: int) -> bool:
        """Whether all that was submitted of rounds up to this one is in blocks, and was held against the rules."""
        self._check()
        return not self._submitted or self._submitted[0].first > round_

    def _check(self) -> None:
        """Hold the records that came in against the rules. Raises `RecordMismatch`."""
        while self._submitted:
            record = self._submitted[0]
            assert record.call is not None
            assert record.expected is not None
            made = self.contract.records(record.call)
            if made is None and not record.call.outdone:
                return
            if made is not None and made != [record.expected]:
                raise RecordMismatch(record.expected[0], record.expected, made)
            self._submitted.popleft()

    def _confirm(self) -> None:
        """Wait for everything under way; the contract's head must then be that of the rules, from any relayer."""
        self.contract.settle()
        self._check()
        if not self._last:
            return
        round_, _, head = self._last
        recorded = self.contract.next_round() - 1
        if recorded == round_ and self.contract.head() != head:
            raise RecordMismatch(round_, head, self.contract.head())
