"""Findings of an audit: behaviour of seats that breaks no check, and its evidential weight."""

from collections.abc import Iterator, Mapping
from typing import Any

from chain_bandit.auditor.collusion import GAMES, Pair, groups
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.nonces import Signed
from chain_bandit.auditor.report import KEPT, Finding, Weight, counted
from chain_bandit.protocol.assumptions import broken_by_roles
from chain_bandit.protocol.settlement import Conduct

_PROOFS = {
    "false report": "seat {seat}, a labelled liar, reported other means than its receipts in {rounds}",
    "false report of a seat not labelled a liar":
        "seat {seat} is not labelled a liar, but reported other means than its receipts in {rounds}",
    "false report of live rewards":
        "seat {seat} reported other means than those of the receipts that the environment settled, in {rounds}",
    "false noise": "seat {seat}, a labelled liar, reported other noise than that of its key in {rounds}",
    "false noise of a seat not labelled a liar":
        "seat {seat} is not labelled a liar, but reported other noise than that of its key in {rounds}",
    "false proof": "seat {seat} reported a proof of a draw that is none of its key and round, in {blocks}",
    "false count commitment": "seat {seat} committed to other pull counts than it had in {blocks}",
    "false sealed arm": "seat {seat} sealed another arm than that of its last receipt in {blocks}",
    "false sealed reward": "seat {seat} sealed another reward than that of its last receipt in {blocks}",
    "sealed record does not open": "the sealed record of seat {seat} does not open with its own key in {blocks}",
    "proven false report": "seat {seat} is proven to have reported what does not follow from the tally that it named",
    "proven false report of a seat not labelled a liar":
        "seat {seat} is not labelled a liar, but is proven to have reported what does not follow from the tally that "
        "it named: its key leaked, its label is wrong, or the environment signed another tally than its receipts say",
    "false tallies, of the environment":
        "the environment signed tallies that do not follow from what it settled, in {blocks}",
    "two roots of one settlement, of the environment":
        "the environment signed two roots of the tallies of one settlement: one with it, another under a proof",
    "two tallies, of the environment":
        "the environment signed two tallies for one receipt of a seat that was acquitted for it, in {rounds}",
    "equivocated": "seat {seat} is proven to have signed two contents in one slot",
    "equivocation of a seat not labelled an attacker":
        "seat {seat} is not labelled an attacker, but signed two contents in one slot: its key leaked, or its label "
        "is wrong",
    "certified a false block":
        "seat {seat} signed what does not follow from what it rests on, in {blocks}; the contract recorded it",
}
_OBSERVATIONS = {
    "no report": "seat {seat} has no agreed report in {blocks}",
    "rule without an answer": "the game's rule of aggregation failed in {blocks}, which were rejected for it",
    "rule without weights": "the game's rule of reputation failed in {blocks}, which moved no reputation",
    "rule without exclusions":
        "the game's rule of reputation did not say whom it leaves out in {blocks}, which left out nobody by reputation",
    "rule without a choice":
        "the game's rule of selection chose no committee that can certify in {blocks}, after which everybody validated",
    "disclosure without a report":
        "the game's disclosure failed on the rewards of seat {seat} in {blocks}, which were to report them as they are",
    "policy without an arm": "the game's policy failed in {blocks}, which pulled the arm of ucb1",
    "forfeited": "seat {seat} forfeited its reward in {rounds}: no pull of it that pays was settled",
    "burn-in not credited":
        "seat {seat} was not credited the burn-in up to {rounds}: no pull of it after that was settled",
    "other arm than the honest": "seat {seat} pulled another arm than the honest in {rounds}",
    "bits of other counts": "the comparison bits of seat {seat} in {blocks} are not those of its pulls",
    "sealing key not revealed": "seat {seat} did not reveal the key of its sealed records in {blocks}",
    "trusted bits":
        "the comparison bits of seat {seat} in {blocks} were not checked: they rest on the quorum's word alone",
    "label without a lie": "seat {seat} is labelled a liar and never reported a false mean",
    "label without a report": "seat {seat} is labelled a liar, and no report of it is in any block",
    "ended by the deadline": "{rounds} ended by the deadline: no quorum's word came before it",
    "call too late": "the contract refused {calls} of seat {seat} whose time was over",
    "call refused": "the contract refused {calls} of seat {seat}",
    "call out of gas, or refused":
        "{calls} of seat {seat} failed with next to no gas left: it ran out, or the contract refused",
    "call too late, of the environment": "the contract refused {calls} of the environment whose time was over",
    "call refused, of the environment": "the contract refused {calls} of the environment",
    "call out of gas, or refused, of the environment":
        "{calls} of the environment failed with next to no gas left: it ran out, or the contract refused",
}
_LIVE = {
    "forfeited":
        "seat {seat} forfeited its reward in {rounds}: no pull of it was settled, as it was away, or its reward did "
        "not come in time",
}
"""Wordings that differ for a game with live rewards."""

ALWAYS = "always"
"""In the evidence of a rule's failures: whether it failed each time that it was asked."""

