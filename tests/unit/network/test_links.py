"""Links over real sockets: authentication, and what a peer or a stranger cannot do to a node."""

import _ssl
import asyncio
import ctypes
import gc
import socket
import ssl
import threading
import time
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chain_bandit.crypto.certificates import public_part, self_signed
from chain_bandit.network import links as module
from chain_bandit.network.links import ROOM, Links, Peer
from chain_bandit.network.wire import MOST_BYTES

NODES = (0, 1, 2)


class Net:
    """Some nodes that know each other, on sockets in a folder."""

    def __init__(self, place: Path) -> None:
        self.place, self.open = place, dict[int, Links]()
        self.certificates = {}
        for number in NODES:
            self.pem(number).write_bytes(self_signed(f"node {number}"))
            self.certificates[number] = public_part(self.pem(number).read_bytes())

    def pem(self, number: int) -> Path:
        return self.place / f"{number}.pem"

    def socket_of(self, number: int) -> Path:
        return self.place / f"{number}.socket"

    def start(self, number: int) -> Links:
        peers = {
            each: Peer(f"unix:{self.socket_of(each)}", certificate)
            for each, certificate in self.certificates.items()
            if each != number
        }
        return self.start_at(f"unix:{self.socket_of(number)}", number, peers)

    def start_at(self, endpoint: str, number: int, peers: dict[int, Peer]) -> Links:
        self.open[number] = Links(endpoint, self.pem(number), peers)
        return self.open[number]

    def raw(self, as_whom: int, to: int) -> ssl.SSLSocket:
        """A link by hand, under that key."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(self.pem(as_whom))
        return context.wrap_socket(self.plain(to))

    def plain(self, to: int) -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(10)
        line.connect(str(self.socket_of(to)))
        return line

    def listening(self, number: int) -> socket.socket:
        """A node's own endpoint, by hand."""
        endpoint = socket.socket(socket.AF_UNIX)
        endpoint.bind(str(self.socket_of(number)))
        endpoint.listen()
        return endpoint

    def welcomed(self, endpoint: socket.socket, number: int) -> ssl.SSLSocket:
        """The link of the next caller there, accepted under that node's key."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem(number))
        return context.wrap_socket(endpoint.accept()[0], server_side=True)


class Rekeying:
    """TLS by hand, whose side asks for new keys as often as it likes and reads no answer: `ssl` has no such call."""

    def __init__(self, line: socket.socket, pem: Path, as_server: bool = False) -> None:
        self._tls, self._line = ctypes.CDLL(_ssl.__file__), line  # the library that `ssl` itself uses
        context = self._call("SSL_CTX_new", self._call("TLS_server_method" if as_server else "TLS_client_method"))
        assert self._call("SSL_CTX_use_certificate_chain_file", context, str(pem).encode()) == 1
        assert self._call("SSL_CTX_use_PrivateKey_file", context, str(pem).encode(), 1) == 1
        self._link = self._call("SSL_new", context)
        line.settimeout(None)
        self._call("SSL_set_fd", self._link, line.fileno())
        assert self._call("SSL_accept" if as_server else "SSL_connect", self._link) == 1
        self._made = self._call("BIO_new", self._call("BIO_s_mem"))
        self._call("SSL_set0_wbio", self._link, self._made)

    def _call(self, name: str, *arguments: int | bytes | None) -> int:
        function = getattr(self._tls, name)
        function.restype = ctypes.c_ssize_t
        return function(*(ctypes.c_void_p(each) if isinstance(each, int) and each > 9 else each for each in arguments))

    def bytes_let_in(self, most: int) -> int:
        """Ask for new keys until the other side reads no more for two seconds; raises where it hangs up."""
        self._line.settimeout(2)
        sent, data = 0, ctypes.create_string_buffer(1 << 16)
        while sent < most:
            for _ in range(200):
                assert self._call("SSL_key_update", self._link, 1) == 1
                assert self._call("SSL_do_handshake", self._link) == 1
            got = self._tls.BIO_read(ctypes.c_void_p(self._made), data, len(data))
            try:
                self._line.sendall(data.raw[:got])
            except TimeoutError:
                break
            sent += got
        return sent


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path)
    yield made
    for each in made.open.values():
        each.close()


def wait(condition: Callable[[], object], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.005)  # between two looks at the condition: links are served by a thread of their own


def heard(links: Links, count: int) -> list[tuple[int, bytes]]:
    got: list[tuple[int, bytes]] = []
    wait(lambda: got.extend(links.receive(0.05)) or len(got) >= count)
    return got


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def closed(line: socket.socket) -> bool:
    """Whether the other side has hung up."""
    try:
        return line.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def written_until_it_waits(line: socket.socket, frame: bytes, most: int) -> int:
    """How many frames the other side lets in."""
    for sent in range(most):
        try:
            line.sendall(frame)
        except TimeoutError:
            return sent
    return most


def refuses(net: Net) -> bool:
    """Whether node 0 ends the handshake, or hangs up at the first word."""
    try:
        line = net.raw(1, 0)
        line.sendall(framed(b"hello"))
    except OSError:
        return True
    return closed(line)


def test_frames_arrive_in_order_from_whom_they_are(net):
    a, b = net.start(0), net.start(1)
    for number in range(20):
        a.send(1, b"%d" % number)
    assert heard(b, 20) == [(0, b"%d" % number) for number in range(20)]
    b.send(0, bytes(MOST_BYTES))
    assert heard(a, 1) == [(1, bytes(MOST_BYTES))]


def test_a_node_that_comes_later_or_again_gets_what_is_sent_then(net):
    a = net.start(0)
    a.send(1, b"early")
    b = net.start(1)
    assert heard(b, 1) == [(0, b"early")]
    net.open.pop(1).close()
    again = net.start(1)

    def arrived() -> bool:
        a.send(1, b"again")
        return (0, b"again") in again.receive(0.02)

    wait(arrived)


def test_a_peer_that_is_away_costs_no_more_than_the_last_frames(net):
    a = net.start(0)
    for number in range(10 * ROOM):
        a.send(1, b"%d" % number)
    got = heard(net.start(1), ROOM)
    assert got[-1] == (0, b"%d" % (10 * ROOM - 1))
    assert len(got) == ROOM


def test_a_stranger_with_a_certificate_of_its_own_is_refused(net, tmp_path):
    a = net.start(0)
    (tmp_path / "stranger.pem").write_bytes(self_signed("node 1"))
    net.pem = lambda number: tmp_path / "stranger.pem"
    assert refuses(net)
    assert a.receive(0.2) == []


def test_an_endpoint_that_somebody_else_opened_is_not_spoken_to(net):
    """Node 2 listens where node 1 should."""
    peers = {0: Peer(f"unix:{net.socket_of(0)}", net.certificates[0])}
    net.open[2] = Links(f"unix:{net.socket_of(1)}", net.pem(2), peers)
    a = net.start(0)
    a.send(1, b"for 1 alone")
    assert net.open[2].receive(0.3) == []


def test_the_largest_frame_is_read_and_one_byte_more_ends_the_link_for_good(net):
    a = net.start(0)
    line = net.raw(1, 0)
    largest = b"\7" * MOST_BYTES
    line.sendall(framed(largest))
    assert heard(a, 1) == [(1, largest)]
    assert a.banned == frozenset()
    line.sendall(framed(largest + b"\7")[:-MOST_BYTES])  # its length alone tells
    assert closed(line)
    assert a.banned == {1}
    assert closed(net.raw(1, 0))
    other = net.raw(2, 0)
    other.sendall(framed(b"still read"))
    assert heard(a, 1) == [(2, b"still read")]


def test_a_banned_peer_is_not_read_any_more(net):
    a = net.start(0)
    line = net.raw(1, 0)
    line.sendall(framed(b"junk") * 5)
    assert heard(a, 1)[0] == (1, b"junk")
    a.ban(1)
    assert closed(line)
    assert a.receive(0.1) == []


def test_a_flood_waits_in_its_own_socket_and_the_others_are_heard(net):
    a, frame = net.start(0), framed(bytes(MOST_BYTES))
    line, quiet = net.raw(1, 0), net.raw(2, 0)
    line.settimeout(0.5)
    sent = written_until_it_waits(line, frame, 10 * ROOM)
    assert sent < 4  # one waits, and TLS and the socket hold some; with a room of 1 MiB it was four
    quiet.sendall(framed(b"hello"))
    wait(lambda: (2, b"hello") in a.receive(0.05))


def test_a_peer_that_connects_again_and_again_gets_no_frame_more_into_a_full_inbox(net):
    """The reader of the link before is woken with a whole frame in its buffer."""
    a, lines = net.start(0), []
    for _ in range(12):
        line = net.raw(1, 0)
        wait(lambda: 1 in a.present)
        line.settimeout(0.2)
        written_until_it_waits(line, framed(bytes(1 << 17)), 4)
        lines.append(line)
    assert len(a._inbox[1]) <= 2
    assert sum(map(len, a._inbox[1])) <= 2 * module.ROOM_BYTES


def test_a_link_has_a_buffer_of_a_quarter_of_what_asyncio_gives_it(net):
    """Of 64 nodes each has 126 links, whose buffers are resident though hardly used."""
    net.start(0)
    line = net.raw(1, 0)
    wait(lambda: net.open[0].present)
    buffers = {len(each._ssl_buffer) for each in gc.get_objects() if type(each) is SSLProtocol}
    assert buffers == {1 << 16}
    line.close()


def test_a_stranger_that_says_nothing_is_cut_off(net, monkeypatch):
    monkeypatch.setattr(module, "HANDSHAKE", 0.3)
    net.start(0)
    assert closed(net.plain(0))


def test_a_peer_that_begins_a_frame_and_falls_silent_is_cut_off(net, monkeypatch):
    monkeypatch.setattr(module, "IDLE", 0.3)
    net.start(0)
    line = net.raw(1, 0)
    line.sendall(b"\0")
    assert closed(line)


def test_many_half_open_links_keep_nobody_out(net, monkeypatch):
    monkeypatch.setattr(module, "HANDSHAKE", 60.0)
    a = net.start(0)
    lines = [net.plain(0) for _ in range(3 * module.STRANGERS)]
    line = net.raw(1, 0)
    line.sendall(framed(b"hello"))
    assert heard(a, 1) == [(1, b"hello")]
    assert closed(lines[0])


def test_an_idle_link_lives(net, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.1)
    monkeypatch.setattr(module, "IDLE", 0.4)
    a, b = net.start(0), net.start(1)
    a.send(1, b"one")
    heard(b, 1)
    dialled, dial = [], Links._dial

    async def counted(self, address):
        dialled.append(self._peers[address].endpoint)
        return await dial(self, address)

    monkeypatch.setattr(Links, "_dial", counted)
    assert b.receive(1.0) == []
    a.send(1, b"two")
    assert heard(b, 1) == [(0, b"two")]
    assert f"unix:{net.socket_of(1)}" not in dialled
    assert dialled  # node 2, which is away


def test_beats_as_they_are_due_are_read_and_many_more_end_the_link(net, monkeypatch):
    """Each is taken by the links' own thread, and costs its writer four bytes."""
    a = net.start(0)
    line = net.raw(1, 0)
    line.sendall(framed(b"") * module.FEW_BEATS + framed(b"hello"))
    assert heard(a, 1) == [(1, b"hello")]
    assert a.banned == frozenset()
    line.sendall(framed(b"") * 2)
    assert closed(line)
    assert a.banned == frozenset(), "a node that wakes finds many at once"
    net.raw(1, 0).sendall(framed(b"again"))
    assert heard(a, 1) == [(1, b"again")]
    monkeypatch.setattr(module, "BEAT", 0.01)
    other = net.raw(2, 0)
    for _ in range(3 * module.FEW_BEATS):
        other.sendall(framed(b""))
        time.sleep(module.BEAT)  # no wait for a condition: a beat each BEAT is the pace that has to be let in
    other.sendall(framed(b"hello"))
    assert heard(a, 1) == [(2, b"hello")]


