"""The environment: owns the reward distributions, the roles and the cost; answers pulls with receipts (Algorithm 5)."""

from collections.abc import Sequence

from chain_bandit.actors.messages import CertifiedBlock, Message, PullRequest, Receipt, Send
from chain_bandit.actors.rules import Rules
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.blocks import Header, approves, seats
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.messages import Phase, Role, pull_content, receipt_content, tally
from chain_bandit.protocol.rewards import Draws, RewardModel, hidden_cost
from chain_bandit.protocol.sealing import receipt_tags
from chain_bandit.protocol.settlement import NOTHING, Conduct, Cost, Pull, case_2, cost_of_round, encode_pulls
from chain_bandit.protocol.units import Counts, Means, added, sample_means


class Environment:
    """Hands out receipts: unasked in burn-in and exploration rounds, on a certificate in learning rounds.

    Attributes:
        sums: settled rewards of each seat so far, in units.
    """

    def __init__(
        self,
        rules: Rules,
        model: RewardModel,
        roles: Sequence[Conduct],
        secret: bytes,
        signer: Signer,
        verifier: Verifier,
    ) -> None:
        self.rules, self.model, self.roles, self.secret = rules, model, tuple(roles), secret
        self._signer, self._verifier = signer, verifier
        self._draws = Draws(model, secret, rules.seed_0)
        nothing = (0,) * rules.parameters.arms
        self._counts: list[Counts] = [nothing for _ in rules.everybody]
        self._totals: list[Counts] = [nothing for _ in rules.everybody]
        self.sums = [0] * len(rules.everybody)

    @property
    def cost(self) -> int:
        """c in units."""
        return hidden_cost(self.secret, self.rules.seed_0)

    @property
    def liars(self) -> frozenset[int]:
        """The seats labelled A1 or A3."""
        return frozenset(seat for seat, role in enumerate(self.roles) if role & Conduct.LIAR)

    def begin(self, ledger: Ledger) -> None:
        """Open the next round."""
        self._ledger = ledger
        self._approved: Header | None = None
        self._receipts: dict[int, Receipt] = {}
        self._truth: list[Means] = [
            sample_means(totals, counts) for totals, counts in zip(self._totals, self._counts, strict=True)
        ]

    def give(self, arm: int) -> list[Send]:
        """Receipts for everybody in a round that needs no certificate: burn-in and exploration."""
        return [Send((seat,), self._receipt(seat, arm)) for seat in self.rules.everybody]

    def on_tick(self, step: int) -> list[Send]:
        """Nothing of its own accord."""
        return []

    def on_message(self, sender: int, message: Message) -> list[Send]:
        """A certificate opens the round for pulls and goes to all; a pull on it is answered, twice alike."""
        match message:
            case CertifiedBlock() if self._approved is None and self._ledger.round > self.rules.parameters.burn_in:
                header = self.rules.certified_header(self._ledger, message, self._verifier)
                if header is not None and approves(header.means):
                    self._approved = header
                    return [Send(self.rules.everybody, message)]
            case PullRequest() if self._approved is not None and sender in self.rules.reporters(self._ledger):
                return self._on_pull(sender, message)
        return []

    def pulls(self) -> tuple[Pull, ...]:
        """What the round's settlement says of every seat."""
        given = self._receipts
        return tuple(
            Pull(given[seat].arm, given[seat].reward) if seat in given else NOTHING for seat in self.rules.everybody
        )

    def settlement(self, pulls: Sequence[Pull]) -> bytes:
        """What the contract is told of an approved round, once: the pulls, or in a sealed game their tags."""
        self.sums = [total + pull.reward for total, pull in zip(self.sums, pulls, strict=True)]
        if not self.rules.parameters.sealed:
            return encode_pulls(pulls)
        return receipt_tags(self.secret, self.rules.seed_0, self._ledger.round, pulls)

    def charge(self, header: Header, reported: dict[int, Means]) -> int | None:
        """What the block's round costs, in units, where some B_i holds a labelled liar that lied: case 2; else None."""
        selected = [frozenset(seats(row)) for row in header.selected]
        if not case_2(selected, self.liars, reported, dict(enumerate(self._truth))):
            return None
        choice, mean = Cost(self.rules.parameters.cost), self.model.means[header.arm]
        return cost_of_round(choice, self.cost, header.means[header.arm], mean)

    def _on_pull(self, seat: int, request: PullRequest) -> list[Send]:
        if seat in self._receipts:
            return [Send((seat,), self._receipts[seat])]
        if not 0 <= request.arm < self.rules.parameters.arms:
            return []
        slot = self.rules.slot(self._ledger)
        digest = slot.digest(Phase.REWARD, Role.PULLER, seat, pull_content(request.arm))
        if not self._verifier.is_signed_by(self.rules.addresses[seat], digest, request.signature):
            return []
        return [Send((seat,), self._receipt(seat, request.arm))]

    def _receipt(self, seat: int, arm: int) -> Receipt:
        ledger = self._ledger
        reward = self._draws.reward(ledger.round, seat, arm, ledger.failed)
        self._counts[seat] = added(self._counts[seat], arm, 1)
        self._totals[seat] = added(self._totals[seat], arm, reward)
        tallied = tally(self._counts[seat], self._totals[seat])
        digest = self.rules.slot(ledger).digest(
            Phase.REWARD, Role.ENVIRONMENT, seat, receipt_content(arm, reward, tallied)
        )
        receipt = Receipt(ledger.round, arm, reward, tallied, self._signer.sign(digest))
        self._receipts[seat] = receipt
        return receipt
