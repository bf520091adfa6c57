"""A scenario as a game without messages: the same keys, draws and attacks as the live one."""

from collections.abc import Iterator

from chain_bandit.game.plan import Plan
from chain_bandit.protocol.blocks import genesis_digest, round_seed
from chain_bandit.simulation.outcomes import Outcome, Play, Setting


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
        {seat: plan.rng("attack", seat) for seat in attacks},
    )  # fmt: skip
    return Play(setting).rounds()
