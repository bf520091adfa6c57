"""An agreement's epochs without a chain: the in-process token to the unit, whatever f validators and some liars do."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from typing import ClassVar

import pytest

from chain_bandit.actors.epochs import dealing, transcript
from chain_bandit.actors.epochs.epoch import Doubts, Ended, Shared, Stage, Staged
from chain_bandit.actors.epochs.participant import EpochParticipant
from chain_bandit.actors.epochs.relayer import EpochRelayer
from chain_bandit.actors.epochs.transcript import Sent, StepObservation
from chain_bandit.actors.messages import Send
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.agreement import Agreement
from chain_bandit.mediate.exchange import EpisodeStep, Improvement, exchanged
from chain_bandit.protocol.agreement import body, shamir
from chain_bandit.protocol.agreement.tokens import LARGEST, groups, mean, median
from chain_bandit.protocol.blocks import mask, seats
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import NO_BLOCK
from chain_bandit.protocol.sharing import PRIME, evaluate
from chain_bandit.protocol.units import UNIT
from tests.unit.mediate import company as c
from tests.unit.mediate.company import TERMS, Nowhere, company, salts, some_tokens

COUNT = TERMS.participants
GROUPED = replace(TERMS, participants=9, groups=3)


def mean_of(tokens: list[int]) -> int:
    """What all in one process come to."""
    agreed = mean(sum(tokens), len(tokens))
    assert agreed is not None
    return agreed


@pytest.mark.parametrize(
    ("liar", "faults"),
    [(None, ((), ())), (c.FalseSums, ((7,), ())), (c.FalseProbes, ((), ())), (c.NoProbes, ((), ())),
     (c.Silent, ((), (7,))), (c.TwoSums, ((), (7,))), (c.TwoVotes, ((), ()))],
)  # fmt: skip
def test_one_validator_of_four_changes_no_token_whatever_it_does(liar, faults):
    recorder = Nowhere()
    agreement = company(recorder=recorder, holders={7: liar} if liar else {})
    for epoch in range(3):
        tokens = some_tokens(COUNT, epoch)
        assert agreement.agree(tokens, salts(epoch, COUNT)) == (mean_of(tokens),) * COUNT
    assert len(recorder.states) == 3
    false = {proof.instance for proof in recorder.proofs}
    assert false == ({7} if liar in (c.TwoSums, c.TwoVotes) else set())
    assert agreement.ledger.blocked_from == tuple(int(seat in false) for seat in range(TERMS.places))
    ended = agreement.ended[0]
    assert ended is not None
    (group,) = body.decode(TERMS, ended.body).groups
    given = {at for at, value in enumerate(group.sums) if value is not None}
    wrong, missing = faults
    assert given == {0, 1, 2, 3} - {seat - COUNT for seat in missing}
    assert dealing.probed(group.sums, 1)[0] == tuple(seat - COUNT for seat in (*wrong, *missing))


def test_seven_validators_of_whom_two_lie_in_different_ways():
    terms = replace(TERMS, validators=7, faulty=2)
    agreement = company(terms, holders={6: c.FalseSums, 11: c.Silent})
    tokens = some_tokens(COUNT, 5)
    assert agreement.agree(tokens, salts(0, COUNT)) == (mean_of(tokens),) * COUNT


@pytest.mark.parametrize(
    ("liar", "counts"),
    [(c.Withholding, False), (c.LateOpening, True), (c.OffPolynomial, False), (c.TwoDealings, False)],
)
@pytest.mark.parametrize("holder", [None, c.FalseSums, c.FalseProbes])
def test_a_participant_that_deals_falsely_is_left_out_and_stops_nobody(liar, counts, holder):
    counts &= holder is not c.FalseProbes  # beside a missing share and a false one no polynomial stands out
    recorder = Nowhere()
    agreement = company(recorder=recorder, dealers={2: liar}, holders={9: holder} if holder else {})
    tokens = some_tokens(COUNT)
    counted = [token for seat, token in enumerate(tokens) if counts or seat != 2]
    assert agreement.play(tokens, salts(0, COUNT)) == mean_of(counted)
    ended = agreement.ended[0]
    assert ended is not None
    assert (body.decode(TERMS, ended.body).counted >> 2 & 1) == counts
    assert {proof.instance for proof in recorder.proofs} == ({2} if liar is c.TwoDealings else set())


def test_two_participants_that_cheat_different_validators_stop_nobody_beside_a_false_validator():
    class CheatsTheSecond(c.Withholding):
        def _is_withheld(self, send: Send) -> bool:
            return isinstance(send.message, Shared) and send.to == self._holders[1:2]

    agreement = company(dealers={0: c.Withholding, 4: CheatsTheSecond}, holders={9: c.FalseSums})
    tokens = some_tokens(COUNT)
    assert agreement.play(tokens, salts(0, COUNT)) == mean_of([tokens[at] for at in (1, 2, 3, 5)])


def test_without_a_quorum_nothing_is_agreed_and_the_token_stays():
    agreement = company(holders={6: c.Silent, 9: c.Silent})
    assert agreement.play(some_tokens(COUNT), salts(0, COUNT)) == TERMS.first
    assert agreement.ended == [None]


def test_a_good_certificate_beside_another_body_is_passed_over():
    agreement = company()
    agreement.play(some_tokens(COUNT), salts(0, COUNT))
    good = agreement.ended[0]
    assert good is not None
    relayer = EpochRelayer(Verifier())
    relayer.begin(agreement.validators[0].epoch)
    for other in (c.flipped(good.body), b""):
        relayer.on_message(9, Ended(other, good.certificate))
        assert relayer.ended is None
    relayer.on_message(6, good)
    assert relayer.ended == good


def test_when_fewer_than_two_count_a_quorum_says_so():
    agreement = company(dealers=dict.fromkeys(range(5), c.Withholding))
    assert agreement.play(some_tokens(COUNT), salts(0, COUNT)) == TERMS.first
    ended = agreement.ended[0]
    assert ended is not None
    assert (ended.body, ended.certificate.content) == (b"", NO_BLOCK)


def test_the_same_salts_and_tokens_give_the_same_bytes():
    ends = [company(GROUPED) for _ in range(2)]
    for agreement in ends:
        agreement.play(some_tokens(9), salts(0, 9))
    assert ends[0].ended == ends[1].ended


def test_a_liar_moves_the_mean_as_it_likes_and_less_with_bounds():
    """The mean by a ninth of nine million; an epoch's step with a clamp; no further than the honest with a median."""
    tokens = [UNIT + at for at in range(8)] + [LARGEST]
    plain = replace(GROUPED, groups=1, most=LARGEST, step=LARGEST)
    assert company(plain).play(tokens, salts(0, 9)) > 10**6 * UNIT
    agreement = company(replace(plain, step=UNIT // 100))
    path = [TERMS.first, *(agreement.play(tokens, salts(epoch, 9)) for epoch in range(5))]
    assert [after - before for before, after in pairwise(path)] == [UNIT // 100] * 5
    grouped = company(replace(plain, groups=3))
    assert UNIT <= grouped.play(tokens, salts(0, 9)) < UNIT + 8


def test_groups_are_drawn_by_what_nobody_knew_and_their_median_is_that_of_the_in_process_run():
    agreement = company(replace(GROUPED, step=10 * UNIT))
    drawn = set()
    for epoch in range(4):
        tokens = some_tokens(9, epoch)
        got = agreement.play(tokens, salts(epoch, 9))
        ended = agreement.ended[-1]
        assert ended is not None
        made = body.decode(GROUPED, ended.body)
        drawn.add(tuple(group.members for group in made.groups))
        assert got == median([mean_of([tokens[each] for each in group]) for group in groups(9, 3, made.seed)])
    assert len(drawn) == 4


DEALER, HOLDER = 5, 9  # a false participant, and the false validator that acts after all others
PAIRS = replace(TERMS, groups=3)


def probed_as(dealer: type[EpochParticipant], said: Callable[[c.Rushing, dict[int, c.Probes]], c.Probes]) -> Agreement:
    """With these two, of whom the validator says of the dealer's share whatever it likes."""
    return company(PAIRS, dealers={DEALER: dealer}, holders={HOLDER: type("Said", (c.Rushing,), {"said": said})})


def drawn_in(agreement: Agreement, epoch: int) -> body.AgreementBody:
    agreement.play(some_tokens(COUNT, epoch), salts(epoch, COUNT))
    ended = agreement.ended[-1]
    assert ended is not None
    return body.decode(PAIRS, ended.body)


def naming(at: int) -> Callable[[c.Rushing, dict[int, c.Probes]], c.Probes]:
    """A probe of the dealer's share: its own, one on the line of any two others, then others by chance."""

    def said(self: c.Rushing, probes: dict[int, c.Probes]) -> c.Probes:
        *kept, _ = own = probes[3]
        heard = {place: row[DEALER] for place, row in probes.items() if row[DEALER] is not None}
        pairs = [pair for pair in combinations(heard.items(), 2) if 3 not in dict(pair)]
        lines = [(b * (3 - i) - a * (3 - j)) * pow(j - i, -1, PRIME) % PRIME for (i, a), (j, b) in pairs]
        ways = [own[DEALER], *lines, *range(8)]
        return (*kept, ways[at])

    return said


@pytest.mark.parametrize(
    ("dealer", "draws"),
    [(EpochParticipant, 1), (c.FewShares, 1), (c.FewSharesOpened, 2), (c.Withholding, 1), (c.LateOpening, 2),
     (c.OffPolynomial, 1)],
)  # fmt: skip
def test_of_a_false_dealer_a_false_validator_chooses_whether_it_counts_and_no_number(dealer, draws):
    made = [drawn_in(probed_as(dealer, naming(at)), 0) for at in range(8)]
    assert len({each.seed for each in made}) == len({each.counted for each in made}) == draws


def test_who_deals_falsely_beside_a_false_validator_puts_nobody_into_a_group_of_its_choice():
    """They try a hundred probes an epoch for one that puts seats 0 and 1 into a group of two: one in ten does so."""
    chosen = mask((0, 1))

    def said(self: c.Rushing, probes: dict[int, c.Probes]) -> c.Probes:
        *kept, _ = probes[3]
        honest = [seat for seat in range(COUNT) if seat != DEALER]
        numbers = {seat: dealing.probed([probes[at][seat] for at in range(4)], 1) for seat in honest}
        (first,) = {at: row[DEALER] for at, row in probes.items() if at != 3 and row[DEALER] is not None}.items()
        for tried in range(100):
            own = shamir.opened(dict((first, (3, tried))), 1).secret
            named = [numbers[seat][1] if seat in numbers else own for seat in range(COUNT)]
            seed = keccak(*(uint(seat, 2) + uint(number, 12) for seat, number in enumerate(named)))
            if chosen in body.drawn(PAIRS, honest, seed):
                break
        return (*kept, tried)

    agreement = probed_as(c.FewShares, said)
    made = [drawn_in(agreement, epoch) for epoch in range(20)]
    assert all(each.counted == mask(range(5)) for each in made)
    assert sum(chosen in (group.members for group in each.groups) for each in made) <= 5
    apart = probed_as(c.FewShares, lambda self, probes: probes[3])
    assert [each.seed for each in made] == [drawn_in(apart, epoch).seed for epoch in range(20)]


def bytes_in(value: object) -> bytes:
    """All bytes that a message holds."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, list | tuple):
        return b"|".join(map(bytes_in, value))
    if hasattr(value, "__dataclass_fields__"):
        return b"|".join(bytes_in(getattr(value, name)) for name in value.__dataclass_fields__)
    return b""


def test_no_message_holds_a_token_and_shares_go_to_one_validator_each():
    said: list[tuple[int, Send]] = []
    tokens = [0x11223344556677 + at * 0x01010101010101 for at in range(COUNT)]
    agreement = company(heard=lambda sender, send: said.append((sender, send)), holders={9: c.NoProbes})
    agreement.play(tokens, salts(0, COUNT))
    everything = b"|".join(bytes_in(send.message) for _, send in said)
    assert len(everything) > 20_000
    for token in tokens:
        assert token.to_bytes(7, "big") not in everything
        assert token.to_bytes(7, "little") not in everything
    shared = [(sender, send.to, send.message) for sender, send in said if isinstance(send.message, Shared)]
    assert sorted((sender, to) for sender, to, _ in shared) == [(at, (v,)) for at in range(6) for v in range(6, 10)]
    public = b"|".join(bytes_in(send.message) for _, send in said if isinstance(send.message, Staged))
    opened = [message.share for _, to, message in shared if message.share in public]
    assert len(opened) == COUNT  # of who asked for them, and of nobody else
    assert opened == [message.share for _, to, message in shared if to == (9,)]
    planted = everything + tokens[0].to_bytes(7, "big")
    assert tokens[0].to_bytes(7, "big") in planted


def test_f_validators_alone_make_no_participant_open_a_share():
    agreement = company()
    participant = agreement.participants[0]
    agreement.play(some_tokens(COUNT), salts(0, COUNT))
    participant.on_message(9, Doubts((0, 1, 2, 3)))
    participant.on_message(3, Doubts((0, 1)))  # no validator
    assert participant.on_tick(participant.epoch.start(Stage.OPEN)) == []
    participant.on_message(8, Doubts((1,)))
    (send,) = participant.on_tick(participant.epoch.start(Stage.OPEN))
    assert isinstance(send.message, Staged)
    content = send.message.frame.claims[0].content
    size = dealing.SHARE_BYTES
    assert [any(content[size * at : size * (at + 1)]) for at in range(4)] == [False, True, False, False]


def test_a_probe_says_nothing_of_a_token_but_shows_a_false_share():
    made = dealing.deal(5, bytes(32), 1, 4)
    shares = [dealing.opened(share, at, made.leaves) for at, share in enumerate(made.shares)]
    assert None not in shares
    probes = [dealing.probe(share, made.leaves) for share in shares if share]
    assert dealing.probed(probes, 1)[0] == ()
    off = [*probes[:3], (probes[3] + 1) % PRIME]
    assert dealing.probed(off, 1)[0] == (3,)
    assert dealing.probed([1, 2, 4, 8], 1) is None
    assert dealing.probed([None, None, None, 5], 1) is None
    assert dealing.is_on(probes[3], 3, off, (3,), 1)
    assert not dealing.is_on(off[3], 3, off, (3,), 1)
    assert dealing.opened(made.shares[0], 1, made.leaves) is None
    assert dealing.opened(b"", 0, made.leaves) is None


def test_what_all_probes_say_together_is_chance_whatever_the_token():
    for token in (0, LARGEST):
        said = set()
        for at in range(40):
            made = dealing.deal(token, keccak(bytes([at])), 1, 4)
            shares = [dealing.opened(share, place, made.leaves) for place, share in enumerate(made.shares)]
            found = dealing.probed([dealing.probe(share, made.leaves) for share in shares if share], 1)
            assert found is not None
            said.add(found[1] >> 85)  # the highest four bits
        assert len(said) > 10


def test_a_sum_takes_2f_plus_1_validators():
    polynomial = (3 * UNIT, 12345)
    sums = [evaluate(polynomial, at + 1) for at in range(4)]
    assert body.total(TERMS, 0b111, sums) == 3 * UNIT
    assert body.total(TERMS, 0b111, [*sums[:3], None]) == 3 * UNIT
    assert body.total(TERMS, 0b111, [*sums[:2], None, None]) is None  # a line goes through any two
    assert body.total(TERMS, 0b111, [evaluate((4 * LARGEST, 1), at + 1) for at in range(4)]) is None


@pytest.mark.parametrize("cut", [-1, 1, 40])
def test_bytes_of_another_length_are_no_body(cut):
    made = body.AgreementBody(bytes(32), bytes(32), (body.Group(0b11, 5, (1, None, 3, 4)),), ())
    data = made.encode()
    assert body.decode(TERMS, data) == made
    with pytest.raises(body.BodyMalformed):
        body.decode(TERMS, data[:cut] if cut > 0 else data + b"\0")
    lone = replace(made, groups=(body.Group(0b1, 5, (1, None, 3, 4)),))
    with pytest.raises(body.BodyMalformed, match="group 0 has 1 participants"):
        body.decode(TERMS, lone.encode())


def test_nets_are_what_the_exchange_of_tokens_adds_to_rewards():
    """With one token for all, what a row of bits says is what `exchange.py` does to rewards, step by step."""
    chance = random.Random(3)
    values = [[chance.uniform(-1, 1) for _ in range(4)] for _ in range(41)]
    rewards = [[chance.uniform(-1, 1) for _ in range(4)] for _ in range(40)]
    everybody = [frozenset(range(4)) - {at} for at in range(4)]
    steps = [EpisodeStep(rewards[t], values[t], values[t + 1], everybody) for t in range(40)]
    shaped = exchanged(steps, [1.0] * 4, 0.95, Improvement.TD)
    rows: dict[int, list[Sent]] = {at: [] for at in range(4)}
    for step in steps:
        gains = [step.rewards[at] + 0.95 * step.next_values[at] - step.values[at] for at in range(4)]
        asks = [gain >= 0 for gain in gains]
        for at in range(4):
            thanked = any(asks[other] for other in range(4) if other != at)
            rows[at].append(Sent(asks[at], gains[at] + thanked >= 0))
    added = [sum(shaped[t][at] - rewards[t][at] for t in range(40)) for at in range(4)]
    seen = transcript.witnessed(list(rows.values()))
    assert transcript.nets(dict(enumerate(seen)), 0b01111, 5) == (*map(round, added), 0)
    assert all(abs(round(each) - each) < 1e-9 for each in added)
    assert transcript.decode(transcript.encode(seen[0], 4), 4, 40) == seen[0]


def test_credits_are_what_rows_come_to_at_the_token_of_the_epoch():
    terms = replace(TERMS, steps=3)
    agreement, chance = company(terms), random.Random(4)
    expected = [0] * COUNT
    for epoch in range(3):
        sent = some_sent(chance, 3)
        for seat, net in enumerate(expected_nets(sent)):
            expected[seat] += net * agreement.ledger.token
        agreement.play(some_tokens(COUNT, epoch), salts(epoch, COUNT), sent)
    assert agreement.ledger.credits == tuple(expected)
    assert len(set(expected)) > 2


def some_sent(chance: random.Random, steps: int) -> list[list[Sent]]:
    """Asks in every other step or so; pleased most of the time, or all asks would be answered with minus."""
    return [[Sent(chance.random() < 0.5, chance.random() < 0.85) for _ in range(steps)] for _ in range(COUNT)]


def expected_nets(sent: list[list[Sent]]) -> list[int]:
    """The rule itself, of what really happened: one more for any request, one more or less for what was answered."""
    found = [0] * COUNT
    for step in zip(*sent, strict=True):
        for seat, own in enumerate(step):
            others = [each for at, each in enumerate(step) if at != seat]
            found[seat] += any(each.asked for each in others)
            found[seat] += own.asked * (1 if all(each.pleased for each in others) else -1)
    return found


class Greedy(EpochParticipant):
    """Acts after all others, whose rows it knows: says that it asked in just the steps in which all are pleased."""

    others: ClassVar[dict[int, tuple[StepObservation, ...]]] = {}

    def on_tick(self, step: int) -> list[Send]:
        if step == self.epoch.start(Stage.DEAL):
            terms = self.epoch.terms
            pleased = [all(row[at].pleased for row in self.others.values()) for at in range(terms.steps)]
            own = [StepObservation(terms.everybody & ~(1 << self.seat) | asks << self.seat, True) for asks in pleased]
            self._row = transcript.encode(own, terms.participants)
        return super().on_tick(step)


class Rowless(EpochParticipant):
    """Deals to nobody, so that its row does not count either."""

    def on_tick(self, step: int) -> list[Send]:
        return []


@pytest.mark.parametrize("liar", [Greedy, Rowless, c.FewShares])
def test_nobody_raises_its_own_credits_though_it_knows_all_other_rows(liar):
    terms = replace(TERMS, steps=20)

    def heard(sender: int, send: Send) -> None:
        if isinstance(send.message, Staged) and send.message.stage is Stage.DEAL:
            for claim in send.message.frame.claims:
                row = transcript.decode(claim.content[32 * terms.validators :], COUNT, 20)
                Greedy.others.setdefault(claim.instance, row)

    agreement, chance, expected = company(terms, dealers={2: liar}, heard=heard), random.Random(1), 0
    for epoch in range(5):
        Greedy.others.clear()
        sent = some_sent(chance, 20)
        expected += expected_nets(sent)[2] * agreement.ledger.token
        agreement.play(some_tokens(COUNT, epoch), salts(epoch, COUNT), sent)
    assert agreement.ledger.credits[2] == expected


def test_what_one_is_credited_with_is_in_the_others_rows_alone_and_takes_more_than_half_of_them():
    chance = random.Random(8)
    sent = some_sent(chance, 30)
    told, true = transcript.witnessed(sent), expected_nets(sent)
    for seat in range(COUNT):
        for _ in range(20):
            said = tuple(StepObservation(chance.randrange(1 << COUNT), chance.random() < 0.5) for _ in range(30))
            found = transcript.nets({**dict(enumerate(told)), seat: said}, TERMS.everybody, COUNT)
            assert found[seat] == true[seat]
    forged = tuple(StepObservation(TERMS.everybody, True) for _ in range(30))
    for liars, changed in ((2, False), (3, True)):
        rows = {at: forged if at < liars else row for at, row in enumerate(told)}
        quiet = {at: row if at < liars else tuple(StepObservation(0, True) for _ in row) for at, row in rows.items()}
        assert (transcript.nets(quiet, TERMS.everybody, COUNT)[5] > 0) == changed


def test_of_two_the_other_one_says_it_and_who_is_left_out_neither_asks_nor_is_asked():
    rows = {
        0: (StepObservation(0b10, True), StepObservation(0b11, False)),
        1: (StepObservation(0b01, True), StepObservation(0b00, True)),
    }
    assert transcript.nets(rows, 0b11, 2) == (1, 1 + 1 - 1)
    assert transcript.nets(rows, 0b01, 2) == (1, 0)
    assert transcript.nets(rows, 0b10, 2) == (0, 1 - 1)
    assert transcript.nets({0: rows[0]}, 0b11, 2) == (0, 1)
    assert transcript.nets({}, 0b11, 2) == (0, 0)


def test_who_counts_is_bound_by_the_digest_of_the_dealings():
    agreement = company()
    agreement.play(some_tokens(COUNT), salts(0, COUNT))
    ended = agreement.ended[0]
    assert ended is not None
    made = body.decode(TERMS, ended.body)
    leaves = [dealing.deal(t, s, 1, 4).leaves for t, s in zip(some_tokens(COUNT), salts(0, COUNT), strict=True)]
    assert made.dealt == keccak(*(at.to_bytes(2, "big") + keccak(each) for at, each in enumerate(leaves)))
    assert seats(made.counted) == tuple(range(COUNT))
