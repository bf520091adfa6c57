"""The environment: owns the reward distributions, the roles and the cost; answers pulls with receipts (Algorithm 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chain_bandit.actors.messages import CertifiedBlock, Message, PullRequest, Receipt, Send
from chain_bandit.actors.rewards import DrawnRewards, RewardGiver
from chain_bandit.actors.rules import Rules
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.blocks import Header, Report, approves, seats
from chain_bandit.protocol.estimation import is_false
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.messages import Phase, Role, pull_content, tally
from chain_bandit.protocol.rewards import Draws, RewardModel, Wanted, hidden_cost
from chain_bandit.protocol.rule import Own
from chain_bandit.protocol.sealing import receipt_tags
from chain_bandit.protocol.settlement import NOTHING, Conduct, Cost, Pull, case_2, cost_of_round, encode_pulls
from chain_bandit.protocol.tallies import STALE, tallies_slot
from chain_bandit.protocol.units import NO_PULL, Counts, added


class Environment:
    """Hands out receipts: unasked in burn-in and exploration rounds, on a certificate in learning rounds.

    Args:
        rewards: where they come from; by default they are drawn from the model.

    Attributes:
        sums: settled rewards of each seat so far, in units.
        forfeited: of each seat the pulls of each arm whose live rewards did not come in time.
    """

    def __init__(
        self,
        rules: Rules,
        model: RewardModel,
        roles: Sequence[Conduct],
        secret: bytes,
        signer: Signer,
        verifier: Verifier,
        rewards: RewardGiver | None = None,
    ) -> None:
        self.rules, self.model, self.roles, self.secret = rules, model, tuple(roles), secret
        self._signer, self._verifier = signer, verifier
        self._rewards = rewards or DrawnRewards(Draws(model, secret, rules.seed_0))
        nothing = (0,) * rules.parameters.arms
        self._counts: list[Counts] = [nothing for _ in rules.everybody]
        self._totals: list[Counts] = [nothing for _ in rules.everybody]
        self._given: list[list[Receipt]] = [[] for _ in rules.everybody]
        self._rounds: dict[int, _Round] = {}
        self._pending: dict[int, tuple[int, PullRequest]] = {}
        """By seat its pull whose reward was asked for and is not there yet: one at a time, receipts go in order."""
        self._observed: dict[tuple[int, int], Pull] = {}
        self._keeps_burn_in = bool(rules.parameters.provable or rules.parameters.paid_burn_in)
        self.sums = [0] * len(rules.everybody)
        self.forfeited: list[Counts] = [nothing for _ in rules.everybody]

    @property
    def cost(self) -> int:
        """c in units."""
        return hidden_cost(self.secret, self.rules.seed_0, self.rules.parameters.provable)

    @property
    def liars(self) -> frozenset[int]:
        """The seats labelled A1 or A3."""
        return frozenset(seat for seat, role in enumerate(self.roles) if role & Conduct.LIAR)

    def begin(self, ledger: Ledger) -> None:
        """Open the next round. Approved ones before it stay open to pulls until they are closed."""
        self._ledger = ledger
        self._rounds = {round_: past for round_, past in self._rounds.items() if past.is_open}
        self._rounds[ledger.round] = _Round(ledger)
        oldest = min(self._rounds)
        self._rewards.forget(oldest)
        if self.rules.parameters.provable:  # a report may rest on an older tally, see `charge`
            oldest -= oldest // STALE + 1 + self.rules.parameters.failure_limit
        for given in self._given:
            while len(given) > 1 and given[0].round < oldest:  # the last one tells how far a seat has come
                del given[0]

    def give(self, arm: int) -> list[Send]:
        """Receipts for everybody in a round that needs no certificate: burn-in and exploration."""
        self.ask_ahead(self.rules.everybody, arm)
        return [Send((seat,), self.give_to(seat, self._ledger.round, arm)) for seat in self.rules.everybody]

    def ask_ahead(self, seats: Sequence[int], arm: int) -> None:
        """Begin to ask for the rewards of some in the open round, which needs no certificate, at the same time."""
        self._rewards.ask(self._ledger, [Wanted(seat, arm) for seat in seats], must=True)

    def give_to(self, seat: int, round_: int, arm: int) -> Receipt:
        """The receipt of one; given again by another process it has the same bytes. Waits for a live reward."""
        past = self._rounds[round_]
        if arm != NO_PULL:
            self._rewards.ask(past.ledger, [Wanted(seat, arm, past.length)], must=True)
        return self._receipt(past, seat, arm)

    def leave_open(self, round_: int) -> None:
        """Somebody has yet to come for the receipt of a round that needs no certificate."""
        self._rounds[round_].is_open = True

    def last(self, seat: int) -> int:
        """The round of a seat's last receipt; 0 before it has any."""
        return self._given[seat][-1].round if self._given[seat] else 0

    def given(self, round_: int) -> Mapping[int, Receipt]:
        """The receipts of a round so far, by seat."""
        return self._rounds[round_].receipts

    def on_tick(self, step: int) -> list[Send]:
        """Nothing of its own accord."""
        return []

    def answered(self, wait: bool = False) -> list[Send]:
        """Receipts of pulls whose live rewards have come, or are forfeited by now.

        Args:
            wait: for all that were asked for.
        """
        said = []
        for seat, (round_, request) in list(self._pending.items()):
            past = self._rounds.get(round_)
            if past is None or wait or self._rewards.has(past.ledger, Wanted(seat, request.arm, past.length)):
                del self._pending[seat]
                said += self._pulled(seat, past, request.arm) if past is not None else []
        return said

    def is_asking(self, round_: int | None = None) -> bool:
        """Whether live rewards of a round, by default of any, were asked for and are not there yet."""
        return any(round_ in (None, pending) for pending, _ in self._pending.values())

    def expire(self, round_: int) -> None:
        """Live rewards of a round that are not there are forfeited, where they can be: see `answered`."""
        self._rewards.expire(round_)

    def on_message(self, sender: int, message: Message) -> list[Send]:
        """A certificate opens the round for pulls and goes to all; a pull on it is answered, twice alike."""
        now = self._rounds[self._ledger.round]
        match message:
            case CertifiedBlock() if now.approved is None and self._ledger.round > self.rules.parameters.burn_in:
                header = self.rules.certified_header(self._ledger, message, self._verifier)
                if header is not None and approves(header.means):
                    now.approved, now.is_open = header, True
                    return [Send(self.rules.everybody, message)]
            case PullRequest():
                return self.late_pull(sender, self._ledger.round, message)
        return []

    def late_pull(self, seat: int, round_: int, request: PullRequest) -> list[Send]:
        """The answer to a pull of a round that is not settled; none where it is, or later ones were pulled already."""
        past = self._rounds.get(round_)
        if past is None or past.approved is None or not past.is_open or seat not in self.rules.reporters(past.ledger):
            return []
        if seat in past.receipts:
            return [Send((seat,), past.receipts[seat])]
        if not 0 <= request.arm < self.rules.parameters.arms or round_ < self.last(seat) or seat in self._pending:
            return []
        slot = self.rules.slot(past.ledger)
        digest = slot.digest(Phase.REWARD, Role.PULLER, seat, pull_content(request.arm))
        if not self._verifier.is_signed_by(self.rules.addresses[seat], digest, request.signature):
            return []
        is_paid = self.rules.is_paid(past.approved, request.arm)
        if not is_paid or seat not in self.rules.rewarded(past.ledger, past.approved):
            return self._pulled(seat, past, NO_PULL)
        wanted = Wanted(seat, request.arm, past.length)
        self._rewards.ask(past.ledger, [wanted])
        if self._rewards.has(past.ledger, wanted):
            return self._pulled(seat, past, request.arm)
        self._pending[seat] = round_, request
        return []

    def _pulled(self, seat: int, past: "_Round", arm: int) -> list[Send]:
        return [Send((seat,), self._receipt(past, seat, arm))]

    def pulls(self, round_: int) -> tuple[Pull, ...]:
        """What the settlement of a round says of every seat."""
        given = self.given(round_)
        return tuple(
            Pull(given[seat].arm, given[seat].reward, given[seat].count) if seat in given else NOTHING
            for seat in self.rules.everybody
        )

    def observed(self, round_: int) -> tuple[Pull, ...]:
        """What everybody was given in a round up to L, of a game that pays it or has tallies."""
        return tuple(self._observed.get((round_, seat), NOTHING) for seat in self.rules.everybody)

    def sign_tallies(self, through: int, root: bytes) -> bytes:
        """The signature of the root of a settlement's tallies."""
        slot = tallies_slot(self.rules.separator, self.rules.genesis, through)
        return self._signer.state(slot, Phase.REWARD, Role.TALLIES, 0, root)

    def settlement(self, round_: int, pulls: Sequence[Pull]) -> bytes:
        """What the contract is told of an approved round, once: the pulls, or in a sealed game their tags."""
        self.sums = [total + pull.reward for total, pull in zip(self.sums, pulls, strict=True)]
        if not self.rules.parameters.sealed:
            return encode_pulls(pulls, self.rules.parameters.has_phases)
        return receipt_tags(self.secret, self.rules.seed_0, round_, pulls)

    def charge(self, round_: int, header: Header, reported: dict[int, Report]) -> int | None:
        """What the block's round costs, in units, where some B_i holds a labelled liar that lied: case 2; else None.

        A report that names a round is held against what its author was given up to the end of that one.
        """
        selected = [frozenset(seats(row)) for row in header.selected]
        p, liars = self.rules.parameters, self.liars & reported.keys()
        known = {seat: max(reported[seat].named, default=round_ - 1) + 1 for seat in liars}
        lied = {seat for seat in liars if is_false(p, self._own(seat, known[seat]), reported[seat].means)}
        if not case_2(selected, lied):
            return None
        choice, mean = Cost(self.rules.parameters.cost), self.model.means[header.arm]
        return cost_of_round(choice, self.cost, header.means[header.arm], mean) * header.length

    def close(self, round_: int) -> None:
        """Give nothing more in a round: it is settled."""
        self._rounds[round_].is_open = False

    def _own(self, seat: int, round_: int) -> Own:
        """What a seat's receipts before a round are, without its key."""
        counts, totals = list(self._counts[seat]), list(self._totals[seat])
        for receipt in reversed(self._given[seat]):
            if receipt.round < round_:
                break
            if receipt.arm != NO_PULL:
                counts[receipt.arm] -= receipt.count
                totals[receipt.arm] -= receipt.reward
        return Own.of(round_, totals, counts)

    def _receipt(self, past: "_Round", seat: int, arm: int) -> Receipt:
        """One that gives nothing (`NO_PULL`) says that the tally is what it was, so that a report may rest on it.

        A seat's receipts are given in the order of rounds: each is signed over the tally of all before it.
        """
        ledger, count = past.ledger, past.length
        assert self.last(seat) <= ledger.round
        given = None if arm == NO_PULL else self._rewards.reward(ledger, Wanted(seat, arm, count))
        counts, totals, forfeited = self._counts[seat], self._totals[seat], self.forfeited[seat]
        if given is None:  # it did not report, or nothing came in time
            if arm != NO_PULL:
                forfeited = added(forfeited, arm, count)
            arm, count, reward = NO_PULL, 1, 0
        else:
            reward = given
            counts, totals = added(counts, arm, count), added(totals, arm, reward)
        tallied = tally(counts, totals)
        unsigned = Receipt(ledger.round, arm, reward, tallied, b"", count)
        content = self.rules.receipt_content(unsigned)
        signature = self._signer.state(self.rules.slot(ledger), Phase.REWARD, Role.ENVIRONMENT, seat, content)
        self._counts[seat], self._totals[seat], self.forfeited[seat] = counts, totals, forfeited  # it is signed
        receipt = past.receipts[seat] = replace(unsigned, signature=signature)
        self._given[seat].append(receipt)
        if self._keeps_burn_in and ledger.round <= self.rules.parameters.burn_in:
            self._observed[ledger.round, seat] = Pull(arm, reward)
        return receipt


@dataclass(slots=True)
class _Round:
    """One round of pulls.

    Attributes:
        approved: its block's header.
        is_open: whether receipts may be given when later rounds have begun.
    """

    ledger: Ledger
    approved: Header | None = None
    is_open: bool = False
    receipts: dict[int, Receipt] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """How often an arm is pulled in it."""
        return self.approved.length if self.approved else 1
