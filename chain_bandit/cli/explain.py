"""`chain-bandit explain`: what a word means."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from chain_bandit.cli.listing import ListedKind, listed
from chain_bandit.cli.options import Json
from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.output import answer, own_line
from chain_bandit.usage import Usage

EXAMPLES = ("explain 12", "explain settlement.rewards", "explain chain.body", "explain krum")


def explain(
    context: typer.Context,
    what: Annotated[
        list[str], typer.Argument(metavar="WORD", help="A code, check, scenario key, rule, attack, error or command.")
    ],
    as_json: Json = False,
) -> None:
    """Explain a word: an exit code and its remedy, what a check of the audit proves and how to verify it by hand, a
    scenario key (chain.body), a rule, an attack, an environment, an example, an error by its type, a command."""
    word = " ".join(what).partition("(")[0]  # an error of the contract comes with its values
    found = [said for name, said in _codes_and_checks() if name == word]
    if not found:
        commands = context.find_root().command.commands  # type: ignore[attr-defined]
        known = [*_codes_and_checks(), *_others(commands)]
        found = [said for name, said in known if name == word] or [said for name, said in known if word == _last(name)]
    if not found:
        names = {each: name for name, _ in known for each in (_last(name), name)}
        near = dict.fromkeys(names[each] for each in get_close_matches(word[:80], names, 3))
        listed = f"did you mean {' or '.join(near)}?" if near else (
            "see chain-bandit list, chain-bandit --help, or the reference of the documentation"
        )
        raise Usage(f"nothing to explain is called {word[:80]!r}; {listed}")
    if as_json:
        answer(found[0] if len(found) == 1 else {"matches": found})
    else:
        print("\n\n".join(map(_text, found)))


def _last(name: str) -> str:
    """A name without its table or kind."""
    return re.split("[. ]", name)[-1]


def _codes_and_checks() -> Iterator[tuple[str, dict[str, Any]]]:
    """Words that can be explained, and what there is to say."""
    from chain_bandit.auditor.catalogue import CHECKS
    from chain_bandit.auditor.exhibits import NEEDED, by_hand

    for code, (meaning, remedy) in EXIT_CODES.items():
        yield str(code), {"code": code, "meaning": meaning, "what_to_do": remedy}
    for check, proves in CHECKS.items():
        yield check, {"check": check, "proves": proves, "by_hand": by_hand(check), "needs": NEEDED}


def _others(commands: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those that take a second to find; `commands` are the program's, by name."""
    from chain_bandit import reference

    for table in reference.MODELS:
        for key in reference.keys(table):
            yield key.name, {"scenario_key": key.name, **key._asdict()}
    for kind, one in _LISTED.items():
        for name, sentence in listed(kind).items():
            options = reference.options_of_attack(name) if kind is ListedKind.ATTACKS else _options_of_rule(name)
            yield name, {one: name, "meaning": sentence, "options": options}
    for name, command in commands.items():
        yield name, {"command": f"chain-bandit {name}", "meaning": own_line(command.help)}
    for name, error in reference.errors().items():
        yield name, {"error": name, **error._asdict(), "what_to_do": EXIT_CODES[error.exit_code][1]}
    for each in (*reference.abi("ChainBandit"), *reference.abi("Tokens")):
        if each["type"] == "error":
            yield each["name"], {
                "contract_error": reference.declared(each), "meaning": "the contract refuses a call", "exit_code": 7,
                "what_to_do": EXIT_CODES[7][1],
            }  # fmt: skip


_LISTED = {
    ListedKind.ATTACKS: "attack", ListedKind.RULES: "rule", ListedKind.ENVIRONMENTS: "environment",
    ListedKind.EXAMPLES: "example",
}  # fmt: skip


def _options_of_rule(name: str) -> str:
    """The options of a shipped rule with default and bounds; empty of anything else."""
    from chain_bandit.protocol.rules import shipped

    rules = {f"{rule.kind.name.lower()} {rule.name}": rule for rule in shipped().values()}
    options = rules[name].options if name in rules else {}
    return ", ".join(
        f"{key} {'required' if each.default is None else f'{each.default / each.scale:g}'} "
        f"({each.least / each.scale:g} to {each.most / each.scale:g})"
        for key, each in options.items()
    )


def _text(said: dict[str, Any]) -> str:
    """For people."""
    if "code" in said:
        return f"{said['meaning'][0].upper()}{said['meaning'][1:]}. {said['what_to_do']}"
    if "check" in said:
        return f"{said['proves']}\nBy hand: {said['by_hand']}\n{said['needs']}"
    (kind, name), *rest = said.items()
    lines = [f"{each.replace('_', ' ')}: {value}" for each, value in rest if each != "name" and value not in ("", "-")]
    lines = [each.replace("`", "") for each in lines]
    return "\n".join([f"{name} ({kind.replace('_', ' ')})", *(f"  {line}" for line in lines)])
