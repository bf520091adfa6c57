"""Draws: every proof against the key that was registered, and who may validate and command by them (PROTOCOL 1.2)."""

from collections.abc import Mapping
from time import perf_counter

from chain_bandit.audit.game import Game
from chain_bandit.crypto.verify import drawn_hash
from chain_bandit.protocol.blocks import Header, Report, round_seed, seats
from chain_bandit.protocol.proposal import with_successors

CHECKS_OF_DRAWS = ("draw.proof", "draw.committee", "draw.commanders")


def check_draws(game: Game, header: Header, hashes: Mapping[int, bytes]) -> None:
    """Draw the next committee and its commanders anew, from the `proven` hashes of the open round's block."""
    p, t, checks = game.parameters, header.round, game.checks
    if not p.draws:
        return
    expected = with_successors(p, game.running, header, hashes)
    entitled = expected.committee | expected.commanders
    for seat in seats(header.committee | header.commanders):
        checks.that(
            seat in hashes or bool(entitled >> seat & 1), "draw.proof", t, f"draw of seat {seat}",
            "the header names seats {0}, the proofs on the seed of round {2} are of seats {1}",
            seats(header.committee | header.commanders), sorted(hashes), t + 1,
        )  # fmt: skip
    for name, drawn, said, found in (
        ("committee", p.sortition > 0, header.committee, expected.committee),
        ("commanders", p.draws_commanders, header.commanders, expected.commanders),
    ):
        if drawn:
            checks.that(said == found, f"draw.{name}", t, f"next {name}",
                        "seats {} were named, the proofs give seats {}", seats(said), seats(found))


def proven(game: Game, t: int, reports: Mapping[int, Report]) -> dict[int, bytes]:
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
