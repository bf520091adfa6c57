"""Games whose comparison is computed among validators: the same rounds as with the ideal one, or skipped."""

import pytest

from chain_bandit.comparison.ideal import IdealComparison
from chain_bandit.comparison.interface import ComparisonAborted
from chain_bandit.comparison.mpc import MpcComparison
from chain_bandit.comparison.processes import PartyProcesses
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.sharing import commits_to, counts_commitment
from chain_bandit.stopwatch import Stopwatch
from tests.fast_chain import fast_node


def decided(rounds):
    """What does not hold a digest of the commitments."""
    return [
        (played.round, played.arm, played.pulls, played.costly, played.accused)
        + ((played.record.kind,) if played.record else ())
        + ((header.reporters, header.candidates, header.selected, header.means, header.accuracies)
           if played.record and (header := played.record.header) else ())
        for played in rounds
    ]  # fmt: skip


@pytest.mark.parametrize("parties", [3, 5])
def test_a_game_among_parties_decides_what_the_ideal_one_does(scenario, play, cheat, parties):
    changes = {
        "participants": 7, "arms": 3, "rounds": 16,
        "malicious": [cheat(2, "two-faced-counts", "worse-half"), cheat(5, "two-faced-report")],
    }  # fmt: skip
    _, ideal = play(scenario(**changes))
    _, computed = play(scenario(**changes, comparison="mpc", parties=parties))
    assert decided(computed) == decided(ideal)
    assert any(played.record and played.record.kind is Kind.APPROVED for played in computed)


def test_a_round_whose_comparison_is_aborted_is_skipped_and_lockstep_survives(scenario, play, monkeypatch):
    answer, begin = IdealComparison.bits, IdealComparison.begin

    def noted(self, reference, threshold, setting):
        self.round = setting.slot.round
        begin(self, reference, threshold, setting)

    def aborted(self, commitments):
        if self.round in (7, 9):
            raise ComparisonAborted(self.round, ["party 1 died"] * 3)
        return answer(self, commitments)

    monkeypatch.setattr(IdealComparison, "begin", noted)
    monkeypatch.setattr(IdealComparison, "bits", aborted)
    game, rounds = play(scenario(rounds=12))
    kinds = {played.round: played.record.kind for played in rounds if played.record}
    assert {round_ for round_, kind in kinds.items() if kind is Kind.SKIP} == {7, 9}
    assert all(kinds[round_] is Kind.APPROVED for round_ in (8, 10, 11, 12))
    assert {played.round: played.aborted for played in rounds if played.aborted} == dict.fromkeys(
        (7, 9), ("party 1 died",) * 3
    )
    assert all(seat.participant.counts == game.progress.ledger.pulls for seat in game.cast.seats)


def test_no_party_outlives_a_game_that_is_given_up(scenario, monkeypatch):
    begun, ended = [], []
    start, close = PartyProcesses.__init__, PartyProcesses.close
    monkeypatch.setattr(PartyProcesses, "__init__", lambda self, *a: (begun.append(self), start(self, *a))[1])
    monkeypatch.setattr(PartyProcesses, "close", lambda self: (ended.append(self), close(self))[1])
    playing = Game(scenario(comparison="mpc"), NoChain()).play()
    while not begun:
        next(playing)
    assert ended == []
    playing.close()
    assert ended == begun
    assert begun[0].members == []


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ({"participants": 4}, 3),
        ({"participants": 7, "liars": 2, "attackers": 1, "validators": 4}, 4),
        ({"participants": 5, "attackers": 1, "validators": 3, "quorum": "majority"}, 3),
        ({"participants": 7, "attackers": 2, "liars": 1, "sortition": 0.9, "quorum": "majority"}, 4),
    ],
)
def test_more_parties_than_validators_stay_with_m_on_the_block_list_are_refused(scenario, changes, most):
    scenario(**changes, comparison="mpc", parties=most)
    with pytest.raises(AssumptionBroken, match=r"parties: .* min\(N, M - m\).*" + f"validators = {most}") as refused:
        scenario(**changes, comparison="mpc", parties=most + 1)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("changes", "parties"),
    [
        ({"participants": 7, "malicious": [2, 5]}, 5),
        ({"participants": 7, "liars": 2, "attackers": 1, "validators": 4, "malicious": [0]}, 4),
    ],
)
def test_as_many_parties_as_stay_with_m_on_the_block_list_still_decide_every_round(scenario, cheat, changes, parties):
    listed = set(changes["malicious"])
    malicious = [cheat(seat, "two-faced-report") for seat in listed]
    case = scenario(**changes | {"malicious": malicious}, rounds=14, comparison="mpc", parties=parties)
    plan = Plan(case)
    game, few = Game(case, OnChain(fast_node(plan), Stopwatch()), plan), 0
    for played in game.play():
        if played.record and played.round > case.parameters.burn_in:
            assert played.record.kind is Kind.APPROVED
            assert played.aborted == ()
            validators = game.cast._comparer._comparison._setting.validators
            few += played.blocked == listed and len(validators) == parties
    assert few >= 5


def test_a_commitment_opens_for_whatever_number_of_parties_it_was_made(scenario):
    counts, salt = (3, 0, 9), b"\5" * 32
    commitments = {parties: counts_commitment(counts, salt, parties) for parties in (0, 3, 4, 5)}
    assert len({*commitments.values()}) == 4
    assert all(commits_to(committed, counts, salt) for committed in commitments.values())
    assert not any(commits_to(committed, (3, 1, 9), salt) for committed in commitments.values())
    assert not any(commits_to(committed, counts, bytes(32)) for committed in commitments.values())


def test_a_game_among_parties_needs_no_process_before_its_first_question(scenario):
    game = Game(scenario(comparison="mpc"), NoChain())
    next(game.play())
    comparison = game.cast._comparer._comparison
    assert isinstance(comparison, MpcComparison)
    assert comparison.pids() == ()
