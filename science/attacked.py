"""The project's attacks as lies of the arena, as far as a report of means and pulls can carry them.

Colluders of a game read the last block; those of the arena see the reports of the open round.
"""

import numpy as np

from chain_bandit.attacks.attack import Attack, NotSimulated, overrides
from chain_bandit.attacks.greedy import Greedy
from chain_bandit.attacks.inflated_counts import InflatedCounts
from chain_bandit.attacks.optimiser import Optimiser
from chain_bandit.attacks.seen import Honest, best, each_arm
from chain_bandit.attacks.seen import Seen as Made
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arena import Floats, Ints
from chain_bandit.simulation.batch import is_together
from chain_bandit.simulation.outcomes import parts
from chain_bandit.simulation.rivals.reports import LiarStrategy, LiarsView, Reports

SHARES = np.geomspace(0.2, 10, 24)
"""Distances that the optimiser tries, over 1 / sqrt(n): from what no rule can tell from chance to what all do."""


def told_by(attack: Attack, parameters: Parameters) -> LiarStrategy:
    """Reports of liars that are all under one attack; the same in every replicate but for what they see.

    Args:
        parameters: of the game that the attack believes to be in: M, f, K and T are read.

    Raises:
        NotSimulated: it is about more than reports of means, or a plug-in that lies game by game.
    """
    told = parts(attack)
    tells = any(overrides(part, "lie") for part in told)
    if attack.conduct is not Conduct.LIAR or not tells or not all(map(is_together, told)):
        raise NotSimulated(attack.name, "rivals report means, and nothing else")

    def lie(seen: LiarsView) -> Reports:
        known, in_force, (own, claimed) = _known(seen), None, seen.own
        if (seen.in_force.pulls > 0).all():
            in_force = _units(seen.in_force.means[:, None])[0]
        n_ref = np.maximum(seen.honest.pulls.max(axis=1), 1).T.astype(np.int64)
        report = _units(own)
        for part in told:
            if isinstance(part, InflatedCounts):
                claimed = np.minimum(claimed * part.times, parameters.horizon)
            if isinstance(part, (Greedy, Optimiser)):
                report = report if known is None else _worst_taken(seen, known, n_ref)
            else:
                made = part.lie(Made(parameters, seen.t, report, in_force, n_ref, known, np.ones_like, _unknown))
                report = np.broadcast_to(made, (own.shape[1], *report.shape[-2:]))
        return Reports(report.transpose(2, 0, 1) / UNIT, claimed)

    return lie


def _unknown(lie: Ints) -> Ints:
    raise NotSimulated("a lie", "rivals have no index that it could ask for")


def _units(means: Floats) -> Ints:
    """(R, S, K) as (S, K, R) in units."""
    return (means * UNIT).astype(np.int64).transpose(1, 2, 0)


def _known(seen: LiarsView) -> Honest | None:
    """The honest reports, once there are some of every arm."""
    return Honest(_units(seen.honest.means)) if (seen.honest.pulls > 0).all() else None


def _worst_taken(seen: LiarsView, known: Honest, n_ref: Ints) -> Ints:
    """What `attacks.optimiser` looks for, and `attacks.greedy`, where a rule takes any report and only weighs it.

    That is the lie that moves it most. The best arm is as low and every other as high as one of `SHARES`: the one after
    which the best arm of the pool looks worst.
    """
    signs = np.where(each_arm(known.average) == best(known.average), -1, 1)
    tried = np.clip(known.median + signs * UNIT * SHARES[:, None, None] / np.sqrt(n_ref), 0, UNIT).astype(np.int64)
    lies = np.repeat(tried.transpose(0, 2, 1).reshape(-1, 1, len(signs)) / UNIT, seen.own.means.shape[1], axis=1)
    pool = seen.outcome(Reports(lies, np.tile(seen.own.pulls, (len(SHARES), 1, 1)))).means
    above = pool.reshape(len(SHARES), -1, len(signs)).transpose(0, 2, 1) * signs
    margin = np.where(signs > 0, above, 0).max(axis=1) + np.where(signs < 0, above, 0).sum(axis=1)
    found = np.asarray(np.take_along_axis(tried, margin.argmax(axis=0)[None, None], axis=0)[0])
    return np.broadcast_to(found, (seen.own.means.shape[1], *found.shape))
