"""Lockstep, agreement and determinism in whole games without a chain, within the bounds and beyond them.

Within: at most f liars and at most m consensus attackers, any attacks of the registry with any options, any seats.
The games go through `conftest.build_scenario`'s sizes: f = m = 1 at M = 4, 2 at M = 7, 3 at M = 10.
"""

import random
from collections import Counter

import pytest

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER, Send
from chain_bandit.attacks.attack import Attack, Said
from chain_bandit.attacks.captured_committee import CapturedCommittee
from chain_bandit.attacks.malicious import Combined
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.auditor.audit import audit
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain_history.collect import collect
from chain_bandit.comparison.interface import Opening
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.errors import LockstepBroken
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import FAILED, Kind
from chain_bandit.protocol.quorum import quorum
from chain_bandit.protocol.settlement import NOTHING, Conduct
from chain_bandit.protocol.units import INFINITY
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.fast_chain import fast_node
from tests.few import few

CHUNK = 100
CHUNKS = 10

OPTIONS = {
    "constant-lie": lambda rng: {"value": rng.choice([0.0, 0.25, 1.0]), "favour": rng.choice([None, 0, 1])},
    "offset": lambda rng: {"distance": rng.choice([0.0, 0.1, 1.0])},
    "sleeper": lambda rng: {"wakes": rng.randint(0, 10)},
    "on-off": lambda rng: {"period": rng.randint(1, 4)},
    "a-little-is-enough": lambda rng: rng.choice([{}, {"z": rng.uniform(0, 3)}]),
    "inner-product": lambda rng: {"epsilon": rng.choice([0.1, 1.0, 1000.0])},
    "radius": lambda rng: {"share": rng.choice([0.0, 0.99, 5.0]), "favour": rng.choice([None, 0, 1])},
    "inflated-counts": lambda rng: {"favour": rng.randint(0, 1), "times": rng.choice([1, 2, 1000])},
    "two-faced-counts": lambda rng: {"withholds": rng.random() < 0.5},
    "false-record": lambda rng: {"reward": rng.random() < 0.5},
    "equivocating-commander": lambda rng: {"values": rng.randint(2, 4)},
    "silent-validator": lambda rng: {"first": rng.randint(0, 8), "reports": rng.random() < 0.5},
    "late-chain": lambda rng: {"padded": rng.random() < 0.5},
    "replay": lambda rng: {"rounds": rng.randint(1, 3)},
}
SEALING = {"false-record": Conduct.LIAR, "withheld-key": Conduct.ATTACKER}
"""Attacks on sealed records alone: drawn beside the others, in whose stead a game would be calmer."""

MISSED = ("few-counts",)
"""Beside seats on the block list it leaves Option 1 nobody of an arm, so that the block is rejected: Theorem 1 asks for
two thirds of honest participants, these games for less."""

BY_CONDUCT = {
    conduct: [name for name, attack in ATTACKS.items() if attack.conduct == conduct and name not in (*SEALING, *MISSED)]
    for conduct in (Conduct.LIAR, Conduct.ATTACKER, Conduct.LIAR | Conduct.ATTACKER)
}


def mixture(rng, participants, liars, attackers):
    """Which attacks sit where: as many liars and attackers as the bounds allow, mostly."""
    lying = set(rng.sample(range(participants), rng.choice([liars, liars, rng.randint(0, liars)])))
    attacking = set(rng.sample(range(participants), rng.choice([attackers, attackers, rng.randint(0, attackers)])))
    if rng.random() < 0.5:
        attacking = set(list(lying)[:attackers]) if lying else attacking
    entries, bound = [], {Conduct.LIAR: lying, Conduct.ATTACKER: attacking}
    for seat in sorted(lying | attacking):
        names = []
        if seat in lying:
            names += rng.sample(BY_CONDUCT[Conduct.LIAR], rng.randint(1, 2))
        if seat in attacking:
            names += rng.sample(BY_CONDUCT[Conduct.ATTACKER], rng.randint(1, 3))
        if seat in lying & attacking and rng.random() < 0.5:
            names.insert(rng.randint(0, len(names)), rng.choice(BY_CONDUCT[Conduct.LIAR | Conduct.ATTACKER]))
        names += [name for name in SEALING if seat in bound[SEALING[name]] and rng.random() < 0.3]
        options = {name: OPTIONS[name](rng) for name in names if name in OPTIONS}
        attacks = [{"name": name, "options": options.get(name, {})} for name in names]
        entries.append({"seat": seat, "attacks": attacks})
    return entries


