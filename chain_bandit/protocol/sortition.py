"""Cryptographic sortition: drawn seats, weights, chance of a bad committee (Algorithm 2; protocol.md: Validators).

Everybody evaluates a verifiable random function on `blocks.round_seed` of the round; its hash gives two draws, a half
each. A seat drawn at least once validates, in as many trials as it weighs, or commands, in one. Every decision is
one of integers.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, repeat
from math import comb
from operator import mul

from chain_bandit.protocol.errors import Malformed, require
from chain_bandit.protocol.parameters import MAX_WEIGHT, ODDS, Parameters

HALF = 2**128
"""How many values half a hash has."""

_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def halves(output: bytes) -> tuple[int, int]:
    """(validator's half, commander's half) of a VRF hash: its first 16 bytes and its last 16.

    Raises:
        Malformed: unless there are 32.
    """
    if len(output) != 32:
        raise Malformed("VRF hash", "32 bytes", len(output))
    return int.from_bytes(output[:16], "big"), int.from_bytes(output[16:], "big")


@lru_cache(maxsize=64)
def thresholds(weight: int, probability: Fraction) -> tuple[int, ...]:
    """floor(2^128 P(X <= j)) for j = 0 .. weight - 1, X binomial with `weight` trials: where the slices end.

    Raises:
        AssumptionBroken: for a weight outside 0 .. MAX_WEIGHT, or a probability outside 0 .. 1.
    """
    _require_trials(weight, probability)
    total, below, ends = probability.denominator**weight, 0, []
    for ways in _binomial(weight, probability)[:-1]:
        below += ways
        ends.append(below * HALF // total)
    return tuple(ends)


def drawn(half: int, weight: int, probability: Fraction) -> int:
    """How often a seat is drawn, 0 .. weight: j where `half` falls in the j-th slice of the binomial CDF.

    With probability 0 it never is, with 1 always `weight` times; each j has the binomial's chance to within 2^-128.
    Raises as `thresholds`.
    """
    return bisect_right(thresholds(weight, probability), half)


def honest_commanders(participants: int, validators: int, liars: int, attackers: int) -> int:
    """How many seats that follow the rules of the consensus a round's committee has at least, to draw commanders from.

    |H| := M - f - m where everybody validates. Of the N best by reputation (Theorem 7) it is N - m if that is less: a
    drawn seat that does not validate does not command, so with |H| a small committee would often have no commander.
    """
    return min(participants - liars - attackers, validators - attackers)


def commander_probabilities(honest: int, horizon: int, burn_in: int) -> tuple[int, int]:
    """(in the burn-in, after it): the trust coefficients of Theorem 5 as integers over 2^64, floored.

    After the burn-in p_h = 1 - (ln T / T)^(1 / |H|): about ln T rounds of the game have no honest commander. In it also
    at least p_m = 1 - T^(-1 / L), so that a malicious seat commands once in it but for a chance of 1 / T. Each
    operation is rounded correctly at 60 digits, so every machine gets the same integers.

    Args:
        honest: |H|, or `honest_commanders`.
        horizon: T, at least 2.
        burn_in: L, at least 1.

    Raises:
        AssumptionBroken: when nobody would be honest, or T or L is too small.
    """
    require(honest >= 1, "participants", "|H| = M - f_total >= 1", H=honest)
    require(horizon >= 2, "horizon", "T >= 2", T=horizon)
    require(burn_in >= 1, "burn_in", "L >= 1", L=burn_in)
    log = Decimal(horizon).ln(_EXACT)
    p_h = _one_minus_root(_EXACT.divide(log, Decimal(horizon)).ln(_EXACT), honest)
    p_m = _one_minus_root(log.copy_negate(), burn_in)
    return max(p_h, p_m), p_h


def _one_minus_root(log: Decimal, degree: int) -> int:
    """floor(2^64 (1 - e^(log / degree)))."""
    root = _EXACT.divide(log, Decimal(degree)).exp(_EXACT)
    return int(_EXACT.multiply(_EXACT.subtract(Decimal(1), root), Decimal(ODDS)))


def commander_probability(probabilities: tuple[int, int], round_: int, burn_in: int, blocked: bool) -> Fraction:
    """A seat's chance to command in a round: by `commander_probabilities`, and 0 once it is on the block list."""
    return Fraction(0 if blocked else probabilities[round_ > burn_in], ODDS)


@dataclass(frozen=True, slots=True)
class CaptureChance:
    """What can go wrong with one drawn committee, exactly.

    Attributes:
        above_bound: more than `bound` of those drawn are malicious, whether or not they are enough for a quorum.
        malicious_quorum: at least quorum(its size) of them are: they certify what they like.
        undersized: it has fewer members than quorum(its size), so all M validate instead. Never with the former.
    """

    above_bound: Fraction
    malicious_quorum: Fraction
    undersized: Fraction


