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
        self.parameters: list[torch.Tensor] = []
        drawn = [_drawn(sizes, chance) for chance in chances]
        for layer in zip(*drawn, strict=True):
            self.parameters.append(torch.tensor(np.stack(layer), dtype=torch.float32, requires_grad=True))
        self._adam = torch.optim.Adam(self.parameters, lr=RATE)

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """(G, B, inputs) to (G, B, outputs)."""
        first, first_bias, second, second_bias, third, third_bias = self.parameters
        hidden = torch.nn.functional.elu(torch.baddbmm(first_bias, inputs, first))
        hidden = torch.nn.functional.elu(torch.baddbmm(second_bias, hidden, second))
        return torch.baddbmm(third_bias, hidden, third)

    def descend(self, loss: torch.Tensor) -> None:
        """One step of Adam, each network down the gradient of what it has in the sum of all losses, cut by itself."""
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
        factors = (LARGEST_STEP / (norms + 1e-6)).clamp(max=1.0)[:, None, None]
        for gradient in gradients:
            gradient *= factors
        self._adam.step()


def _drawn(sizes: tuple[int, ...], chance: np.random.Generator) -> list[NDArray[np.float64]]:
    layers = []
    for into, out in pairwise(sizes):
        bound = into**-0.5
        layers += [chance.uniform(-bound, bound, (into, out)), chance.uniform(-bound, bound, (1, out))]
    return layers
