"""The secure comparison as processes that compute over sockets: equal to the ideal one, whatever participants send and
whichever party fails."""

import errno
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pytest

from chain_bandit.append_log import AppendLogFile, LogUnwritable
from chain_bandit.comparison.ideal import IdealComparison
from chain_bandit.comparison.interface import ComparisonAborted, ComparisonRound, Opening
from chain_bandit.comparison.mpc import MpcComparison
from chain_bandit.comparison.processes import PARTY, PartyFailed, PartyProcesses
from chain_bandit.comparison.session_log import SessionLog
from chain_bandit.comparison.wire import Listening, Open, Opened
from chain_bandit.crypto.keys import Signer
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.messages import Slot, commitment
from chain_bandit.protocol.sharing import (
    ELEMENT_BYTES,
    PRIME,
    Dealing,
    deal,
    leaf,
    shares_commitment,
)

SIGNERS = [Signer(bytes([seat + 1]) * 32) for seat in range(6)]
ATTEMPTS = 3
LARGEST = 10_000
UINT32 = 2**32 - 1
ROOT = Path(__file__).parents[2]
FALSE_PARTY = (sys.executable, str(Path(__file__).with_name("false_party.py")))
REFERENCE, THRESHOLD = (10, 0, 7), 2
COUNTS = {0: (6, 1, 3), 1: (5, 0, 4), 2: (10, 0, 7), 3: (0, 0, 0)}
BITS = {0: (True, True, False), 1: (False, False, True), 2: (True, False, True), 3: (False, False, False)}


def setting(round_: int = 1) -> ComparisonRound:
    return ComparisonRound(Slot(b"\1" * 32, round_, b"\2" * 32), round_.to_bytes(32, "big"), tuple(range(len(SIGNERS))))


def salt(seat: int) -> bytes:
    return bytes([seat + 100]) * 32


def dealt(seat: int, parties: int = 3) -> Dealing:
    return deal(COUNTS[seat], salt(seat), parties, ATTEMPTS)


def committed(parties: int = 3) -> dict[int, bytes]:
    return {seat: shares_commitment(dealt(seat, parties).leaves) for seat in COUNTS}


def opened(comparison: MpcComparison, *but: int, round_: int = 1) -> None:
    """Begin a round in which everybody but those named opens what it committed to."""
    comparison.begin(REFERENCE, THRESHOLD, setting(round_))
    for seat, counts in COUNTS.items():
        if seat not in but:
            comparison.on_opening(seat, Opening(counts, salt(seat)))


def without(*seats: int) -> dict[int, tuple[bool, ...]]:
    return {seat: row for seat, row in BITS.items() if seat not in seats}


