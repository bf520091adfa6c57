"""Foreign rules that this process runs: found, checked, and added to the rules that games are played by."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from functools import lru_cache
from threading import Lock
from types import MappingProxyType
from typing import Any

from chain_bandit import rule_api
from chain_bandit.foreign.language import MODULE
from chain_bandit.foreign.load import METER, READ, load
from chain_bandit.foreign.run import run
from chain_bandit.foreign.source import KINDS, Source, found
from chain_bandit.plugins import UNKNOWN, PluginBroken, names
from chain_bandit.protocol import rules
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.rule import (
    Aggregation,
    Agreed,
    Disclosure,
    Option,
    Policy,
    Reputation,
    Rule,
    Selection,
    Terms,
)
from chain_bandit.protocol.ruleset import STEPS, RuleChoice, RuleFailed, RuleKind, RuleRefused, RuleUnanswered

API = {name: getattr(rule_api, name) for name in rule_api.__all__}
"""What a rule may import of `chain_bandit.rule_api`."""


class Answers:
    """Which foreign rules answered while games were played, as many games at once as there are threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked, self._failed = Counter[_Question](), Counter[_Question]()
        self._reasons: dict[_Question, str] = {}

    def asked(self, question: "_Question") -> None:
        """Count a call."""
        with self._lock:
            self._asked[question] += 1

    def failed(self, question: "_Question", reason: str) -> None:
        """Count a call that gave no answer."""
        with self._lock:
            self._failed[question] += 1
            self._reasons.setdefault(question, reason)

    def require_all(self, results: object) -> None:
        """Refuse results of a rule that failed, which the error has with it unless the rule never answered.

        Raises `RuleUnanswered`.
        """
        if not self._failed:
            return
        question = min(self._failed, key=lambda each: self._asked[each] - self._failed[each])
        (kind, name, verb), times, asked = question, self._failed[question], self._asked[question]
        rule, said = f"{kind.name.lower()} {name!r}", f"times that {verb} was asked: {self._reasons[question]}"
        if times == asked:
            raise RuleUnanswered(f"the game's {rule} failed each of the {times:,} {said}")
        said += "; ucb1 chose in its place" if kind is RuleKind.POLICY else ""
        raise RuleUnanswered(f"the game's {rule} failed {times:,} of the {asked:,} {said}", results)


_Question = tuple[RuleKind, str, str]
"""Kind, name and verb of a rule."""

_OPTIONAL = {"worth", "is_valid", "bound", "explain"}
"""Verbs that a game can do without."""

_listening: list[Answers] = []


@contextmanager
def answers() -> Iterator[Answers]:
    """Count the answers of foreign rules while the block runs."""
    heard = Answers()
    _listening.append(heard)
    try:
        yield heard
    finally:
        _listening.remove(heard)


