"""Attacks by name, as scenarios call them; see `chain_bandit.plugins` for those of other packages."""

from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from chain_bandit import attacks, plugins
from chain_bandit.attacks.attack import Attack
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.settlement import Conduct


def _ours() -> dict[str, type[Attack]]:
    """Every class of this package with a name of its own: first liars, then attackers of the consensus; by name."""
    modules = [import_module(f"{attacks.__name__}.{found.name}") for found in iter_modules(attacks.__path__)]
    kinds = {
        kind for module in modules for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Attack) and kind.name != kind.__name__
    }  # fmt: skip
    return {kind.name: kind for kind in sorted(kinds, key=lambda kind: (kind.conduct, kind.name))}


ATTACKS = _ours()


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
