"""Every inequality that a scenario or a deployment is refused by, and the formulas behind them."""

from collections.abc import Callable, Sequence
from typing import Any

from chain_bandit.protocol import rules
from chain_bandit.protocol.errors import AssumptionBroken, require
from chain_bandit.protocol.parameters import ESTIMATES, MAX_WEIGHT, ODDS, BodyMode, Parameters
from chain_bandit.protocol.quorum import QuorumChoice
from chain_bandit.protocol.ruleset import CHOSEN, MOST_BYTES, RuleKind, RulesUnknown, classes
from chain_bandit.protocol.units import MAX_ARMS, MAX_PARTICIPANTS, MOST, UNIT

WIDTHS = {
    "quorum_choice": 1, "cost": 1, "c1_per_report": 1, "body_mode": 1,
    "failure_limit": 16, "unrecorded": 16, "threshold": 32, "tolerance": 32, "skip_penalty": 16, "evidence_penalty": 16,
    "c1_numerator": 64, "c1_denominator": 64, "wei_per_unit": 64, "stake": 128, "opening_deadline": 32,
    "skip_deadline": 32, "burn_in_blocks": 32, "game_blocks": 32, "settlement_window": 32,
    "sealed": 1, "unrevealed_penalty": 128, "slash": 128, "paid_burn_in": 1, "growth": 32,
}  # fmt: skip
"""Bits that the contract keeps of each parameter."""


MOST_GROWTH = 4 * UNIT
"""Of phases, in units."""

LEAST_WINDOW = 8
"""Chain blocks for settlement, with a slash."""


def minimum_stake(horizon: int, wei_per_unit: int) -> int:
    """Wei that cover the dearest cost a participant can owe: T whole rewards (protocol.md: Settlement)."""
    return horizon * UNIT * wei_per_unit


def minimum_pool(participants: int, horizon: int, wei_per_unit: int) -> int:
    """Wei that cover every reward and every cost paid out: 2 M T whole rewards (protocol.md: Settlement)."""
    return 2 * participants * horizon * UNIT * wei_per_unit


def relay_rounds(attackers: int) -> int:
    """Relay rounds of SM(m) after the commander's own sending (Algorithm 3)."""
    return attackers


def header_relays(validators: int, attackers: int, draws_commanders: bool) -> int:
    """Relay rounds of the block phase: none where every validator commands and m < n/2 (docs/consensus.md)."""
    return relay_rounds(attackers) if draws_commanders or validators < 2 * attackers + 1 else 0


def check_contract(p: Parameters) -> None:
    """Refuse what the contract refuses, which does not know the game's rules. Raises as `check`."""
    require(p.participants <= MAX_PARTICIPANTS, "participants", f"M <= {MAX_PARTICIPANTS} (on chain)", M=p.participants)
    require(p.arms <= MAX_ARMS, "arms", f"K <= {MAX_ARMS} (on chain)", K=p.arms)
    require(not p.growth or p.horizon < 2**23, "growth", "growth = 0, or T < 2^23 (on chain)", T=p.horizon)
    _check_sizes(p)
    _check_faults(p)


def check(p: Parameters) -> None:
    """Refuse a game outside of the theorems that its rules are for, or one that could not pay.

    Raises:
        AssumptionBroken: naming the first inequality that fails.
    """
    _check_sizes(p)
    _check_rules(p)
    _check_faults(p)


def _check_rules(p: Parameters) -> None:
    require(len(p.declaration) <= MOST_BYTES, "rules", f"names and options of all rules take <= {MOST_BYTES} bytes",
            bytes=len(p.declaration))
    missing = []
    for choice in p.rules:
        try:
            rules.check_options(choice)
            rule = rules.find(choice)
            require(bool(p.sealed) or choice.kind is not RuleKind.DISCLOSURE or not rule.draws, "disclosure",
                    "sealed = true (the chance of a disclosure that draws comes from sealing keys)", sealed=p.sealed)
            rule.check(p.terms_of(choice))
        except RulesUnknown as error:  # the others are asked all the same
            missing.append(error)
    if missing:
        raise missing[0]
    asked = rules.vouched(p)
    require(p.vouched == asked, "attested", "the trust classes of the game are those of its rules",
            attested=p.vouched, asked=asked)


