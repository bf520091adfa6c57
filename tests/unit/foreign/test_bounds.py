"""Whatever would not end, or fill the memory, ends as one typed error, at once and in little memory."""

import re
import resource
import time

import pytest

from chain_bandit.foreign.run import run
from chain_bandit.protocol.ruleset import RuleFailed
from tests.unit.foreign.api import body, loaded

STEPS, LENGTH, BITS = "passes its bound", "more than 1048576 elements", "more than 4096 bits"
MATH = "from math import comb, gcd, isqrt, lcm, perm, prod\nfrom fractions import Fraction"
OURS = "from chain_bandit.rule_api import Agreed, Estimate, Means, nothing, total"

BOMBS = {
    "a power": ("10**9 ** 10**9", BITS),
    "powers": ("y = 3\nfor z in range(100):\n    y = y ** 2", BITS),
    "a power of a fraction": ("Fraction(2, 3) ** 10**9", BITS),
    "products": ("y = 3\nwhile y:\n    y *= y", BITS),
    "products within": ("y = 3\nwhile y:\n    y = y * y * y + 1", BITS),
    "sums": ("y = 1\nwhile y:\n    y = y + y", BITS),
    "sums in place": ("y = 1\nwhile y:\n    y += y", BITS),
    "differences": ("y = 1\nwhile y:\n    y = y - 3 * -y", BITS),
    "sums of fractions": ("y = z = Fraction(1, 3)\nwhile y:\n    y, z = y + z * Fraction(1, 7), y", BITS),
    "quotients": ("y = Fraction(1, 3)\nwhile y:\n    y = y / 3", BITS),
    "a shift": ("1 << 10**12", BITS),
    "shifts": ("y = 1\nwhile y:\n    y <<= 1000", BITS),
    "a quotient of a small fraction": ("y = 1\nwhile y:\n    y = y // Fraction(1, 2**999)", BITS),
    "a factorial": ("perm(10**9)", BITS),
    "choices": ("comb(10**12, 10**11)", BITS),
    "a product of a range": ("prod(range(1, 10**12))", LENGTH),
    "a product of many": ("prod(range(1, 10**5))", BITS),
    "a common multiple": ("lcm(*range(1, 10**5))", BITS),
    "a common multiple of too many": ("lcm(*range(1, 10**7))", LENGTH),
    "a sum of large ones": ("sum(2**4000 * 2**90 for y in range(2**10))", BITS),
    "a power modulo": ("for y in range(10**5):\n    pow(3, 2**4000, 2**4000 + 1)", STEPS),
    "a list of many": ("[0] * 10**12", LENGTH),
    "a count of lists": ("10**12 * [0]", LENGTH),
    "a tuple of many": ("(0, 1) * 10**12", LENGTH),
    "a text of many": ("'a' * 10**12", LENGTH),
    "a repeated comprehension": ("[y for y in range(9)] * 10**12", LENGTH),
    "lists that double": ("y = [0]\nwhile y:\n    y = y + y", STEPS),
    "lists that double in place": ("y = [0]\nwhile y:\n    y += y", STEPS),
    "lists that are extended": ("y = [0]\nwhile y:\n    y.extend(y)", STEPS),
    "lists that are spread": ("y = [0]\nwhile y:\n    y = [*y, *y]", STEPS),
    "tuples that are spread": ("y = (0,)\nwhile y:\n    y = (*y, *y, 0)", STEPS),
    "texts that double": ("y = 'a'\nwhile y:\n    y = y + y", STEPS),
    "appended for ever": ("y = []\nwhile True:\n    y.append(0)", STEPS),
    "appended to what is read": ("y = [0]\nfor z in y:\n    y.append(z)", STEPS),
    "a list of a range": ("list(range(10**12))", LENGTH),
    "a tuple of a range": ("tuple(range(10**6 + 1))", STEPS),
    "a set of a range": ("set(range(10**12))", LENGTH),
    "a mapping of pairs": ("dict(zip(range(10**12), range(10**12)))", STEPS),
    "a list of pairs": ("list(zip(range(10**12), range(10**12)))", STEPS),
    "a list of numbers": ("list(enumerate(range(10**12)))", STEPS),
    "a list of results": ("list(map(abs, range(10**12)))", STEPS),
    "spread results": ("max(*map(abs, range(10**12)))", STEPS),
    "a sum of a range": ("sum(range(10**12))", LENGTH),
    "sums of a range": ("while sum(range(10**5)):\n    pass", STEPS),
    "a long range": ("len(range(10**30))", "raises OverflowError"),
    "a sum of a long range": ("sum(range(10**30))", LENGTH),
    "a comprehension": ("[y for y in range(10**12)]", STEPS),
    "comprehensions within": ("[0 for a in range(10**9) for b in range(10**9)]", STEPS),
    "a comprehension of none": ("[0 for a in range(10**9) if a < 0]", STEPS),
    "a comprehension of empty ones": ("[0 for a in range(10**9) for b in ()]", STEPS),
    "a set of a comprehension": ("{a for a in range(10**9)}", STEPS),
    "a mapping of a comprehension": ("{a: a for a in range(10**9)}", STEPS),
    "a generator": ("sum(1 for a in range(10**12))", STEPS),
    "generators within": ("any(any(False for b in range(10**9)) for a in range(10**9))", STEPS),
    "one of none": ("any(map(bool, zip()))\nany(map(abs, [0] * 10**6))\nall(map(abs, [1] * 10**6))", STEPS),
    "the largest of a range": ("max(range(10**12))", LENGTH),
    "the largest by a key": ("max([0] * 10**6, key=lambda y: y)", STEPS),
    "sorted for ever": ("y = list(range(10**5, 0, -1))\nwhile True:\n    sorted(y)", STEPS),
    "sorted in place": ("y = list(range(10**5, 0, -1))\nwhile True:\n    y.sort()", STEPS),
    "sorted of too many": ("sorted(range(10**9))", LENGTH),
    "reversed for ever": ("while True:\n    tuple(reversed(range(10**5)))", STEPS),
    "sliced for ever": ("y = list(range(10**5))\nwhile True:\n    y[1:]", STEPS),
    "searched for ever": ("y = list(range(10**5))\nwhile -1 not in y:\n    pass", STEPS),
    "looked up for ever": ("y = tuple(range(10**5))\nz = {y}\nwhile y in z:\n    pass", STEPS),
    "searched in a range": ("while Fraction(1, 2) not in range(10**6):\n    pass", STEPS),
    "found for ever": ("y = list(range(10**5))\nwhile y.index(99999):\n    pass", STEPS),
    "counted for ever": ("y = tuple(range(10**5))\nwhile y.count(3):\n    pass", STEPS),
    "compared for ever": ("y, z = list(range(10**5)), list(range(10**5))\nwhile y == z:\n    pass", STEPS),
    "ordered for ever": ("y, z = [0] * 10**5, [0] * 10**5\nwhile not y < z:\n    pass", STEPS),
    "compared in depth": ("y = z = ()\nfor a in range(60):\n    y, z = (y, y), (z, z)\ny == z", STEPS),
    "taken from the front": ("y = [0] * 10**5\nwhile True:\n    y.pop(0)\n    y.append(0)", STEPS),
    "put to the front": ("y = [0] * 10**5\nwhile True:\n    y.insert(0, 1)\n    del y[0]", STEPS),
    "copied for ever": ("y = {a: 0 for a in range(4000)}\nwhile True:\n    y.copy()", STEPS),
    "joined for ever": ("y = set(range(4000))\nwhile True:\n    y | {1}", STEPS),
    "differences for ever": ("y = set(range(4000))\nwhile True:\n    y - y", STEPS),
    "intersections for ever": ("y, z = set(range(4000)), frozenset(range(-999, 0))\nwhile True:\n    y & z", STEPS),
    "intersections in place": ("y, z = set(range(4000)), set()\nwhile True:\n    z &= y", STEPS),
    "differences within": ("y = set(range(4000))\nwhile True:\n    y - y - y | (y - y)", STEPS),
    "the largest difference": ("y = set(range(4000))\nwhile True:\n    max([len(y - y) for z in (1, 2)])", STEPS),
    "union for ever": ("y = set(range(4000))\nwhile True:\n    y.union(range(10))", STEPS),
    "mappings that join": ("y = {a: 0 for a in range(4000)}\nwhile True:\n    y | y", STEPS),
    "bytes of a number": ("(5).to_bytes(10**12, 'big')", STEPS),
    "a number of bytes": ("int.from_bytes([1] * 10**5, 'big')", BITS),
    "a long display": ("y = []\nwhile True:\n    y.append([" + "0, " * 999 + "x])", STEPS),
    "a long mapping": ("y = []\nwhile True:\n    y.append({" + "".join(f"{a}: x, " for a in range(999)) + "})", STEPS),
    "text that doubles": ("y = 'a'\nwhile y:\n    y = f'{y}{y}'", STEPS),
    "ours on much": ("y = list(range(10**5))\nwhile True:\n    total(y)", STEPS),
    "nothing of many": ("nothing(10**13)", STEPS),
    "nothing for ever": ("while True:\n    nothing(10**5)", STEPS),
    "means of many": ("Means(range(10**13))", LENGTH),
    "means by another name": ("y = Means\nfor z in map(y, [range(10**13)]):\n    pass", LENGTH),
    "ours on a wide number": ("nothing(2**256)", "more than 256 bits"),
    "while true": ("while True:\n    pass", STEPS),
    "while a branch": ("while True:\n    if x:\n        continue\n    else:\n        x = None", STEPS),
    "for a long range": ("for y in range(10**30):\n    continue", STEPS),
    "a lambda for ever": ("y = lambda: 1\nwhile y():\n    pass", STEPS),
    "a swallowed bound": (
        "while x:\n    try:\n        while x:\n            pass\n    except ValueError:\n        pass", STEPS
    ),
    "a recursion": ("return self.f(x)", "more than 32 deep"),
    "a recursion of functions": ("def g():\n    return g()\nreturn g()", "more than 32 deep"),
    "a recursion of lambdas": ("g = lambda h: h(h)\nreturn g(g)", "more than 32 deep"),
    "a recursion by a built-in": ("def g(y):\n    return sum(map(g, [y]))\nreturn g(1)", "more than 32 deep"),
    "a recursion by a key": ("def g(y):\n    return max([1, 2], key=g)\nreturn g(1)", "more than 32 deep"),
    "a recursion by what is mapped": (
        "def g(h):\n    return sum(map(h[0], [h]))\nreturn g([g])", "more than 32 deep"
    ),
    "a recursion by a key that is given": (
        "def g(h):\n    return max([h], key=h[0])\nreturn g([g])", "more than 32 deep"
    ),
    "a recursion that doubles": ("def g(y):\n    return g(y + 1) + g(y + 1) if y < 31 else 1\nreturn g(1)", STEPS),
}

