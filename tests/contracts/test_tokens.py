"""The contract of an agreement, call by call, beside `protocol/agreement/ledger.py`; and everything that it refuses."""

import random
from dataclasses import astuple, replace

import pytest

from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.keys import Signer
from chain_bandit.protocol.agreement import ledger
from chain_bandit.protocol.agreement.body import AgreementBody, Group, decode
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.agreement.tokens import LARGEST
from chain_bandit.protocol.blocks import mask, seats
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.messages import NO_BLOCK, Domain, Phase, Role, Slot
from chain_bandit.protocol.sharing import PRIME
from chain_bandit.protocol.units import UNIT
from tests.contracts.harness import CHAIN_ID, SELECTORS, TOKENS, Game, Outcome, forwarder, hexed

TERMS = AgreementTerms(
    participants=6, validators=4, faulty=1, groups=3, first=UNIT // 10, most=10 * UNIT, step=UNIT, steps=5, deadline=7
)
FUNCTIONS = TOKENS.members("function")
ANYBODY = keccak(b"anybody")[:20]


class Agreement:
    """A deployed one, its keys, and the ledger in Python."""

    def __init__(self, terms: AgreementTerms = TERMS, accounts: list[bytes] | None = None) -> None:
        self.terms, self.machine = terms, Game.new_machine()
        keys = [Signer(keccak(b"key", bytes([seat % 256]))) for seat in range(terms.places)]
        first = terms.participants
        parts = keys[:first], keys[first:]
        self.keys = [key for part in parts for key in sorted(part, key=lambda key: key.address)]
        self.accounts = [key.address for key in self.keys] if accounts is None else accounts
        arguments = astuple(terms), list(map(hexed, self.accounts))
        self.address, self.deployment = self.machine.deploy(ANYBODY, TOKENS.constructor(*arguments), 0)
        self.ledger = ledger.opening(terms, self.accounts)
        self.separator = Domain(CHAIN_ID, self.address, terms.digest(self.accounts)).separator()

    def call(self, function: str, *arguments: object, sender: bytes = ANYBODY, tail: bytes = b"") -> Outcome:
        return self.machine.call(sender, self.address, FUNCTIONS[function].encode(*arguments) + tail)

    def view(self, function: str, *arguments: object) -> object:
        outcome = self.call(function, *arguments)
        assert outcome.accepted, outcome.error
        return FUNCTIONS[function].decode_outputs(outcome.output)[0]

    @property
    def slot(self) -> Slot:
        return Slot(self.separator, self.ledger.epoch, self.ledger.head)

    def signed(self, content: bytes, signers: int) -> bytes:
        digest = self.slot.digest(Phase.BLOCK, Role.SIGNER, 0, content)
        return b"".join(self.keys[seat].sign(digest) for seat in seats(signers))

    def agree(self, data: bytes, signers: int = 0b0111 << 6) -> Outcome:
        content = keccak(data) if data else NO_BLOCK
        return self.call("agree", data, signers, self.signed(content, signers))

    def follow(self, data: bytes) -> None:
        """The epoch ends with these bytes, in the contract as in Python."""
        outcome = self.agree(data)
        assert outcome.accepted, outcome.error
        body = decode(self.terms, data) if data else None
        epoch = self.ledger.epoch
        self.ledger = ledger.after_epoch(self.terms, self.ledger, body, keccak(data) if data else ZERO)
        counted = body.counted if body else 0
        assert outcome.events == (("TokenAgreed", (epoch, self.ledger.token, counted, self.ledger.head)),)
        self.check()

    def check(self) -> None:
        state = self.ledger
        assert (self.view("nextEpoch"), self.view("token"), self.view("head")) == (state.epoch, state.token, state.head)
        assert [self.view("creditsOf", seat) for seat in range(self.terms.participants)] == list(state.credits)
        assert [self.view("blockedFrom", seat) for seat in range(self.terms.places)] == list(state.blocked_from)

    def accuse(self, seat: int, **changes: object) -> tuple[object, ...]:
        role = changes.pop("role", Role.SIGNER)
        phase = Phase.BLOCK if role is Role.SIGNER else Phase.REPORT
        instance = 0 if role is Role.SIGNER else seat
        signed = [
            (content, self.keys[seat].sign(self.slot.digest(phase, role, instance, content)))
            for content in (keccak(b"one"), keccak(b"other"))
        ]
        (one, first), (other, second) = signed
        calldata = Equivocation(self.slot, Phase.BLOCK, role, seat, one, first, other, second).calldata()
        return (*calldata[:3], int(phase), *calldata[4:])


