"""A participant: chooses an arm, keeps its sample means, reports them, pulls on a certificate (Algorithm 1)."""

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, PullRequest, Receipt, Send
from chain_bandit.actors.own_rewards import OwnRewards
from chain_bandit.actors.rules import Rules
from chain_bandit.comparison.interface import Opening
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.seal import seal
from chain_bandit.crypto.verify import Verifier
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.protocol.blocks import Report, round_seed
from chain_bandit.protocol.estimation import disclose
from chain_bandit.protocol.ledger import Ledger, honest_arm
from chain_bandit.protocol.messages import (
    Phase,
    Role,
    commitment_salt,
    pull_content,
    tally,
)
from chain_bandit.protocol.rule import Own
from chain_bandit.protocol.sealing import noise_seed, nonce
from chain_bandit.protocol.settlement import NOTHING, Pull
from chain_bandit.protocol.sharing import counts_commitment
from chain_bandit.protocol.units import UNIT, Counts, Means, added


class Participant:
    """The bandit half of a seat. Its state follows from the receipts it holds and the ledger alone.

    Args:
        own: where rewards are self-declared; then reports are of these, and receipts are pay alone.
    """

    def __init__(
        self, rules: Rules, seat: int, signer: Signer, vrf_key: VrfKey, seal_key: bytes, verifier: Verifier,
        own: OwnRewards | None = None,
    ) -> None:  # fmt: skip
        self.own = own
        self.rules, self.seat, self.signer = rules, seat, signer
        self.vrf_key, self.seal_key, self._verifier = vrf_key, seal_key, verifier
        self.counts: Counts = (0,) * rules.parameters.arms
        self.totals: tuple[int, ...] = (0,) * rules.parameters.arms
        self.last, self.received = NOTHING, 0

    def arm(self, ledger: Ledger) -> int | None:
        """The arm to pull in the open round; None pulls nothing, which only the malicious do."""
        return honest_arm(self.rules.parameters, ledger)

    def means(self, ledger: Ledger) -> Means:
        """The estimators to report in the open round, in units."""
        seed, sums, pulls = noise_seed(self.seal_key, self.rules.seed_0), self.totals, self.counts
        if self.own is not None:
            self.own.take(ledger.round)
            sums, pulls = self.own.sums, self.own.pulls
        return disclose(self.rules.parameters, Own.of(ledger.round, sums, pulls, seed))

    def committed_counts(self, ledger: Ledger) -> Counts:
        """The pull counts to commit to in the open round."""
        return self.counts

    def record(self, ledger: Ledger) -> Pull:
        """What the report of a sealed game hides: the last receipt."""
        return self.last

    def reveals(self) -> bool:
        """Whether it publishes its sealing key after a sealed game; only the malicious keep theirs."""
        return True

    def report(self, ledger: Ledger) -> tuple[Report, Opening]:
        """The report of the open round and the opening of its commitment."""
        key = self.seal_key if self.rules.parameters.sealed else self.rules.seed_0
        counts, salt = self.committed_counts(ledger), commitment_salt(key, ledger.round, self.seat)
        committed = counts_commitment(counts, salt, self.rules.parties)
        named = (self.received,) * self.rules.parameters.provable
        report = Report(self.means(ledger), committed, self.proof(ledger), self._sealed(ledger), named)
        return report, Opening(counts, salt)

    def proof(self, ledger: Ledger) -> bytes:
        """The proof of the draw for the next round; empty where nothing is drawn."""
        if not self.rules.parameters.draws:
            return b""
        _, proof = self.vrf_key.prove(round_seed(ledger.seed, ledger.round + 1))
        return proof

    def open_commitment(self, opening: Opening) -> Send:
        """The private input to the secure comparison."""
        return Send((COMPARISON,), opening)

    def pull(self, ledger: Ledger) -> list[Send]:
        """The signed pull of an approved learning round."""
        arm = self.arm(ledger)
        if arm is None:
            return []
        slot = self.rules.slot(ledger)
        signature = self.signer.state(slot, Phase.REWARD, Role.PULLER, self.seat, pull_content(arm))
        return [Send((ENVIRONMENT,), PullRequest(arm, signature))]

    def on_receipt(self, ledger: Ledger, receipt: Receipt) -> bool:
        """Take the reward into the sample means; False for a receipt that is not the environment's next one."""
        rules = self.rules
        pull, counts, totals = Pull(receipt.arm, receipt.reward, receipt.count), self.counts, self.totals
        if receipt.round != ledger.round or not 1 <= pull.count <= self.most_pulls(ledger):
            return False
        if pull != NOTHING or not rules.may_give_nothing:  # else it did not report, or a live reward did not come
            if not 0 <= pull.arm < rules.parameters.arms or not 0 <= pull.reward <= pull.count * UNIT:
                return False
            counts, totals = added(counts, pull.arm, pull.count), added(totals, pull.arm, pull.reward)
        if tally(counts, totals) != receipt.tally:
            return False
        content = rules.receipt_content(receipt)
        digest = rules.slot(ledger).digest(Phase.REWARD, Role.ENVIRONMENT, self.seat, content)
        if not self._verifier.is_signed_by(rules.environment, digest, receipt.signature):
            return False
        self.counts, self.totals = counts, totals
        self.last, self.received = pull if pull != NOTHING else self.last, receipt.round
        if self.own is not None and pull != NOTHING:
            self.own.ask(ledger, pull)
        return True

    def most_pulls(self, ledger: Ledger) -> int:
        """How many pulls a receipt of the open round can be of."""
        parameters = self.rules.parameters
        return parameters.horizon - ledger.time + 1 if parameters.has_phases else 1

    def _sealed(self, ledger: Ledger) -> bytes:
        rules = self.rules
        if not rules.parameters.sealed:
            return b""
        return seal(self.seal_key, nonce(rules.domain.game, ledger.round, self.seat), self.record(ledger))
