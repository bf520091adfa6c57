"""Verbs of hostile rules, and what comes of them: one line of JSON, of a process of its own that may die of it."""

import json
import sys
import time
from typing import Any

from chain_bandit.foreign.errors import FileRefused
from chain_bandit.foreign.run import run
from chain_bandit.protocol.ruleset import RuleFailed
from tests.unit.foreign.api import body

IMPORTS = (
    "from math import comb, gcd, isqrt, lcm, perm, prod\nfrom fractions import Fraction\n"
    "from chain_bandit.rule_api import Agreed, Estimate, Option, nothing, total, trimmed\n"
)
DEEP = "x = ()\nfor a in range(120000):\n    x = (x,)\n"
SHARED = "x = ()\nfor a in range(45):\n    x = (x, x)\ny = ()\nfor a in range(45):\n    y = (y, y)\n"
LISTS = "x = []\nfor a in range(120000):\n    x = [x]\n"
READS = {
    "a set": "{x}",
    "a mapping": "{x: 1}",
    "a long set": "{1, 2, 3, 4, 5, 6, 7, 8, x}",
    "a spread set": "{*[x]}",
    "a comprehension": "{z for z in [x]}",
    "a comprehension of a mapping": "{z: 1 for z in [x]}",
    "a set that is made": "set([x])",
    "a frozen one": "frozenset([x])",
    "a set of a comprehension": "set(z for z in [x])",
    "a mapping of pairs": "dict([(x, 1)])",
    "a mapping of a comprehension": "dict([(z, 1) for z in [x]])",
    "a mapping that is spread": "{**{}, x: 1}",
    "a place": "{}[x]",
    "a place in a tuple": "{}[1, x]",
    "a place that is made": "{}[(x,)]",
    "a new place": "z = {}\nz[x] = 1",
    "one of two places": "z, w = {}, {}\nz[1], w[x] = 1, 2",
    "a place that is added to": "z = {}\nz[x] += 1",
    "a place that goes": "z = {}\ndel z[x]",
    "get": "{}.get(x)",
    "get by a name": "z = {}.get\nz(x)",
    "get as a key": "max([x], key={}.get)",
    "setdefault": "{}.setdefault(x, 1)",
    "pop": "{}.pop(x, 1)",
    "add": "set().add(x)",
    "discard": "set().discard(x)",
    "union": "set().union([x])",
    "a superset": "set().issuperset([x])",
    "keys": "{1: 1}.keys() & [x]",
    "items": "len({1: x}.items() | {(1, 2)})",
    "disjoint items": "{1: x}.items().isdisjoint([(1, 1)])",
    "in a mapping": "x in {}",
    "in a set": "x in {1}",
    "in a list": "(x,) in [(y,)]",
    "a list's place": "[(x,)].index((y,))",
    "a count": "[(x,)].count((y,))",
    "what is removed": "[(x,)].remove((y,))",
    "equal": "(x,) == (y,)",
    "unequal": "x != y",
    "less": "(x, 1) < (y, 2)",
    "a chain": "1 == 1 != x == y",
    "sorted": "sorted([(x, 1), (y, 2)])",
    "sorted in place": "[(x, 1), (y, 2)].sort()",
    "sorted by a key": "sorted([1, 2], key=lambda z: (x, y)[z - 1])",
    "sorted in place by a key": "[1, 2].sort(key=lambda z: (x, y)[z - 1])",
    "largest": "max([x, y])",
    "smallest of two": "min(x, y)",
    "largest by a key": "max([1, 2], key=lambda z: (x, y)[z - 1])",
    "an option": "Option(x) == Option(y)",
    "an option as a key": "{Option(x): 1}",
    "an answer": "return Estimate(x, (), ())",
    "an answer as it is": "return x",
    "given to the project": "total(x)",
    "text": "f'{x}'",
    "a slice": "{}[x:]",
}
GROWN = {
    **{f"deep: {read}": f"{DEEP}y = ()\nfor a in range(120000):\n    y = (y,)\n{line}" for read, line in READS.items()},
    **{f"shared: {read}": SHARED + line for read, line in READS.items()},
    **{f"lists: {read}": f"{LISTS}y = []\nfor a in range(120000):\n    y = [y]\n{READS[read]}"
       for read in ("equal", "less", "a count", "sorted", "in a list", "a new place", "largest by a key", "an answer")},
}  # fmt: skip
WIDE = "w = 2**4095 - 1\nv = 2**4094 + 1\n"
FRACTIONS = "f = Fraction(2**4095 - 1, 2**4094 + 1)\ng = Fraction(2**4093 + 3, 2**4095 - 5)\n"
COLLIDING = "keys = [z * (2**61 - 1) for z in range(6000)]\n"
SLOW = {
    "colliding keys": COLLIDING + "z = {}\nfor a in keys:\n    z[a] = 1",
    "colliding elements": COLLIDING + "z = set()\nfor a in keys:\n    z.add(a)",
    "colliding set": COLLIDING + "set(keys)",
    "colliding frozen set": COLLIDING + "frozenset(keys)",
    "colliding comprehension": COLLIDING + "{z for z in keys}",
    "colliding mapping": COLLIDING + "{z: 1 for z in keys}",
    "colliding pairs": COLLIDING + "dict(zip(keys, keys))",
    "colliding union": COLLIDING + "set().union(keys)",
    "colliding update": COLLIDING + "z = set()\nz.update(keys)",
    "colliding update of a mapping": COLLIDING + "z = {}\nz.update([(a, 1) for a in keys])",
    "colliding mappings": COLLIDING + "z = {}\nz |= [(a, 1) for a in keys]",
    "colliding defaults": COLLIDING + "z = {}\nfor a in keys:\n    z.setdefault(a, 1)",
    "colliding lookups": COLLIDING + "z = set(keys[:4000])\nwhile -keys[-1] not in z:\n    pass",
    "colliding fractions": "z = {Fraction(1 + a * (2**61 - 1), 2) for a in range(3000)}",
    "many unions": COLLIDING + "y = [set(keys[:3000]), set(keys[3000:])]\nset().union(*y)",
    "products that cancel": WIDE + "while True:\n" + "    w * v - v * w\n" * 300,
    "squares that cancel": WIDE + "while True:\n    [w ** 2 - w ** 2 for a in range(1000)]",
    "a long line": WIDE + "while True:\n    (" + " or ".join(["w * v - v * w"] * 300) + ")",
    "a long comprehension": WIDE + "[1 for a in range(10**4) if " + " or ".join(["w * v - v * w"] * 99) + "]",
    "a long lambda": WIDE + "z = lambda: " + " or ".join(["w * v - v * w"] * 300) + "\nwhile not z():\n    pass",
    "long lines": "while True:\n" + "    x\n" * 20000,
    "roots": WIDE + "while isqrt(w):\n    pass",
    "divisors": WIDE + "while gcd(w, v):\n    pass",
    "choices": WIDE + "while comb(w, 1):\n    pass",
    "inverses": WIDE + "while pow(3, -1, v) or True:\n    pass",
    "fractions": FRACTIONS + "while True:\n    f * g - f * g",
    "compared fractions": FRACTIONS + "while f * 1 > g * 1:\n    pass",
    "rounded fractions": FRACTIONS + "while True:\n    int(f) + round(g)",
    "sorted fractions": FRACTIONS + "z = [f, g] * 500\nwhile True:\n    sorted(z)",
    "named arguments": "def g(**z):\n    return 1\nz = {f'{a}': a for a in range(4000)}\nwhile g(**z):\n    pass",
    "long keys": "z = {}\nx = tuple(range(5000))\nwhile True:\n    z.get(x)",
    "long places": "z = {tuple(range(5000)): 1}\nx = tuple(range(5000))\nwhile True:\n    z[x]",
    "long elements": "x = [tuple(range(500))] * 500\ny = tuple([*range(499), 0])\nwhile True:\n    y in x",
    "long places in a list": "x = [tuple(range(500))] * 500\ny = tuple([*range(499), 0])\nwhile True:\n    x.count(y)",
    "a long text in ours": "nothing(1, (), f'{2**4000}' * 9)",
    "an empty set of many": "z = set(range(4000))\nwhile True:\n    len(z & set())",
    "a wide zip": "x = [range(10**6)] * 6000\nfor y in zip(*x):\n    pass",
    "a wide map": "x = [range(10**6)] * 6000\nfor y in map(max, *x):\n    pass",
    "rows that grow": "x = [1]\ny = [x for z in range(4000)]\nfor z in zip(*y):\n    x.append(1)",
    "closures": "def g(y):\n    return lambda: y\nx = None\nfor a in range(25000):\n    x = g(x)\nx = None",
    "bound methods": "x = None\nfor a in range(25000):\n    x = {0: x}.get\nx = None",
    "views": "x = None\nfor a in range(25000):\n    x = {0: x}.values()\nx = None",
    "answers in answers": "x = ()\nfor a in range(25000):\n    x = Estimate(x, (), ())\n{}[x]",
    "many arguments": "def g(*y):\n    return len(y)\nwhile g(*range(10**5)):\n    pass",
    "a key that appends": "x = [1, 2]\nx.sort(key=lambda y: x.append(y) or y)",
    "errors of errors": (
        "while True:\n    try:\n        {}[1]\n    except KeyError:\n        try:\n            [][1]\n"
        "        except IndexError:\n            x = 1"
    ),
    "a wide range": "while range(2**4000)[2**3999] and 2**3999 in range(2**4000):\n    pass",
    "a step of a slice": "x = list(range(1000))\nwhile True:\n    x[:: 2**4000]",
    "a list that holds itself": "x = []\nx.append(x)\ny = []\ny.append(y)\nx == y",
}
SEEDS = {
    "texts of a set": "max({('a', 1), ('a', 'x'), ('b', 0)})",
    "texts of a smallest": "min({('c', 1), ('c', 'x'), ('b', 0), ('d', 1)})",
    "sets in a set": "max({(frozenset(['a']), 1), (frozenset(['b']), 2), (frozenset(['c']), 3)})",
    "sets in tuples": "sorted([(frozenset(['a']), 1), (frozenset(['b']), 2)])",
    "texts in order": "return sorted({('a', 1), ('b', 2), ('c', 3)})",
    "a pair that is a set": "dict([{1, 'a'}])",
    "an unpacked set": "(y, z), w = {1, 'a'}, 3\nreturn f'{y}'",
    "an unpacked set among pairs": "for y, (z, w) in enumerate([{1, 'a'}]):\n    return f'{z}'",
    "an unpacked set in a comprehension": "return [f'{z}' for y, (z, w) in enumerate([{1, 'a'}])]",
    "an unpacked set of a mapping": "for y, (z, w) in {1: {1, 'a'}}.items():\n    return f'{z}'",
    "an unpacked set within": "for y, (z, (w, v)) in [(1, (2, {1, 'a'}))]:\n    return f'{w}'",
    "ties of a set that is given": "x = {f'{y}': 1 for y in range(9)}\nreturn sorted(trimmed(x, set(x), 1, x))",
    "the deepest of a set": "x = ('a',)\nfor y in range(40):\n    x = (x,)\nmax({('b', 1), ('c', 2)}) == x",
}
CODES = {**GROWN, **SLOW, **SEEDS}


def outcome(name: str) -> list[Any]:
    """What a verb gives, its steps, and the microseconds of a step."""
    code, bound = CODES[name], 10**6 if name.startswith(("deep", "lists")) else 30000
    try:
        rule = body(code, IMPORTS)
    except FileRefused as refused:
        return [refused.reason, 0, 0]
    begun = time.process_time()
    try:
        value, steps = run(rule, "f", bound=bound)
        said = repr(value)
    except RuleFailed as failed:
        said, steps = failed.reason, type(rule).__meter__.steps
    return [said, steps, (time.process_time() - begun) / max(steps, 10**4) * 1e6]


if __name__ == "__main__":
    sys.setrecursionlimit(int(sys.argv[1]))
    for each in sys.argv[2:] or CODES:
        print(json.dumps([each, *outcome(each)]), flush=True)