class _Counted:
    """A foreign rule: every call of its verb is one of as many steps as the game allows at most."""

    def __init__(self, made: Any, steps: int = STEPS) -> None:
        self._made, self._steps = made, steps
        for name in ("name", "version", "options", *_FLAGS):
            if hasattr(made, name):
                setattr(self, name, getattr(made, name))
        self.reads_reputations = "reputations" in getattr(made, READ)

    def within(self, steps: int) -> Any:
        """The same rule under another bound."""
        return type(self)(self._made, steps)

    def _asked(self, verb: str, terms: Terms, *given: Any) -> Any:
        """The rule's own answer, of what it can read and not change."""
        self._question = self._made.kind, self._made.name, verb
        for each in _listening if verb not in _OPTIONAL else ():
            each.asked(self._question)
        shown = [each.read_only() if isinstance(each, Agreed) else each for each in given]
        terms = terms._replace(options=MappingProxyType(terms.options))
        try:
            return run(self._made, verb, terms, *shown, bound=self._steps).value
        except RuleFailed as error:
            self._tell(error)
            raise

    def failure(self, reason: str) -> RuleFailed:
        """The error of an answer that is none, after a warning of it."""
        error = RuleFailed(self._made.name, reason)
        self._tell(error)
        return error

    def _tell(self, error: RuleFailed) -> None:
        _warn(str(error))
        for each in _listening if self._question[2] not in _OPTIONAL else ():
            each.failed(self._question, error.reason)

    def check(self, terms: Terms) -> None:
        """Refuse a game that the rule refuses, by any exception. Raises `AssumptionBroken`."""
        self._holds("check", terms)

    def least_burn_in(self, terms: Terms) -> int:
        """The rounds of exploration that the rule asks for. Raises `AssumptionBroken`."""
        rounds = self._holds("least_burn_in", terms)
        if type(rounds) is not int:
            given = f"a {type(rounds).__name__}"
            raise AssumptionBroken(self._made.name, "least_burn_in of the rule gives an integer", given)
        return rounds

    def check_honest(self, participants: int, liars: int, honest: int) -> None:
        """Refuse roles that the rule refuses. Raises `AssumptionBroken`."""
        self._holds("check_honest", participants, liars, honest)

    def _holds(self, verb: str, *given: Any) -> Any:
        """What a verb gives that refuses by an exception."""
        if isinstance(given[0], Terms):
            given = (given[0]._replace(options=MappingProxyType(given[0].options)),)
        try:
            return run(self._made, verb, *given, bound=self._steps, passing=(AssumptionBroken,)).value
        except RuleFailed as error:
            raise AssumptionBroken(self._made.name, f"{verb} of the rule", error.reason) from error

    def explain(self, terms: Terms) -> str:
        """Whose code it is, and what it says of itself."""
        whose = f"The rule {self._made.name} of this game is a foreign one: its file says what counts."
        if type(self._made).explain is Rule.explain:
            return whose
        with suppress(RuleFailed):
            said = self._asked("explain", terms)
            if isinstance(said, str) and said.isprintable() and 0 < len(said) <= _LONGEST_SENTENCE:
                return f"{whose} It says of itself: {said}"
        return whose


@lru_cache(maxsize=64)  # once a reason
def _warn(said: str) -> None:
    logging.getLogger(__name__).warning("warning: %s", said)


