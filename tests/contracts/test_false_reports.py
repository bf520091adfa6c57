"""Proofs of false reports: what is accepted, what it costs, and that nobody pays for what the environment did."""

from dataclasses import dataclass, replace

import pytest

from chain_bandit.protocol.blocks import Kind, Report, mask
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import accused, blocked
from chain_bandit.protocol.messages import (
    Domain,
    Phase,
    Role,
    Slot,
    commitment,
    commitment_salt,
    receipt_content,
    statement_content,
)
from chain_bandit.protocol.parameters import SEALED_BYTES
from chain_bandit.protocol.settlement import NOTHING, Pull, encode_pulls, final_balance, void_balance
from chain_bandit.protocol.tallies import FalseReport, Settled, SettledSums, SignedTallies, Tallies, tallies_digest
from chain_bandit.protocol.units import UNIT, sample_means
from tests.contracts.harness import (
    BASE,
    CHAIN_ID,
    DEAD,
    FUNCTIONS,
    Game,
    creation_of,
    hexed,
    parameters,
)
from tests.contracts.test_evidence import accuse

SLASH = 5 * 10**9
LIAR, OTHER = 1, 2


class Provable(Game):
    """A game whose reports name what they rest on; its environment signs with a key of its own."""

    def __init__(self, **changes: int) -> None:
        super().__init__(parameters(horizon=40, slash=SLASH, provable=1, **changes), bytes([0, 1, 1, 0]))
        self.tallies, self.signed = Tallies(self.p), list[SignedTallies]()
        self.rewards = [0] * self.p.participants

    def report(self) -> Report:
        return replace(super().report(), named=(self.ledger.round - 1,))

    def pulls(self, round_: int) -> tuple[Pull, ...]:
        """What everybody is given in a round."""
        listed = blocked(self.ledger, round_) if round_ > self.p.burn_in else 0
        return tuple(
            NOTHING if listed >> seat & 1 else Pull((round_ + seat) % self.p.arms, (round_ * 977 + seat) % UNIT)
            for seat in range(self.p.participants)
        )

    def settle_all(self, through: int) -> SignedTallies:
        """Settle the rounds that are recorded and not settled, with the environment's tallies of them."""
        paid, first = b"", self.view("settledThrough")
        for _, record, _ in self.records:
            t = record.round
            if t == self.p.burn_in and not self.signed:
                for each in range(1, t + 1):
                    self.tallies.add(each, self.pulls(each), False)
            elif first < t <= through and record.kind is Kind.APPROVED:
                row = self.pulls(t)
                self.tallies.add(t, row, True)
                self.rewards = [have + pull.reward for have, pull in zip(self.rewards, row, strict=True)]
                paid += encode_pulls(row)
            elif first < t <= through:
                self.tallies.add(t, self.pulls(t) if record.kind is Kind.EXPLORATION else (), False)
        root, unpaid, tallies = self.tallies.settle()
        signature = self.owner.sign(tallies_digest(self.separator, self.genesis, through, root))
        self.do(self.environment, "settleRewards", through, Settled(paid, root, signature, unpaid).encode())
        self.signed.append(SignedTallies(through, root, signature, tallies))
        return self.signed[-1]

    def false_report(
        self, seat: int, round_: int, named: int | None = None, lie: int = 1, counts: int = 0,
        slot: Slot | None = None, arm: int = 0,
    ) -> FalseReport:  # fmt: skip
        """A report of a seat in a round in which an arm's mean is off by `lie`, and the first count by `counts`."""
        named = round_ - 1 if named is None else named
        signed, place = next(
            (each, place) for each in self.signed if (place := each.find(named, seat)) is not None
        )
        tally = signed.tallies[place]
        means = list(sample_means(tally.totals, tally.counts))
        means[arm] += lie
        committed = (tally.counts[0] + counts, *tally.counts[1:])
        salt = commitment_salt(self.seal_key(seat) if self.p.sealed else self.seed_0, round_, seat)
        sealed = bytes(SEALED_BYTES * self.p.sealed)
        report = Report(tuple(means), commitment(committed, salt), self.proof(), sealed, (named,))
        slot = slot or Slot(self.separator, round_, keccak(b"any parent"))
        return signed_proof(self, slot, seat, report, signed, place, arm if lie or not counts else self.p.arms)


