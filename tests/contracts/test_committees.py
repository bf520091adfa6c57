"""Committees: the contract takes the best by reputation and nobody else, and more of them after every skip."""

import itertools
import random
from collections import Counter
from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Kind, Report, mask, round_seed, seats
from chain_bandit.protocol.committee import best
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import blocked, validators
from chain_bandit.protocol.units import UNIT
from tests.contracts.harness import Game, Outcome, hexed, kind_of, parameters
from tests.contracts.test_evidence import accuse
from tests.few import few


def opened(participants: int, size: int, name: str = "committee", **changes: int) -> Game:
    p = parameters(**{
        "participants": participants, "validators": size, "liars": 0, "attackers": 0, "horizon": 2000,
        "tolerance": UNIT // 10,
    } | changes)  # fmt: skip
    game = Game(p, name=f"{name} {participants} {size}").open()
    assert game.deployment.accepted
    return game


def shuffle_reputations(game: Game) -> None:
    """A block in which everybody is as accurate as chance has it, often as accurate as somebody else."""
    chance, p = game.chance, game.p
    far = [chance.choice((0, 0, UNIT // 50, UNIT // 20, UNIT)) for _ in range(p.participants)]
    listed = blocked(game.ledger, game.ledger.round)
    allowed = [seat for seat in range(p.participants) if not listed >> seat & 1]
    reporters = [seat for seat in allowed if chance.random() < 0.8] or allowed[:1]
    reports = [Report((far[seat],) * p.arms, ZERO) for seat in reporters]
    near = mask(seat for seat in reporters if far[seat] == min(far[s] for s in reporters))
    game.approve(reporters=reporters, reports=reports, selected=(near,) * p.arms, radii=(0,) * p.arms)


def skip_with(game: Game, committee: int) -> Outcome:
    return game.call(game.anybody, "skip", committee, *game.certificate(ZERO))


def tried(game: Game, committee: int) -> Outcome:
    """What comes of a skip that names this committee; nothing stays."""
    snapshot = game.machine.state.snapshot()
    outcome = skip_with(game, committee)
    game.machine.state.revert(snapshot)
    return outcome


SIZES = [(4, 2), (2, 1), (7, 3), (3, 1), (5, 2), (4, 1), (6, 1), (6, 2)]


@pytest.mark.parametrize(("participants", "size"), few(SIZES, 2))
def test_exactly_one_set_is_accepted(participants, size):
    """Brute force: every subset of the seats, those of other sizes too."""
    game = opened(participants, size)
    seen: Counter[str] = Counter()
    for _ in range(6):
        shuffle_reputations(game)
        after = game.after(Kind.SKIP)
        expected = best(
            after.reputations, game.p.everybody, min(participants, 2 * size),
            round_seed(game.seed_0, game.ledger.round + 1),
        )  # fmt: skip
        assert after.committee == expected
        for committee in range(2**participants):
            outcome = tried(game, committee)
            assert outcome.accepted is (committee == expected), (committee, expected)
            if outcome.accepted:
                seen["accepted"] += 1
            else:
                wrong = committee.bit_count() != min(participants, 2 * size)
                assert outcome.error[0] == ("CommitteeMalformed" if wrong else "CommitteeNotBest")
                seen[outcome.error[0]] += 1
    assert seen["accepted"] == 6
    assert seen["CommitteeNotBest"] > 0 or participants <= 2 * size


def test_a_committee_holds_no_seat_that_does_not_exist():
    game = opened(5, 2)
    wanted = game.next_committee()
    for extra in (1 << 5, 1 << 255):
        error = ("CommitteeMalformed", wanted | extra, 31, 4)
        assert tried(game, wanted | extra).error == error
        fewer = wanted & (wanted - 1) | extra
        assert tried(game, fewer).error == ("CommitteeMalformed", fewer, 31, 4)


@pytest.mark.parametrize(("participants", "size"), [(6, 2), (7, 3), (33, 5), (40, 16), (256, 7)])
def test_ties_go_by_the_seed_of_the_round_that_is_validated(participants, size):
    """All reputations are equal: the hash alone decides, anew every round."""
    game = opened(participants, size, name="ties")
    chosen = set()
    for _ in range(4):
        game.add(reporters=())
        committee = game.ledger.committee
        seed = round_seed(game.seed_0, game.ledger.round)
        order = sorted(range(participants), key=lambda seat, seed=seed: keccak(seed, seat.to_bytes(2, "big")))
        assert set(seats(committee)) == set(order[:size])
        chosen.add(committee)
        assert len(set(game.ledger.reputations)) == 1
        if game.ledger.failures == 0:
            assert game.records[-1][1].kind is Kind.EXPLORATION
    assert len(chosen) > 2
    game.check()


@pytest.mark.parametrize(("participants", "size"), [(5, 2), (17, 4), (33, 8), (40, 1)])
def test_a_block_whose_header_names_another_committee_is_refused(participants, size):
    game = opened(participants, size)
    shuffle_reputations(game)
    header, body = game.block()
    good = header.committee
    inside, outside = good & -good, next(1 << s for s in range(participants) if not good >> s & 1)
    for wrong, error in (
        (good ^ inside ^ outside, "CommitteeNotBest"),
        (good | outside, "CommitteeMalformed"),
        (good ^ inside, "CommitteeMalformed"),
        (0, "CommitteeMalformed"),
    ):
        changed = replace(header, committee=wrong)
        assert game.submit(game.submitted(changed, body)).error[0] == error
    assert game.submit(game.submitted(header, body)).accepted


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_rejected_block_that_brings_an_exploration_names_who_validates_after_it(limit):
    """The seed of the round after the exploration breaks the ties, in a block as in a skip."""
    game = opened(9, 4, failure_limit=limit)
    differs = 0
    for _ in range(6 * limit):
        before = len(game.records)
        if game.chance.random() < 0.8:
            game.add(reporters=())
        else:
            game.skip()
        game.check()
        made = [record.kind for _, record, _ in game.records[before:]]
        if made == [Kind.REJECTED, Kind.EXPLORATION]:
            after = game.ledger
            earlier = best(after.reputations, game.p.everybody, 4, round_seed(game.seed_0, after.round - 1))
            differs += earlier != after.committee
    assert differs > 0


def test_committees_double_with_every_skip_and_exploration_neither_counts_nor_resets():
    game = opened(20, 2, failure_limit=3)
    sizes = []
    for step in "ssssssbsr":
        {"s": game.skip, "b": game.approve, "r": game.reject}[step]()
        game.check()
        members = game.view("validators", game.ledger.round)
        assert members == tuple(sorted(hexed(game.seats[seat]) for seat in seats(validators(game.ledger))))
        assert game.view("quorum") == game.quorum
        sizes.append(len(members))
    # The third failure in a row also records an exploration round, after which three skips in a row are still three.
    assert sizes == [4, 8, 16, 20, 20, 20, 2, 4, 2]
    assert game.ledger.explorations == 2


def test_skips_beyond_255_in_a_row_change_nothing():
    game = opened(4, 1, failure_limit=65535)
    for _ in range(258):
        game.skip()
        assert game.view("progress")[2] == min(255, game.ledger.skips)
    assert game.ledger.skips == 258
    game.approve()
    assert game.view("progress")[2] == 0
    game.check()


def test_only_validators_of_the_round_certify():
    game = opened(7, 4, attackers=1)
    shuffle_reputations(game)
    members = seats(game.ledger.committee)
    strangers = [seat for seat in range(7) if seat not in members]
    assert (len(members), len(strangers), game.quorum) == (4, 3, 3)
    header, body = game.block()
    for signers in ((*members[:2], strangers[0]), (*members, strangers[-1]), strangers):
        error = game.submit(game.submitted(header, body, signers)).error
        assert error == ("UnknownSigners", mask(signers), game.ledger.committee)
        skipped = game.refused(game.anybody, "skip", game.next_committee(), *game.certificate(ZERO, signers))
        assert skipped == ("UnknownSigners", mask(signers), game.ledger.committee)
    assert game.submit(game.submitted(header, body, members[:2])).error == ("QuorumMissing", 2, 3)
    assert game.submit(game.submitted(header, body, members[1:])).accepted


def test_views_of_other_rounds_revert():
    game = opened(5, 2)
    game.approve()
    for round_ in (0, game.ledger.round - 1, game.ledger.round + 1, 2**32 - 1):
        assert game.refused(game.anybody, "validators", round_) == ("RoundNotOpen", round_, game.ledger.round)


@pytest.mark.parametrize("participants", [2, 5, 16, 17, 40])
def test_the_ranking_is_that_of_python(participants):
    game = opened(participants, 1, name="ranking")
    for _ in range(3):
        shuffle_reputations(game)
        seed, reputations = round_seed(game.seed_0, game.ledger.round), game.ledger.reputations
        order = sorted(
            range(participants), key=lambda s: (-reputations[s], keccak(seed, s.to_bytes(2, "big")))
        )
        for count in {0, 1, participants // 2, participants, 2**40}:
            assert list(game.view("committee", count)) == order[:count]
        assert len(set(reputations)) > 1


def test_the_blocked_are_in_no_committee_and_no_ranking():
    game = opened(7, 3, attackers=1, evidence_penalty=0)
    shuffle_reputations(game)
    liar = seats(game.ledger.committee)[0]
    accuse(game, liar)
    while not blocked(game.ledger, game.ledger.round):
        game.approve()
        game.check()
    everybody = 0b1111111
    assert game.view("blocked") == 1 << liar
    assert liar not in game.view("committee", 7)
    assert len(game.view("committee", 7)) == 6
    game.skip()
    assert game.ledger.committee.bit_count() == 6
    assert game.ledger.committee == everybody & ~(1 << liar)
    assert tried(game, everybody).error == ("CommitteeMalformed", everybody, everybody & ~(1 << liar), 6)
    for _ in range(5):
        shuffle_reputations(game)
        assert not game.ledger.committee >> liar & 1
    game.check()


def test_a_committee_smaller_than_wanted_is_all_who_are_left():
    game = opened(4, 3, attackers=1, quorum_choice=0)
    for liar in (0, 1):
        accuse(game, liar)
    while not blocked(game.ledger, game.ledger.round):
        game.approve()
    game.approve(reporters=(2, 3))
    assert game.ledger.committee == 0b1100
    assert game.view("quorum") == 2
    game.check()


def random_course(participants: int, size: int, steps: int, number: int) -> Counter[str]:
    """Blocks, skips by quorum and deadline, evidence, in any order: contract and ledger keep the same."""
    chance = random.Random(f"course {participants} {size} {number}")
    attackers = (size - 1) // 3
    game = opened(
        participants, size, name=f"course {number}", attackers=attackers, failure_limit=chance.randint(1, 4),
        unrecorded=chance.randint(1, 3), body_mode=chance.randrange(2), skip_penalty=chance.choice((1, 4096, 65535)),
        evidence_penalty=chance.choice((0, 1000, 65535)), quorum_choice=chance.randrange(2), game_blocks=10**6,
    )  # fmt: skip
    seen: Counter[str] = Counter()
    for _ in range(steps):
        match chance.randrange(7):
            case 0:
                game.skip()
            case 1:
                game.skip_after_deadline()
            case 2 if sum(map(bool, game.ledger.blocked_from)) < attackers:
                accuse(game, chance.choice([s for s, since in enumerate(game.ledger.blocked_from) if not since]))
                seen["accused"] += 1
            case 3:
                game.reject()
            case _:
                listed = blocked(game.ledger, game.ledger.round)
                reporters = [s for s in range(participants) if chance.random() < 0.8 and not listed >> s & 1]
                game.add(reporters=reporters)
        game.check()
        rank = game.view("committee", participants)
        assert mask(rank) == game.p.everybody & ~game.view("blocked")
        assert game.view("validators", game.ledger.round) == tuple(
            sorted(hexed(game.seats[seat]) for seat in seats(validators(game.ledger)))
        )
        seen["steps"] += 1
    for _, record, _ in game.records:
        seen[record.kind.name] += 1
    return seen


SHAPES = [(4, 3), (5, 4), (7, 4), (10, 7), (16, 7), (17, 4)]


@pytest.mark.parametrize(("participants", "size"), few(SHAPES, 2))
def test_contract_and_python_agree_on_random_courses_with_committees(participants, size):
    seen = random_course(participants, size, 60, 0)
    assert min(seen[kind.name] for kind in Kind) >= 3
    assert seen["accused"] == (size - 1) // 3


@pytest.mark.deep
@pytest.mark.parametrize("number", range(1, 11))
@pytest.mark.parametrize(("participants", "size"), [*SHAPES, (33, 10)])
def test_contract_and_python_agree_on_more_random_courses_with_committees(participants, size, number):
    assert random_course(participants, size, 60, number)["steps"] == 60


def test_brute_force_sees_more_than_one_candidate():
    """The sets tried above are not all refused for their size."""
    game = opened(6, 1, name="candidates")
    shuffle_reputations(game)
    sets = [mask(chosen) for chosen in itertools.combinations(range(6), 2)]
    errors = Counter("accepted" if tried(game, each).accepted else "refused" for each in sets)
    assert errors == {"accepted": 1, "refused": 14}
    assert kind_of(game.block(reporters=())[0]) is Kind.REJECTED


def test_no_committee_is_named_where_everybody_validates():
    game = Game().open()
    assert game.refused(game.anybody, "skip", 5, *game.certificate(ZERO)) == ("CommitteeMalformed", 5, 0, 0)
    game.machine.block += game.p.skip_deadline + game.p.burn_in_blocks + 1
    assert game.refused(game.anybody, "skipAfterDeadline", 1) == ("CommitteeMalformed", 1, 0, 0)
