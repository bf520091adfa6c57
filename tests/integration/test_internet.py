"""Nodes between cloud regions in virtual time: known numbers of delays and bytes, and what loss can and cannot do."""

from math import inf

import pytest

from benchmarks import internet
from benchmarks.consensus import BYTES, bytes_of, size_of, total_bytes
from benchmarks.internet import AMPLE, AROUND, BETWEEN, CALM, CASES, Internet, Network, least_bound, play
from chain_bandit.actors.messages import COMPARISON, RELAYER, Send
from verification.schedules import nodes
from verification.schedules.acts import SKEW, GameSize
from verification.schedules.stage import ScheduleStage
from verification.virtual_network import STEP

EQUAL = Network(bandwidth=inf, jitter=0.0, equal=200.0)


@pytest.mark.parametrize(("n", "m"), [(4, 1), (7, 2), (10, 3)])
@pytest.mark.parametrize("bound", [1.0, AMPLE])
def test_a_round_takes_its_steps_and_four_delays_whatever_delta_is(n, m, bound):
    """m + 6 steps, one more for the comparison's answer, one to see the record, two to pull."""
    row = play(ScheduleStage(GameSize(n, m)), "", EQUAL, bound, rounds=3)
    assert row.steps == m + 6
    assert row.seconds == pytest.approx((m + 10) * 0.1)
    assert (row.certified, row.disagreed, row.slowest) == (3, 0, pytest.approx(0.1))


@pytest.mark.parametrize("n", [4, 10])
def test_frames_carry_what_consensus_sends_in_one_process(n, monkeypatch):
    stage, sent = ScheduleStage(GameSize(n, (n - 1) // 3)), Internet.sent
    contents, frames = [], []

    def counted(game, sender, to, frame):
        envelope = game._read(frame)
        if sender >= 0 and envelope.round == stage.ledger.round:
            contents.extend(size_of(Send((to,), said)) for said in envelope.messages)
            frames.append(len(frame))
        sent(game, sender, to, frame)

    monkeypatch.setattr(Internet, "sent", counted)
    row = play(stage, "", Network(), AMPLE, rounds=1)
    actors = {COMPARISON: stage.comparer, RELAYER: stage.relayer, **dict(enumerate(stage.seats))}
    assert sum(contents) == total_bytes(stage, actors)
    assert (n * row.bytes, n * row.frames) == (sum(frames), len(frames))


@pytest.mark.parametrize("certified", [False, True])
def test_a_round_of_31_delivers_at_most_what_is_promised_under_one_liar_too(certified):
    found = {fault: bytes_of(31, fault, certified) / 1e6 for fault in ("none", "half", "two")}
    assert found["none"] < found["half"] < found["two"], "a value that others lack is relayed"
    assert all(mb < BYTES[31, fault] for fault, mb in found.items())


def test_nothing_is_sent_faster_than_the_bandwidth():
    """Without delays a round takes what its bytes take, and at most that in each of its steps."""
    row = play(ScheduleStage(GameSize(4, 1)), "", Network(bandwidth=1e5, jitter=0.0, equal=0.0), AMPLE, rounds=3)
    least = 8 * (row.bytes + AROUND * row.frames) / 1e5
    assert 0.9 * least < row.seconds < 2 * least


def test_more_loss_never_certifies_more_and_never_takes_less():
    stage, bound = ScheduleStage(GameSize(7, 2)), 0.75
    rows = [play(stage, "", Network(loss=loss), bound, rounds=8) for loss in (0.0, 0.01, 0.1, 0.5, 0.8)]
    certified = [row.certified for row in rows]
    assert certified == sorted(certified, reverse=True)
    assert certified[0] == 8
    assert certified[-1] <= 1
    assert [row.seconds for row in rows] == sorted(row.seconds for row in rows)


def test_those_who_are_away_cost_time_and_no_block_while_they_are_few():
    """Where one of ten leaves as another starts again two are missing, of four that is more than m."""
    network, _ = CASES[internet.AWAY]
    few, many = (play(ScheduleStage(GameSize(n, (n - 1) // 3)), "", network, 0.75, rounds=9) for n in (10, 4))
    assert few.certified == 9
    assert many.certified == 7  # the second and the third time that they change
    assert few.disagreed == many.disagreed == 0
    assert few.seconds > play(ScheduleStage(GameSize(10, 3)), CALM, Network(), 0.75, rounds=9).seconds


def test_delta_is_what_schedules_in_time_play_at_the_most():
    d, e, skew = (moments / STEP for moments in (nodes.DELAY, nodes.TRUSTED, SKEW))
    assert 1.0 <= least_bound(d, e, skew) < 1.02
    assert least_bound(0.0, 0.0, 0.0) == 0.05


def test_round_trips_are_alike_in_both_directions_and_beyond_light_in_fibre():
    assert all(BETWEEN[a][b] == BETWEEN[b][a] for a in range(8) for b in range(8))
    virginia, frankfurt, tokyo, sydney = 0, 1, 2, 7
    for one, other, kilometres in ((virginia, frankfurt, 6_500), (tokyo, sydney, 7_800), (frankfurt, tokyo, 9_300)):
        assert BETWEEN[one][other] > 2 * kilometres / 200