def shuffled_order(rng, participants):
    order = [COMPARISON, ENVIRONMENT, RELAYER, *range(participants)]
    rng.shuffle(order)
    return order


def play_and_check(scenario, order=None, bounded=True, recorder=None):
    """Play a game, hold every round against the rules by other means than the game's own; what happened, counted."""
    game = Game(scenario, recorder or NoChain(), order=order)
    roles, arms = scenario.roles, scenario.parameters.arms
    seen, pulled, accused = Counter(), [0] * arms, set()
    for played in game.play():
        honest = game.cast.honest
        numbers = {seat.number for seat in honest}
        if played.arm is not None:
            pulled[played.arm] += 1
        assert {seat.participant.counts for seat in honest} == {tuple(pulled)}
        assert {seat.ledger.round for seat in honest} == {played.round}
        assert not played.accused & numbers
        assert all(roles[seat] & Conduct.ATTACKER for seat in played.accused)
        seen["accused"] += len(played.accused)
        accused |= played.accused
        if played.record is None:
            continue
        kind = played.record.kind
        seen[kind.name] += 1
        if kind in FAILED or kind is Kind.EXPLORATION or played.round == scenario.parameters.burn_in:
            assert played.pulls == ()
            assert not played.costly
        else:
            assert {played.pulls[seat].arm for seat in numbers} == {played.arm}
            assert played.pulls.count(NOTHING) <= len(roles) - len(numbers)
        if kind is not Kind.EXPLORATION:
            assert len({tuple(sorted(seat.validator.agreed)) for seat in honest}) == 1 or not bounded
            assert not any(roles[p.instance] == 0 for seat in honest for p in seat.validator.equivocations())
        if kind is Kind.APPROVED and bounded:
            truthful = [p for p in honest[0].validator.agreed if not roles[p] & Conduct.LIAR]
            reports = [honest[0].validator.agreed[p].report.means for p in truthful]
            for arm, estimator in enumerate(played.record.header.means):
                column = [row[arm] for row in reports]
                assert min(column) <= estimator <= max(column)
    addresses = game.cast.rules.addresses
    assert all(proof.proves(addresses, Verifier()) for proof in game.progress.evidence)
    assert sum(pulled) == sum(game.progress.ledger.pulls)
    assert {seat for seat, since in enumerate(game.progress.ledger.blocked_from) if since} == accused
    seen["listed"] += len(accused)
    return game.run_digest, seen


def surely_listed(scenario):
    """How many say two things, and do nothing else to their messages that might keep them from it."""
    count = 0
    for combined in scenario.attacks().values():
        speaking = [part for part in combined.attacks if type(part).outbox is not Attack.outbox]
        if len(speaking) == 1 and not isinstance(speaking[0], CapturedCommittee):
            effect = speaking[0].effect()
            count += Said.TWICE in (effect.report, effect.header)
    return count


def play_chunk(build, participants, chunk, rounds_after=6):
    """A hundred mixtures within the bounds; every tenth again under another order of acting."""
    total, used, reordered = Counter(), Counter(), 0
    for index in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        rng = random.Random(f"lockstep/{participants}/{index}")
        arms = rng.choice([2, 2, 3])
        bound = (participants - 1) // 3
        entries = mixture(rng, participants, bound, bound)
        used.update(choice["name"] for entry in entries for choice in entry["attacks"])
        scenario = build(
            participants, arms, 2 * arms + rounds_after, seed=index, malicious=entries, sealed=bool(index % 2)
        )
        digest, seen = play_and_check(scenario)
        assert seen["APPROVED"] == rounds_after + 1, f"game {index}: {seen}"
        sure = surely_listed(scenario)
        assert seen["listed"] >= sure, f"game {index}"
        total += seen + Counter(games=1, sure=sure)
        if index % 10 == 0:
            assert play_and_check(scenario, shuffled_order(rng, participants)) == (digest, seen)
            reordered += 1
    assert total["games"] == CHUNK
    assert reordered == CHUNK // 10
    assert total["APPROVED"] == CHUNK * (rounds_after + 1)
    assert total["SKIP"] == total["REJECTED"] == total["EXPLORATION"] == 0
    assert total["listed"] >= total["sure"] > 0
    assert total["accused"] >= total["listed"]  # once it counts, a listed seat is ignored
    assert set(used) == set(ATTACKS) - set(MISSED) > set(OPTIONS)


