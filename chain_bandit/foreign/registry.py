"""Foreign rules that this process runs: found, checked, and added to the rules that games are played by."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from chain_bandit import rule_api
from chain_bandit.foreign.load import load
from chain_bandit.foreign.run import run
from chain_bandit.foreign.source import KINDS, Source, found
from chain_bandit.plugins import UNKNOWN, PluginBroken
from chain_bandit.protocol import rules
from chain_bandit.protocol.rule import Aggregation, Agreed, Disclosure, Policy, Reputation, Rule, Selection, Terms
from chain_bandit.protocol.ruleset import STEPS, RuleChoice, RuleKind, RuleRefused

API = {name: getattr(rule_api, name) for name in rule_api.__all__}
"""What a rule may import of `chain_bandit.rule_api`."""


class _Counted:
    """A foreign rule: every call of its verb is one of as many steps as the game allows at most."""

    def __init__(self, made: Any, steps: int = STEPS) -> None:
        self._made, self._steps = made, steps
        for name in ("name", "version", "options", "draws", "keeps_state", "is_mean"):
            if hasattr(made, name):
                setattr(self, name, getattr(made, name))

    def within(self, steps: int) -> Any:
        """The same rule under another bound."""
        return type(self)(self._made, steps)

    def _asked(self, verb: str, terms: Terms, *given: Any) -> Any:
        """The rule's own answer, of what it can read and not change."""
        shown = [each.read_only() if isinstance(each, Agreed) else each for each in given]
        terms = terms._replace(options=MappingProxyType(terms.options))
        return run(self._made, verb, terms, *shown, bound=self._steps).value

    def explain(self, terms: Terms) -> str:
        """Whose code it is."""
        return f"The rule {self._made.name} of this game is a foreign one: its file says what counts."


_VERBS: Mapping[type[Rule], tuple[str, ...]] = {
    Aggregation: ("estimate", "worth"), Reputation: ("weigh", "left_out"), Selection: ("select",),
    Disclosure: ("encode", "is_valid"), Policy: ("arm",),
}  # fmt: skip
"""What games ask of a rule of each kind; of a foreign one every call is counted, and raises `RuleFailed`."""


def _verb(name: str) -> Callable[..., Any]:
    def ask(rule: _Counted, terms: Terms, *given: Any) -> Any:
        return rule._asked(name, terms, *given)

    return ask


_WRAPPERS: Mapping[RuleKind, tuple[type[Rule], type[Any]]] = {
    base.kind: (base, type(f"Foreign{base.__name__}", (_Counted, base), {verb: _verb(verb) for verb in verbs}))
    for base, verbs in _VERBS.items()
}

_loaded: dict[tuple[bytes, str], tuple[RuleKind, Rule]] = {}


def named(
    kind: RuleKind, name: str, given: Mapping[str, int | float] = {}, steps: int | None = None
) -> RuleChoice:  # fmt: skip
    """A rule by its name, ours or an installed one's, by `module:Class` or `path/to/file.py:Class`.

    The code of a foreign rule runs from here on, a call of it in at most `steps`, by default 10^6.

    Raises:
        RuleRefused: there is none of that name, or it does not take these options, or no bound of steps.
        ChainBanditError: its file cannot be found, or holds what no rule may.
    """
    if name in rules.names(kind):
        if steps is not None:
            raise RuleRefused(kind, name, "takes no steps: those of a rule of this version are not counted")
        return rules.named(kind, name, given)
    word = kind.name.lower()
    try:
        source = found(word, name)
    except PluginBroken as error:
        known = f"is no rule of this version; it has {', '.join(rules.names(kind))}"
        raise RuleRefused(kind, name, known if error.reason == UNKNOWN else error.reason) from error
    its, rule = added(source)
    if its is not kind:
        raise RuleRefused(kind, name, f"is a rule of {its.name.lower()}")
    return rules.chosen(rule, given, source.digest, STEPS if steps is None else steps)


def added(source: Source) -> tuple[RuleKind, Rule]:
    """Load a rule, and have games find it: its kind, and the rule. Raises as `named`."""
    key = source.digest, source.attribute
    if key not in _loaded:
        made = load(source, API)
        kind = next((kind for kind, (base, _) in _WRAPPERS.items() if issubclass(made, base)), None)
        if kind is None or not _is_named(made):
            raise RuleRefused(
                RuleKind.AGGREGATION, source.attribute,
                f"is no rule: in {source.path}, a subclass of one in chain_bandit.rule_api, with name and version",
            )  # fmt: skip
        rule: Rule = _WRAPPERS[kind][1](made())
        rules.add(rule, source.digest)
        _loaded[key] = kind, rule
    return _loaded[key]


def run_rule(name: str) -> str:
    """Have a foreign rule of whatever kind found by games, as `audit --rule` names it: what is run, in words.

    Raises:
        ChainBanditError: there is none of that name, or it is no rule.
    """
    problem: PluginBroken | None = None
    for word in KINDS:
        try:
            source = found(word, name)
        except PluginBroken as error:
            problem = problem or error
            continue
        kind, rule = added(source)
        return f"the {kind.name.lower()} {rule.name!r} of {source.path}, 0x{source.digest.hex()}"
    assert problem is not None
    raise problem


def _is_named(made: Any) -> bool:
    name, version = getattr(made, "name", None), getattr(made, "version", None)
    return isinstance(name, str) and 0 < len(name) <= 40 and type(version) is int and version > 0
