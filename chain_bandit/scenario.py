"""Scenario: one model behind the file, the command line and the Python interface (TOML, pydantic)."""

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from io import BytesIO, TextIOWrapper
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from chain_bandit.append_log import regular_file
from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.malicious import Combined
from chain_bandit.environments import registry as environments
from chain_bandit.environments.bernoulli import bernoulli_model
from chain_bandit.environments.live_csv import is_file
from chain_bandit.environments.table import RecordedTable, load_table
from chain_bandit.examples import examples, found
from chain_bandit.foreign.registry import named
from chain_bandit.foreign.source import KINDS, from_anywhere
from chain_bandit.presets import PAPER, PRESETS, RECOMMENDED, known, unprovable, with_defaults
from chain_bandit.protocol import assumptions, rules
from chain_bandit.protocol.arms import burn_in_length
from chain_bandit.protocol.committee import smallest
from chain_bandit.protocol.errors import AssumptionBroken, ChainBanditError, require
from chain_bandit.protocol.parameters import ODDS, BodyMode, Parameters
from chain_bandit.protocol.quorum import QuorumChoice, least_committee
from chain_bandit.protocol.rewards import LIVE, SELF_DECLARED, RewardModel, live_model, self_declared_model
from chain_bandit.protocol.ruleset import MOST_STEPS, RuleChoice, RuleKind, RuleRefused
from chain_bandit.protocol.settlement import Conduct, Cost
from chain_bandit.protocol.sharing import FEWEST_PARTIES, MOST_PARTIES
from chain_bandit.protocol.sortition import commander_probabilities, honest_commanders
from chain_bandit.protocol.transaction import least_window, most_entries, require_room
from chain_bandit.protocol.units import MOST, UNIT

_EXPECTATION = r"^(<=|>=|<|>) ?-?\d{1,40}(\.\d{1,40})?$|^== ?\S{1,100}$"

_BITS = 256
"""What the largest number of a scenario, a seed, fits into."""

_MOST_BYTES = 1 << 20
"""Of a scenario or a sweep."""

_DEEPEST = 32
"""Tables and lists within each other."""

_MOST_DOTS = 256
"""On one line beside those of numbers: to read a key takes memory by the square of its parts."""

_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+\.\d+")

SEAT = "{seat}"
"""What stands for a participant's number in the source of its own rewards."""

_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


class ScenarioInvalid(ChainBanditError):
    """A scenario that cannot be read: says where and what, with the nearest known name for an unknown key."""

    exit_code = 3

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        super().__init__(f"{file}{f':{line}' if line else ''}: {reason}")
        self.file, self.line, self.reason = file, line, reason


class Strict(BaseModel):
    """What a file may say, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, ser_json_inf_nan="constants")


def unit(name: str) -> dict[str, Any]:
    """What a number of a scenario counts, for its schema and its reference page."""
    return {"unit": name}


class BernoulliRewards(Strict):
    """Reward 1 with the arm's mean as probability, else 0."""

    kind: Literal["bernoulli"] = Field(description="this kind of rewards")
    means: tuple[float, ...] = Field(strict=False, description="one probability an arm")


class TableRewards(Strict):
    """Draws with replacement from recorded rewards."""

    kind: Literal["table"] = Field(description="this kind of rewards")
    file: str = Field(description="CSV with columns arm, reward, count; relative to the scenario file")


class OutsideRewards(Strict):
    """Rewards that come from outside while the game is played; the audit does not redraw them."""

    kind: str = Field(description="http, csv, live or self-declared")
    arms: tuple[Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")], ...] = Field(
        strict=False, min_length=1, max_length=MOST, description="a name for each arm"
    )
    reward_timeout: float = Field(
        default=5.0, gt=0, le=3_600, json_schema_extra=unit("s"),
        description="time for a pull, retries included; then it is forfeited, or asked again up to round L",
    )

    @model_validator(mode="after")
    def _names_differ(self) -> "OutsideRewards":
        if len(set(self.arms)) != len(self.arms):
            raise ValueError("two arms have one name")
        return self


class HttpRewards(OutsideRewards):
    """A service that is asked for each pull."""

    kind: Literal["http"] = Field(description="this kind of rewards")
    url: str = Field(pattern=r"^https?://[^\s@]{1,2000}$", description="takes a POST a pull, see live-rewards.md")


class CsvRewards(OutsideRewards):
    """Recorded rewards in order: the k-th pull of an arm takes its k-th row."""

    kind: Literal["csv"] = Field(description="this kind of rewards")
    file: str = Field(description="CSV with columns arm, reward; relative to the scenario file")


class CallableRewards(OutsideRewards):
    """A Python function that is called for each pull."""

    kind: Literal["live"] = Field(description="this kind of rewards")
    source: str = Field(description="module:function, or the name of an entry point")


