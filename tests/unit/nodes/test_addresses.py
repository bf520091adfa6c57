"""The address book: a moved node is followed by its own signature and a higher counter alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chain_bandit.crypto.certificates import public_part, self_signed
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.vouching import announcement
from chain_bandit.network.wire import Envelope, EnvelopeKind, NodeAddress, decode, encode
from chain_bandit.nodes.addresses import SAY_EVERY, SETTLED, AddressBook, AnnouncementRefused
from chain_bandit.nodes.node_files import GameFile, NodeRecord, Registration, announced, read_game, write_public
from chain_bandit.protocol.errors import Malformed

KEYS = [Signer(bytes(31) + bytes([number + 1])) for number in range(3)]
CERTIFICATES = [public_part(self_signed(f"node {number}")) for number in range(3)]
GAME = b"\x07" * 32
START = 1


def record(seat: int, port: int, counter: int, key: Signer | None = None, host: str = "1.1.1.1") -> NodeRecord:
    return announced(key or KEYS[seat], GAME, seat, f"{host}:{port}", CERTIFICATES[seat], counter)


def message(of: NodeRecord, **changes: object) -> NodeAddress:
    said = {"address": of.address, "endpoint": of.endpoint, "counter": of.changes, "voucher": of.voucher} | changes
    return NodeAddress(**said)  # type: ignore[arg-type]


def forged(endpoint: str) -> NodeAddress:
    """Signed by its key, as an honest node signs none."""
    voucher = KEYS[1].sign(announcement(GAME, endpoint, CERTIFICATES[1], START + 1))
    return NodeAddress(1, endpoint, START + 1, voucher)


class Known:
    """The book of seat 0, whose file is in a folder, and what it did."""

    def __init__(self, place: Path) -> None:
        self.path, self.moved, self.time = place / "game.json", list[tuple[int, str]](), 0.0
        seated = [Registration(address=key.address, vrf_key=bytes(33), seal_hash=bytes(32), weight=1) for key in KEYS]
        game = GameFile(
            chain_id=1, genesis_hash="0x" + "00" * 32, contract="0x" + "00" * 20, game="0x" + GAME.hex(), first_block=1,
            url="http://127.0.0.1:9", confirmations=1, bound_ms=500, relayer=bytes(20), code_hash="0x" + "00" * 32,
            environment=bytes(20), participants=tuple(seated), private_addresses=False,
            node_records=tuple(record(seat, 7000 + seat, START) for seat in range(3)),
        )  # fmt: skip
        write_public(self.path, game)
        self.open()

    def open(self) -> None:
        """As after a restart."""
        self.book = AddressBook(
            read_game(self.path), self.path, 0, lambda who, where: self.moved.append((who, where)), lambda: self.time
        )

    def kept(self) -> dict[int, tuple[str, int]]:
        return {each.address: (each.endpoint, each.changes) for each in read_game(self.path).node_records}


@pytest.fixture
def known(tmp_path: Path) -> Known:
    return Known(tmp_path)


def test_a_signed_address_with_a_higher_counter_is_followed_kept_and_told(known: Known) -> None:
    fresh = message(record(1, 8001, START + 1))
    (read,) = decode(encode(Envelope(EnvelopeKind.NOW, 3, 0, (fresh,)))).messages
    assert read == fresh
    assert known.book.take(fresh)
    assert known.moved == [(1, "1.1.1.1:8001")]
    assert known.kept()[1] == ("1.1.1.1:8001", START + 1)
    assert fresh in known.book.due(), "at once"
    assert known.book.due() == []
    known.time += SAY_EVERY
    assert fresh in known.book.due(), "and again, for who was away"


@pytest.mark.parametrize("restarted", [False, True])
def test_a_replayed_and_an_older_announcement_change_nothing(known: Known, restarted: bool) -> None:
    first, second = (message(record(1, 8000 + more, START + more)) for more in (1, 2))
    assert known.book.take(second)
    if restarted:
        known.open()
    known.time += 2 * SETTLED
    for said in (first, second, message(record(1, 7001, START)), message(record(1, 9, START + 2))):
        assert not known.book.take(said)
    assert known.moved == [(1, "1.1.1.1:8002")]
    assert known.kept()[1] == ("1.1.1.1:8002", START + 2)


@pytest.mark.parametrize(
    ("said", "forged"),
    [
        (lambda: message(record(1, 8001, START + 1, KEYS[2])), True),
        (lambda: message(record(1, 8001, START + 1), endpoint="1.1.1.1:8002"), True),
        (lambda: message(record(1, 8001, START + 1), counter=START + 2), True),
        (lambda: message(record(1, 8001, START + 1), address=2), True),
        (lambda: message(record(1, 8001, START + 1), address=9), True),
        (lambda: message(record(1, 8001, START + 1), endpoint="nonsense"), True),
        (lambda: forged("a..b:9000"), True),
        (lambda: forged("a." * 1_000 + "a:9000"), True),
        (lambda: forged("a\nb:9000"), True),
        (lambda: message(record(1, 8001, START + 1), voucher=b""), True),
        (lambda: NodeAddress(1, "unix:socket", START + 1, b""), True),
        (lambda: message(record(1, 8001, START + 1, host="127.0.0.1")), False),
        (lambda: message(record(1, 8001, START + 1, host="169.254.1.1")), False),
        (lambda: message(record(1, 7002, START + 1)), False),
    ],
    ids=["another's key", "another endpoint", "another counter", "another node", "no node", "no endpoint",
         "no name", "a long name", "a line break", "unsigned",
         "a socket", "loopback", "link-local", "taken"],
)  # fmt: skip
def test_what_is_not_signed_or_not_allowed_is_refused(
    known: Known, said: Callable[[], NodeAddress], forged: bool
) -> None:
    before = known.kept()
    with pytest.raises(AnnouncementRefused) as refused:
        known.book.take(said())
    assert refused.value.forged is forged
    assert (known.moved, known.kept()) == ([], before)


def test_who_moves_all_the_time_is_followed_once_a_minute(known: Known) -> None:
    for more in range(1, 100):
        known.book.take(message(record(1, 8000 + more, START + more)))
        known.time += SETTLED / 50
    assert len(known.moved) == 2


def test_its_own_address_is_a_nodes_own_matter(known: Known) -> None:
    assert not known.book.take(message(record(0, 8000, START + 5)))
    assert known.moved == []


def test_a_frame_with_no_text_is_none() -> None:
    frame = encode(Envelope(EnvelopeKind.NOW, 3, 0, (NodeAddress(1, "here", 1, b""),)))
    with pytest.raises(Malformed):
        decode(frame.replace(b"here", b"\xff\xfe\xff\xfe"))