def signed_proof(
    game: Provable, slot: Slot, seat: int, report: Report, signed: SignedTallies, place: int, arm: int = 0
) -> FalseReport:
    author = game.signed_report(seat, report, slot)
    return FalseReport(
        slot, seat, author, signed.tallies[place], signed.through, signed.root, signed.signature, signed.path(place),
        arm,
    )


@pytest.fixture
def game() -> Provable:
    """Ten rounds recorded, seven of them settled."""
    made = Provable().open()
    while made.ledger.round < BASE.burn_in + 10:
        made.approve()
    made.settle_all(BASE.burn_in + 7)
    return made


def prove(game: Provable, given: FalseReport) -> tuple:
    return game.do(game.anybody, "reportFalse", given.calldata()).events


def refused(game: Provable, given: FalseReport) -> tuple:
    before = [game.view(name) for name in ("head", "progress", "reputations")]
    error = game.refused(game.anybody, "reportFalse", given.calldata())
    assert [game.view(name) for name in ("head", "progress", "reputations")] == before
    return error


LIES = {"a mean too high": (1, 0), "a mean too low": (-1, 0), "other counts": (0, 1), "both": (7, 2)}


@pytest.mark.parametrize(("lie", "counts"), LIES.values(), ids=LIES)
def test_a_lie_about_means_or_counts_lists_its_author_once(game, lie, counts):
    round_ = BASE.burn_in + 5
    given = game.false_report(LIAR, round_, lie=lie, counts=counts)
    since = game.ledger.round + game.p.evidence_delay
    assert prove(game, given) == (("Accused", (LIAR, since)), ("Voided", (LIAR, round_, given.tally.credited)))
    game.ledger = accused(game.ledger, LIAR, since, lied=True)
    game.check()
    assert game.view("provenFrom", LIAR) == round_
    assert refused(game, given) == ("AlreadyProven", LIAR, round_)
    assert refused(game, game.false_report(LIAR, round_ + 1)) == ("AlreadyProven", LIAR, round_)
    earlier = game.false_report(LIAR, round_ - 1)
    assert prove(game, earlier) == (("Voided", (LIAR, round_ - 1, earlier.tally.credited)),)


def test_a_proof_that_changes_nothing_is_refused_and_the_least_that_is_kept_counts(game):
    round_ = BASE.burn_in + 5
    first = game.false_report(LIAR, round_)
    prove(game, first)
    older = game.false_report(LIAR, round_ + 1, named=round_ - 3)
    assert older.tally.credited < first.tally.credited
    assert prove(game, older) == (("Voided", (LIAR, round_, older.tally.credited)),)
    assert refused(game, game.false_report(LIAR, round_ + 1, named=round_ - 3)) == ("AlreadyProven", LIAR, round_)
    earlier = game.false_report(LIAR, round_ - 1, named=round_ - 2)
    assert earlier.tally.credited > older.tally.credited
    assert prove(game, earlier) == (("Voided", (LIAR, round_ - 1, older.tally.credited)),)


def test_a_liar_cannot_keep_its_rewards_by_a_proof_against_itself(game):
    late = BASE.burn_in + 6
    for round_, named in ((BASE.burn_in, late), (late, late), (BASE.burn_in + 1, late), (1, 0), (0, 0)):
        given = game.false_report(LIAR, round_, named=max(named, BASE.burn_in - 1))
        assert refused(game, given) == ("RoundOutOfRange", round_, max(named, BASE.burn_in - 1))
    given = game.false_report(LIAR, BASE.burn_in - 1, named=BASE.burn_in - 1)
    assert refused(game, given)[0] == "RoundOutOfRange"


def test_a_round_before_the_last_of_the_burn_in_is_named_by_nobody(game):
    """Who was given nothing has no receipt of it to be acquitted by, whatever the environment signs of it."""
    tally = replace(game.signed[0].tallies[LIAR], round=0, seat=LIAR)
    root = tally.leaf
    signature = game.owner.sign(tallies_digest(game.separator, game.genesis, 5, root))
    signed = SignedTallies(5, root, signature, (tally,))
    report = Report((0,) * game.p.arms, ZERO, named=(0,))
    given = signed_proof(game, Slot(game.separator, BASE.burn_in, ZERO), LIAR, report, signed, 0)
    assert refused(game, given) == ("RoundOutOfRange", BASE.burn_in, 0)