@lru_cache(maxsize=2**11)  # every seat may have a weight of its own
def draws_of(weight: int, probability: Fraction) -> int:
    """How many of the 2^128 halves draw a seat at least once: of all of them, its chance to be a member.

    They are the largest, from the first of `thresholds` on. Raises as that.
    """
    _require_trials(weight, probability)
    missed: int = (probability.denominator - probability.numerator) ** weight
    total: int = probability.denominator**weight
    return HALF - missed * HALF // total


def capture_chance(
    malicious: Sequence[int], honest: Sequence[int], bound: int, quorum: Callable[[int], int]
) -> CaptureChance:
    """The chances of `CaptureChance` when each participant is a member on its own.

    Args:
        malicious, honest: `draws_of` each participant.
        bound: the malicious members that a committee can bear.
        quorum: signatures that certify a block of a committee of so many.

    Raises:
        AssumptionBroken: unless each of them is a chance over 2^128.
    """
    honest_ways = _members(honest)
    above = captured = undersized = 0
    for bad, bad_ways in enumerate(_members(malicious)):
        needed = [quorum(bad + good) for good in range(len(honest_ways))]
        pairs = list(zip(honest_ways, needed, strict=True))
        above += bad_ways * sum(honest_ways) if bad > bound else 0
        captured += bad_ways * sum(ways for ways, least in pairs if bad >= least)
        undersized += bad_ways * sum(ways for good, (ways, least) in enumerate(pairs) if bad + good < least)
    total = HALF ** (len(malicious) + len(honest))
    return CaptureChance(Fraction(above, total), Fraction(captured, total), Fraction(undersized, total))


def chances(parameters: Parameters, weights: Sequence[int]) -> str | None:
    """What sortition draws and how likely a bad committee is, for people; None where nobody is drawn.

    The m attackers alone are never more than m, nor a quorum: asked is what happens when all f liars attack with them,
    and these are the heaviest seats. A committee bears m, as its broadcasts relay and its quorum counts for m; f bounds
    reports, which come from all M.

    Args:
        weights: of every seat.
    """
    p, malicious = parameters, parameters.liars + parameters.attackers
    if not p.sortition:
        return None
    drawing = [draws_of(weight, Fraction(p.sortition, ODDS)) for weight in sorted(weights, reverse=True)]
    expected = Fraction(sum(drawing), HALF)
    of_m, of_f = (
        capture_chance(drawing[:malicious], drawing[malicious:], bound, p.quorum) for bound in (p.attackers, p.liars)
    )
    return (
        f"{in_decimals(expected, 3)} of {p.participants} on average; of f + m = {malicious} malicious a "
        f"round draws more than m = {p.attackers} with chance: {in_decimals(of_m.above_bound)}, more than f = "
        f"{p.liars}: {in_decimals(of_f.above_bound)}, a quorum: {in_decimals(of_m.malicious_quorum)}; too few in all, "
        f"so that all validate: {in_decimals(of_m.undersized)}"
    )


def in_decimals(chance: Fraction, digits: int = 6) -> str:
    """An exact chance for people: so many significant digits, correctly rounded."""
    return str(Context(prec=digits).divide(Decimal(chance.numerator), Decimal(chance.denominator)))


def _binomial(trials: int, probability: Fraction) -> list[int]:
    """P(X = j) for j = 0 .. trials as numerators over denominator^trials."""
    success, failure = probability.numerator, probability.denominator - probability.numerator
    successes, failures = (list(accumulate(repeat(each, trials), mul, initial=1)) for each in (success, failure))
    return [comb(trials, j) * successes[j] * failures[trials - j] for j in range(trials + 1)]


def _members(chances: Sequence[int]) -> list[int]:
    """P(j of them are members) for j = 0 .. all, as numerators over HALF^all: one participant after the other."""
    ways = [1]
    for chance in chances:
        require(0 <= chance <= HALF, "chance", "0 <= chance <= 2^128", chance=chance)
        ways = [(HALF - chance) * out + chance * in_ for out, in_ in zip([*ways, 0], [0, *ways], strict=True)]
    return ways


def _require_trials(weight: int, probability: Fraction) -> None:
    require(0 <= weight <= MAX_WEIGHT, "weight", f"0 <= weight <= {MAX_WEIGHT}", weight=weight)
    _require_probability(probability)


def _require_probability(probability: Fraction) -> None:
    numerator, denominator = probability.numerator, probability.denominator
    require(0 <= numerator <= denominator, "probability", "0 <= p <= 1", numerator=numerator, denominator=denominator)