class SelfDeclaredRewards(OutsideRewards):
    """Each participant observes its own rewards, reports what it likes, and is paid one whole reward a pull."""

    kind: Literal["self-declared"] = Field(description="this kind of rewards")
    source: str | None = Field(
        default=None, min_length=1, max_length=2000,
        description="of each participant, {seat} stands for its number: a URL, a file *.csv, module:function or an "
        "entry point; without it each node names its own",
    )

    @property
    def is_file(self) -> bool:
        """Whether each participant reads a file."""
        return is_file(self.source or "")

    def source_of(self, seat: int) -> str:
        """Where a participant observes them."""
        return (self.source or "").replace(SEAT, str(seat))

    @field_validator("source")
    @classmethod
    def _has_one_folder(cls, source: str | None) -> str | None:
        if source is not None and is_file(source) and SEAT in source.rpartition("/")[0]:
            raise ValueError(f"{SEAT} may stand in the name of a file, not of its folder")
        return source


class OtherRewards(BaseModel):
    """Rewards of a plug-in; every other key is an option of it."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, ser_json_inf_nan="constants")

    kind: str = Field(
        description="bernoulli, table, http, csv, live, self-declared, the name of a plug-in, or module:function"
    )


class AttackChoice(Strict):
    """One attack and its options."""

    name: str = Field(description="a known attack, or module:Class")
    options: dict[str, Any] = Field(default={}, description="of the attack, by name")


class RuleEntry(Strict):
    """A rule and its options."""

    name: str = Field(description="a shipped rule, a rule of a package, or path/to/file.py:Class")
    options: dict[str, int | float] = Field(default={}, description="of the rule, by name")
    steps: int | None = Field(
        default=None, ge=1, le=MOST_STEPS, description="most counted in one call of a foreign rule; by default 10^6"
    )


_TABLE, _NAME = "of a table", "of a name"

RuleGiven = Annotated[
    Annotated[str, Tag(_NAME)] | Annotated[RuleEntry, Tag(_TABLE)],
    Discriminator(lambda given: _TABLE if isinstance(given, dict | RuleEntry) else _NAME),
    Field(description="a rule's name, or {name = …, options = {…}}"),
]
"""A rule as a scenario names it."""


class Malicious(Strict):
    """A malicious participant."""

    seat: int = Field(ge=0, description="index of the participant, from 0")
    attacks: tuple[AttackChoice, ...] = Field(strict=False, min_length=1, description="what it does, together")


class Adversary(Strict):
    """Malicious seats by what they attack, the last seats of the game, beside those that are named (section 2).

    Attackers come last; before them those that do both, before these the liars.
    """

    estimators: tuple[AttackChoice, ...] = Field(default=(), strict=False, description="attacks of the liars")
    consensus: tuple[AttackChoice, ...] = Field(default=(), strict=False, description="attacks of the attackers")
    liars: int = Field(default=0, ge=0, description="|M_A1|: lie about estimators only")
    both: int = Field(default=0, ge=0, description="|M_A3|: lie and attack the consensus")
    attackers: int = Field(default=0, ge=0, description="|M_A2|: attack the consensus only")

    def seats(self, participants: int) -> tuple[Malicious, ...]:
        """Who does what."""
        kinds = (
            (self.liars, self.estimators),
            (self.both, (*self.estimators, *self.consensus)),
            (self.attackers, self.consensus),
        )
        first = participants - self.liars - self.both - self.attackers
        todo = [attacks for count, attacks in kinds for _ in range(count)]
        return tuple(Malicious(seat=first + index, attacks=attacks) for index, attacks in enumerate(todo) if attacks)


class Chain(Strict):
    """Money and deadlines of the contract; deadlines in chain blocks."""

    wei_per_unit: int = Field(
        default=1, ge=1, description="wei paid for 1e-9 of a whole reward", json_schema_extra=unit("wei")
    )
    opening_deadline: int = Field(
        default=5_000, ge=1, json_schema_extra=unit("blocks"),
        description="until everybody must have joined; then stakes can be withdrawn",
    )
    skip_deadline: int = Field(
        default=100, ge=1, json_schema_extra=unit("blocks"),
        description="after the last record; then anybody may skip a round without a certificate",
    )
    settlement_window: int | None = Field(
        default=None, ge=1, json_schema_extra=unit("blocks"),
        description="after the last round, for settlements; by default 20000, with a slash 500 + T / 10, or more",
    )
    settle_every: int = Field(
        default=25, ge=1, description="rewards settled in one transaction", json_schema_extra=unit("rounds")
    )
    costs_every: int | None = Field(
        default=None, ge=1, json_schema_extra=unit("rounds"),
        description="costs settled in one transaction; by default 50, or what fits",
    )
    body: Literal["full", "compact"] = Field(default="full", description="reports in calldata, or beside the chain")
    batch: int = Field(
        default=1, ge=1, le=256, description="recorded in one transaction", json_schema_extra=unit("rounds")
    )
    unrecorded: int | None = Field(
        default=None, ge=1, lt=2**16, json_schema_extra=unit("rounds"),
        description="w: how many may wait for a record; at least batch, its default",
    )
    confirmations: int = Field(
        default=1, ge=1, le=64, json_schema_extra=unit("blocks"),
        description="how deep a receipt must be to count, on a chain at a URL that mines by itself",
    )
    certificates: Literal["head", "each"] | None = Field(
        default=None,
        description="of a batch: one quorum over its last block, the default if all validate, or one over each",
    )


_REWARDS = BernoulliRewards, TableRewards, HttpRewards, CsvRewards, CallableRewards, SelfDeclaredRewards


def rewards_by_kind() -> Mapping[str, type[BaseModel]]:
    """What a scenario's own kinds of rewards are, by name."""
    return {get_args(model.model_fields["kind"].annotation)[0]: model for model in _REWARDS}


