"""A setting as the integers that the compiled game reads."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chain_bandit.attacks.attack import Attack, Effect, NotSimulated, Said
from chain_bandit.attacks.constant_lie import ConstantLie
from chain_bandit.attacks.copycat import Copycat
from chain_bandit.attacks.equivocating_commander import EquivocatingCommander
from chain_bandit.attacks.false_record import FalseRecord
from chain_bandit.attacks.forged_signature import ForgedSignature
from chain_bandit.attacks.late_chain import LateChain
from chain_bandit.attacks.offset import Offset
from chain_bandit.attacks.replay import Replay
from chain_bandit.attacks.sign_flip import SignFlip
from chain_bandit.attacks.silent_validator import SilentValidator
from chain_bandit.attacks.sleeper import Sleeper
from chain_bandit.attacks.two_faced_counts import TwoFacedCounts
from chain_bandit.attacks.two_faced_report import TwoFacedReport
from chain_bandit.attacks.withheld_key import WithheldKey
from chain_bandit.attacks.within_range import WithinRange
from chain_bandit.attacks.worse_half import WorseHalf
from chain_bandit.protocol.arms import log_billionths
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import ODDS, Parameters
from chain_bandit.protocol.rewards import RewardModel, hidden_cost
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.sortition import HALF
from chain_bandit.simulation.kernel.lies import Lie
from chain_bandit.simulation.outcomes import draw_key

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

LAST_ROUND = 2**32


class Rules(NamedTuple):
    """What all replicates share; the names are those of `Parameters`."""

    participants: int
    validators: int
    arms: int
    horizon: int
    burn_in: int
    liars: int
    attackers: int
    threshold: int
    aggregation: int
    delta: int
    two_thirds: bool
    half_expected: int
    failure_limit: int
    per_report: bool
    tolerance: int
    skip_penalty: int
    evidence_penalty: int
    evidence_delay: int
    by_distance: bool
    batch: int
    sortition: bool
    draws_commanders: bool
    drawn_from: Words
    """Rows `VALIDATING`, `PROBING` and `COMMANDING` of two words: the half of a hash draws from this value on."""
    widths: Ints
    """floor(C1 ln t * 10^16) by round: `protocol.arms.width_table`."""
    best: int
    truth: Ints
    first: Ints
    """Where the values of an arm begin, one more than arms."""
    values: Ints
    from_word: Words
    """The least Philox word that draws each value."""


VALIDATING, PROBING, COMMANDING = range(3)

SEAT, LABELLED, FIRST, AFTER = range(4)
"""By malicious seat: its number, whether it is labelled a liar, its first attack, the first attack after its own."""

LIE, A, B, SAYS, COMMANDS, OPENS, VOTES, SINCE, UNTIL = range(9)
"""By attack: a `Lie` or -1 and what it reads; its `Effect` in numbers of `SAID`, and in which rounds it has it."""


class Cast(NamedTuple):
    """Who is malicious, and how; a seat's attacks in the order in which they are applied.

    Attributes:
        seats, parts: see the lists of their rows above.
    """

    seats: Ints
    parts: Ints


class Keys(NamedTuple):
    """What only one replicate has.

    Attributes:
        k0, k1: Philox's key.
        charge: c in units.
        words: seed_0, and `outcomes.draw_key`, each as four big-endian words.
    """

    k0: np.uint64
    k1: np.uint64
    charge: int
    words: Words


SAID = (Said.ONCE, Said.NEVER, Said.TWICE)
"""By number."""


def rules(parameters: Parameters, model: RewardModel, batch: int = 1) -> Rules:
    """What follows from parameters and rewards. Raises `NotSimulated` where integers of 64 bits are too short."""
    p = parameters
    return Rules(
        p.participants, p.validators, p.arms, p.horizon, p.burn_in, p.liars, p.attackers, p.threshold, p.aggregation,
        p.delta, bool(p.quorum_choice), p.half_expected, p.failure_limit, bool(p.c1_per_report), p.tolerance,
        p.skip_penalty, p.evidence_penalty, p.evidence_delay, bool(p.cost), batch, p.sortition > 0, p.draws_commanders,
        np.array([_drawn_from(odds) for odds in (p.sortition, p.probing, p.commanders)], np.uint64),
        widths(p.horizon, p.c1_numerator, p.c1_denominator),
        max(model.means), np.array(model.means, np.int64), *tables(model),
    )  # fmt: skip


def tables(model: RewardModel) -> tuple[Ints, Ints, Words]:
    """(where the values of each arm begin, the values that can be drawn, the least word that draws each)."""
    first, values, words = [0], [], []
    for arm in model.arms:
        for value, (low, high) in zip(arm.values, _slices(arm.weights), strict=True):
            if low < high:
                values.append(value)
                words.append(-(-(low << 64) // arm.size))
        first.append(len(values))
    return np.array(first, np.int64), np.array(values, np.int64), np.array(words, np.uint64)


def keys(secret: bytes, seed_0: bytes) -> Keys:
    """The chance of one replicate."""
    key = keccak(secret, seed_0, b"reward")
    k0, k1 = (np.uint64(int.from_bytes(key[at : at + 8], "big")) for at in (0, 8))
    words = np.frombuffer(seed_0 + draw_key(secret, seed_0), ">u8").astype(np.uint64)
    return Keys(k0, k1, hidden_cost(secret, seed_0), words.reshape(2, 4))


def widths(horizon: int, numerator: int, denominator: int) -> Ints:
    """`width_table` of every round 0 .. T, the first 0.

    A double is as good as the decimals of `log_billionths` unless it is near an integer: only then these decide.
    """
    rounds = np.arange(1, horizon + 1, dtype=np.float64)
    billionths = 1e9 * np.log(rounds)
    logs = np.floor(billionths).astype(np.int64)
    for at in np.flatnonzero(np.abs(billionths - np.rint(billionths)) < 1e-4):
        logs[at] = log_billionths(int(at) + 1)
    most = numerator * int(logs[-1]) * 10**7
    if most // denominator >= 2**63:
        raise NotSimulated("exploration", f"C1 = {numerator}/{denominator} is too large for 64 bits")
    if most < 2**63:
        table = numerator * logs * 10**7 // denominator
    else:
        table = np.array([numerator * int(log) * 10**7 // denominator for log in logs], np.int64)
    return np.concatenate([np.zeros(1, np.int64), table])


def cast(parameters: Parameters, attacks: Mapping[int, Attack]) -> Cast:
    """Who is malicious, by numbers. Raises `NotSimulated` for an attack that has none."""
    seats: list[tuple[int, ...]] = []
    parts: list[tuple[int, ...]] = []
    for seat, attack in sorted(attacks.items()):
        first = len(parts)
        parts += [_numbers(each, parameters.arms) for each in getattr(attack, "attacks", (attack,))]
        seats.append((seat, bool(attack.conduct & Conduct.LIAR), first, len(parts)))
    return Cast(_rows(seats, 4), _rows(parts, 9))


def _rows(columns: list[Any], count: int) -> Ints:
    return np.ascontiguousarray(np.array(columns, np.int64).reshape(-1, count).T)


def _told(lie: Lie, a: int = 0, b: int = 0) -> tuple[int, ...]:
    return _does(Effect(), 0, 0, lie, a, b)


def _does(
    effect: Effect, since: int = 0, until: int = LAST_ROUND, lie: int = -1, a: int = 0, b: int = 0
) -> tuple[int, ...]:
    said = SAID.index(effect.report), SAID.index(effect.header)
    return lie, a, b, *said, effect.opens, effect.votes, since, until


def _numbers(attack: Attack, arms: int) -> tuple[int, ...]:
    """The column of one attack."""
    match attack:
        case ConstantLie():
            return _told(Lie.CONSTANT, attack.value, -1 if attack.favour is None else attack.favour % arms)
        case SignFlip():
            return _told(Lie.SIGN_FLIP)
        case WorseHalf():
            return _told(Lie.WORSE_HALF)
        case WithinRange():
            return _told(Lie.WITHIN_RANGE)
        case Copycat():
            return _told(Lie.COPYCAT)
        case Offset():
            return _told(Lie.OFFSET, attack.distance)
        case Sleeper():
            return _told(Lie.UPSIDE_DOWN, attack.wakes)
        case TwoFacedReport():
            return _does(Effect(report=Said.TWICE))
        case TwoFacedCounts():
            return _does(Effect(opens=not attack.withholds))
        case EquivocatingCommander():
            return _does(Effect(header=Said.TWICE if attack.values > 1 else Said.ONCE), attack.first)
        case SilentValidator():
            report = Said.ONCE if attack.reports else Said.NEVER
            return _does(Effect(report, Said.NEVER, votes=False), attack.first, attack.last)
        case LateChain():
            return _does(Effect(Said.NEVER, Said.NEVER, votes=False))
        case ForgedSignature() | Replay() | FalseRecord() | WithheldKey():
            return _does(Effect())
    raise NotSimulated(attack.name, "it has no compiled form")


def _slices(weights: Sequence[int]) -> list[tuple[int, int]]:
    ends = list(accumulate(weights, initial=0))
    return list(pairwise(ends))


def _drawn_from(probability: int) -> tuple[int, int]:
    """The least half of a hash that draws: floor(2^128 (1 - p)), as two words."""
    least = min(int((1 - Fraction(probability, ODDS)) * HALF), HALF - 1)
    return divmod(least, 2**64)
