"""An honest game computed by its rules without actors: the same history, byte for byte, in a ninth of the time.

Without messages there is nothing to wait for and nothing to check: every report, every signature of a quorum and every
settlement is made once. So a history of 10^5 rounds takes minutes.
"""

from collections.abc import Iterator

from chain_bandit.game.plan import Plan
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import Kind, Record, Report
from chain_bandit.protocol.ledger import (
    after_burn_in_round,
    honest_arm,
)
from chain_bandit.protocol.messages import commitment, commitment_salt
from chain_bandit.protocol.proposal import propose
from chain_bandit.protocol.rewards import Draws, RewardModel
from chain_bandit.protocol.settlement import Pull, encode_pulls
from chain_bandit.protocol.units import sample_means
from verification.paper_chain import PaperChain
from verification.scripted_game import ScriptedGame


class Alone(ScriptedGame):
    """An open game of full bodies and one block a record, in which everybody is honest and validates.

    Args:
        chain: takes the calls.
    """

    def __init__(self, plan: Plan, chain: PaperChain) -> None:
        super().__init__(plan.parameters, plan.participants)
        self.plan, self.chain = plan, chain
        self.begin(chain.open(plan), plan.seated, plan.salt)
        self._draws = Draws(RewardModel.decode(plan.model, self.p.arms), plan.secret, self.seed_0)
        self._totals, self._pulls = [[0] * self.p.arms for _ in self.signers], list[Pull]()

    def play(self) -> Iterator[int]:
        """Play, and yield every round once it is over; then settle and close the game."""
        p, unsettled = self.p, list[bytes]()
        while self.ledger.round <= p.horizon:
            t = self.ledger.round
            if t < p.burn_in:
                self._pull()
                self.ledger = after_burn_in_round(p, self.ledger)
            else:
                self._round()
            if t > p.burn_in:
                unsettled.append(encode_pulls(self._pulls))
            if len(unsettled) == self.plan.scenario.chain.settle_every or (unsettled and t == p.horizon):
                self.chain.settle_rewards(t, b"".join(unsettled))
                unsettled.clear()
            yield t
        self.chain.show(b"", [])
        self.chain.finish(self.cost_entries())

    def _round(self) -> None:
        p, pulls = self.p, self.ledger.pulls
        reports = {seat: self.signed_report(seat, self._report(seat)) for seat in range(p.participants)}
        header, body = propose(p, self.ledger, reports, dict.fromkeys(reports, enough_pulls(pulls, pulls, p.threshold)))
        self.chain.submit([self.submitted(header, body)])
        record = self.advance(Kind.APPROVED, header)
        self.chain.expect((record.round, int(record.kind), self.ledger.head))

    def _report(self, seat: int) -> Report:
        """What its receipts give, all of the same arms as everybody's."""
        counts, salt = self.ledger.pulls, commitment_salt(self.seed_0, self.ledger.round, seat)
        return Report(sample_means(self._totals[seat], counts), commitment(counts, salt))

    def on_record(self, record: Record) -> None:
        """Everybody pulls."""
        self._pull()

    def _pull(self) -> None:
        """Everybody pulls the honest arm of the open round."""
        t, arm = self.ledger.round, honest_arm(self.p, self.ledger)
        self._pulls = [Pull(arm, self._draws.reward(t, seat, arm, 0)) for seat in range(self.p.participants)]
        for totals, pull in zip(self._totals, self._pulls, strict=True):
            totals[arm] += pull.reward


def alone(plan: Plan, chain: PaperChain) -> Iterator[object]:
    """For `paper_chain.history_of`."""
    return Alone(plan, chain).play()
