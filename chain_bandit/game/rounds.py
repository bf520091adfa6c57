"""The table of rounds of a run folder: one row a round, with the regret of the honest and of two learners beside it."""

import csv
from array import array
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from chain_bandit.game.books import RoundPlayed
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.blocks import genesis_digest
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.estimation import choose_arm
from chain_bandit.protocol.parameters import UCB1
from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.rule import Learnt
from chain_bandit.simulation.rivals.on_draws import C1, pooled, ucb1


class Rounds:
    """Takes in a game round by round.

    Attributes:
        regret: of an honest participant, so far; None of live rewards, whose true means nobody knows.
        rivals: of UCB1 alone, of the game's own index policy alone where it is another, and of an oracle that plays
            this on all honest rewards; on the same draws, with the exploration constants of their sources.
        kinds: how many rounds ended so, by the kind's name.
        pulls: of each participant that were due.
        accused: seats with a proof of equivocation against them.
        aborted: by round, why there were no comparison bits.
    """

    def __init__(self, plan: Plan) -> None:
        parameters, model, is_live = plan.parameters, plan.scenario.model, plan.scenario.is_live
        seed_0 = genesis_digest(plan.game, plan.seated, plan.salt)[0]
        draws, sources = Draws(model, plan.secret, seed_0), replace(parameters, c1_numerator=C1, c1_denominator=1)
        honest = tuple(sorted(set(range(parameters.participants)) - plan.scenario.attacks().keys()))

        def choose(learnt: Learnt) -> int:
            return choose_arm(sources, learnt)[0]

        def learner(seats: tuple[int, ...]) -> Iterator[int]:
            return pooled(draws, seats, parameters.arms, parameters.horizon, choose, seed_0)

        self._arms: dict[str, Iterator[int]] = {} if is_live else {
            "ucb1": ucb1(draws, honest[0], parameters.arms, parameters.horizon),
            **({} if parameters.policy == UCB1 else {"alone": learner(honest[:1])}),
            "oracle": learner(honest),
        }
        regret = Regret(model.means, parameters.burn_in, bool(parameters.paid_burn_in))
        self.regret = None if is_live else regret
        self.rivals = {name: Regret(model.means, 0) for name in self._arms}
        self.kinds: dict[str, int] = {}
        self.pulls = 0
        self.accused: frozenset[int] = frozenset()
        self.aborted: dict[str, list[str]] = {}
        self._columns: dict[str, Any] = {}

    def add(self, played: RoundPlayed) -> None:
        """Take in one round."""
        kind = played.record.kind.name.lower() if played.record else "burn-in"
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.pulls += played.length
        self.accused |= played.accused
        if played.aborted:
            self.aborted[str(played.round)] = list(played.aborted)
        row: dict[str, Any] = {
            "round": played.round,
            "kind": kind,
            "arm": -1 if played.arm is None else played.arm,
            "length": played.length,
            "costly": int(played.costly),
            "accused": _listed(played.accused),
            "blocked": _listed(played.blocked),
            "forfeited": _listed(played.forfeited),
        }
        if self.regret is not None:
            self.regret.add(played.round, played.arm, kind == "approved", played.cost, played.length)
            parts = ("burn_in", "arms", "failed", "cost")
            row |= {f"regret_{part}_units": getattr(self.regret, part) for part in parts}
        for name, arms in self._arms.items():
            for arm in islice(arms, played.length):
                self.rivals[name].add(played.round, arm, True)
            row[f"regret_{name}_units"] = self.rivals[name].total
        for name, value in row.items():
            self._columns.setdefault(name, [] if type(value) is str else array("q")).append(value)

    @property
    def lost(self) -> int | None:
        """The regret so far, in units."""
        return None if self.regret is None else self.regret.total

    def write(self, path: Path) -> None:
        """One row a round, cumulative regret in units; beside it the same in Parquet where pyarrow is installed."""
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(self._columns)
            table.writerows(zip(*self._columns.values(), strict=True))
        try:
            from chain_bandit.arrow import parquet, pyarrow
        except ChainBanditError:  # the extra is not there
            return
        parquet.write_table(pyarrow.table(self._columns), path.with_suffix(".parquet"))


def _listed(seats: frozenset[int]) -> str:
    return ",".join(map(str, sorted(seats)))
