"""`chain-bandit list`: what scenarios can name, each with a sentence."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from inspect import getmodule
from typing import Annotated

import typer

from chain_bandit.cli.options import Json
from chain_bandit.output import answer, own_line

EXAMPLES = ("list attacks", "list checks --json")


class ListedKind(StrEnum):
    """What can be listed."""

    ATTACKS = "attacks"
    RULES = "rules"
    ENVIRONMENTS = "environments"
    EXAMPLES = "examples"
    CHECKS = "checks"


def list_(
    what: Annotated[ListedKind, typer.Argument(help="attacks, rules, environments, examples or checks.")],
    as_json: Json = False,
) -> None:
    """List what scenarios can name, each with a sentence: attacks, rules by kind, environments, shipped examples; and
    the checks of the audit. Those of other packages are among them."""
    found = listed(what)
    if as_json:
        answer({what.value: found}, sort_keys=False)
        return
    from chain_bandit.views.terminal import console, plain_table

    table = plain_table(("name", "left"), ("what it is", "wrap"))
    for name, sentence in found.items():
        table.add_row(name, sentence)
    console().print(table)


def listed(what: ListedKind) -> Mapping[str, str]:
    """Names of a kind, each with its sentence."""
    return _OF[what]()


def _attacks() -> Mapping[str, str]:
    from chain_bandit.attacks.registry import ATTACKS

    return _with_offered("attacks", {name: _first_line(kind) for name, kind in ATTACKS.items()})


def _rules() -> Mapping[str, str]:
    from chain_bandit.foreign.source import KINDS
    from chain_bandit.protocol.rules import shipped

    found: Mapping[str, str] = {
        f"{rule.kind.name.lower()} {rule.name}": _first_line(type(rule))
        for rule in sorted(shipped().values(), key=lambda each: (each.kind, each.name))
    }
    for kind in KINDS:
        found = _with_offered(kind, found, f"{kind} ")
    return found


def _environments() -> Mapping[str, str]:
    from chain_bandit.scenario import rewards_by_kind

    return _with_offered("environments", {kind: own_line(each.__doc__) for kind, each in rewards_by_kind().items()})


def _examples() -> Mapping[str, str]:
    from chain_bandit.examples import examples

    return {name: _comment(path.read_text(encoding="utf-8")) for name, path in examples().items()}


def _checks() -> Mapping[str, str]:
    from chain_bandit.auditor.catalogue import CHECKS

    return CHECKS


_OF: Mapping[ListedKind, Callable[[], Mapping[str, str]]] = {
    ListedKind.ATTACKS: _attacks,
    ListedKind.RULES: _rules,
    ListedKind.ENVIRONMENTS: _environments,
    ListedKind.EXAMPLES: _examples,
    ListedKind.CHECKS: _checks,
}


def _with_offered(kind: str, ours: Mapping[str, str], prefix: str = "") -> Mapping[str, str]:
    """Ours, and what other packages offer; a name of ours stays ours."""
    from chain_bandit import plugins

    theirs = {prefix + name: f"of {place}" for name, place in plugins.offers(kind).items()}
    return {**ours, **{name: place for name, place in theirs.items() if name not in ours}}


def _first_line(kind: type) -> str:
    """What the module of a class says first."""
    module = getmodule(kind)
    return own_line(module.__doc__ if module else None)


def _comment(text: str) -> str:
    """The comment that a file begins with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)
