"""Histories that the browser verifier is held to: random games of all settings, and tampered ones."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.protocol import rules
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.scenario import Scenario
from verification import honest, splicing, tampering

GAMES = 24
"""Games that are tampered with; the seed of a change names one."""


OTHER_AGGREGATIONS = sorted(set(rules.names(RuleKind.AGGREGATION)) - set(honest.AGGREGATIONS))
OTHER_RULES = ({"reputation": "meritrank"}, {"reputation": "bittensor-trust"}, {"disclosure": "rounded"})


def fields(seed: int) -> dict[str, Any]:
    """A random scenario with what `verification/honest.py` does not draw: the recommended preset, other rules."""
    dice = random.Random(f"browser {seed}")
    n = dice.randint(4, 7)
    attacks: list[dict[str, Any]] = [{"name": dice.choice(("constant-lie", "offset", "swap", "sleeper"))}]
    if dice.random() < 0.5:
        attacks.append({"name": "equivocating-commander", "options": {"first": 10}})
    made: dict[str, Any] = {
        "name": f"browser-{seed}", "seed": seed, "participants": n, "rounds": dice.randint(20, 40), "burn_in": 4,
        "liars": 1, "attackers": 1, "slash": dice.choice((0.0, 0.5)), "cost": dice.choice(("constant", "distance")),
        "rewards": {"kind": "bernoulli", "means": [0.7, 0.3]}, "malicious": [{"seat": n - 1, "attacks": attacks}],
        "chain": {
            "batch": dice.choice((1, 2)), "unrecorded": 3, "settle_every": dice.randint(1, 5), "costs_every": 5,
            "body": dice.choice(("full", "compact")), "settlement_window": 80,
        },
    }  # fmt: skip
    match seed % 5:
        case 0:
            made = {key: value for key, value in made.items() if key not in ("burn_in", "cost", "slash")}
            made |= {"preset": "recommended", "rounds": 200, "chain": made["chain"] | {"settle_every": 1}}
        case 1:
            made |= {"policy": dice.choice(("kl-ucb", "kl-ucb", "thompson"))}
        case 2:
            made |= {"aggregation": dice.choice(OTHER_AGGREGATIONS), "participants": max(n, 5)}  # Krum has five
        case 3:
            made |= dice.choice(OTHER_RULES)
        case _:
            made |= {"malicious": [{"seat": n - 1, "attacks": [{"name": "silent-validator"}]}], "failure_limit": 1}
    return made


def scenario(seed: int) -> Scenario:
    """The game of a seed: of three two by `verification/honest.py`, one by `fields`."""
    if seed % 3 < 2:
        return honest.scenario(seed)
    made = Scenario.model_validate(fields(seed // 3))
    made.check()
    made.check_contract()
    return made


def play(seed: int, path: Path) -> bytes | None:
    """Write the history of a seed's game. Gives the last block's hash; None where the game stopped."""
    with honest.chain("fast") as node:
        try:
            return honest.play(scenario(seed), node, path)
        except ChainBanditError:  # a drawn committee may stop a game
            return None


@lru_cache(maxsize=4)
def export(which: int) -> tampering.Export:
    """The game of a number, or of the next one that does not stop."""
    with TemporaryDirectory() as place:
        path = Path(place) / "history.jsonl"
        while play(which, path) is None:
            which += GAMES
        return tampering.Export.of(files.read(path))


@dataclass(frozen=True)
class Tampered:
    """A changed history: how it was changed, its text, and the hash that an auditor of the true one kept."""

    how: str
    text: bytes
    head: bytes


def as_text(history: History) -> bytes:
    """The export of a history."""
    return b"".join([files.origin_line(history.origin), *map(files.block_line, history.blocks)])


def tampered(seed: int) -> Tampered:
    """A change of a seed, all hashes that need no key made to fit: a byte, an edit of blocks, or an inserted call."""
    kind = seed % 3
    if kind == 2:
        game, edit, outcome, history = splicing.edited(seed // 3)
        return Tampered(f"call: {edit}, {outcome}", as_text(history), game.head)
    own = export(seed // 3 % GAMES)
    dice = random.Random(f"tampered {seed}")
    if kind == 0:
        return Tampered("byte", _byte(own, dice), own.head)
    other = export((seed // 3 + 1) % GAMES)
    while True:
        blocks = tampering.taken_apart(own.blocks)
        edit_ = tampering.EDITS[seed // 3 % len(tampering.EDITS)]
        edit_(dice, blocks, tampering.taken_apart(other.blocks))
        made = tampering.rehashed(blocks)
        if made != own.blocks:
            bodies = {block.header: block.bodies for block in own.blocks}
            held = [replace(each, bodies=bodies.get(each.header, ())) for each in made]
            return Tampered(f"edit: {edit_.__name__}", as_text(History(own.origin, tuple(held))), own.head)


def _byte(own: tampering.Export, dice: random.Random) -> bytes:
    """The text with a byte another, and all hashes made to fit where it can still be read."""
    (line,) = dice.choices(range(len(own.lines)), list(map(len, own.lines)))
    text = own.lines[line]
    at = dice.randrange(len(text))
    values = tampering.DIGITS if text[at] in tampering.DIGITS else range(256)
    changed = tampering.with_byte(text, at, dice.choice([byte for byte in values if byte != text[at]]))
    plain = b"".join([*own.lines[:line], changed, *own.lines[line + 1 :]])
    if line == 0:
        return plain
    try:
        blocks = tuple(files.parse(plain).blocks)
    except HistoryError:
        return plain
    return as_text(History(own.origin, tampering.mended(own, line - 1, blocks[line - 1])))


@contextmanager
def written(text: bytes) -> Iterator[Path]:
    """A text in a file."""
    with TemporaryDirectory() as place:
        path = Path(place) / "history.jsonl"
        path.write_bytes(text)
        yield path
