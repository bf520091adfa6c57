"""A whole game without messages: what the rules and the consensus come to, round by round, for any scenario.

Nothing is signed or relayed. Lies, withholding and equivocation are declared by `Attack.effect`, and the outcome of
signed broadcast is what its theorem promises within the bounds: what was sent in one version is agreed on, what in two
is proof. Decisions are those of the live game; body digests are not, since no signature is in them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from random import Random

from chain_bandit import plugins
from chain_bandit.actors.rules import Rules
from chain_bandit.attacks.attack import SAID, Attack, Effect, NotSimulated, Said, View
from chain_bandit.attacks.malicious import Combined, carried, named
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import Header, Kind, Record, Report, SignedReport, approves, seats
from chain_bandit.protocol.committee import commander_drawn
from chain_bandit.protocol.digests import ZERO, keccak, uint
from chain_bandit.protocol.estimation import disclose, is_false, is_readable
from chain_bandit.protocol.ledger import (
    Ledger,
    accused,
    after_burn_in_round,
    after_record,
    commanders,
    eligible,
    honest_arm,
    is_over,
    opening,
    pulled_arm,
    records_made,
    reporters,
    validators,
)
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.parameters import PROOF_BYTES, SEALED_BYTES, Parameters
from chain_bandit.protocol.proposal import NOTHING_PROVEN, propose
from chain_bandit.protocol.rewards import Draws, RewardModel, hidden_cost
from chain_bandit.protocol.rule import Own
from chain_bandit.protocol.settlement import Conduct, Cost, case_2, cost_of_round
from chain_bandit.protocol.tallies import may_name
from chain_bandit.protocol.units import Counts, Means, added

SIGNATURE = bytes(64)
"""Where a signature would be."""

Hashes = Callable[[int, int], bytes]
"""(seat, round) to the VRF hash of the seat on the round's seed, 32 bytes."""


def draw_key(secret: bytes, seed_0: bytes) -> bytes:
    """From which the hashes of `hashes` follow."""
    return keccak(secret, seed_0, b"draw")


def hashes(secret: bytes, seed_0: bytes) -> Hashes:
    """Hashes that cost no proof: as even and as independent as those of the verifiable random function."""
    key = draw_key(secret, seed_0)
    return lambda seat, round_: keccak(key, uint(round_, 4), uint(seat, 2))