def _check_sizes(p: Parameters) -> None:
    n = p.participants
    require(2 <= n <= MOST, "participants", f"2 <= M <= {MOST}", M=n)
    require(1 <= p.arms <= MOST, "arms", f"1 <= K <= {MOST}", K=p.arms)
    require(p.burn_in % p.arms == 0 and p.burn_in >= 2 * p.arms, "burn_in", "L is a multiple of K, L >= 2K",
            L=p.burn_in, K=p.arms)
    require(p.horizon < 2**32 - 1, "horizon", "T < 2^32 - 1", T=p.horizon)
    require(p.burn_in < p.horizon, "horizon", "T > L (the horizon is longer than the burn-in)",
            T=p.horizon, L=p.burn_in)
    for name, bits in WIDTHS.items():
        require(0 <= getattr(p, name) < 2**bits, name, f"0 <= {name} < 2^{bits}", value=getattr(p, name))
    require(p.threshold >= 2, "threshold", "k >= 2", k=p.threshold)
    require(p.c1_numerator > 0 and p.c1_denominator > 0, "exploration", "C1 > 0", P=p.c1_numerator, Q=p.c1_denominator)
    require(p.failure_limit >= 1, "failure_limit", "s >= 1", s=p.failure_limit)
    require(p.liars >= 0, "liars", "f >= 0", f=p.liars)
    asked = classes(p.body_mode == BodyMode.COMPACT, p.draws, 0) ^ p.attested
    require(p.vouched == asked, "attested", "classes of rules beside those of body and draws",
            vouched=p.vouched, asked=asked)


def _check_faults(p: Parameters) -> None:
    n, f, m = p.participants, p.liars, p.attackers
    require(m >= 0 and n >= m + 2, "attackers", "M >= m + 2", M=n, m=m)
    require(n >= 2 * f + m + 1, "attackers", "M >= 2f + m + 1 (f < |H|, and who attacks may withhold its report)",
            M=n, f=f, m=m)
    require(2 * m + 1 <= p.validators <= n, "validators", "2m + 1 <= N <= M", N=p.validators, m=m, M=n)
    for size in (p.validators, n):
        q = p.quorum(size)
        require(q <= size - m, "quorum", "quorum <= n - m, or the attackers can stop every block of n validators",
                quorum=q, n=size, m=m)
    _check_draws(p)
    require(p.unrecorded >= 1, "unrecorded", "w >= 1", w=p.unrecorded)
    require(p.tolerance >= 1, "tolerance", "tolerance >= 1", units=p.tolerance)
    require(p.skip_penalty >= 1, "skip_penalty", "skip_penalty >= 1", penalty=p.skip_penalty)
    require(p.wei_per_unit >= 1, "wei_per_unit", "wei_per_unit >= 1", wei_per_unit=p.wei_per_unit)
    least = minimum_stake(p.horizon, p.wei_per_unit)
    if not p.sealed:
        require(p.unrevealed_penalty == 0, "unrevealed_penalty", "penalty = 0 (an open game has no sealing keys)",
                penalty=p.unrevealed_penalty)
    told = p.slash > 0 and p.disclosure == ESTIMATES
    require(p.provable in (0, 1) and (told or not p.provable), "provable",
            "provable = 0, or 1 in a game with a slash whose reports say estimators as they are",
            provable=p.provable, slash=p.slash)
    require(p.paid_burn_in in (0, 1) and not (p.paid_burn_in and p.sealed), "paid_burn_in",
            "paid_burn_in = false, or an open game (whose settlements say what everybody pulled)",
            paid_burn_in=p.paid_burn_in, sealed=p.sealed)
    require(p.growth <= MOST_GROWTH, "growth", "growth <= 4", units=p.growth)
    require(not p.growth or not (p.has_committees or p.draws or p.keeps_state or p.sealed), "growth",
            "growth = 0, or an open game in which everybody validates and commands, and no rule keeps state",
            growth=p.growth, sealed=p.sealed)
    least += p.unrevealed_penalty + p.slash
    require(p.stake >= least, "stake", "stake >= T * 10^9 * wei_per_unit + unrevealed_penalty + slash",
            stake=p.stake, least=least)
    for name in ("opening_deadline", "skip_deadline", "game_blocks", "settlement_window"):
        require(getattr(p, name) >= 1, name, f"{name} >= 1", blocks=getattr(p, name))
    require(not p.slash or p.settlement_window >= LEAST_WINDOW, "settlement_window",
            f"slash = 0, or settlement_window >= {LEAST_WINDOW} (a quarter each: rewards, proofs, costs, acquittals)",
            blocks=p.settlement_window)


