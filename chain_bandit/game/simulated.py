"""Simulated games of a scenario, without messages, one or many, each with its own random stream."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import ceil, log
from random import Random

from chain_bandit.array_types import Ints
from chain_bandit.attacks.attack import Attack
from chain_bandit.crypto.keys import derive
from chain_bandit.foreign.registry import answers
from chain_bandit.game.live import require_model
from chain_bandit.protocol.errors import AssumptionBroken, require
from chain_bandit.protocol.ledger import chosen_arm
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.sealing import noise_seed
from chain_bandit.protocol.units import UNIT
from chain_bandit.protocol.within_a_round import forget
from chain_bandit.scenario import Scenario
from chain_bandit.simulation import batch
from chain_bandit.simulation.engine import COMPILING, Engine, Work
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.kernel.compiled import AVAILABLE, FASTER, is_kept
from chain_bandit.simulation.outcomes import Outcome, Play, Setting, hashes
from chain_bandit.simulation.plain import play
from chain_bandit.simulation.replicates import Measured, ReplicateObserver, checkpoints, gathered, measure, nobody
from chain_bandit.simulation.sums import SUMS

COMPILATION = f"compiling the simulator: about {COMPILING:.0f} s, once"

MOST_ROUNDS = 10**8
"""T of a game without messages: the width of each round takes eight bytes."""

MOST_NUMBERS = 15 * 10**7
"""Of eight bytes, that replicates come to and that are in memory together."""


def plain(scenario: Scenario) -> Iterator[Outcome]:
    """A scenario's game round by round, with the chance that `replicates` gives its seed. Raises `NotSimulated`."""
    return Play(setting(scenario, scenario.seed)).rounds()


def setting(scenario: Scenario, seed: int, controlled: Mapping[int, Attack] | None = None) -> Setting:
    """A scenario's game with the chance that `replicates` gives a seed.

    Args:
        controlled: played at these seats in place of the scenario's attacks or of honesty; they add no colluder.

    Raises:
        NothingToSimulate: rewards are live.
    """
    require_model(scenario)
    own = scenario.attacks()
    attacks = {**own, **(controlled or {})}
    secret, seed_0 = derive(seed, "secret"), derive(seed, "seed_0")
    chances = {seat: Random(derive(seed, "chance/attack", seat)) for seat in attacks}
    return Setting(
        scenario.parameters, scenario.model, secret, seed_0, attacks, hashes(secret, seed_0), scenario.chain.batch,
        chances, scenario.all_weights,
        tuple(noise_seed(derive(seed, "seal", seat), seed_0) for seat in range(scenario.participants)),
        scenario.proven_every, frozenset(own),
    )  # fmt: skip


def seeds_of(scenario: Scenario, count: int, marks: int) -> range:
    """One a replicate. Raises `AssumptionBroken` where they go beyond the largest, or the games beyond the memory.

    Args:
        marks: how many checkpoints each has.
    """
    p = scenario.parameters
    require(p.horizon <= MOST_ROUNDS, "rounds", f"T <= {MOST_ROUNDS} (in simulation)", T=p.horizon)
    numbers_each = marks * len(SUMS) + 2 * p.participants
    require(count * numbers_each <= MOST_NUMBERS, "replicates",
            f"replicates * ({len(SUMS)} checkpoints + 2 M) <= {MOST_NUMBERS}",
            replicates=count, checkpoints=marks, M=p.participants)
    first, last = scenario.seed, scenario.seed + count - 1
    require(last < 2**256, "seed", "seed + replicates <= 2^256", seed=first, replicates=count)
    return range(first, last + 1)


def cast_of(scenario: Scenario) -> encoding.AttackPlan | None:
    """Its malicious seats by numbers; None where the plain loop alone plays them. Raises `NotSimulated`."""
    try:
        return encoding.cast(scenario.parameters, scenario.attacks())
    except encoding.NotCompiled:
        return None


def engines(games: Sequence[tuple[Scenario, int]]) -> list[Engine]:
    """The engine that plays each scenario so many times, where all are played: compiled where compiling pays.

    Compiling pays where the others would take longer than the compiler, and where it has been done before.
    Raises `NotSimulated`.
    """
    playing = [able(scenario) for scenario, _ in games]
    rounds = [_rounds(scenario.parameters) for scenario, _ in games]
    works = [Work(r, s.participants * r * n, s.parameters.arms) for r, (s, n) in zip(rounds, games, strict=True)]
    at_once = [work.fastest(each - {Engine.COMPILED}) for work, each in zip(works, playing, strict=True)]
    saved = sum(
        work.seconds(engine) - work.seconds(Engine.COMPILED)
        for work, engine, each in zip(works, at_once, playing, strict=True) if Engine.COMPILED in each
    )  # fmt: skip
    if not (AVAILABLE and (is_compiled() or saved > COMPILING)):
        return at_once
    return [Engine.COMPILED if Engine.COMPILED in each else e for e, each in zip(at_once, playing, strict=True)]