def test_the_round_that_an_acquittal_takes_is_told(game):
    prove(game, game.false_report(LIAR, BASE.burn_in + 5))
    assert game.view("provenBy", LIAR) == BASE.burn_in + 4
    prove(game, game.false_report(LIAR, BASE.burn_in + 6, named=BASE.burn_in + 1))
    assert (game.view("provenFrom", LIAR), game.view("provenBy", LIAR)) == (BASE.burn_in + 5, BASE.burn_in + 1)
    late = receipt(game, LIAR, BASE.burn_in + 4, keccak(b"another tally"))
    assert game.refused(game.anybody, "acquit", late)[0] == "InvalidSignature"
    right = receipt(game, LIAR, BASE.burn_in + 1, keccak(b"another tally"))
    assert game.do(game.anybody, "acquit", right).events == (("Acquitted", (LIAR,)),)


def test_a_true_report_proves_nothing_whichever_tally_it_names(game):
    for round_ in range(BASE.burn_in, BASE.burn_in + 9):
        for named in range(BASE.burn_in - 1, min(round_, BASE.burn_in + 7)):
            for arm in (*range(game.p.arms + 1), 255):
                given = replace(game.false_report(LIAR, round_, named, lie=0), arm=arm)
                assert refused(game, given) == ("ReportIsTrue", LIAR, round_)


@pytest.mark.parametrize("false", range(BASE.arms + 1))
def test_a_proof_that_names_what_is_true_of_a_false_report_is_refused_and_the_right_one_is_taken(game, false):
    """From K on an arm stands for the commitment to counts."""
    round_, arms = BASE.burn_in + 5, game.p.arms
    if false < arms:
        right = game.false_report(LIAR, round_, arm=false)
    else:
        right = game.false_report(LIAR, round_, lie=0, counts=1)
    for arm in {*range(arms + 1), 255} - ({false} if false < arms else {arms, 255}):
        assert refused(game, replace(right, arm=arm)) == ("ReportIsTrue", LIAR, round_)
    assert right.arm == false
    assert prove(game, right if false < arms else replace(right, arm=255))


def test_a_tally_of_another_round_seat_game_or_settlement_proves_nothing(game):
    good = game.false_report(LIAR, BASE.burn_in + 5)
    settled = game.signed[0]
    elsewhere = settled.find(BASE.burn_in + 3, LIAR)
    other_seat = settled.find(BASE.burn_in + 4, OTHER)
    error = ("TallyNotSigned", LIAR, BASE.burn_in + 4)
    for place in (elsewhere, other_seat):
        assert refused(game, replace(good, tally=settled.tallies[place], path=settled.path(place))) == error
    assert refused(game, replace(good, path=good.path[:-1])) == error
    assert refused(game, replace(good, path=(*good.path, ZERO))) == error
    assert refused(game, replace(good, through=good.through - 1)) == error
    assert refused(game, replace(good, root=keccak(b"another"))) == error
    own = game.signers[0].sign(tallies_digest(game.separator, game.genesis, good.through, good.root))
    assert refused(game, replace(good, root_signature=own)) == error
    domain = Domain(CHAIN_ID + 1, game.address, game.digest).separator()
    other = game.owner.sign(tallies_digest(domain, game.genesis, good.through, good.root))
    assert refused(game, replace(good, root_signature=other)) == error
    changed = replace(good.tally, credited=good.tally.credited - 1)
    assert refused(game, replace(good, tally=changed)) == error
    assert prove(game, good)


def test_a_report_is_its_authors_in_its_slot(game):
    good = game.false_report(LIAR, BASE.burn_in + 5)
    error = ("InvalidSignature", LIAR, hexed(game.seats[LIAR]))
    slot = good.slot
    for wrong in (
        replace(slot, round=slot.round + 1), replace(slot, parent=ZERO),
        replace(slot, separator=Domain(CHAIN_ID, bytes(20), game.digest).separator()),
    ):  # fmt: skip
        moved = game.false_report(LIAR, BASE.burn_in + 5, slot=wrong)
        if wrong.separator == slot.separator:
            moved = replace(moved, slot=slot)
        assert refused(game, moved) == error
    digest = slot.digest(Phase.REPORT, Role.RELAY, LIAR, statement_content(Phase.REPORT, good.report.content))
    relayed = replace(good, report=replace(good.report, signature=game.signers[LIAR].sign(digest)))
    assert refused(game, relayed) == error


