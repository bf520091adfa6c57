"""Reference pages of the documentation site, generated from the code: no page repeats by hand what a module says."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, GenericAlias, ModuleType
from typing import Any, get_type_hints

import pyarrow
from typer.main import get_command
from typer.testing import CliRunner

import chain_bandit as cb
from chain_bandit import api, rule_api, testing
from chain_bandit import scenario as scenarios
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain_history.blocks import History
from chain_bandit.cli.listing import ListedKind, listed
from chain_bandit.cli.root import app
from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.gym_envs import BanditEnv, ReportingEnv
from chain_bandit.output import own_line
from chain_bandit.presets import PRESETS
from chain_bandit.protocol.digests import keccak
from chain_bandit.reference import MODELS, abi, declared, keys, options_of_attack
from chain_bandit.simulation.replicates import IntervalEstimate, Measured
from chain_bandit.sweeps.run import Swept

_WIDTH = 80

_KEYS = """\
Keys of a scenario file (TOML), by table. A key that is required has no default. An unknown key is refused with the
nearest known one, and a value out of bounds with the bound. M is `participants`, K the number of arms, T `rounds`, L
`burn_in`, f `liars`, m `attackers`, N `validators`, k `threshold`, s `failure_limit`, w `unrecorded`. Bounds on several
keys together are checked at load, those "on chain" by `run`, `up` and `deploy` alone; a refusal names them likewise.
`-o KEY=VALUE` overrides a key, `-o chain.batch=10` one of a table.
The JSON Schema for editors: {download}`scenario.schema.json <scenario.schema.json>`."""


ROOT = Path(__file__).resolve().parents[1]

_PLAIN = ("Scenario", "ChainBanditError", "Conduct")
"""Classes whose members are on other pages, or say themselves."""

_LATE = {
    "AuditReport": AuditReport, "BanditEnv": BanditEnv, "History": History, "IntervalEstimate": IntervalEstimate,
    "Measured": Measured, "ReportingEnv": ReportingEnv, "Swept": Swept, "pyarrow": pyarrow,
}  # fmt: skip
"""Names in annotations that the API imports when they are used."""

_CONTRACT = """\
What the shipped contracts take, emit and refuse, from their ABI and the NatSpec of `contracts/`. Calldata is a selector
and the arguments in ABI encoding, but for `submitBlocks`: its blocks follow the selector packed, and
`docs/decoder/submit-blocks.mjs` takes them apart. Byte formats of blocks, signatures and settlements are those of
[protocol.md](../protocol.md); how an explorer reads a game is in [contract.md](../contract.md). The arguments of an
error are what the contract saw and what it wanted."""

_ENTRIES = {
    "function": ("function", "selector", "state", "meaning"),
    "event": ("event", "first topic", "meaning"),
    "error": ("error", "selector"),
}

_NATSPEC = re.compile(r"((?:^ *///[^\n]*\n)+)(?:^ *//[^\n]*\n)*^ *(function|event) (\w+)", re.MULTILINE)


def pages() -> dict[str, str]:
    """Every generated page in Markdown, by its name without suffix."""
    return {
        "scenario": _scenario(),
        "attacks": _attacks(),
        "rules": _listing(ListedKind.RULES, "Rules", "A scenario names a rule by kind and name", "../rules.md"),
        "environments": _listing(
            ListedKind.ENVIRONMENTS, "Environments", "`kind` of `[rewards]` names one", "../live-rewards.md"
        ),
        "examples": _listing(
            ListedKind.EXAMPLES, "Shipped examples", "`chain-bandit run NAME` plays one", "../sweeps.md"
        ),
        "checks": _listing(
            ListedKind.CHECKS, "Checks of the audit", "`chain-bandit audit --checks` prints each", "../audit.md"
        ),
        "exit-codes": _exit_codes(),
        "cli": _command_line(),
        "api": _api(),
        "results": _page(
            "Classes of results",
            "Classes that functions of the [Python API](api.md) return, or that their results have as attributes.",
            *(_documented(each.__module__, each.__name__, each) for each in returned()),
        ),
        "rule-api": _module(rule_api, "Rules of your own", "[plugins.md](../plugins.md#a-rule-of-your-own)"),
        "testing": _module(testing, "Conformance tests", "[plugins.md](../plugins.md#conformance-tests)"),
        "contract": _contract(),
    }


def schema() -> str:
    """The JSON Schema of a scenario file, for editors."""
    return json.dumps(scenarios.Scenario.model_json_schema(), indent=1, sort_keys=True) + "\n"


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", *parts, "Terms: [glossary](../glossary.md).")) + "\n"


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _scenario() -> str:
    parts = [_KEYS]
    for title in MODELS:
        rows = (
            (f"`{each.name.rpartition('.')[2]}`", _linked(each.meaning), each.unit, each.default, each.bounds)
            for each in keys(title)
        )
        parts += [f"## {title}", _table(("key", "meaning", "unit", "default", "bounds"), rows)]
    parts.append("## Presets")
    parts.append('`preset = "recommended"`, the default of a file, has other values for these; `paper` has none.')
    preset = ((f"`{key}`", f"`{json.dumps(_plain(value))}`") for key, value in PRESETS["recommended"].items())
    parts.append(_table(("key", "value"), preset))
    return _page("Scenario keys", *parts)


def _linked(text: str) -> str:
    """A page's path, as a terminal shows it, as a link."""
    return re.sub(r"docs/([\w-]+\.md)", r"[\1](../\1)", text)


