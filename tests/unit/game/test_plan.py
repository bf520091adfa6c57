"""game/plan.py, game/recorder.py and network/memory.py: derived keys, no chain, deliveries in step."""

import pytest

from chain_bandit.actors.messages import Send
from chain_bandit.game.errors import LockstepBroken, RecordMismatch
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.network.memory import MemoryNetwork
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import Domain
from chain_bandit.stopwatch import Stopwatch


def test_a_game_stops_when_the_recorder_says_something_else_than_the_rules(scenario):
    class OtherRules(OnChain):
        def expect(self, made):
            super().expect((made[0], made[1], bytes(32)))

    recorder = OtherRules(embedded_node(Plan(scenario())), Stopwatch())
    with pytest.raises(RecordMismatch, match="round 4") as mismatch:
        list(Game(scenario(), recorder).play())
    assert mismatch.value.exit_code == 10
    assert mismatch.value.expected == (4, 1, bytes(32))
    assert mismatch.value.got[0][2] == recorder.contract.head()


def test_lockstep_broken_says_which_round_and_seat():
    error = LockstepBroken(7, 2, (1, 2), (1, 1))
    assert str(error) == "round 7: honest seat 2 has pull counts (1, 1), the records give (1, 2)"
    assert (error.round, error.seat, error.expected, error.got) == (7, 2, (1, 2), (1, 1))


def test_a_plan_follows_from_the_scenario_and_its_seed(scenario, cheat):
    plan, again, other = Plan(scenario(seed=1)), Plan(scenario(seed=1)), Plan(scenario(seed=2))
    assert (plan.addresses, plan.game, plan.pool) == (again.addresses, again.game, again.pool)
    assert plan.game != other.game
    keys = {*plan.addresses, plan.environment.address, plan.relayer.address, *other.addresses}
    assert len(keys) == 4 + 2 + 4
    assert plan.salt_commitment == keccak(plan.salt)
    assert plan.roles == bytes(4)
    assert Plan(scenario(malicious=[cheat(2, "two-faced-report")])).roles == bytes([0, 0, 3, 0])


def test_streams_of_chance_differ_by_purpose_and_index_and_repeat(scenario):
    plan = Plan(scenario())
    draws = {plan.rng(purpose, index).random() for purpose in ("attack", "x") for index in (0, 1)}
    assert len(draws) == 4
    assert plan.rng("attack", 1).random() == Plan(scenario()).rng("attack", 1).random()


def test_no_chain_keeps_nothing(scenario):
    plan = Plan(scenario())
    assert NoChain().open(plan) == Domain(0, bytes(20), plan.game)


class Recording:
    def __init__(self, name, log, answer=()):
        self.name, self.log, self.answer = name, log, list(answer)

    def on_tick(self, step):
        self.log.append(("tick", self.name))
        return [Send((1 - self.name, 9), f"{step} from {self.name}")]

    def on_message(self, sender, message):
        self.log.append((self.name, sender, message))
        answers, self.answer = self.answer, []
        return answers


def test_everybody_ticks_before_anything_is_delivered_and_the_malicious_come_last():
    log = []
    actors = {name: Recording(name, log) for name in (0, 1, 2)}
    network = MemoryNetwork(actors, [2, 1, 0], frozenset({2}))
    network.step(5)
    assert log == [
        ("tick", 1), ("tick", 0), (0, 1, "5 from 1"), (1, 0, "5 from 0"), ("tick", 2),
    ]  # fmt: skip
    assert network.delivered == 2


def test_answers_are_delivered_within_the_step():
    log = []
    actors = {0: Recording(0, log, [Send((1,), "answer")]), 1: Recording(1, log)}
    MemoryNetwork(actors, [0, 1], frozenset()).deliver(1, [Send((0,), "question")])
    assert log == [(0, 1, "question"), (1, 0, "answer")]
