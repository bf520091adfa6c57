"""Presets: named defaults for a scenario's keys. A key of the file, or of `-o`, overrides that of the preset."""

from collections.abc import Mapping
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
"""By name, what differs from a scenario's own defaults. Those are the paper's."""

UNPROVEN: Final = {"growth": 0.1}
"""Of the recommended preset where liars stay in the game: arms are judged anew sooner; see docs/robust.md."""

EXPLORATION: Final = ((0.3, "5/b"), (1.0, "7.4/b"))
"""C₁ of it there, by the largest share of liars."""


def with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a scenario, and those of its preset that it does not have; of `[chain]` likewise, in phases."""
    name = given.get("preset", PAPER)
    preset = PRESETS.get(name, {}) if isinstance(name, str) else {}
    keys, own = {**preset, **given}, given.get("chain", {})
    if name == RECOMMENDED and not {"exploration", "policy", "aggregation"} & given.keys() and unproven(keys):
        keys = {**preset, **UNPROVEN, "exploration": _exploration(keys), **given}
    if not isinstance(own, Mapping):
        return keys
    return {**keys, "chain": {**(preset.get("chain", {}) if keys.get("growth") else {}), **own}}


def unproven(keys: Mapping[str, Any]) -> str:
    """Why nobody is excluded for a false report while a scenario of these keys is played; empty where liars are."""
    rewards = keys.get("rewards")
    kind = rewards.get("kind") if isinstance(rewards, Mapping) else getattr(rewards, "kind", None)
    why = {
        "slash = 0": not keys.get("slash"),
        "sealed = true": bool(keys.get("sealed")),
        'comparison = "mpc"': keys.get("comparison", "ideal") != "ideal",
        "disclosure other than estimates": keys.get("disclosure", "estimates") != "estimates",
        'rewards.kind = "self-declared"': kind == "self-declared",
    }
    return ", ".join(name for name, holds in why.items() if holds)


def explained(keys: Mapping[str, Any]) -> str:
    """What the recommended preset plays, and why, in a scenario whose liars stay in it; empty in any other."""
    why, own = unproven(keys), _exploration(keys)
    if keys["preset"] != RECOMMENDED or not why or (keys["policy"], keys["exploration"]) != ("kl-ucb", own):
        return ""
    return f"no liar is excluded while this game is played ({why}): the preset plays kl-ucb with C1 = {own}"


def _exploration(keys: Mapping[str, Any]) -> str:
    """C₁ against as many liars as the keys say, while they may be of any type yet."""
    liars, seats = keys.get("liars"), keys.get("participants")
    known = isinstance(liars, int) and isinstance(seats, int) and seats > 0
    share = liars / seats if known else 1.0  # type: ignore[operator]
    return next((c1 for most, c1 in EXPLORATION if share <= most), EXPLORATION[-1][1])


def known(name: str) -> str:
    """The name of a preset. Raises `PydanticCustomError` for any other, which says the nearest."""
    if name in PRESETS:
        return name
    near = get_close_matches(name, PRESETS, n=1)
    said = f"did you mean {near[0]!r}?" if near else f"presets: {', '.join(PRESETS)}"
    raise PydanticCustomError("preset", "no preset {name}; {said}", {"name": repr(name[:80]), "said": said})