@pytest.mark.parametrize("cut", [-1, 1])
def test_proofs_of_another_length_are_refused(game, cut):
    good = game.false_report(LIAR, BASE.burn_in + 5)
    data = list(good.calldata())
    for place in (3, 6):
        wrong = data[place] + b"\0" if cut > 0 else data[place][:-1]
        changed = tuple(wrong if i == place else value for i, value in enumerate(data))
        assert game.refused(game.anybody, "reportFalse", changed)[0] == "ProofMalformed"


def test_every_flipped_bit_of_a_proof_is_refused(game):
    data = FUNCTIONS["reportFalse"].encode(game.false_report(LIAR, BASE.burn_in + 5).calldata())
    for bit in range(0, 8 * len(data), 7):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert not game.send(bytes(changed)).accepted, bit
    assert game.send(data).accepted


def test_games_that_name_nothing_take_no_proof():
    named = Provable().open()
    named.approve()
    named.approve()
    named.settle_all(BASE.burn_in + 1)
    given = named.false_report(LIAR, BASE.burn_in + 1)
    plain = Game(parameters(horizon=40, slash=SLASH)).open()
    assert plain.refused(plain.anybody, "reportFalse", given.calldata()) == ("NotNamed",)


@pytest.mark.parametrize(
    ("changes", "payload"), [({"slash": 0}, 3), ({"slash": 0, "sealed": 1}, 3), ({"slash": SLASH}, 4)]
)
def test_only_a_game_with_a_slash_has_reports_that_name(changes, payload):
    p = parameters(horizon=40, **changes)
    game = Game(p)
    _, outcome = game.machine.deploy(game.environment, creation_of(p, ZERO, ZERO, payload=payload), game.pool)
    assert outcome.error == ("WrongPayload", payload, 2)


def test_a_settlement_without_a_root_or_with_half_a_row_is_refused(game):
    last = game.ledger.round - 1
    paid = bytes(20 * len(game.paid_rounds(last)[7:]))
    for rest in (0, 95, 97, 96 + 19, 96 + 21):
        error = game.refused(game.environment, "settleRewards", last, paid + bytes(rest))
        assert error == ("WrongPullsLength", len(paid) + rest, len(paid) + 96)


def play_out(game: Provable) -> None:
    while game.ledger.round <= game.p.horizon:
        listed = blocked(game.ledger, game.ledger.round)
        game.approve(reporters=[seat for seat in range(4) if not listed >> seat & 1])


@dataclass
class End:
    """What a finished game owes, by seat and to the environment, and what it burned."""

    owed: list[int]
    burned: int
    expected: object


def finish(game: Provable, costly: list[int], slashed: frozenset[int], kept: list[int]) -> End:
    """Settle costs and close: nothing is transferred, whatever the environment calls costly."""
    over = game.view("progress")[4]
    assert game.reveal().events == (("Revealed", (0,)),)
    half = over + BASE.settlement_window // 2
    if game.machine.block <= half:
        error = game.refused(game.environment, "settleCosts", game.entries(costly))
        assert error == ("ProofsPending", game.machine.block, half)
        game.machine.block = half + 1
    game.do(game.environment, "settleCosts", game.entries(costly))
    deadline = over + BASE.settlement_window
    assert game.refused(game.anybody, "close") == ("Unfinished", game.machine.block, deadline)
    game.machine.block = deadline + 1
    game.do(game.anybody, "close")
    people = (*game.seats, game.environment)
    balance = final_balance(game.p, game.pool, game.rewards, game.roles, [0] * len(game.seats), slashed, kept=kept)
    end = End([game.view("owed", each) for each in people], game.machine.state.get_balance(DEAD), balance)
    for account in people:
        game.do(account, "withdraw")
    assert game.held() == 0
    return end


def costly_rounds(game: Provable) -> list[int]:
    liars = mask(seat for seat, role in enumerate(game.roles) if role & 1)
    return [r.round for _, r, _ in game.records if r.round > BASE.burn_in and r.header.selected[0] & liars]


