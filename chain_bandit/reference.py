"""Reference of scenario keys, options and errors, read from the code, for its pages and `chain-bandit explain`."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, NamedTuple

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from chain_bandit import scenario as scenarios
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.output import own_line
from chain_bandit.protocol import assumptions
from chain_bandit.protocol.errors import ChainBanditError

MODELS: Mapping[str, type[BaseModel]] = {
    "Top level": scenarios.Scenario,
    "[chain]": scenarios.Chain,
    "[[malicious]]": scenarios.Malicious,
    "[adversary]": scenarios.Adversary,
    "An attack of `attacks`, `estimators` or `consensus`": scenarios.AttackChoice,
    "A rule: aggregation, reputation, disclosure, selection or policy": scenarios.RuleEntry,
    **{f'[rewards] with kind = "{kind}"': model for kind, model in scenarios.rewards_by_kind().items()},
    "[rewards] of a plug-in": scenarios.OtherRewards,
}
"""The tables of a scenario file, in the order of the page."""

_WITHIN: Mapping[type[BaseModel], str] = {
    scenarios.Scenario: "", scenarios.Chain: "chain.", scenarios.Malicious: "malicious.",
    scenarios.Adversary: "adversary.", scenarios.AttackChoice: "attacks.", scenarios.RuleEntry: "aggregation.",
}  # fmt: skip
"""What stands before a key where it is named alone; before others `rewards.`."""

NOTHING = "-"
"""In a cell of which there is nothing to say."""

_SIGNS = {Gt: (">", "gt"), Ge: ("≥", "ge"), Lt: ("<", "lt"), Le: ("≤", "le")}

_KEYS = {"horizon": "rounds", "arms": "rewards", "commanders": ""}
"""Scenario keys by parameter, where names differ; a drawn number of `commanders` is no key."""


class KeyEntry(NamedTuple):
    """A key of a scenario file: the table that it is in, its name with that of the table, and what is said of it."""

    table: str
    name: str
    meaning: str
    unit: str
    default: str
    bounds: str


def keys(table: str) -> Iterator[KeyEntry]:
    """The keys of one of the tables in `MODELS`."""
    within = _WITHIN.get(MODELS[table], "rewards.")
    for name, field in MODELS[table].model_fields.items():
        if name != "folder":
            full = within + name
            said = "; ".join(filter(None, [bounds(field), *inequalities().get(full, ())])) or NOTHING
            yield KeyEntry(table, full, field.description or "", unit(field), default(field), said)


def unit(field: FieldInfo) -> str:
    """What a key's number counts, or a dash."""
    extra = field.json_schema_extra
    return str(extra["unit"]) if isinstance(extra, dict) and "unit" in extra else NOTHING


def default(field: FieldInfo) -> str:
    """A key's default as a scenario file has it."""
    if field.is_required():
        return "required"
    if isinstance(field.json_schema_extra, dict) and "default" in field.json_schema_extra:
        return f"`{json.dumps(field.json_schema_extra['default'])}`"  # that of a file
    if field.default is None:
        return "see meaning"
    if isinstance(field.default, BaseModel):
        return "its keys' defaults"
    return f"`{json.dumps(field.default)}`"


def bounds(field: FieldInfo) -> str:
    """What a key's value must keep by itself; empty where it is free."""
    found = [
        f"{sign} {_short(getattr(each, name))}"
        for each in field.metadata for kind, (sign, name) in _SIGNS.items() if isinstance(each, kind)
    ]  # fmt: skip
    found += [f"`{value}`" for value in getattr(field.annotation, "__args__", ()) if isinstance(value, str)]
    return ", ".join(found)


def _short(number: float) -> str:
    power = number.bit_length() - 1 if isinstance(number, int) else 0
    return f"2^{power}" if power >= 16 and number == 2**power else f"{number:,}"


