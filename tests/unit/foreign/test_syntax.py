"""Each line that a rule may not have is refused by its number, and what to write instead is said."""

import ast
import builtins
import math
import types
from fractions import Fraction

import pytest

from chain_bandit.foreign import language
from chain_bandit.foreign.errors import FileRefused
from chain_bandit.foreign.syntax import checked
from tests.unit.foreign.api import NAMES

DUNDER = "two leading underscores"
HIDDEN = "what lasts goes through `state`"
LAZY = "empty the second time"

IN_A_VERB = {
    "a float": ("return 1.5", "scale by UNIT"),
    "a float of a power": ("return 1e9", "scale by UNIT"),
    "a complex number": ("return 2j", "scale by UNIT"),
    "an integer of 4097 bits": (f"return {1 << 4096}", "more than 4096 bits"),
    "float": ("return float(x)", "scale by UNIT"),
    "an attribute of Python's": ("return x.__class__", DUNDER),
    "a name of Python's": ("return __import__('os')", DUNDER),
    "a keyword of Python's": ("return self.f(__steps__=1)", DUNDER),
    "a parameter of Python's": ("return [__x for __x in x]", DUNDER),
    "getattr": ("return getattr(x, 'a')", "'getattr', which a rule has not"),
    "setattr": ("setattr(x, 'a', 1)", "'setattr', which a rule has not"),
    "eval": ("return eval('1')", "'eval', which a rule has not"),
    "exec": ("exec('1')", "'exec', which a rule has not"),
    "compile": ("return compile('1', '', 'eval')", "'compile', which a rule has not"),
    "open": ("return open('f')", "'open', which a rule has not"),
    "globals": ("return globals()", "'globals', which a rule has not"),
    "vars": ("return vars(x)", "'vars', which a rule has not"),
    "hash": ("return hash(x)", "differs from process to process"),
    "id": ("return sorted(x, key=id)", "differs from process to process"),
    "input": ("return input()", "'input', which a rule has not"),
    "type": ("return type(x)", "use isinstance"),
    "super": ("return super().f(x)", "name the base class"),
    "object": ("return object()", "'object', which a rule has not"),
    "str": ("return str(x)", "numbers in braces"),
    "bytes": ("return bytes(10)", "'bytes', which a rule has not"),
    "memoryview": ("return memoryview(x)", "'memoryview', which a rule has not"),
    "print": ("print(x)", "says nothing"),
    "next": ("return next(x)", "write a for loop"),
    "an unknown name": ("return numpy.mean(x)", "'numpy', which a rule has not"),
    "text by format": ("return '{0.f}'.format(x)", "'format'"),
    "text by a mapping": ("return '{x}'.format_map(x)", "'format_map'"),
    "text of a float": ("return f'{x:g}'", "numbers as they are"),
    "text by its own form": ("return f'{x!r}'", "numbers as they are"),
    "text that names itself": ("return f'{x=}'", "numbers as they are"),
    "text that is wide": ("return f'{x:>1000000000}'", "numbers as they are"),
    "text within text": ("return f\"{x['a']}\"", "name the value"),
    "text of text": ("return f'{f\"{x}\"}'", "name the value"),
    "text that is filled": ("return 'a'.zfill(10**9)", "'zfill'"),
    "a field of Python's": ("return Estimate._field_defaults", "of its own class"),
    "a maker of Python's": ("return Fraction(1)._from_coprime_ints(1, 2)", "of its own class"),
    "a tuple that is replaced": ("return x._replace(state=1)", "of its own class"),
    "what is given, made": ("return Agreed({})", "a rule is given one"),
    "a method of what is given": ("return Agreed.passed(x)", "a rule is given one"),
    "a bound method": ("g = x.extend\nreturn g(x)", "without calling it"),
    "the order of a class": ("return Rule.mro()", "'mro'"),
    "a frame": ("return x.gi_frame", "'gi_frame'"),
    "a float of a fraction": ("return x.as_integer_ratio()", "'as_integer_ratio'"),
    "a method of newer Pythons": ("return x.is_integer()", "'is_integer'"),
    "global": ("global y\ny = 1", HIDDEN),
    "nonlocal": ("def g():\n    nonlocal x\n    x = 1\nreturn g()", "return it"),
    "yield": ("yield 1", "a list or a tuple"),
    "yield from": ("yield from x", "a list or a tuple"),
    "async": ("async def g():\n    return 1\nreturn g", "waits for nothing"),
    "with": ("with x:\n    pass", "opens nothing"),
    "match": ("match x:\n    case 1:\n        return 1", "write if"),
    "a product of matrices": ("return x @ x", "sum of products"),
    "a bare except": ("try:\n    pass\nexcept:\n    pass", "catches more"),
    "except Exception": ("try:\n    pass\nexcept Exception:\n    pass", "catches more"),
    "except BaseException": ("try:\n    pass\nexcept BaseException:\n    pass", "catches more"),
    "except of a class of the rule": ("try:\n    pass\nexcept Rule:\n    pass", "catches more"),
    "except among others": ("try:\n    pass\nexcept (KeyError, AssertionError):\n    pass", "catches more"),
    "the text of an exception": ("try:\n    pass\nexcept KeyError as e:\n    pass", "drop the `as`"),
    "except*": ("try:\n    pass\nexcept* KeyError:\n    pass", "write except"),
    "finally": ("try:\n    pass\nfinally:\n    x = 1", "has finally"),
    "finally that returns": ("while True:\n    try:\n        pass\n    finally:\n        continue", "has finally"),
    "raise of something else": ("raise x", "raises something unknown"),
    "raise of what ends the process": ("raise SystemExit", "raises something unknown"),
    "an attribute that lasts": ("self.count = 1", HIDDEN),
    "an attribute that grows": ("self.count += 1", HIDDEN),
    "an attribute with a type": ("self.count: int = 1", HIDDEN),
    "an attribute of the class": ("Rule.count = 1", HIDDEN),
    "an attribute of a function": ("total.memo = {}", HIDDEN),
    "an attribute in a loop": ("for self.count in x:\n    pass", HIDDEN),
    "an attribute in a comprehension": ("return [1 for self.count in x]", HIDDEN),
    "an attribute among others": ("(self.count, y) = x", HIDDEN),
    "an attribute that goes": ("del self.count", "deletes something"),
    "a name that goes": ("del x", "deletes something"),
    "a default that lasts": ("def g(y, memo=[]):\n    return memo\nreturn g(x)", "keep state between calls"),
    "a keyword default that lasts": ("def g(y, *, memo={}):\n    return memo\nreturn g(x)", "keep state between calls"),
    "a slice that is replaced": ("x[1:1] = x", "make a new list"),
    "a slice that goes": ("del x[1:]", "deletes something"),
    "a generator that is kept": ("g = (y for y in x)\nreturn sum(g)", LAZY),
    "a zip that is kept": ("g = zip(x, x)\nreturn sum(g)", LAZY),
    "a map that is given": ("return map(abs, x)", LAZY),
    "an enumeration that is kept": ("return [enumerate(x)]", LAZY),
    "a reversal that is kept": ("return {1: reversed(x)}", LAZY),
    "a generator for ours": ("return total(y for y in x)", LAZY),
    "a function that gives iterators": ("return list(map(zip, x))", "without calling it"),
    "a built-in name of another meaning": ("sum = 1\nreturn sum", "another meaning"),
    "a built-in parameter": ("return [max for max in x]", "another meaning"),
    "an imported name of another meaning": ("total = 1\nreturn total", "another meaning"),
    "identity of numbers": ("return x is 1", "write =="),
    "identity of things": ("return x is not self", "write =="),
    "membership in a chain": ("return 1 < x in [1]", "write `and`"),
    "an import within": ("from math import isqrt\nreturn isqrt(x)", "at the top of the file"),
    "a class within": ("class A:\n    pass\nreturn A", "at the top level"),
    "classes that are computed": ("return isinstance(x, [int][0])", "classes by name"),
    "a fraction of text": ("return list(map(Fraction, x))", "without calling it"),
    "letters beyond ASCII": ("μ = 1\nreturn μ", "in ASCII"),
    "a decorated function": ("@total\ndef g():\n    pass\nreturn g", "decorates a function"),
    "a property without its method": ("return property", "other than above a method"),
    "too many levels": ("return " + "-(" * 90 + "x" + ")" * 90, "nested more than"),
    "a long chain": ("return " + "+".join(["x"] * 2000), "nested more than"),
    "too many blocks": ("".join("    " * n + "if x:\n" for n in range(14)) + "    " * 14 + "pass", "blocks within"),
}

