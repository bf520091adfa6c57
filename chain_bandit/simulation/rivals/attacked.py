"""The project's attacks as lies of the arena, as far as a report of means and pulls can carry them.

The lies are those of games without messages (`simulation.batch_lies`, held equal to the attacks themselves). Colluders
of a game read the last block; those of the arena see the reports of the open round.
"""

import numpy as np

from chain_bandit.attacks.attack import Attack, NotSimulated
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arena import Floats, Ints
from chain_bandit.simulation.batch_lies import learnt, tell
from chain_bandit.simulation.kernel.lies import AVERAGE, MEDIAN
from chain_bandit.simulation.kernel.lies import Lie as Told
from chain_bandit.simulation.kernel.numbers import LIE, A, B, cast
from chain_bandit.simulation.rivals.reports import Lie, Reports, Seen

SHARES = np.geomspace(0.2, 10, 24)
"""Distances that the optimiser tries, over 1 / sqrt(n): from what no rule can tell from chance to what all do."""


def told_by(attack: Attack, parameters: Parameters) -> Lie:
    """What liars report who are all under one attack; the same in every replicate but for what they see.

    Args:
        parameters: of the game that the attack believes to be in: M, f, K and T are read.

    Raises:
        NotSimulated: it is about more than reports of means, or a plug-in, whose lies have no form for arrays.
    """
    told = cast(parameters, {0: attack})
    lies = [lie for lie in told.parts[[LIE, A, B]].T.tolist() if lie[0] >= 0]
    if attack.conduct is not Conduct.LIAR or not lies:
        raise NotSimulated(attack.name, "rivals report means, and nothing else")

    def lie(seen: Seen) -> Reports:
        known, in_force, (own, claimed) = _known(seen, told.known), None, seen.own
        if (seen.in_force.pulls > 0).all():
            in_force = _units(seen.in_force.means[:, None])[0]
        n_ref = np.maximum(seen.honest.pulls.max(axis=1), 1).T.astype(np.int64)
        report = _units(own)
        for kind, a, b in lies:
            if kind == Told.INFLATED_COUNTS:
                claimed = np.minimum(claimed * b, parameters.horizon)
            if kind == Told.OPTIMISER:
                report = report if known is None else _worst_taken(seen, known, n_ref)
            else:
                report = tell(report, kind, a, b, seen.t, in_force, n_ref, known)
        means = np.broadcast_to(report, (own.shape[1], *report.shape[-2:]))
        return Reports(means.transpose(2, 0, 1) / UNIT, claimed)

    return lie


def _units(means: Floats) -> Ints:
    """(R, S, K) as (S, K, R) in units."""
    return (means * UNIT).astype(np.int64).transpose(1, 2, 0)


def _known(seen: Seen, rows: int) -> Ints | None:
    """The rows of `kernel.lies` of the honest reports, (rows, K, R), once there are some of every arm."""
    if not (rows and (seen.honest.pulls > 0).all()):
        return None
    honest = _units(seen.honest.means)
    return learnt(honest.reshape(len(honest), -1), rows).reshape(-1, *honest.shape[1:])


def _worst_taken(seen: Seen, known: Ints, n_ref: Ints) -> Ints:
    """What `attacks.optimiser` looks for, where a rule takes any report and only weighs it: the lie that moves it most.

    The best arm is as low and every other as high as one of `SHARES`: the one after which the best arm of the pool
    looks worst.
    """
    signs = np.where(np.arange(len(known[AVERAGE]))[:, None] == known[AVERAGE].argmax(axis=0), -1, 1)
    tried = np.clip(known[MEDIAN] + signs * UNIT * SHARES[:, None, None] / np.sqrt(n_ref), 0, UNIT).astype(np.int64)
    lies = np.repeat(tried.transpose(0, 2, 1).reshape(-1, 1, len(signs)) / UNIT, seen.own.means.shape[1], axis=1)
    pool = seen.outcome(Reports(lies, np.tile(seen.own.pulls, (len(SHARES), 1, 1)))).means
    above = pool.reshape(len(SHARES), -1, len(signs)).transpose(0, 2, 1) * signs
    margin = np.where(signs > 0, above, 0).max(axis=1) + np.where(signs < 0, above, 0).sum(axis=1)
    return np.asarray(np.take_along_axis(tried, margin.argmax(axis=0)[None, None], axis=0)[0])
