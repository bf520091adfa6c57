"""Settlement: the three cases of a block's operation, and the money of a finished game (Algorithm 5).

Amounts of rewards and costs are in units of 1e-9; only a `Balance` is in wei.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import lru_cache

from chain_bandit.protocol.digests import read_uints, uint, uints
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.units import NO_PULL, UNIT


class Conduct(IntFlag):
    """A participant's role, as the environment commits to it by seat: A1 lies, A2 attacks the consensus, A3 both."""

    HONEST = 0
    LIAR = 1
    ATTACKER = 2


class Cost(IntEnum):
    """What a round in case 2 costs (section 2, regret)."""

    CONSTANT = 0
    """c (Theorems 1, 6 and 7)."""
    DISTANCE = 1
    """c times the squared distance of the honest arm's global estimator from its mean (Theorems 2 to 5)."""


@dataclass(frozen=True, slots=True)
class CostEntry:
    """One record on the way back from the head, from which the contract settles its costs (protocol.md: Settlement).

    Attributes:
        parent: the digest of the record before it.
        kind: a `blocks.Kind`.
        costly: case 2.
        header: the block's encoded header; empty for a round without a block.
    """

    parent: bytes
    kind: int
    costly: bool
    header: bytes


PULL_BYTES, PHASE_BYTES = 5, 13
"""Of a seat in a settled round: uint8 arm and uint32 reward; in a game with phases uint8 arm, uint32 pulls and uint64
rewards."""


@dataclass(frozen=True, slots=True)
class Pull:
    """What one participant did in an approved round: its arm (`NO_PULL` for none), its reward in units, and in how many
    pulls."""

    arm: int
    reward: int
    count: int = 1


NOTHING = Pull(NO_PULL, 0)


TAG_BYTES = 8
"""Of a receipt tag, see `protocol.sealing`."""


def settled_bytes(parameters: Parameters) -> int:
    """Bytes of one round of a settlement: every seat's pull, or in a sealed game its receipt tag."""
    return (TAG_BYTES if parameters.sealed else pull_bytes(parameters)) * parameters.participants


def pull_bytes(parameters: Parameters) -> int:
    """Bytes of one seat in a settled round of an open game."""
    return PHASE_BYTES if parameters.has_phases else PULL_BYTES


def encode_pulls(pulls: Sequence[Pull], phases: bool = False) -> bytes:
    """One round of a settlement, see `PULL_BYTES`; of nothing no pulls."""
    if not phases:
        return b"".join(uint(pull.arm, 1) + uint(pull.reward, 4) for pull in pulls)
    return b"".join(
        uint(pull.arm, 1) + uint(pull.count * (pull.arm != NO_PULL), 4) + uint(pull.reward, 8) for pull in pulls
    )


@lru_cache(maxsize=4096)  # of few arms with few rewards there are few rows
def decode_pulls(data: bytes, participants: int, phases: bool = False) -> tuple[Pull, ...]:
    """The pulls of one round by seat. Raises `Malformed` unless the length is exact."""
    size = PHASE_BYTES if phases else PULL_BYTES
    if len(data) != size * participants:
        raise Malformed("settled round", f"{size * participants} bytes", len(data))
    return tuple(_decode_pull(data[at : at + size]) for at in range(0, len(data), size))


def _decode_pull(data: bytes) -> Pull:
    if len(data) == PULL_BYTES:
        return Pull(data[0], int.from_bytes(data[1:], "big"))
    arm, count, reward = data[0], int.from_bytes(data[1:5], "big"), int.from_bytes(data[5:], "big")
    return Pull(arm, reward, count + (arm == NO_PULL))


def case_2(selected: Sequence[frozenset[int]], lied: AbstractSet[int]) -> bool:
    """Whether a round costs the honest: some B_i holds a labelled liar whose report is false to its receipts."""
    return any(members & lied for members in selected)


def cost_of_round(choice: Cost, charge: int, estimate: int, mean: int) -> int:
    """c_{p,t} of a round in case 2, in units and the same for everybody (protocol.md: Settlement).

    By distance it is floor(c * min(1, (mu_hat_a - mu_a)^2)), a the honest arm of the round.

    Args:
        charge: c in units.
        estimate: the global estimator of that arm in the round's header, in units.
        mean: the arm's true mean, in units.
    """
    if choice is Cost.CONSTANT:
        return charge
    return charge * min(UNIT, abs(estimate - mean)) ** 2 // UNIT**2


@dataclass(frozen=True, slots=True)
class Balance:
    """What the contract owes at the end, in wei: one entry a seat, then the environment, then what is burned."""

    participants: tuple[int, ...]
    environment: int
    burned: int