def _plain(value: Any) -> Any:
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, Mapping) else value


def _attacks() -> str:
    rows = ((f"`{name}`", sentence, options_of_attack(name)) for name, sentence in listed(ListedKind.ATTACKS).items())
    return _page(
        "Attacks", "Names of attacks in `[[malicious]]` and `[adversary]`. Your own: [plugins.md](../plugins.md).",
        _table(("name", "what it does", "options and defaults"), rows),
    )  # fmt: skip


def _listing(kind: ListedKind, title: str, sentence: str, more: str) -> str:
    rows = ((f"`{name}`", said) for name, said in listed(kind).items())
    text = f"{sentence}; `chain-bandit list {kind.value}` prints this list. More: [{more.rpartition('/')[2]}]({more})."
    return _page(title, text, _table(("name", "what it is"), rows))


def _exit_codes() -> str:
    rows = ((str(code), meaning, remedy) for code, (meaning, remedy) in EXIT_CODES.items())
    text = "Every command ends with one of these; `chain-bandit explain CODE` prints a line of it."
    return _page("Exit codes", text, _table(("code", "meaning", "what to do"), rows))


def _command_line() -> str:
    parts = ["Each command as `--help` prints it."]
    for words in commands():
        parts += [f"## chain-bandit {' '.join(words)}", f"```text\n{help_of(words)}\n```"]
    return _page("Command line", *parts)


def commands() -> Iterator[tuple[str, ...]]:
    """Every command of the parser, and every one within another."""
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        yield from ((name, each) for each in inner) if inner else ((name,),)


def help_of(words: tuple[str, ...]) -> str:
    """What `chain-bandit WORDS --help` prints on a terminal of 80 columns."""
    os.environ["TERMINAL_WIDTH"] = os.environ["COLUMNS"] = str(_WIDTH)
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="chain-bandit", terminal_width=_WIDTH)
    if result.exit_code:
        raise RuntimeError(f"chain-bandit {' '.join(words)} --help ended with {result.exit_code}")
    return result.output.rstrip()


def _api() -> str:
    parts = ["`import chain_bandit as cb`; every public name. A tutorial: [api.md](../api.md)."]
    for name in cb.__all__:
        parts.append(_documented("chain_bandit", name, getattr(cb, name)))
    return _page("Python API", *parts)


def _module(module: ModuleType, title: str, more: str) -> str:
    """All that a module offers."""
    said = own_line(module.__doc__).replace("docs/plugins.md", "the page on plug-ins")
    parts = (_documented(module.__name__, name, getattr(module, name)) for name in module.__all__)
    return _page(title, f"`{module.__name__}`: {said} More: {more}.", *parts)


