"""Body of an epoch's block: the sums of shares that a quorum signs, and the token that follows from them.

The twin of `contracts/libraries/Sums.sol`: 32 bytes of the dealings' digest, 32 of the seed that groups are drawn by, a
byte with their number, 44 bytes a group (its seats, the sum of their tokens), 12 bytes for each sum of each validator,
group by group, and where credits are kept 4 bytes a participant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from chain_bandit.protocol.agreement import shamir
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.agreement.tokens import groups, mean, median
from chain_bandit.protocol.blocks import mask
from chain_bandit.protocol.digests import uint
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.sharing import ELEMENT_BYTES, PRIME

NONE = 2 ** (8 * ELEMENT_BYTES) - 1
"""What stands where a group came to nothing, or a validator gave no sum: no element of the field."""

_GROUPS_AT, _GROUP_BYTES, _NET_BYTES = 65, 44, 4


class BodyMalformed(ChainBanditError):
    """Bytes that are no body."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the body of an epoch: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Group:
    """Participants whose tokens are added up, and what validators say of the sum.

    Attributes:
        members: mask of their seats.
        total: of their tokens, in units; None where the sums say none that tokens have.
        sums: of each validator's shares, field elements; None of one that gave none.
    """

    members: int
    total: int | None
    sums: tuple[int | None, ...]

    @property
    def mean(self) -> int | None:
        """In units, rounded down."""
        return None if self.total is None else mean(self.total, self.members.bit_count())


@dataclass(frozen=True, slots=True)
class AgreementBody:
    """See above; nets: how many tokens each participant was sent, less those taken from it, where credits are kept."""

    dealt: bytes
    seed: bytes
    groups: tuple[Group, ...]
    nets: tuple[int, ...]

    @property
    def counted(self) -> int:
        """The mask of everybody in a group."""
        return reduce(or_, (group.members for group in self.groups), 0)

    @property
    def agreed(self) -> int | None:
        """The median of the groups' means; None where no group has one."""
        means = [group.mean for group in self.groups if group.mean is not None]
        return median(means) if means else None

    def encode(self) -> bytes:
        """The bytes."""
        entries = (uint(group.members, 32) + _element(group.total) for group in self.groups)
        sums = (_element(value) for group in self.groups for value in group.sums)
        nets = (net.to_bytes(_NET_BYTES, "big", signed=True) for net in self.nets)
        return b"".join((self.dealt, self.seed, uint(len(self.groups), 1), *entries, *sums, *nets))


def decode(terms: AgreementTerms, data: bytes) -> AgreementBody:
    """The body in some bytes, whatever it says. Raises `BodyMalformed`."""
    count = data[_GROUPS_AT - 1] if len(data) >= _GROUPS_AT else 0
    if not 1 <= count <= terms.groups:
        raise BodyMalformed(f"{count} groups, not 1 to {terms.groups}")
    sums_at = _GROUPS_AT + _GROUP_BYTES * count
    nets_at = sums_at + ELEMENT_BYTES * terms.validators * count
    size = nets_at + (_NET_BYTES * terms.participants if terms.steps else 0)
    if len(data) != size:
        raise BodyMalformed(f"{len(data)} bytes, not {size}")
    made = []
    for at in range(count):
        entry = data[_GROUPS_AT + _GROUP_BYTES * at :][:_GROUP_BYTES]
        row = data[sums_at + ELEMENT_BYTES * terms.validators * at :]
        members = int.from_bytes(entry[:32], "big")
        if members.bit_count() < 2:
            raise BodyMalformed(f"group {at} has {members.bit_count()} participants, not 2 or more")
        made.append(Group(members, _value(entry[32:]), values(row, terms.validators)))
    nets = tuple(
        int.from_bytes(data[at : at + _NET_BYTES], "big", signed=True) for at in range(nets_at, size, _NET_BYTES)
    )
    return AgreementBody(data[:32], data[32:64], tuple(made), nets)


def encoded(values_: Sequence[int | None]) -> bytes:
    """Field elements, None among them, 12 bytes each."""
    return b"".join(map(_element, values_))


def values(data: bytes, count: int) -> tuple[int | None, ...]:
    """The first of so many elements that `encoded` wrote; None also for what is no element."""
    parts = (data[ELEMENT_BYTES * at : ELEMENT_BYTES * (at + 1)] for at in range(count))
    return tuple(_field(_value(part)) for part in parts)


def drawn(terms: AgreementTerms, counted: Sequence[int], seed: bytes) -> tuple[int, ...]:
    """The groups of the participants that count, as masks; none where fewer than two do."""
    count = min(terms.groups, len(counted) // 2)
    if not count:
        return ()
    return tuple(mask(counted[at] for at in group) for group in groups(len(counted), count, seed))


def total(terms: AgreementTerms, members: int, sums: Sequence[int | None]) -> int | None:
    """The sum of the members' tokens by the validators' sums of their shares; None where they say none.

    2f + 1 sums at least lie on the polynomial, so that f + 1 honest ones do: then it is the right one.
    """
    given = {at: value for at, value in enumerate(sums) if value is not None}
    try:
        found = shamir.opened(given, terms.faulty)
    except shamir.NotShared:
        return None
    if len(given) - len(found.wrong) < 2 * terms.faulty + 1 or mean(found.secret, members.bit_count()) is None:
        return None
    return found.secret


def _element(value: int | None) -> bytes:
    return uint(NONE if value is None else value, ELEMENT_BYTES)


def _value(part: bytes) -> int | None:
    value = int.from_bytes(part, "big")
    return None if value == NONE else value


def _field(value: int | None) -> int | None:
    return value if value is not None and value < PRIME else None
