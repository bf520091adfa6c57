"""Exhaustive model check of a corrupt commander's signed broadcast: all adversary behaviours, the real machines.

In every step the adversary chooses for each honest seat which of the commander's values reach it, and in which order
they come, those among them that the honest relay; each comes with the signatures of all corrupt seats and of every
honest seat that has relayed it so far. Fewer signatures or bad ones would gain nothing: what a machine accepts with a
chain it accepts with a longer one, and a chain that is not accepted is as one that is not sent.

Executions that end a step alike are taken further together, and counted apart: alike are those that differ only in the
names of honest seats, or of values, unless the caller states otherwise.

    python -m verification.schedules.exhaustive    explore a broadcast of four with certified vectors, and record it
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product
from math import prod
from typing import Any

from chain_bandit.consensus.broadcast import Claim, Frame, SignedBroadcast
from chain_bandit.consensus.echo import EchoBroadcast
from chain_bandit.consensus.vector import NO_SEAT, Vector, VectorBroadcast, vector_content
from chain_bandit.crypto.keys import derive
from chain_bandit.protocol.blocks import SIGNATURE_BYTES, mask
from chain_bandit.protocol.messages import Phase, Role, Slot, broadcast_value, statement_content
from verification.played import record
from verification.schedules.keyring import Book, IdealScribe, IdealVerifier

Local = tuple[frozenset[int], frozenset[int]]
"""What an honest seat holds, and which of it it has yet to relay."""

Projection = Callable[[tuple[Local, ...]], Hashable]


@dataclass(frozen=True)
class Explored:
    """What was found.

    Attributes:
        executions: ways through all steps.
        states: different ones, after all steps together.
        disagreements: executions after which two honest seats come to different outcomes.
        unproven: executions in which two honest seats accept different contents and nobody has a proof.
    """

    executions: int
    states: int
    disagreements: int
    unproven: int


def explore(
    validators: int,
    attackers: int,
    values: int,
    relay_rounds: int | None = None,
    phase: Phase = Phase.REPORT,
    alike: Projection | None = None,
    echo: bool = False,
    quorum: int | None = None,
) -> Explored:
    """All executions of one broadcast.

    Args:
        attackers: m, the commander one of them.
        values: how many the commander may sign.
        relay_rounds: m, unless told otherwise.
        alike: what is the same of two states that are taken further together.
        echo: of reports, whose relays go only to validators that lack them (`consensus.echo`).
        quorum: with an echo, of which so many that are alike are a certified vector (`consensus.vector`).
    """
    rounds = attackers if relay_rounds is None else relay_rounds
    if quorum is not None:
        vectors = _VectorExplorer(validators, attackers, values, rounds, phase, quorum)
        return vectors.explore(cache(but_for_names_of_all))
    if echo:
        return _EchoExplorer(validators, attackers, values, rounds, phase).explore(cache(but_for_names_of_all))
    return _Explorer(validators, attackers, values, rounds, phase).explore(alike or cache(but_for_names))


class _Explorer:
    def __init__(self, validators: int, attackers: int, values: int, relay_rounds: int, phase: Phase) -> None:
        self.honest, self.values, self.last, self.phase = validators - attackers, values, relay_rounds, phase
        book = Book()
        self.signers = [IdealScribe(derive(99, "participant", seat), book) for seat in range(validators)]
        self.slot = Slot(b"\1" * 32, 9, b"\2" * 32)
        self.commander = validators - 1
        size, everybody = 32, (1 << validators) - 1
        addresses = [signer.address for signer in self.signers]
        self.machines = tuple(
            SignedBroadcast(
                phase, self.slot, seat, addresses, everybody, everybody, size, relay_rounds, self.signers[seat],
                IdealVerifier(book),
            )
            for seat in range(self.honest)
        )  # fmt: skip
        self.signed = [self._signed(bytes([value + 1]) * size) for value in range(values)]
        self.number = {claim[:3]: value for value, claim in enumerate(self.signed)}

    def explore(self, alike: Projection) -> Explored:
        states: dict[Hashable, tuple[tuple[SignedBroadcast, ...], int]] = {None: (self.machines, 1)}
        seen = 1
        for step in range(self.last + 1):
            following: dict[Hashable, tuple[tuple[SignedBroadcast, ...], int]] = {}
            for machines, count in states.values():
                for local, after, ways in self._step(step, machines):
                    key = alike(local)
                    kept, before = following.get(key, (after, 0))
                    following[key] = (kept, before + count * ways)
            states, seen = following, seen + len(following)
        ends = list(states.values())
        return Explored(
            sum(count for _, count in ends),
            seen,
            sum(count for machines, count in ends if self._disagree(machines)),
            sum(count for machines, count in ends if self._unproven(machines)),
        )

    def _step(
        self, step: int, machines: tuple[SignedBroadcast, ...]
    ) -> Iterator[tuple[tuple[Local, ...], tuple[SignedBroadcast, ...], int]]:
        """Every way that a step can go: what the seats are after it, alike and themselves, and in how many ways."""
        before, relayed = tuple(map(_forked, machines)), dict[int, list[Claim]]()
        if step:
            for machine in before:
                frame = machine.relays()
                for claim in frame.claims if frame else ():
                    relayed.setdefault(self.number[claim[:3]], []).append(claim)
        injected = [self._injected(value, before) for value in range(self.values)]
        each = [
            list(self._received(step, seat, machine, relayed, injected)) for seat, machine in enumerate(before)
        ]
        yield from _together(each)

    def _received(
        self, step: int, seat: int, machine: SignedBroadcast, relayed: dict[int, list[Claim]], injected: list[Claim]
    ) -> Iterator[tuple[Local, SignedBroadcast, int]]:
        """What one seat may become in a step: relays of the others reach it, and what the adversary likes."""
        coming = {
            value: [claim for claim in claims if claim.relays[-1][0] != seat] for value, claims in relayed.items()
        }
        must = {value for value, claims in coming.items() if claims}
        found: dict[Local, tuple[SignedBroadcast, int]] = {}
        for size in range(len(must), self.values + 1):
            for order in permutations(range(self.values), size):
                if not must <= set(order):
                    continue
                after = _forked(machine)
                for value in order:
                    for claim in (*coming.get(value, ()), injected[value]):
                        self._give(after, step, claim)
                state = self._local(after)
                kept, count = found.get(state, (after, 0))
                found[state] = (kept, count + 1)
        yield from ((state, *reached) for state, reached in found.items())

    def _signed(self, content: bytes) -> Claim:
        digest = self.slot.digest(
            self.phase, Role.COMMANDER, self.commander, statement_content(self.phase, content)
        )
        return Claim(self.commander, content, self.signers[self.commander].sign(digest))

    def _injected(self, value: int, machines: tuple[SignedBroadcast, ...]) -> Claim:
        """The value with every signature that the adversary has of it."""
        claim = self.signed[value]
        digest = self.slot.digest(
            self.phase, Role.RELAY, self.commander, broadcast_value(self.phase, claim.content, claim.signature)
        )
        relayed = [
            seat for seat, machine in enumerate(machines)
            if value in self._numbers(machine._held[self.commander].values()) - self._numbers(machine._fresh)
        ]  # fmt: skip
        signers = [*relayed, *range(self.honest, self.commander)]
        return claim._replace(relays=tuple((seat, self.signers[seat].sign(digest)) for seat in signers))

    def _numbers(self, claims: Iterable[Claim]) -> frozenset[int]:
        return frozenset(self.number[claim[:3]] for claim in claims)

    def _give(self, machine: Any, step: int, claim: Claim) -> None:
        machine.on_frame(step, Frame(self.phase, (claim,)))

    def _local(self, machine: Any) -> Any:
        return self._numbers(machine._held[self.commander].values()), self._numbers(machine._fresh)

    def _disagree(self, machines: tuple[SignedBroadcast, ...]) -> bool:
        outcomes = (machine.outcome(self.commander) for machine in machines)
        return len({claim and claim[:3] for claim in outcomes}) > 1

    def _unproven(self, machines: tuple[SignedBroadcast, ...]) -> bool:
        held = {content for machine in machines for content, _ in machine._held[self.commander]}
        return len(held) > 1 and not any(machine.equivocations() for machine in machines)


class _EchoExplorer(_Explorer):
    """So with an echo: what each has shown to hold is part of a state. All echoes come in their step."""

    def __init__(self, validators: int, attackers: int, values: int, relay_rounds: int, phase: Phase) -> None:
        super().__init__(validators, attackers, values, relay_rounds, phase)
        self.last = relay_rounds + 1
        everybody, addresses = (1 << validators) - 1, [signer.address for signer in self.signers]
        self.machines = tuple(
            EchoBroadcast(
                self.slot, seat, addresses, everybody, everybody, 32, relay_rounds, self.signers[seat],
                machine._verifier,
            )
            for seat, machine in enumerate(self.machines)
        )  # fmt: skip

    def _step(self, step: int, machines: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], int]]:
        before = tuple(map(_forked, machines))
        pushed: list[dict[int, list[Claim]]] = [{} for _ in before]
        if step == 1:
            for seat, echo in enumerate([machine.echo() for machine in before]):
                for machine in before:
                    machine.on_echo(seat, echo)
        elif step:
            for machine in before:
                for peers, frame in machine.pushes():
                    for peer in peers:
                        for claim in frame.claims if peer < self.honest else ():
                            pushed[peer].setdefault(self.number[claim[:3]], []).append(claim)
        injected = [self._injected(value, before) for value in range(self.values)]
        each = [
            list(self._received(step, seat, machine, pushed[seat], injected)) for seat, machine in enumerate(before)
        ]
        yield from _together(each)

    def _local(self, machine: Any) -> Any:
        """What it holds first and else, what of it is fresh, and of each honest peer what that has shown."""
        held = [self.number[claim[:3]] for claim in machine._held[self.commander].values()]
        fresh = self._numbers(machine._fresh)
        shown = tuple(self._shown(machine, peer) for peer in range(self.honest))
        return frozenset(held[:1]), frozenset(held), fresh, shown

    def _give(self, machine: Any, step: int, claim: Claim) -> None:
        """Of an honest seat its own relay is the last; a seat that relayed a value holds it."""
        last = claim.relays[-1][0] if claim.relays else self.commander
        machine.on_frame(step, Frame(self.phase, (claim,)), last if last < self.honest else self.commander)

    def _shown(self, machine: Any, peer: int) -> tuple[bool, bool, frozenset[int], frozenset[int]]:
        """Of a peer: whether it echoed, and held two contents; the value that it held alone; those that it sent."""
        echo, sent = machine._echoes.get(peer), machine._heard.get(peer, set())
        alone: list[int] = []
        if echo is not None and echo.single:
            for value, claim in enumerate(self.signed):
                firsts: list[bytes | None] = [None] * (self.commander + 1)
                firsts[self.commander] = broadcast_value(self.phase, claim.content, claim.signature)
                if machine._matches(echo, echo.single, firsts):
                    alone.append(value)
        sent_values = frozenset(self.number[value] for value in sent)
        return echo is not None, echo is not None and bool(echo.several), frozenset(alone), sent_values


class _VectorExplorer(_EchoExplorer):
    """So with certified vectors: each corrupt echo is as the seat's own or missing; a vector that honest and corrupt
    echoes certify reaches whom it likes, with every relay that there is, before or after any value."""

    def __init__(
        self, validators: int, attackers: int, values: int, relay_rounds: int, phase: Phase, quorum: int
    ) -> None:
        super().__init__(validators, attackers, values, relay_rounds, phase)
        self.last, self.quorum = relay_rounds + 3, quorum
        everybody, addresses = (1 << validators) - 1, [signer.address for signer in self.signers]
        self.machines = tuple(
            VectorBroadcast(
                self.slot, seat, addresses, everybody, everybody, 32, relay_rounds, self.signers[seat],
                machine._verifier, quorum,
            )
            for seat, machine in enumerate(self.machines)
        )  # fmt: skip

    def _step(self, step: int, machines: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], int]]:
        before = tuple(map(_forked, machines))
        pushed: list[dict[int, list[Claim]]] = [{} for _ in before]
        handed: list[list[tuple[int, Vector]]] = [[] for _ in before]
        said = [machine.said(step) for machine in before]
        for seat, posts in enumerate(said):
            for peers, message in posts:
                for peer in (peer for peer in peers if peer < self.honest):
                    if isinstance(message, Frame):
                        for claim in message.claims:
                            pushed[peer].setdefault(self.number[claim[:3]], []).append(claim)
                    elif isinstance(message, Vector) and message.signers:
                        handed[peer].append((seat, message))
                    elif isinstance(message, Vector):
                        before[peer].on_vector(seat, step, message)
                    else:
                        before[peer].on_echo(seat, message)
        injected = [self._injected(value, before) for value in range(self.values)]
        vectors = self._vectors(before) if step else []
        each = []
        for seat, machine in enumerate(before):
            found: dict[Any, tuple[Any, int]] = {}
            for start in self._echoing(machine) if step == 1 else [machine]:
                for after, ways in self._reached(step, start, pushed[seat], handed[seat], injected, vectors):
                    state = self._local(after)
                    kept, count = found.get(state, (after, 0))
                    found[state] = kept, count + ways
            each.append([(state, *reached) for state, reached in found.items()])
        yield from _together(each)

    def _echoing(self, machine: Any) -> Iterator[Any]:
        """No corrupt echo, or so many that are as the seat's own."""
        content = vector_content(machine._echoed)
        digest = self.slot.digest(Phase.REPORT, Role.SIGNER, 0, content)
        yield machine
        after = _forked(machine)
        for seat in range(self.honest, self.commander + 1):
            echo = EchoBroadcast.echo(after)
            after.on_echo(seat, echo._replace(signature=self.signers[seat].sign(digest)))
            yield _forked(after)

    def _reached(
        self, step: int, machine: Any, pushed: dict[int, list[Claim]], handed: list[tuple[int, Vector]],
        injected: list[Claim], vectors: list[Vector],
    ) -> Iterator[tuple[Any, int]]:
        """What a seat may become: values in any order, and among them a vector; what the honest send must come."""
        must = set(pushed) | ({self.values} if handed else set())
        items = range(self.values + bool(handed or vectors))
        for size in range(len(must), len(items) + 1):
            for order in permutations(items, size):
                if not must <= set(order):
                    continue
                after = _forked(machine)
                for item in order:
                    if item == self.values:
                        for sender, vector in (*handed, *((self.commander, vector) for vector in vectors)):
                            after.on_vector(sender, step, vector)
                    else:
                        for claim in (*pushed.get(item, ()), injected[item]):
                            self._give(after, step, claim)
                yield after, 1

    def _vectors(self, machines: tuple[Any, ...]) -> list[Vector]:
        """What honest and corrupt echoes certify, with every relay of it that there is."""
        made = {}
        for machine in machines:
            values = machine._echoed
            content = vector_content(values)
            alike = [seat for seat, other in enumerate(machines) if vector_content(other._echoed) == content]
            votes = sorted([*alike, *range(self.honest, self.commander + 1)])[: self.quorum]
            if content in made or len(votes) < self.quorum:
                continue
            digest = self.slot.digest(Phase.REPORT, Role.SIGNER, 0, content)
            relay = self.slot.digest(Phase.REPORT, Role.RELAY, NO_SEAT, content)
            relayed = [
                seat for seat, other in enumerate(machines)
                if other._certificate is not None and other._chain is None and other._certificate.content == content
            ]  # fmt: skip
            signatures = b"".join(self.signers[seat].sign(digest) for seat in votes)
            assert len(signatures) == SIGNATURE_BYTES * self.quorum
            pairs = tuple((s, self.signers[s].sign(relay)) for s in (*relayed, *range(self.honest, self.commander + 1)))
            made[content] = Vector(
                self.slot.round, mask(values), tuple(values.values()), mask(votes), signatures, pairs
            )
        return list(made.values())

    def _local(self, machine: Any) -> Any:
        """Beside what an echo leaves: what was echoed, what is certified, known holders of that."""
        def numbers(claims: Any) -> frozenset[int]:
            return frozenset(self.number[claim[:3]] for claim in (claims or {}).values())

        first, held, fresh, shown = super()._local(machine)
        shown = tuple((*each, peer in machine._holders) for peer, each in enumerate(shown))
        closed = (
            numbers(machine._echoed), numbers(machine._vector), machine._vector is not None,
            machine._chain is not None, machine.is_settled,
        )  # fmt: skip
        return first, held, fresh, shown, closed


