"""Gain of liars where a rule draws from seed_t, known since the opening, and not from the outputs of a round."""

from typing import Any, NamedTuple

import pytest

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.protocol.blocks import Body, mask, round_seed, seats
from chain_bandit.protocol.rule import chance
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means
from tests.games import build_scenario, malicious

SEATS, LIARS, BLOCKS = 10, (7, 8, 9), 60
SURPRISE = """
from chain_bandit.rule_api import Aggregation, Agreed, Estimate, State, Terms, chance, mean_over


class SurpriseRank(Aggregation):
    name = "surprise-rank"
    draws = True

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        passed, sets = sorted(agreed.passed()), []
        for arm in range(terms.arms):
            drawn = sum(chance(agreed.outputs[seat], arm) for seat in sorted(agreed.outputs)) % 2**256
            ranked = sorted((agreed.reports[seat][arm], seat) for seat in passed)
            sets.append(frozenset(seat for _, seat in ranked[len(passed) * drawn >> 256 :][:1]))
        return mean_over(agreed, sets)
"""


class Foresight(Attack):
    """Reports 1 for an arm only where seed_t draws a rank that a report of 1 would have, given three liars."""

    conduct = Conduct.LIAR

    def means(self, view: View, honest: Means) -> Means:
        seed = round_seed(view.ledger.seed, view.round)
        ranks = [SEATS * chance(seed, arm) >> 256 for arm in range(len(honest))]
        return tuple(UNIT if rank >= SEATS - len(LIARS) else own for rank, own in zip(ranks, honest, strict=True))


class Course(NamedTuple):
    """Of a game: estimators that are a liar's report of 1, such reports, the least reputation of a liar in the end."""

    decided: int
    told: int
    liars: int


@pytest.fixture(scope="module")
def course(play: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("rule") / "surprise_rank.py"
    file.write_text(SURPRISE)

    def played(rule: str, *attack: Any) -> Course:
        game, rounds = play(build_scenario(
            SEATS, 2, 4 + BLOCKS, liars=3, attackers=0, commanders="trust",
            aggregation=f"{file}:SurpriseRank" if rule == "surprise-rank" else rule,
            malicious=[malicious(seat, *attack) for seat in LIARS],
        ))  # fmt: skip
        decided = told = 0
        parameters = game.scenario.parameters
        for header, body in ((each.record.header, each.body) for each in rounds if each.record and each.record.header):
            who = list(seats(header.reporters))
            reports = dict(zip(who, Body.decode(body, len(who), parameters).reports, strict=True))
            told += sum(mean == UNIT for seat in LIARS for mean in reports[seat].report.means)
            decided += sum(mean == UNIT and mask(LIARS) & members > 0 for mean, members in
                           zip(header.means, header.selected, strict=True))  # fmt: skip
        return Course(decided, told, min(game.progress.ledger.reputations[seat] for seat in LIARS))

    return played


def test_liars_who_know_the_seed_decide_as_often_with_a_third_of_the_lies_and_keep_their_reputation(
    course: Any,
) -> None:
    foresight, always = (f"{__name__}:Foresight", {}), ("constant-lie", {"value": 1.0})
    known, blind, surprised = (
        course("random-rank", foresight), course("random-rank", always), course("surprise-rank", foresight)
    )  # fmt: skip
    assert known.decided > 0.9 * blind.decided
    assert known.told < 0.4 * blind.told
    assert blind.liars < 20_000 < 60_000 < known.liars
    assert surprised.told > 0.9 * known.told
    assert surprised.decided < 0.5 * known.decided
    assert surprised.liars < known.liars - 10_000