BASES = ("Estimate", "Option", "Agreed", "Means", "total")
WHOLE = {
    **{
        f"a class of {base}": (
            f"from chain_bandit.rule_api import Aggregation, {base}\nclass Rule(Aggregation, {base}):\n    pass\n",
            2, "neither a kind of rule",
        )
        for base in BASES
    },
    "a list in an expression of the file": ("SIZE = len(SEEN := [])\n", 1, "outside of a function"),
    "a list in a comprehension of the file": ("SIZE = [(SEEN := y) for y in ([],)]\n", 1, "outside of a function"),
    "a list in an expression of a class": ("class Rule:\n    X = len(y := [])\n", 2, "outside of a function"),
    "a module": ("import math\nclass Rule:\n    pass\n", 1, "write from math"),
    "another name for a module": ("import math as m\nclass Rule:\n    pass\n", 1, "write from math"),
    "floats of math": ("from math import sqrt\nclass Rule:\n    pass\n", 1, "it has comb, gcd"),
    "all of math": ("from math import *\nclass Rule:\n    pass\n", 1, "imports '*'"),
    "the clock": ("from time import time\nclass Rule:\n    pass\n", 1, "imports from 'time'"),
    "chance": ("from random import random\nclass Rule:\n    pass\n", 1, "imports from 'random'"),
    "what is ours alone": ("from chain_bandit.plugins import find\n", 1, "imports from 'chain_bandit.plugins'"),
    "what the interface has not": ("from chain_bandit.rule_api import keccak\n", 1, "imports 'keccak'"),
    "a neighbour": ("from . import helper\n", 1, "imports from '.'"),
    "another name": ("from math import isqrt as root\n", 1, "import it as it is called"),
    "annotations of later": ("from __future__ import annotations\n", 1, DUNDER),
    "a loop": ("class Rule:\n    pass\nfor x in range(3):\n    y = x\n", 3, "in the body of a file"),
    "a call": ("class Rule:\n    pass\nabs(1)\n", 3, "in the body of a file"),
    "a branch in a class": ("class Rule:\n    if 1:\n        x = 1\n", 2, "in the body of a class"),
    "an entry": ("X = {}\nX[1] = 2\n", 2, "in the body of a file"),
    "a special method": ("class Rule:\n    def __mul__(self, other):\n        return 1\n", 2, DUNDER),
    "a constructor": ("class Rule:\n    def __init__(self):\n        pass\n", 2, DUNDER),
    "slots": ("class Rule:\n    __slots__ = ()\n", 2, DUNDER),
    "a base of Python's": ("class Rule(int):\n    pass\n", 1, "derives a class"),
    "a base that is made": ("class Rule(abs(1)):\n    pass\n", 1, "derives a class"),
    "a class of classes": ("class Rule(metaclass=abs):\n    pass\n", 1, "more than its bases"),
    "a decorated class": ("@abs\nclass Rule:\n    pass\n", 1, "decorates a class"),
    "a method of another decorator": ("class Rule:\n    @abs\n    def f(self):\n        pass\n", 2, "methods may be"),
    "a named tuple of typing": ("from typing import NamedTuple\n", 1, "imports from 'typing'"),
    "no syntax": ("class Rule:\n    def\n", 2, "syntax of Python 3.11"),
    "type parameters": ("class Rule:\n    def f[T](self):\n        pass\n", 2, "syntax of Python 3.11"),
    "a type statement": ("type X = int\n", 1, "syntax of Python 3.11"),
    "exceptions side by side": ("try:\n    pass\nexcept KeyError, ValueError:\n    pass\n", 3, "syntax of Python 3.11"),
    "Python 2": ("print 1\n", 1, "syntax of Python 3.11"),
    "no end of brackets": ("(" * 5000, 1, ""),
    "no end of signs": ("-" * 100000 + "1", 1, ""),
    "no end of attributes": ("X = a" + ".a" * 50000, 1, ""),
}