@pytest.mark.parametrize("chunk", few(range(CHUNKS), CHUNKS))
@pytest.mark.parametrize("participants", [4, 7])
def test_no_act_within_the_bounds_stops_a_round_frames_the_honest_or_breaks_lockstep(scenario, participants, chunk):
    play_chunk(scenario, participants, chunk)


@pytest.mark.deep
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_act_of_ten_within_the_bounds_stops_a_round_frames_the_honest_or_breaks_lockstep(scenario, chunk):
    play_chunk(scenario, 10, chunk)


@pytest.mark.parametrize("chunk", few(range(3), 3))
def test_games_on_the_chain_go_as_those_without_one_and_their_audits_pass(scenario, chunk):
    """Ten mixtures a chunk, every fifth with failed rounds: same digest, same kinds, no violation."""
    kinds = Counter()
    for index in range(chunk * 10, (chunk + 1) * 10):
        rng = random.Random(f"chain/{index}")
        participants, beyond = rng.choice([4, 4, 7]), index % 5 == 0
        bound = (participants - 1) // 3
        entries = mixture(rng, participants, bound, bound)
        if beyond:
            silent = {"name": "silent-validator", "options": {"first": 5, "last": rng.randint(5, 7)}}
            entries = [{"seat": seat, "attacks": [silent]} for seat in range(bound + 1)]
        game = scenario(participants, 2, 10, seed=index, malicious=entries)
        recorder = OnChain(fast_node(Plan(game)), Stopwatch())
        digest, seen = play_and_check(game, shuffled_order(rng, participants), not beyond, recorder)
        assert play_and_check(game, bounded=not beyond) == (digest, seen), f"game {index}"
        history = collect(json_rpc(recorder.node.line), recorder.contract.address, recorder.contract.created_in)
        report = audit(history)
        assert report.violations == []
        assert report.exit_code == 0, report.lines()
        assert report.run_digest == "0x" + digest.hex()
        kinds += seen + Counter(games=1)
    assert kinds["games"] == 10
    assert kinds["SKIP"] >= 2
    assert kinds["APPROVED"] > 50


def endings(parameters, failure, rounds):
    """How often each kind of record must occur when exactly these rounds, if played, end in `failure`."""
    kinds, row, explore = Counter(SKIP=0, REJECTED=0, EXPLORATION=0, APPROVED=0), 0, False
    for t in range(parameters.burn_in, parameters.horizon + 1):
        if explore:
            kinds["EXPLORATION"], row, explore = kinds["EXPLORATION"] + 1, 0, False
        elif failure is not None and t in rounds:
            kinds[failure.name], row = kinds[failure.name] + 1, row + 1
            explore = row >= parameters.failure_limit
        else:
            kinds["APPROVED"], row = kinds["APPROVED"] + 1, 0
    return dict(kinds)


@pytest.mark.parametrize("chunk", range(4))
def test_rounds_without_a_quorum_pay_nothing_and_the_game_goes_on_in_lockstep(scenario, chunk):
    """Beyond m: so many fall silent for a while that the rest is no quorum; then they come back."""
    total = Counter()
    for index in range(chunk * 25, (chunk + 1) * 25):
        rng = random.Random(f"silent/{index}")
        participants, arms, limit = rng.choice([4, 4, 7]), rng.choice([2, 3]), rng.randint(1, 3)
        bound = (participants - 1) // 3
        first, length = rng.randint(2 * arms, 2 * arms + 3), rng.randint(1, 5)
        horizon = first + length + 6
        silent = {"first": first, "last": first + length - 1, "reports": rng.random() < 0.5}
        seats = rng.sample(range(participants), bound + rng.randint(1, 1 + bound))
        entries = [{"seat": s, "attacks": [{"name": "silent-validator", "options": silent}]} for s in sorted(seats)]
        game = scenario(
            participants, arms, horizon, seed=index, malicious=entries, failure_limit=limit,
            quorum=rng.choice(["two-thirds", "two-thirds", "majority"]),
        )  # fmt: skip
        speaking = participants - len(seats)
        failure = None
        if speaking < quorum(participants, bound, game.parameters.quorum_choice):
            failure = Kind.SKIP
        elif speaking <= 2 * bound and not silent["reports"]:
            failure = Kind.REJECTED
        digest, seen = play_and_check(game, bounded=False)
        expected = endings(game.parameters, failure, range(first, first + length))
        assert {kind: seen[kind] for kind in expected} == expected, f"game {index}"
        assert play_and_check(game, shuffled_order(rng, participants), bounded=False) == (digest, seen)
        total += seen + Counter(games=1, stopped=failure is not None)
    assert total["games"] == 25
    assert total["stopped"] > 10
    assert total["SKIP"] > 20
    assert total["EXPLORATION"] > 5