_OF_THE_ENVIRONMENT = "the environment, address {}"


def findings(game: ReplayedGame) -> list[Finding]:
    """All findings: about the labels, then by sort and seat with the first rounds of each, then keys, then hints."""
    noted = {key: rounds for key, rounds in game.findings.items() if rounds}
    if game.disclosed is not None and game.past:
        lied = {seat for kind, seat in noted if kind in ("false report", "false noise")}
        unproven = sorted(game.disclosed.liars - lied)
        reported = {seat for row in game.rows for seat in row.reporters} if unproven else set()
        for seat in unproven:
            noted["label without a lie" if seat in reported else "label without a report", seat] = []
    in_order = sorted(noted.items(), key=lambda item: (item[0][0], -1 if item[0][1] is None else item[0][1]))
    words = _LIVE if game.live else {}
    failed = {
        kind: {ALWAYS: kind not in game.answered, "reason": reason} for kind, reason in game.failed.items()
    }  # fmt: skip
    made = [_noted(kind, seat, rounds, words, failed.get(kind, {})) for (kind, seat), rounds in in_order]
    return [*_labels(game), *made, *_keys(game), *_hints(game)]


def _noted(
    kind: str, seat: int | None, rounds: list[int], instead: Mapping[str, str], failed: dict[str, Any]
) -> Finding:  # fmt: skip
    weight, words = (Weight.PROOF, _PROOFS) if kind in _PROOFS else (Weight.OBSERVATION, {**_OBSERVATIONS, **instead})
    all_ = "all " if failed.get(ALWAYS) else ""
    counts = {each: all_ + counted(len(rounds), each[:-1]) for each in ("rounds", "blocks", "calls")}
    why = f": {failed['reason']}" if failed else ""
    when = "" if not rounds else f" ({'first ' if len(rounds) > 1 else ''}in round {rounds[0]}{why})"
    text = words[kind].format(seat=seat, **counts) + when
    return Finding(kind, seat, len(rounds), tuple(rounds[:KEPT]), text, weight, evidence=failed)


def _labels(game: ReplayedGame) -> list[Finding]:
    """Opened roles outside of what the parameters promise, and the theorem of the game's aggregation with them."""
    if game.disclosed is None:
        return []
    roles = game.disclosed.roles
    attackers, malicious = sum(bool(role & Conduct.ATTACKER) for role in roles), sum(map(bool, roles))
    return [
        Finding(
            f"labels: {broken.name}", None, malicious, (),
            f"by the labels {broken.inequality} does not hold ({broken.values}): the theorem promises nothing",
            Weight.OBSERVATION,
        )
        for broken in broken_by_roles(game.parameters, len(game.disclosed.liars), attackers, malicious)
    ]  # fmt: skip


def _keys(game: ReplayedGame) -> Iterator[Finding]:
    """Keys that their owners gave away: computed and compared with the address, never shown."""
    for first, second in game.nonces.found():
        if first.address in game.addresses or first.address == game.environment:
            seat = game.addresses.index(first.address) if first.address in game.addresses else None
            who = _OF_THE_ENVIRONMENT.format("0x" + game.environment.hex()) if seat is None else f"seat {seat}"
            yield Finding(
                "key given away", seat, 2, tuple(sorted({first.round, second.round})),
                f"{who} signed two digests with one nonce: anybody can compute its private key, as this audit did",
                Weight.PROOF, evidence={"nonce_r": "0x" + first.signature[:32].hex(), **_two(first, second)},
            )  # fmt: skip


def _two(first: Signed, second: Signed) -> dict[str, object]:
    return {
        name: {"round": each.round, "digest": "0x" + each.digest.hex(), "signature": "0x" + each.signature.hex()}
        for name, each in (("first", first), ("second", second))
    }


def _hints(game: ReplayedGame) -> Iterator[Finding]:
    """Groups of seats whose reports are too alike."""
    for group in groups(game.alike.found() if game.alike else []):
        first, *others = sorted({seat for pair in group for seat in pair.seats})
        named = ", ".join(map(str, others))
        yield Finding(
            "reports too alike", first, len(group), tuple(sorted({pair.since for pair in group})[:KEPT]),
            f"the reports of seats {first} and {named} move alike, so that one may copy another or they share a plan: "
            f"{_strongest(group)}; who reports what it drew comes to this in fewer than one of {GAMES:,} games",
            Weight.HINT, tuple(others), {"pairs": [_pair(pair) for pair in group[:KEPT]]},
        )  # fmt: skip


def _strongest(group: list[Pair]) -> str:
    pair = max(group, key=lambda pair: pair.alike - pair.expected)
    (one, other), most = pair.seats, round(pair.expected)
    return f"{one} and {other} in {pair.alike} of {pair.compared} rounds, where {most} are to be expected at most"


def _pair(pair: Pair) -> dict[str, object]:
    return {
        "seats": list(pair.seats), "alike": pair.alike, "compared": pair.compared,
        "expected": round(pair.expected, 3), "since": pair.since,
    }  # fmt: skip
