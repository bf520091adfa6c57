"""An honest game played by nobody but its rules: the history that actors make, byte for byte, in a ninth of the time.

Without messages there is nothing to wait for and nothing to check: every report, every signature of a quorum and every
settlement is made once. So a history of 10^5 rounds takes minutes.
"""

from collections.abc import Iterator

from chain_bandit.game.plan import Plan
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import Kind, Record, Report, SignedReport, genesis_digest, mask, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import (
    after_burn_in_round,
    after_record,
    honest_arm,
    opening,
    validators,
)
from chain_bandit.protocol.messages import Phase, Role, Slot, commitment, commitment_salt, statement_content
from chain_bandit.protocol.proposal import propose
from chain_bandit.protocol.rewards import Draws, RewardModel
from chain_bandit.protocol.settlement import CostEntry, Pull, encode_pulls
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import sample_means
from verification.paper_chain import PaperChain


class Alone:
    """An open game of full bodies and one block a record, in which everybody is honest and validates.

    Args:
        chain: takes the calls.
    """

    def __init__(self, plan: Plan, chain: PaperChain) -> None:
        self.plan, self.chain, self.parameters = plan, chain, plan.parameters
        self._separator = chain.open(plan).separator()
        self._seed, genesis = genesis_digest(plan.game, plan.seated, plan.salt)
        self._draws = Draws(RewardModel.decode(plan.model, self.parameters.arms), plan.secret, self._seed)
        self._ledger = opening(self.parameters, genesis, self._seed)
        members = range(self.parameters.participants)
        self._totals, self._pulls = [[0] * self.parameters.arms for _ in members], list[Pull]()

    def play(self) -> Iterator[int]:
        """Play, and yield every round once it is over; then settle and close the game."""
        p, entries, unsettled = self.parameters, list[CostEntry](), list[bytes]()
        while self._ledger.round <= p.horizon:
            t = self._ledger.round
            if t < p.burn_in:
                self._pull()
                self._ledger = after_burn_in_round(p, self._ledger)
            else:
                entries.append(self._round())
            if t > p.burn_in:
                unsettled.append(encode_pulls(self._pulls))
            if len(unsettled) == self.plan.scenario.chain.settle_every or (unsettled and t == p.horizon):
                self.chain.settle_rewards(t, b"".join(unsettled))
                unsettled.clear()
            yield t
        self.chain.finish(entries[::-1], [], [])

    def _round(self) -> CostEntry:
        p, ledger = self.parameters, self._ledger
        slot = Slot(self._separator, ledger.round, ledger.head)
        reports = {seat: self._report(slot, seat) for seat in range(p.participants)}
        bits = dict.fromkeys(reports, enough_pulls(ledger.pulls, ledger.pulls, p.threshold))
        header, body = propose(p, ledger, reports, bits)
        encoded = header.encode(p)
        members = seats(validators(ledger))
        signers = members[: p.quorum(len(members))]
        digest = slot.digest(Phase.BLOCK, Role.SIGNER, 0, keccak(encoded))
        signatures = b"".join(self.plan.participants[seat].sign(digest) for seat in signers)
        self._pull()
        record = Record(ledger.round, Kind.APPROVED, header, keccak(encoded))
        self._ledger = after_record(p, ledger, record)
        self.chain.submit([Submitted.of(p, header, body, mask(signers), signatures)])
        self.chain.expect((record.round, int(record.kind), self._ledger.head))
        return CostEntry(ledger.head, record.kind, False, encoded)

    def _report(self, slot: Slot, seat: int) -> SignedReport:
        """What its receipts give, all of the same arms as everybody's."""
        counts = self._ledger.pulls
        salt = commitment_salt(self._seed, slot.round, seat)
        report = Report(sample_means(self._totals[seat], counts), commitment(counts, salt))
        said = statement_content(Phase.REPORT, report.encode())
        digest = slot.digest(Phase.REPORT, Role.COMMANDER, seat, said)
        return SignedReport.of(report, self.plan.participants[seat].sign(digest))

    def _pull(self) -> None:
        """Everybody pulls the honest arm of the open round."""
        t, arm = self._ledger.round, honest_arm(self.parameters, self._ledger)
        self._pulls = [Pull(arm, self._draws.reward(t, seat, arm, 0)) for seat in range(self.parameters.participants)]
        for totals, pull in zip(self._totals, self._pulls, strict=True):
            totals[arm] += pull.reward


def alone(plan: Plan, chain: PaperChain) -> Iterator[object]:
    """For `paper_chain.history_of`."""
    return Alone(plan, chain).play()