FORBIDDEN = {
    "a negative power": ("2 ** -1", "not exact"),
    "a root": ("Fraction(4) ** Fraction(1, 2)", "not exact"),
    "a power of text": ("pow('a', 2, 3)", "no integer"),
    "the order of a set": ("for y in {1, 2}:\n    pass", "differs from process to process"),
    "means of a set": ("Means({1, 2})", "differs from process to process"),
    "ours on what is its own": ("total(self)", "something of the rule's own"),
    "a private field of another": ("self = Estimate\nself._fields", "no class of its file defines"),
    "a list of a set": ("list({1, 2})", "differs from process to process"),
    "a tuple of a set": ("tuple(frozenset([1, 2]))", "differs from process to process"),
    "a comprehension of a set": ("[y for y in {1, 2}]", "differs from process to process"),
    "a sum over a set": ("sum(y for y in {1, 2})", "differs from process to process"),
    "an element of a set": ("{1, 2}.pop()", "differs from process to process"),
    "a set that is unpacked": ("y, z = {1, 2}", "differs from process to process"),
    "sets that are unpacked": ("for y, z in [{1, 2}]:\n    pass", "differs from process to process"),
    "a set that is spread": ("[*{1, 2}]", "differs from process to process"),
    "a set of arguments": ("max(*{1, 2})", "differs from process to process"),
    "numbers of a set": ("dict(enumerate({1, 2}))", "differs from process to process"),
    "pairs of sets": ("list(zip([1], {1, 2}))", "differs from process to process"),
    "pairs of spread sets": ("list(zip(*[{1, 2}, {3}]))", "differs from process to process"),
    "results of a set": ("list(map(abs, {1, 2}))", "differs from process to process"),
    "lists of sets": ("list(map(list, [{1, 2}]))", "differs from process to process"),
    "a set into a list": ("y = []\ny.extend({1, 2})", "differs from process to process"),
    "a set added to a list": ("y = []\ny += {1, 2}", "differs from process to process"),
    "the smallest of a set by a key": ("min({1, 2}, key=lambda y: 0)", "differs from process to process"),
    "a set sorted by a key": ("sorted({1, 2}, key=lambda y: 0)", "write sorted(...), without a key"),
    "sets in a set, sorted": ("sorted({frozenset([1]), frozenset([2])})", "differs from process to process"),
    "keys that are joined": ("for y in {1: 1}.keys() | {2}:\n    pass", "differs from process to process"),
    "a repeated sequence": ("y = [1]\ny * 2", "raises TypeError"),
    "a repeated sequence within": ("y = [1]\ny * 2 + [1]", "raises TypeError"),
    "text of a number": ("'%d' % 1", "neither an integer nor a fraction"),
    "text of a number by name": ("y = '%9999999999d'\ny % 1", "neither an integer nor a fraction"),
    "a number of text": ("int('12')", "neither an integer nor a fraction"),
    "a fraction of text": ("Fraction('1e999999999')", "neither an integer nor a fraction"),
    "a sum of lists": ("sum([[1], [2]], [])", "neither an integer nor a fraction"),
    "a quotient of text": ("'a' / 2", "neither an integer nor a fraction"),
    "text of a list": ("f'{[1]}'", "neither a number nor text"),
    "a float that was given": ("x / 2", "neither an integer nor a fraction"),
    "a float that is added": ("x + 1 + x", "makes a float"),
    "a float that is summed": ("sum([x])", "neither an integer nor a fraction"),
}

