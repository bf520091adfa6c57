"""Reputations of many replicates at once, where they leave reports out."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from chain_bandit.array_types import Ints
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.reputation import FULL, MEMORY, START
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation import arrays


class ReputationArray:
    """Of every row and replicate, by a rule of merits that has a form over arrays.

    Attributes:
        values: when the open round began, (rows, replicates).
        passed: how many are not left out in it, by replicate.
    """

    def __init__(self, parameters: Parameters, replicates: int) -> None:
        seats, form = parameters.participants, arrays.find_merits(parameters.reputation)
        assert form is not None
        self._form, self._terms = form, parameters.terms_of(parameters.reputation)
        self.values = self._after = np.full((seats, replicates), START, np.int64)
        self.passed = np.full(replicates, seats)
        self._out = np.zeros((seats, replicates), np.bool_)
        self._rows = [np.arange(seats)]
        self._which = np.zeros(replicates, np.int64)

    def leave_out(self) -> NDArray[np.bool_]:
        """Begin a round: of which replicates it leaves others out than the one before (`protocol.merits.ByMerit`)."""
        terms, self.values = self._terms, self._after
        out = self.values * UNIT < terms.options["least"] * FULL
        out &= out.sum(axis=0) <= terms.liars + terms.attackers
        changed: NDArray[np.bool_] = (out != self._out).any(axis=0)
        if changed.any():
            self._out, self.passed = out, (~out).sum(axis=0)
            patterns, which = np.unique(np.packbits(~out, axis=0), axis=1, return_inverse=True)
            self._rows = [np.flatnonzero(np.unpackbits(each)[: len(out)]) for each in patterns.T]
            self._which = which.reshape(-1)
        return changed

    def parts(self, cells: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Cells, replicates on their last axis, by whose reports count in them: rows, and the cells."""
        which = self._which[cells.reshape(-1, cells.shape[-1])[0] % len(self._which)]
        for number, rows in enumerate(self._rows):
            some = cells[..., which == number]
            if some.size:
                yield rows, some

    def weigh(self, reports: Ints, pulls: Ints, means: Ints, ask: Callable[[int], Ints]) -> None:
        """End a round with a block.

        Args:
            reports: (rows, arms, replicates).
            pulls, means: (arms, replicates).
            ask: the merits of a replicate, by the rule itself.
        """
        merits, unsure = self._form(self._terms, arrays.Judged(reports, pulls, means, self.values))
        for replicate in np.flatnonzero(np.broadcast_to(unsure, len(self._which))).tolist():
            merits[:, replicate] = ask(replicate)
        self._after = self.values - (self.values >> MEMORY) + (merits >> MEMORY)
