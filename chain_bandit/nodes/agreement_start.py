"""Start of a node of an agreement on tokens. Its contract comes after its nodes: epoch 0 begins with it."""

from contextlib import ExitStack
from pathlib import Path

from chain_bandit.actors.epochs.participant import EpochParticipant
from chain_bandit.actors.epochs.validator import EpochValidator
from chain_bandit.actors.messages import RELAYER
from chain_bandit.chain.errors import ForeignChain
from chain_bandit.chain.http_node import BURIED
from chain_bandit.chain.identity import chain_of, require_chain
from chain_bandit.chain.node import account
from chain_bandit.chain.tokens import Tokens
from chain_bandit.network.links import Links
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.ended import StarterGone
from chain_bandit.nodes.epochs import (
    EpochFollower,
    EpochParticipantRole,
    EpochRelayerRole,
    EpochValidatorRole,
    OwnOf,
)
from chain_bandit.nodes.head import Reorganised
from chain_bandit.nodes.node import UNHURRIED
from chain_bandit.nodes.node_start import NodeStart
from chain_bandit.nodes.processes import state_of
from chain_bandit.nodes.role import NodeRole
from chain_bandit.nodes.round_rules import AgreementRounds
from chain_bandit.nodes.sign_once import OnceSigner, SignedJournal
from chain_bandit.protocol.agreement import ledger
from chain_bandit.protocol.agreement.ledger import AgreementLedger
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.messages import Domain
from chain_bandit.stopwatch import Stopwatch

WAITS = "waits for its contract"
"""Log line of a node that waits for its contract's deployment."""


class AgreementStart(NodeStart):
    """A node of an agreement on tokens."""

    game: files.AgreementFile
    contract: Tokens
    follower: EpochFollower

    def _read_game(self, path: Path) -> None:
        self.game = files.read_agreement(path)
        try:
            self.terms, address = self.game.terms, bytes.fromhex(self.game.contract[2:])
            self.terms.check()
        except (AssumptionBroken, ValueError) as error:
            raise files.PlaceRefused(path, str(error)) from error
        digest = "0x" + self.terms.digest(self.game.accounts).hex()
        if (len(address), len(self.game.accounts), self.game.game) != (20, self.terms.places, digest):
            raise files.PlaceRefused(path, "has a digest that is not that of its terms and accounts")
        self.domain = Domain(self.game.chain_id, address, bytes.fromhex(digest[2:]))

    def _attach(self, path: Path) -> None:
        require_chain((self.game.chain_id, self.game.genesis_hash), chain_of(self.node.rpc.ask))
        self.contract = Tokens.expected(self.node.line, self.domain.contract, Stopwatch(), self.node.delivery)
        self.follower = EpochFollower(
            self.contract, self.game.first_block, self.game.confirmations, lambda: self.watch.look()
        )
        self._own = self._own_tokens()

    def _await_opening(self, links: Links) -> bool:
        waited = False
        while not self._is_buried():
            if state_of(self._place.parent).pid is None and not self.contract.is_there():
                raise StarterGone(self.game.contract)
            if not waited:
                self._say(WAITS)
            waited = True
            self.clock.sleep(UNHURRIED)
        found = self.contract.agreement()
        if found != self.domain.game:
            raise ForeignChain("agreement", self.game.game, "0x" + found.hex())
        return waited

    def _is_buried(self) -> bool:
        """Whether the contract is under so many blocks that no reorganisation takes it, or no block comes any more."""
        height = self.node.height()
        stands_still = self._stands_still(height)
        return self.contract.is_there() and (stands_still or self.contract.is_there(hex(max(0, height - BURIED))))

    def _seated(
        self, journal: SignedJournal | None, stack: ExitStack
    ) -> tuple[AgreementRounds, AgreementLedger, NodeRole]:
        first = ledger.opening(self.terms, self.game.accounts)
        rounds = AgreementRounds(self.terms, first, self.game.epochs, self.game.accounts, self.domain.separator())
        return rounds, first, self._role(rounds, journal)

    def _outlast(self) -> None:
        """Only the relayer can bring records back."""
        if self.key.address != RELAYER:
            return
        self._bury_end()
        if self.contract.next_epoch() < self.game.epochs:
            raise Reorganised("the record of the last epoch, which was there, is not")

    def _own_tokens(self) -> OwnOf | None:
        """Of a participant; made before the first epoch begins, for it takes a while."""
        if not 0 <= self.key.address < self.terms.participants:
            return None
        from chain_bandit.nodes.own_tokens import OwnTokens  # late: it loads numpy, and the others have none

        world = files.read_world(self._place / files.WORLD)
        return OwnTokens(self.terms, self.game.epochs, world.means, world.seed, self.key.address).of

    def _role(self, rounds: AgreementRounds, journal: SignedJournal | None) -> NodeRole:
        wallet = account(self._signer.secret)
        if self.key.address == RELAYER:
            return EpochRelayerRole(rounds, self.contract, wallet, self.node, self.follower, self.verifier)
        seat = self.key.address
        if journal is None or not 0 <= seat < self.terms.places:
            raise files.PlaceRefused(self._place / files.KEY, "is no key of a seat")
        signer = OnceSigner(self._signer.source, journal)
        if self._own is None:
            return EpochValidatorRole(EpochValidator(seat, signer, self.verifier), rounds, journal)
        return EpochParticipantRole(EpochParticipant(seat, signer), rounds, journal, self._own)