def _kind_of_rewards(given: Any) -> str:
    kind = given.get("kind") if isinstance(given, Mapping) else getattr(given, "kind", None)
    return kind if kind in environments.OURS else "other"


class Scenario(Strict):
    """A game: its participants, length, assumptions and rewards."""

    _excluded: tuple[str, ...] = ()

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="of the game, and of its run folder")
    preset: Annotated[str, AfterValidator(known)] = Field(
        default=PAPER, exclude=True, json_schema_extra={"default": RECOMMENDED},
        description="recommended, the default of files, or paper: values of keys not given",
    )
    seed: int = Field(default=0, ge=0, lt=2**256, description="of all chance and keys: one seed, the same bytes")
    participants: int = Field(description="M: participants, numbered from 0", json_schema_extra=unit("participants"))
    rounds: int = Field(description="T: the horizon; with growth, pulls", json_schema_extra=unit("rounds"))
    liars: int = Field(
        description="f: assumed bound on participants with false estimators", json_schema_extra=unit("participants")
    )
    attackers: int = Field(
        description="m: assumed bound on participants that attack the consensus", json_schema_extra=unit("participants")
    )
    rewards: Annotated[
        Annotated[BernoulliRewards, Tag("bernoulli")]
        | Annotated[TableRewards, Tag("table")]
        | Annotated[HttpRewards, Tag("http")]
        | Annotated[CsvRewards, Tag("csv")]
        | Annotated[CallableRewards, Tag("live")]
        | Annotated[SelfDeclaredRewards, Tag("self-declared")]
        | Annotated[OtherRewards, Tag("other")],
        Discriminator(_kind_of_rewards),
    ] = Field(description="the arms and what pulling them gives")
    malicious: tuple[Malicious, ...] = Field(
        default=(), strict=False, description="participants that are malicious, one table each"
    )
    adversary: Adversary = Field(default=Adversary(), description="malicious participants by number, the last seats")
    burn_in: int | None = Field(
        default=None, json_schema_extra=unit("rounds"),
        description="L, a multiple of the K arms; by default K * ceil(burn_in_factor * ln T)",
    )
    burn_in_factor: float = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="c of the burn-in's default length"
    )
    threshold: int = Field(
        default=2, description="k: reports count with more than 1/k of the reference's pulls of every arm"
    )
    aggregation: RuleGiven = Field(default="option-1", description="how estimators come from reports")
    reputation: RuleGiven = Field(default="accuracy", description="what a block's reports do to reputations")
    disclosure: RuleGiven = Field(default="estimates", description="what reports say of local estimators")
    selection: RuleGiven | None = Field(
        default=None, description="which seats validate; by default what N and sortition say"
    )
    policy: RuleGiven = Field(default="ucb1", description="which arm is pulled in a learning round")
    cost: Literal["constant", "distance"] = Field(
        default="constant", description="of a round with a lie in force; none where false reports can be proven"
    )
    quorum: Literal["majority", "two-thirds"] = Field(
        default="two-thirds", description="that certifies a block: floor((n + m) / 2) + 1, or the paper's majority"
    )
    vectors: Literal["plain", "certified"] = Field(
        default="plain", description="of reports: those that a quorum echoes alike end their broadcast, if certified"
    )
    comparison: Literal["ideal", "mpc"] = Field(default="ideal", description="trusted, or among validators")
    parties: int = Field(
        default=3, ge=FEWEST_PARTIES, le=MOST_PARTIES, description="validators that compute the comparison, with mpc"
    )
    failure_limit: int = Field(
        default=2, description="s: failed in a row before an unpaid exploration", json_schema_extra=unit("rounds")
    )
    validators: int | None = Field(
        default=None, json_schema_extra=unit("participants"),
        description="N: validators of a round, the best by reputation; by default everybody",
    )
    sortition: float | None = Field(
        default=None, gt=0, le=1, description="chance of each participant to validate a round; by default no draw"
    )
    weights: tuple[int, ...] = Field(
        default=(), strict=False,
        description="trials of each participant in the draw, and stakes that it deposits; by default 1 each",
    )
    growth: float = Field(
        default=0.0, ge=0, le=4,
        description="of phases: how often a block's arm is pulled, over its pulls before; 0: once",
    )
    commanders: Literal["all", "trust"] = Field(
        default="all", description="every validator, or those drawn with the trust coefficients of Theorem 5"
    )
    tolerance: float = Field(
        default=0.1, gt=0, le=4, description="distance from which a report earns no reputation"
    )
    skip_penalty: int = Field(default=4_096, ge=1, description="reputation, of 65535, that a skip costs a validator")
    evidence_penalty: int = Field(default=65_535, ge=0, description="reputation that a proof of equivocation costs")
    sealed: bool = Field(default=False, description="arms and rewards stay hidden until keys are revealed")
    unrevealed_penalty: float = Field(
        default=1.0, ge=0, le=1, json_schema_extra=unit("of T whole rewards"),
        description="share that not revealing a sealing key costs; deposited with the stake",
    )
    slash: float = Field(
        default=0.0, ge=0, le=1, json_schema_extra=unit("of T whole rewards"),
        description="share that a proof of equivocation or of a false report takes; deposited with the stake",
    )
    paid_burn_in: bool = Field(
        default=False, description="pay rewards of rounds 1 to L, with a participant's first settled pull after L"
    )
    exploration: str = Field(
        default="2/b", pattern=r"^\d{1,20}(\.\d{1,20})?(/b)?$", description="C1, /b: divided by |B_i|"
    )
    bound_ms: int = Field(
        default=500, ge=1, le=600_000, json_schema_extra=unit("ms"),
        description="Δ between nodes of their own: a step waits no longer for a message; see docs/nodes.md",
    )
    pull_wait: int = Field(
        default=60, ge=1, le=100_000,
        description="times Δ among nodes: how long a recorded round's pulls are waited for; then they are forfeited",
    )
    chain: Chain = Field(default=Chain(), description="money and deadlines of the contract")
    expect: dict[str, Annotated[str, Field(pattern=_EXPECTATION)]] = Field(
        default={}, description="what must hold of the manifest, as \"regret.final\" = \"< 250\"; else exit code 14"
    )
    folder: Path = Field(default=Path(), exclude=True, strict=False, description="what `file` is relative to")

    @model_validator(mode="before")
    @classmethod
    def _of_preset(cls, given: Any, info: ValidationInfo) -> Any:
        return with_defaults(given, info.context or ()) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _without(self, info: ValidationInfo) -> Self:
        self._excluded = tuple(info.context or ())
        return self

    @property
    def excluded(self) -> tuple[str, ...]:
        """The keys of its preset that it is without, as its own exclude them."""
        return self._excluded

    @cached_property
    def table(self) -> RecordedTable | None:
        """The recorded rewards, when the scenario names a table."""
        return load_table(self.folder / self.rewards.file) if isinstance(self.rewards, TableRewards) else None

    @cached_property
    def model(self) -> RewardModel:
        """The environment's reward model; of live rewards what stands in its place."""
        if isinstance(self.rewards, OutsideRewards):
            made = self_declared_model if self.is_self_declared else live_model
            return made(len(self.rewards.arms))
        if isinstance(self.rewards, BernoulliRewards):
            return bernoulli_model(self.rewards.means)
        if isinstance(self.rewards, OtherRewards):
            return environments.make(self.rewards.kind, self.rewards.model_extra or {})
        assert self.table is not None
        return self.table.model

    @property
    def arm_names(self) -> tuple[str, ...]:
        """A name for each arm."""
        if isinstance(self.rewards, OutsideRewards):
            return self.rewards.arms
        return self.table.names if self.table else tuple(f"arm {i}" for i in range(len(self.model.arms)))

    @cached_property
    def parameters(self) -> Parameters:
        """The canonical parameters. Raises `AssumptionBroken` for a setting that the theory forbids."""
        require(self.rounds >= 2, "rounds", "T >= 2", T=self.rounds)
        chain, c1, selection = self.chain, Fraction(self.exploration.removesuffix("/b")), self._selection()
        self._require_room_for_blocks()
        burn_in, validators = self._burn_in, self._validators(selection)
        penalty, slash = self._of_stake(self.unrevealed_penalty) if self.sealed else 0, self._of_stake(self.slash)
        probing, commanders = self._commanders(validators, burn_in)
        parameters = Parameters(
            participants=self.participants,
            validators=validators,
            arms=len(self.model.arms),
            horizon=self.rounds,
            burn_in=burn_in,
            liars=self.liars,
            attackers=self.attackers,
            threshold=self.threshold,
            aggregation=self.chosen(RuleKind.AGGREGATION, self.aggregation),
            reputation=self.chosen(RuleKind.REPUTATION, self.reputation),
            disclosure=self.chosen(RuleKind.DISCLOSURE, self.disclosure),
            selection=selection,
            policy=self.chosen(RuleKind.POLICY, self.policy),
            quorum_choice=self._quorum,
            failure_limit=self.failure_limit,
            c1_numerator=c1.numerator,
            c1_denominator=c1.denominator,
            c1_per_report=int(self.exploration.endswith("/b")),
            body_mode=BodyMode.COMPACT if chain.body == "compact" else BodyMode.FULL,
            unrecorded=chain.batch if chain.unrecorded is None else chain.unrecorded,
            tolerance=round(self.tolerance * UNIT),
            skip_penalty=self.skip_penalty,
            evidence_penalty=self.evidence_penalty,
            cost=Cost[self.cost.upper()],
            sortition=ceil(Fraction(str(self.sortition or 0)) * ODDS),
            probing=probing,
            commanders=commanders,
            wei_per_unit=chain.wei_per_unit,
            stake=self._least_stake + penalty + slash,
            opening_deadline=chain.opening_deadline,
            skip_deadline=chain.skip_deadline,
            burn_in_blocks=burn_in,
            game_blocks=self.rounds * (chain.skip_deadline + 4),
            settlement_window=chain.settlement_window or 1,
            sealed=int(self.sealed),
            unrevealed_penalty=penalty,
            slash=slash,
            provable=int(slash > 0 and not self.unproven),
            paid_burn_in=int(self.paid_burn_in),
            growth=self.growth_units,
        )
        parameters = rules.with_classes(parameters)
        if chain.settlement_window is None:
            parameters = replace(parameters, settlement_window=self._window(parameters))
        assumptions.check(parameters)
        assumptions.check_weights(parameters, self.all_weights)
        self._require_burn_in(parameters)
        return parameters

    def _window(self, parameters: Parameters) -> int:
        """Blocks for settlement: of a sealed game with a slash a quarter has two for everybody's key."""
        proofs = 500 + self.rounds // 10 + 8 * self.participants * self.sealed
        return max(proofs if self.slash else 20_000, 2 * self._least_window(parameters))

    def _least_window(self, parameters: Parameters) -> int:
        return least_window(parameters, self._costs_every(parameters), self.chain.confirmations)

    @property
    def proven_every(self) -> int:
        """Rounds of whose reports the false ones are proven together: a settlement's, of a sealed game all."""
        return self.rounds if self.sealed else self.chain.settle_every

    @property
    def unproven(self) -> str:
        """Why no report of it can be proven false; empty where one can."""
        return unprovable(dict(self))

    def _require_room_for_blocks(self) -> None:
        deadline = self.chain.skip_deadline
        require(
            self.rounds * (deadline + 4) < 2**32, "rounds", "T * (chain.skip_deadline + 4) < 2^32 (blocks of the game)",
            T=self.rounds, skip_deadline=deadline,
        )  # fmt: skip

    def _require_burn_in(self, parameters: Parameters) -> None:
        """A burn-in that the scenario does not name is as long as the rule's theorem asks for."""
        if self.burn_in is not None:
            return
        least = rules.aggregation(parameters).least_burn_in(parameters.terms)
        asked = f"L >= what {parameters.aggregation.name} asks for (unless the scenario names its own L)"
        require(parameters.burn_in >= least, "burn_in", asked, L=parameters.burn_in, least=least)

    @property
    def _burn_in(self) -> int:
        """L."""
        if self.burn_in is not None:
            return self.burn_in
        return burn_in_length(len(self.model.arms), self.rounds, Decimal(str(self.burn_in_factor)))

    @property
    def _quorum(self) -> QuorumChoice:
        return QuorumChoice.TWO_THIRDS if self.quorum == "two-thirds" else QuorumChoice.MAJORITY

    def _validators(self, selection: RuleChoice | None) -> int:
        """N: by default everybody, or the fewest that a rule may choose."""
        if self.validators is not None:
            return self.validators
        return least_committee(self.participants, self.attackers, self._quorum) if selection else self.participants

    def _commanders(self, validators: int, burn_in: int) -> tuple[int, int]:
        """The chances of a validator to probe and to command, over 2^64."""
        if self.commanders == "all":
            return ODDS, ODDS
        honest = honest_commanders(self.participants, validators, self.liars, self.attackers)
        return commander_probabilities(honest, self.rounds, burn_in)

    @property
    def _least_stake(self) -> int:
        """In wei, without what not revealing a sealing key and a proof cost."""
        return assumptions.minimum_stake(self.rounds, self.chain.wei_per_unit)

    def _of_stake(self, share: float) -> int:
        """A share of the dearest cost, in wei: a multiple of `wei_per_unit`, and more than nothing if the share is."""
        return self._least_stake * max(round(share * UNIT), int(share > 0)) // UNIT

    @staticmethod
    def chosen(kind: RuleKind, entry: "str | RuleEntry") -> RuleChoice:
        """The rule of an entry; of a foreign one the code runs from here on. Raises `RuleRefused`."""
        return named(kind, entry) if isinstance(entry, str) else named(kind, entry.name, entry.options, entry.steps)

    @property
    def foreign_rules(self) -> dict[str, str]:
        """By kind what the scenario calls the rules that are not of this version; files by paths from the root."""
        entries = {word: getattr(self, word) for word in KINDS}
        names = {word: getattr(entry, "name", entry) for word, entry in entries.items() if entry is not None}
        foreign = {word: name for word, name in names.items() if name not in rules.names(RuleKind[word.upper()])}
        return {word: from_anywhere(name) for word, name in foreign.items()}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> "Scenario":
        """As pydantic's, without what was computed of the keys before."""
        copied = super().model_copy(update=update, deep=deep)
        for computed in ("table", "model", "parameters"):
            copied.__dict__.pop(computed, None)
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        """Without its parameters: another process has to find the rules of others itself."""
        state = super().__getstate__()
        return state | {"__dict__": {name: held for name, held in state["__dict__"].items() if name != "parameters"}}

    def _selection(self) -> RuleChoice | None:
        """The rule that chooses validators; None where it is the one that N and sortition say. Raises `RuleRefused`."""
        if self.selection is None:
            return None
        choice = self.chosen(RuleKind.SELECTION, self.selection)
        if choice.digest:
            return choice
        few = self.validators is not None and self.validators < self.participants
        said = "sortition" if self.sortition else "best-by-reputation" if few else "everybody"
        if choice.name != said:
            raise RuleRefused(choice.kind, choice.name, f"is not what validators and sortition say, which is {said!r}")
        return None

    @property
    def growth_units(self) -> int:
        """The growth of phases, in units, one at least where there are phases."""
        return max(int(self.growth > 0), round(self.growth * UNIT))

    @property
    def certifies_each(self) -> bool:
        """Whether every block of a batch goes to the chain with its own certificate."""
        named = self.chain.certificates
        return self.parameters.has_committees if named is None else named == "each"

    @property
    def costs_every(self) -> int:
        """Rounds of costs in a transaction."""
        return self._costs_every(self.parameters)

    def _costs_every(self, parameters: Parameters) -> int:
        return self.chain.costs_every or max(1, min(50, most_entries(parameters)))

    @property
    def all_weights(self) -> tuple[int, ...]:
        """The weight of each seat."""
        return self.weights or (1,) * self.participants

    def attacks(self) -> dict[int, Attack]:
        """Fresh attacks by seat."""
        return {
            entry.seat: Combined([_attack(choice.name, choice.options) for choice in entry.attacks])
            for entry in self.all_malicious
        }

    @property
    def all_malicious(self) -> tuple[Malicious, ...]:
        """The seats that are named, and those of the adversary."""
        return (*self.malicious, *self.adversary.seats(self.participants))

    @property
    def is_live(self) -> bool:
        """Whether rewards come from outside while the game is played, so that no model of them is known."""
        return isinstance(self.rewards, OutsideRewards)

    @property
    def is_self_declared(self) -> bool:
        """Whether they come to each participant alone, which is believed or not, and paid alike for every pull."""
        return isinstance(self.rewards, SelfDeclaredRewards)

    @property
    def public_secret(self) -> bytes | None:
        """What an environment commits to that draws nothing; None of one that keeps a secret of its own."""
        if not self.is_live:
            return None
        return SELF_DECLARED if self.is_self_declared else LIVE

    @property
    def roles(self) -> tuple[Conduct, ...]:
        """The conduct of each seat, as the environment commits to it: of live rewards it knows of nobody that lies."""
        if self.is_live:
            return (Conduct.HONEST,) * self.participants
        return self.conducts

    @property
    def conducts(self) -> tuple[Conduct, ...]:
        """The conduct of each seat, as it is played."""
        attacks = self.attacks()
        return tuple(attacks[s].conduct if s in attacks else Conduct.HONEST for s in range(self.participants))

    def check(self) -> None:
        """Refuse what can be refused before anything is deployed. Raises `ChainBanditError`."""
        parameters, chain = self.parameters, self.chain
        require(
            parameters.unrecorded >= chain.batch, "chain.unrecorded", "w >= batch (a batch waits as a whole)",
            w=parameters.unrecorded, batch=chain.batch,
        )  # fmt: skip
        hides = "open rewards where they are live (a sealed game hides them by a secret, and a live game has none)"
        require(not (self.is_live and self.sealed), "sealed", hides, sealed=int(self.sealed))
        proves = "slash = 0 where rewards are self-declared (nobody else sees them: no report can be proven false)"
        require(not (self.is_self_declared and self.slash), "slash", proves, slash=int(self.slash > 0))
        if self.vectors == "certified":
            wanted = 'vectors = "plain", or m >= 1, a quorum of two thirds, and every validator commands'
            fits = parameters.attackers and self.quorum == "two-thirds" and self.commanders == "all"
            require(
                bool(fits), "vectors", wanted, m=parameters.attackers,
                two_thirds=int(self.quorum == "two-thirds"), all_command=int(self.commanders == "all"),
            )  # fmt: skip
        self._check_adversary()
        seats = [entry.seat for entry in self.all_malicious]
        for seat in seats:
            require(
                seat < parameters.participants, "malicious", "seat < M", seat=seat, M=parameters.participants
            )
            require(seats.count(seat) == 1, "malicious", "one entry a seat", seat=seat)
        if self.comparison == "mpc":
            least = smallest(parameters)
            require(
                self.parties <= least, "parties",
                "parties <= validators of the smallest committee: min(N, M - m), drawn max(m, floor(E / 2)) + 1",
                parties=self.parties, validators=least,
            )  # fmt: skip
        self.attacks()

    def check_contract(self) -> None:
        """Refuse what no contract takes, whatever the theory says of it. Raises `ChainBanditError`."""
        parameters, chain = self.parameters, self.chain
        assumptions.check_contract(parameters)
        for seat, attack in self.attacks().items():
            wanted = "nobody rushes (the reports of a round are known in time in simulation only)"
            require(not attack.rushes, "malicious", wanted, seat=seat)
        require(
            self.certifies_each or not parameters.has_committees, "chain.certificates",
            'certificates = "each", or N = M and no sortition (a committee is known from certified blocks only)',
            N=parameters.validators, M=parameters.participants,
        )  # fmt: skip
        certificates = chain.batch if self.certifies_each else 1
        require_room(
            parameters, chain.batch, certificates, chain.settle_every, self.costs_every, self.model.size
        )
        window, least = parameters.settlement_window, self._least_window(parameters)
        fits = "settlement_window >= least, a block for each call after the game (less with more rounds in costs_every)"
        require(window >= least, "chain.settlement_window", fits, settlement_window=window, least=least)

    def _check_adversary(self) -> None:
        """A liar only lies, an attacker only attacks; there must be a way to do either, and seats to do it from.

        The adversary's own keys count the seats that play an attack, also where there are none: a bound is no count.
        """
        them = self.adversary
        total = them.liars + them.both + them.attackers
        require(
            total < self.participants, "adversary", "liars + both + attackers < M", sum=total, M=self.participants
        )
        for name, bound, count, choices, conduct in (
            ("estimators", "liars", them.liars + them.both, them.estimators, Conduct.LIAR),
            ("consensus", "attackers", them.both + them.attackers, them.consensus, Conduct.ATTACKER),
        ):
            wanted = f"at least one attack for the seats of adversary.{name}"
            require(not count or bool(choices), f"adversary.{name}", wanted, seats=count)
            wanted = (
                f"adversary.{bound} or adversary.both says how many seats play this attack; did you mean "
                f"adversary.{bound} in place of {bound}, the assumed bound,"
            )
            counted = {bound, "both"} & them.model_fields_set
            require(not choices or bool(counted), f"adversary.{name}", wanted, **{bound: getattr(self, bound)})
            for choice in choices:
                found = _attack(choice.name, choice.options).conduct
                wanted = f"the conduct of {choice.name} is {int(conduct)} (1 lies, 2 attacks the consensus)"
                require(found == conduct, f"adversary.{name}", wanted, conduct=int(found))