def test_rewards_from_the_first_proven_round_are_void_and_burned(game):
    given = game.false_report(LIAR, BASE.burn_in + 5)
    ((_, (_, since)), _) = prove(game, given)
    game.ledger = accused(game.ledger, LIAR, since, lied=True)
    play_out(game)
    game.settle_all(game.p.horizon)
    kept = list(game.rewards)
    kept[LIAR] = given.tally.credited
    assert 0 < kept[LIAR] < game.rewards[LIAR]
    costly = costly_rounds(game)
    assert costly
    end = finish(game, costly, frozenset({LIAR}), kept)
    assert end.owed == [*end.expected.participants, end.expected.environment]
    assert end.burned == end.expected.burned >= SLASH + (game.rewards[LIAR] - kept[LIAR]) * game.p.wei_per_unit


def test_a_proof_after_the_last_round_counts_until_half_of_the_window_is_over():
    game = Provable().open()
    play_out(game)
    game.settle_all(game.p.horizon)
    over = game.machine.block
    given = game.false_report(LIAR, game.p.horizon)
    game.machine.block = over + BASE.settlement_window // 2 + 1
    assert refused(game, given) == ("ProofsOver", game.machine.block, game.machine.block - 1)
    game.machine.block -= 1
    assert [name for name, _ in prove(game, given)] == ["Accused", "Voided"]
    game.machine.block += 1
    kept = list(game.rewards)
    kept[LIAR] = given.tally.credited
    end = finish(game, costly_rounds(game), frozenset({LIAR}), kept)
    assert end.owed == [*end.expected.participants, end.expected.environment]
    assert end.burned == end.expected.burned


def receipt(game: Provable, seat: int, round_: int, said: bytes, key: object = None) -> tuple:
    content = receipt_content(1, 5, said)
    slot = Slot(game.separator, round_, keccak(b"any parent"))
    signature = (key or game.owner).sign(slot.digest(Phase.REWARD, Role.ENVIRONMENT, seat, content))
    return seat, slot.parent, 1, 1, 5, said, signature[:32], signature[32:]


def test_who_holds_another_receipt_than_the_proof_rests_on_is_acquitted(game):
    round_ = BASE.burn_in + 5
    given = game.false_report(LIAR, round_)
    shown = receipt(game, LIAR, round_ - 1, keccak(b"another tally"))
    assert game.refused(game.seats[LIAR], "acquit", shown) == ("NothingProven", LIAR, ZERO)
    prove(game, given)
    same = receipt(game, LIAR, round_ - 1, given.tally.digest)
    assert game.refused(game.seats[LIAR], "acquit", same)[0] == "NothingProven"
    wrong = ("InvalidSignature", LIAR, hexed(game.environment))
    for forged in (
        receipt(game, LIAR, round_, keccak(b"another tally")), receipt(game, OTHER, round_ - 1, keccak(b"x")),
        receipt(game, LIAR, round_ - 1, keccak(b"x"), game.signers[LIAR]),
    ):  # fmt: skip
        assert game.refused(game.anybody, "acquit", (LIAR, *forged[1:])) == wrong
    assert game.do(game.anybody, "acquit", shown).events == (("Acquitted", (LIAR,)),)
    assert game.refused(game.anybody, "acquit", shown)[0] == "NothingProven"
    assert refused(game, game.false_report(LIAR, round_ - 2)) == ("AlreadyProven", LIAR, round_)
    game.ledger = accused(game.ledger, LIAR, game.view("blockedFrom", LIAR), lied=True)
    play_out(game)
    game.settle_all(game.p.horizon)
    end = finish(game, costly_rounds(game), frozenset(), list(game.rewards))
    assert end.owed == [*end.expected.participants, end.expected.environment]
    assert end.burned == end.expected.burned


