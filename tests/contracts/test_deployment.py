"""Deployment: the arguments that it refuses, and the state that it fixes."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from chain_bandit.protocol import assumptions
from chain_bandit.protocol.digests import uint
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.parameters import ODDS, Parameters
from chain_bandit.protocol.units import UNIT
from tests.contracts.harness import BASE, FUNCTIONS, Game, creation_of, least_pool, parameters, tuple_of
from tests.few import few
from tests.rules import rule

WEI = BASE.wei_per_unit
REFUSALS = [
    (parameters(participants=1, liars=0, attackers=0), ("ParticipantsOutOfRange", 1, 2, 256)),
    (parameters(participants=257), ("ParticipantsOutOfRange", 257, 2, 256)),
    (parameters(arms=0), ("ArmsOutOfRange", 0, 1, 254)),
    (parameters(arms=255, horizon=600, burn_in=510), ("ArmsOutOfRange", 255, 1, 254)),
    (parameters(threshold=1), ("ThresholdTooLow", 1, 2)),
    (parameters(c1_numerator=0), ("ExplorationNotPositive", 0, 1)),
    (parameters(c1_denominator=0), ("ExplorationNotPositive", 2, 0)),
    (parameters(quorum_choice=2), ("UnknownChoice", 2, 1, 0, 0)),
    (parameters(c1_per_report=2), ("UnknownChoice", 0, 2, 0, 0)),
    (parameters(body_mode=2), ("UnknownChoice", 0, 1, 2, 0)),
    (parameters(cost=2), ("UnknownChoice", 0, 1, 0, 2)),
    (parameters(unrecorded=0), ("ReputationMalformed", 0, UNIT // 10, 4096)),
    (parameters(tolerance=0), ("ReputationMalformed", 1, 0, 4096)),
    (parameters(skip_penalty=0), ("ReputationMalformed", 1, UNIT // 10, 0)),
    (parameters(validators=5), ("ValidatorsOutOfRange", 5, 3, 4)),
    (parameters(validators=2), ("ValidatorsOutOfRange", 2, 3, 4)),
    (parameters(validators=3, quorum_choice=1), ("QuorumUnreachable", 3, 3, 1)),
    (parameters(failure_limit=0), ("FailureLimitTooLow", 0, 1)),
    (parameters(attackers=3), ("TooManyAttackers", 4, 3)),
    (parameters(attackers=2), ("TooFewReports", 4, 1, 2)),
    (parameters(aggregation=rule("option-2"), participants=6, liars=2, attackers=2), ("TooFewReports", 6, 2, 2)),
    (parameters(aggregation=rule("delta-safe", delta=1), participants=5, liars=2), ("TooFewReports", 5, 2, 1)),
    (parameters(aggregation=rule("confidence", delta=1), participants=5, liars=2), ("TooFewReports", 5, 2, 1)),
    (parameters(liars=0, attackers=2), ("ValidatorsOutOfRange", 4, 5, 4)),
    (parameters(participants=6, attackers=2, quorum_choice=1), ("QuorumUnreachable", 5, 6, 2)),
    (parameters(burn_in=5), ("BurnInMalformed", 5, 2)),
    (parameters(burn_in=2), ("BurnInMalformed", 2, 2)),
    (parameters(horizon=4), ("HorizonOutOfRange", 4, 4)),
    (parameters(horizon=2**32 - 1), ("HorizonOutOfRange", 2**32 - 1, 4)),
    (parameters(opening_deadline=0), ("BlocksNotPositive", 0, 10, 1000, 50)),
    (parameters(skip_deadline=0), ("BlocksNotPositive", 100, 0, 1000, 50)),
    (parameters(game_blocks=0), ("BlocksNotPositive", 100, 10, 0, 50)),
    (parameters(settlement_window=0), ("BlocksNotPositive", 100, 10, 1000, 0)),
    (parameters(wei_per_unit=0), ("UnitNotPositive", 0)),
    (parameters(commanders=0), ("CommandersOutOfRange", 0, ODDS, ODDS)),
    (parameters(probing=7, commanders=8), ("CommandersOutOfRange", 8, 7, ODDS)),
    (parameters(probing=ODDS + 1), ("CommandersOutOfRange", ODDS, ODDS + 1, ODDS)),
    (parameters(validators=3, attackers=1, sortition=ODDS - 1), ("SortitionMisplaced", 3, 4, 0)),
    (parameters(quorum_choice=1, sortition=ODDS - 1), ("SortitionMisplaced", 4, 4, 1)),
    (parameters(sortition=ODDS + 1), ("SortitionOutOfRange", ODDS + 1, ODDS)),
    (parameters(sortition=3 * ODDS // 4 - 1), ("CommitteesTooSmall", 3 * ODDS - 4, 3 * ODDS)),
    (replace(BASE, stake=BASE.stake - 1), ("StakeTooSmall", BASE.stake - 1, BASE.stake)),
    (parameters(sealed=2), ("SealMalformed", 2, 0)),
    (parameters(unrevealed_penalty=1), ("SealMalformed", 0, 1)),
    (parameters(paid_burn_in=2), ("NotSupported", uint(2, 32))),
    (parameters(paid_burn_in=1, sealed=1), ("NotSupported", uint(1, 32))),
    (replace(BASE, sealed=1, unrevealed_penalty=7), ("StakeTooSmall", BASE.stake, BASE.stake + 7)),
    (replace(BASE, sealed=1, unrevealed_penalty=7, slash=2), ("StakeTooSmall", BASE.stake, BASE.stake + 9)),
]


OTHER = Parameters(
    participants=7, validators=6, arms=3, horizon=2**32 - 2, burn_in=9, liars=2, attackers=1, threshold=2**32 - 1,
    aggregation=rule("delta-safe", delta=2**32 - 3), quorum_choice=1, failure_limit=2**16 - 1, c1_numerator=2**64 - 1,
    c1_denominator=2**64 - 2, c1_per_report=0, body_mode=1, unrecorded=2**16 - 2, tolerance=2**32 - 4,
    skip_penalty=2**16 - 3, evidence_penalty=2**16 - 4, cost=1, sortition=0, probing=2**64 - 10,
    commanders=2**64 - 11, wei_per_unit=5, stake=2**128 - 1,
    opening_deadline=2**32 - 5, skip_deadline=2**32 - 6, burn_in_blocks=2**32 - 7, game_blocks=2**32 - 8,
    settlement_window=2**32 - 9, sealed=1, unrevealed_penalty=2**127 - 1,
    slash=2**126 - 1,
)
"""No two fields alike, most of them as large as they can be."""


@pytest.mark.parametrize(("refused", "error"), REFUSALS)
def test_deployment_reverts_when_an_assumption_is_broken(refused, error):
    assert Game(refused).deployment.error == error


def test_deployment_reverts_when_the_pool_is_one_wei_short():
    least = least_pool(BASE)
    assert Game(pool=least - 1).deployment.error == ("PoolTooSmall", least - 1, least)


def test_deployment_accepts_every_bound_exactly():
    largest = parameters(participants=256, arms=254, burn_in=508, horizon=509, liars=85, attackers=85)
    half = parameters(participants=6, liars=2)
    options = [replace(half, aggregation=option) for option in RULES[1:]]
    drawn = (parameters(sortition=3 * ODDS // 4), parameters(sortition=ODDS), parameters(probing=1, commanders=1))
    for p in (BASE, largest, *drawn, replace(largest, quorum_choice=1), parameters(burn_in_blocks=0), *options):
        assert Game(p).deployment.accepted


def test_deployment_fixes_what_the_views_say():
    game = Game(pool=least_pool(BASE) + 7)
    assert game.view("parameters") == tuple_of(BASE.fields())
    for parameters_ in (OTHER, replace(OTHER, sealed=0, unrevealed_penalty=0)):
        other = Game(parameters_)
        assert (other.view("parameters"), other.view("game")) == (tuple_of(parameters_.fields()), other.digest)
    assert game.view("game") == game.digest
    assert game.view("pool") == least_pool(BASE) + 7 == game.held()
    assert bytes.fromhex(game.view("environment")[2:]) == game.environment
    assert game.view("quorum") == BASE.quorum(4) == 3
    assert game.view("progress") == (0,) * 9
    assert (game.view("nextRound"), game.view("head"), game.view("genesis")) == (0, bytes(32), bytes(32))
    assert not any(game.view(name) for name in ("opened", "closed", "isOver"))


@pytest.mark.parametrize("total", few([2_000, 20_000], 2))
def test_contract_and_python_refuse_the_same_games(total):
    chance, machine, refused = random.Random(3), Game.new_machine(), 0
    reasons: list[str] = []
    sender = b"environment".ljust(20)
    machine.fund(sender, 10**40)
    for _ in range(total):
        p = random_parameters(chance)
        pool = max(0, least_pool(p) - (chance.random() < 0.1))
        try:
            assumptions.check_contract(p)
            expected = pool >= least_pool(p)
        except AssumptionBroken:
            expected = False
        changed, sound = chance.choice(CHANGED) if chance.random() < 0.05 else ({}, True)
        expected &= sound
        snapshot = machine.state.snapshot()
        address, outcome = machine.deploy(sender, creation_of(p, bytes(32), bytes(32), **changed), pool)
        assert outcome.accepted is expected, (p, outcome)
        if outcome.accepted:
            assert int.from_bytes(machine.call(sender, address, _selector("quorum")).output, "big") == (
                p.quorum(p.validators if not p.has_committees else 0)
            )
        else:
            refused += 1
            reasons.append(outcome.error[0])
        machine.state.revert(snapshot)
    assert total / 2 < refused < total * 5 / 6
    assert set(Counter(reasons)) == PROVOKED


RULES = (
    rule("option-1"), rule("option-2"), rule("option-3"), rule("delta-safe", delta=UNIT // 10),
    rule("confidence", delta=UNIT // 10),
)  # fmt: skip


def random_parameters(chance: random.Random) -> Parameters:
    """Games on both sides of every bound."""
    def off(*steps: int) -> int:
        return chance.choice((*[0] * 20, *steps))

    participants = chance.choice((2, 3, 4, 7, 10, 256, chance.randrange(2, 300))) + off(-1)
    arms = chance.choice((1, 2, 3, 254, chance.randrange(1, 256)))
    burn_in = arms * chance.choice((2, 3, 4, 5)) + off(-arms, 1)
    horizon = burn_in + chance.choice((1, 10, 100)) + off(-1)
    wei = chance.choice((1, 10, 10**9))
    attackers = max(0, (participants - 1) // 3 + off(-1, 1))
    some = chance.randint(1, participants)
    liars = chance.choice(((participants - 1) // 3, max(0, participants - attackers - 1) // 2))
    aggregation = chance.choice((RULES[0], *RULES))
    validators = chance.choice((participants, participants, some, 3 * attackers + 1)) + off(1, -1)
    expected = (2 * attackers + 1) * 2**64
    sortition = chance.choice((*[0] * 8, -(-expected // max(participants, 1)), 2**64)) + off(1, -1)
    sortition = max(0, sortition)
    probing = chance.choice((2**64, 2**64, 2**63)) + off(1)
    commanders = chance.choice((probing, probing, chance.randrange(1, 2**63))) + off(1)
    sealed = chance.choice((0, 1)) + off(2)
    penalty, slash = chance.randrange(10**12) if sealed else off(1), horizon * wei % 1000
    return Parameters(
        participants=participants, validators=max(0, validators), arms=arms, horizon=horizon, burn_in=burn_in,
        liars=max(0, liars + off(-1, 1)), attackers=attackers, threshold=2 + off(-1, 1),
        aggregation=aggregation, quorum_choice=chance.choice((0, 1)) + off(2),
        failure_limit=1 + off(-1, 1), c1_numerator=2 + off(-2),
        c1_denominator=1 + off(-1), c1_per_report=chance.choice((0, 1)) + off(2),
        body_mode=chance.choice((0, 1)) + off(2),
        unrecorded=1 + off(-1, 65534), tolerance=1 + off(-1, 2**32 - 2), skip_penalty=1 + off(-1, 65534),
        evidence_penalty=off(1, 65535), cost=chance.choice((0, 1)) + off(2),
        sortition=sortition, probing=probing, commanders=commanders + off(1, -commanders),
        wei_per_unit=wei, stake=assumptions.minimum_stake(horizon, wei) + penalty + slash + off(-1, 1),
        opening_deadline=100 + off(-100), skip_deadline=10 + off(-10), burn_in_blocks=1 + off(-1),
        game_blocks=1000 + off(-1000), settlement_window=50 + off(-50), sealed=sealed, unrevealed_penalty=penalty,
        slash=slash, paid_burn_in=off(1) if sealed else chance.choice((0, 1)),
    )  # fmt: skip


CHANGED = [
    ({"attested": 2}, False), ({"payload": 200}, False), ({"rules": 7}, False),
    ({"finders_fee": 1}, False), ({"paid_burn_in": 2}, False), ({"dimension": 1}, False),
    ({"reward_source": 1}, False), ({"participants_root": 1}, False), ({"extension": 2**255}, False), ({}, True),
]  # fmt: skip
"""Fields that no game of this version has otherwise, and whether the contract takes them."""

PROVOKED = {
    "SealMalformed", "WrongClasses", "WrongPayload", "NotSupported", "WrongRules",
    "ParticipantsOutOfRange", "ArmsOutOfRange", "ThresholdTooLow", "ExplorationNotPositive", "UnknownChoice",
    "ReputationMalformed", "ValidatorsOutOfRange", "FailureLimitTooLow", "TooManyAttackers",
    "TooFewReports", "QuorumUnreachable", "BurnInMalformed", "HorizonOutOfRange", "BlocksNotPositive", "StakeTooSmall",
    "PoolTooSmall", "CommandersOutOfRange", "SortitionOutOfRange", "SortitionMisplaced",
    "CommitteesTooSmall",
}  # fmt: skip
"""What some of the random games are refused for."""


def _selector(name: str) -> bytes:
    return FUNCTIONS[name].encode()