@dataclass(frozen=True)
class Setting:
    """A game, decided by its arguments.

    Attributes:
        parameters, model, secret, seed_0: as the live game has them.
        attacks: by seat; fresh ones for each game, since they may keep state.
        hashes: of the seats drawn; not read where none are.
        batch: records in one transaction: evidence counts from the first one that waits.
        chances: for each malicious seat its own stream of chance.
        weights: of every seat in the draw of validators; by default 1 each.
        noise: of every seat of a sealed game the seed of its disclosure's chance, `protocol.sealing.noise_seed`.
        settle_every: rounds in one settlement; false reports are proven when a settlement covers them. Of a sealed game
            all of them: it is opened at its end.
        colluders: the seats that attacks take for malicious; by default all that have one.
    """

    parameters: Parameters
    model: RewardModel
    secret: bytes
    seed_0: bytes
    attacks: Mapping[int, Attack]
    hashes: Hashes
    batch: int = 1
    chances: Mapping[int, Random] = field(default_factory=dict)
    weights: tuple[int, ...] = ()
    noise: tuple[bytes, ...] = ()
    settle_every: int = 1
    colluders: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one round ended.

    Attributes:
        round: t.
        kind: of its record; None where there is none: in rounds 1..L-1.
        arm: what the honest pulled; None when nobody pulled.
        header: of its block, if it has one.
        paid: whether rewards are paid: b_t = 1 and t > L.
        cost: in units, where the round is in case 2, else None.
        rewards: in units, of every seat that pulled; of a phase the sums.
        length: how often they pulled.
        time: the first pull's number.
        proven: seats whose equivocation in it is proven.
        ledger: the state after the round.
        false: whose first false report is in its block, where these can be proven.
    """

    round: int
    kind: Kind | None
    arm: int | None
    header: Header | None
    paid: bool
    cost: int | None
    rewards: Mapping[int, int]
    proven: frozenset[int]
    ledger: Ledger
    false: frozenset[int] = frozenset()
    length: int = 1
    time: int = 0


class SampleMeans:
    """What one participant has seen."""

    def __init__(self, arms: int) -> None:
        self.counts: Counts = (0,) * arms
        self.totals: Counts = (0,) * arms
        self.received = 0

    def take(self, round_: int, arm: int, reward: int, count: int) -> None:
        """Add so many samples, their rewards in units."""
        self.received = round_
        self.counts, self.totals = added(self.counts, arm, count), added(self.totals, arm, reward)


@dataclass(frozen=True, slots=True)
class _Agreed:
    """What the consensus of a round came to: None is a skip."""

    header: Header | None
    reported: Mapping[int, Means]
    proven: frozenset[int]
    false: frozenset[int] = frozenset()


class Play:
    """A setting from round 1 to T; memory does not grow with T. Raises `NotSimulated`.

    Attributes:
        ledger: of the open round.
        purses: what each seat has seen.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting, self.parameters = setting, setting.parameters
        p, everybody = self.parameters, range(self.parameters.participants)
        nobody = [bytes(20)] * p.participants
        self._rules = Rules(p, Domain(0, bytes(20), ZERO), nobody, bytes(20), setting.seed_0, ZERO, [])
        self._draws = Draws(setting.model, setting.secret, setting.seed_0)
        self._cost = hidden_cost(setting.secret, setting.seed_0, p.provable)
        self._liars = frozenset(p for p, attack in setting.attacks.items() if attack.conduct & Conduct.LIAR)
        self.purses = [SampleMeans(p.arms) for _ in everybody]
        self.ledger = opening(p, ZERO, setting.seed_0, setting.weights)
        colluders = frozenset(setting.attacks) if setting.colluders is None else setting.colluders
        self._views = {
            seat: View(seat, self._rules, colluders, {}, setting.chances[seat], self.ledger)
            for seat in setting.attacks
        }
        self._effects = {seat: effects(attack) for seat, attack in setting.attacks.items()}
        self._waiting = 0
        self._false: set[int] = set()
        self._unsettled = 0

    def rounds(self) -> Iterator[Outcome]:
        """One after the other."""
        p = self.parameters
        while not is_over(p, self.ledger):
            if self.ledger.round < p.burn_in:
                yield self._burn_in_round()
            else:
                yield from self._recorded_round()

    def _burn_in_round(self) -> Outcome:
        """Everybody pulls; where commanders are drawn those of this round probe each other."""
        ledger = self._begin(self.ledger)
        proven = frozenset[int]()
        if self._rules.probes(ledger):
            able = seats(eligible(self.parameters, ledger, ledger.round))
            output = {seat: self.setting.hashes(seat, ledger.round) for seat in able}
            drawn = [seat for seat in able if commander_drawn(self.parameters, output[seat], ledger.round)]
            proven = frozenset(s for s in drawn if self._effect(s).header is Said.TWICE)
        arm = honest_arm(self.parameters, ledger)
        rewards = self._give(arm)
        self.ledger = self._accuse(after_burn_in_round(self.parameters, ledger), proven, self.parameters.burn_in)
        return Outcome(
            ledger.round, None, arm, None, False, None, rewards, proven, self.ledger, time=ledger.time
        )

    def _recorded_round(self) -> Iterator[Outcome]:
        """A round from L on, and the exploration round that its failure may bring."""
        p, ledger = self.parameters, self._begin(self.ledger)
        agreed = self._agree(ledger)
        header = agreed.header
        kind = Kind.SKIP if header is None else Kind.APPROVED if approves(header.means) else Kind.REJECTED
        open_round = ledger.round - self._waiting
        *records, last = records_made(p, ledger, Record(ledger.round, kind, header))
        for record in records:
            yield self._end(record, agreed, open_round)
        yield self._end(last, agreed, open_round, is_last=True)

    def _end(self, record: Record, agreed: _Agreed, open_round: int, is_last: bool = False) -> Outcome:
        """End the open round in a record: pulls, costs, and whom proof was given against.

        Args:
            is_last: of those that the round brings; only then anything is settled.
        """
        p, ledger = self.parameters, self.ledger
        exploring = record.kind is Kind.EXPLORATION
        if exploring:
            self._begin(ledger)
        paid = record.kind is Kind.APPROVED and ledger.round > p.burn_in
        cost = self._charge(record, agreed) if paid else None
        arm, rewards = pulled_arm(p, ledger, record), {}
        if arm is not None:
            rewards = self._pull(arm, record.header) if paid and record.header else self._give(arm)
        proven, false = (frozenset[int](), frozenset[int]()) if exploring else (agreed.proven, agreed.false)
        self._false |= false
        self.ledger = self._accuse(after_record(p, ledger, record), proven, open_round)
        waiting = self._waiting + 1 if record.kind is Kind.APPROVED else 0
        self._waiting, self._unsettled = waiting % self.setting.batch, self._unsettled + (ledger.round > p.burn_in)
        if is_last:
            self._settle()
        return Outcome(
            ledger.round, record.kind, arm, record.header, paid, cost, rewards, proven, self.ledger, false,
            self.ledger.time - ledger.time, ledger.time,
        )  # fmt: skip

    def _begin(self, ledger: Ledger) -> Ledger:
        for view in self._views.values():
            view.ledger, view.step = ledger, 0
        return ledger

    # --- the consensus

    def _agree(self, ledger: Ledger) -> _Agreed:
        """Reports, bits, block and votes of the open round (protocol.md: Reports, Aggregation, Consensus)."""
        p, members = self.parameters, validators(ledger)
        effects = {seat: self._effect(seat) for seat in self._views}
        honest = Effect()
        able = seats(reporters(p, ledger))
        for seat, view in self._views.items():
            if self.setting.attacks[seat].rushes:
                view.reported = {other: self._report(other).means for other in view.honest}
                view.reported_pulls = ledger.pulls
        proven = {seat for seat in able if effects.get(seat, honest).report is Said.TWICE}
        reports = {seat: self._report(seat) for seat in able if effects.get(seat, honest).report is Said.ONCE}
        readable = {
            seat: report for seat, report in reports.items()
            if len(report.means) == p.arms and is_readable(p, report.means)
            and all(may_name(p, ledger.round, ledger.failures, named) for named in report.named)
        }  # fmt: skip
        counts = {seat: self._counts(seat) for seat in readable if effects.get(seat, honest).opens}
        bits = {
            seat: enough_pulls(each, ledger.pulls, p.threshold)
            for seat, each in counts.items() if len(each) == p.arms and max(each) <= p.horizon
        }  # fmt: skip
        hashes = NOTHING_PROVEN
        if p.draws:
            hashes = {seat: self.setting.hashes(seat, ledger.round + 1) for seat in readable}
        signed = {seat: SignedReport.of(report, SIGNATURE) for seat, report in readable.items()}
        header, _ = propose(p, ledger, signed, bits, hashes)
        commanding = seats(commanders(ledger))
        proven |= {seat for seat in commanding if effects.get(seat, honest).header is Said.TWICE}
        heard = any(effects.get(seat, honest).header is Said.ONCE for seat in commanding)
        votes = sum(effects.get(seat, honest).votes for seat in seats(members))
        reported = {seat: readable[seat].means for seat in seats(header.reporters)}
        for seat, view in self._views.items():
            if members >> seat & 1:  # a non-validator has no block, and reads the last that it has
                view.reported, view.reported_pulls = reported, ledger.pulls
        if not (heard and votes >= p.quorum(members.bit_count())):
            return _Agreed(None, reported, frozenset(proven))
        return _Agreed(header, reported, frozenset(proven), self._newly_false(reported, counts))

    def _newly_false(self, reported: Mapping[int, Means], counts: Mapping[int, Counts]) -> frozenset[int]:
        """Whose report in a block is the first of its that does not follow from what it was given."""
        if not self.parameters.provable:
            return frozenset()
        suspects = self._views.keys() & reported.keys() - self._false
        return frozenset(
            seat for seat in suspects
            if reported[seat] != self._own(seat).means
            or (counts[seat] != self.purses[seat].counts and not self.keeps_key(seat))
        )  # fmt: skip

    def keeps_key(self, seat: int) -> bool:
        """Whether a seat does not reveal its sealing key, by what it sees now: its counts stay hidden."""
        if not self.parameters.sealed or seat not in self._views:
            return False
        return not self.setting.attacks[seat].reveals(self._views[seat])

    def honest_report(self, seat: int) -> Means:
        """What an honest report of the seat says."""
        return disclose(self.parameters, self._own(seat))

    def _own(self, seat: int) -> Own:
        purse, seeds = self.purses[seat], self.setting.noise
        return Own.of(self.ledger.round, purse.totals, purse.counts, seeds[seat] if seeds else b"")

    def _report(self, seat: int) -> Report:
        """The report of a seat, its estimators as its attack has them; what else it holds decides nothing here."""
        p = self.parameters
        means = self.honest_report(seat)
        if seat in self._views:
            with self._named(seat):
                means = carried(self.setting.attacks[seat].means(self._views[seat], means), 4)
        named = (self.purses[seat].received,) * p.provable
        return Report(means, ZERO, bytes(PROOF_BYTES * p.draws), bytes(SEALED_BYTES * p.sealed), named)

    def _counts(self, seat: int) -> Counts:
        counts = self.purses[seat].counts
        if seat not in self._views:
            return counts
        with self._named(seat):
            return carried(self.setting.attacks[seat].counts(self._views[seat], counts), 4)

    def _named(self, seat: int) -> AbstractContextManager[None]:
        return named(self.setting.attacks[seat], seat, self.ledger.round)

    def _effect(self, seat: int) -> Effect:
        """One part of its attack on top of the other."""
        effect, time = Effect(), self.ledger.time
        for each in self._effects.get(seat, ()):
            effect = effect.then(each) if each.first <= time <= each.last else effect
        return effect

    def _accuse(self, ledger: Ledger, proven: frozenset[int], open_round: int, lied: bool = False) -> Ledger:
        """The ledger with newly proven seats on their way to the block list."""
        for seat in sorted(proven):
            if not ledger.blocked_from[seat]:
                ledger = accused(ledger, seat, open_round + self.parameters.evidence_delay, lied)
        return ledger

    def _settle(self) -> None:
        """Settle what is recorded, if it is worth it, or the game is over: all false reports in it are proven."""
        ledger = self.ledger
        if is_over(self.parameters, ledger) or (not self._waiting and self._unsettled >= self.setting.settle_every):
            self._unsettled = 0
            self.ledger = self._accuse(ledger, frozenset(self._false), ledger.round, lied=True)

    # --- pulls and costs

    def _give(self, arm: int) -> dict[int, int]:
        """Receipts for everybody, in a round that needs no certificate."""
        return {seat: self._take(seat, arm, 1) for seat in self._rules.everybody}

    def _pull(self, arm: int, header: Header) -> dict[int, int]:
        """The pulls of an approved learning round, malicious ones of any arm; not all get a reward for them."""
        rewards, paid = {}, self._rules.rewarded(self.ledger, header)
        for seat in self._rules.reporters(self.ledger):
            own: int | None = arm
            if seat in self._views:
                with self._named(seat):
                    own = self.setting.attacks[seat].arm(self._views[seat], arm)
                    own = None if own is None else carried((own,), 1)[0]
            if own is None or not 0 <= own < self.parameters.arms:
                continue
            if seat in paid and self._rules.is_paid(header, own):
                rewards[seat] = self._take(seat, own, header.length)
            else:
                self.purses[seat].received = self.ledger.round
        return rewards

    def _take(self, seat: int, arm: int, count: int) -> int:
        ledger = self.ledger
        reward = self._draws.rewards(ledger.time, seat, arm, ledger.failed, count)
        self.purses[seat].take(ledger.round, arm, reward, count)
        return reward

    def _charge(self, record: Record, agreed: _Agreed) -> int | None:
        """What an approved round costs: None unless a labelled liar's lie is in force (case 2)."""
        header = record.header
        assert header is not None
        p, reported, liars = self.parameters, agreed.reported, self._liars & agreed.reported.keys()
        selected: Sequence[frozenset[int]] = [frozenset(seats(row)) for row in header.selected]
        if not case_2(selected, {seat for seat in liars if is_false(p, self._own(seat), reported[seat])}):
            return None
        choice, mean = Cost(self.parameters.cost), self.setting.model.means[header.arm]
        return cost_of_round(choice, self._cost, header.means[header.arm], mean) * header.length


def parts(attack: Attack) -> tuple[Attack, ...]:
    """Of a combined attack those that it combines, in order; any other is its own."""
    return attack.attacks if isinstance(attack, Combined) else (attack,)


def effects(attack: Attack) -> tuple[Effect, ...]:
    """What each of the `parts` comes to. Raises `NotSimulated` for an attack that does not say, or says nonsense."""
    return tuple(map(_effect, parts(attack)))


def _effect(attack: Attack) -> Effect:
    kind = type(attack)
    if kind.outbox is not Attack.outbox and kind.effect is Attack.effect:
        raise NotSimulated(attack.name, "it does not say what its messages come to, see Attack.effect")
    try:
        effect = plugins.made("attacks", attack.name, lambda: attack.effect(), {})
    except plugins.PluginBroken as error:
        raise NotSimulated(attack.name, f"its effect raises {error.reason}") from error
    if not isinstance(effect, Effect) or effect.report not in SAID or effect.header not in SAID:
        raise NotSimulated(attack.name, f"its effect is {effect!r:.80}, no chain_bandit.attacks.attack.Effect")
    return effect