@dataclass(frozen=True, slots=True)
class Credits:
    """What seats are credited: rewards of approved rounds after L, and with a paid burn-in those before.

    The latter come with a seat's first settled pull after L: a seat that has none is credited nothing.

    Attributes:
        units: credited to each seat.
        waiting: of each seat's burn-in, in units, until its first pull after it.
    """

    parameters: Parameters
    units: list[int]
    waiting: list[int]

    @staticmethod
    def none(parameters: Parameters) -> "Credits":
        """Nobody is credited anything yet."""
        return Credits(parameters, [0] * parameters.participants, [0] * parameters.participants)

    def add(self, round_: int, seat: int, pull: Pull, is_paid: bool) -> int:
        """Take in the pulls of an approved round after L, or of another one. Gives what is credited with it."""
        p = self.parameters
        if not is_paid:
            self.waiting[seat] += pull.reward * (p.paid_burn_in and round_ <= p.burn_in)
            return 0
        due = pull.reward
        if pull.arm != NO_PULL:
            due, self.waiting[seat] = due + self.waiting[seat], 0
        self.units[seat] += due
        return due


SUM_BYTES = 8


def encode_sums(sums: Sequence[int]) -> bytes:
    """What a sealed game pays, once it is over: the settled rewards of each seat as a uint64, in units."""
    return uints(sums, SUM_BYTES)


def decode_sums(data: bytes, participants: int) -> tuple[int, ...]:
    """The sums by seat. Raises `Malformed` unless the length is exact."""
    if len(data) != SUM_BYTES * participants:
        raise Malformed("settled sums", f"{SUM_BYTES * participants} bytes", len(data))
    return read_uints(data, SUM_BYTES)


def final_balance(
    parameters: Parameters,
    pool: int,
    rewards: Sequence[int],
    roles: Sequence[int],
    costs: Sequence[int],
    slashed: frozenset[int] = frozenset(),
    unrevealed: frozenset[int] = frozenset(),
    weights: Sequence[int] = (),
    kept: Sequence[int] | None = None,
) -> Balance:
    """Settle a game whose reveal and settlements are all complete (protocol.md: Settlement).

    Args:
        pool: wei that the environment put in.
        rewards: settled rewards of each seat, in units.
        roles: `Conduct` of each seat.
        costs: for each seat what the rounds in case 2 before it was on the block list cost, in units.
        slashed: the seats with a proof against them, of which each loses the slash.
        unrevealed: the seats of a sealed game that did not reveal their sealing key.
        weights: stakes that each seat deposited; by default one.
        kept: what each seat keeps of its rewards, in units; by default all. The rest is burned.
    """
    wei, kept = parameters.wei_per_unit, rewards if kept is None else kept
    changes = [cost * wei * (1 if role else -1) for role, cost in zip(roles, costs, strict=True)]
    stakes, burned = _stakes(parameters, slashed, unrevealed, weights)
    participants = tuple(
        stake + reward * wei + change for stake, reward, change in zip(stakes, kept, changes, strict=True)
    )
    surplus = -sum(changes)
    environment = pool - sum(rewards) * wei + min(surplus, 0)
    return Balance(participants, environment, max(surplus, 0) + burned + (sum(rewards) - sum(kept)) * wei)


def _stakes(
    parameters: Parameters, slashed: frozenset[int], unrevealed: frozenset[int], weights: Sequence[int]
) -> tuple[list[int], int]:
    """What is left of each deposit, and what of them is burned."""
    p, deposits = parameters, [weight * parameters.stake for weight in weights or [1] * parameters.participants]
    taken = [p.slash * (seat in slashed) + p.unrevealed_penalty * (seat in unrevealed) for seat in range(len(deposits))]
    return [deposit - lost for deposit, lost in zip(deposits, taken, strict=True)], sum(taken)


def void_balance(
    parameters: Parameters,
    pool: int,
    rewards: Sequence[int],
    slashed: frozenset[int],
    unrevealed: frozenset[int] = frozenset(),
    weights: Sequence[int] = (),
    kept: Sequence[int] | None = None,
) -> Balance:
    """Settle a game that the environment left unfinished: no costs, seats not slashed share the rest of the pool.

    The arguments are those of `final_balance`.
    """
    wei, kept = parameters.wei_per_unit, rewards if kept is None else kept
    sharing = len(rewards) - len(slashed)
    left = pool - sum(rewards) * wei
    share = left // sharing if sharing else 0
    stakes, burned = _stakes(parameters, slashed, unrevealed, weights)
    return Balance(
        tuple(
            stake + reward * wei + (0 if seat in slashed else share)
            for seat, (stake, reward) in enumerate(zip(stakes, kept, strict=True))
        ),
        0,
        left - share * sharing + burned + (sum(rewards) - sum(kept)) * wei,
    )
