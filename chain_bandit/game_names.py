"""Game and arm names that the organiser gives, from the file that says where the game is; nothing vouches for them."""

import json
from dataclasses import dataclass
from pathlib import Path

from chain_bandit.append_log import regular_file
from chain_bandit.chain.identity import GAME_FORMAT

LONGEST = 60
"""Characters of a name that are shown."""


def clean(text: object, longest: int = LONGEST) -> str:
    """One printable line of bounded length, whatever the text is: names come from files that others wrote."""
    line = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(text))
    return line if len(line) <= longest else line[: longest - 1] + "…"


@dataclass(frozen=True, slots=True)
class GameNames:
    """Names of a game and of its arms; empty where the file has none."""

    game: str = ""
    arms: tuple[str, ...] = ()


UNNAMED = GameNames()


def names_in(path: Path) -> GameNames:
    """Names by `game.json`, or by a deployment file; empty ones by anything else."""
    try:
        with regular_file(path) as file:
            said = json.loads(file.read())
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
    return GameNames(game if isinstance(game, str) else "", tuple(arms))
