"""Philox4x64-10 compiled: the word that `protocol.rewards.philox` gives, in a few nanoseconds."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from chain_bandit.simulation.kernel.compiled import compiled

_ROUNDS = 10
_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_W0, _W1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)


def _high_word(typing_context: Any, left: Any, right: Any) -> Any:
    """The upper 64 bits of the product of two uint64: one machine instruction that Python has no word for."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return numba.uint64(numba.uint64, numba.uint64), generate


high_word: Any = intrinsic(_high_word)


@compiled
def philox(k0: Any, k1: Any, c0: Any, c1: Any, c2: Any, c3: Any) -> Any:
    """First word under the key (k0, k1) at the counter (c0, c1, c2, c3), all uint64."""
    for _ in range(_ROUNDS):
        c0, c1, c2, c3 = (
            high_word(_M1, c2) ^ c1 ^ k0, _M1 * c2,
            high_word(_M0, c0) ^ c3 ^ k1, _M0 * c0,
        )  # fmt: skip
        k0, k1 = k0 + _W0, k1 + _W1
    return c0