def some_body(chance: random.Random, terms: AgreementTerms = TERMS, left: int = 0b111111) -> AgreementBody:
    """One that the contract takes: who is in it, in how many groups, and what they come to is chance."""
    order = list(seats(left))
    chance.shuffle(order)
    counted = order[: chance.randrange(2, len(order) + 1)]
    count = chance.randrange(1, min(terms.groups, len(counted) // 2) + 1)
    groups = []
    for at in range(count):
        members = counted[at::count]
        most = chance.choice((UNIT, 20 * UNIT, LARGEST)) * len(members)
        total = None if at and chance.random() < 0.2 else chance.randrange(most + 1)
        sums = tuple(None if chance.random() < 0.2 else chance.randrange(PRIME) for _ in range(terms.validators))
        groups.append(Group(mask(members), total, sums))
    kept = terms.participants if terms.steps else 0
    nets = tuple(chance.randrange(-terms.steps, 2 * terms.steps + 1) for _ in range(kept))
    return AgreementBody(chance.randbytes(32), chance.randbytes(32), tuple(groups), nets)


def test_every_epoch_is_what_the_ledger_in_python_says():
    agreement, chance, capped = Agreement(), random.Random(1), 0
    assert agreement.view("agreement") == TERMS.digest(agreement.accounts)
    assert agreement.view("terms") == astuple(TERMS)
    agreement.check()
    for _ in range(25):
        before, body = agreement.ledger.token, some_body(chance)
        agreement.follow(body.encode())
        capped += body.agreed != agreement.ledger.token
        assert abs(agreement.ledger.token - before) <= TERMS.step
    agreement.follow(b"")
    assert 3 < capped < 25


def test_no_credits_are_kept_where_epochs_have_no_steps():
    agreement = Agreement(replace(TERMS, steps=0))
    agreement.follow(some_body(random.Random(2), agreement.terms).encode())
    assert set(agreement.ledger.credits) == {0}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"participants": 1}, "SeatsOutOfRange"), ({"validators": 0, "faulty": 0}, "SeatsOutOfRange"),
        ({"participants": 253}, "SeatsOutOfRange"), ({"faulty": 2}, "TooManyFaulty"),
        ({"groups": 0}, "GroupsOutOfRange"), ({"groups": 4}, "GroupsOutOfRange"),
        ({"first": 11 * UNIT}, "BoundsMalformed"),
        ({"most": LARGEST + 1}, "BoundsMalformed"), ({"step": 0}, "BoundsMalformed"),
        ({"step": LARGEST + 1}, "BoundsMalformed"),
    ],
)  # fmt: skip
def test_terms_that_break_an_assumption_are_refused_here_as_there(change, error):
    terms = replace(TERMS, **change)
    with pytest.raises(AssumptionBroken):
        terms.check()
    assert Agreement(terms, [bytes(20)]).deployment.error[0] == error


@pytest.mark.parametrize(
    "change",
    [
        {"participants": 2, "groups": 1}, {"validators": 1, "faulty": 0}, {"most": LARGEST, "step": LARGEST},
        {"participants": 252}, {"first": 0, "most": 0}, {"groups": 1}, {"steps": 2**16 - 1, "deadline": 2**32 - 1},
    ],
)  # fmt: skip
def test_terms_at_the_edge_are_taken(change):
    terms = replace(TERMS, **change)
    terms.check()
    assert Agreement(terms).deployment.accepted


