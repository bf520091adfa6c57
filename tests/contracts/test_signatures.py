"""One rule of what a signature is, on both sides: `crypto.verify.signer` and the contract take the same bytes."""

import random
from collections import Counter
from collections.abc import Callable

import pytest
from coincurve import PublicKey

from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.secp256k1 import ORDER
from chain_bandit.crypto.verify import HALF_ORDER, address_of, signer
from chain_bandit.protocol.digests import ZERO
from tests.contracts.fast_evm import FastGame, replace_seat
from tests.contracts.harness import FUNCTIONS

FIELD = 2**256 - 2**32 - 977
SEAT = 1
"""Whose signature is tried: the second of three in the certificate."""
OTHERS = (0, 2)


def packed(r: int, s: int, parity: int) -> bytes:
    """EIP-2098, with whatever fits: s has 255 bits."""
    return r.to_bytes(32, "big") + (parity << 255 | s).to_bytes(32, "big")


def recovered(r: int, s: int, parity: int, digest: bytes) -> bytes | None:
    """The signer by the curve: as ecrecover, this takes a high s."""
    try:
        key = PublicKey.from_signature_and_message(
            r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity]), digest, hasher=None
        )
    except ValueError:
        return None
    return address_of(key)


class Trial:
    """A round that is open for a skip, all but one of whose signatures are good."""

    def __init__(self) -> None:
        self.game = FastGame(name="signatures").open()
        self.digest = self.game.digest_of(ZERO)
        self.key = self.game.signers[SEAT]
        self.author = self.game.seats[SEAT]
        self.before, self.after = (self.game.signers[seat].sign(self.digest) for seat in OTHERS)
        self.signers = 1 << SEAT | sum(1 << seat for seat in OTHERS)

    def contract_takes(self, signature: bytes) -> bool:
        """Everything that is certified is certified alike: a skip is the shortest."""
        data = FUNCTIONS["skip"].encode(0, self.signers, self.before + signature + self.after)
        state = self.game.machine.state
        snapshot = state.snapshot()
        outcome = self.game.machine.call(self.game.anybody, self.game.address, data)
        state.revert(snapshot)
        return outcome.accepted

    def python_takes(self, signature: bytes) -> bool:
        return signer(self.digest, signature) == self.game.seats[SEAT]

    def agree(self, signature: bytes) -> bool:
        """What both say of a signature."""
        taken = self.contract_takes(signature)
        assert taken is self.python_takes(signature), signature.hex()
        return taken

    def seat(self, account: bytes) -> None:
        replace_seat(self.game, SEAT, account)


@pytest.fixture
def trial() -> Trial:
    return Trial()


def test_good_signature_is_taken_and_every_flipped_bit_of_it_is_not(trial):
    good = trial.key.sign(trial.digest)
    assert trial.agree(good)
    for bit in range(512):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        assert not trial.agree(bytes(changed)), bit


def test_only_64_bytes_are_a_signature(trial):
    good = trial.key.sign(trial.digest)
    parity = good[32] >> 7
    s = bytes([good[32] & 127]) + good[33:]
    long = [good[:32] + s + bytes([v]) for v in (0, 1, 27, 28, 27 + parity, 35 + parity)]
    for wrong in (b"", good[:63], good + b"\0", good * 2, good[:32], *long):
        assert not trial.agree(wrong), wrong.hex()


BOUNDARY_S = (1, 2, HALF_ORDER - 1, HALF_ORDER, HALF_ORDER + 1, HALF_ORDER + 2, 2**255 - 1)


@pytest.mark.parametrize("parity", [0, 1])
@pytest.mark.parametrize("s", BOUNDARY_S)
def test_s_is_taken_up_to_half_the_order(trial, s, parity):
    """The seat is given to the account that such a signature recovers to, so that s alone decides."""
    r = PublicKey.from_secret((7).to_bytes(32, "big")).point()[0]
    account = recovered(r, s, parity, trial.digest)
    assert account is not None
    trial.seat(account)
    assert trial.agree(packed(r, s, parity)) is (s <= HALF_ORDER)


def test_zero_and_the_order_are_no_part_of_a_signature(trial):
    good = trial.key.sign(trial.digest)
    r, s = int.from_bytes(good[:32], "big"), int.from_bytes(good[32:], "big") % 2**255
    tried = 0
    for parity in (0, 1):
        for wrong_r in (0, ORDER, ORDER + 1, FIELD - 1, FIELD, FIELD + 1, 2**256 - 1):
            assert not trial.agree(packed(wrong_r, s, parity))
            tried += 1
        assert not trial.agree(packed(r, 0, parity))
        assert not trial.agree(packed(0, 0, parity))
    assert tried == 14


def test_r_without_a_point_is_refused(trial):
    """A failed ecrecover gives the zero address, which the contract counts on nobody's being: no key has it."""
    missing = [r for r in range(1, 60) if recovered(r, 1, 0, trial.digest) is None]
    assert len(missing) == 32
    for r in missing:
        assert not trial.agree(packed(r, 1, 0))
        assert not trial.agree(packed(r, 1, 1))


