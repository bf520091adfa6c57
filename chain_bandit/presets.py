"""Presets: named defaults for a scenario's keys. A key of the file, or of `-o`, overrides that of the preset."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from pydantic_core import PydanticCustomError

PAPER: Final = "paper"
RECOMMENDED: Final = "recommended"

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType({
    PAPER: MappingProxyType({}),
    RECOMMENDED: MappingProxyType({
        "aggregation": {"name": "huber-one-step", "options": {"clip": 1.25}},
        "exploration": "1.85/b",
        "policy": "kl-ucb",
        "cost": "distance",
        "slash": 0.01,
        "paid_burn_in": True,
        "burn_in_factor": 0.05,  # two pulls of each arm, the fewest that any game may have, for all T < 2^32
        "growth": 0.25,
        "chain": MappingProxyType({"settle_every": 1}),  # false reports of a phase are proven before the next record
    }),
})  # fmt: skip
"""By name, what differs from the keys' own defaults, which are the paper's. A file is `recommended` unless it says."""

UNPROVEN: Final = {"growth": 0.1}
"""Keys of the recommended preset where liars stay in the game: its phases are shorter; see docs/robust.md."""

EXPLORATION: Final = ((0.3, "5/b"), (0.4, "7.4/b"), (1.0, "16/b"))
"""C₁ of that preset where liars stay in the game, by the largest share of liars; the last one was not searched."""

SETTLED_IN_TIME: Final = 25
"""Records that a settlement may span: with more of them, proofs of false reports come after the lies did their work."""


def with_defaults(given: Mapping[str, Any], but: Collection[str] = ()) -> dict[str, Any]:
    """The keys of a scenario, and those of its preset that it does not have; of `[chain]` likewise, in phases.

    Args:
        but: keys of the preset that the scenario's own exclude.
    """
    name = given.get("preset", PAPER)
    preset = {key: value for key, value in _of(name).items() if key not in but}
    keys, own = {**preset, **given}, given.get("chain", {})
    if name == RECOMMENDED and "exploration" not in given and _named(keys.get("policy")) == "kl-ucb" and unproven(keys):
        shorter = {key: value for key, value in UNPROVEN.items() if key not in but}
        keys = {**preset, **shorter, "exploration": _exploration(keys), **given}
    if not isinstance(own, Mapping):
        return keys
    return {**keys, "chain": {**(preset.get("chain", {}) if keys.get("growth") else {}), **own}}


def _of(name: object) -> Mapping[str, Any]:
    return PRESETS.get(name, {}) if isinstance(name, str) else {}


def unproven(keys: Mapping[str, Any]) -> str:
    """Why liars are not excluded while a scenario of these keys is played; empty where they are."""
    kind, every = _part(keys.get("rewards"), "kind"), _part(keys.get("chain"), "settle_every")
    why = {
        "slash = 0": not keys.get("slash"),
        "sealed = true": bool(keys.get("sealed")),
        **_unprovable(keys),
        'rewards.kind = "self-declared"': kind == "self-declared",
        f"chain.settle_every above {SETTLED_IN_TIME}": isinstance(every, int) and every > SETTLED_IN_TIME,
    }
    return _listed(why)


def _part(of: object, name: str) -> object:
    """A key of a table, as a file or as a scenario has it."""
    return of.get(name) if isinstance(of, Mapping) else getattr(of, name, None)


def _named(rule: object) -> object:
    """The name of a rule, as a word or in a table."""
    return rule if isinstance(rule, str) else _part(rule, "name")


def unprovable(keys: Mapping[str, Any]) -> str:
    """Why no report can be proven false in a scenario of these keys; empty where one can.

    A report has to say estimators as they are, and its commitment to open to counts.
    """
    return _listed(_unprovable(keys))


def _unprovable(keys: Mapping[str, Any]) -> dict[str, bool]:
    return {
        "disclosure other than estimates": keys.get("disclosure", "estimates") != "estimates",
        'comparison = "mpc"': keys.get("comparison", "ideal") != "ideal",
    }


def _listed(why: Mapping[str, bool]) -> str:
    return ", ".join(name for name, holds in why.items() if holds)


def explained(keys: Mapping[str, Any]) -> str:
    """The policy and C₁ that the recommended preset chose since liars stay in the game, and why; else empty."""
    why, own = unproven(keys), _exploration(keys)
    if keys["preset"] != RECOMMENDED or not why or (_named(keys["policy"]), keys["exploration"]) != ("kl-ucb", own):
        return ""
    searched = "" if own != EXPLORATION[-1][1] else "; against so many liars a participant may do better alone"
    return f"no liar is excluded while this game is played ({why}): the preset plays kl-ucb with C1 = {own}{searched}"


def _exploration(keys: Mapping[str, Any]) -> str:
    """C₁ against as many liars as the keys say, while they may be of any type yet."""
    liars, seats = keys.get("liars"), keys.get("participants")
    share = liars / seats if isinstance(liars, int) and isinstance(seats, int) and seats > 0 else 1.0
    return next((c1 for most, c1 in EXPLORATION if share <= most), EXPLORATION[-1][1])


def known(name: str) -> str:
    """The name of a preset. Raises `PydanticCustomError` for any other, which says the nearest."""
    if name in PRESETS:
        return name
    near = get_close_matches(name, PRESETS, n=1)
    said = f"did you mean {near[0]!r}?" if near else f"presets: {', '.join(PRESETS)}"
    raise PydanticCustomError("preset", "no preset {name}; {said}", {"name": repr(name[:80]), "said": said})