def test_seats_are_as_many_as_the_terms_say_each_key_once_a_role():
    good = Agreement().accounts
    assert Agreement(accounts=good[:-1]).deployment.error == ("WrongSeats", 9, 10)
    for seat, account in ((1, good[0]), (9, good[8]), (0, bytes(20)), (6, bytes(20))):
        wrong = [account if at == seat else each for at, each in enumerate(good)]
        assert Agreement(accounts=wrong).deployment.error == ("SeatsNotAscending", seat)
    both = replace(TERMS, participants=4, groups=2)
    assert Agreement(both, [*good[:4], *good[:4]]).deployment.accepted  # one account may deal and hold


def base() -> AgreementBody:
    groups = Group(0b111, 3 * UNIT, (1, 2, 3, 4)), Group(0b111000, 0, (1, 2, 3, 4))
    return AgreementBody(bytes(32), bytes(32), groups, (0,) * 6)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (replace(base(), groups=()), ("GroupsOutOfRange", 0, 3)),
        (replace(base(), groups=(*base().groups, *base().groups)), ("GroupsOutOfRange", 4, 3)),
        (replace(base(), groups=(Group(0b1111, 1, (1,) * 4), Group(0b111000, 1, (1,) * 4))),
         ("UnknownMembers", 0b111000, 0b110000)),
        (replace(base(), groups=(Group(0b1000011, 1, (1,) * 4),)), ("UnknownMembers", 0b1000011, 0b111111)),
        (replace(base(), groups=(Group(0b1, 1, (1,) * 4),)), ("GroupTooSmall", 0b1)),
        (replace(base(), groups=(Group(0b11, 2 * LARGEST + 1, (1,) * 4),)),
         ("TotalTooLarge", 2 * LARGEST + 1, 2 * LARGEST)),
        (replace(base(), groups=(Group(0b11, None, (1,) * 4),)), ("NothingAgreed",)),
        (replace(base(), nets=(0,) * 5), ("BodyMalformed", 269, 273)),
        (replace(base(), nets=(0, 11, 0, 0, 0, 0)), ("NetTooLarge", 1, 11)),
        (replace(base(), nets=(0, 0, 0, 0, 0, -6)), ("NetTooLarge", 5, -6)),
    ],
)  # fmt: skip
def test_a_body_that_says_too_much_is_refused_whoever_signed_it(body, error):
    agreement = Agreement()
    assert agreement.agree(body.encode(), 0b1111 << 6).error == error
    agreement.check()


def test_only_a_quorum_of_the_validators_ends_an_epoch_and_only_the_open_one():
    agreement, data = Agreement(), base().encode()
    assert agreement.view("quorum") == 3
    assert agreement.agree(data, 0b0011 << 6).error == ("QuorumMissing", 2, 3)
    assert agreement.agree(data, 0b1111 << 5).error == ("UnknownSigners", 0b1111 << 5, 0b1111 << 6)
    signers, good = 0b0111 << 6, agreement.signed(keccak(data), 0b0111 << 6)
    for signatures in (good + bytes(64), good[:-1]):
        assert agreement.call("agree", data, signers, signatures).error[0] == "WrongSignaturesLength"
    swapped = good[64:128] + good[:64] + good[128:]
    wrong = ("InvalidSignature", 6, hexed(agreement.accounts[6]))
    assert agreement.call("agree", data, signers, swapped).error == wrong
    assert agreement.call("agree", data, signers, agreement.signed(NO_BLOCK, signers)).error[0] == "InvalidSignature"
    agreement.follow(data)
    assert agreement.call("agree", data, signers, good).error[0] == "InvalidSignature"  # of the epoch before