def _check_draws(p: Parameters) -> None:
    """Refuse draws that could not give a committee, or a commander."""
    require(1 <= p.commanders <= p.probing <= ODDS, "commanders", "1 <= commanders <= probing <= 2^64",
            commanders=p.commanders, probing=p.probing)
    require(0 <= p.sortition <= ODDS, "sortition", "0 <= sortition <= 2^64", sortition=p.sortition)
    if p.sortition == 0:
        return
    require(not p.vouched & CHOSEN, "sortition", "sortition or a rule that chooses validators, not both", p=p.sortition)
    require(p.validators == p.participants, "sortition", "N = M (sortition or the best by reputation, not both)",
            N=p.validators, M=p.participants)
    require(p.quorum_choice == QuorumChoice.MAJORITY, "sortition", "majority (two thirds of how many is not known)",
            choice=p.quorum_choice)
    require(p.participants * p.sortition >= (2 * p.attackers + 1) * ODDS, "sortition", "E = M p >= 2m + 1",
            M=p.participants, p=p.sortition, m=p.attackers)


def check_weights(p: Parameters, weights: Sequence[int]) -> None:
    """Refuse weights that the seats of a game cannot register.

    Args:
        weights: of every seat.

    Raises:
        AssumptionBroken: naming the first inequality that fails.
    """
    require(len(weights) == p.participants, "weights", "one weight a seat", weights=len(weights), M=p.participants)
    inequality = f"1 <= weight <= {MAX_WEIGHT}" if p.sortition else "weight = 1 (without sortition nobody is drawn)"
    for seat, weight in enumerate(weights):
        require(1 <= weight <= p.heaviest, "weights", inequality, seat=seat, weight=weight)


def broken_by_roles(p: Parameters, liars: int, attackers: int, malicious: int) -> list[AssumptionBroken]:
    """Assumptions of a checked game's theorem that the actual numbers of liars and attackers break.

    Args:
        liars, attackers, malicious: |A1 u A3|, |A2 u A3|, |A1 u A2 u A3|; a seat that does both is in all of them.
    """
    honest, n, q = p.participants - malicious, p.validators, p.quorum(p.validators)
    broken = list[AssumptionBroken]()

    def ask(check_one: Callable[..., None], *given: Any, **values: int) -> None:
        try:
            check_one(*given, **values)
        except AssumptionBroken as error:
            broken.append(error)
        except RulesUnknown:
            pass

    ask(require, liars <= p.liars, "liars", "|A1 u A3| <= f", liars=liars, f=p.liars)
    ask(require, attackers <= p.attackers, "attackers", "|A2 u A3| <= m", attackers=attackers, m=p.attackers)
    ask(lambda: rules.aggregation(p).check_honest(p.participants, liars, honest))
    ask(require, q <= n - attackers, "quorum", "quorum <= N - |A2 u A3|", quorum=q, N=n, attackers=attackers)
    return broken