def _together(each: list[list[tuple[Any, Any, int]]]) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], int]]:
    """Every combination of what the seats may become."""
    for chosen in product(*each):
        local, machines, ways = zip(*chosen, strict=True)
        yield local, machines, prod(ways)


def _forked(machine: Any) -> Any:
    """The same machine, to be led another way."""
    other = copy(machine)
    other._held = [dict(held) for held in machine._held]
    other._accepted, other._fresh = set(machine._accepted), list(machine._fresh)
    if isinstance(machine, EchoBroadcast):
        other._echoes = dict(machine._echoes)
        other._heard = {peer: set(sent) for peer, sent in machine._heard.items()}
    if isinstance(machine, VectorBroadcast):
        other._holders, other._alike = set(machine._holders), copy(machine._alike)
        other._checked = set(machine._checked)
        other._alike_echoes = set(machine._alike_echoes)
        other._alike._by_content = {content: dict(votes) for content, votes in machine._alike._by_content.items()}
    return other


def but_for_names(states: tuple[Local, ...]) -> str:
    """The same for states that differ in names alone."""
    values = sorted(frozenset[int]().union(*(held for held, _ in states)))
    names = (dict(zip(values, order, strict=True)) for order in permutations(range(len(values))))
    return min(
        repr(sorted([sorted(name[value] for value in part) for part in state] for state in states)) for name in names
    )


def but_for_names_of_all(states: tuple[Any, ...]) -> str:
    """The same where a state holds for each seat what the others have shown to it."""
    values = sorted(frozenset[int]().union(*(held for _, held, *_ in states)))
    found = []
    for order in permutations(range(len(values))):
        name = dict(zip(values, order, strict=True))

        def named(part: Any, name: dict[int, int] = name) -> Any:
            return sorted(name.get(value, -1) for value in part) if isinstance(part, frozenset) else part

        for seats in permutations(range(len(states))):
            found.append([
                (named(first), named(held), named(fresh), [[*map(named, shown[peer])] for peer in seats],
                 *([*map(named, rest)] for rest in closed))
                for first, held, fresh, shown, *closed in (states[seat] for seat in seats)
            ])  # fmt: skip
    return repr(min(found))


if __name__ == "__main__":
    whole = explore(4, 1, 2, quorum=3)
    print(whole)
    if whole.disagreements or whole.unproven:
        raise SystemExit(14)
    record("verification.schedules.exhaustive", whole.states)
