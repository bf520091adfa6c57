"""Links between nodes that know each other by their certificates: TLS 1.3 both ways, bounded in every direction.

Each node dials every other and only writes there; on what others dialled it only reads. A frame is its length in four
bytes and so many bytes. Delivery is not guaranteed: a frame that cannot be delivered soon is dropped; retransmission is
left to the sender.
"""

import asyncio
import socket
import ssl
import threading
from asyncio.sslproto import SSLProtocol
from collections import Counter, deque
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from time import monotonic

from chain_bandit.crypto.vouching import fingerprint
from chain_bandit.network.address import family_of, host_and_port, is_private
from chain_bandit.network.wire import longest_of

ROOM, ROOM_BYTES = 64, 1 << 17
"""Frames that wait for one reader, in either direction, and their bytes on the way in: then its writer waits, or the
oldest goes."""

HANDSHAKE, IDLE, BEAT = 5.0, 30.0, 10.0
"""Seconds that a stranger may take to authenticate, that a link may be silent, and after which an idle writer sends a
heartbeat."""

STRANGERS, BACKLOG = 32, 128
"""Handshakes at a time, or one a peer where these are more, and callers that wait for theirs. Of too many goes one of
whichever network has most of them, the oldest."""

FEW_BEATS, LOOSE = 8, 2
"""Beats that any link may bring, and times as many as are due that it may bring besides: one more ends it."""

UNTAKEN = 1 << 12
"""Bytes that wait in TLS, while the socket takes none: a reader has none to write, a writer waits from here on."""

AGAIN, LONGEST = 0.05, 1.0
"""Seconds until a lost link is dialled again, or until the peer has called: doubled each time, up to the longest, which
a link has to last for the pause to begin anew."""

GATHER = 0.002
"""Seconds that the first frame waits for others that are expected with it: threads change hands once, not for each."""

SSLProtocol.max_size = 1 << 16
"""Bytes of the buffer of each link, of both directions, that asyncio fills with zeros and so keeps resident: a quarter
of what it has else, and four records of TLS. It is a setting of asyncio's own class, for all of the process."""

TLS_ERRORS = (OSError, EOFError)
"""What a lost link raises: those of TLS and of time are of the first kind, a frame that is cut off of the second."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a node listens, "unix:PATH" or "HOST:PORT", and its certificate (DER)."""

    endpoint: str
    certificate: bytes


