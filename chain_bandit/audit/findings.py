"""What the history tells about participants without breaking a check."""

from chain_bandit.audit.game import Game
from chain_bandit.audit.report import KEPT, Finding

_IN_WORDS = {
    "false report": "seat {seat}, a labelled liar, reported other means than its receipts in {n} rounds",
    "false report of a seat not labelled a liar":
        "seat {seat} is not labelled a liar, but reported other means than its receipts in {n} rounds",
    "no report": "seat {seat} has no agreed report in {n} blocks",
    "no pull": "seat {seat} did not pull in {n} approved rounds",
    "other arm than the honest": "seat {seat} pulled another arm than the honest in {n} rounds",
    "counts not opened": "seat {seat} did not open its pull counts: its bits of {n} blocks stand unchecked",
    "false count commitment": "seat {seat} committed to other pull counts than it had in {n} blocks",
    "label without a lie": "seat {seat} is labelled a liar and never reported a false mean",
}


def findings(game: Game) -> list[Finding]:
    """All findings, by sort and seat; the first rounds of each."""
    noted = {key: rounds for key, rounds in game.findings.items() if rounds}
    if game.disclosed is not None and game.past:
        for seat in sorted(game.disclosed.liars):
            if ("false report", seat) not in noted:
                noted["label without a lie", seat] = []
    return [
        Finding(kind, seat, len(rounds), tuple(rounds[:KEPT]), _sentence(kind, seat, rounds))
        for (kind, seat), rounds in sorted(noted.items())
    ]


def _sentence(kind: str, seat: int, rounds: list[int]) -> str:
    text = _IN_WORDS[kind].format(seat=seat, n=len(rounds))
    return text + (f" (first in round {rounds[0]})" if rounds else "")
