"""Presets of MEDIATE's experiments: games, methods, runs and epochs, and the values of its Table 1."""

from dataclasses import dataclass
from itertools import product

from chain_bandit.mediate.gifting import Gift
from chain_bandit.mediate.token_rule import Mate, Method
from chain_bandit.protocol.errors import ChainBanditError

TOKENS = tuple(method.value for method in Method)
RIVALS = (*(f"{gift.value}-gifting" for gift in Gift), "lio")
SWEPT = tuple(Mate((token,)).value for token in (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 8))
"""MATE with each token of the paper's Figure 1a."""

PAIRED = tuple(Mate(tokens).value for tokens in product((0.25, 0.5, 1, 2, 4), repeat=2))
"""MATE with each pair of tokens of Figure 1b."""

MOST_PAID = {"ipd": 3.0, "harvest-6": 0.25}
"""What LIO pays at most in a step (the paper's Table 3); 2 elsewhere."""

PUBLISHED: dict[str, dict[str, tuple[float, float]]] = {
    "rescaled-coin-game-2": {
        "naive": (0.50, 0.01), "mate": (0.69, 0.01), "auto-mate": (0.86, 0.08), "mediate-i": (0.97, 0.02),
        "mediate-s": (0.93, 0.08), "zero-sum-gifting": (0.50, 0.01), "budget-gifting": (0.54, 0.03),
        "lio": (0.69, 0.10),
    },
    "coin-game-6": {
        "naive": (0.16, 0.01), "mate": (0.39, 0.03), "auto-mate": (0.18, 0.09), "mediate-i": (0.41, 0.16),
        "mediate-s": (0.50, 0.16), "zero-sum-gifting": (0.16, 0.01), "budget-gifting": (0.16, 0.02),
        "lio": (0.17, 0.11),
    },
    "harvest-6": {
        "naive": (1220, 25), "mate": (1177, 20), "auto-mate": (1204, 35), "mediate-i": (1232, 17),
        "mediate-s": (1212, 20), "zero-sum-gifting": (1230, 20), "budget-gifting": (1232, 23), "lio": (1192, 20),
    },
}  # fmt: skip
"""The paper's Table 1 after 5,000 epochs of 8 runs: a mean, and a dispersion of which it does not say what it is."""


MILLISECONDS = {"ipd": 2.5, "coin-game-4": 33.0, "coin-game-6": 48.0, "harvest-6": 106.0}
"""An epoch of a run takes about so long, 14 elsewhere; by this the time that is left is told."""


TOGETHER = 4
"""Runs that are learned side by side, at most. What lies beside what decides the last bits of networks, so that nothing
may depend on how many processes there are."""


@dataclass(frozen=True, slots=True)
class Part:
    """Methods that learn a game side by side, all those of tokens or one rival, in some runs."""

    game: str
    methods: tuple[str, ...]
    runs: tuple[int, ...]
    epochs: int

    @property
    def name(self) -> str:
        """Of its file."""
        group = self.methods[0] if len(self.methods) == 1 else "tokens"
        return f"{self.game}.{group}.{self.runs[0]}-{self.runs[-1]}"

    @property
    def swept(self) -> bool:
        """Whether it is about MATE's token."""
        return any(map(Mate.named, self.methods))

    @property
    def work(self) -> float:
        """Milliseconds that an epoch may take; what matters is how those of the parts compare."""
        return MILLISECONDS.get(self.game, 14.0) * len(self.runs) * len(self.methods)


def _parts(game: str, runs: int, epochs: int, rivals: bool, tokens: tuple[str, ...] = TOKENS) -> tuple[Part, ...]:
    groups = (tokens, *((rival,) for rival in RIVALS if rivals))
    together = [tuple(range(first, min(first + TOGETHER, runs))) for first in range(0, runs, TOGETHER)]
    return tuple(Part(game, group, some, epochs) for group in groups for some in together)


PRESETS: dict[str, tuple[Part, ...]] = {
    "smoke": (*_parts("ipd", 8, 100, rivals=False), *_parts("rescaled-coin-game-2", 4, 25, rivals=True)),
    "reduced": (
        *_parts("ipd", 8, 5000, rivals=False), *_parts("rescaled-coin-game-2", 8, 1000, rivals=True),
        *_parts("coin-game-2", 8, 1000, rivals=False), *_parts("coin-game-4", 4, 1250, rivals=False),
        *_parts("coin-game-6", 3, 1750, rivals=True),
        *_parts("harvest-6", 3, 700, rivals=False, tokens=("naive", "mate", "mediate-i", "mediate-s")),
    ),
    "paper": (
        *_parts("ipd", 8, 5000, rivals=False), *_parts("rescaled-coin-game-2", 8, 5000, rivals=True),
        *_parts("coin-game-2", 8, 5000, rivals=False), *_parts("coin-game-4", 8, 5000, rivals=False),
        *_parts("coin-game-6", 8, 5000, rivals=True), *_parts("harvest-6", 8, 5000, rivals=True),
    ),
    "tokens": (
        *_parts("coin-game-2", 5, 400, rivals=False, tokens=SWEPT),
        *_parts("rescaled-coin-game-2", 5, 400, rivals=False, tokens=SWEPT),
        *_parts("coin-game-4", 5, 750, rivals=False, tokens=SWEPT),
        *_parts("coin-game-6", 5, 1250, rivals=False, tokens=SWEPT),
    ),
    "token-pairs": _parts("coin-game-2", 5, 400, rivals=False, tokens=("naive", *PAIRED)),
}  # fmt: skip


class UnknownPreset(ChainBanditError):
    """No preset of that name, or none of its games."""

    exit_code = 2

    def __init__(self, what: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no {what} {name[:40]!r}; there are {', '.join(known)}")
        self.what, self.name = what, name


def parts_of(preset: str, games: tuple[str, ...] = ()) -> tuple[Part, ...]:
    """What a preset plays, of these games only if any are named. Raises `UnknownPreset`."""
    if preset not in PRESETS:
        raise UnknownPreset("preset", preset, tuple(PRESETS))
    known = tuple(dict.fromkeys(part.game for part in PRESETS[preset]))
    for game in games:
        if game not in known:
            raise UnknownPreset(f"game in {preset}", game, known)
    return tuple(part for part in PRESETS[preset] if not games or part.game in games)


def worthwhile(parts: tuple[Part, ...]) -> int:
    """Processes that have a minute to play each, which pays for their start; one at least."""
    return max(int(sum(part.work * part.epochs for part in parts) // 60_000), 1)
