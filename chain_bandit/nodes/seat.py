"""A participant and validator as a node: its seat, its receipts on disk, its own calls to the contract."""

from chain_bandit.actors.messages import ENVIRONMENT, RELAYER, CertifiedBlock, PullRequest, Receipt
from chain_bandit.actors.seat import Seat
from chain_bandit.attacks.malicious import MaliciousSeat
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.node import Wallet
from chain_bandit.consensus.broadcast import Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.network.wire import NodeMessage, Owed
from chain_bandit.nodes import role
from chain_bandit.nodes.crash import at
from chain_bandit.nodes.follower import Follower, Recorded
from chain_bandit.nodes.prover import Prover
from chain_bandit.nodes.receipts import KeptReceipts
from chain_bandit.nodes.role import Post, ToldProofs, posts
from chain_bandit.nodes.sign_once import SignedJournal
from chain_bandit.protocol.blocks import Body, Kind, seats
from chain_bandit.protocol.ledger import Ledger, pulled_arm
from chain_bandit.protocol.messages import Phase, Role, statement_content
from chain_bandit.protocol.tallies import may_name

AHEAD = 256
"""Receipts of later rounds that are held: what one answer of the environment brings."""


class SeatRole(role.NodeRole):
    """`Role` of a seat.

    Args:
        journal: None for a seat under an attack, which signs what it likes.

    Attributes:
        withdrawn: wei that this process withdrew; None before.
    """

    speaks = True
    withdrawn: int | None = None

    def __init__(
        self,
        seat: Seat,
        receipts: KeptReceipts,
        journal: SignedJournal | None,
        contract: Coordinator,
        wallet: Wallet,
        follower: Follower,
        prover: Prover,
        malicious: frozenset[int] = frozenset(),
    ) -> None:
        self.address, self._seat, self._rules = seat.number, seat, seat.rules
        self._kept, self._journal = receipts, journal
        self._contract, self._wallet, self._follower = contract, wallet, follower
        others = frozenset(seat.rules.everybody) - {seat.number}
        self.rushing = others - malicious if malicious else frozenset[int]()
        self._prover, self._answered = prover, (0, 0)
        self._proofs = ToldProofs()
        self._heads: dict[int, bytes] = {}
        """Which head each round's receipts are signed upon, of a game with proofs of false reports."""
        self._ahead: dict[int, Receipt] = {}
        self._revealed = False

    def begin(self, ledger: Ledger) -> None:
        """Open the next round; the environment's earlier messages on it are taken in."""
        self._ledger = ledger
        if self._rules.parameters.provable:
            self._heads[ledger.round] = ledger.head
        self._rewarded, self._nothing_comes, self._has_looked = False, False, False
        self._certified: list[Post] = []
        self._tells = False
        self._proofs.begin(ledger.round)
        self._pulls: list[Post] = []
        self._due = ledger.round < self._rules.parameters.burn_in
        self._unasked = ledger.round <= self._rules.parameters.burn_in
        self._seat.begin(ledger)
        early = self._kept.get(self.address, ledger.round) or self._ahead.pop(ledger.round, None)
        if early is not None:
            self._receive(early)

    def tick(self, step: int) -> list[Post]:
        """The seat's messages; with the last ones go its proofs of equivocation."""
        said = posts(self._seat.on_tick(step))
        if self._seat.probing:
            last = step == self._rules.schedule.probe_steps - 1
        else:
            last = self._seat.validator.done or step == self._rules.schedule.steps - 1
        if not last:
            return said
        self._certified, self._tells = said, True
        return said + self._untold()

    def settled(self) -> bool:
        """See `Validator.is_settled`."""
        return not self._seat.probing and self._seat.validator.is_settled

    def ready(self) -> bool:
        """See `Validator.is_ready`."""
        return not self._seat.probing and self._seat.validator.is_ready

    def is_done(self) -> bool:
        """Its certificate is on its way."""
        return not self._seat.probing and self._seat.validator.done

    def take(self, sender: int, round_: int, message: NodeMessage) -> list[Post]:
        """Receipts and declarations that there are none; else whatever belongs to the open round."""
        match message:
            case Receipt() if sender == ENVIRONMENT:
                if message.round == self._ledger.round:
                    self._receive(message)
                elif message.round > self._ledger.round and len(self._ahead) < AHEAD:
                    self._ahead[message.round] = message
            case Owed() if sender == ENVIRONMENT:
                self._nothing_comes |= message.since == self._ledger.round
            case Receipt() | Owed() | PullRequest() | CertifiedBlock():
                pass  # a block counts once the chain has it
            case Frame() | Vote() if round_ == self._ledger.round - 1:
                self._seat.validator.on_late(message)
                return self._untold()
            case _ if round_ == self._ledger.round:
                said = posts(self._seat.on_message(sender, message))  # type: ignore[arg-type]
                return said + self._untold() if self._tells else said
        return []

    def body(self) -> bytes:
        """What this seat has computed."""
        return self._seat.validator.block[2] if self._seat.validator.block is not None else b""

    def insist(self) -> list[Post]:
        """Certificates and proofs: environment and relayer may have been away."""
        return self._certified + self._proofs.again()

    def act(self, heard: bool, late: bool) -> bool:
        """Look for what settlements prove, once its votes are out: the relayer does before it records the round."""
        if heard and not self._has_looked and self._journal is not None:
            self._has_looked = True
            self._prover.unproven()
        return False

    def recorded(self, found: Recorded) -> list[Post]:
        """Hold the record against the journal; pull on its block."""
        at("record seen")
        self._require_journal(found)
        parameters, ledger = self._rules.parameters, self._ledger
        self._due = pulled_arm(parameters, ledger, found.record) is not None
        self._unasked |= found.record.kind is Kind.EXPLORATION
        self._tells = True
        told = self._untold()
        if found.block is None:
            return told
        # a seat that is behind would fall back further if it waited in each round for a receipt without a reward
        if not self._is_paid(found) and may_name(parameters, ledger.round + 1, 0, self._seat.participant.received):
            return told
        said = posts(self._seat.on_message(RELAYER, found.block))
        self._pulls = [each for each in said if isinstance(each[1], PullRequest)]
        return said + told

    def _is_paid(self, found: Recorded) -> bool:
        """Whether a pull in the round may bring a reward."""
        return found.record.header is None or self.address in self._rules.rewarded(self._ledger, found.record.header)

    def waits(self) -> bool:
        """Whether it waits for the receipt, which a seat that does not pull never gets."""
        return self._due and (self._unasked or bool(self._pulls)) and not (self._rewarded or self._nothing_comes)

    def ask(self) -> list[Post]:
        """The same pull, or the question what the round brought."""
        at("pulled")
        return self._pulls or [(ENVIRONMENT, Owed(self._ledger.round))]

    def close(self, found: Recorded | None) -> None:
        """Nothing is left of the round, and nothing more is signed in it."""
        at("round closed")
        if self._journal is not None:
            self._journal.forget(self._ledger.round)
            if found is not None:
                self._prover.on_record(self._ledger, found)
                self._watch()

    def finish(self) -> bool:
        """Reveal the sealing key once all is recorded; withdraw once the accounts are final."""
        self._follower.rest()
        if self._rules.parameters.sealed and not self._revealed and not self._follower.closed:
            seal_key = self._seat.revealed()
            if seal_key is not None:
                done = ("SealAlreadyRevealed", "AlreadyClosed", "WindowPassed")
                self.once(self._contract, lambda: self._contract.reveal_seal(self._wallet, seal_key), *done)
                at("unsealed")
            self._revealed = True
        if not self._follower.closed:
            if self._journal is not None:
                self._watch()
            self._close()
            return False
        if owed := self._contract.owed(bytes.fromhex(self._wallet.address[2:])):
            self.withdrawn = owed
            self.once(self._contract, lambda: self._contract.withdraw(self._wallet), "NothingOwed")
        at("withdrawn")
        return True

    def _close(self) -> None:
        """Close the game once its window for settlement has passed: whose stakes are in it waits for no environment.

        The seats do so in turn, a block after the other.
        """
        parameters = self._rules.parameters
        if self._contract.blocks_left(parameters, parameters.settlement_window + 1 + self.address) < 0:
            self.once(self._contract, lambda: self._contract.close(self._wallet), "AlreadyClosed", "Unfinished")

    def sync(self) -> None:
        """Journal and receipts."""
        if self._journal is not None:
            self._journal.sync()
        self._kept.sync()

    def _receive(self, receipt: Receipt) -> None:
        before = self._seat.participant.received
        self._seat.on_message(ENVIRONMENT, receipt)
        if self._seat.participant.received != before:
            self._kept.add(self.address, receipt)
            self._rewarded = True

    def _watch(self) -> None:
        """Prove what nobody proves, and answer what is proven against this seat."""
        self._prover.prove(self._wallet)
        proofs = self._follower.proofs[self.address]
        if not proofs or self.address in self._follower.acquitted:
            return
        rests = proofs, self._contract.proven_by(self.address)
        if rests != self._answered:
            self._answered = rests
            self._acquit(rests[1])

    def _acquit(self, named: int) -> None:
        """Show the receipt that a proof rests on: the environment may have signed another tally than the proof's.

        Another proof may have come before it, which rests on another round: it is one proof more, and the next look
        shows that one's receipt.
        """
        receipt, parent = self._kept.get(self.address, named), self._heads.get(named)
        if receipt is None or parent is None:
            return
        shown = (
            self.address, parent, receipt.arm, receipt.count, receipt.reward, receipt.tally, receipt.signature[:32],
            receipt.signature[32:],
        )  # fmt: skip
        self.once(
            self._contract, lambda: self._contract.acquit(self._wallet, shown), "NothingProven", "AlreadyClosed",
            "InvalidSignature",
        )
        at("acquitted")

    def _untold(self) -> list[Post]:
        """Every proof that was not told yet, of the last round and, from the last step on, of this one.

        Of a seat under an attack nobody asks any.
        """
        if isinstance(self._seat, MaliciousSeat):
            return []
        held = self._seat.equivocations() if self._tells else []
        return self._proofs.new(held + self._seat.validator.late_equivocations())

    def _require_journal(self, found: Recorded) -> None:
        """All of ours that the chain shows. Raises `JournalRolledBack`."""
        if self._journal is None:
            return
        ledger, slot, parameters = self._ledger, self._rules.slot(self._ledger), self._rules.parameters
        if found.certificate is not None and found.certificate.signers >> self.address & 1:
            digest = slot.digest(Phase.BLOCK, Role.SIGNER, 0, found.certificate.content)
            self._journal.require((ledger.round, int(Phase.BLOCK), int(Role.SIGNER), 0), digest)
        header = found.record.header
        if header is not None and found.block is not None and header.reporters >> self.address & 1:
            members = seats(header.reporters)
            report = Body.decode(found.block.body, len(members), parameters).reports[members.index(self.address)]
            content = statement_content(Phase.REPORT, report.content)
            digest = slot.digest(Phase.REPORT, Role.COMMANDER, self.address, content)
            self._journal.require((ledger.round, int(Phase.REPORT), int(Role.COMMANDER), self.address), digest)
