"""Each attack: what it does to the undefended, and what the protocol does to it.

The undefended average the reports that they were sent, take a commander at its word, or leave out the one check
that an attack is about. The protocol's side of every test is a whole game without a chain, seat 3 (or 5 and 6)
malicious, within the bounds f and m.
"""

from collections import Counter
from dataclasses import dataclass, field

import pytest

from chain_bandit.actors.messages import COMPARISON, Answer, Receipt, Send
from chain_bandit.actors.seat import Seat
from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.malicious import Combined
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.comparison.ideal import IdealComparison
from chain_bandit.comparison.interface import Opening
from chain_bandit.consensus.broadcast import Drop, Frame, SignedBroadcast
from chain_bandit.consensus.certificate import Vote
from chain_bandit.crypto.unseal import unseal
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.errors import LockstepBroken
from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import Header, Kind, Report, seats
from chain_bandit.protocol.messages import Phase
from chain_bandit.protocol.sealing import nonce
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from tests.rules import ENTRIES


@dataclass
class Round:
    """What one round from L on showed."""

    kind: Kind
    header: Header | None
    reports: dict[int, tuple[int, ...]]
    accused: frozenset[int]
    costly: bool
    drops: Counter
    heard: list[tuple[int, int, object]] = field(default_factory=list)

    def honest_range(self, honest, arm):
        values = [self.reports[p][arm] for p in honest]
        return min(values), max(values)

    def plain_mean(self, arm):
        """The undefended: everybody's report counts alike."""
        values = [row[arm] for row in self.reports.values()]
        return sum(values) // len(values)

    def direct_reports(self, sender):
        """Which report each validator got from the sender itself."""
        return {
            to: claim.content
            for to, source, message in self.heard
            if source == sender and isinstance(message, Frame) and message.phase is Phase.REPORT
            for claim in message.claims
            if claim.instance == sender and not claim.relays
        }


class Watched:
    """A game and what its honest seats received, held and recorded in every round from L on."""

    def __init__(self, monkeypatch, scenario: Scenario):
        heard = []
        listen = Seat.on_message

        def on_message(seat, sender, message):
            if type(seat) is Seat:
                heard.append((seat.number, sender, message))
            return listen(seat, sender, message)

        with monkeypatch.context() as patch:
            patch.setattr(Seat, "on_message", on_message)
            self.game = Game(scenario, NoChain())
            self.rounds = []
            for played in self.game.play():
                if played.record is not None:
                    self.rounds.append(self._round(played, heard))
                heard.clear()
        self.honest = [seat.number for seat in self.game.cast.honest]

    def _round(self, played, heard):
        validators = [seat.validator for seat in self.game.cast.honest]
        reports = {seat: signed.report.means for seat, signed in validators[0].agreed.items()}
        assert len({tuple(sorted(v.agreed.items(), key=lambda pair: pair[0])) for v in validators}) == 1
        drops = sum((Counter(v.drops) for v in validators), Counter())
        return Round(
            played.record.kind, played.record.header, reports, played.accused, played.costly, drops, list(heard)
        )

    def every_block_is_approved_and_inside_the_honest_range(self):
        for each in self.rounds:
            assert each.kind is Kind.APPROVED
            for arm, estimator in enumerate(each.header.means):
                low, high = each.honest_range(self.honest, arm)
                assert low <= estimator <= high
        return len(self.rounds)