class _Link(asyncio.StreamReaderProtocol):
    """Tells soon that what waits to be written is not taken."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self._link = transport
        transport.set_write_buffer_limits(UNTAKEN)


class _Inward(_Link):
    """Of a link that is only read: TLS alone writes there, when asked for new keys; a peer that takes none is cut."""

    def pause_writing(self) -> None:
        self._link.abort()


class _Outward(_Link):
    """Of a link that is only written: while nothing is taken nothing is read, such as calls for new keys."""

    is_taken = True

    def data_received(self, data: bytes) -> None:
        self._link.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_taken = False
        self._link.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_taken = True
        self._link.resume_reading()


class Links:
    """The links of one node, served by a thread of their own. Close them.

    Args:
        endpoint: where this node listens.
        identity: a file with its key and certificate, in PEM.
        peers: by address.
        private: whether peers may be at loopback, link-local and private addresses.

    Raises:
        OSError: nobody can listen there.
    """

    def __init__(self, endpoint: str, identity: Path, peers: Mapping[int, Peer], private: bool = True) -> None:
        self._peers, self._private = dict(peers), private
        self._known = {fingerprint(peer.certificate): address for address, peer in peers.items()}
        self._as_server, self._as_client = (self._context(identity, server) for server in (True, False))
        self._inbox: dict[int, deque[bytes]] = {address: deque() for address in peers}
        self._outbox: dict[int, deque[bytes]] = {address: deque(maxlen=ROOM) for address in peers}
        self._news, self._together, self._is_gathering = threading.Condition(), set[int](), False
        self._banned: set[int] = set()
        self._readers: dict[int, asyncio.Transport] = {}
        self._writers: dict[int, asyncio.WriteTransport] = {}
        self._strangers: dict[asyncio.Task[asyncio.Transport], bytes] = {}  # and where each calls from, oldest first
        self._listening: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._room = {address: asyncio.Event() for address in peers}
        self._resolvers = {address: ThreadPoolExecutor(1, "resolver") for address in peers}
        self._due = {address: asyncio.Event() for address in peers}
        self._came = {address: asyncio.Event() for address in peers}
        self._idle: set[int] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._thread.start()
        try:
            self._run(self._open(endpoint))
        except BaseException:
            self.close()
            raise

    def send(self, to: int, frame: bytes) -> None:
        """Put a frame on its way; where too many wait already the oldest is dropped."""
        if to in self._outbox:
            self._outbox[to].append(frame)
            self._loop.call_soon_threadsafe(self._due[to].set)

    def receive(
        self, seconds: float, but: frozenset[int] = frozenset(), together: frozenset[int] = frozenset()
    ) -> list[tuple[int, bytes]]:
        """What has come in, one frame a peer at most, with its sender; waits so long for the first.

        What comes from those in `but` stays where it is. The first waits a moment for those in `together`.

        Raises whatever a thread of links should not have: a node is not to be deaf without knowing.
        """
        until = monotonic() + seconds
        if self._broken is not None:
            raise self._broken
        with self._news:
            self._together = set(together)
            while not any(waiting for address, waiting in self._inbox.items() if address not in but):
                left = until - monotonic()
                if left <= 0 or not self._news.wait(left):
                    break  # what came just now, and waits for others, is taken
            from_whom = [address for address, waiting in self._inbox.items() if waiting and address not in but]
            was_full = [address for address in from_whom if self._is_full(address)]
            taken = [(address, self._inbox[address].popleft()) for address in from_whom]
        for address in was_full:
            self._loop.call_soon_threadsafe(self._room[address].set)
        return taken

    def move(self, peer: int, endpoint: str) -> None:
        """Dial a peer at another address from now on; it has to show the same certificate."""
        self._peers[peer] = Peer(endpoint, self._peers[peer].certificate)
        self._loop.call_soon_threadsafe(self._hang_up, peer)

    def ban(self, peer: int) -> None:
        """Read nothing more from a peer that wrote what no honest node writes, as long as this node runs."""
        self._banned.add(peer)
        with self._news:
            self._inbox[peer].clear()
        self._loop.call_soon_threadsafe(self._cut, peer)

    @property
    def present(self) -> frozenset[int]:
        """Peers that have dialled this node and are connected."""
        return frozenset(self._readers)

    @property
    def banned(self) -> frozenset[int]:
        """Peers that are not read any more."""
        return frozenset(self._banned)

    def close(self) -> None:
        """Let go of all links."""
        if self._loop.is_running():
            self._run(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for resolver in self._resolvers.values():
            resolver.shutdown(wait=False, cancel_futures=True)

    def _run(self, what: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result()

    async def _open(self, endpoint: str) -> None:
        if endpoint.startswith("unix:"):
            path = Path(endpoint.removeprefix("unix:"))
            if path.is_socket():  # of a previous run: the listening process holds the lock of the node's folder
                path.unlink()
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(str(path))
            self._listening.listen(BACKLOG)
        else:
            listens = host_and_port(endpoint)
            assert listens is not None, endpoint
            self._listening = socket.create_server(listens, family=family_of(listens[0]), backlog=BACKLOG)
        self._listening.setblocking(False)
        self._begin(self._listen(self._listening))
        for address in self._peers:
            self._begin(self._write(address))
        self._begin(self._beat())

    def _begin(self, what: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(what)
        self._tasks.add(task)  # the loop itself would let it be collected
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._listening is not None:
            self._listening.close()

    # --- reading

    async def _listen(self, endpoint: socket.socket) -> None:
        while True:
            try:
                line, caller = await self._loop.sock_accept(endpoint)
            except OSError:  # no descriptor left, or the caller gone
                await asyncio.sleep(AGAIN)
                continue
            self._begin(self._welcome(line, _network_of(caller[0]) if isinstance(caller, tuple) else b""))

    async def _welcome(self, line: socket.socket, network: bytes) -> None:
        """Read from peers that show a known certificate, the newest link of each."""
        reader = asyncio.StreamReader(loop=self._loop)
        handshake = self._loop.create_task(self._handshake(line, reader))
        self._strangers[handshake] = network
        if len(self._strangers) > max(STRANGERS, len(self._peers)):
            crowd = Counter(self._strangers.values())
            oldest = max(self._strangers, key=lambda each: crowd[self._strangers[each]])  # of equals it is the first
            del self._strangers[oldest]
            oldest.cancel()
        try:
            transport = await handshake
        except (*TLS_ERRORS, asyncio.CancelledError) as error:
            error.with_traceback(None)  # it holds buffers of TLS in a ring, until a garbage collector comes by
            line.close()
            return
        finally:
            self._strangers.pop(handshake, None)
        address: int | None = None
        try:
            address = self._known.get(fingerprint(_shown(transport)))
            if address is not None and address not in self._banned:
                self._cut(address)
                self._readers[address] = transport
                self._came[address].set()
                await self._read(address, reader, transport)
        except TLS_ERRORS:
            pass
        finally:
            if address is not None and self._readers.get(address) is transport:
                del self._readers[address]
            transport.abort()

    async def _handshake(self, line: socket.socket, reader: asyncio.StreamReader) -> asyncio.Transport:
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: _Inward(reader, loop=self._loop), line,
            ssl=self._as_server, ssl_handshake_timeout=HANDSHAKE,
        )  # fmt: skip
        return transport

    async def _read(self, address: int, reader: asyncio.StreamReader, link: asyncio.Transport) -> None:
        waiting, room = self._inbox[address], self._room[address]
        beats, began = 0, self._loop.time()
        heard = began
        async with asyncio.timeout(IDLE) as patience:
            while self._readers.get(address) is link:
                size = int.from_bytes(await reader.readexactly(4), "big")
                if size > longest_of(len(self._peers)):
                    self._banned.add(address)
                    return
                if not size:  # a heartbeat
                    beats += 1
                    if beats > FEW_BEATS + LOOSE * (self._loop.time() - began) / BEAT:
                        return  # no ban: this clock may have stood still, while the machine slept
                else:
                    if self._is_full(address):
                        patience.reschedule(None)
                        heard = 0.0
                        while self._is_full(address) and self._readers.get(address) is link:
                            room.clear()
                            await room.wait()
                        patience.reschedule(self._loop.time() + IDLE)
                    frame = await reader.readexactly(size)
                    with self._news:
                        if self._readers.get(address) is not link or address in self._banned:
                            return  # a newer link of the peer has woken this one, whose buffer is whole still
                        waiting.append(frame)
                        self._together.discard(address)
                        if not self._together:
                            self._news.notify()
                        elif not self._is_gathering:
                            self._is_gathering = True
                            self._loop.call_later(GATHER, self._gathered)
                if (now := self._loop.time()) > heard + IDLE / 8:
                    patience.reschedule(now + IDLE)
                    heard = now

    def _gathered(self) -> None:
        with self._news:
            self._is_gathering = False
            self._together.clear()
            self._news.notify()

    def _is_full(self, address: int) -> bool:
        waiting = self._inbox[address]
        return len(waiting) >= ROOM or sum(map(len, tuple(waiting))) >= ROOM_BYTES

    def _cut(self, address: int) -> None:
        old = self._readers.pop(address, None)
        if old is not None:
            old.abort()
            self._room[address].set()

    # --- writing

    async def _beat(self) -> None:
        """Send a heartbeat to idle peers."""
        while True:
            self._idle = set(self._peers)
            await asyncio.sleep(BEAT / 2)  # a beat counts as traffic, so that every second look sends one
            for address in self._idle:
                if not self._outbox[address]:  # an absent peer is to find one beat at most: many at once end the link
                    self._outbox[address].append(b"")
                    self._due[address].set()

    async def _write(self, address: int) -> None:
        pause = AGAIN
        while True:
            if await self._lasted(address) > LONGEST:
                pause = AGAIN
            self._came[address].clear()
            await asyncio.sleep(AGAIN)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause - AGAIN):
                    await self._came[address].wait()
            pause = min(2 * pause, LONGEST)

    async def _lasted(self, address: int) -> float:
        """Dial, and write until the link is lost; seconds for which there was one."""
        try:
            link, writer = await self._dial(address)
        except (*TLS_ERRORS, ValueError):  # of names that no resolver takes, such as "a..b", come ValueErrors
            return 0.0
        began = self._loop.time()
        try:
            self._writers[address] = writer.transport
            await self._pass_on(address, link, writer)
        except TLS_ERRORS:
            pass
        finally:
            writer.transport.abort()
        return self._loop.time() - began

    def _hang_up(self, address: int) -> None:
        if address in self._writers:
            self._writers.pop(address).abort()

    async def _dial(self, address: int) -> tuple[_Outward, asyncio.StreamWriter]:
        peer = self._peers[address]
        reader = asyncio.StreamReader(loop=self._loop)
        link = _Outward(reader, loop=self._loop)
        async with asyncio.timeout(HANDSHAKE):
            if peer.endpoint.startswith("unix:"):
                path = peer.endpoint.removeprefix("unix:")
                transport, _ = await self._loop.create_unix_connection(
                    lambda: link, path, ssl=self._as_client, server_hostname=""
                )
            else:
                host, _, port = peer.endpoint.rpartition(":")
                resolved = await self._resolved(address, host.strip("[]"), int(port))
                transport, _ = await self._loop.create_connection(
                    lambda: link, resolved, int(port), ssl=self._as_client, server_hostname=""
                )
        writer = asyncio.StreamWriter(transport, link, reader, self._loop)
        if _shown(writer.transport) != peer.certificate:
            writer.transport.abort()
            raise ConnectionError("somebody else is there")
        return link, writer

    async def _resolved(self, address: int, host: str, port: int) -> str:
        """The address that a host's name is for, asked for once, so that it cannot change before it is dialled.

        An address by number is taken as it is. Names wait for those of the same peer alone: resolvers may hang.

        Raises `ConnectionError` where that is a private one and the game allows none.
        """
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = look_up(flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            found = await self._loop.run_in_executor(self._resolvers[address], look_up)
        for *_, where in found:
            if self._private or not is_private(str(where[0]).partition("%")[0]):
                return str(where[0])
        raise ConnectionError("no address that this game allows")

    async def _pass_on(self, address: int, link: _Outward, writer: asyncio.StreamWriter) -> None:
        waiting, due = self._outbox[address], self._due[address]
        while True:
            due.clear()
            while waiting:
                if writer.transport.is_closing():
                    raise ConnectionResetError
                frame = waiting.popleft()
                writer.write(len(frame).to_bytes(4, "big") + frame)
                if not link.is_taken:
                    async with asyncio.timeout(IDLE):
                        await writer.drain()
            self._idle.discard(address)
            await due.wait()

    def _context(self, identity: Path, server: bool) -> ssl.SSLContext:
        """Both sides show certificates; a known one stands for itself, no other authority for anybody."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        if server:
            context.num_tickets = 0
        context.load_cert_chain(identity)
        for peer in self._peers.values():
            context.load_verify_locations(cadata=peer.certificate)
        return context


def _shown(link: asyncio.BaseTransport) -> bytes:
    """The certificate of the other side. Raises `ConnectionError` where the link is lost already."""
    tls = link.get_extra_info("ssl_object")
    shown: bytes | None = tls.getpeercert(binary_form=True) if tls is not None else None
    if shown is None:
        raise ConnectionResetError
    return shown


def _network_of(host: str) -> bytes:
    """What one caller may have many addresses of: of IPv6 the first 64 bits, of IPv4 nothing but its own."""
    return ip_address(host).packed[:8]