RAISES = {
    "a quotient by zero": ("1 // (x or 0)", "ZeroDivisionError"),
    "a missing key": ("{}[1]", "KeyError"),
    "a missing place": ("[][10**30]", "IndexError"),
    "a missing name": ("if False:\n    y = 1\ny", "UnboundLocalError"),
    "a missing attribute": ("x.reports", "AttributeError"),
    "a failed assertion": ("assert x", "AssertionError"),
    "an error of its own": ("raise ValueError('no reports')", "ValueError"),
    "an error of another": ("try:\n    {}[1]\nexcept KeyError:\n    raise IndexError from None", "IndexError"),
    "no number": ("None + 1", "TypeError"),
    "what has no length": ("len(1)", "TypeError"),
    "a mapping that changes": ("y = {1: 1}\nfor z in y:\n    y[z + 1] = 1", "RuntimeError"),
    "a negative shift": ("1 << -1", "ValueError"),
    "choices of less than none": ("comb(-1, 2)", "ValueError"),
}


def failure(code: str, given: object) -> str:
    rule = body(code, f"{MATH}\n{OURS}\n")
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(RuleFailed) as caught:
        run(rule, "f", given)
    assert time.process_time() - begun < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10
    return caught.value.reason


@pytest.mark.parametrize(("code", "said"), BOMBS.values(), ids=BOMBS)
def test_what_does_not_end_has_failed(code: str, said: str) -> None:
    assert said in failure(code, 1)


def test_a_method_or_property_that_calls_itself_has_failed() -> None:
    rule = loaded("class Rule:\n    def get(self):\n        return self.get()\n"
                  "    @property\n    def more(self):\n        return self.more\n"
                  "    def f(self):\n        return self.more\n")  # fmt: skip
    for verb in ("get", "f"):
        with pytest.raises(RuleFailed, match="more than 32 deep"):
            run(rule, verb)


@pytest.mark.parametrize(("code", "said"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_no_rule_may_do_has_failed(code: str, said: str) -> None:
    assert said in failure(code, 1.5)


@pytest.mark.parametrize(("code", "said"), RAISES.values(), ids=RAISES)
def test_what_a_rule_raises_is_named_by_its_type(code: str, said: str) -> None:
    assert re.fullmatch(rf"f raises {said}(: .+)?( \(line \d+\))?", failure(code, None))
