"""The canonical parameters of a game: what the contract is deployed with and the genesis digest binds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

from chain_bandit.protocol.digests import keccak, word
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.quorum import QuorumChoice, quorum
from chain_bandit.protocol.rule import Terms
from chain_bandit.protocol.ruleset import (
    BY_THE_PARAMETERS,
    CHOSEN,
    COMPUTED,
    STATE,
    WEIGHTS,
    RuleChoice,
    RuleKind,
    RulesUnknown,
    classes,
    declaration,
    declared,
)

ODDS = 2**64
"""Probabilities of draws are integers over this."""

MAX_WEIGHT = 2**10
"""The most trials of a seat in the draw of validators, and the most stakes that it deposits; thresholds are exact, and
their length grows with the trials."""

ACCUSED_AHEAD = 3
"""Rounds for which the block list must be known when one is signed: its record moves the reputations of seats
listed in the next, and names the validators of up to two rounds later. Evidence accepted meanwhile counts later yet."""

PROOF_BYTES = 81
"""Of a proof of a verifiable random function, see `crypto.vrf`."""


NO_RULE = RuleChoice(RuleKind.AGGREGATION, "")
"""Where the rules do not matter."""

ACCURACY = RuleChoice(RuleKind.REPUTATION, "accuracy")
"""The reputation of section 3, which the contract computes."""

ESTIMATES = RuleChoice(RuleKind.DISCLOSURE, "estimates")
"""Reports that say local estimators as they are."""

UCB1 = RuleChoice(RuleKind.POLICY, "ucb1")
"""The policy of Algorithm 1, of which a declaration says nothing."""


class BodyMode(IntEnum):
    """Where the body of a block lies."""

    FULL = 0
    """In calldata: the contract computes means and accuracies itself, the chain alone is enough for an audit."""
    COMPACT = 1
    """Beside the chain, under its hash: the quorum vouches for means and accuracies."""


SEALED_BYTES = 21
"""A sealed record: uint8 arm and uint32 reward, and the 16 bytes of their authentication (RFC 8452)."""

FIELDS = {
    "participants": 16, "validators": 16, "arms": 8, "horizon": 32, "burn_in": 32, "liars": 16, "attackers": 16,
    "threshold": 32, "rules": 256, "attested": 8, "payload": 16, "quorum_choice": 8, "failure_limit": 16,
    "c1_numerator": 64, "c1_denominator": 64, "c1_per_report": 8, "body_mode": 8, "unrecorded": 16, "tolerance": 32,
    "skip_penalty": 16, "evidence_penalty": 16, "cost": 8, "sortition": 128, "probing": 128, "commanders": 128,
    "wei_per_unit": 64, "stake": 128, "opening_deadline": 32, "skip_deadline": 32, "burn_in_blocks": 32,
    "game_blocks": 32, "settlement_window": 32, "sealed": 8, "unrevealed_penalty": 128,
    "slash": 128, "finders_fee": 128, "growth": 32, "paid_burn_in": 8, "dimension": 16, "reward_source": 8,
    "participants_root": 256, "extension": 256,
}  # fmt: skip
"""Bits of each field of the contract's `Parameters` struct, in order; behind `slash` all but `growth` and
`paid_burn_in` are 0."""


@dataclass(frozen=True)
class Parameters:
    """Every number that decides a game; `fields` are what the contract has of them.

    Args:
        participants: M, seats of the game.
        validators: N, the best by reputation, which validate a round after a recorded one; M for all of them.
        arms: K.
        horizon: T, the last round.
        burn_in: L, a multiple of K; rewards of rounds 1..L are observed, and paid with `paid_burn_in` only.
        liars: f, assumed bound on participants that may report falsely.
        attackers: m, assumed bound on participants that may attack the consensus.
        threshold: k of k * n > n_ref, at least 2.
        aggregation: the rule by which estimators come from reports.
        quorum_choice: a `QuorumChoice`.
        failure_limit: failed rounds in a row after which one exploration round is recorded.
        c1_numerator, c1_denominator: C1 of the confidence width as a fraction.
        c1_per_report: 1 when C1 is further divided by |B_i| of the block in force, else 0.
        body_mode: a `BodyMode`.
        unrecorded: w, the most rounds that may wait to be recorded while the next one is signed, see `evidence_delay`.
        tolerance: the accuracy distance in units from which a report earns no reputation.
        skip_penalty: reputation that a skip costs each member of its committee.
        evidence_penalty: reputation that a proof of equivocation costs.
        cost: a `Cost`.
        sortition: success probability of each trial that a seat has in a round, as many as it weighs, over
            `ODDS`; 0 without sortition.
        probing, commanders: the probabilities with which a validator commands in rounds up to L, and after it, over
            `ODDS`; every validator does with `ODDS` itself.
        wei_per_unit: wei paid for one unit (1e-9) of reward.
        stake: wei that every participant deposits, as often as it weighs.
        opening_deadline, skip_deadline, burn_in_blocks, game_blocks, settlement_window: in chain blocks.
        sealed: 1 when reports carry the last receipt sealed and settlement only receipt tags, else 0.
        unrevealed_penalty: wei that a participant of a sealed game loses which does not reveal its sealing key.
        slash: wei that a participant loses which is proven to have signed two contents in one slot, or to lie.
        provable: 1 when a report names the round whose tally it rests on, so that a false one can be proven, else 0.
        paid_burn_in: 1 when rewards of rounds 1..L are paid, with the first one that is settled after L; else 0.
        growth: of phases, in units: the pulls that a block decides, over those of its arm before it; 0 for one each.
        reputation: the rule by which a block moves reputations.
        disclosure: the rule by which reports say local estimators.
        selection: the rule that chooses validators; None for the one that N and sortition say.
        policy: the rule by which arms are pulled.
        vouched: trust classes that the rules ask for, beyond what body and draws imply, see `rules.vouched`.
    """

    participants: int
    validators: int
    arms: int
    horizon: int
    burn_in: int
    liars: int
    attackers: int
    threshold: int
    aggregation: RuleChoice
    quorum_choice: int
    failure_limit: int
    c1_numerator: int
    c1_denominator: int
    c1_per_report: int
    body_mode: int
    unrecorded: int
    tolerance: int
    skip_penalty: int
    evidence_penalty: int
    cost: int
    sortition: int
    probing: int
    commanders: int
    wei_per_unit: int
    stake: int
    opening_deadline: int
    skip_deadline: int
    burn_in_blocks: int
    game_blocks: int
    settlement_window: int
    sealed: int = 0
    unrevealed_penalty: int = 0
    slash: int = 0
    reputation: RuleChoice = ACCURACY
    disclosure: RuleChoice = ESTIMATES
    selection: RuleChoice | None = None
    policy: RuleChoice = UCB1
    vouched: int = 0
    provable: int = 0
    paid_burn_in: int = 0
    growth: int = 0

    def __hash__(self) -> int:
        """Of all fields, taken once: whatever is memoised by the parameters asks for it at every call."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(astuple(self))

    def quorum(self, validators: int) -> int:
        """Signatures that certify a block of a committee of so many."""
        return quorum(validators, self.attackers, QuorumChoice(self.quorum_choice), self.half_expected)

    @cached_property
    def half_expected(self) -> int:
        """floor(E / 2), E = M p the members that sortition draws on average where every weight is 1; exact, of p as
        it is here. Weights are registered later and draw more: this is the least that E can be."""
        return self.participants * self.sortition // (2 * ODDS)

    @cached_property
    def heaviest(self) -> int:
        """The most that a seat may weigh."""
        return MAX_WEIGHT if self.sortition else 1

    @cached_property
    def evidence_delay(self) -> int:
        """Rounds from the contract's open round on until evidence that it takes counts (protocol.md: Consensus).

        A header is signed when w rounds at most wait, and names the committee of up to two rounds later (an exploration
        may come between): what it rests on must not change any more.
        """
        return self.unrecorded + ACCUSED_AHEAD

    @cached_property
    def everybody(self) -> int:
        """The set of all seats."""
        return (1 << self.participants) - 1

    @cached_property
    def has_committees(self) -> bool:
        """Whether some participants only participate: the contract then keeps the committee of the open round."""
        return self.validators < self.participants or self.names_committee

    @cached_property
    def names_committee(self) -> bool:
        """Whether headers name the next validators, where these do not follow from reputations alone."""
        return self.sortition > 0 or bool(self.vouched & CHOSEN)

    @cached_property
    def least_committee(self) -> int:
        """The fewest validators that a header may name, or all that are eligible: a quorum of a draw, else N."""
        return self.quorum(0) if self.sortition else self.validators

    @cached_property
    def is_attested(self) -> bool:
        """Whether means and weights are the quorum's word; else the contract computes them from the body."""
        return bool(self.attested & COMPUTED)

    @cached_property
    def sets_reputations(self) -> bool:
        """Whether reputations are what headers say; else they move towards it."""
        return bool(self.vouched & WEIGHTS)

    @cached_property
    def keeps_state(self) -> bool:
        """Whether headers carry what rules keep."""
        return bool(self.vouched & STATE)

    @cached_property
    def draws_commanders(self) -> bool:
        """Whether a round has only the commanders that were drawn for it: headers then name them."""
        return self.commanders < ODDS

    @cached_property
    def draws(self) -> bool:
        """Whether anything is drawn, so that reports carry a proof."""
        return self.sortition > 0 or self.draws_commanders

    @cached_property
    def report_bytes(self) -> int:
        """Bytes of a report's content: a uint32 for each of the payload's integers, 32 commitment, 81 proof if anything
        is drawn, 21 if sealed."""
        return 4 * self.payload + 32 + PROOF_BYTES * self.draws + SEALED_BYTES * self.sealed

    @cached_property
    def mask_bytes(self) -> int:
        """Bytes of a set of seats: an unsigned big-endian integer whose bit p stands for seat p."""
        return (self.participants + 7) // 8

    @cached_property
    def successor_bytes(self) -> int:
        """Bytes of what a header says of the next round: its validators, its commanders, as far as it names them."""
        return self.mask_bytes * (self.has_committees + self.draws_commanders)

    @cached_property
    def rules(self) -> tuple[RuleChoice, ...]:
        """The rules of the game, by kind."""
        return (
            self.aggregation,
            self.reputation,
            self.selected_by,
            self.disclosure,
            *(() if self.policy == UCB1 else (self.policy,)),
        )

    @cached_property
    def selected_by(self) -> RuleChoice:
        """The rule that chooses validators."""
        if self.selection is not None:
            return self.selection
        few = self.validators < self.participants
        return RuleChoice(
            RuleKind.SELECTION, "sortition" if self.sortition else "best-by-reputation" if few else "everybody"
        )

    @cached_property
    def terms(self) -> Terms:
        """What its aggregation knows of the game."""
        return self.terms_of(self.aggregation)

    def terms_of(self, choice: RuleChoice) -> Terms:
        """What one of its rules knows of the game."""
        options = dict(choice.options)  # parameters go to other processes, where no view of a dict goes
        return Terms(
            self.participants, self.arms, self.liars, self.attackers, self.burn_in, self.horizon, self.tolerance,
            options, (self.c1_numerator, self.c1_denominator),
        )  # fmt: skip

    @cached_property
    def declaration(self) -> bytes:
        """What the creation declares of the rules."""
        return declaration(self.rules)

    @property
    def payload(self) -> int:
        """Integers in a report's payload: an estimator of each arm, and the round that it names."""
        return self.arms + self.provable

    @property
    def counted(self) -> str:
        """What times and T count, in a word: pulls in a game with phases, rounds in any other."""
        return "pull" if self.has_phases else "round"

    @property
    def has_phases(self) -> bool:
        """Whether blocks say how often their arm is pulled; else once."""
        return self.growth > 0

    @property
    def settles_burn_in(self) -> bool:
        """Whether the first settlement says what everybody was given in rounds 1 to L."""
        return bool(self.settles_tallies or self.paid_burn_in)

    @property
    def settles_tallies(self) -> bool:
        """Whether each settlement ends with a root of tallies; in a sealed game the sums alone do."""
        return bool(self.provable and not self.sealed)

    @property
    def shown_within(self) -> int:
        """Chain blocks after the game in which its rewards are settled, and a sealed game is opened.

        Where false reports can be proven, three quarters of the window are left for what follows from that.
        """
        return self.settlement_window // (4 if self.provable else 1)

    @property
    def attested(self) -> int:
        """Trust classes, a bit a `RuleKind`: set where the contract takes the outcome on the quorum's word.

        Else it computes it itself: means and accuracies from the reports in calldata, the best by reputation. Which
        reports count, B_i, is the quorum's word in every game. Three more bits are `WEIGHTS`, `STATE`, `CHOSEN`.
        """
        return classes(self.body_mode == BodyMode.COMPACT, self.draws, self.vouched)

    def fields(self) -> tuple[int, ...]:
        """The contract's struct, in the order of `FIELDS`."""
        given = {"rules": int.from_bytes(keccak(self.declaration))}
        return tuple(given[name] if name in given else getattr(self, name, 0) for name in FIELDS)

    @staticmethod
    def without_rules(fields: Sequence[int]) -> "Parameters":
        """The parameters of the contract's struct with some rules: nothing that the contract knows depends on these.

        Raises:
            Malformed: no game of this version has them, whatever its rules.
        """
        given = dict(zip(FIELDS, fields, strict=True))
        for name, bits in FIELDS.items():
            if given[name] >> bits:
                raise Malformed("parameters", f"{name} of {bits} bits", given[name])
        own: dict[str, Any] = {name: given[name] for name in Parameters.__dataclass_fields__ if name in given}
        made = Parameters(**own, aggregation=NO_RULE)
        named = int(given["payload"] == given["arms"] + 1)
        made = replace(made, vouched=given["attested"] & ~made.attested, provable=named)
        for name, expected in zip(FIELDS, made.fields(), strict=True):
            if name != "rules" and expected != given[name]:
                raise Malformed("parameters", f"{name} = {expected}", given[name])
        return made

    @staticmethod
    def of(fields: Sequence[int], text: bytes) -> "Parameters":
        """The parameters of the contract's struct and the declaration of rules.

        Raises:
            Malformed: they do not fit each other, or no game has them.
            RulesUnknown: rules of other kinds than those of this version; whether it has the aggregation shows when
                it is used.
        """
        made = Parameters.without_rules(fields)
        if keccak(text) != word(dict(zip(FIELDS, fields, strict=True))["rules"]):
            raise Malformed("parameters", f"rules = 0x{keccak(text).hex()}", "another digest")
        rules = declared(text)
        made = _with_rules(made, rules)
        if made.rules != rules:
            raise RulesUnknown("; ".join(map(str, rules)) or "no rules")
        return made

    def numbers(self) -> dict[str, int]:
        """All but the rules, by name; of those that have no field of their own the ones that are set."""
        numbers = {name: getattr(self, name) for name in Parameters.__dataclass_fields__ if name in FIELDS}
        return numbers | {name: value for name in ("vouched", "provable") if (value := getattr(self, name))}

    @staticmethod
    def from_numbers(numbers: Mapping[str, Any], text: str) -> "Parameters":
        """The parameters with such `numbers` and such a declaration. Raises as `declared`."""
        return _with_rules(Parameters(**numbers, aggregation=NO_RULE), declared(text.encode()))

    def words(self) -> bytes:
        """ABI encoding of the contract's `Parameters` struct, one word a field."""
        return b"".join(map(word, self.fields()))

    def digest(self, salt_commitment: bytes, secret_commitment: bytes) -> bytes:
        """The game's identity, known at deployment."""
        return game_digest(self.fields(), salt_commitment, secret_commitment)


def _with_rules(made: Parameters, rules: Sequence[RuleChoice]) -> Parameters:
    named = {rule.kind: rule for rule in rules}
    selection = named.get(RuleKind.SELECTION)
    if selection is not None and selection.name in BY_THE_PARAMETERS and not selection.digest:
        selection = None
    return replace(
        made, aggregation=named.get(RuleKind.AGGREGATION, NO_RULE), reputation=named.get(RuleKind.REPUTATION, ACCURACY),
        disclosure=named.get(RuleKind.DISCLOSURE, ESTIMATES), policy=named.get(RuleKind.POLICY, UCB1),
        selection=selection,
    )  # fmt: skip


def game_digest(fields: Iterable[int], salt_commitment: bytes, secret_commitment: bytes) -> bytes:
    """keccak(parameters as ABI words, the environment's two commitments)."""
    return keccak(*map(word, fields), salt_commitment, secret_commitment)
