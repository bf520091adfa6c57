"""One party of a secure comparison: a process that its validator drives by lines of `wire` over its standard streams.

    python -m chain_bandit.comparison.party -M 3 -I 0 -L 15 -K 72 --no-log

The command line is MPyC's own, read when that is imported: parties, index, bits of a number, statistical security.
The process ends with its standard input, that is with its validator, however that ends.
"""

import asyncio
import hmac
import os
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import numpy as np
from mpyc.asyncoro import MessageExchanger
from mpyc.runtime import mpc

from chain_bandit.comparison.session import MpcSession
from chain_bandit.comparison.wire import Check, Compare, Compared, Link, Linked, Listening, Open, Opened, WireMessage
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.proposal import Bits
from chain_bandit.protocol.sharing import PRIME, opened, probe

HOST = "127.0.0.1"

Elements = dict[int, tuple[int, ...]]
"""By seat, the party's share of each count."""

_Kind = TypeVar("_Kind", bound=WireMessage)


class PartyChannel:
    """The validator's end: lines come in through a thread, so that their end is seen however busy the loop is."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()

    async def read(self, kind: type[_Kind]) -> _Kind:
        """The next line, which must be of that kind."""
        return kind.model_validate_json(await self._lines.get())

    def write(self, line: WireMessage) -> None:
        """Answer."""
        self._answers.write(line.model_dump_json().encode() + b"\n")

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(self._lines.put_nowait, line)
        os._exit(0)


async def serve(compare: Callable[[Sequence[int], Elements], Awaitable[dict[int, Bits]]]) -> None:
    """Link up with the other parties, then sit until the process ends."""
    desk = PartyChannel()
    token = (await desk.read(Open)).token
    with socket.create_server((HOST, 0)) as endpoint:
        desk.write(Listening(port=endpoint.getsockname()[1]))
        await link(endpoint, (await desk.read(Link)).ports, token)
    desk.write(Linked())
    while True:
        check = await desk.read(Check)
        session, signer = check.session, Signer(check.secret)
        elements = open_shares(check, session)
        probes = {seat: probe(values, session.asked[seat]) for seat, values in elements.items()}
        desk.write(Opened(probes=probes, signature=signer.sign(session.opened_digest(mpc.pid, probes))))

        question = await desk.read(Compare)
        said = heard(session, question)
        bits = await compare(question.floors, {seat: elements[seat] for seat in session.admitted(said)})
        desk.write(Compared(bits=bits, signature=signer.sign(session.bits_digest(mpc.pid, bits)), sent=sent()))


def open_shares(check: Check, session: MpcSession) -> Elements:
    """The shares that open; leaving out the others declares that they do not."""
    place, found = session.place(mpc.pid), {}
    for seat, (leaves, share) in check.dealt.items():
        values = opened(share, place, check.places, leaves, session.asked[seat], check.arms)
        if values is not None:
            found[seat] = values
    return found


def heard(session: MpcSession, question: Compare) -> list[dict[int, int]]:
    """The parties' statements on their shares. Raises ValueError where one did not sign its own."""
    verifier = Verifier()
    for index, (address, said) in enumerate(zip(question.addresses, question.opened, strict=True)):
        if not verifier.is_signed_by(address, session.opened_digest(index, said.probes), said.signature):
            raise ValueError(f"party {index} did not sign what it is said to have opened")
    return [said.probes for said in question.opened]


async def compare(floors: Sequence[int], elements: Elements) -> dict[int, Bits]:
    """The bits count > floor of every seat and arm, in one batch. Nothing but these bits is opened.

    A seat whose shared values were out of range may have neither 0 nor 1 for a bit: it has no bits then.
    """
    if not elements:
        return {}
    integers = mpc.SecInt(mpc.options.bit_length, PRIME)
    below = np.array(
        [[(floor - value) % PRIME for floor, value in zip(floors, row, strict=False)] for row in elements.values()],
        dtype=object,
    )  # the last value of a row is its mask
    signs = await mpc.output(mpc.np_sgn(integers.array(integers.field.array(below)), LT=True))
    rows = dict(zip(elements, signs.tolist(), strict=True))
    return {seat: tuple(bit == 1 for bit in row) for seat, row in rows.items() if {*row} <= {0, 1}}


async def link(endpoint: socket.socket, ports: Sequence[int], token: bytes) -> None:
    """Connect to the parties above this one and wait for those below, as MPyC does, but among holders of the token."""
    loop = asyncio.get_running_loop()
    endpoint.setblocking(False)
    for party in mpc.parties:
        party.protocol = loop.create_future() if party.pid == mpc.pid else None
    for index in range(mpc.pid + 1, len(mpc.parties)):
        peer = socket.socket()
        peer.setblocking(False)
        await loop.sock_connect(peer, (HOST, ports[index]))
        await loop.sock_sendall(peer, token)
        await loop.create_connection(partial(MessageExchanger, mpc, index), sock=peer)
    welcoming = loop.create_task(_welcome(endpoint, token))
    await mpc.parties[mpc.pid].protocol
    welcoming.cancel()


async def _welcome(endpoint: socket.socket, token: bytes) -> None:
    """Admit connections that show the token; a silent stranger delays no other connection."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as comers:
        while True:
            peer, _ = await loop.sock_accept(endpoint)
            comers.create_task(_admit(peer, token))


async def _admit(peer: socket.socket, token: bytes) -> None:
    with suppress(OSError):
        if hmac.compare_digest(await _read(peer, len(token)), token):
            await asyncio.get_running_loop().connect_accepted_socket(partial(MessageExchanger, mpc), peer)
            return
    peer.close()


async def _read(peer: socket.socket, size: int) -> bytes:
    """The first bytes that a peer sends, fewer if it stops."""
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < size:
        more = await loop.sock_recv(peer, size - len(data))
        if not more:
            break
        data += more
    return data


def sent() -> int:
    """Bytes that went to the other parties so far."""
    return sum(party.protocol.nbytes_sent for party in mpc.parties if party.pid != mpc.pid)


if __name__ == "__main__":
    mpc.run(serve(compare))
