"""The numbers that decide a game, as its creation holds them."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from chain_bandit.paranoid.words import Broken, OtherVersion, keccak, number

UNIT = 10**9
"""One whole reward, or an estimator of 1."""
INFINITE = 2**32 - 1
"""The mean over nobody."""
ALWAYS = 2**64
"""A probability of one."""


@dataclass(frozen=True)
class Parameters:
    """docs/protocol.md, table of parameters: one ABI word each, in this order; the last six from the declared rules.

    Attributes:
        aggregation: its name; empty for a rule of which there is no second implementation, here.
        delta: of rules that have one, in units.
        least: whom reputation leaves out has less of it, in units of the highest; None for a rule that may leave out
            by what has no second implementation.
        single: what to call a rule without a second implementation; empty for the others.
        named: the aggregation as declared; empty for a file's, or another version's.
        policy: the index policy; empty for a rule of which there is no second implementation.
    """

    participants: int
    validators: int
    arms: int
    horizon: int
    burn_in: int
    liars: int
    attackers: int
    threshold: int
    rules: int
    attested: int
    payload: int
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
    sealed: int
    unrevealed_penalty: int
    slash: int
    finders_fee: int
    growth: int
    paid_burn_in: int
    dimension: int
    reward_source: int
    participants_root: int
    extension: int
    aggregation: str
    delta: int
    least: int | None
    single: tuple[str, ...]
    named: str
    policy: str

    @property
    def seats(self) -> range:
        """All seats."""
        return range(self.participants)

    @property
    def mask(self) -> int:
        """Bytes of a set of seats."""
        return (self.participants + 7) // 8

    @property
    def compact(self) -> bool:
        """Whether bodies lie beside the chain."""
        return self.body_mode == 1

    @property
    def provable(self) -> bool:
        """Whether reports name the round whose tally they rest on, so that a false one can be proven."""
        return self.payload == self.arms + 1

    @property
    def bound(self) -> bool:
        """Whether each settlement ends with a root of tallies; in a sealed game the sums alone do."""
        return self.provable and not self.sealed

    @property
    def has_phases(self) -> bool:
        """Whether a block says how often its arm is pulled."""
        return self.growth > 0

    @property
    def pull(self) -> int:
        """Bytes of one seat in a settled round of an open game."""
        return 13 if self.has_phases else 5

    @property
    def has_committees(self) -> bool:
        """Whether not everybody validates: headers and skips then name the next validators."""
        return bool(self.sortition) or self.chooses or self.by_reputation

    @property
    def by_reputation(self) -> bool:
        """Whether the best by reputation validate."""
        return not self.sortition and not self.chooses and self.validators < self.participants

    @property
    def attests_values(self) -> bool:
        """Whether means and accuracies are the quorum's word."""
        return bool(self.attested & 3)

    @property
    def weighs(self) -> bool:
        """Whether reputations are what headers say."""
        return bool(self.attested & 32)

    @property
    def keeps_state(self) -> bool:
        """Whether headers carry what rules keep."""
        return bool(self.attested & 64)

    @property
    def chooses(self) -> bool:
        """Whether headers name validators whom a rule chose."""
        return bool(self.attested & 128)

    def once(self, kind: str) -> str:
        """The rule of a kind that has one implementation, or nothing."""
        return next((each for each in self.single if each.startswith(f"the {kind} ")), "")

    @property
    def draws_commanders(self) -> bool:
        """Whether commanders are drawn."""
        return self.commanders != ALWAYS

    @property
    def draws(self) -> bool:
        """Whether reports carry proofs."""
        return bool(self.sortition) or self.draws_commanders

    def quorum(self, validators: int) -> int:
        """Signatures that certify a block of so many validators (protocol.md: Validators)."""
        if self.quorum_choice == 1:
            return (validators + self.attackers) // 2 + 1
        expected = self.participants * self.sortition // (2 * ALWAYS)
        return max(validators // 2, expected, self.attackers) + 1


FIELDS = len(Parameters.__dataclass_fields__) - 6
HEAD = 32 * (FIELDS + 4)
"""Bytes of the arguments before the declaration of rules."""
LONGEST = 4096
"""Bytes of a declaration."""
VERSIONS = {"rank-vote": 2}
"""Of rules whose estimators count for other numbers than they once did; of all others 1."""

EXCLUDING = ("meritrank", "bittensor-trust")
"""Reputations whose option `least` says whom they leave out."""
POLICIES = ("kl-ucb", "thompson")
"""Index policies that a declaration names; of `ucb1` it says nothing."""

KINDS = ("aggregation", "reputation", "selection", "payment", "disclosure", "policy")
RULE = {"kind", "name", "version", "options"}
"""What is said of a rule."""
FILE = RULE | {"digest", "steps"}
"""Of one that is a file: its digest, and how many steps a call may have."""
MOST_STEPS = 10**9


def created(data: bytes, code: bytes | None) -> tuple[Parameters, bytes, bytes, bytes, bytes]:
    """What a creation holds: parameters, the code before them, their ABI words, the commitments to salt and secret.

    Raises:
        Broken: no game has them.
        OtherVersion: other code without a declaration of rules at its end, or with rules that this version lacks.
    """
    if code is not None and data.startswith(code):
        text = _declaration(data, len(code) + HEAD)
        if text is None:
            raise Broken("the creation does not end with a declaration of rules")
    else:
        code, text = next(
            ((data[: at - HEAD], found) for at in range(len(data), len(data) - LONGEST - 1, -1)
             if at >= HEAD and (found := _declaration(data, at)) is not None), (b"", None),
        )  # fmt: skip
        if text is None:
            raise OtherVersion("the creation does not end with a declaration of rules, as in another version")
    words = data[len(code) : len(code) + HEAD - 64]
    numbers = [number(words[at : at + 32]) for at in range(0, 32 * FIELDS, 32)]
    named = dict(zip(Parameters.__dataclass_fields__, numbers, strict=False))
    p = Parameters(**named, aggregation="", delta=0, least=0, single=(), named="", policy="")
    if p.rules != number(keccak(text)):
        raise Broken("the declared rules are not those of the parameters")
    without = [p.finders_fee, *numbers[-4:]]
    if p.body_mode > 1 or p.attested != _classes(p) or any(without) or p.paid_burn_in > (not p.sealed):
        raise Broken("format 2 gives these parameters no meaning")
    everybody = p.validators == p.participants and not p.attested & (4 | 64 | 128)
    if p.growth and (p.growth > 4 * UNIT or p.horizon >= 2**23 or p.sealed or not everybody):
        raise Broken("no game with these parameters has phases")
    if p.payload != p.arms and not (p.provable and p.slash):
        raise Broken("format 2 gives these parameters no meaning")
    if not (0 < p.participants <= 256 and 0 < p.arms < 255 and 2 * p.arms <= p.burn_in <= p.horizon < 2**32):
        raise Broken("no game has these parameters")
    if not (p.threshold and p.tolerance and p.failure_limit and p.c1_numerator and p.c1_denominator):
        raise Broken("no game has these parameters")
    rules, selection = _rules(text, p)
    own = "sortition" if p.sortition else "best-by-reputation" if p.has_committees else "everybody"
    if selection != own and not p.chooses:
        raise OtherVersion(f"this version does not select by {selection} with these parameters")
    p = replace(p, **rules)
    if p.provable and p.once("disclosure"):
        raise Broken("reports that say no estimators as they are cannot be proven false")
    return p, code, words[:-64], words[-64:-32], words[-32:]


def _declaration(data: bytes, start: int) -> bytes | None:
    """The text from `start` to the end of a creation, if its place and its length are before it and zeros behind."""
    size, text = number(data[start - 32 : start]), data[start:]
    if number(data[start - 64 : start - 32]) != HEAD or size > LONGEST or len(text) != size + -size % 32:
        return None
    return None if any(text[size:]) else text[:size]


def _classes(p: Parameters) -> int:
    """The trust classes of such a game: what its rules ask for, what that implies, and what body and draws imply."""
    word = 3 if p.compact or p.attested & (3 + 32) else 0
    return word + (p.attested & (32 + 64 + 128)) + (4 if p.draws or p.chooses else 0)


def _rules(text: bytes, p: Parameters) -> tuple[dict[str, Any], str]:
    """What the parameters say of declared rules, and the selection.

    Raises `Broken` for no declaration, `OtherVersion` for one of other rules that are not here.
    """
    said = json.loads(text.decode("ascii"))
    if json.dumps(said, sort_keys=True, separators=(",", ":")).encode() != text or type(said["format"]) is not int:
        raise Broken("the declaration of rules is not in its one form")
    if said["format"] != 2:
        raise OtherVersion("the game is in another format")
    if said.keys() != {"format", "rules"} or type(said["rules"]) is not list:
        raise Broken("the declaration of rules is not in its one form")
    kinds = []
    for rule in said["rules"]:
        kind, options = rule["kind"], rule["options"]
        numbers = [rule["version"], steps := rule.get("steps", 1), *options.values()]
        texts = {type(kind), type(rule["name"])} == {str} and re.fullmatch("[0-9a-f]{64}", rule.get("digest", "0" * 64))
        known = rule.keys() in (RULE, FILE) and all(type(each) is int for each in numbers)
        if not texts or not known or not 0 < steps <= MOST_STEPS:
            raise Broken("a rule is not in its one form")
        if kind not in KINDS:
            raise OtherVersion("the game has rules of a kind that this version lacks")
        kinds.append(KINDS.index(kind))
    if kinds != sorted(set(kinds)):
        raise Broken("rules are not in the order of their kinds")
    rules: dict[str, dict[str, Any]] = {rule.pop("kind"): rule for rule in said["rules"]}
    used, selection = rules.pop("aggregation", None), rules.pop("selection", {})
    selects = str(selection.pop("name", ""))
    plain: dict[str, Any] = {"version": 1, "options": {}}
    weighing, says, pulls = (rules.pop(kind, None) for kind in ("reputation", "disclosure", "policy"))
    unsaid = pulls == plain | {"name": "ucb1"}  # what a declaration leaves out
    if used is None or weighing is None or says is None or unsaid or rules or not (p.chooses or selection == plain):
        raise OtherVersion("the game declares rules that this version does not have")
    weighs = p.weighs or weighing != plain | {"name": "accuracy"}
    excludes = weighing["name"] in EXCLUDING and weighing["version"] == 1 and "digest" not in weighing
    least = 0 if not weighs else weighing["options"].get("least") if excludes else None
    single = (_called("reputation", weighing),) * weighs
    single += (_called("selection", selection | {"name": selects}),) * p.chooses
    single += (_called("disclosure", says),) * (says != plain | {"name": "estimates"})
    known = pulls is None or any(pulls == plain | {"name": each} for each in POLICIES)
    policy = "" if not known else "ucb1" if pulls is None else str(pulls["name"])
    single += () if pulls is None or known else (_called("policy", pulls),)
    made: dict[str, Any] = {"aggregation": "", "delta": 0, "least": least, "single": single, "policy": policy}
    name, version, options = used["name"], used["version"], used["options"]
    given = {"delta"} if name in ("delta-safe", "confidence") else set()
    here = name in ("option-1", "option-2", "option-3", "delta-safe", "confidence") and version == 1
    if not here or options.keys() != given or "digest" in used:
        shipped = name if version == VERSIONS.get(name, 1) and "digest" not in used else ""
        return made | {"named": shipped, "single": (_called("aggregation", used), *single)}, selects
    delta = options.get("delta", 0)
    if given and not 0 < delta < 2**32:
        raise Broken("delta is not in its bounds")
    return made | {"named": name, "aggregation": name, "delta": delta}, selects


def _called(kind: str, rule: dict[str, Any]) -> str:
    return f"the {kind} {rule['name'][:40]!r}, version {str(rule.get('version'))[:20]}"
