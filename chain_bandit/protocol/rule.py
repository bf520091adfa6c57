"""Interface of a rule: an object with one verb that turns what the validators agreed on into what the game does next.

Rules are pure functions of integers. Chance comes from seed_t, from what reports prove or, of a disclosure, from the
participant's own key, never from elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, NamedTuple

from chain_bandit.protocol.aggregation import Seats, global_means
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import require
from chain_bandit.protocol.ruleset import RuleFailed, RuleKind
from chain_bandit.protocol.units import INFINITY, Counts, Means, is_estimate, sample_means

State = tuple[int, ...]
"""What a rule keeps from one block to the next."""


@dataclass(frozen=True, slots=True)
class Option:
    """An integer that a scenario may set.

    Attributes:
        default: None where a scenario must name it.
        least, most: its bounds, both allowed.
        scale: what a scenario's 1 counts: `UNIT` for options in units, which a scenario gives as decimals.
    """

    default: int | None
    least: int = 0
    most: int = 2**32 - 1
    scale: int = 1


class Terms(NamedTuple):
    """What a rule knows of its game: M, K, f, m, L, T, the accuracy tolerance in units, its own options by name, and C1
    of the confidence width as a fraction."""

    participants: int
    arms: int
    liars: int
    attackers: int
    burn_in: int
    horizon: int
    tolerance: int
    options: Mapping[str, int] = MappingProxyType({})
    c1: tuple[int, int] = (2, 1)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the validators of a round agreed on.

    Attributes:
        round: t.
        seed: seed_t, 32 bytes, known to everybody since the opening.
        reports: by ascending seat, K estimators each, in units.
        bits: comparison bits by seat, one an arm: whether k n_p > n_ref.
        pulls: n_ref by arm.
        means: the estimators in force before this block; None before the first approved one.
        reputations: of every seat.
        outputs: of seats that proved their draw for the next round, 32 bytes of a verifiable random function, known
            to no other seat before the round.
    """

    round: int
    seed: bytes
    reports: Mapping[int, Means]
    bits: Mapping[int, Sequence[bool]]
    pulls: Counts
    means: Means | None = None
    reputations: tuple[int, ...] = ()
    outputs: Mapping[int, bytes] = field(default_factory=dict)

    def read_only(self) -> "Agreed":
        """A read-only view, for code that must not change it."""
        views = {name: MappingProxyType(dict(getattr(self, name))) for name in ("reports", "bits", "outputs")}
        return replace(self, **views)  # type: ignore[arg-type]

    def without(self, seats: Seats) -> "Agreed":
        """The same, as if some had not reported."""
        if not seats:
            return self
        return replace(
            self,
            reports={seat: row for seat, row in self.reports.items() if seat not in seats},
            bits={seat: row for seat, row in self.bits.items() if seat not in seats},
        )

    def column(self, arm: int) -> dict[int, int]:
        """The estimator of one arm by seat."""
        return {seat: row[arm] for seat, row in self.reports.items()}

    def passed(self) -> Seats:
        """F: seats that have pulled every arm often enough."""
        return frozenset(seat for seat, row in self.bits.items() if all(row))


EVERY_ARM = "Only who has pulled every arm often enough counts: for every arm "
"""How an explanation of a rule over F begins."""


class Estimate(NamedTuple):
    """What an aggregation rule gives.

    Attributes:
        means: the global estimator of every arm in units; `INFINITY` for none, by which the block is rejected.
        sets: B of every arm: the reports that the estimator is over, or that have influence on it.
        state: what the rule keeps.
        reason: why there is none; empty where there is.
    """

    means: Means
    sets: tuple[Seats, ...]
    state: State = ()
    reason: str = ""


class Weights(NamedTuple):
    """What a reputation rule gives.

    Attributes:
        weights: of every seat from 0 to 65535: its reputation, or, of the rule that the contract computes, what this
            moves an eighth of the way to.
        state: what the rule keeps.
        reason: why there are none but the reputations as they were; empty where there are.
    """

    weights: tuple[int, ...]
    state: State = ()
    reason: str = ""


def mean_over(agreed: Agreed, sets: Sequence[Seats]) -> Estimate:
    """The floored mean of the reports in a set of seats for each arm (Algorithm 4)."""
    return Estimate(global_means(agreed.reports, sets), tuple(sets))