_VERBS: Mapping[type[Rule], tuple[str, ...]] = {
    Aggregation: ("estimate", "worth"), Reputation: ("weigh", "left_out"), Selection: ("select",),
    Disclosure: ("encode", "is_valid", "bound"), Policy: ("arm",),
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

_LONGEST, _LONGEST_SENTENCE, _FLAGS = 40, 500, ("draws", "keeps_state", "is_mean")

_ASKED_BEFORE = "check", "least_burn_in", "check_honest", "explain"
"""What is asked of a rule besides, before a game and of its page; a kind has some of them."""

_READ = {"name", "version", "options", *_FLAGS, *_ASKED_BEFORE}

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
        offered = names(word, dict.fromkeys(rules.names(kind)))
        near = get_close_matches(name, offered.split(", "), n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        known = f"is no rule of this version; it has {offered}, or FILE.py:Class{meant}"
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
        if problem := wrong(made) or _unasked(made) or _twin(made):
            raise PluginBroken("rule", f"{source.path}:{source.attribute}", problem)
        kind, counted = next((kind, counted) for kind, (base, counted) in _WRAPPERS.items() if issubclass(made, base))
        rule: Rule = counted(made())
        rules.add(rule, source.digest)
        _loaded[key] = kind, rule
    return _loaded[key]


def run_rules(asked: Sequence[str]) -> Iterator[str]:
    """Have foreign rules found by games, those of a name of every kind, as `audit --rule` names them.

    Yields:
        What is run, in words, each rule once.

    Raises:
        ChainBanditError: there is none of that name, or it is no rule.
    """
    told = set()
    for name in asked:
        sources = {}
        for word in KINDS:
            try:
                source = found(word, name)
            except PluginBroken as error:
                if error.reason != UNKNOWN:
                    raise PluginBroken("rule", name, error.reason) from error
                continue
            sources[source.digest, source.attribute] = source
        if not sources:
            ours = any(name in rules.names(kind) for kind in RuleKind)
            known = f"{UNKNOWN}; write FILE.py:Class, or {names('', {})}".removesuffix(", or ")
            known = "is one of this version, which an audit has" if ours else known
            raise PluginBroken("rule", name, known)
        for key, source in sources.items():
            kind, rule = added(source)
            if key not in told:
                yield f"the {kind.name.lower()} {rule.name!r} of {source.path}, 0x{source.digest.hex()}"
            told.add(key)


def wrong(made: type[Any]) -> str:
    """Why a class is no rule that games could play by, in words; empty for one that is."""
    base, verbs = next(((base, verbs) for base, verbs in _VERBS.items() if issubclass(made, base)), (None, ()))
    own = {each for each in made.__mro__ if each.__module__ == made.__module__ or (base and issubclass(each, base))}
    if base is None or not set(made.__mro__) - own <= set(base.__mro__):
        return "is no subclass of one rule in chain_bandit.rule_api and of nothing else"
    name, version, options = getattr(made, "name", None), made.version, made.options
    if not (isinstance(name, str) and 0 < len(name) <= _LONGEST and name.isprintable()):
        return f"has no name of 1 to {_LONGEST} printable characters"
    if type(version) is not int or version < 1:
        return "has no version from 1 on"
    if getattr(made, verbs[0]) is getattr(base, verbs[0]):
        return f"has no {verbs[0]}, which is what a rule of {base.kind.name.lower()} does"
    for verb in (*verbs, *_ASKED_BEFORE):
        if not callable(getattr(made, verb, wrong)):
            return f"has a {verb} that is no method"
    flags = [flag for flag in _FLAGS if type(getattr(made, flag, False)) is not bool]
    if flags:
        return f"has a {flags[0]} that is neither True nor False"
    if base is Disclosure and made.draws and made.bound is base.bound:
        return "draws, and has no bound of how far that takes a report"
    if made.keeps_state and base in (Disclosure, Policy):
        return f"says keeps_state, and a rule of {base.kind.name.lower()} is given no state"
    if not isinstance(options, Mapping) or not all(type(key) is str and key.isprintable() for key in options):
        return "has options that are no dictionary with names for keys"
    odd = {name: said for name, each in options.items() if (said := _odd(each))}
    return next((f"has an option {name!r:.60} that is {said}" for name, said in odd.items()), "")


def _unasked(made: type[Any]) -> str:
    """What games take from rules of this version alone, in words; empty where the file has nothing of the kind."""
    base, verbs = next((base, verbs) for base, verbs in _VERBS.items() if issubclass(made, base))
    ours = {each for each in dir(base) if not each.startswith("_")} - _READ - set(verbs)
    own = {name for kind in made.__mro__ if kind.__module__ == MODULE for name in vars(kind)}
    return next((f"has a {each} of its own, which no game asks of a foreign rule" for each in sorted(own & ours)), "")


def _twin(made: type[Any]) -> str:
    """Why a game could not say which class of a file it means, in words: it names kind, name and digest alone."""
    base = next(base for base in _VERBS if issubclass(made, base))
    left = getattr(made, METER).names.values()
    rules_left = [each for each in left if isinstance(each, type) and each.__module__ == MODULE and not wrong(each)]
    twins = [each for each in rules_left if each is not made and issubclass(each, base) and each.name == made.name]
    return f"has the name {made.name!r} of {twins[0].__name__}; give each rule of a file its own" if twins else ""


def _odd(option: object) -> str:
    if not isinstance(option, Option):
        return "no chain_bandit.rule_api.Option"
    bounds = option.least, option.most, option.scale
    if any(type(each) is not int for each in (*bounds, option.least if option.default is None else option.default)):
        return "not of integers"
    return "" if option.least <= option.most and option.scale > 0 else "of no value within its bounds, or of no unit"