@pytest.mark.parametrize("account", [0, 1, 27, 28, 32])
def test_what_a_failed_recovery_leaves_behind_is_nobodys_signature(trial, account):
    """Seats no key can hold, named by numbers that lie about where a signature is checked."""
    trial.seat(account.to_bytes(20, "big"))
    missing = next(r for r in range(1, 60) if recovered(r, 1, 0, trial.digest) is None)
    for r, s in ((missing, 1), (0, 1), (1, 0), (ORDER, 1), (1, HALF_ORDER + 1)):
        assert not trial.agree(packed(r, s, 0))
        assert not trial.agree(packed(r, s, 1))


@pytest.mark.parametrize("bit", [0, 7, 80, 159])
def test_every_bit_of_an_account_counts(trial, bit):
    good = trial.key.sign(trial.digest)
    assert trial.agree(good)
    trial.seat((int.from_bytes(trial.author, "big") ^ 1 << bit).to_bytes(20, "big"))
    assert not trial.agree(good)


# At random: each way gives 64 bytes, and whether the seat is to be given to the account that they recover to.


def signed(trial: Trial, chance: random.Random) -> bytes:
    return trial.key.sign(trial.digest)


def signed_by_another(trial: Trial, chance: random.Random) -> bytes:
    return Signer(chance.randbytes(32)).sign(trial.digest)


def signed_with_another_nonce(trial: Trial, chance: random.Random) -> bytes:
    """A key can make many signatures: all of them are taken."""
    nonce = chance.randrange(1, ORDER)
    x, y = PublicKey.from_secret(nonce.to_bytes(32, "big")).point()
    s = pow(nonce, -1, ORDER) * (int.from_bytes(trial.digest, "big") + x * int.from_bytes(trial.key.secret, "big"))
    s, parity = s % ORDER, y & 1
    if s > HALF_ORDER:
        s, parity = ORDER - s, 1 - parity
    return packed(x % ORDER, s, parity)


def another_content(trial: Trial, chance: random.Random) -> bytes:
    return trial.key.sign(chance.randbytes(32))


def other_form(trial: Trial, chance: random.Random) -> bytes:
    """A high s, cut to what fits (half the order is 2**255 less 2**127: hardly any does), another parity, a flip."""
    good = trial.key.sign(trial.digest)
    r, tail = good[:32], int.from_bytes(good[32:], "big")
    parity, s = tail >> 255, tail % 2**255
    which = chance.randrange(3)
    if which == 0:
        return r + (((1 - parity) << 255 | (ORDER - s)) % 2**256).to_bytes(32, "big")
    if which == 1:
        return r + ((1 - parity) << 255 | s).to_bytes(32, "big")
    return r + (tail ^ 1 << chance.randrange(256)).to_bytes(32, "big")


def noise(trial: Trial, chance: random.Random) -> bytes:
    return chance.randbytes(64)


def for_its_own_seat(trial: Trial, chance: random.Random) -> bytes:
    """Any r and s with a seat for their signer, if there can be one."""
    r = chance.choice((chance.randrange(1, ORDER), chance.randrange(1, 1000), chance.randrange(ORDER, 2**256)))
    s = chance.choice((chance.randrange(1, 2**255), HALF_ORDER + chance.randrange(-3, 4), chance.randrange(4)))
    parity = chance.randrange(2)
    account = recovered(r, s, parity, trial.digest)
    trial.seat(account or trial.author)
    return packed(r, s, parity)


WAYS: list[Callable[[Trial, random.Random], bytes]] = [
    signed, signed_by_another, signed_with_another_nonce, another_content, other_form, noise, for_its_own_seat,
    for_its_own_seat,
]  # fmt: skip


def compared(seed: int, cases: int) -> Counter[tuple[str, bool]]:
    trial, chance = Trial(), random.Random(seed)
    counts: Counter[tuple[str, bool]] = Counter()
    for _ in range(cases):
        if trial.game.seats[SEAT] != trial.author:
            trial.seat(trial.author)
        way = chance.choice(WAYS)
        counts[way.__name__, trial.agree(way(trial, chance))] += 1
    return counts


def test_contract_and_python_agree_on_ten_thousand_signatures():
    counts = compared(1, 10_000)
    always, sometimes = {"signed", "signed_with_another_nonce"}, {"for_its_own_seat"}
    assert {way for way, taken in counts if taken} == always | sometimes
    assert {way for way, taken in counts if not taken} == {way.__name__ for way in WAYS} - always
    assert counts.total() == 10_000
    assert sum(n for (_, taken), n in counts.items() if taken) > 2000


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(2, 12))
def test_contract_and_python_agree_on_a_hundred_thousand_signatures(seed):
    assert compared(seed, 10_000).total() == 10_000


def test_comparison_sees_a_planted_difference(trial, monkeypatch):
    """A Python that took a high s would be caught."""
    monkeypatch.setattr("chain_bandit.crypto.verify.HALF_ORDER", ORDER)
    r = PublicKey.from_secret((7).to_bytes(32, "big")).point()[0]
    trial.seat(recovered(r, HALF_ORDER + 1, 0, trial.digest))
    with pytest.raises(AssertionError):
        trial.agree(packed(r, HALF_ORDER + 1, 0))