@cache
def inequalities() -> Mapping[str, tuple[str, ...]]:
    """By scenario key what it must keep together with others, in the words of the check that refuses it.

    They are read out of the calls of `require` that load a scenario or check a game before its deployment.
    """
    fields = scenarios.Scenario.model_fields | {f"chain.{k}": v for k, v in scenarios.Chain.model_fields.items()}
    found: dict[str, dict[str, None]] = {}
    for name, bits in assumptions.WIDTHS.items():
        known = next((each for each in (name, f"chain.{name}") if each in fields), "")
        if known and fields[known].annotation in (int, int | None) and "<" not in bounds(fields[known]):
            found[known] = {f"< 2^{bits}": None}
    for module in (assumptions, scenarios):
        for call in _required(module.__file__ or ""):
            name, said = (_text(each, vars(module)) for each in call.args[1:3])
            known = next((each for each in (_KEYS.get(name, name), f"chain.{name}") if each in fields), "")
            if known and said and not re.fullmatch(rf"[\d <=^]*{name}[\d <=>^]*", said):  # those are the field's own
                found.setdefault(known, {})[said] = None
    return {name: tuple(said) for name, said in found.items()}


def _required(file: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "require":
            yield node


def _text(node: ast.expr, names: Mapping[str, Any]) -> str:
    """A text of constants and of integers of its module; empty where it rests on something else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(parts) if all(parts := [_text(each, names) for each in node.values]) else ""
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name):
        value = names.get(node.value.id)
        return f"{value:,}" if isinstance(value, int) else ""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def options_of_attack(name: str) -> str:
    """The options of a shipped attack with their defaults, or a dash."""
    if name not in ATTACKS:
        return NOTHING
    given = signature(ATTACKS[name]).parameters.values()
    named = (each for each in given if each.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD))
    said = [f"`{p.name}`" + ("" if p.default is Parameter.empty else f" {p.default}") for p in named]
    return ", ".join(said) or NOTHING


class ErrorEntry(NamedTuple):
    """A class of errors: what it means, and its exit code."""

    meaning: str
    exit_code: int


def errors() -> Mapping[str, ErrorEntry]:
    """Every error of the package by its name, which is the `type` in the output of `--json`; nothing is imported."""
    classes: dict[str, ast.ClassDef] = {}
    for file in sorted(Path(str(resources.files("chain_bandit"))).rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.bases:
                classes.setdefault(node.name, node)
    base = ErrorEntry(own_line(ChainBanditError.__doc__), ChainBanditError.exit_code)
    return {name: said for name in classes if (said := _error(name, classes, base))}


def _error(name: str, classes: Mapping[str, ast.ClassDef], base: ErrorEntry) -> ErrorEntry | None:
    """What a class says of itself, if it is one of `ChainBanditError`'s."""
    if name == ChainBanditError.__name__ or name not in classes:
        return base if name == ChainBanditError.__name__ else None
    node = classes[name]
    named = (each.id for each in node.bases if isinstance(each, ast.Name) and each.id != name)
    above = next(filter(None, (_error(each, classes, base) for each in named)), None)
    own = (
        each.value.value for each in node.body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant) and isinstance(each.value.value, int)
        and any(isinstance(target, ast.Name) and target.id == "exit_code" for target in each.targets)
    )  # fmt: skip
    return above and ErrorEntry(own_line(ast.get_docstring(node)), next(own, above.exit_code))


def abi(contract: str) -> list[dict[str, Any]]:
    """The interface of a built contract."""
    entries: list[dict[str, Any]] = json.loads(
        resources.files("chain_bandit").joinpath("chain", "artifacts", f"{contract}.json").read_text("utf-8")
    )["abi"]
    return entries


def declared(entry: Mapping[str, Any]) -> str:
    """A function, event or error with its arguments: `join(bytes keys)`."""
    back = _arguments(entry.get("outputs", ()))
    return f"{entry['name']}({_arguments(entry['inputs'])})" + (f" → {back}" if back else "")


def _arguments(given: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(
        f"{each['type'].replace('tuple', '(' + _arguments(each.get('components', ())) + ')')} {each['name']}".rstrip()
        for each in given
    )
