"""What the history tells about participants without breaking a check."""

from chain_bandit.audit.game import Game
from chain_bandit.audit.report import KEPT, Finding
from chain_bandit.protocol.assumptions import broken_by_roles
from chain_bandit.protocol.settlement import Conduct

_IN_WORDS = {
    "false report": "seat {seat}, a labelled liar, reported other means than its receipts in {n} rounds",
    "false report of a seat not labelled a liar":
        "seat {seat} is not labelled a liar, but reported other means than its receipts in {n} rounds",
    "false proof": "seat {seat} reported a proof of a draw that is none of its key and round, in {n} blocks",
    "no report": "seat {seat} has no agreed report in {n} blocks",
    "no pull": "seat {seat} did not pull in {n} approved rounds",
    "other arm than the honest": "seat {seat} pulled another arm than the honest in {n} rounds",
    "false count commitment": "seat {seat} committed to other pull counts than it had in {n} blocks",
    "bits of other counts": "the comparison bits of seat {seat} in {n} blocks are not those of its pulls",
    "false sealed arm": "seat {seat} sealed another arm than that of its last receipt in {n} blocks",
    "false sealed reward": "seat {seat} sealed another reward than that of its last receipt in {n} blocks",
    "sealed record does not open": "the sealed record of seat {seat} does not open with its own key in {n} blocks",
    "sealing key not revealed": "seat {seat} did not reveal the key of its sealed records in {n} blocks",
    "bits on trust":
        "the comparison bits of seat {seat} in {n} blocks were not checked: they rest on the quorum's word alone",
    "equivocated": "seat {seat} is proven to have signed two contents in one slot",
    "equivocation of a seat not labelled an attacker":
        "seat {seat} is not labelled an attacker, but signed two contents in one slot: its key leaked, or its label "
        "is wrong",
    "label without a lie": "seat {seat} is labelled a liar and never reported a false mean",
}


def findings(game: Game) -> list[Finding]:
    """All findings: about the labels, then by sort and seat with the first rounds of each."""
    noted = {key: rounds for key, rounds in game.findings.items() if rounds}
    if game.disclosed is not None and game.past:
        for seat in sorted(game.disclosed.liars):
            if ("false report", seat) not in noted:
                noted["label without a lie", seat] = []
    return _labels(game) + [
        Finding(kind, seat, len(rounds), tuple(rounds[:KEPT]), _sentence(kind, seat, rounds))
        for (kind, seat), rounds in sorted(noted.items())
    ]


def _labels(game: Game) -> list[Finding]:
    """Opened roles outside of what the parameters promise, and the theorem of the game's aggregation with them."""
    if game.disclosed is None:
        return []
    roles = game.disclosed.roles
    attackers, malicious = sum(bool(role & Conduct.ATTACKER) for role in roles), sum(map(bool, roles))
    return [
        Finding(
            f"labels: {broken.name}", None, malicious, (),
            f"by the labels {broken.inequality} does not hold ({broken.values}): the theorem promises nothing",
        )
        for broken in broken_by_roles(game.parameters, len(game.disclosed.liars), attackers, malicious)
    ]  # fmt: skip


def _sentence(kind: str, seat: int, rounds: list[int]) -> str:
    text = _IN_WORDS[kind].format(seat=seat, n=len(rounds))
    return text + (f" (first in round {rounds[0]})" if rounds else "")