def chance(seed: bytes, *numbers: int) -> int:
    """256 bits that follow from seed_t and numbers, each below 2^32: keccak(seed_t, numbers).

    Liars know them since the opening. A rule that needs surprise takes `Agreed.outputs` as its seeds.
    """
    return int.from_bytes(keccak(seed, *(uint(number, 4) for number in numbers)))


def nothing(arms: int, state: State = (), reason: str = "") -> Estimate:
    """No estimator of any arm: the block is rejected."""
    return Estimate((INFINITY,) * arms, (frozenset(),) * arms, state, reason)


class Rule:
    """A rule of some kind; one object plays every game, so that it keeps nothing to itself.

    Attributes:
        name: how scenarios and games call it.
        version: another one wherever an answer changed.
        options: by name.
        draws: whether chance decides which seats have influence, which arm is pulled, or the content of a report.
        keeps_state: whether it keeps integers of 64 bits from one block to the next, which headers then carry; a state
            is empty before the first block.
    """

    kind: ClassVar[RuleKind]
    name: ClassVar[str]
    version: ClassVar[int] = 1
    options: ClassVar[Mapping[str, Option]] = MappingProxyType({})
    keeps_state: ClassVar[bool] = False
    draws: ClassVar[bool] = False

    def within(self, steps: int) -> "Rule":
        """The same rule, a call of which ends after so many steps: of a foreign one alone they are counted."""
        return self

    def failure(self, reason: str) -> RuleFailed:
        """The error of an answer that is none."""
        return RuleFailed(self.name, reason)

    def check(self, terms: Terms) -> None:
        """Refuse a game that the rule is not for. Raises `AssumptionBroken`."""

    def explain(self, terms: Terms) -> str:
        """A sentence or two for the report page."""
        return f"The rule {self.name} of this game says what counts."


class Aggregation(Rule):
    """How B and the global estimators come from reports and comparison bits (protocol.md: Aggregation).

    Attributes:
        is_mean: whether every estimator is the floored mean over its B: a contract can then compute it from reports in
            calldata; else it takes it on the quorum's word.
        reads_reputations: whether an estimator depends on them: not every engine keeps them. Of a foreign rule its file
            says.
    """

    kind = RuleKind.AGGREGATION
    is_mean: ClassVar[bool] = True
    reads_reputations: ClassVar[bool] = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """The estimators of a round, from what was agreed on in it."""
        raise NotImplementedError

    def worth(self, terms: Terms, counted: int, passed: int) -> int:
        """How many reports the estimator of an arm counts for in the confidence width, at most M; 0 is as good as 1.

        Args:
            counted: |B| of the arm.
            passed: |F|.
        """
        return counted

    def least_burn_in(self, terms: Terms) -> int:
        """The rounds L of exploration that its theorem asks for."""
        return 0

    def check_honest(self, participants: int, liars: int, honest: int) -> None:
        """Refuse roles outside of the rule's theorem. Raises `AssumptionBroken`."""
        require(liars < honest, "honest", "|A1 u A3| < |H| (Theorems 2 to 7)", liars=liars, H=honest)


class Reputation(Rule):
    """How a block moves the reputations of all seats (section 3).

    Attributes:
        is_computed: whether the contract computes it from a body in calldata; else it takes it on the quorum's word.
    """

    kind = RuleKind.REPUTATION
    is_computed: ClassVar[bool] = False

    def weigh(self, terms: Terms, state: State, agreed: Agreed, estimate: Estimate) -> Weights:
        """The weight of every seat, from what was agreed on in a round and its estimators."""
        raise NotImplementedError

    def leaves_out(self, terms: Terms) -> bool:
        """Whether `left_out` may name somebody."""
        return type(self).left_out is not Reputation.left_out

    def left_out(self, terms: Terms, reputations: tuple[int, ...]) -> Seats:
        """Whose reports do not count in a round, and whom no rule chooses for the next one, from the reputations before
        it: f + m seats at most, of more nobody. Their reports still move their reputations."""
        return frozenset()