def _rounds(p: Parameters) -> int:
    """About how many rounds a game has: with phases as many as an arm's share of T takes, at n / growth pulls each."""
    if not p.growth:
        return p.horizon
    growth = p.growth / UNIT
    phases = 1 / growth + log(1 + growth * p.horizon / p.arms) / log(1 + growth)
    return min(p.horizon, ceil(p.arms * phases))


def able(scenario: Scenario) -> set[Engine]:
    """The engines that play a scenario, were all of them there. Raises `NotSimulated`, `NothingToSimulate`."""
    require_model(scenario)
    p, engines = scenario.parameters, {Engine.PLAIN}
    with suppress(encoding.NotCompiled):
        encoding.require_narrow(p)
        attacks = scenario.attacks()
        if batch.plays(p, attacks):
            engines.add(Engine.NUMPY)
        encoding.require_compiled(p)
        encoding.cast(p, attacks)
        engines.add(Engine.COMPILED)
    return engines


def is_compiled() -> bool:
    """Whether games have been compiled on this machine, by this version."""
    return is_kept("chain_bandit.simulation.kernel.play", "play")


def what_takes_long(games: Sequence[tuple[Scenario, int]], chosen: Sequence[Engine]) -> str:
    """A sentence on what these engines have their user wait for; empty where nothing is worth one.

    The compiler, once; or, without numba, games that it would have made faster by more than the compiler takes.
    """
    if AVAILABLE:
        return COMPILATION if Engine.COMPILED in chosen and not is_compiled() else ""
    rounds = [_rounds(s.parameters) for s, _ in games]
    works = [Work(r, s.participants * r * n, s.parameters.arms) for r, (s, n) in zip(rounds, games, strict=True)]
    able_to = [Engine.COMPILED if Engine.COMPILED in able(s) else e for (s, _), e in zip(games, chosen, strict=True)]
    slow, fast = (sum(map(Work.seconds, works, engines)) for engines in (chosen, able_to))
    if slow - fast <= COMPILING:
        return ""
    return f"about {slow:,.0f} s; {max(fast, 1):,.0f} s after {FASTER}"


def no_contract_takes(games: Collection[Scenario]) -> str:
    """A sentence on simulated games that no contract takes, and why, of several once; empty where there are none."""
    refused = list[AssumptionBroken]()
    for each in games:
        try:
            each.check_contract()
        except AssumptionBroken as error:
            refused.append(error)
    which = "this game" if len(games) == 1 else f"{len(refused):,} of these {len(games):,} games"
    return f"simulated all the same, but no contract takes {which}: {refused[0]}" if refused else ""


def keys_of(seed: int) -> encoding.Keys:
    """The chance that `replicates` gives a seed."""
    return encoding.keys(derive(seed, "secret"), derive(seed, "seed_0"))


def rules_of(scenario: Scenario) -> encoding.KernelParameters:
    """A scenario as the engines of many games take it. Raises `NothingToSimulate`."""
    require_model(scenario)
    return encoding.rules(
        scenario.parameters, scenario.model, scenario.chain.batch, scenario.all_weights, scenario.proven_every
    )


def replicates(
    scenario: Scenario, count: int, marks: Sequence[int] = (), jobs: int = 1, engine: Engine | None = None,
    observe: ReplicateObserver = nobody,
) -> Measured:  # fmt: skip
    """Many fast games of a scenario: replicate r has the chance of its seed + r. Raises `NotSimulated`.

    The chance is not that of the live game with this seed, whose seed_0 takes everybody's keys in. Raises
    `AssumptionBroken` as `seeds_of`, and `RuleUnanswered` where a rule failed, with what the games came to.

    Args:
        marks: ascending rounds at which the sums are kept; by default `checkpoints`.
        engine: by default the compiled one where it can be had and plays this game, else the one in numpy, else the
            plain one; `engines` chooses by time.
        observe: told how many games are over.
    """
    p = scenario.parameters
    marks = tuple(marks) or checkpoints(p.horizon, p.burn_in)
    seeds = seeds_of(scenario, count, len(marks))
    if engine is None:
        there = able(scenario) - (set() if AVAILABLE else {Engine.COMPILED})
        engine = next(each for each in Engine if each in there)

    def game(replicate: int) -> tuple[Ints, Ints]:
        return play(setting(scenario, seeds[replicate]), marks)

    chosen_arm.cache_clear()  # rules are asked again: what they failed to answer is not remembered as an answer
    forget()
    with answers() as heard:
        if engine is Engine.PLAIN:
            games = [partial(game, replicate) for replicate in range(count)]
            measured = gathered(p, games, marks, jobs, engine, observe)
        else:
            keys = list(map(keys_of, seeds))
            measured = measure(p, rules_of(scenario), scenario.attacks(), keys, marks, jobs, engine, observe, game)
    heard.require_all(measured)
    return measured