def test_one_false_tally_excludes_an_honest_seat_for_good_though_its_receipt_keeps_what_it_has(game):
    round_ = BASE.burn_in + 5
    ((_, (_, since)), _) = prove(game, game.false_report(LIAR, round_))  # the seat reports by a receipt, not the tally
    shown = receipt(game, LIAR, round_ - 1, keccak(b"the tally of its receipt"))
    assert game.do(game.seats[LIAR], "acquit", shown).events == (("Acquitted", (LIAR,)),)
    assert game.view("blockedFrom", LIAR) == since
    game.ledger = accused(game.ledger, LIAR, since, lied=True)
    play_out(game)
    game.settle_all(game.p.horizon)
    assert all((game.pulls(t)[LIAR] == NOTHING) == (t >= since) for t in range(round_, game.p.horizon + 1))
    end = finish(game, [], frozenset(), list(game.rewards))
    assert end.burned == 0
    stake, earned = game.p.stake, game.rewards[LIAR] * game.p.wei_per_unit
    assert end.owed[LIAR] == end.expected.participants[LIAR] == stake + earned


def test_an_equivocator_that_is_acquitted_of_a_lie_still_loses_the_slash(game):
    accuse(game, LIAR)
    given = game.false_report(LIAR, BASE.burn_in + 5)
    assert prove(game, given) == (("Voided", (LIAR, BASE.burn_in + 5, given.tally.credited)),)
    game.do(game.anybody, "acquit", receipt(game, LIAR, BASE.burn_in + 4, keccak(b"another tally")))
    play_out(game)
    game.settle_all(game.p.horizon)
    end = finish(game, costly_rounds(game), frozenset({LIAR}), list(game.rewards))
    assert end.owed == [*end.expected.participants, end.expected.environment]


def test_a_liar_that_also_equivocated_is_not_spared_by_an_acquittal(game):
    given = game.false_report(LIAR, BASE.burn_in + 5)
    ((_, (_, since)), _) = prove(game, given)
    game.ledger = accused(game.ledger, LIAR, since, lied=True)
    game.approve()
    two = game.equivocation(LIAR).calldata()
    assert game.do(game.anybody, "reportEquivocation", two).events == (("Accused", (LIAR, since)),)
    assert game.refused(game.anybody, "reportEquivocation", two) == ("AlreadyAccused", LIAR, since)
    game.check()
    game.do(game.anybody, "acquit", receipt(game, LIAR, BASE.burn_in + 4, keccak(b"another tally")))
    play_out(game)
    game.settle_all(game.p.horizon)
    end = finish(game, costly_rounds(game), frozenset({LIAR}), list(game.rewards))
    assert end.owed == [*end.expected.participants, end.expected.environment]


def test_a_void_game_burns_void_rewards_and_shares_nothing_with_the_liar(game):
    given = game.false_report(LIAR, BASE.burn_in + 5)
    prove(game, given)
    game.machine.block = 2 + game.p.game_blocks + BASE.settlement_window
    kept = list(game.rewards)
    kept[LIAR] = given.tally.credited
    expected = void_balance(game.p, game.pool, game.rewards, frozenset({LIAR}), kept=kept)
    assert game.do(game.anybody, "close").events == (("Closed", (True, expected.burned)),)
    assert [game.view("owed", each) for each in game.seats] == list(expected.participants)


def test_proofs_against_all_participants_in_one_block_are_taken(game):
    since = game.ledger.round + game.p.evidence_delay
    for seat in range(4):
        given = game.false_report(seat, BASE.burn_in + 5)
        assert prove(game, given)[0] == ("Accused", (seat, since))
    assert [game.view("blockedFrom", seat) for seat in range(4)] == [since] * 4


def test_environment_key_is_its_own(game):
    assert game.owner.address == game.environment


def test_a_slash_wants_a_window_with_a_quarter_for_each_settlement():
    games = (Game(parameters(slash=SLASH, provable=1, settlement_window=blocks)) for blocks in (7, 8))
    short, enough = (game.deployment for game in games)
    assert short.error == ("WindowTooShort", 7, 8)
    assert enough.accepted


def test_a_liar_validates_on_and_an_equivocator_does_not(game):
    """Else a quorum of those left could be more than the honest among them (theorems 4 to 6)."""
    prove(game, game.false_report(LIAR, BASE.burn_in + 5))
    accuse(game, OTHER)
    liar, equivocator = (game.view("blockedFrom", seat) for seat in (LIAR, OTHER))
    game.ledger = accused(game.ledger, LIAR, liar, lied=True)
    while game.ledger.round < max(liar, equivocator):
        listed = blocked(game.ledger, game.ledger.round)
        game.approve(reporters=[seat for seat in range(4) if not listed >> seat & 1])
    assert game.view("liars") == 1 << LIAR
    members = game.view("validators", game.ledger.round)
    assert hexed(game.seats[LIAR]) in members
    assert hexed(game.seats[OTHER]) not in members
    signed = [seat for seat in range(4) if seat != OTHER]
    header, body = game.block(reporters=[seat for seat in signed if seat != LIAR])
    assert game.submit(game.submitted(header, body, signed)).accepted