class Standing(NamedTuple):
    """Whom validators of a round are chosen among, and by what.

    Attributes:
        round: t + 1, or t + 2 behind an exploration.
        seed: of that round.
        eligible: everybody but the block list.
        reputations: of every seat, after the block.
        weights: of every seat: its trials in a draw, as registered.
        skips: in a row, exploration rounds aside.
        validators: N.
        least: how many at least, of fewer than these all eligible seats: fewer could certify nothing, or too easily.
        odds: with sortition, of a trial, over 2^64.
    """

    round: int
    seed: bytes
    eligible: Seats
    reputations: tuple[int, ...]
    weights: tuple[int, ...]
    skips: int
    validators: int
    least: int
    odds: int

    def without(self, seats: Seats) -> "Standing":
        """The same without some of the eligible, unless too few were left."""
        left = self.eligible - seats
        return self._replace(eligible=left) if len(left) >= self.least else self


class Selected(NamedTuple):
    """What a selection gives.

    Attributes:
        validators: of `Standing.eligible`, `Standing.least` or more; of any other answer everybody eligible validates.
        state: what the rule keeps.
        reason: why everybody eligible validates instead; empty where the rule chose.
    """

    validators: Seats
    state: State = ()
    reason: str = ""


class Selection(Rule):
    """Rule of committee selection: the validators of the round after a block (protocol.md: Validators).

    Attributes:
        is_computed: whether it rests on nothing but the standing: it then chooses after rounds without a block too, and
            without what a block agrees on. Else headers name its choice, and everybody eligible validates after a
            round without a block.
    """

    kind = RuleKind.SELECTION
    is_computed: ClassVar[bool] = False

    def select(self, terms: Terms, state: State, agreed: Agreed | None, standing: Standing) -> Selected:
        """The validators; `agreed` is None for a rule that is computed."""
        raise NotImplementedError


class Own(NamedTuple):
    """What a participant knows of the arms by its own receipts when it reports.

    Attributes:
        round: t.
        sums: of its rewards by arm, in units.
        pulls: its own of each arm.
        means: its estimators in units: sums over pulls, floored.
        seed: 32 bytes that nobody else knows before the game is over, `protocol.sealing.noise_seed`; empty for a rule
            that does not draw, and where it is not known.
    """

    round: int
    sums: tuple[int, ...]
    pulls: Counts
    means: Means
    seed: bytes = b""

    @staticmethod
    def of(round_: int, sums: Sequence[int], pulls: Sequence[int], seed: bytes = b"") -> "Own":
        """The same with the estimators that follow."""
        return Own(round_, tuple(sums), tuple(pulls), sample_means(sums, pulls), seed)


class Disclosure(Rule):
    """What a report says of the local estimators: K integers from 0 to `UNIT` (protocol.md: Reports).

    One that draws plays in sealed games alone: the key of its chance is registered before the game, and opened after.
    """

    kind = RuleKind.DISCLOSURE

    def encode(self, terms: Terms, own: Own) -> Means:
        """The report of a participant that follows the rules, from its own estimators in units."""
        raise NotImplementedError

    def bound(self, terms: Terms, own: Own) -> Means:
        """How far at most chance takes what a report says from the own estimators, in units by arm, whatever the seed:
        what lies within is no lie as long as the key is closed. Asked of a rule that draws alone."""
        raise NotImplementedError

    def is_valid(self, terms: Terms, values: Means) -> bool:
        """Whether a report may say so: what is not valid counts as withheld."""
        return all(map(is_estimate, values))


class Learnt(NamedTuple):
    """What everybody knows of the arms when a learning round opens.

    Attributes:
        round: t.
        seed: seed_t, known since the opening.
        means: the estimators in force, in units.
        pulls: n_ref of each arm.
        worth: how many reports each of the means counts for, see `Aggregation.worth`; 1 each with a flat C1.
    """

    round: int
    seed: bytes
    means: Means
    pulls: Counts
    worth: tuple[int, ...]


class Policy(Rule):
    """Arm policy: the arm that honest participants pull in a learning round (Algorithm 1).

    It is a function of the chain, so that all pull the same one: what somebody saw alone has no part in it, and it
    keeps no state. Round-robin in the burn-in and exploration rounds are no policy's.
    """

    kind = RuleKind.POLICY

    def arm(self, terms: Terms, learnt: Learnt) -> int:
        """The arm, from 0 to K - 1."""
        raise NotImplementedError
