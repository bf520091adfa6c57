"""Philox4x64-10 compiled: the words that `protocol.rewards.philox` gives, in a few nanoseconds."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from chain_bandit.simulation.kernel.compiled import inlined

_ROUNDS = 10
_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_W0, _W1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)


def _product(typing_context: Any, left: Any, right: Any) -> Any:
    """(upper, lower 64 bits) of the product of two uint64: one machine instruction that Python has no word for."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, word = ir.IntType(128), ir.IntType(64)
        whole = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        high = builder.trunc(builder.lshr(whole, ir.Constant(wide, 64)), word)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(whole, word)))

    words: Any = numba.types.UniTuple
    return words(numba.uint64, 2)(numba.uint64, numba.uint64), generate


product: Any = intrinsic(_product)


@inlined
def philox(k0: Any, k1: Any, c0: Any, c1: Any, c2: Any, c3: Any) -> Any:
    """The four words under the key (k0, k1) at the counter (c0, c1, c2, c3), all uint64."""
    for _ in range(_ROUNDS):
        high0, low0 = product(_M0, c0)
        high1, low1 = product(_M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = k0 + _W0, k1 + _W1
    return c0, c1, c2, c3