@pytest.fixture
def watched(monkeypatch, scenario, cheat):
    """Plays M = 4 with seat 3 malicious, or M = 7 with seats 5 and 6."""

    def build(*attacks, participants=4, rounds=60, seed=5, **changes):
        bad = range(participants - (participants - 1) // 3, participants)
        entries = [cheat(seat, *attacks) for seat in bad]
        return Watched(monkeypatch, scenario(participants, 2, rounds, seed=seed, malicious=entries, **changes))

    return build


FIRST_LISTED = 8
"""Proof is found in round 4, the first with validators, and counts from round 4 + 3 + w on; w = 1."""


def best(means):
    return max(range(len(means)), key=lambda arm: means[arm])


def test_every_attack_of_the_registry_is_tested_here():
    names = {name for name in globals() if name.startswith("test_")}
    missing = [a for a in ATTACKS if not any(n.startswith(f"test_{a.replace('-', '_')}_") for n in names)]
    assert missing == []


def test_an_honest_game_accuses_nobody_costs_nothing_and_drops_nothing(watched, scenario, monkeypatch):
    game = Watched(monkeypatch, scenario(4, 2, 30))
    assert game.every_block_is_approved_and_inside_the_honest_range() == 27
    assert {reason for each in game.rounds for reason in each.drops} == set()
    assert not any(each.accused or each.costly for each in game.rounds)


def test_constant_lie_turns_the_plain_mean_to_the_bad_arm_and_is_cut_off_by_the_protocol(watched):
    game = watched(("constant-lie", {"favour": 1}))
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    last = game.rounds[-1]
    assert last.reports[3] == (0, UNIT)
    assert best([last.plain_mean(arm) for arm in (0, 1)]) == 1
    assert best(last.header.means) == 0
    assert all(3 not in seats(row) for each in game.rounds[10:] for row in each.header.selected)
    assert not any(each.costly for each in game.rounds[10:])


def test_worse_half_turns_the_plain_mean_to_the_bad_arm_and_is_cut_off_by_the_protocol(watched):
    game = watched("worse-half")
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    last = game.rounds[-1]
    assert last.reports[3] == (0, UNIT)
    assert best([last.plain_mean(arm) for arm in (0, 1)]) == 1
    assert best(last.header.means) == 0
    assert not any(each.costly for each in game.rounds[10:])


def test_sign_flip_narrows_the_gap_of_the_plain_mean_and_not_the_protocols(watched):
    game = watched("sign-flip", participants=7, seed=2)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    gap_of_plain, gap_of_ours = 0, 0
    for each in game.rounds[10:]:
        flipped, honest = each.reports[6], [each.reports[p] for p in game.honest]
        assert best(flipped) != best([sum(column) for column in zip(*honest, strict=True)])
        gap_of_plain += abs(each.plain_mean(0) - each.plain_mean(1))
        gap_of_ours += abs(each.header.means[0] - each.header.means[1])
    assert 2 * gap_of_ours > 3 * gap_of_plain


def test_within_range_biases_the_plain_mean_and_stays_in_b_but_only_as_far_as_honest_reports_reach(watched):
    game = watched("within-range", participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    in_force = 0
    for each in game.rounds[1:]:
        for arm, estimator in enumerate(each.header.means):
            honest = sorted(each.reports[p][arm] for p in game.honest)
            b = each.header.selected[arm].bit_count()
            assert sum(honest[:b]) // b <= estimator <= sum(honest[-b:]) // b
        in_force += any(seat in seats(row) for row in each.header.selected for seat in (5, 6))
        assert each.reports[5] == each.reports[6]
    worst_first = [each for each in game.rounds[10:] if best(each.header.means) == 0]
    honest_gap = sum(_honest_mean(game, each, 0) - _honest_mean(game, each, 1) for each in worst_first)
    plain_gap = sum(each.plain_mean(0) - each.plain_mean(1) for each in worst_first)
    assert plain_gap < honest_gap
    assert in_force > 40
    assert sum(each.costly for each in game.rounds) > 40


def test_copycat_repeats_the_last_estimators_and_costs_the_honest_when_it_is_in_b(watched):
    game = watched("copycat", participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    for before, each in zip(game.rounds, game.rounds[1:], strict=False):
        assert each.reports[5] == each.reports[6] == before.header.means
    assert any(each.costly for each in game.rounds[1:])


def test_offset_lies_by_its_distance_and_is_mostly_cut_off_when_that_is_far(watched):
    game = watched(("offset", {"distance": 0.4}), participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    last = game.rounds[-1]
    honest = [_honest_mean(game, last, arm) for arm in (0, 1)]
    for arm, sign in ((0, -1), (1, 1)):
        expected = min(max(honest[arm] + sign * 4 * UNIT // 10, 0), UNIT)
        assert abs(last.reports[6][arm] - expected) < UNIT // 4
    assert sum(each.costly for each in game.rounds) < 40


def _honest_mean(game, each, arm):
    return sum(each.reports[p][arm] for p in game.honest) // len(game.honest)


def test_sleeper_is_true_until_it_wakes_then_drags_the_plain_mean_and_not_the_protocols(watched):
    game = watched(("sleeper", {"wakes": 30}))
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    asleep, awake = game.rounds[:26], game.rounds[26:]
    assert not any(each.costly for each in asleep)
    outside = [
        each for each in awake
        for arm in (0, 1)
        if abs(each.plain_mean(arm) - _honest_mean(game, each, arm)) > UNIT // 20
    ]  # fmt: skip
    assert len(outside) > len(awake) // 2
    dragged = [abs(each.plain_mean(0) - _honest_mean(game, each, 0)) for each in awake]
    ours = [abs(each.header.means[0] - _honest_mean(game, each, 0)) for each in awake]
    assert sum(ours) < sum(dragged)


def gaps(game, rounds):
    """How far arm 0 is above arm 1, summed: for the honest alone, for the undefended, for the protocol."""
    honest = sum(_honest_mean(game, each, 0) - _honest_mean(game, each, 1) for each in rounds)
    plain = sum(each.plain_mean(0) - each.plain_mean(1) for each in rounds)
    return honest, plain, sum(each.header.means[0] - each.header.means[1] for each in rounds)


def in_force(game, rounds):
    """In how many rounds a colluder is in some B."""
    return sum(any(seat in seats(row) for row in each.header.selected for seat in (5, 6)) for each in rounds)


def after_block(game):
    """Of every round but the first, the honest means by arm in the block before it, and what both colluders told."""
    for before, each in zip(game.rounds, game.rounds[1:], strict=False):
        assert each.reports[5] == each.reports[6]
        yield [_honest_mean(game, before, arm) for arm in (0, 1)], before, each.reports[5]


def test_on_off_drags_the_plain_mean_in_every_other_stretch_and_not_the_protocols(watched):
    game = watched(("on-off", {"period": 15}), participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    for on in (False, True):
        rounds = [each for each in game.rounds[5:] if each.header.round // 15 % 2 == on]
        assert any(each.costly for each in rounds) <= on
        honest, plain, ours = gaps(game, rounds)
        assert (plain < honest * 9 // 10) is on
        assert ours > plain or not on


def test_a_little_is_enough_stays_in_b_and_narrows_every_gap(watched):
    game = watched(("a-little-is-enough", {"z": 0.8}), participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    for honest, _, told in after_block(game):
        first = best(honest)
        assert told[first] <= honest[first]
        assert told[1 - first] >= honest[1 - first]
    honest, plain, ours = gaps(game, [each for each in game.rounds[10:] if best(each.header.means) == 0])
    assert max(plain, ours) < honest
    assert in_force(game, game.rounds) > 50
    assert sum(each.costly for each in game.rounds) > 50


def test_inner_product_points_the_plain_mean_the_other_way_and_is_cut_off_where_arms_are_far_apart(watched):
    game = watched(("inner-product", {"epsilon": 4.0}), participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    for honest, _, told in after_block(game):
        assert (told[0] - told[1]) * (honest[0] - honest[1]) <= 0
    honest, plain, ours = gaps(game, game.rounds[10:])
    assert plain < ours
    assert plain < honest // 4
    assert best(game.rounds[-1].header.means) == 0


def test_mimic_repeats_an_honest_report_that_no_rule_can_tell_from_another(watched):
    game = watched("mimic", participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    assert all(told == before.reports[0] for _, before, told in after_block(game))
    assert in_force(game, game.rounds[1:]) > 40
    assert sum(each.costly for each in game.rounds) > 40
    assert best(game.rounds[-1].header.means) == 0


def test_swap_pulls_the_two_best_together_and_stays_in_b_but_only_as_far_as_honest_reports_reach(watched):
    game = watched("swap", participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    for honest, before, told in after_block(game):
        for arm in (0, 1):
            low, high = before.honest_range(game.honest, arm)
            assert told[arm] == sorted([low, honest[1 - arm], high])[1]
    honest, plain, ours = gaps(game, [each for each in game.rounds[10:] if best(each.header.means) == 0])
    assert max(plain, ours) < honest
    assert in_force(game, game.rounds) > 40


@pytest.mark.parametrize(("share", "forgiven"), [(0.3, True), (3.0, False)])
def test_radius_is_forgiven_just_under_the_width_and_loses_its_reputation_above_it(watched, share, forgiven):
    game = watched(("radius", {"share": share, "favour": 1}), participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    honest, plain, _ = gaps(game, game.rounds[10:])
    assert plain < honest
    low = sum(each.header.accuracies[5] < min(each.header.accuracies[p] for p in game.honest) for each in game.rounds)
    assert (low < 10) is forgiven
    assert (in_force(game, game.rounds) > 30) is forgiven


def test_inflated_counts_fool_nobody_who_asks_whether_there_are_enough(watched, monkeypatch):
    openings = []
    keep = IdealComparison.on_opening

    def on_opening(self, seat, opening):
        openings.append((seat, opening.counts))
        keep(self, seat, opening)

    monkeypatch.setattr(IdealComparison, "on_opening", on_opening)
    game = watched(("inflated-counts", {"favour": 1, "times": 9}), participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    claims = {seat: [counts for other, counts in openings if other == seat] for seat in range(7)}
    assert claims[6] == [tuple(min(9 * count, 60) for count in counts) for counts in claims[0]]
    last, weighed = game.rounds[-1], []
    for arm in (0, 1):  # the undefended, who weigh reports by counts
        weights = [claims[seat][-1][arm] for seat in range(7)]
        weighed.append(sum(w * last.reports[seat][arm] for seat, w in enumerate(weights)) // sum(weights))
    assert best(weighed) == 1
    assert best(last.header.means) == 0
    assert all(each.header.candidates == (0b1111111,) * 2 and each.accused == set() for each in game.rounds)


def test_free_rider_leaves_exploring_to_the_others_and_tells_the_truth(watched):
    game = watched("free-rider", participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    assert all(each.accused == set() and not each.costly for each in game.rounds)
    counts, arm = game.game.cast.environment._counts, best(game.rounds[-1].header.means)
    assert len(set(counts[:5])) == 1
    assert all(each[arm] > counts[0][arm] + 5 and sum(each) == sum(counts[0]) for each in counts[5:])


def test_few_counts_leave_option_1_fewer_reports_of_every_arm_but_the_best(watched):
    game = watched("few-counts", participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    assert all(each.reports[seat][0] == 0 for each in game.rounds[10:] for seat in (5, 6))
    seen = {tuple(mask >> 6 & 1 for mask in each.header.candidates) for each in game.rounds[10:]}
    assert seen == {(1, 0)}
    assert all(each.header.selected[0].bit_count() > each.header.selected[1].bit_count() for each in game.rounds[10:])
    assert all(each.accused == set() for each in game.rounds)


def test_parametric_moves_the_estimators_by_standard_deviations_and_is_left_out_where_it_goes_too_far(watched):
    near = watched("parametric", participants=7)
    assert near.every_block_is_approved_and_inside_the_honest_range() == 57
    honest, _, gap = gaps(near, near.rounds[30:])
    assert honest > gap
    far = watched(("parametric", {"best": -1000.0, "second": 1000.0}), participants=7)
    assert far.every_block_is_approved_and_inside_the_honest_range() == 57
    assert all(told == (0, UNIT) for honest, _, told in after_block(far) if best(honest) == 0)
    assert in_force(far, far.rounds[10:]) == 0


def test_greedy_moves_the_estimators_by_what_the_rule_takes_worst(watched):
    game = watched(("greedy", {"steps": 3}), participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    honest, _, gap = gaps(game, game.rounds[30:])
    assert honest > gap


def test_sybil_turns_the_plain_mean_with_one_vector_under_many_names_and_is_cut_off(watched):
    game = watched("sybil", participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 57
    assert all(told[best(honest)] == 0 and max(told) == UNIT for honest, _, told in after_block(game))
    last = game.rounds[-1]
    assert best([last.plain_mean(arm) for arm in (0, 1)]) == 1
    assert best(last.header.means) == 0
    assert in_force(game, game.rounds[10:]) == 0


@pytest.mark.parametrize("option", ["option-1", "option-2", "delta-safe"])
def test_optimiser_is_mostly_in_b_and_moves_the_estimators(watched, option):
    """That nothing further out is accepted of a block has a test of its own, in `tests/unit/attacks`."""
    game = watched("optimiser", participants=7, aggregation=ENTRIES[option])
    assert all(each.kind is Kind.APPROVED for each in game.rounds)
    rounds = game.rounds[30:]
    assert in_force(game, rounds) > 20  # the search knows the honest reports of the last block, not of this one
    assert sum(each.costly for each in rounds) > 20
    honest, _, gap = gaps(game, rounds)
    assert honest > gap


def test_two_faced_report_gives_two_averages_to_the_undefended_and_a_proof_to_the_protocol(watched):
    game = watched("two-faced-report", rounds=20)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    for each in game.rounds:
        sent = each.direct_reports(3)
        listed = each.header.round >= FIRST_LISTED
        assert len(sent) == 3
        assert len(set(sent.values())) == 2
        assert (Drop.UNKNOWN_SEAT in each.drops) is listed
        assert each.accused == (set() if listed else {3})
        assert each.header.blocked == (0b1000 if listed else 0)
        assert set(each.reports) == {0, 1, 2} == set(seats(each.header.reporters))
    assert len(game.game.progress.evidence) == 4
    proofs = game.game.progress.evidence
    assert all(proof.proves(game.game.cast.rules.addresses, Verifier()) and proof.instance == 3 for proof in proofs)


def test_two_faced_counts_fools_whoever_takes_the_first_answer_and_not_the_commitment(watched, monkeypatch):
    openings = []
    keep = IdealComparison.on_opening

    def on_opening(self, seat, opening):
        if seat == 3:
            openings.append((self._reference, opening))
        keep(self, seat, opening)

    monkeypatch.setattr(IdealComparison, "on_opening", on_opening)
    game = watched("two-faced-counts", rounds=20)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    assert len(openings) == 34
    for reference, opening in openings[::2]:
        assert enough_pulls(opening.counts, reference, 2) == (False, False)
    for each in game.rounds:
        assert each.header.candidates == (0b1111, 0b1111)


def test_two_faced_counts_counts_as_withheld_when_no_opening_matches(watched):
    game = watched(("two-faced-counts", {"withholds": True}), rounds=20)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    for each in game.rounds:
        assert 3 in each.reports
        assert each.header.reporters == 0b0111
        assert each.accused == set()


@pytest.mark.parametrize("reward", [False, True])
def test_false_record_deceives_whoever_believes_what_is_sealed_and_moves_no_block(watched, reward):
    game = watched(("false-record", {"reward": reward}), rounds=20, sealed=True)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    rules, parameters = game.game.cast.rules, game.game.parameters
    for each in game.rounds:
        told = {}
        for seat in (1, 3):
            (content,) = set(each.direct_reports(seat).values())
            once = nonce(rules.domain.game, each.header.round, seat)
            told[seat] = unseal(game.game.plan.seal_keys[seat], once, Report.decode(content, parameters).sealed)
        assert (told[3].arm == told[1].arm) is reward
        assert (told[3].reward in (0, UNIT)) is not reward  # no draw of a Bernoulli arm lies between
        assert each.header.reporters == 0b1111
        assert not each.costly
        assert each.accused == set()


def test_withheld_key_keeps_its_records_shut_and_moves_no_block(watched):
    game = watched("withheld-key", rounds=20, sealed=True)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    assert game.game.cast.revealed == (*game.game.plan.seal_keys[:3], None)
    assert all(each.header.reporters == 0b1111 and each.accused == set() for each in game.rounds)


@pytest.mark.parametrize("values", [2, 3])
def test_equivocating_commander_splits_whoever_follows_it_and_is_proven_false(watched, values):
    game = watched(("equivocating-commander", {"values": values}), rounds=20)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    for each in game.rounds:
        commanded = {
            claim.content
            for to, sender, message in each.heard
            if sender == 3 and isinstance(message, Frame) and message.phase is Phase.BLOCK
            for claim in message.claims
            if claim.instance == 3 and not claim.relays
        }
        listed = each.header.round >= FIRST_LISTED
        assert len(commanded) == (0 if listed else values)
        assert each.accused == (set() if listed else {3})
        assert each.header.blocked == (0b1000 if listed else 0)
    assert {proof.phase for proof in game.game.progress.evidence} == {Phase.BLOCK}


@pytest.mark.parametrize("reports", [True, False])
def test_silent_validator_stops_whoever_waits_for_all_and_not_a_quorum(watched, reports):
    game = watched(("silent-validator", {"reports": reports}), rounds=20)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    for each in game.rounds:
        voters = {message.seat for _, _, message in each.heard if isinstance(message, Vote)}
        assert voters == {0, 1, 2}
        assert (3 in each.reports) is reports
        assert each.accused == set()


def test_silent_validator_speaks_again_outside_its_rounds(watched):
    game = watched(("silent-validator", {"first": 8, "last": 12, "reports": False}), rounds=20)
    assert [3 in each.reports for each in game.rounds] == [not 8 <= t <= 12 for t in range(4, 21)]


@pytest.mark.parametrize(
    ("padded", "reason", "mutant"),
    [(False, Drop.SHORT_CHAIN, "length"), (True, Drop.REPEATED_SIGNER, "distinct")],
)
def test_late_chain_stops_every_block_where_chains_are_not_counted_and_none_where_they_are(
    watched, monkeypatch, padded, reason, mutant
):
    attack = ("late-chain", {"padded": padded})
    game = watched(attack, rounds=20, participants=7)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    for each in game.rounds:
        assert each.drops[reason] >= 2
        assert set(seats(each.header.reporters)) == {0, 1, 2, 3, 4}
        assert each.accused == set()

    strict = SignedBroadcast._fault

    def lenient(self, step, claim):
        if mutant == "length":
            return strict(self, 0, claim)
        once = dict(pair for pair in claim.relays if pair[0] != claim.instance)
        short = len(claim.relays) < step
        bare = type(claim)(claim.instance, claim.content, claim.signature, tuple(once.items()))
        return Drop.SHORT_CHAIN if short else strict(self, 0, bare)

    monkeypatch.setattr(SignedBroadcast, "_fault", lenient)
    with pytest.raises(AssertionError, match="== 1"):  # the honest hold different reports as agreed
        watched(attack, rounds=20, participants=7)


def test_forged_signature_frames_the_honest_where_nobody_checks_and_changes_nothing_where_they_do(
    watched, monkeypatch
):
    game = watched("forged-signature", rounds=20)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    for each in game.rounds:
        assert each.drops[Drop.BAD_SIGNATURE] >= 3 * 3 * 2 * 2
        assert each.header.reporters == 0b1111
        assert each.accused == set()

    with monkeypatch.context() as patch:
        patch.setattr(Verifier, "is_signed_by", lambda self, address, digest, signature: True)
        patch.setattr(Watched, "_round", lambda self, played, heard: played)
        naive = watched("forged-signature", rounds=20)
    assert all({0, 1, 2} & played.accused for played in naive.rounds[:2])
    listed = naive.game.progress.ledger.blocked_from
    assert [bool(listed[seat]) for seat in range(3)] == [True] * 3


def test_replay_hands_a_stale_report_to_whoever_takes_what_is_signed_and_none_to_the_protocol(watched):
    game = watched("replay", rounds=20)
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    assert Drop.BAD_SIGNATURE not in game.rounds[0].drops
    for before, each in zip(game.rounds, game.rounds[1:], strict=False):
        first = next(
            claim
            for to, sender, message in each.heard
            if sender == 3 and isinstance(message, Frame)
            for claim in message.claims
        )
        assert first.content in before.direct_reports(3).values()
        assert each.drops[Drop.BAD_SIGNATURE] >= 3
        assert each.header.reporters == 0b1111
        assert each.accused == set()


class FalseAnswers(Attack):
    """Plays the comparison and the environment towards the honest: bits and receipts of its own invention."""

    conduct = Conduct.ATTACKER

    def outbox(self, view, sends):
        bits = {seat: (True, False) for seat in view.rules.everybody if seat != 0}
        answer = Send(view.others, Answer(view.round, bits))
        receipts = [
            Send(view.others, Receipt(view.round, 0, reward, bytes(32), bytes(64))) for reward in (-1, 0, UNIT, 2**64)
        ]
        return [*sends, answer, *receipts]


class FalseQuestions(Attack):
    """Sends the comparison old, foreign and malformed openings, in the names of nobody and at every step."""

    conduct = Conduct.ATTACKER

    def outbox(self, view, sends):
        noise = [
            Opening((0, 0), bytes(32)), Opening((), bytes(32)), Opening((-1, 2**32), bytes(32)), Opening((1, 1), b""),
        ]  # fmt: skip
        return [*sends, *(Send((COMPARISON,), opening) for opening in noise)]


@pytest.mark.parametrize("attack", [FalseAnswers, FalseQuestions])
def test_speaking_for_an_actor_without_a_seat_changes_nothing(monkeypatch, scenario, cheat, attack):
    monkeypatch.setattr(Scenario, "attacks", lambda self: {3: Combined([attack()])})
    game = Watched(monkeypatch, scenario(4, 2, 20))
    assert game.every_block_is_approved_and_inside_the_honest_range() == 17
    for each in game.rounds:
        assert each.header.candidates == (0b1111, 0b1111)


def test_two_faced_answers_would_break_lockstep_if_the_sender_were_not_checked(monkeypatch, scenario):
    """The same game, with the check on who sends an answer taken out: the guard above does guard something."""
    listen = Seat.on_message

    def trusting(seat, sender, message):
        return listen(seat, COMPARISON if isinstance(message, Answer) else sender, message)

    monkeypatch.setattr(Seat, "on_message", trusting)
    monkeypatch.setattr(Scenario, "attacks", lambda self: {3: Combined([FalseAnswers()])})
    game = Game(scenario(4, 2, 20), NoChain())
    try:
        headers = [played.record.header for played in game.play() if played.record]
    except LockstepBroken:
        return
    assert any(header is None or header.candidates != (0b1111, 0b1111) for header in headers)


def test_captured_committee_leaves_out_the_honest_where_too_few_validate_and_nobody_elsewhere(scenario, cheat):
    """Three of seven validate, or five; the game with three is told of one attacker only."""

    def headers(**bounds):
        game = Game(scenario(
            7, 2, 40, seed=5, quorum="majority", aggregation="option-2", **bounds,
            malicious=[cheat(seat, "captured-committee") for seat in (5, 6)],
        ), NoChain())  # fmt: skip
        played = [each for each in game.play() if each.record is not None]
        assert all(each.record.kind is Kind.APPROVED and not each.accused for each in played)
        return [each.record.header for each in played]

    captured = headers(validators=3, attackers=1)
    left_out = [header.reporters == 0b1100000 for header in captured]
    first = left_out.index(True)
    assert all(left_out[first:])
    assert len(left_out) - first > 20
    assert best(captured[-1].means) == 1
    held = headers(validators=5, attackers=2)
    assert all(header.reporters == 0b1111111 for header in held)
    assert best(held[-1].means) == 0
