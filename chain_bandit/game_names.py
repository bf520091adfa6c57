"""Names of a game, its arms and its seats, from the file that says where the game is; the chain vouches for none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chain_bandit.append_log import regular_file
from chain_bandit.chain.identity import GAME_FORMAT

LONGEST, LONGEST_OF_SEAT = 60, 20
"""Characters of a name that are shown."""

MOST_BYTES = 1 << 22
"""Of a file that names are read from."""


def clean(text: object, longest: int = LONGEST) -> str:
    """One printable line of bounded length, whatever the text is: names come from files that others wrote."""
    line = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(text))
    return line if len(line) <= longest else line[: longest - 1] + "…"


@dataclass(frozen=True, slots=True)
class GameNames:
    """Names of a game, of its arms, and of seats that have a key of their own; empty where the file has none."""

    game: str = ""
    arms: tuple[str, ...] = ()
    seats: Mapping[int, str] = field(default_factory=dict)


UNNAMED = GameNames()


def in_brackets(names: Mapping[int, str], seat: int | None) -> str:
    """A seat's name in brackets, behind a space; empty where it has none."""
    return f" ({clean(names[seat])})" if seat is not None and seat in names else ""


def names_in(path: Path) -> GameNames:
    """Names by `game.json`, or by a deployment file; empty ones by anything else."""
    try:
        with regular_file(path) as file:
            said = json.loads(file.read(MOST_BYTES + 1))
    except (OSError, ValueError, RecursionError):
        return UNNAMED
    if isinstance(said, dict) and said.get("format") != GAME_FORMAT:
        said = said.get("scenario")
    if not isinstance(said, dict):
        return UNNAMED
    rewards, game = said.get("rewards"), said.get("name")
    arms = said.get("arm_names", rewards.get("arms") if isinstance(rewards, dict) else None)
    if not (isinstance(arms, list) and all(isinstance(each, str) for each in arms)):
        arms = []
    return GameNames(game if isinstance(game, str) else "", tuple(arms), _seats(said.get("node_records")))


def _seats(records: Any) -> dict[int, str]:
    """By seat what its owner called the certificate of its node; `seat-N` is no name."""
    found = dict[int, str]()
    if not isinstance(records, list):
        return found
    from chain_bandit.crypto.certificates import name_in  # late: a library that few files ask for

    for each in records:
        try:
            seat, name = each["address"], name_in(bytes.fromhex(each["certificate"]))
        except (ValueError, TypeError, KeyError):
            continue
        if isinstance(seat, int) and seat >= 0 and name and name != f"seat-{seat}":
            found[seat] = clean(name, LONGEST_OF_SEAT)
    return found
