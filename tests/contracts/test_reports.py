"""Python against Solidity on what a block's reports come to: means, accuracies, reputations, heads, approvals.

The contract works on eight arms and sixteen reputations a word; sizes at and around the borders of both are played,
in full and in compact mode, one block or several a transaction.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Header, Kind, Report, encode_states
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import INFINITY, UNIT
from tests.contracts.harness import Game, kind_of, parameters
from tests.few import crossed, few
from tests.foreign_rules import RECALL, vouched

MOST = 2**31 - 1
RADII = (0, 1, UNIT // 20, UNIT, MOST - 1, MOST)


def opened(participants: int, arms: int, mode: int, **changes: int) -> Game:
    """A game in which few must sign, so that many blocks can be played."""
    p = parameters(**{
        "participants": participants, "arms": arms, "body_mode": mode, "liars": 0, "attackers": 0, "burn_in": 2 * arms,
        "horizon": 2 * arms + 6000, "failure_limit": 3, "tolerance": (1, UNIT // 10, UNIT, 2**32 - 1)[arms % 4],
    } | changes)  # fmt: skip
    game = Game(p, name=f"reports {participants} {arms} {mode}").open()
    assert game.deployment.accepted
    return game


def some_reports(game: Game, chance: random.Random, count: int) -> list[Report]:
    """Close together, far apart, or at the ends of the range."""
    centre = [chance.choice((0, UNIT, chance.randrange(UNIT + 1))) for _ in range(game.p.arms)]
    spread = chance.choice((0, 1, UNIT // 100, UNIT))

    def mean(arm: int) -> int:
        near = min(UNIT, max(0, centre[arm] + chance.randint(-spread, spread)))
        return chance.choice((near, near, near, 0, UNIT))

    return [
        Report(tuple(mean(arm) for arm in range(game.p.arms)), chance.randbytes(32), game.proof())
        for _ in range(count)
    ]


def some_sets(game: Game, chance: random.Random, reporters: int) -> tuple[int, ...]:
    """Of reporters: one for all arms, another for each, some of them empty or of one seat."""

    def members() -> int:
        single = 1 << chance.choice([s for s in range(256) if reporters >> s & 1] or [0])
        few = reporters & chance.getrandbits(256)
        return chance.choice((reporters, few, few | single & reporters, single & reporters))

    match chance.randrange(4):
        case 0:
            return (members(),) * game.p.arms
        case 1:
            return tuple(members() if chance.random() < 0.9 else 0 for _ in range(game.p.arms))
        case _:
            return tuple(members() or reporters for _ in range(game.p.arms))


def some_block(game: Game, chance: random.Random) -> tuple[Header, bytes]:
    everybody = range(game.p.participants)
    part = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0, 1.0))
    reporters = [seat for seat in everybody if chance.random() < part]
    mask = sum(1 << seat for seat in reporters)
    return game.block(
        reporters=reporters, selected=some_sets(game, chance, mask), arm=chance.randrange(game.p.arms),
        reports=some_reports(game, chance, len(reporters)), candidates=some_sets(game, chance, mask),
        radii=[chance.choice((*RADII, chance.randrange(2**31))) for _ in range(game.p.arms)],
    )  # fmt: skip


def play(game: Game, transactions: int, most: int = 4) -> Counter[str]:
    """Random blocks, up to `most` a transaction; all that the contract keeps must be what the ledger says."""
    seen: Counter[str] = Counter()
    approved = set()
    for _ in range(transactions):
        waiting: list[Submitted] = []
        for left in reversed(range(game.chance.randint(1, most))):
            header, body = some_block(game, game.chance)
            signers = () if left and game.chance.random() < 0.7 else None
            waiting.append(game.submitted(header, body, signers))
            kind = kind_of(header)
            if kind is Kind.APPROVED:
                approved.add(game.ledger.round)
            seen[kind.name] += 1
            seen["unselected"] += any(mean == INFINITY for mean in header.means)
            seen["accurate"] += sum(map(bool, header.accuracies))
            seen["between"] += sum(0 < accuracy < 65535 for accuracy in header.accuracies)
            events = game.record(kind, header)
        outcome = game.submit(*waiting)
        assert outcome.accepted, outcome.error
        assert list(outcome.events) == events
        assert tuple(game.view("reputations")) == game.ledger.reputations
        seen["blocks"] += len(waiting)
    game.check()
    first = max(game.p.burn_in, game.ledger.round - 70)
    assert {t for t in range(first, game.ledger.round + 1) if game.view("isApproved", t)} == {
        t for t in approved if t >= first
    }
    return seen


ARMS, SEATS = (1, 2, 7, 8, 9, 15, 16, 17, 24, 25, 33, 40), (2, 3, 7, 15, 16, 17, 31, 32, 33, 40, 64, 65, 128, 129)
"""Around the borders of words; all that lie between are tried by `make deep`."""
ALL_ARMS, ALL_SEATS = range(1, 41), (*range(2, 41), 63, 64, 65, 127, 128, 129)


def by_arms(mode: int, transactions: int, numbers: Sequence[int]) -> Counter[str]:
    total: Counter[str] = Counter()
    for arms in numbers:
        total += play(opened((arms * 7 + 3) % 39 + 2, arms, mode), transactions)
    return total


def by_seats(mode: int, transactions: int, numbers: Sequence[int]) -> Counter[str]:
    total: Counter[str] = Counter()
    for seats in numbers:
        total += play(opened(seats, (7, 8, 9, 16, 17)[seats % 5], mode), transactions)
    return total


def check_counts(seen: Counter[str], blocks: int) -> None:
    """Enough of everything: a comparison that sees no block of some kind compares nothing."""
    assert seen["blocks"] > blocks
    assert min(seen["APPROVED"], seen["REJECTED"], seen["unselected"]) > blocks // 5
    assert min(seen["accurate"], seen["between"]) > blocks // 2


@pytest.mark.parametrize("mode", few([0, 1], 2))
def test_contract_and_python_agree_on_blocks_of_1_to_40_arms(mode):
    check_counts(by_arms(mode, 15, ARMS), 350)


@pytest.mark.parametrize("mode", few([1, 0], 2))
def test_contract_and_python_agree_on_blocks_of_2_to_40_seats_and_some_more(mode):
    check_counts(by_seats(mode, 12, SEATS), 350)


@pytest.mark.parametrize(("shape", "mode"), crossed([(256, 254), (256, 1), (2, 254), (254, 17)], [0, 1], every=2))
def test_contract_and_python_agree_on_the_largest_blocks(shape, mode):
    seats, arms = shape
    seen = play(opened(seats, arms, mode), 2, most=2)
    assert seen["blocks"] >= 2


@pytest.mark.deep
@pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
def test_contract_and_python_agree_on_ten_times_as_many_blocks(mode):
    check_counts(by_arms(mode, 150, ALL_ARMS), 12_000)
    check_counts(by_seats(mode, 120, ALL_SEATS), 12_000)


@pytest.mark.deep
@pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
def test_contract_and_python_agree_on_more_of_the_largest_blocks(mode):
    for seats, arms in ((256, 254), (256, 1), (2, 254), (254, 17)):
        assert play(opened(seats, arms, mode), 40, most=2)["blocks"] > 40


@pytest.mark.parametrize(("arms", "seats"), crossed([1, 7, 8, 9, 16, 17], [2, 16, 17, 32, 33], every=3))
def test_every_lane_of_a_report_counts_by_itself(seats, arms):
    """One report at one end of the range in one arm, everybody else at the other: no lane touches its neighbours."""
    game = opened(seats, arms, 0, tolerance=UNIT, failure_limit=65535)
    low, high = Report((0,) * arms, bytes(32)), Report((UNIT,) * arms, bytes(32))
    for seat in {0, seats // 2, seats - 1}:
        for arm in {0, arms // 2, arms - 1}:
            for others, end in ((low, UNIT), (high, 0)):
                alone = replace(others, means=tuple(end if i == arm else m for i, m in enumerate(others.means)))
                reports = [alone if s == seat else others for s in range(seats)]
                game.approve(reports=reports, radii=(0,) * arms)
                assert tuple(game.view("reputations")) == game.ledger.reputations


# What is refused.


def refused(game: Game, submitted: Submitted) -> tuple:
    before = game.view("head"), game.view("progress")
    error = game.submit(submitted).error
    assert (game.view("head"), game.view("progress")) == before
    return error


@pytest.mark.parametrize("arms", [1, 7, 8, 9, 16, 17])
def test_an_estimator_beyond_one_reward_is_refused_in_every_lane(arms):
    game = opened(5, arms, 0)
    for arm in range(arms):
        for value in (UNIT + 1, UNIT + 2, 2**31 - 1, 2**31, 2**31 + UNIT, 2**32 - 1):
            seat, selected = game.chance.choice((0, 4)), game.chance.choice((None, (0b01110,) * arms))
            reports = [game.report() for _ in range(5)]
            means = reports[seat].means
            reports[seat] = replace(reports[seat], means=(*means[:arm], value, *means[arm + 1 :]))
            block = game.block(reports=reports, selected=selected, accuracies=(0,) * 5, means=(0,) * arms)
            assert refused(game, game.submitted(*block)) == ("EstimatorOutOfRange",)
    game.approve(reports=[Report((UNIT,) * arms, bytes(32)) for _ in range(5)])


@pytest.mark.parametrize("arms", [1, 7, 8, 9, 16, 17])
def test_a_radius_beyond_31_bits_is_refused_in_every_lane(arms):
    game = opened(3, arms, 0)
    for arm in range(arms):
        for value in (2**31, 2**31 + 1, 2**32 - 1):
            radii = [MOST if i != arm else value for i in range(arms)]
            for reporters in ((0, 1, 2), (1,)):
                block = game.block(radii=radii, reporters=reporters)
                assert refused(game, game.submitted(*block)) == ("EstimatorOutOfRange",)
    game.approve(radii=(MOST,) * arms)


@pytest.mark.parametrize("reporters", [(0, 1, 2), (2,), ()], ids=["three", "one", "nobody"])
@pytest.mark.parametrize("arms", [1, 8, 9])
def test_a_b_with_somebody_who_did_not_report_is_refused(reporters, arms):
    game = opened(40, arms, 0)
    known = sum(1 << seat for seat in reporters)
    for stranger in (3, 31, 32, 39):
        for arm in {0, arms - 1}:
            sets = [known | 1 << stranger if i == arm else known for i in range(arms)]
            block = game.block(reporters=reporters, selected=sets)
            assert refused(game, game.submitted(*block)) == ("SelectedWithoutReport", 1 << stranger, known)


@pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
def test_reporters_beyond_the_seats_are_refused(mode):
    game = opened(5, 2, mode)
    for extra in (5, 6, 7):
        block = game.block(reporters=(0, extra), selected=(1, 1), accuracies=(0,) * 5)
        assert refused(game, game.submitted(*block)) == ("UnknownReporters", 1 | 1 << extra, 0)


@pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
@pytest.mark.parametrize("which", ["candidates", "selected"])
def test_a_flag_that_is_neither_0_nor_1_is_refused(which, mode):
    game = opened(5, 2, mode)
    submitted = game.submitted(*game.block())
    at = 2 if which == "candidates" else 4
    for flag in (2, 3, 128, 255):
        decided = submitted.decided[:at] + bytes([flag]) + submitted.decided[at + 1 :]
        assert refused(game, replace(submitted, decided=decided)) == ("UnknownFlag", flag)


@pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
def test_an_extension_of_any_type_is_refused(mode):
    game = opened(5, 2, mode)
    submitted = game.submitted(*game.block())
    for kind in (1, 255):
        decided = submitted.decided[:-1] + bytes([kind])
        assert refused(game, replace(submitted, decided=decided)) == ("UnknownExtension", kind)


@pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
def test_a_state_for_which_headers_have_no_room_is_refused(mode):
    game = Game(vouched(parameters(body_mode=mode), RECALL), name=f"state {mode}").open()
    header, body = game.block()
    submitted, states = game.submitted(header, body), encode_states(header.states)
    assert submitted.decided.endswith(states)
    for length in (4097, 65_535):
        decided = submitted.decided.removesuffix(states) + b"\1" + length.to_bytes(2, "big") + bytes(length)
        assert refused(game, replace(submitted, decided=decided)) == ("StateTooLong", length, 4096)


@pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
def test_an_arm_that_does_not_exist_is_refused(mode):
    game = opened(5, 2, mode)
    for arm in (2, 255):
        assert refused(game, game.submitted(*game.block(arm=arm))) == ("UnknownArm", arm, 2)


@pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
def test_every_other_length_is_refused(mode):
    game = opened(5, 3, mode)
    data = game.calldata(game.submitted(*game.block(), signers=range(5)))
    before = game.view("head")
    for length in range(4, len(data)):
        assert not game.send(data[:length]).accepted, length
    for length in range(len(data) - 64 * 5, len(data)):
        assert game.send(data[:length]).error == ("WrongCalldataLength", length, len(data))
    for extra in (b"\0", bytes(32), bytes(200)):
        assert not game.send(data + extra).accepted
    assert game.view("head") == before
    assert game.send(data).accepted


def test_the_same_set_spelt_for_each_arm_is_another_header():
    """Python has one encoding only; the contract takes whatever a quorum signed, which the honest never do."""
    game = opened(5, 2, 1)
    header, body = game.block()
    good = game.submitted(header, body)
    spelt = b"\0" + bytes([0b11111]) * 2
    other = replace(good, decided=good.decided[:2] + spelt + good.decided[4:])
    assert refused(game, other)[0] == "InvalidSignature"
    assert game.submit(good).accepted


def test_a_compact_block_is_approved_exactly_when_every_mean_is_at_most_two():
    for arms in (1, 2, 7, 8, 9, 16, 17):
        game = opened(4, arms, 1, failure_limit=65535)
        for arm in range(arms):
            for mean, kind in ((2 * UNIT, Kind.APPROVED), (2 * UNIT + 1, Kind.REJECTED), (INFINITY, Kind.REJECTED)):
                for others in (0, 2 * UNIT):
                    means = tuple(mean if i == arm else others for i in range(arms))
                    game.add(means=means)
                    assert game.records[-1][1].kind is kind
                    assert game.view("isApproved", game.ledger.round - 1) is (kind is Kind.APPROVED)
        game.check()