def test_no_beats_wait_for_a_peer_that_is_away(net, monkeypatch):
    """All of them would come at once, and end the link: nodes of an open game wait for hours for who is late."""
    monkeypatch.setattr(module, "BEAT", 0.02)
    looks, sleep = [], asyncio.sleep

    async def counted(seconds):
        looks.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", counted)
    a = net.start(0)
    a.send(1, b"early")
    wait(lambda: looks.count(module.BEAT / 2) > 3 * module.FEW_BEATS)
    monkeypatch.setattr(module, "BEAT", 10.0)  # as it is due
    late = net.start(1)
    assert heard(late, 1) == [(0, b"early")]
    link = list(late._readers.values())
    a.send(1, b"then")
    assert heard(late, 1) == [(0, b"then")]
    assert list(late._readers.values()) == link, "it was not cut"


def test_what_is_there_when_the_time_is_over_is_taken(net, monkeypatch):
    """Though others were expected with it."""
    monkeypatch.setattr(module, "GATHER", 60.0)
    a, b = net.start(0), net.start(1)
    a.send(1, b"ready")
    heard(b, 1)
    threading.Timer(0.1, a.send, (1, b"in time")).start()
    assert b.receive(1.0, together=frozenset({0, 2})) == [(0, b"in time")]


def test_who_asks_for_new_keys_and_takes_no_answer_is_cut_off(net):
    net.start(0)
    link = Rekeying(net.plain(0), net.pem(1))
    with pytest.raises(ConnectionError):
        link.bytes_let_in(1 << 20)


