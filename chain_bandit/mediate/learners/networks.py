"""Many small networks of one shape, in step: inputs - 64 - 64 - outputs, with exponential linear units between."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from chain_bandit.array_types import Singles
from chain_bandit.mediate.games.game import Marks
from chain_bandit.mediate.learners.sparse_layer import add_up, bend, give_back, through
from chain_bandit.protocol.errors import ChainBanditError


class TorchMissing(ChainBanditError):
    """PyTorch is not installed."""

    exit_code = 4

    def __init__(self) -> None:
        super().__init__("the learners of MEDIATE need PyTorch: run pip install 'chain-bandit[mediate]'")


try:
    import torch as torch
except ImportError as error:
    raise TorchMissing from error

torch.set_num_threads(1)  # so small are they that a second thread only waits, ten times as long where others work too

HIDDEN = 64
RATE = 1e-3
AT_ONCE = 2048
"""Rows of all networks that are computed at once, about."""

LARGEST_STEP = 1.0
"""The norm to which each network's gradient is cut."""


Slopes = Callable[[torch.Tensor, slice], torch.Tensor]
"""Of what some networks say of rows, and which these are, the slopes of their loss by it: (g, B, outputs)."""


class Networks:
    """G networks. They share nothing but the operations that compute them.

    Attributes:
        parameters: weights and biases of each layer, (G, into, out) and (G, 1, out); the last weights lie the other way
            round, (G, out, into), since a product with few columns takes longer than one with few rows.
    """

    def __init__(self, inputs: int, outputs: int, chances: Sequence[np.random.Generator]) -> None:
        """One network for each generator: all weights and biases uniform within 1 / sqrt(inputs of their layer)."""
        sizes = inputs, HIDDEN, HIDDEN, outputs
        drawn = [_drawn(sizes, chance) for chance in chances]
        self.parameters = [torch.tensor(np.stack(layer), dtype=torch.float32) for layer in zip(*drawn, strict=True)]
        self.adam = torch.optim.Adam(self.parameters, lr=RATE, fused=True)
        self._last: tuple[Marks, torch.Tensor] | None = None  # what was asked last, what was said

    def __call__(self, rows: Marks) -> torch.Tensor:
        """(G, B, marks) to (G, B, outputs); of the same array it is computed once, until the networks move."""
        if self._last is None or self._last[0] is not rows:
            self._last = rows, torch.cat([self._said(self._hidden(rows, part)[1], part) for part in _parts(rows)])
        return self._last[-1]

    def descend(self, rows: Marks, slopes: Slopes) -> None:
        """One step of Adam, each network down its own gradient, which is cut by itself."""
        gradients = [torch.zeros_like(parameter) for parameter in self.parameters]
        for part in _parts(rows):
            self._write_gradients(rows, slopes, part, [gradient[part] for gradient in gradients])
        norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
        factors = (LARGEST_STEP / (norms + 1e-6)).clamp(max=1.0)[:, None, None]
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient.mul_(factors)
        self.adam.step()
        self._last = None

    def _hidden(self, rows: Marks, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """What units of both hidden layers come to, in some of the networks."""
        first, first_bias, second, second_bias = (each[part] for each in self.parameters[:4])
        low, high, *_ = _space(len(first), rows.shape[1])
        add_up(rows[part], first.numpy(), first_bias.numpy(), low.numpy())
        bend(_flat(low))
        torch.baddbmm(second_bias, low, second, out=high)
        bend(_flat(high))
        return low, high

    def _said(self, high: torch.Tensor, part: slice) -> torch.Tensor:
        third, bias = (each[part] for each in self.parameters[4:])
        return torch.baddbmm(bias.mT, third, high.mT).mT

    def _write_gradients(self, rows: Marks, slopes: Slopes, part: slice, gradients: list[torch.Tensor]) -> None:
        low, high = self._hidden(rows, part)
        by_said = slopes(self._said(high, part), part)
        _, _, by_low, by_high = _space(len(low), rows.shape[1])
        second, third = self.parameters[2][part], self.parameters[4][part]
        of_first, of_first_bias, of_second, of_second_bias, of_third, of_third_bias = gradients
        torch.bmm(by_said, third, out=by_high)
        through(_flat(high), _flat(by_high))
        torch.bmm(by_high, second.mT, out=by_low)
        through(_flat(low), _flat(by_low))
        give_back(rows[part], by_low.numpy(), of_first.numpy())
        torch.bmm(low.mT, by_high, out=of_second)
        torch.bmm(by_said.mT, high, out=of_third)
        for gradient, by in ((of_first_bias, by_low), (of_second_bias, by_high), (of_third_bias, by_said)):
            torch.sum(by, dim=1, keepdim=True, out=gradient)

    def state(self) -> list[NDArray[np.float32]]:
        """All that they and Adam have come to; `restore` takes it."""
        moments = [self._moments(each) for each in self.parameters]
        return [each.numpy().copy() for each in (*self.parameters, *(m for of_one in moments for m in of_one.values()))]

    def restore(self, state: Sequence[NDArray[np.float32]]) -> None:
        """Go on from a state, to the same bits."""
        count, self._last = len(self.parameters), None
        for at, parameter in enumerate(self.parameters):
            parameter.copy_(torch.from_numpy(state[at]))
            moments = state[count + 3 * at : count + 3 * at + 3]
            names = self._moments(parameter)
            self.adam.state[parameter] = {
                name: torch.from_numpy(each.copy()) for name, each in zip(names, moments, strict=True)
            }

    def _moments(self, parameter: torch.Tensor) -> dict[str, torch.Tensor]:
        """Of Adam, which has none before the first step; that is as good as zeros."""
        kept = self.adam.state.get(parameter)
        zeros = {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(parameter)}
        return dict(kept) if kept else {**zeros, "exp_avg_sq": torch.zeros_like(parameter)}


def _parts(rows: Marks) -> Iterator[slice]:
    """Few networks at a time, so that what is computed of them stays in the processor's caches."""
    several = max(1, AT_ONCE // rows.shape[1])
    return (slice(first, first + several) for first in range(0, len(rows), several))


@cache
def _space(networks: int, rows: int) -> tuple[torch.Tensor, ...]:
    """For both hidden layers and for slopes by them: to get fresh memory would take longer than to use it."""
    return tuple(torch.empty(networks, rows, HIDDEN) for _ in range(4))


def _flat(values: torch.Tensor) -> Singles:
    return np.asarray(values.numpy().reshape(-1))


def _drawn(sizes: tuple[int, ...], chance: np.random.Generator) -> list[NDArray[np.float64]]:
    layers = []
    for into, out in pairwise(sizes):
        bound = into**-0.5
        layers += [chance.uniform(-bound, bound, (into, out)), chance.uniform(-bound, bound, (1, out))]
    layers[-2] = np.ascontiguousarray(layers[-2].T)
    return layers