def is_running(pid: int) -> bool:
    """Whether a process is there and not dead already (what nobody has waited for is a zombie)."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def gone(pids: list[int], within: float = 20.0) -> bool:
    until = monotonic() + within
    while any(map(is_running, pids)):
        if monotonic() > until:
            return False
        sleep(0.02)
    return True


@pytest.fixture(scope="module")
def comparison() -> Iterator[MpcComparison]:
    """Three parties that are used again and again."""
    with closing(MpcComparison(SIGNERS, LARGEST, attempts=ATTEMPTS)) as three:
        yield three


# equal to the ideal one


def hard_count(rng: random.Random, reference: int, threshold: int, largest: int) -> int:
    least = reference // threshold
    count = rng.choice((0, 1, least - 1, least, least + 1, reference, largest, rng.randint(0, largest)))
    return min(max(count, 0), largest)


def compare_with_ideal(comparison: MpcComparison, largest: int, pairs: int, parties: int, seed: int) -> None:
    """So many pairs, in rounds of 20 seats and 50 arms; some seats count beyond the largest, and have no bits."""
    rng, ideal = random.Random(seed), IdealComparison(largest)
    seats, arms = 20, 50
    for round_ in range(1, pairs // (seats * arms) + 1):
        threshold = rng.choice((2, 2, 3, 1_000, 2**40))
        reference = tuple(rng.choice((0, 1, largest, rng.randint(0, largest))) for _ in range(arms))
        comparison.begin(reference, threshold, setting(round_))
        ideal.begin(reference, threshold, setting(round_))
        asked, asked_of_ideal, beyond = {}, {}, set()
        for seat in range(seats):
            counts = [hard_count(rng, count, threshold, largest) for count in reference]
            if largest < UINT32 and rng.random() < 0.2:
                counts[rng.randrange(arms)] = rng.choice((largest + 1, rng.randint(largest + 1, UINT32), UINT32))
                beyond.add(seat)
            opening = Opening(tuple(counts), rng.randbytes(32))
            comparison.on_opening(seat, opening)
            ideal.on_opening(seat, opening)
            asked[seat] = shares_commitment(deal(opening.counts, opening.salt, parties, ATTEMPTS).leaves)
            asked_of_ideal[seat] = commitment(opening.counts, opening.salt)
        bits = comparison.bits(asked)
        assert bits == ideal.bits(asked_of_ideal)
        assert bits.keys() == {*range(seats)} - beyond


@pytest.mark.parametrize(("parties", "largest", "pairs"), [(3, LARGEST, 5_000), (3, UINT32, 3_000), (5, 40, 2_000)])
def test_bits_equal_the_ideal_ones(parties, largest, pairs):
    with closing(MpcComparison(SIGNERS, largest, parties, ATTEMPTS)) as comparison:
        compare_with_ideal(comparison, largest, pairs, parties, seed=parties)


@pytest.mark.deep
@pytest.mark.parametrize("parties", [3, 4, 5])
def test_bits_equal_the_ideal_ones_100_000_times(parties):
    with closing(MpcComparison(SIGNERS, LARGEST, parties, ATTEMPTS)) as comparison:
        compare_with_ideal(comparison, LARGEST, 100_000, parties, seed=10 + parties)


def test_every_question_has_one_answer_and_is_computed_once(comparison):
    opened(comparison)
    asked = committed()
    assert comparison.bits({seat: asked[seat] for seat in (0, 3)}) == {seat: BITS[seat] for seat in (0, 3)}
    assert comparison.bits(asked) == BITS
    sent = comparison.sent
    assert comparison.bits(dict(reversed(asked.items()))) == BITS
    assert comparison.bits({2: asked[2]}) == {2: BITS[2]}
    assert comparison.bits({}) == {}
    assert comparison.sent == sent


# what participants send


def test_a_seat_without_an_opening_is_missing(comparison):
    opened(comparison, 0, 2)
    comparison.on_opening(99, Opening(COUNTS[2], salt(2)))
    assert comparison.bits(committed()) == without(0, 2)


def test_a_seat_that_opens_something_else_is_missing_and_one_that_also_opens_something_else_is_not(comparison):
    opened(comparison, 1)
    comparison.on_opening(1, Opening(COUNTS[1], salt(9)))
    comparison.on_opening(2, Opening((0, 0, 0), salt(2)))
    assert comparison.bits(committed()) == without(1)


def replaced(dealing: Dealing, place: int, share: object) -> Dealing:
    shares = (*dealing.shares[:place], share, *dealing.shares[place + 1 :])
    return replace(dealing, shares=shares)  # type: ignore[arg-type]


def recommitted(shares: tuple[bytes, ...]) -> Dealing:
    """Whatever shares, with leaves that open them."""
    return Dealing(b"".join(leaf(place, share) for place, share in enumerate(shares)), shares)


def raised(share: bytes, by: int) -> bytes:
    value = (int.from_bytes(share[:ELEMENT_BYTES], "big") + by) % PRIME
    return value.to_bytes(ELEMENT_BYTES, "big") + share[ELEMENT_BYTES:]


TRUE = deal(COUNTS[0], salt(0), 3, ATTEMPTS)
FALSE_DEALINGS = {
    "a share of another dealing": replaced(TRUE, 1, dealt(1).shares[1]),
    "a share for another place": replaced(TRUE, 1, TRUE.shares[4]),
    "a bit flipped": replaced(TRUE, 2, raised(TRUE.shares[2], 1)),
    "no share for one party": replaced(TRUE, 0, None),
    "text for a share": replaced(TRUE, 0, "share"),
    "a giant share": replaced(TRUE, 0, bytes(1 << 20)),
    "no shares at all": replace(TRUE, shares=()),
    "shares that make no polynomial": recommitted((TRUE.shares[0], raised(TRUE.shares[1], 1), *TRUE.shares[2:])),
    "elements outside the field": recommitted(tuple(b"\xff" * len(share) for share in TRUE.shares)),
    "too few leaves": Dealing(TRUE.leaves[:-32], TRUE.shares),
    "too many leaves": Dealing(TRUE.leaves + bytes(32), TRUE.shares),
}


@pytest.mark.parametrize("dealing", FALSE_DEALINGS.values(), ids=FALSE_DEALINGS)
def test_a_false_dealing_leaves_its_seat_out_and_nobody_else(comparison, dealing):
    opened(comparison, 0)
    comparison.on_dealing(0, dealing)
    comparison.on_dealing(0, replace(dealing, leaves="leaves"))
    comparison.on_dealing(0, replace(dealing, shares=None))
    assert comparison.bits(committed() | {0: shares_commitment(dealing.leaves)}) == without(0)


def test_a_count_out_of_range_harms_nobody_else(comparison):
    opened(comparison, 0)
    dealing = deal((PRIME - 1, 2**60, 2**88), salt(0), 3, ATTEMPTS)
    comparison.on_dealing(0, dealing)
    bits = comparison.bits(committed() | {0: shares_commitment(dealing.leaves)})
    assert {seat: row for seat, row in bits.items() if seat} == without(0)


# what parties do


def with_fault(fault: str, mark: str = "-", index: int = 1) -> MpcComparison:
    return MpcComparison(SIGNERS, LARGEST, attempts=ATTEMPTS, command=(*FALSE_PARTY, fault, str(index), mark))


FAILURES = {
    "dies at once": "party 1 died",
    "dies while it computes": "party 1 died",
    "signs another matrix": "the parties signed different matrices",
    "signs short rows": "the parties signed different matrices",
    "speaks with another key": "party 1 did not sign its answer",
    "signs bits with another key": "party 1 did not sign its answer",
    "babbles": "party 1 answered out of turn",
    "floods": "party 1 died",
}


@pytest.mark.parametrize(("fault", "said"), FAILURES.items())
def test_the_next_set_takes_over_when_a_party_fails(fault, said, tmp_path):
    with closing(with_fault(fault, str(tmp_path / "once"))) as comparison:
        opened(comparison)
        assert comparison.bits(committed()) == BITS
        (failure,) = comparison.session_log.failures
        assert failure.startswith(said)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("signs a row for whoever is asked about", "the parties signed a seat whose shares do not open"),
        ("signs short rows", "the parties signed a row of another length"),
        ("hears whatever is said in any name", "party 1 did not sign its answer"),
    ],
)
def test_what_all_parties_agree_on_is_no_answer_when_it_cannot_be_one(fault, said):
    with closing(with_fault(fault, index=-1)) as comparison:
        opened(comparison, 0)
        comparison.on_dealing(0, replaced(TRUE, 3 * ATTEMPTS - 1, raised(TRUE.shares[-1], 1)))
        comparison.session_log.failures += ["died"] * (ATTEMPTS - 1)
        with pytest.raises(ComparisonAborted) as aborted:
            comparison.bits(committed())
        assert aborted.value.failures[-1] == said


def test_a_party_that_cannot_be_started_fails_and_the_round_is_given_up(tmp_path):
    with closing(MpcComparison(SIGNERS, LARGEST, command=(str(tmp_path / "none"),))) as comparison:
        opened(comparison)
        with pytest.raises(ComparisonAborted) as aborted:
            comparison.bits(committed())
        assert aborted.value.failures == ("party 0 could not be started (No such file or directory)",) * ATTEMPTS
        assert comparison.pids() == ()


def test_the_next_set_takes_over_when_the_machine_has_no_process_left_for_a_party(monkeypatch):
    start, started = subprocess.Popen, []

    def popen(*arguments, **options):
        started.append(arguments)
        if len(started) == 2:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    with closing(MpcComparison(SIGNERS, LARGEST)) as comparison:
        opened(comparison)
        assert comparison.bits(committed()) == BITS
        assert comparison.session_log.failures == ["party 1 could not be started (Resource temporarily unavailable)"]
    assert len(started) == 5


def test_the_next_set_takes_over_when_the_machine_has_no_thread_left_to_ask_a_party(monkeypatch):
    submit, asked = ThreadPoolExecutor.submit, []

    def counted(self, *arguments):
        asked.append(arguments)
        if len(asked) == 2:
            raise RuntimeError("can't start new thread")
        return submit(self, *arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", counted)
    with closing(MpcComparison(SIGNERS, LARGEST)) as comparison:
        opened(comparison)
        assert comparison.bits(committed()) == BITS
        assert comparison.session_log.failures == ["party 1 could not be asked (can't start new thread)"]


def test_the_next_set_takes_over_when_a_party_hangs(comparison):
    opened(comparison)
    assert comparison.bits({0: committed()[0]}) == {0: BITS[0]}
    stopped = comparison.pids()
    os.kill(stopped[2], signal.SIGSTOP)
    comparison._processes.timeout = 0.5
    assert comparison.bits(committed()) == BITS
    assert comparison.session_log.failures == ["party 2 did not answer within 0.5 s"]
    assert gone(list(stopped))


@pytest.mark.parametrize("stays", [False, True], ids=["in its group", "out of its group"])
def test_nobody_waits_for_the_child_of_a_party_that_died(stays, tmp_path):
    mark = tmp_path / "child"
    fault = f"leaves a child {'out of' if stays else 'in'} its group"
    parties = PartyProcesses(3, 15, 60.0, (*FALSE_PARTY, fault, "1", str(mark)))
    child, asked = int(mark.read_text()), monotonic()
    try:
        with pytest.raises(PartyFailed, match=r"party [02] died"):
            parties.ask([Open(token=b"")] * 3, Opened)  # no party expects that, and the child says nothing
        assert monotonic() - asked < 20
        assert is_running(child) if stays else gone([child])
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def test_a_round_is_given_up_when_every_set_fails_and_the_next_one_begins_anew(tmp_path):
    with closing(with_fault("dies while it computes")) as comparison:
        opened(comparison)
        with pytest.raises(ComparisonAborted) as aborted:
            comparison.bits(committed())
        assert aborted.value.exit_code == 11
        assert aborted.value.round == 1
        assert [failure[:12] for failure in aborted.value.failures] == ["party 1 died"] * ATTEMPTS
        assert comparison.pids() == ()
        with pytest.raises(ComparisonAborted):
            comparison.bits({0: committed()[0]})
        assert comparison.pids() == ()
        comparison._command = MpcComparison(SIGNERS, LARGEST)._command
        opened(comparison)
        assert comparison.bits(committed()) == BITS


def test_a_seat_is_missing_when_one_party_says_that_its_share_does_not_open():
    with closing(with_fault("opens no share of a seat")) as comparison:
        opened(comparison)
        assert comparison.bits(committed()) == without(1)


def test_a_round_is_given_up_when_there_are_fewer_validators_than_parties():
    with closing(MpcComparison(SIGNERS, LARGEST, parties=4)) as comparison:
        comparison.begin(REFERENCE, THRESHOLD, replace(setting(), validators=(0, 1, 2)))
        comparison.on_opening(0, Opening(COUNTS[0], salt(0)))
        with pytest.raises(ComparisonAborted, match="3 validators, fewer than 4"):
            comparison.bits({0: shares_commitment(dealt(0, 4).leaves)})


@pytest.mark.parametrize("wrong", [{"parties": 2}, {"parties": 6}, {"attempts": 0}, {"largest": 2**32}])
def test_a_number_out_of_range_is_refused(wrong):
    with pytest.raises(AssumptionBroken):
        MpcComparison(SIGNERS, **({"largest": LARGEST} | wrong))


def test_strangers_at_the_parties_ports_change_nothing(monkeypatch):
    ask, strangers = PartyProcesses.ask, []

    def with_strangers(self, lines, kind):
        answers = ask(self, lines, kind)
        for endpoint in answers if kind is Listening else ():
            for said in (b"", b"\0\0", bytes(200)):
                stranger = socket.create_connection(("127.0.0.1", endpoint.port))
                stranger.sendall(said)
                strangers.append(stranger)
        return answers

    monkeypatch.setattr(PartyProcesses, "ask", with_strangers)
    with closing(MpcComparison(SIGNERS, LARGEST)) as comparison:
        opened(comparison)
        assert comparison.bits(committed()) == BITS
        assert comparison.session_log.failures == []
    assert len(strangers) == 9
    for stranger in strangers:
        stranger.close()


# played again


@contextmanager
def kept_in(path: Path, *command: str) -> Iterator[MpcComparison]:
    """A comparison that keeps its session log in a file."""
    with closing(AppendLogFile(path)) as lines:
        session_log = SessionLog(lines, len(REFERENCE))
        comparison = MpcComparison(SIGNERS, LARGEST, command=command or PARTY, session_log=session_log)
        with closing(comparison):
            opened(comparison)
            yield comparison


def test_what_sittings_came_to_is_kept_before_it_is_told_and_told_again_without_a_party(tmp_path):
    path, asked = tmp_path / "minutes", committed()
    with kept_in(path, *FALSE_PARTY, "opens no share of a seat", "1", "-") as comparison:
        assert comparison.bits({seat: asked[seat] for seat in (0, 1)}) == {0: BITS[0]}
        assert path.read_bytes().count(b"\n") == 1
        comparison.close()
        comparison._command = ("/nowhere",)
        for _ in range(2):
            with pytest.raises(ComparisonAborted) as aborted:
                comparison.bits(asked)
            assert path.read_bytes().count(b"\n") == 1 + ATTEMPTS
    with kept_in(path) as comparison:
        assert comparison.bits({seat: asked[seat] for seat in (1, 0)}) == {0: BITS[0]}
        with pytest.raises(ComparisonAborted) as again:
            comparison.bits(asked)
        assert again.value.failures == aborted.value.failures
        assert comparison.pids() == ()
        opened(comparison, round_=2)
        assert comparison.bits(asked) == BITS


def test_bits_that_cannot_be_kept_are_told_to_nobody(tmp_path):
    with kept_in(tmp_path / "minutes") as comparison:
        read_only = os.open(tmp_path, os.O_RDONLY)
        os.dup2(read_only, comparison.session_log._lines._file)
        os.close(read_only)
        for _ in range(2):
            with pytest.raises(LogUnwritable):
                comparison.bits(committed())
        assert comparison.session_log.known == {}


# no process stays


KEEPER = """
import sys
from tests.integration.test_comparison import SIGNERS, LARGEST, MpcComparison, committed, opened
comparison = MpcComparison(SIGNERS, LARGEST)
opened(comparison)
comparison.bits(committed())
print(*comparison.pids(), flush=True)
{then}
"""
WAIT = "sys.stdin.read()"
ENDS = {
    "exit": ("sys.exit(3)", None),
    "an exception": ("1 / 0", None),
    "Ctrl-C": (WAIT, signal.SIGINT),
    "SIGTERM": (WAIT, signal.SIGTERM),
    "kill -9": (WAIT, signal.SIGKILL),
}


@pytest.mark.parametrize(("then", "sent"), ENDS.values(), ids=ENDS)
def test_no_party_outlives_its_validator(then, sent):
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER.format(then=then)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        pids = [int(pid) for pid in keeper.stdout.readline().split()]
        assert len(pids) == 3
        if sent:
            assert all(map(is_running, pids))
            keeper.send_signal(sent)
        keeper.wait(20)
        assert keeper.returncode != 0
        assert gone(pids)
    finally:
        keeper.kill()
        keeper.communicate()


def test_closing_ends_all_parties_and_a_later_question_starts_new_ones(comparison):
    opened(comparison)
    assert comparison.bits(committed()) == BITS
    first = comparison.pids()
    comparison.close()
    comparison.close()
    assert comparison.pids() == ()
    assert gone(list(first), within=0)
    opened(comparison)
    assert comparison.bits(committed()) == BITS
    assert not {*first} & {*comparison.pids()}
