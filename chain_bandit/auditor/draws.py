"""Draws: VRF proofs against registered keys, and who validates and commands by them (protocol.md: Validators)."""

from collections.abc import Mapping, Sequence
from time import perf_counter

from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.crypto.verify import drawn_hash
from chain_bandit.protocol.blocks import Header, Report, round_seed, seats
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.proposal import with_successors
from chain_bandit.protocol.rule import Agreed, State
from chain_bandit.protocol.ruleset import RulesUnknown

CHECKS_OF_DRAWS = ("draw.proof", "draw.committee", "draw.commanders")


def checks_of_successors(p: Parameters) -> tuple[str, ...]:
    """What is checked of what a block says of the rounds to come, beside what follows from the records alone."""
    return CHECKS_OF_DRAWS * p.draws + checks_of_choice(p) + ("aggregate.state",) * p.keeps_state


def checks_of_choice(p: Parameters) -> tuple[str, ...]:
    """What is checked of validators whom a rule chooses."""
    return ("committee.chosen",) * (p.names_committee and not p.sortition)


def check_successors(
    game: ReplayedGame, header: Header, agreed: Agreed, kept: tuple[State | None, State | None]
) -> None:
    """Choose the next committee and its commanders anew, and what the rules keep, from what was agreed on.

    Args:
        kept: by the rules of aggregation and reputation; None of one that is not here.
    """
    p, t, checks = game.parameters, header.round, game.checks
    if not checks_of_successors(p):
        return
    first, second = kept
    try:
        states = (first or (), second or ()) if p.keeps_state else None
        expected, failed = with_successors(p, game.running, header, agreed, states)
    except RulesUnknown as error:
        for name in checks_of_successors(p):
            checks.unknown(name, str(error))
        return
    if p.selected_by.digest:
        game.answer("rule without a choice", failed, t)
    if p.keeps_state:
        checks.that(header.states == expected.states, "aggregate.state", t, "what rules keep",
                    "the header says {}, the rules keep {}", _shown(header.states), _shown(expected.states))
    if p.draws:
        _check_proofs(game, header, agreed.outputs, expected)
    for name, named, said, found in (
        ("draw.committee", p.sortition > 0, header.committee, expected.committee),
        ("committee.chosen", p.names_committee and not p.sortition, header.committee, expected.committee),
        ("draw.commanders", p.draws_commanders, header.commanders, expected.commanders),
    ):
        if named:
            checks.that(said == found, name, t, f"next {'commanders' if 'commanders' in name else 'committee'}",
                        "seats {} were named, "
                        + ("the rule chooses" if name == "committee.chosen" else "the proofs give") + " seats {}",
                        seats(said), seats(found))


def _check_proofs(game: ReplayedGame, header: Header, hashes: Mapping[int, bytes], expected: Header) -> None:
    chosen, t = bool(checks_of_choice(game.parameters)), header.round
    named = header.commanders | (0 if chosen else header.committee)
    entitled = expected.committee | expected.commanders
    for seat in seats(named):
        game.checks.that(
            seat in hashes or bool(entitled >> seat & 1), "draw.proof", t, f"draw of seat {seat}",
            "the header names seats {0}, the proofs on the seed of round {2} are of seats {1}",
            seats(named), sorted(hashes), t + 1,
        )  # fmt: skip


def _shown(states: Sequence[State]) -> list[list[int]]:
    """The first integers of each."""
    return [list(state[:8]) for state in states]


def proven(game: ReplayedGame, t: int, reports: Mapping[int, Report]) -> dict[int, bytes]:
    """The VRF hash of each seat whose report proves one; nobody's where nothing is drawn."""
    seed, hashes = round_seed(game.seed_0, t + 1), dict[int, bytes]()
    if not game.parameters.draws:
        return hashes
    for seat, report in reports.items():
        start = perf_counter()
        output = drawn_hash(game.seated[seat].vrf_key, seed, report.proof)
        game.on_verified(perf_counter() - start)
        if output is not None:
            hashes[seat] = output
        elif any(report.proof):
            game.note("false proof", seat, t)
    return hashes
