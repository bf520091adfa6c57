"""keccak-256 compiled, of a head of 32 bytes and a short tail: seeds of rounds, draws, and the order of equals."""

from functools import reduce
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from chain_bandit.simulation.kernel.compiled import compiled, inlined

_ir: Any = numba.core.cgutils


def _round_constants() -> list[int]:
    """FIPS 202, algorithm 5: a linear feedback shift register sets bit 2^j - 1 of each constant."""
    state, constants = 1, []
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (state & 1) << ((1 << j) - 1)
            state = (state << 1) ^ (0x171 * (state >> 7))
        constants.append(constant)
    return constants


def _walk() -> list[tuple[int, int]]:
    """FIPS 202, algorithms 2 and 3: which lane comes next on the walk through the sheet, and how far it turns."""
    x, y, steps = 1, 0, []
    for step in range(24):
        x, y = y, (2 * x + 3 * y) % 5
        steps.append((x + 5 * y, (step + 1) * (step + 2) // 2 % 64))
    return steps


WORDS, LANES = 4, 25
"""Of a digest, each big-endian, so that digests compare as their words do; of the memory that making it takes."""


def _permute(typing_context: Any, lanes: Any) -> Any:
    """Keccak-f[1600] of an array of lanes, each turn one straight line: loops over the array take twice as long."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        places = [builder.gep(data, [ir.Constant(word, at)]) for at in range(LANES)]
        held = [_ir.alloca_once_value(builder, builder.load(place)) for place in places]
        constants = ir.Constant(ir.ArrayType(word, 24), _round_constants())
        table = _ir.global_constant(builder, "round_constants", constants)
        with _ir.for_range(builder, ir.Constant(word, 24)) as turn:
            sheet = _turn(builder, [builder.load(place) for place in held])
            constant = builder.load(builder.gep(table, [ir.Constant(word, 0), turn.index]))
            for place, lane in zip(held, [builder.xor(sheet[0], constant), *sheet[1:]], strict=True):
                builder.store(lane, place)
        for place, lane in zip(places, held, strict=True):
            builder.store(builder.load(lane), place)
        return context.get_dummy_value()

    return numba.types.void(lanes), generate


def _turn(builder: Any, sheet: list[Any]) -> list[Any]:
    """FIPS 202, algorithms 1 to 4: theta, rho and pi, chi."""
    parity = [reduce(builder.xor, sheet[x::5]) for x in range(5)]
    theta = [builder.xor(parity[x - 1], _turned(builder, parity[(x + 1) % 5], 1)) for x in range(5)]
    sheet = [builder.xor(lane, theta[at % 5]) for at, lane in enumerate(sheet)]
    held = sheet[1]
    for to, by in _walk():
        sheet[to], held = _turned(builder, held, by), sheet[to]
    rows = [sheet[at : at + 5] for at in range(0, LANES, 5)]
    return [
        builder.xor(row[x], builder.and_(builder.not_(row[(x + 1) % 5]), row[(x + 2) % 5]))
        for row in rows
        for x in range(5)
    ]


def _turned(builder: Any, lane: Any, by: int) -> Any:
    """The lane rotated left by 1 to 63 bits."""
    up, down = (ir.Constant(lane.type, bits) for bits in (by, 64 - by))
    return builder.or_(builder.shl(lane, up), builder.lshr(lane, down))


permute: Any = intrinsic(_permute)


@inlined
def swapped(lane: Any) -> Any:
    """The lane as its bytes read from the other end."""
    lane = ((lane & np.uint64(0x00FF00FF00FF00FF)) << np.uint64(8)) | (
        (lane >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    )
    lane = ((lane & np.uint64(0x0000FFFF0000FFFF)) << np.uint64(16)) | (
        (lane >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    )
    return (lane << np.uint64(32)) | (lane >> np.uint64(32))


@compiled
def keccak(lanes: Any, head: Any, tail: Any, size: Any) -> None:
    """Write into the first `WORDS` of `LANES` the digest of a head and a tail, and what it came by into the others.

    Args:
        head: four big-endian words, of other lanes.
        tail: `size` bytes, 1 to 7, as a big-endian number.
    """
    for at in range(LANES):
        lanes[at] = np.uint64(0)
    for at in range(WORDS):
        lanes[at] = swapped(head[at])
    bits = np.uint64(8 * (8 - size))
    lanes[4] = swapped(np.uint64(tail) << bits) | (np.uint64(1) << (np.uint64(64) - bits))
    lanes[16] = np.uint64(1) << np.uint64(63)
    permute(lanes)
    for at in range(WORDS):
        lanes[at] = swapped(lanes[at])


@compiled
def before(one: Any, other: Any) -> Any:
    """Whether a digest comes before another, as bytes do."""
    for at in range(WORDS):
        if one[at] != other[at]:
            return one[at] < other[at]
    return False


@compiled
def keccaks(heads: Any, tails: Any, size: Any, lanes: Any, out: Any) -> None:
    """The digests of all heads, (heads, `WORDS`), with all tails: (heads, tails, `WORDS`).

    Args:
        lanes: room for `LANES` words; overwritten.
    """
    for head in range(len(heads)):
        for tail in range(len(tails)):
            keccak(lanes, heads[head], tails[tail], size)
            for at in range(WORDS):
                out[head, tail, at] = lanes[at]
