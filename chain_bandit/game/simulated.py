"""A scenario as games without messages: one with the keys, draws and attacks of the live game, or many."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from random import Random

from chain_bandit.crypto.keys import derive
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.blocks import genesis_digest, round_seed
from chain_bandit.protocol.errors import require
from chain_bandit.scenario import Scenario
from chain_bandit.simulation import batch
from chain_bandit.simulation.engine import COMPILING, Engine, Work
from chain_bandit.simulation.kernel import numbers
from chain_bandit.simulation.kernel.compiled import AVAILABLE, is_kept
from chain_bandit.simulation.outcomes import Outcome, Play, Setting, hashes
from chain_bandit.simulation.plain import play
from chain_bandit.simulation.replicates import Measured, Observer, checkpoints, gathered, measure, nobody
from chain_bandit.simulation.sums import SUMS, Ints

MOST_ROUNDS = 10**8
"""T of a game without messages: the width of each round takes eight bytes."""

MOST_NUMBERS = 15 * 10**7
"""Of eight bytes, that replicates come to and that are in memory together."""


def simulated(plan: Plan) -> Iterator[Outcome]:
    """The rounds of a plan's game as `Game` would decide them. Raises `NotSimulated`."""
    scenario = plan.scenario
    seed_0, _ = genesis_digest(plan.game, plan.seated, plan.salt)

    def drawn_hash(seat: int, round_: int) -> bytes:
        output, _ = plan.vrf_keys[seat].prove(round_seed(seed_0, round_))
        return output

    attacks = scenario.attacks()
    setting = Setting(
        plan.parameters, scenario.model, plan.secret, seed_0, attacks, drawn_hash, scenario.chain.batch,
        {seat: plan.rng("attack", seat) for seat in attacks}, scenario.all_weights, scenario.growth_units,
    )  # fmt: skip
    return Play(setting).rounds()


def plain(scenario: Scenario) -> Iterator[Outcome]:
    """A scenario's game round by round, with the chance that `replicates` gives its seed. Raises `NotSimulated`."""
    return Play(_setting(scenario, scenario.seed)).rounds()


def _setting(scenario: Scenario, seed: int) -> Setting:
    attacks = scenario.attacks()
    secret, seed_0 = derive(seed, "secret"), derive(seed, "seed_0")
    chances = {seat: Random(derive(seed, "chance/attack", seat)) for seat in attacks}
    return Setting(
        scenario.parameters, scenario.model, secret, seed_0, attacks, hashes(secret, seed_0), scenario.chain.batch,
        chances, scenario.all_weights, scenario.growth_units,
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


def cast_of(scenario: Scenario) -> numbers.Cast | None:
    """Its malicious seats by numbers; None where the plain loop alone plays them. Raises `NotSimulated`."""
    try:
        return numbers.cast(scenario.parameters, scenario.attacks())
    except numbers.NotCompiled:
        return None


def engines(games: Sequence[tuple[Scenario, int]]) -> list[Engine]:
    """The engine that plays each scenario so many times, where all are played: compiled where compiling pays.

    Compiling pays where the others would take longer than the compiler, and where it has been done before.
    Raises `NotSimulated`.
    """
    casts = [cast_of(scenario) if _has_form(scenario) else None for scenario, _ in games]
    works = [Work(s.parameters.horizon, s.parameters.participants * s.parameters.horizon * count) for s, count in games]

    def pays(at_once: Iterable[Engine]) -> bool:
        each = zip(works, at_once, casts, strict=True)
        return sum(work.seconds(e) - work.seconds(Engine.COMPILED) for work, e, cast in each if cast) > COMPILING

    compiled = [Engine.COMPILED if cast else Engine.PLAIN for cast in casts]
    if AVAILABLE and (is_compiled() or pays(work.faster(numpy=True) for work in works)):
        return compiled
    at_once = [
        work.faster(cast is not None and batch.plays(_rules(scenario), cast))
        for (scenario, _), work, cast in zip(games, works, casts, strict=True)
    ]
    return compiled if AVAILABLE and pays(at_once) else at_once


def _has_form(scenario: Scenario) -> bool:
    """Whether numbers of 64 bits hold the game, and its aggregation has a compiled form."""
    try:
        numbers.form(scenario.parameters, scenario.growth_units)
    except numbers.NotCompiled:
        return False
    return True


def is_compiled() -> bool:
    """Whether games have been compiled on this machine, by this version."""
    return is_kept("chain_bandit.simulation.kernel.play", "play")


def compiles(chosen: Iterable[Engine]) -> bool:
    """Whether something is compiled before these engines play."""
    return AVAILABLE and Engine.COMPILED in chosen and not is_compiled()


def _rules(scenario: Scenario) -> numbers.Rules:
    return numbers.rules(
        scenario.parameters, scenario.model, scenario.chain.batch, scenario.all_weights, scenario.growth_units
    )


def replicates(
    scenario: Scenario, count: int, marks: Sequence[int] = (), jobs: int = 1, engine: Engine | None = None,
    observe: Observer = nobody,
) -> Measured:  # fmt: skip
    """Many fast games of a scenario: replicate r has the chance of its seed + r. Raises `NotSimulated`.

    The chance is not that of the live game with this seed, whose seed_0 takes everybody's keys in. Raises
    `AssumptionBroken` as `seeds_of`.

    Args:
        marks: ascending rounds at which the sums are kept; by default `checkpoints`.
        engine: by default the compiled one where it can be had, and the plain one for what has no compiled form;
            `engines` chooses by time.
        observe: told how many games are over.
    """
    p = scenario.parameters
    marks = tuple(marks) or checkpoints(p.horizon, p.burn_in)
    seeds = seeds_of(scenario, count, len(marks))
    if engine is not Engine.PLAIN:
        try:
            rules = _rules(scenario)
            cast = numbers.cast(p, scenario.attacks())
        except numbers.NotCompiled:
            if engine:
                raise
        else:
            keys = [numbers.keys(derive(seed, "secret"), derive(seed, "seed_0")) for seed in seeds]
            return measure(p, rules, cast, keys, marks, jobs, engine, observe)

    def game(seed: int) -> tuple[Ints, Ints]:
        return play(_setting(scenario, seed), marks)

    return gathered(p, [partial(game, seed) for seed in seeds], marks, jobs, Engine.PLAIN, observe)