def test_after_the_deadline_anybody_ends_the_epoch_with_the_last_token():
    agreement = Agreement()
    agreement.machine.block = 1 + TERMS.deadline
    assert agreement.call("keepAfterDeadline").error == ("DeadlineNotPassed", 8, 8)
    agreement.machine.block += 1
    assert agreement.call("keepAfterDeadline").accepted
    agreement.ledger = ledger.after_epoch(TERMS, agreement.ledger, None)
    agreement.check()
    assert agreement.call("keepAfterDeadline").error[0] == "DeadlineNotPassed"
    agreement.follow(base().encode())


def test_who_signs_two_contents_is_left_out_from_the_next_epoch_on():
    agreement = Agreement()
    for seat, role in ((1, Role.COMMANDER), (9, Role.SIGNER)):
        outcome = agreement.call("reportEquivocation", agreement.accuse(seat, role=role))
        assert outcome.accepted, outcome.error
        assert outcome.events == (("Accused", (seat, 1)),)
        again = agreement.call("reportEquivocation", agreement.accuse(seat, role=role))
        assert again.error == ("AlreadyAccused", seat, 1)
        agreement.ledger = ledger.accused(agreement.ledger, seat)
    agreement.follow(base().encode())  # the open one is as it was
    assert agreement.agree(base().encode()).error == ("UnknownMembers", 0b111, 0b111101)
    assert agreement.agree(base().encode(), 0b1110 << 6).error == ("UnknownSigners", 0b1110 << 6, 0b0111 << 6)
    assert agreement.view("quorum") == 3
    agreement.follow(some_body(random.Random(3), left=0b111101).encode())


def test_the_first_seat_is_left_out_though_nobody_else_is_accused():
    agreement = Agreement()
    assert agreement.call("reportEquivocation", agreement.accuse(0, role=Role.COMMANDER)).accepted
    agreement.ledger = ledger.accused(agreement.ledger, 0)
    agreement.follow(base().encode())
    assert agreement.agree(base().encode()).error == ("UnknownMembers", 0b111, 0b111110)


def test_evidence_that_proves_nothing_is_refused():
    agreement = Agreement()
    proof = agreement.accuse(9)
    assert agreement.call("reportEquivocation", (10, *proof[1:])).error == ("SeatEmpty", 10, 10)
    of_another = ("InvalidSignature", 8, hexed(agreement.accounts[8]))
    assert agreement.call("reportEquivocation", (8, *proof[1:])).error == of_another
    assert agreement.call("reportEquivocation", (*proof[:8], *proof[5:8])).error == ("SameContent", proof[5])
    assert agreement.call("reportEquivocation", (*proof[:4], 2, *proof[5:])).error == ("NoSuchRole", 2, 2)


CALLS = {"agree": (b"", 0, b""), "keepAfterDeadline": (), "reportEquivocation": ((0, 0, ZERO, 2, 3, *[ZERO] * 6),)}


@pytest.mark.parametrize("function", CALLS)
def test_a_call_that_an_audit_could_not_read_is_refused(function):
    agreement, through = Agreement(), keccak(b"forwarder")[:20]
    changing = {e["name"] for e in TOKENS.abi if e["type"] == "function" and e["stateMutability"] != "view"}
    assert changing == CALLS.keys()
    agreement.machine.state.set_code(through, forwarder(agreement.address))
    data = FUNCTIONS[function].encode(*CALLS[function])
    assert agreement.machine.call(ANYBODY, through, data).error == ("NotDirect", hexed(through))
    longer = agreement.call(function, *CALLS[function], tail=b"\0")
    assert longer.error == ("NonCanonicalCalldata", len(data) + 1, len(data))


def test_every_error_of_the_contract_is_provoked_here():
    provoked = open(__file__, encoding="utf-8").read()  # noqa: SIM115
    errors = [error.name for error in SELECTORS.values() if error.name in TOKENS.members("error")]
    assert [name for name in errors if f'"{name}"' not in provoked] == []
    assert len(errors) == 23
