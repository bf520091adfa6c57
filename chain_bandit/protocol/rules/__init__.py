"""The rules that this version has, one a file of this folder, and those of others that were added by their digest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from importlib import import_module
from math import isfinite
from pkgutil import iter_modules
from typing import TypeVar

from chain_bandit.protocol.errors import require
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.rule import Aggregation, Disclosure, Policy, Reputation, Rule, Selection, State
from chain_bandit.protocol.ruleset import (
    CHOSEN,
    COMPUTED,
    STATE,
    WEIGHTS,
    RuleChoice,
    RuleKind,
    RuleRefused,
    RulesUnknown,
    classes,
)

_Kind = TypeVar("_Kind", bound=Rule)
_RuleName = tuple[RuleKind, str, bytes]
"""Kind, name, and the digest of the file of a foreign rule."""

_added: dict[_RuleName, Rule] = {}


@cache
def shipped() -> Mapping[_RuleName, Rule]:
    """The rules of this version, by kind and name."""
    modules = [import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__)]
    kinds = [
        each for module in modules for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Rule) and each.__module__ == module.__name__
    ]  # fmt: skip
    return {(each.kind, each.name, b""): each() for each in kinds}


def add(rule: Rule, digest: bytes) -> None:
    """Have a foreign rule found, under the digest of its file, 32 bytes."""
    _added[rule.kind, rule.name, digest] = rule


def names(kind: RuleKind) -> tuple[str, ...]:
    """Of the rules of this version."""
    return tuple(sorted(name for each, name, _ in shipped() if each == kind))


def find(choice: RuleChoice) -> Rule:
    """The rule that a game names. Raises `RulesUnknown`."""
    key = choice.kind, choice.name, choice.digest
    rule = (_added if choice.digest else shipped()).get(key)
    if rule is None or rule.version != choice.version or dict(choice.options).keys() != rule.options.keys():
        if not choice.digest:
            raise RulesUnknown(str(choice))
        others = [f"0x{digest.hex()}" for kind, name, digest in _added if (kind, name) == key[:2]]
        here = f"while the file here is {others[0]}" if others else "not here: --rule NAME or FILE.py:Class runs it"
        raise RulesUnknown(str(choice), here)
    return rule.within(choice.steps)


def runs_foreign(choice: RuleChoice) -> bool:
    """Whether a game's rule is a foreign one that is found here, so that its code runs."""
    return (choice.kind, choice.name, choice.digest) in _added


def _found(choice: RuleChoice, kind: type[_Kind]) -> _Kind:
    rule = find(choice)
    assert isinstance(rule, kind)
    return rule


def aggregation(parameters: Parameters) -> Aggregation:
    """The rule by which a game's estimators come from reports. Raises `RulesUnknown`."""
    return _found(parameters.aggregation, Aggregation)


def reputation(parameters: Parameters) -> Reputation:
    """The rule by which a game's blocks move reputations. Raises `RulesUnknown`."""
    return _found(parameters.reputation, Reputation)


def disclosure(parameters: Parameters) -> Disclosure:
    """The rule by which a game's reports say estimators. Raises `RulesUnknown`."""
    return _found(parameters.disclosure, Disclosure)


def selection(parameters: Parameters) -> Selection:
    """The rule by which a game's validators are chosen. Raises `RulesUnknown`."""
    return _found(parameters.selected_by, Selection)


def policy(parameters: Parameters) -> Policy:
    """The rule by which a game's arms are pulled. Raises `RulesUnknown`."""
    return _found(parameters.policy, Policy)


_KINDS: Mapping[RuleKind, Callable[[Parameters], RuleChoice]] = {
    RuleKind.AGGREGATION: lambda parameters: parameters.aggregation,
    RuleKind.REPUTATION: lambda parameters: parameters.reputation,
    RuleKind.SELECTION: lambda parameters: parameters.selected_by,
}
"""Kinds of rules that may keep state, in the order of their states."""


def keepers(parameters: Parameters) -> tuple[RuleKind, ...]:
    """The kinds of a game's rules that keep state, in the order of their states in a header. Raises `RulesUnknown`."""
    if not parameters.keeps_state:
        return ()
    return tuple(kind for kind in _KINDS if find(_KINDS[kind](parameters)).keeps_state)


def state_of(parameters: Parameters, states: Sequence[State], kind: RuleKind) -> State:
    """What the rule of a kind has kept; nothing before the first block, or where a header had too few states.

    Raises:
        RulesUnknown: a rule is not here: which of the states is this one's, is not known.
    """
    if not states or not find(_KINDS[kind](parameters)).keeps_state:
        return ()
    at = keepers(parameters).index(kind)
    return states[at] if at < len(states) else ()


def vouched(parameters: Parameters) -> int:
    """The trust classes that a game's rules ask for, beyond what body and draws imply. Raises `RulesUnknown`."""
    weighing = reputation(parameters)
    asked = 0 if aggregation(parameters).is_mean else COMPUTED
    asked |= 0 if weighing.is_computed else WEIGHTS
    asked |= 0 if parameters.selection is None else CHOSEN
    asked |= STATE if any(find(choice(parameters)).keeps_state for choice in _KINDS.values()) else 0
    implied = parameters.body_mode == BodyMode.COMPACT, parameters.draws
    return classes(*implied, asked) & ~classes(*implied, 0)


def with_classes(parameters: Parameters) -> Parameters:
    """Parameters with the trust classes that their rules ask for. Raises `RulesUnknown`."""
    return replace(parameters, vouched=vouched(parameters))


def check_options(choice: RuleChoice) -> None:
    """Refuse an option that is out of its bounds. Raises `AssumptionBroken`, `RulesUnknown`."""
    options = find(choice).options
    for name, value in choice.options:
        least, most, scale = options[name].least, options[name].most, options[name].scale
        units = f" in units of {1 / scale:g}" if scale > 1 else ""
        asked = f"{least} <= {name} <= {most}{units} (option of {choice.name})"
        require(least <= value <= most, name, asked, **{name: value})


def chosen(rule: Rule, given: Mapping[str, int | float] = {}, digest: bytes = b"", steps: int = 0) -> RuleChoice:
    """A rule with its options as a scenario gives them: decimals where they have a unit.

    Raises:
        RuleRefused: an option that it does not have, one without a default that is missing, or no finite number.
    """
    options = rule.options
    for name in sorted(given.keys() - options.keys()):
        known = ", ".join(options) or "none"
        raise RuleRefused(rule.kind, rule.name, f"has no option {name[:80]!r}; it has {known}")
    values = []
    for name, option in sorted(options.items()):
        value = given.get(name)
        if value is None:
            if option.default is None:
                raise RuleRefused(rule.kind, rule.name, f"needs the option {name!r}")
            values.append((name, option.default))
            continue
        if not isfinite(value):
            raise RuleRefused(rule.kind, rule.name, f"takes no number that is not finite for {name!r}")
        exact = Fraction(value if isinstance(value, int) else str(value)) * option.scale
        if option.scale == 1 and exact.denominator > 1:
            raise RuleRefused(rule.kind, rule.name, f"takes a whole number for {name!r}, not {value}")
        values.append((name, round(exact)))
    return RuleChoice(rule.kind, rule.name, rule.version, tuple(values), digest, steps)


def named(kind: RuleKind, name: str, given: Mapping[str, int | float] = {}) -> RuleChoice:
    """A rule of this version by its name, see `chosen`. Raises `RuleRefused`."""
    rule = shipped().get((kind, name, b""))
    if rule is None:
        raise RuleRefused(kind, name, f"is no rule of this version; it has {', '.join(names(kind))}")
    return chosen(rule, given)
