"""Whole games with committees, batches, both bodies and both kinds of certificate: one course, whatever carries it."""

import random
from collections import Counter

import pytest

from chain_bandit.actors.messages import Send
from chain_bandit.attacks.attack import Attack, View
from chain_bandit.attacks.two_faced_report import TwoFacedReport
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.comparison.interface import Opening
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import Kind, seats
from chain_bandit.protocol.committee import smallest
from chain_bandit.protocol.ledger import blocked, validators
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.fast_chain import fast_node
from tests.few import crossed, few
from tests.games import build_scenario, malicious

EQUIVOCATES = ("two-faced-report", "equivocating-commander")
LIES = ("constant-lie", "within-range", "worse-half")


def drawn(rng: random.Random, batch: int, **chain: object) -> Scenario:
    """Seven or ten seats of which some validate; as many liars and attackers as are assumed."""
    participants = rng.choice((7, 10))
    validators = rng.choice((4, 5, participants - 1, participants))
    attacker, liar = rng.sample(range(participants), 2)
    attacks = [
        malicious(attacker, rng.choice(EQUIVOCATES)),
        malicious(liar, rng.choice(LIES)),
    ]
    return build_scenario(
        participants, 2, 4 + 14, seed=rng.getrandbits(32), validators=validators, liars=2, attackers=1,
        malicious=attacks, chain={"batch": batch, "settle_every": rng.choice((1, 5)), **chain},
    )  # fmt: skip


def played(scenario: Scenario, chain: bool) -> tuple[Game, Counter[str]]:
    """Lockstep is checked by the game itself in every round; the rest here."""
    plan = Plan(scenario)
    recorder = OnChain(fast_node(plan), Stopwatch()) if chain else NoChain()
    game = Game(scenario, recorder, plan)
    seen: Counter[str] = Counter()
    for each in game.play():
        ledger = game.progress.ledger
        assert validators(ledger).bit_count() >= smallest(game.parameters)
        honest = {seat.number for seat in game.cast.honest}
        listed = set(seats(blocked(ledger, ledger.round + 99)))
        assert not listed & honest
        assert all(scenario.roles[seat] & Conduct.ATTACKER for seat in listed)
        if each.record is not None:
            seen[each.record.kind.name] += 1
        if each.record is not None and each.record.header is not None:
            header = each.record.header
            seen["listed"] += bool(header.blocked)
            assert not header.blocked & header.reporters
            assert not header.committee & blocked(ledger, ledger.round)
            if each.record.kind is Kind.APPROVED:
                assert header.committee == (ledger.committee if game.parameters.has_committees else 0)
    assert game.progress.certified == []
    if isinstance(recorder, OnChain):
        contract, ledger = recorder.contract, game.progress.ledger
        assert contract.head() == ledger.head
        assert contract._view("reputations") == ledger.reputations
        assert [contract.blocked_from(s) for s in range(game.parameters.participants)] == list(ledger.blocked_from)
        assert contract.closed()
        seen["transactions"] = len(contract.gas["submitBlocks"])
    return game, seen