class Withholding(Attack):
    """Hides the opening of its counts in some rounds."""

    conduct = Conduct.ATTACKER

    def __init__(self, first, last):
        self._rounds = range(first, last + 1)

    def outbox(self, view, sends):
        return [s for s in sends if view.round not in self._rounds or not isinstance(s.message, Opening)]


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("first", [4, 7])
def test_blocks_are_rejected_and_nothing_is_paid_while_too_many_counts_are_withheld(
    scenario, monkeypatch, first, limit
):
    """Beyond the bounds: |A_i| is 2f in three rounds that have a block, so B is empty and b = 0."""
    last = first + 2
    monkeypatch.setattr(
        Scenario, "attacks", lambda self: {s: Combined([Withholding(first, last)]) for s in (1, 2)}
    )
    game = scenario(4, 2, 16, failure_limit=limit)
    digest, seen = play_and_check(game, bounded=False)
    explorations = {1: 2, 2: 1, 3: 1}[limit]
    rejected = {1: 2, 2: 2, 3: 3}[limit]
    assert (seen["REJECTED"], seen["EXPLORATION"], seen["SKIP"]) == (rejected, explorations, 0)
    assert seen["APPROVED"] == 13 - rejected - explorations
    assert play_and_check(game, shuffled_order(random.Random(limit), 4), bounded=False) == (digest, seen)


def test_a_rejected_block_holds_the_sentinel_and_leaves_the_estimators_as_they_were(scenario, monkeypatch):
    monkeypatch.setattr(Scenario, "attacks", lambda self: {s: Combined([Withholding(7, 7)]) for s in (1, 2)})
    game = Game(scenario(4, 2, 10), NoChain())
    means = {}
    for played in game.play():
        means[played.round] = game.progress.ledger.means
        if played.round == 7:
            assert played.record.kind is Kind.REJECTED
            assert played.record.header.means == (INFINITY, INFINITY)
            assert played.record.header.reporters == 0b1001
    assert means[7] == means[6] != means[8]


def test_a_game_that_is_rejected_from_the_start_goes_round_robin_and_explores(scenario, monkeypatch):
    monkeypatch.setattr(Scenario, "attacks", lambda self: {s: Combined([Withholding(0, 99)]) for s in (1, 2)})
    _, seen = play_and_check(scenario(4, 2, 12), bounded=False)
    assert (seen["REJECTED"], seen["EXPLORATION"], seen["APPROVED"]) == (6, 3, 0)


class LastWord(Attack):
    """Holds the certificate of the round back from everybody but one seat, in the step in which it is made."""

    conduct = Conduct.ATTACKER

    def outbox(self, view, sends):
        return [Send(view.honest[:1], s.message) if s.to == (ENVIRONMENT, RELAYER) else s for s in sends]


def test_a_certificate_that_reaches_one_seat_first_breaks_no_lockstep(scenario, monkeypatch):
    monkeypatch.setattr(Scenario, "attacks", lambda self: {3: Combined([LastWord()])})
    _, seen = play_and_check(scenario(4, 2, 16))
    assert seen["APPROVED"] == 13


def test_the_game_itself_notices_when_one_honest_seat_loses_a_receipt(scenario, monkeypatch):
    """The guard behind all of the above, seen to fail."""
    game = Game(scenario(4, 2, 12), NoChain())

    def deaf(ledger, receipt):
        return False

    rounds = game.play()
    while next(rounds).round < 6:
        pass
    game.cast.seats[2].participant.on_receipt = deaf
    with pytest.raises(LockstepBroken) as broken:
        list(rounds)
    assert (broken.value.round, broken.value.seat, broken.value.exit_code) == (7, 2, 10)
    assert sum(broken.value.expected) == sum(broken.value.got) + 1


def test_the_same_scenario_has_the_same_digest_and_another_seed_another(scenario):
    digests = [play_and_check(scenario(4, 2, 12, seed=seed))[0] for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
