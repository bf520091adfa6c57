"""Many small networks of one shape, in step: inputs - 64 - 64 - outputs, with exponential linear units between."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

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
LARGEST_STEP = 1.0
"""The norm to which each network's gradient is cut."""


class Networks:
    """G networks. They share nothing but the operations that compute them."""

    def __init__(self, inputs: int, outputs: int, chances: Sequence[np.random.Generator]) -> None:
        """One network for each generator: all weights and biases uniform within 1 / sqrt(inputs of their layer)."""
        sizes = inputs, HIDDEN, HIDDEN, outputs
        drawn = [_drawn(sizes, chance) for chance in chances]
        self.parameters = [torch.tensor(np.stack(layer), dtype=torch.float32) for layer in zip(*drawn, strict=True)]
        self.adam = torch.optim.Adam(self.parameters, lr=RATE)
        self._last: tuple[torch.Tensor, ...] | None = None  # what was asked last, both hidden layers, what was said

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """(G, B, inputs) to (G, B, outputs); of the same tensor it is computed once, until the networks move."""
        if self._last is None or self._last[0] is not rows:
            first, first_bias, second, second_bias, third, third_bias = self.parameters
            low = torch.nn.functional.elu_(torch.baddbmm(first_bias, rows, first))
            high = torch.nn.functional.elu_(torch.baddbmm(second_bias, low, second))
            self._last = rows, low, high, torch.baddbmm(third_bias, high, third)
        return self._last[-1]

    def descend(self, rows: torch.Tensor, slopes: torch.Tensor) -> None:
        """One step of Adam, each network down its own gradient, which is cut by itself.

        Args:
            slopes: of the loss by what the networks say of the rows, (G, B, outputs).
        """
        self(rows)
        assert self._last is not None
        _, low, high, _ = self._last
        _, _, second, _, third, _ = self.parameters
        by_high = _through(high, torch.bmm(slopes, third.mT))
        by_low = _through(low, torch.bmm(by_high, second.mT))
        gradients = [
            each
            for into, by in ((rows, by_low), (low, by_high), (high, slopes))
            for each in (torch.bmm(into.mT, by), by.sum(dim=1, keepdim=True))
        ]
        norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
        factors = (LARGEST_STEP / (norms + 1e-6)).clamp(max=1.0)[:, None, None]
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient.mul_(factors)
        self.adam.step()
        self._last = None

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


def _through(hidden: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """Slopes by what a layer was before its exponential linear unit: 1 above 0, and e^x = hidden + 1 below."""
    return slopes.mul_(hidden.add(1).clamp_(max=1))


def _drawn(sizes: tuple[int, ...], chance: np.random.Generator) -> list[NDArray[np.float64]]:
    layers = []
    for into, out in pairwise(sizes):
        bound = into**-0.5
        layers += [chance.uniform(-bound, bound, (into, out)), chance.uniform(-bound, bound, (1, out))]
    return layers
