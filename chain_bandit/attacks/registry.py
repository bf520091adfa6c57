"""Attacks by name, as scenarios call them; see `chain_bandit.plugins` for those of other packages."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from chain_bandit import attacks, plugins
from chain_bandit.attacks.attack import Attack
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.settlement import Conduct


class _Shipped(Mapping[str, type[Attack]]):
    """The attacks of this package by name: first liars, then attackers of the consensus.

    An attack has the name of its module, which is imported once it is asked for: most need numpy.
    """

    def __getitem__(self, name: str) -> type[Attack]:
        file = name.replace("-", "_")
        if file not in _modules() or "_" in name:
            raise KeyError(name)
        module = import_module(f"{attacks.__name__}.{file}")
        kinds = (kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Attack))
        found = next((kind for kind in kinds if kind.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_names())

    def __len__(self) -> int:
        return len(_names())


@cache
def _modules() -> frozenset[str]:
    return frozenset(found.name for found in iter_modules(attacks.__path__))


@cache
def _names() -> tuple[str, ...]:
    named = [each.replace("_", "-") for each in _modules()]
    kinds = [(ATTACKS[name].conduct, name) for name in named if name in ATTACKS]
    return tuple(name for _, name in sorted(kinds))


ATTACKS: Mapping[str, type[Attack]] = _Shipped()


class UnknownAttack(ChainBanditError):
    """No attack of that name, or options that it does not take."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        known = plugins.names("attacks", ATTACKS)
        near = get_close_matches(name, known.split(", "), n=1) if reason == plugins.UNKNOWN else []
        meant = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"attack {name!r}: {reason}{meant}; known attacks: {known}, or module:Class")
        self.name, self.reason = name, reason


def make(name: str, options: dict[str, Any]) -> Attack:
    """The attack of that name with its options. Raises `UnknownAttack`."""
    try:
        kind = plugins.find("attacks", name, ATTACKS)
        if not (isinstance(kind, type) and issubclass(kind, Attack)):
            raise UnknownAttack(name, "not a subclass of chain_bandit.attacks.attack.Attack")
        attack: Attack = plugins.made("attacks", name, kind, options)
    except plugins.PluginBroken as error:
        raise UnknownAttack(name, error.reason) from error
    try:
        conduct, called, _ = attack.conduct, attack.name, attack.rushes
    except Exception as error:
        raise UnknownAttack(name, f"its attributes raise {type(error).__name__}: {error}") from error
    if not isinstance(conduct, Conduct) or conduct not in range(4):
        raise UnknownAttack(name, "its conduct is no chain_bandit.protocol.settlement.Conduct")
    if not isinstance(called, str):
        raise UnknownAttack(name, "its name is no text")
    return attack