def test_an_endpoint_that_asks_for_new_keys_and_takes_nothing_is_not_read(net):
    """Node 1 listens at its own endpoint, by hand."""
    endpoint = net.listening(1)
    net.start(0)
    link = Rekeying(endpoint.accept()[0], net.pem(1), as_server=True)
    assert link.bytes_let_in(1 << 20) < 1 << 20


def test_an_endpoint_that_speaks_is_left(net):
    """A node never writes on a link that another one dialled."""
    endpoint = net.listening(1)
    net.start(0)
    link = net.welcomed(endpoint, 1)
    link.settimeout(10)
    link.sendall(b"1")
    assert closed(link)


def test_what_comes_from_those_who_are_not_read_stays_where_it_is(net):
    a = net.start(0)
    for number in (1, 2):
        net.raw(number, 0).sendall(framed(b"%d" % number))
    wait(lambda: all(a._inbox.values()))
    assert a.receive(0.1, frozenset({1})) == [(2, b"2")]
    assert a.receive(0.1, frozenset({1})) == []
    assert a.receive(0.1) == [(1, b"1")]


def test_a_peer_that_moves_is_dialled_at_its_new_address_and_has_to_show_its_certificate(net: Net) -> None:
    """A stranger at the old address, or at an announced one, is not written to."""
    first, second = net.start(0), net.start(1)
    first.send(1, b"here")
    assert second.receive(10.0) == [(0, b"here")]
    net.open.pop(1).close()
    elsewhere = net.place / "elsewhere"
    others = {0: Peer(f"unix:{net.socket_of(0)}", net.certificates[0])}
    stranger = Links(f"unix:{net.socket_of(2)}", net.pem(2), others)
    moved = Links(f"unix:{elsewhere}", net.pem(1), others)
    try:
        first.move(1, f"unix:{net.socket_of(2)}")
        first.send(1, b"not for others")
        assert stranger.receive(1.0) == []
        first.move(1, f"unix:{elsewhere}")
        until = time.monotonic() + 10
        got: list[tuple[int, bytes]] = []
        while not got and time.monotonic() < until:
            first.send(1, b"there")
            got = moved.receive(0.1)
        assert got[0][0] == 0
        assert stranger.receive(0.1) == []
    finally:
        stranger.close()
        moved.close()