def refusal(text: str | bytes) -> FileRefused:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(FileRefused) as caught:
        checked(data, "rule.py", NAMES)
    assert str(caught.value).startswith(f"rule.py:{caught.value.line}: ")
    assert caught.value.exit_code == 3
    return caught.value


def in_a_verb(code: str) -> str:
    lines = "\n".join(f"        {line}" for line in code.split("\n"))
    head = "from fractions import Fraction\nfrom chain_bandit.rule_api import Agreed, Estimate, total\n"
    head += "class Rule:\n    def f(self, x):\n"
    return f"{head}        y = total\n{lines}\n"


@pytest.mark.parametrize(("code", "said"), IN_A_VERB.values(), ids=IN_A_VERB)
def test_a_line_of_a_verb_is_refused(code: str, said: str) -> None:
    refused = refusal(in_a_verb(code))
    assert said in refused.reason
    assert refused.line >= 6


@pytest.mark.parametrize(("text", "line", "said"), WHOLE.values(), ids=WHOLE)
def test_a_line_of_a_file_is_refused(text: str, line: int, said: str) -> None:
    refused = refusal(text)
    assert said in refused.reason
    assert refused.line == line


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\xef\xbb\xbfx = 1\n", b"x = 1\0\n", b"# coding: latin-1\n'\xe9'\n"])
def test_bytes_that_are_no_plain_text_are_refused(data: bytes) -> None:
    assert "UTF-8" in refusal(data).reason


