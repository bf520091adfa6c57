"""Opening of a sealed game: once its secret is revealed, its settlements are those of an open game."""

from dataclasses import dataclass, field
from functools import partial

from chain_bandit.actors.rules import Rules
from chain_bandit.protocol.arms import round_robin
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import Ledger, exploration_arm
from chain_bandit.protocol.rewards import Draws, RewardModel
from chain_bandit.protocol.sealing import pull_of_tag
from chain_bandit.protocol.settlement import TAG_BYTES, Pull, encode_pulls
from chain_bandit.protocol.tallies import Settled, SettledSums


@dataclass(frozen=True, slots=True)
class _Round:
    """A recorded round: its ledger before the record, and how it ended."""

    ledger: Ledger
    kind: Kind


@dataclass
class SealedSettlements:
    """What the contract is told of a sealed game, call by call.

    Attributes:
        sums: what the environment pays in the end.
        keys: sealing keys that were revealed, by seat.
    """

    rules: Rules
    sums: SettledSums | None = None
    keys: dict[int, bytes] = field(default_factory=dict)
    _rounds: list[_Round] = field(default_factory=list)
    _tags: bytes = b""
    _secret: tuple[bytes, RewardModel] | None = None

    def on_record(self, ledger: Ledger, kind: Kind) -> None:
        """Take in how the open round of a ledger ended."""
        self._rounds.append(_Round(ledger, kind))

    def on_tags(self, tags: bytes) -> None:
        """Take in the receipt tags of a settlement."""
        self._tags += tags

    def on_sums(self, data: bytes) -> None:
        """Take in what is paid. Raises `Malformed`."""
        self.sums = SettledSums.decode(data, self.rules.parameters)

    def on_secret(self, secret: bytes, model: bytes) -> None:
        """Take in what the environment revealed. Raises `Malformed`."""
        self._secret = secret, RewardModel.decode(model, self.rules.parameters.arms)

    def opened(self) -> tuple[int, Settled] | None:
        """Up to which round, and what an open game's one settlement would say; None before all is there.

        Raises:
            Malformed: a tag is of no pull, or there are not as many as the approved rounds have.
        """
        if self._secret is None or self.sums is None or not self._rounds:
            return None
        p, (secret, model) = self.rules.parameters, self._secret
        draws = Draws(model, secret, self.rules.seed_0)
        paid, unpaid = list[bytes](), list[bytes]()
        tags, row = iter(range(0, len(self._tags), TAG_BYTES * p.participants)), TAG_BYTES * p.participants
        for t in range(1, p.burn_in + 1):
            unpaid.append(self._given(draws, t, round_robin(t, p.arms), 0))
        for each in self._rounds:
            ledger = each.ledger
            if each.kind is Kind.EXPLORATION:
                unpaid.append(self._given(draws, ledger.round, exploration_arm(p, ledger), ledger.failed))
            elif each.kind is Kind.APPROVED and ledger.round > p.burn_in:
                at = next(tags, len(self._tags))
                paid.append(self._pulled(secret, draws, ledger, self._tags[at : at + row]))
        if next(tags, None) is not None:
            raise Malformed("receipt tags", f"{row} bytes of each approved round", len(self._tags))
        settled = Settled(b"".join(paid), self.sums.root, self.sums.signature, b"".join(unpaid))
        return self._rounds[-1].ledger.round, settled

    def _given(self, draws: Draws, round_: int, arm: int, failed: int) -> bytes:
        """The row of a round whose arm nobody chooses."""
        seats = self.rules.everybody
        return encode_pulls([Pull(arm, draws.reward(round_, seat, arm, failed)) for seat in seats])

    def _pulled(self, secret: bytes, draws: Draws, ledger: Ledger, tags: bytes) -> bytes:
        """The row of an approved round."""
        p, t, pulls = self.rules.parameters, ledger.round, list[Pull]()
        for seat in self.rules.everybody:
            tag = tags[TAG_BYTES * seat : TAG_BYTES * (seat + 1)]
            pull = pull_of_tag(
                secret, self.rules.seed_0, t, seat, tag, range(p.arms),
                partial(draws.reward, t, seat, failed_rounds=ledger.failed),
            )  # fmt: skip
            if pull is None:
                raise Malformed("receipt tag", "one of a pull", tag)
            pulls.append(pull)
        return encode_pulls(pulls)