@pytest.mark.parametrize("batch", few([5, 1, 3, 4, 2, 6, 7, 8], 4))
def test_a_game_has_one_course_on_any_chain_body_and_certificate(batch):
    """Only w, which decides when evidence counts, is part of the course; so one batch size at a time is compared."""
    listed = 0
    for number in range(2):
        digests, kinds = set(), set()
        for chain in (False, True):
            for body in ("full", "compact"):
                for certificates in (None, "each"):  # None: one over the last block, where everybody validates
                    rng = random.Random(f"course {batch} {number}")
                    scenario = drawn(rng, batch, body=body, certificates=certificates)
                    game, seen = played(scenario, chain)
                    transactions = seen.pop("transactions", None)
                    assert transactions in (None, -(-15 // batch))
                    digests.add(game.run_digest)
                    kinds.add(tuple(sorted(seen.items())))
                    assert seen["APPROVED"] == 15
        assert (len(digests), len(kinds)) == (1, 1)
        listed += dict(next(iter(kinds)))["listed"]
    assert listed > 0


def test_another_w_is_another_course_where_there_is_evidence():
    digests = {
        played(drawn(random.Random("w"), batch), chain=False)[0].run_digest for batch in (1, 4)
    }
    assert len(digests) == 2


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("body", ["full", "compact"])
def test_rounds_without_a_quorum_are_skipped_by_the_deadline_and_the_committee_grows(batch, body):
    """Everybody falls silent but the honest three, who are no quorum of four; then all come back."""
    silent = ("silent-validator", {"first": 7, "last": 9, "reports": True})
    courses = []
    for chain in (False, True):
        scenario = build_scenario(
            7, 2, 18, seed=3, validators=4, liars=2, attackers=1, failure_limit=2,
            malicious=[malicious(seat, silent) for seat in range(5)], chain={"batch": batch, "body": body},
        )  # fmt: skip
        game, seen = played(scenario, chain)
        assert seen["SKIP"] >= 2
        assert seen["APPROVED"] >= 8
        seen.pop("transactions", None)
        courses.append((game.run_digest, seen, game.progress.ledger))
    assert courses[0][:2] == courses[1][:2]
    assert courses[0][2].reputations == courses[1][2].reputations


def test_a_rejected_block_with_its_exploration_lies_within_a_batch():
    """Nobody's counts are opened for a while: blocks without B, in a game with committees."""
    hides = ("two-faced-counts", {"withholds": True})
    kinds = []
    for chain in (False, True):
        scenario = build_scenario(
            7, 2, 14, seed=5, validators=4, liars=2, attackers=1, failure_limit=1,
            malicious=[malicious(seat, hides) for seat in range(4)], chain={"batch": 3},
        )  # fmt: skip
        game, seen = played(scenario, chain)
        seen.pop("transactions", None)
        assert seen[Kind.REJECTED.name] > 3
        assert seen[Kind.EXPLORATION.name] > 3
        kinds.append((game.run_digest, seen))
    assert kinds[0] == kinds[1]


class Hides(Attack):
    """Never opens its commitment: its report does not count."""

    conduct = Conduct.LIAR

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        return [send for send in sends if not isinstance(send.message, Opening)]


class HidesAndEquivocates(Hides):
    """And sends two reports from a round on."""

    conduct = Conduct.ATTACKER

    def __init__(self, first: int) -> None:
        self.first, self.two_faced = first, TwoFacedReport()

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        left = super().outbox(view, sends)
        return self.two_faced.outbox(view, left) if view.round >= self.first else left


@pytest.mark.parametrize(
    ("validators", "sizes", "first"), crossed([5, 6, 7], [(1, 2), (1, 1), (3, 1), (10, 2)], [5, 8], every=3)
)
def test_evidence_in_a_round_whose_rejection_brings_an_exploration_voids_nothing(validators, sizes, first):
    """A header then names the committee of two rounds later; evidence that comes after its signing counts later."""
    here, (batch, failure_limit) = "tests.integration.test_committee_games:", sizes
    scenario = build_scenario(
        7, 2, 4 + 20, seed=first, validators=validators, liars=2, attackers=1, failure_limit=failure_limit,
        malicious=[
            *(malicious(seat, f"{here}Hides") for seat in (0, 1)),
            malicious(2, (f"{here}HidesAndEquivocates", {"first": first})),
        ],
        chain={"batch": batch},
    )  # fmt: skip
    game, seen = played(scenario, chain=True)
    assert seen[Kind.REJECTED.name] > 3
    assert seen[Kind.EXPLORATION.name] > 3
    assert game.progress.ledger.blocked_from[2]


def test_a_chain_in_this_process_is_never_sent_anything_twice():
    """However slow it is: to a sender that resends at once every call is late."""
    scenario = build_scenario(4, 2, 12)
    plan = Plan(scenario)
    recorder = OnChain(fast_node(plan), Stopwatch(), TransactionPolicy(in_flight=1, resend_after=1e-9))
    assert len(list(Game(scenario, recorder, plan).play())) == 12
    assert recorder.contract.closed()


@pytest.mark.py_evm
def test_stated_gas_is_enough_for_batches_with_committees_whose_ties_are_all_broken():
    scenario = build_scenario(
        10, 2, 4 + 39, validators=7, liars=0, attackers=2, chain={"batch": 40, "body": "compact"},
        rewards={"kind": "bernoulli", "means": [1.0, 0.0]},
    )  # fmt: skip
    plan = Plan(scenario)
    recorder = OnChain(embedded_node(plan), Stopwatch())
    assert len(list(Game(scenario, recorder, plan).play())) == 43
    assert len(recorder.contract.gas["submitBlocks"]) == 1
    assert len(set(recorder.contract._view("reputations"))) == 1
