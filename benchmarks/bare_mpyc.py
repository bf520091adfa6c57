"""A batch of comparisons by MPyC as it comes: python bare_mpyc.py PAIRS TRIES -M PARTIES (see comparison.py)."""

import sys
from time import perf_counter

import numpy as np
from mpyc.runtime import mpc


def sent() -> int:
    return sum(party.protocol.nbytes_sent for party in mpc.parties if party.pid != mpc.pid)


async def main(pairs: int, tries: int) -> None:
    await mpc.start()
    integers, best = mpc.SecInt(), 1e9
    for _ in range(tries):
        values = mpc.input(integers.array(np.arange(pairs)), 0)
        await mpc.gather(values)
        await mpc.transfer(None)
        before, start = sent(), perf_counter()
        await mpc.output(values < pairs // 2)
        best = min(best, perf_counter() - start)
        used = sent() - before
    total = sum(await mpc.transfer(used))
    if not mpc.pid:
        print(best, total)
    await mpc.shutdown()


if __name__ == "__main__":
    mpc.run(main(*map(int, sys.argv[1:3])))
