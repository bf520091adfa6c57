"""A setting as the integers that the compiled game reads."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from chain_bandit import attacks
from chain_bandit.array_types import Ints, Words
from chain_bandit.attacks.attack import SAID, Attack, Effect, NotSimulated, overrides
from chain_bandit.attacks.parametric import Numbers
from chain_bandit.protocol.arms import log_billionths
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.parameters import ACCURACY, ESTIMATES, ODDS, Parameters
from chain_bandit.protocol.rewards import RewardModel, hidden_cost
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.sortition import HALF, draws_of
from chain_bandit.simulation.kernel.forms import FORMS, OTHER, POLICIES
from chain_bandit.simulation.kernel.lies import Lie, read_by
from chain_bandit.simulation.outcomes import draw_key, effects
from chain_bandit.simulation.outcomes import parts as parts_of


class NotCompiled(NotSimulated):
    """What the compiled game has no integers for: the plain loop plays it."""

    def __init__(self, what: str, reason: str) -> None:
        ChainBanditError.__init__(self, f"{what}: {reason}; leave out --engine, or name the plain one")
        self.attack, self.reason = what, reason


class ArmRewards(NamedTuple):
    """What the arms give.

    Attributes:
        best: the largest mean in units.
        truth: the means.
        first: where the values of an arm begin, one more than arms.
        values: that can be drawn.
        from_word: the least Philox word that draws each.
    """

    best: int
    truth: Ints
    first: Ints
    values: Ints
    from_word: Words


class KernelParameters(NamedTuple):
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
    policy: int
    radius_squared: int
    """floor((delta^2 - 1) / 4) of the rule's delta or clip, at most 62 bits; over the pulls, the square of
    `protocol.aggregation.radius`."""
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
    growth: int
    """Rounds without a block that follow a paid one, in units of the pulls of its arm."""
    provable: bool
    pays_burn_in: bool
    settle_every: int
    sortition: bool
    draws_commanders: bool
    validates_from: Words
    """By seat two words: the half of a hash draws from this value on."""
    commands_from: Words
    """The same of everybody, in rows `PROBING` and `COMMANDING`."""
    widths: Ints
    """floor(C1 ln t * 10^16) by round: `protocol.arms.width_table`."""
    environment: ArmRewards


PROBING, COMMANDING = range(2)

SEAT, LABELLED, FIRST, AFTER, LASTING, RUSHES = range(6)
"""By malicious seat: its number, whether it is labelled a liar, its first attack, the first attack after its own,
whether what it reports never changes, and whether it knows the honest reports of the open round."""

LIE, SAYS, COMMANDS, OPENS, VOTES, SINCE, UNTIL = range(7)
"""By attack: a `Lie` or -1; its `Effect` in numbers of `attack.SAID`, and in which rounds it has it."""


READ = len(Numbers._fields)
"""Numbers that a lie reads at most."""


class AttackPlan(NamedTuple):
    """Malicious seats and their attacks, a seat's in the order in which they are applied.

    Attributes:
        seats, parts: see the lists of their rows above.
        numbers: what the lie of each attack reads, (attacks, `READ`), as many as it reads and zeros.
        known: how many of the rows of `lies` some lie reads.
    """

    seats: Ints
    parts: Ints
    numbers: Ints
    known: int


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


_AT_ONCE = 1 << 16
"""Rounds whose widths are computed together: the table is all the memory that many rounds take."""


def require_compiled(parameters: Parameters) -> None:
    """Raises `NotCompiled` for a game one of whose rules has no compiled form."""
    p, forms = parameters, FORMS.get(parameters.aggregation.name, OTHER)
    if forms == OTHER or p.aggregation.digest:
        raise NotCompiled(f"aggregation {p.aggregation.name}", "it has no compiled form")
    if p.policy.name not in POLICIES or p.policy.digest:
        raise NotCompiled(f"policy {p.policy.name}", "it has no compiled form")
    known = (p.reputation, ACCURACY), (p.selection, None), (p.disclosure, ESTIMATES)
    for chosen, compiled in known:
        if chosen is not None and chosen != compiled:
            raise NotCompiled(f"{chosen.kind.name.lower()} {chosen.name}", "it has no compiled form")


def require_narrow(parameters: Parameters) -> None:
    """Raises `NotCompiled` for a game for which integers of 64 bits are too short."""
    p = parameters
    if p.growth * p.horizon >= 2**63:
        raise NotCompiled("growth", f"{p.growth} units of {p.horizon} pulls are too many for 64 bits")
    _widest(p.horizon, p.c1_numerator, p.c1_denominator)


def rules(
    parameters: Parameters, model: RewardModel, batch: int = 1, weights: Sequence[int] = (), settle_every: int = 1
) -> KernelParameters:
    """What follows from parameters, rewards, and what `outcomes.Setting` says of the rest.

    Raises `NotCompiled` as `require_narrow`.
    """
    require_narrow(parameters)
    p, options = parameters, dict(parameters.aggregation.options)
    delta = options.get("delta", options.get("clip", 0))
    return KernelParameters(
        participants=p.participants, validators=p.validators, arms=p.arms, horizon=p.horizon, burn_in=p.burn_in,
        liars=p.liars, attackers=p.attackers, threshold=p.threshold, aggregation=FORMS.get(p.aggregation.name, OTHER),
        policy=POLICIES.get(p.policy.name, OTHER),
        radius_squared=max(delta**2 - 1, 0) // 4, two_thirds=bool(p.quorum_choice), half_expected=p.half_expected,
        failure_limit=p.failure_limit, per_report=bool(p.c1_per_report), tolerance=p.tolerance,
        skip_penalty=p.skip_penalty, evidence_penalty=p.evidence_penalty, evidence_delay=p.evidence_delay,
        by_distance=bool(p.cost), batch=batch, growth=p.growth, provable=bool(p.provable),
        pays_burn_in=bool(p.paid_burn_in), settle_every=settle_every,
        sortition=p.sortition > 0, draws_commanders=p.draws_commanders,
        validates_from=_halves((p.sortition, weight) for weight in weights or (1,) * p.participants),
        commands_from=_halves((odds, 1) for odds in (p.probing, p.commanders)),
        widths=widths(p.horizon, p.c1_numerator, p.c1_denominator),
        environment=environment(model),
    )  # fmt: skip


def environment(model: RewardModel) -> ArmRewards:
    """The arms of a reward model."""
    first, values, words = [0], [], []
    for arm in model.arms:
        for value, (low, high) in zip(arm.values, pairwise(accumulate(arm.weights, initial=0)), strict=True):
            if low < high:
                values.append(value)
                words.append(-(-(low << 64) // arm.size))
        first.append(len(values))
    return ArmRewards(
        max(model.means), np.array(model.means, np.int64), np.array(first, np.int64), np.array(values, np.int64),
        np.array(words, np.uint64),
    )  # fmt: skip


def keys(secret: bytes, seed_0: bytes) -> Keys:
    """The chance of one replicate."""
    key = keccak(secret, seed_0, b"reward")
    k0, k1 = (np.uint64(int.from_bytes(key[at : at + 8], "big")) for at in (0, 8))
    words = np.frombuffer(seed_0 + draw_key(secret, seed_0), ">u8").astype(np.uint64)
    return Keys(k0, k1, hidden_cost(secret, seed_0), words.reshape(2, 4))


def _widest(horizon: int, numerator: int, denominator: int) -> int:
    """The last width, times the denominator. Raises `NotCompiled` where it is too large."""
    most = numerator * log_billionths(horizon) * 10**7
    if most // denominator >= 2**63:
        raise NotCompiled("exploration", f"C1 = {numerator}/{denominator} is too large for 64 bits")
    return most


def widths(horizon: int, numerator: int, denominator: int) -> Ints:
    """`width_table` of every round 0 .. T, the first 0.

    A double is as good as the decimals of `log_billionths` unless it is near an integer: only then these decide.
    """
    most = _widest(horizon, numerator, denominator)
    table = np.zeros(horizon + 1, np.int64)
    for first in range(1, horizon + 1, _AT_ONCE):
        part = table[first : first + _AT_ONCE]
        billionths = 1e9 * np.log(np.arange(first, first + part.size, dtype=np.float64))
        logs = np.floor(billionths).astype(np.int64)
        for at in np.flatnonzero(np.abs(billionths - np.rint(billionths)) < 1e-4):
            logs[at] = log_billionths(first + int(at))
        if most < 2**63:
            part[:] = numerator * logs * 10**7 // denominator
        else:
            part[:] = [numerator * int(log) * 10**7 // denominator for log in logs]
    return table


def cast(parameters: Parameters, malicious: Mapping[int, Attack]) -> AttackPlan:
    """Malicious seats, by numbers.

    Raises:
        NotCompiled: the lies of an attack have none.
        NotSimulated: see `outcomes.effects`.
    """
    seats: list[tuple[int, ...]] = []
    parts: list[tuple[int, ...]] = []
    read: list[tuple[int, ...]] = []
    for seat, attack in sorted(malicious.items()):
        first = len(parts)
        if parameters.sealed and any(overrides(part, "reveals") for part in parts_of(attack)):
            raise NotCompiled(f"attack {attack.name}", "it may keep its sealing key")
        for part, effect in zip(parts_of(attack), effects(attack), strict=True):
            lie, numbers = _lie(part, parameters)
            parts.append((lie, *_effect(effect)))
            read.append((*numbers, *(0,) * (READ - len(numbers))))
        lies = [part[LIE] for part in parts[first:] if part[LIE] >= 0]
        lasting = bool(lies) and lies[-1] == Lie.CONSTANT_LIE and Lie.PARAMETRIC not in lies
        seats.append((seat, bool(attack.conduct & Conduct.LIAR), first, len(parts), lasting, attack.rushes))
    known = max((read_by(part[LIE], numbers) for part, numbers in zip(parts, read, strict=True)), default=0)
    return AttackPlan(_rows(seats, 6), _rows(parts, 7), np.array(read, np.int64).reshape(-1, READ), known)


def _rows(columns: list[Any], count: int) -> Ints:
    return np.ascontiguousarray(np.array(columns, np.int64).reshape(-1, count).T)


def _effect(effect: Effect) -> tuple[int, ...]:
    """The rows from `SAYS` on of one attack."""
    said = SAID.index(effect.report), SAID.index(effect.header)
    return *said, effect.opens, effect.votes, effect.first, effect.last


def _lie(attack: Attack, parameters: Parameters) -> tuple[int, tuple[int, ...]]:
    """(`Lie` or -1, what it reads)."""
    kind = type(attack)
    homes = [base.__module__.rpartition(".") for base in kind.__mro__]
    lies = [Lie[module.upper()] for home, _, module in homes if module.upper() in Lie.__members__]
    if lies and homes[0][0] == attacks.__name__:  # a plug-in may change what it inherits
        return lies[0], attack.numbers(parameters)
    if overrides(attack, "arm", "means", "lie", "counts"):
        raise NotCompiled(f"attack {attack.name}", "its lies have no compiled form")
    return -1, ()


def _halves(draws: Iterable[tuple[int, int]]) -> Words:
    """For each (probability, weight) the least half of a hash that draws, as two words; the largest if none does."""
    least = (min(HALF - draws_of(weight, Fraction(probability, ODDS)), HALF - 1) for probability, weight in draws)
    return np.array([divmod(half, 2**64) for half in least], np.uint64)
