"""Rule set of a game: kind, name, version and options of each rule, declared at its creation in one canonical text.

The parameters hold the text's digest; the text itself is in the creation's transaction, so that a game's rules are
known from the chain alone. It also names the format of all that is signed or stored.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from chain_bandit.protocol.errors import ChainBanditError, Malformed

FORMAT = 2
"""Of parameters, reports, headers and statements."""

MOST_BYTES = 1 << 12
"""Of a declaration."""

STEPS, MOST_STEPS = 10**6, 10**9
"""Of one call of a foreign rule: how many a game allows unless it says otherwise, and how many it may."""


class RuleKind(IntEnum):
    """What a rule decides; the number is its place in a declaration, and of the first three their trust class's bit."""

    AGGREGATION = 0
    """B_i and the estimators, from reports (protocol.md: Aggregation)."""
    REPUTATION = 1
    """How a report moves its author's reputation (section 3)."""
    SELECTION = 2
    """The validators of the next round."""
    PAYMENT = 3
    """What participants are paid besides their rewards; no game has such a rule yet."""
    DISCLOSURE = 4
    """What a report says: the codec of its payload's integers."""
    POLICY = 5
    """The arm that the rules give for a learning round (Algorithm 1)."""


_KINDS = {kind.name.lower(): kind for kind in RuleKind}
_SAID, _OF_A_FILE = {"kind", "name", "options", "version"}, {"digest", "steps"}
"""Keys of what is said of a rule."""

BY_THE_PARAMETERS = frozenset({"everybody", "best-by-reputation", "sortition"})
"""Selections that follow from N and sortition."""

COMPUTED = 1 << RuleKind.AGGREGATION | 1 << RuleKind.REPUTATION
WEIGHTS, STATE, CHOSEN = 32, 64, 128
"""Trust classes beside those of kinds: reputations are what headers say; headers carry what rules keep; they name the
validators whom a rule chose, of any but `BY_THE_PARAMETERS`."""


def classes(compact: bool, draws: bool, asked: int) -> int:
    """The trust classes of a game: what its body and its draws imply, and what its rules ask for."""
    asked &= COMPUTED | WEIGHTS | STATE | CHOSEN
    word = COMPUTED if compact or asked & (COMPUTED | WEIGHTS) else 0
    return word | asked | (1 << RuleKind.SELECTION if draws or asked & CHOSEN else 0)


class RulesUnknown(ChainBanditError):
    """Rules that a game declares and this version does not have: nobody is to blame, nothing can be said of them."""

    exit_code = 13

    def __init__(self, what: str, remedy: str = "which this version does not have: use one that does") -> None:
        super().__init__(f"the game declares {what}, {remedy}")
        self.what = what


class RuleRefused(ChainBanditError):
    """A rule that a scenario cannot have: no such name, or options that it does not take."""

    exit_code = 3

    def __init__(self, kind: RuleKind, name: str, reason: str) -> None:
        super().__init__(f"{kind.name.lower()}: {name[:60]!r} {reason}")
        self.kind, self.name, self.reason = kind, name, reason


class RuleFailed(ChainBanditError):
    """A foreign rule that raised, took too many steps, or answered outside of its bounds."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the rule {name!r} gave no answer: {reason}")
        self.name, self.reason = name, reason


class RuleUnanswered(ChainBanditError):
    """A rule of the game that failed when it was asked: what came of the game is of another rule.

    Attributes:
        results: of the simulation all the same, where the rule has answered too.
    """

    exit_code = 3

    def __init__(self, sentence: str, results: Any = None) -> None:
        super().__init__(f"{sentence}; correct the file of the rule")
        self.results = results


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """One rule of a game.

    Attributes:
        options: integers, by ascending name.
        digest: of the file of a foreign rule, 32 bytes; empty for a rule of this version.
        steps: of a call of a foreign rule at most; 0 for a rule of this version, whose steps nobody counts.
    """

    kind: RuleKind
    name: str
    version: int = 1
    options: tuple[tuple[str, int], ...] = ()
    digest: bytes = b""
    steps: int = 0

    def __str__(self) -> str:
        """For people."""
        given = "".join(f", {name[:20]} = {str(value)[:20]}" for name, value in self.options[:4])
        file = f", {self.steps} steps a call, of the file 0x{self.digest.hex()}" if self.digest else ""
        return f"the {self.kind.name.lower()} {self.name[:40]!r}, version {str(self.version)[:20]}{given}{file}"

    def said(self) -> dict[str, Any]:
        """What a declaration says of it."""
        known = {
            "kind": self.kind.name.lower(), "name": self.name, "options": dict(self.options), "version": self.version,
        }  # fmt: skip
        return known | {"digest": self.digest.hex(), "steps": self.steps} if self.digest else known

    @staticmethod
    def of(said: Mapping[str, Any]) -> "RuleChoice":
        """The rule of which `said` is said.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is of no rule.
            RulesUnknown: it is of a kind of rules that this version does not have.
        """
        options, kind = said["options"].items(), said["kind"]
        if any(type(number) is not int for number in (said["version"], *dict(options).values())):
            raise ValueError(said)
        if type(kind) is not str or type(said["name"]) is not str:
            raise ValueError(said)
        digest, steps = bytes.fromhex(said.get("digest", "")), said.get("steps", 0)
        counted = 0 < steps <= MOST_STEPS if digest else steps == 0
        if len(digest) not in (0, 32) or type(steps) is not int or not counted:
            raise ValueError(said)
        if said.keys() != (_SAID | _OF_A_FILE if digest else _SAID) or said.get("digest", "") != digest.hex():
            raise ValueError(said)
        if kind not in _KINDS:
            raise RulesUnknown(f"rules of the kind {kind[:40]!r}")
        return RuleChoice(_KINDS[kind], said["name"], said["version"], tuple(sorted(options)), digest, steps)


def declaration(rules: Sequence[RuleChoice]) -> bytes:
    """The canonical text of rules: JSON in ASCII without white space, keys ascending."""
    return canonical_json({"format": FORMAT, "rules": [rule.said() for rule in rules]})


def declared(text: bytes) -> tuple[RuleChoice, ...]:
    """The rules in a declaration: one a kind at most, in the order of their kinds.

    Raises:
        Malformed: it is none.
        RulesUnknown: it is in another format, or of a kind of rules that this version does not have.
    """
    malformed = Malformed("declaration of rules", f"canonical JSON in format {FORMAT}", text[:200])
    try:
        said = json.loads(text.decode("ascii"))
        if len(text) > MOST_BYTES or canonical_json(said) != text or type(said["format"]) is not int:
            raise malformed
        if said["format"] != FORMAT:
            raise RulesUnknown(f"format {str(said['format'])[:20]}")
        if said.keys() != {"format", "rules"} or type(said["rules"]) is not list:
            raise malformed
        rules = tuple(map(RuleChoice.of, said["rules"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise malformed from None
    if [rule.kind for rule in rules] != sorted({rule.kind for rule in rules}) or declaration(rules) != text:
        raise malformed
    return rules


def canonical_json(said: object) -> bytes:
    """Canonical JSON of a value: in ASCII without white space, keys ascending."""
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
