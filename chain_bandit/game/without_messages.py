"""A plan's game without messages, round by round: with the keys, draws and attacks of the live game."""

from collections.abc import Iterator

from chain_bandit.game.live import require_model
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.blocks import genesis_digest, round_seed
from chain_bandit.protocol.sealing import noise_seed
from chain_bandit.simulation.outcomes import Outcome, Play, Setting


def simulated(plan: Plan) -> Iterator[Outcome]:
    """The rounds of a plan's game as `Game` would decide them. Raises `NotSimulated`."""
    return Play(planned(plan)).rounds()


def planned(plan: Plan) -> Setting:
    """A plan's game, with its keys, draws and attacks. Raises `NotSimulated`."""
    scenario = plan.scenario
    require_model(scenario)
    seed_0, _ = genesis_digest(plan.game, plan.seated, plan.salt)

    def drawn_hash(seat: int, round_: int) -> bytes:
        output, _ = plan.vrf_keys[seat].prove(round_seed(seed_0, round_))
        return output

    attacks = scenario.attacks()
    return Setting(
        plan.parameters, scenario.model, plan.secret, seed_0, attacks, drawn_hash, scenario.chain.batch,
        {seat: plan.rng("attack", seat) for seat in attacks}, scenario.all_weights,
        tuple(noise_seed(key, seed_0) for key in plan.seal_keys), scenario.proven_every,
    )  # fmt: skip