def _documented(module: str, name: str, what: Any) -> str:
    """A section of one name, from its docstring; data are given by their values."""
    if not callable(what) or isinstance(what, GenericAlias):
        return f"## {name}\n\n`{what}`"
    kind = "class" if isinstance(what, type) else "function"
    plain = kind == "function" or name in _PLAIN or hasattr(what, "_fields")
    members = "" if plain else "   :members:\n"
    return f"## {name}\n\n```{{eval-rst}}\n.. auto{kind}:: {module}.{name}\n{members}```"


def returned() -> list[type]:
    """Classes of this package that public functions return, and attributes of what they return, but for public ones."""
    public = {name: getattr(cb, name) for name in cb.__all__}
    found: dict[type, None] = {}
    for each in public.values():
        if isinstance(each, type) and each.__module__ != api.__name__:
            continue
        gets = [each] if not isinstance(each, type) else [
            member.fget if isinstance(member, property) else member
            for member in vars(each).values() if isinstance(member, property | FunctionType)
        ]  # fmt: skip
        hints = [get_type_hints(get, localns=_LATE).get("return") for get in gets]
        hints += get_type_hints(each, localns=_LATE).values() if isinstance(each, type) else ()
        found |= dict.fromkeys(each for each in hints if isinstance(each, type))
    ours = (each for each in found if each.__module__.startswith("chain_bandit."))
    return [each for each in ours if each not in public.values()]


def _contract() -> str:
    parts = [_CONTRACT]
    for contract, title in (("ChainBandit", "A game"), ("Tokens", "An agreement on tokens")):
        said, entries = notices(contract), abi(contract)
        for kind, heads in _ENTRIES.items():
            rows = (
                (f"`{declared(each)}`", f"`{key(each)}`", *_meaning(each, said))
                for each in sorted((each for each in entries if each["type"] == kind), key=lambda each: each["name"])
            )  # fmt: skip
            parts += [f"## {title}: {kind}s", _table(heads, rows)]
    return _page("Contract interface, calldata and events", *parts)


def notices(contract: str) -> dict[tuple[str, str], str]:
    """The NatSpec of each function and event in the sources, by kind and name: that of the contract's own first."""
    found: dict[tuple[str, str], str] = {}
    sources = sorted((ROOT / "contracts").rglob("*.sol"))
    for source in sorted(sources, key=lambda path: path.stem not in (contract, f"I{contract}")):
        for block, kind, name in _NATSPEC.findall(source.read_text("utf-8")):
            text = " ".join(line.strip().removeprefix("///").strip() for line in block.strip().splitlines())
            if "@inheritdoc" not in text:
                found.setdefault((kind, name), re.sub(r"\s*@(notice|dev|return|param (\w+))\s*", _tag, text).strip())
    return found


def _tag(match: re.Match[str]) -> str:
    return f" `{match[2]}`: " if match[2] else " "


def key(entry: Mapping[str, Any]) -> str:
    """The first four bytes of calldata or of a refusal, and the first topic of an event."""
    digest = keccak(f"{entry['name']}({','.join(map(_canonical, entry['inputs']))})".encode())
    return f"0x{(digest if entry['type'] == 'event' else digest[:4]).hex()}"


def _canonical(argument: Mapping[str, Any]) -> str:
    kind: str = argument["type"]
    if kind.startswith("tuple"):
        return f"({','.join(map(_canonical, argument['components']))}){kind.removeprefix('tuple')}"
    return kind


def _meaning(entry: Mapping[str, Any], said: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """The last cells of an entry's row. Raises `KeyError` where the sources say nothing of it."""
    if entry["type"] == "error":
        return ()
    state = {"view": "reads", "pure": "reads", "payable": "changes, takes wei"}
    access = (state.get(entry["stateMutability"], "changes"),) if entry["type"] == "function" else ()
    return *access, said[entry["type"], entry["name"]]