def test_the_first_of_several_that_are_expected_waits_for_the_others_but_not_for_long(net, monkeypatch):
    monkeypatch.setattr(module, "GATHER", 0.5)
    a, b, c = net.start(0), net.start(1), net.start(2)
    for each in (b, c):
        each.send(0, b"hello")
    wait(lambda: len(a._inbox[1]) + len(a._inbox[2]) == 2)
    assert len(a.receive(5.0, frozenset(), frozenset({1, 2}))) == 2, "what is there is not waited for"
    began = time.monotonic()
    for delay, sender, frame in ((0.1, b, b"first"), (0.2, c, b"second"), (1.0, b, b"alone")):
        threading.Timer(delay, sender.send, (0, frame)).start()
    assert a.receive(9.0, frozenset(), frozenset({1, 2})) == [(1, b"first"), (2, b"second")]
    assert a.receive(9.0, frozenset(), frozenset({1, 2})) == [(1, b"alone")]
    assert time.monotonic() - began < 8.0


def test_a_peer_that_is_back_is_dialled_as_soon_as_it_has_called(net, monkeypatch):
    """And not after a pause that has grown while it was away; its own dial is the first sign of it."""
    monkeypatch.setattr(module, "LONGEST", 60.0)
    a = net.start(0)
    time.sleep(3.3)  # no wait for a condition: pauses grow while nobody is there, and the next one is as long
    a.send(1, b"hello")
    began = time.monotonic()
    assert heard(net.start(1), 1) == [(0, b"hello")]
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("endpoint", ["a..b:9000", "\0:9000", f"{'x' * 64}.net:9000", f"unix:/{'x' * 200}"])
def test_an_address_that_nobody_can_dial_is_a_peer_that_is_away(net, monkeypatch, endpoint):
    """A peer may announce what it likes; the node goes on, and dials it again."""
    dialled, dial = [], Links._dial

    async def counted(self, address):
        dialled.append(self._peers[address].endpoint)
        return await dial(self, address)

    monkeypatch.setattr(Links, "_dial", counted)
    a, b = net.start(0), net.start(1)
    a.move(2, endpoint)
    wait(lambda: dialled.count(endpoint) > 2)
    a.send(1, b"hello")
    assert heard(b, 1) == [(0, b"hello")]
    b.send(0, b"hello")
    assert heard(a, 1) == [(1, b"hello")]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_names_that_hang_keep_no_other_peer_from_being_dialled(net, monkeypatch):
    """One look-up at a time for each peer, and none for a number."""
    monkeypatch.setattr(module, "HANDSHAKE", 0.1)
    real, over, asked, threads, dials = socket.getaddrinfo, threading.Event(), [], set(), []
    dial = Links._dial

    def hangs(host, *args, **more):
        if host == "127.0.0.1":
            threads.add(threading.current_thread())
        if host == "127.0.0.1" or more.get("flags"):
            return real(host, *args, **more)
        asked.append(host)
        over.wait(30)
        raise socket.gaierror

    async def counted(self, address):
        dials.append(address)
        return await dial(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    monkeypatch.setattr(Links, "_dial", counted)
    port = free_port()
    peers = {1: f"127.0.0.1:{port}", 2: "tarpit.example:9000"}
    try:
        a = net.start_at(f"unix:{net.socket_of(0)}", 0, {n: Peer(at, net.certificates[n]) for n, at in peers.items()})
        wait(lambda: dials.count(2) > 2)
        assert asked == ["tarpit.example"]
        b = net.start_at(f"127.0.0.1:{port}", 1, {0: Peer(f"unix:{net.socket_of(0)}", net.certificates[0])})
        wait(lambda: a.send(1, b"hello") or (0, b"hello") in b.receive(0.05))
        assert threads == {a._thread}
    finally:
        over.set()


def test_strangers_from_one_place_keep_nobody_out_elsewhere(net, monkeypatch):
    """However slow a peer's handshake is."""
    monkeypatch.setattr(module, "HANDSHAKE", 60.0)
    port = free_port()
    a = net.start_at(f"127.0.0.1:{port}", 0, {1: Peer("127.0.0.1:9", net.certificates[1])})
    slow = socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.2", 0))
    lines = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(3 * module.STRANGERS)]
    assert all(closed(line) for line in lines[: 2 * module.STRANGERS])
    monkeypatch.setattr(net, "plain", lambda to: slow)
    net.raw(1, 0).sendall(framed(b"hello"))
    assert heard(a, 1) == [(1, b"hello")]


def test_callers_of_one_ipv6_network_are_one_crowd():
    one, other, elsewhere = map(module._network_of, ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"))
    assert one == other != elsewhere
    assert module._network_of("192.0.2.1") != module._network_of("192.0.2.2")


def test_a_peer_that_leaves_after_each_handshake_is_dialled_ever_more_slowly(net):
    endpoint = net.listening(1)
    a, came = net.start(0), list[float]()

    def leaves() -> None:
        while len(came) < 5:
            link = net.welcomed(endpoint, 1)
            came.append(time.monotonic())
            link.close()

    thread = threading.Thread(target=leaves)
    thread.start()
    wait(lambda: a.send(1, b"hello") or not thread.is_alive())
    assert came[-1] - came[0] > 15 * module.AGAIN - 0.05


def test_a_file_that_is_no_socket_is_not_replaced(net: Net) -> None:
    path = net.socket_of(0)
    path.write_text("notes")
    with pytest.raises(OSError, match="in use"):
        net.start(0)
    assert path.read_text() == "notes"