@pytest.mark.parametrize("late", [False, True])
def test_rewards_are_settled_within_the_first_quarter_of_the_window(game, late):
    play_out(game)
    until = game.view("progress")[4] + BASE.settlement_window // 4
    game.machine.block = until + late
    if late:
        rows = bytes(game.p.participants * 5 * (game.p.horizon - BASE.burn_in) + 96)
        error = game.refused(game.environment, "settleRewards", game.p.horizon, rows)
        assert error == ("WindowPassed", until + 1, until)
    else:
        game.settle_all(game.p.horizon)


@pytest.fixture
def opened() -> Provable:
    """A sealed game that is over, its tags settled, and its sums paid under the root of all tallies."""
    game = Provable(sealed=1, unrevealed_penalty=7).open()
    play_out(game)
    last, rounds = game.p.horizon, len(game.paid_rounds(game.p.horizon))
    for _, record, _ in game.records:
        for t in range(1, record.round + 1) if record.round == game.p.burn_in else (record.round,):
            paid = t > game.p.burn_in and record.kind is Kind.APPROVED
            game.tallies.add(t, game.pulls(t), paid)
            game.rewards = [have + paid * pull.reward for have, pull in zip(game.rewards, game.pulls(t), strict=True)]
    root, _, tallies = game.tallies.settle()
    signature = game.owner.sign(tallies_digest(game.separator, game.genesis, last, root))
    game.signed.append(SignedTallies(last, root, signature, tallies))
    game.do(game.environment, "settleRewards", last, bytes(8 * game.p.participants * rounds))
    sums = SettledSums(tuple(game.rewards), root, signature).encode()
    for wrong in (sums[:-96], sums[:-1], sums + bytes(1)):
        error = ("WrongPullsLength", len(wrong), len(sums))
        assert game.refused(game.environment, "settleSums", wrong) == error
    outcome = game.do(game.environment, "settleSums", sums)
    assert outcome.events == (("RewardsSettled", (last, sums[:-96])),)
    return game


def test_a_sealed_game_takes_proofs_of_means_at_once_and_of_counts_with_the_key(opened):
    late = opened.p.horizon - 3
    miscounted = opened.false_report(LIAR, late, lie=0, counts=1)
    assert refused(opened, miscounted) == ("ReportIsTrue", LIAR, late)
    assert refused(opened, opened.false_report(OTHER, late, lie=0)) == ("ReportIsTrue", OTHER, late)
    assert [name for name, _ in prove(opened, opened.false_report(LIAR, late + 1))] == ["Accused", "Voided"]
    opened.do(opened.seats[LIAR], "revealSeal", opened.seal_key(LIAR))
    assert prove(opened, miscounted) == (("Voided", (LIAR, late, miscounted.tally.credited)),)
    opened.do(opened.seats[OTHER], "revealSeal", opened.seal_key(OTHER))
    assert refused(opened, opened.false_report(OTHER, late, lie=0)) == ("ReportIsTrue", OTHER, late)
    error = opened.refused(opened.seats[OTHER], "revealSeal", opened.seal_key(OTHER))
    assert error == ("SealAlreadyRevealed", OTHER)


def test_what_opens_a_sealed_game_comes_in_the_first_quarter_of_the_window(opened):
    over = opened.view("progress")[4]
    opened.machine.block = (until := over + BASE.settlement_window // 4) + 1
    error = ("WindowPassed", until + 1, until)
    assert opened.refused(opened.environment, "reveal", opened.secret, opened.roles, opened.model) == error
    assert opened.refused(opened.seats[0], "revealSeal", opened.seal_key(0)) == error
    assert prove(opened, opened.false_report(LIAR, opened.p.horizon))
    opened.machine.block -= 1
    opened.reveal()
    opened.do(opened.seats[0], "revealSeal", opened.seal_key(0))
