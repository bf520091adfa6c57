"""Which rules a game plays by: kind, name, version and options of each, declared at its creation in one canonical text.

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


class RuleKind(IntEnum):
    """What a rule decides; the number is that of its bit among the trust classes."""

    AGGREGATION = 0
    """B_i and the estimators, from reports (PROTOCOL 1.4)."""
    REPUTATION = 1
    """How a report moves its author's reputation (section 3)."""
    SELECTION = 2
    """Who validates the next round."""
    PAYMENT = 3
    """What participants are paid besides their rewards; no game has such a rule yet."""
    DISCLOSURE = 4
    """What a report says: the codec of its payload's integers."""


class RulesUnknown(ChainBanditError):
    """Rules that a game declares and this version does not have: nobody is to blame, nothing can be said of them."""

    exit_code = 13

    def __init__(self, what: str) -> None:
        super().__init__(f"the game declares {what}, which this version does not have: use one that does")
        self.what = what


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a game.

    Attributes:
        options: integers, by ascending name.
    """

    kind: RuleKind
    name: str
    version: int = 1
    options: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        """For people."""
        given = "".join(f", {name[:20]} = {str(value)[:20]}" for name, value in self.options[:4])
        return f"the {self.kind.name.lower()} {self.name[:40]!r}, version {str(self.version)[:20]}{given}"


def declaration(rules: Sequence[Rule]) -> bytes:
    """The canonical text of rules: JSON in ASCII without white space, keys ascending."""
    said = [
        {"kind": rule.kind.name.lower(), "name": rule.name, "options": dict(rule.options), "version": rule.version}
        for rule in rules
    ]
    return _text({"format": FORMAT, "rules": said})


def declared(text: bytes) -> tuple[Rule, ...]:
    """The rules in a declaration: one a kind at most, in the order of their kinds.

    Raises:
        Malformed: it is none.
        RulesUnknown: it is in another format, or of a kind of rules that this version does not have.
    """
    malformed = Malformed("declaration of rules", f"canonical JSON in format {FORMAT}", text[:200])
    try:
        said = json.loads(text.decode("ascii"))
        if len(text) > MOST_BYTES or _text(said) != text or type(said["format"]) is not int:
            raise malformed
        if said["format"] != FORMAT:
            raise RulesUnknown(f"format {str(said['format'])[:20]}")
        rules = tuple(map(_rule, said["rules"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise malformed from None
    if [rule.kind for rule in rules] != sorted({rule.kind for rule in rules}) or declaration(rules) != text:
        raise malformed
    return rules


def _text(said: object) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _rule(given: Mapping[str, Any]) -> Rule:
    """Raises `ValueError`, `TypeError`, `KeyError` or `AttributeError` for what is none, or `RulesUnknown`."""
    options, kind = given["options"].items(), given["kind"]
    if any(type(number) is not int for number in (given["version"], *dict(options).values())):
        raise ValueError(given)
    if type(kind) is not str or type(given["name"]) is not str:
        raise ValueError(given)
    if kind.upper() not in RuleKind.__members__:
        raise RulesUnknown(f"rules of the kind {kind[:40]!r}")
    return Rule(RuleKind[kind.upper()], given["name"], given["version"], tuple(sorted(options)))
