"""An agreement's contract as Python calls."""

from collections.abc import Sequence
from dataclasses import astuple

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.artifacts import tokens_artifact
from chain_bandit.chain.call import Call, Events, Order
from chain_bandit.chain.contract import Contract
from chain_bandit.chain.errors import ForeignContract
from chain_bandit.chain.modules import is_shown
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.rpc import StateAt, as_decoded
from chain_bandit.chain.transaction_policy import AT_ONCE, TransactionPolicy
from chain_bandit.chain.wire import Line
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.transaction import FIRST_CREDITS
from chain_bandit.stopwatch import Stopwatch

GAS_DEPLOYMENT, GAS_OF_A_SEAT = 3_000_000, 20_000


class Tokens(Contract):
    """One deployed agreement; see `Contract`."""

    @staticmethod
    def deploy(
        line: Line, sender: Wallet, terms: AgreementTerms, accounts: Sequence[bytes], stopwatch: Stopwatch,
        delivery: TransactionPolicy = AT_ONCE,
    ) -> "Tokens":  # fmt: skip
        """Put a new agreement among these accounts (20 bytes each, by seat) on the chain, and wait for it.

        Raises `ForeignContract` where the chain made other code of it.
        """
        artifact = tokens_artifact()
        made = Tokens(line, b"", artifact, stopwatch, delivery)
        seats = [checksummed(account) for account in accounts]
        gas = GAS_DEPLOYMENT + GAS_OF_A_SEAT * len(seats)
        made._create(sender, 0, gas, artifact.constructor(astuple(terms), seats))
        made.wait_until(lambda: is_shown(made._require_shipped))
        return made

    @staticmethod
    def at(line: Line, address: bytes, stopwatch: Stopwatch, delivery: TransactionPolicy = AT_ONCE) -> "Tokens":
        """The agreement at an address. Raises `ForeignContract` where the code there is not this version's."""
        made = Tokens.expected(line, address, stopwatch, delivery)
        made._require_shipped()
        return made

    @staticmethod
    def expected(line: Line, address: bytes, stopwatch: Stopwatch, delivery: TransactionPolicy = AT_ONCE) -> "Tokens":
        """The agreement that somebody is about to put at an address; see `is_there`."""
        made = Tokens(line, address, tokens_artifact(), stopwatch, delivery)
        made._bind()
        return made

    def is_there(self, block: str = "latest") -> bool:
        """Whether a block has the contract, or one before it. Raises `ForeignContract` for other code in its place."""
        return is_shown(lambda: self._require_shipped(block))

    def agree(self, sender: Wallet, epoch: int, body: bytes, signers: int, signatures: bytes) -> Call:
        """End an epoch by a quorum's word, unless somebody else has ended it."""
        return self._submit(
            sender, "agree", body, signers, signatures, order=Order.ALONE, seats=FIRST_CREDITS,
            done=lambda block: self._is_past(epoch, block), read=self._agreed,
        )  # fmt: skip

    def keep_after_deadline(self, sender: Wallet, epoch: int) -> Call:
        """End an epoch with the last token, unless somebody else has ended it."""
        return self._submit(
            sender, "keepAfterDeadline", order=Order.ALONE, done=lambda block: self._is_past(epoch, block),
            read=self._agreed,
        )  # fmt: skip

    def report_equivocation(self, sender: Wallet, seat: int, proof: tuple[object, ...]) -> Call:
        """Have a seat left out from the next epoch on, unless somebody else has done that."""
        return self._submit(
            sender, "reportEquivocation", proof, order=Order.ALONE,
            done=lambda block: bool(self._view("blockedFrom", seat, block=block)),
        )  # fmt: skip

    def terms(self) -> AgreementTerms:
        """What is fixed."""
        return AgreementTerms(*self._view("terms"))

    def agreement(self) -> bytes:
        """Identity of the agreement."""
        return bytes(self._view("agreement"))

    def token(self) -> int:
        """The token in use, in units."""
        return int(self._view("token"))

    def next_epoch(self, block: StateAt = "latest") -> int:
        """The open epoch."""
        return int(self._view("nextEpoch", block=block))

    def _require_shipped(self, block: str = "latest") -> None:
        code = self.rpc.code(self.address, block)
        if not tokens_artifact().deployed.is_same(code):
            raise ForeignContract(checksummed(self.address), len(code))

    def _agreed(self, events: Events) -> list[tuple[int, int]]:
        event = tokens_artifact().members("event")["TokenAgreed"]
        return [tuple(as_decoded(event.decode_inputs, data)[:2]) for topic, data in events if topic == event.topic]

    def _is_past(self, epoch: int, block: str) -> bool:
        return int(self._view("nextEpoch", block=block)) > epoch