def load(path: Path, overrides: Mapping[str, Any] | None = None, on_chain: bool = True) -> Scenario:
    """The scenario in a TOML file, or a shipped example by its name, with overrides by dotted key.

    Args:
        on_chain: whether a contract is to take it; else only the theory is asked.

    Raises:
        ScenarioInvalid: unreadable, not TOML, unknown key, wrong type.
        ChainBanditError: a setting out of its bounds or that the theory forbids, a bad table, an unknown attack.
    """
    path = found(path)
    return built(path, *read(path), overrides or {}, on_chain)


def read(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a TOML file, and what it says. Raises `ScenarioInvalid`."""
    try:
        with regular_file(path) as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ScenarioInvalid(str(path), None, f"is larger than {_MOST_BYTES} bytes")
        text = TextIOWrapper(BytesIO(data), encoding="utf-8-sig").read()
        return text, parsed(text)
    except FileNotFoundError as error:
        raise ScenarioInvalid(str(path), None, f"cannot be read: {error.strerror}{_meant(path)}") from error
    except OSError as error:
        raise ScenarioInvalid(str(path), None, f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioInvalid(str(path), None, f"is not TOML: {error}") from error
    except ValueError as error:  # of an integer with thousands of digits, which Python does not read
        raise ScenarioInvalid(str(path), None, f"holds a number of more than {_BITS} bits") from error
    except RecursionError as error:
        raise ScenarioInvalid(str(path), None, "is not TOML that anybody wrote: it nests too deep") from error


def _meant(path: Path) -> str:
    """Which file or shipped example somebody meant who named one that is not there."""
    beside = [each.name for each in path.parent.glob("*.toml")] if path.parent.is_dir() else []
    shipped = [] if path.suffix or len(path.parts) > 1 else [*examples()]
    if near := difflib.get_close_matches(path.name, [*shipped, *beside], n=1):
        return f"; did you mean {str(path.with_name(near[0]))!r}?"
    return "" if path.suffix else "; nor is it a shipped example, which `chain-bandit list examples` names"


def parsed(text: str) -> dict[str, Any]:
    """What a text in TOML says.

    Raises:
        ValueError: it is none, or holds an integer with thousands of digits.
        RecursionError: it nests deeper than `_DEEPEST`, or seems to.
    """
    if any(_NUMBER.sub("", line).count(".") > _MOST_DOTS for line in text.split("\n")):
        raise RecursionError
    data = tomllib.loads(text)
    if _depth(data) > _DEEPEST:
        raise RecursionError
    return data


def _attack(name: str, options: dict[str, Any]) -> Attack:
    """Raises `UnknownAttack`."""
    from chain_bandit.attacks.registry import make  # numpy: a node without malice starts without

    return make(name, options)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def built(
    path: Path, text: str, data: Mapping[str, Any], overrides: Mapping[str, Any], on_chain: bool = True
) -> Scenario:
    """The scenario of some data in a file, with overrides by dotted key. Arguments and errors as of `load`."""
    given = {"preset": RECOMMENDED, **data, **{key: value for key, value in overrides.items() if "." not in key}}
    for key in (key for key in overrides if key.startswith(("chain.", "rewards."))):  # a preset asks for these
        _assign(given := deepcopy(given), key, overrides[key], str(path))
    own = {*given, *(key.split(".")[0] for key in overrides)}

    def without(but: Collection[str]) -> Scenario:
        changed = deepcopy(with_defaults(given, but))
        for key, value in overrides.items():
            _assign(changed, key, value, str(path))
        for key, number in _integers(changed):
            if number.bit_length() > _BITS:
                raise ScenarioInvalid(str(path), _line_of(text, key), f"{key} has more than {_BITS} bits")
        if "folder" in changed:
            raise ScenarioInvalid(str(path), _line_of(text, "folder"), "unknown key 'folder'")
        scenario = valid(Scenario, {**changed, "folder": path.parent}, path, text, overrides, but)
        try:
            scenario.check()
            if on_chain:
                scenario.check_contract()
        except AssumptionBroken as error:
            _advise(error, scenario)
            raise
        return scenario

    def breaks(but: Collection[str]) -> str:
        try:
            without(but)
        except AssumptionBroken as error:
            return error.name
        return ""

    but = tuple[str, ...]()
    while True:
        try:
            return without(but)
        except AssumptionBroken as error:
            left = [key for key in PRESETS.get(str(given["preset"]), ()) if key not in {*own, *but}]
            named = [key for key in left if key.startswith(error.name)]  # burn_in_factor gives burn_in
            helps = [key for key in (*named, *left) if not breaks((*but, key))] or named
            if not helps:
                raise
            but = (*but, helps[0])


def _advise(error: AssumptionBroken, scenario: Scenario) -> None:
    """Say with a broken bound on malicious participants which numbers would do."""
    seats = scenario.participants
    if (most := min((seats - 1) // 3, seats - 2 * scenario.liars - 1)) >= 0:
        if error.name == "liars" and scenario.aggregation == "option-1":
            other = 'preset = "recommended"' if scenario.preset == PAPER else 'aggregation = "huber-one-step"'
            error.add_note(f"{other} plays with these and attackers = {most} at most")
        elif error.name == "attackers":
            error.add_note(f"with these participants and liars attackers = {most} at most")


Model = TypeVar("Model", bound=BaseModel)


def valid(
    model: type[Model], data: Mapping[str, Any], path: Path, text: str, overrides: Collection[str] = (),
    but: Collection[str] = (),
) -> Model:  # fmt: skip
    """The model of some data in a file, with keys that are overridden, dotted, which have no line in it.

    Args:
        but: keys of a preset that are left out.

    Raises `ScenarioInvalid`, or `AssumptionBroken` for what is out of bounds.
    """
    try:
        return model.model_validate(data, context=but)
    except ValidationError as error:
        raise _invalid(str(path), text, error, model, overrides) from error


def _integers(value: Any, key: str = "") -> Iterator[tuple[str, int]]:
    """Every integer of a scenario, the options of plug-ins among them, with its key."""
    if isinstance(value, int):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _integers(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _integers(item, key)


def _assign(data: dict[str, Any], key: str, value: Any, file: str) -> None:
    *parents, last = key.split(".")
    if len(parents) > _DEEPEST:
        raise ScenarioInvalid(file, None, f"override {key[:40]}...: no key is nested so deep")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise ScenarioInvalid(file, None, f"override {key}: {parent} is not a table")
    data[last] = value


def _invalid(
    file: str, text: str, error: ValidationError, model: type[BaseModel], overrides: Collection[str]
) -> ChainBanditError:  # fmt: skip
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")  # a misspelt key is also missing
    location = [part for part in first["loc"] if part not in (*environments.OURS, "other", _TABLE, _NAME)]
    name = ".".join(map(str, location))
    for kind, sign in _BOUNDS.items():
        if kind in first.get("ctx", {}):
            limit, counted = first["ctx"][kind], _counted(model, location)
            return AssumptionBroken(name, f"{name} {sign} {limit:g}", f"{name} = {first['input']}{counted}")
    found = location[:-1] if first["type"] == "missing" else location  # a key that is missing has no line
    key = next((part for part in reversed(found) if isinstance(part, str)), "")
    if first["type"] == "extra_forbidden":
        known = _known_keys(model)
        near = difflib.get_close_matches(key, known, n=1)
        reason = f"unknown key {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    else:
        reason = f"{name}: {first['msg']}"
    line = _line_of(text, key)
    for override in overrides:
        if f"{name}.".startswith(f"{override}.") or (not line and f"{override}.".startswith(f"{name}.")):
            return ScenarioInvalid(f"override {override}", None, reason)
    return ScenarioInvalid(file, line, reason)


def _counted(model: type[BaseModel], location: Sequence[int | str]) -> str:
    """What the number of a key counts, behind a space; empty where it is just a number."""
    kind: Any = model
    extra: Any = None
    for part in location:
        field = getattr(kind, "model_fields", {}).get(part)
        kind, extra = (field.annotation, field.json_schema_extra) if field else (None, None)
    return f" {extra['unit']}" if isinstance(extra, dict) and "unit" in extra else ""


def _known_keys(model: type[BaseModel]) -> Sequence[str]:
    parts = (Chain, Adversary, Malicious, AttackChoice, RuleEntry, *_REWARDS)
    inner = parts if model is Scenario else ()
    return sorted({key for each in (model, *inner) for key in each.model_fields} - {"folder"})


def _line_of(text: str, key: str) -> int | None:
    for number, line in enumerate(text.splitlines(), 1):
        if key and line.split("=")[0].strip().strip("[]\"'").split(".")[-1] == key:
            return number
    return None