def test_the_first_line_that_is_wrong_is_named() -> None:
    assert refusal("X = 1\nY = 1.5\nfrom time import time\nZ = open\n").line == 2


FINE = """'''A rule may say what it is.'''
from fractions import Fraction
from math import isqrt, prod
from chain_bandit.rule_api import Aggregation, Estimate, Option, UNIT

HALF = UNIT // 2
SMALL: int = -3


class Base(Aggregation):
    '''A base.'''

    name = 'base'
    version = 1
    options = {'trim': Option(1)}
    pairs: tuple[int, ...] = ((1, 2), (3, 4))

    @staticmethod
    def middle(values: list[int], /, default: 'int | None' = None, *rest: int, up: bool = False, **more: int) -> int:
        ...
        return sorted(values, reverse=up)[len(values) // 2] if values else default

    @property
    def trim(self) -> int:
        return self.options['trim'].default


class Rule(Base):
    def estimate(self, terms, state, agreed):
        columns = {arm: [row[arm] for row in agreed.reports.values()] for arm in range(terms.arms)}
        try:
            first = columns[0][self.trim : -self.trim]
        except (KeyError, IndexError):
            raise ValueError('no arms') from None
        while len(first) > 3 and (shorter := first[1:]) is not None:
            first = shorter
        else:
            first += [1]
        first[0] += 2
        first.append(int(Fraction(1, 3) * 6) ** 2 % 5)
        del first[0]
        total, *others = first
        assert isinstance(total, (int, Fraction)), 'a number'
        key = lambda each: (-each, each)
        said = f'{total} of {len(others) + 1}, ' f'{self.name}'
        means = tuple(sum(values) // len(values) for values in columns.values())
        return Estimate(state, means, frozenset(max(others, key=key) for _ in others) | {prod(others), isqrt(total)})
"""


def test_what_a_rule_needs_is_allowed() -> None:
    assert isinstance(checked(FINE.encode(), "rule.py", NAMES), ast.Module)


def test_every_method_of_a_built_in_type_is_free_or_charged_or_refused() -> None:
    known = language.METHODS | language.CHARGED_METHODS | language.REFUSED_ATTRIBUTES
    kinds = [
        int, bool, Fraction, str, bytes, list, tuple, dict, set, frozenset, range, type, property, type(None),
        types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.GeneratorType, types.MappingProxyType,
        types.FrameType, types.TracebackType, BaseException, type({}.keys()), type({}.items()), type({}.values()),
    ]  # fmt: skip
    methods = {name for kind in kinds for name in dir(kind) if not name.startswith("_")}
    assert len(methods) > 100
    assert methods - known == set()
    assert not language.METHODS & language.CHARGED_METHODS
    assert not (language.METHODS | language.CHARGED_METHODS) & language.REFUSED_ATTRIBUTES


def test_names_of_the_language_are_those_of_python() -> None:
    assert {name for name in language.BUILTINS | language.RAISABLE if not hasattr(builtins, name)} == set()
    assert {name for name in language.MATH if not hasattr(math, name)} == set()
