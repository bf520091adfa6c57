"""The language of a foreign rule: the names, methods and syntax that a file may use, by what they cost.

The lists are written out, so that a file is accepted by every Python version or by none; a test holds them against what
the running version has.
"""

import ast
from typing import Final

MAX_BITS: Final = 4096
"""Of an integer, and of either part of a fraction."""
MAX_LENGTH: Final = 1 << 20
"""Elements of a sequence, set or mapping."""
MAX_KEYS: Final = 1 << 12
"""Elements of a set or mapping: a lookup compares a key with all of them where their hashes are chosen to collide."""
MAX_DEPTH: Final = 32
"""Calls within calls, and levels of what is compared, sought, sorted, looked up or given."""
MODULE: Final = "foreign_rule"
"""Of the classes that a file defines."""
MAX_NESTING: Final = 80
"""Levels of the syntax tree."""
MAX_BLOCKS: Final = 12
"""Loops, branches and functions within one another; CPython refuses to compile 20."""

MATH: Final = frozenset({"comb", "gcd", "isqrt", "lcm", "perm", "prod"})
API: Final = "chain_bandit.rule_api"

LAZY: Final = frozenset({"enumerate", "map", "reversed", "zip"})
"""Give iterators, which are consumed where they are made: one that is kept is empty the second time."""
CONSUMERS: Final = frozenset(
    {"all", "any", "dict", "frozenset", "list", "max", "min", "prod", "set", "sorted", "sum", "tuple"}
)
"""Read an iterator to its end, or as far as they need."""
CONSTRUCTORS: Final = frozenset({"dict", "frozenset", "int", "list", "set", "tuple"})
"""Types whose calls are charged; the types themselves stand in `isinstance`."""
FREE: Final = frozenset({"abs", "bool", "isinstance", "len", "range"})
"""Their cost does not depend on what they are given."""
BUILTINS: Final = LAZY | CONSUMERS - {"prod"} | CONSTRUCTORS | FREE | {"divmod", "pow", "round"}
GIVEN: Final = frozenset({"Agreed", "Learnt", "Own", "Standing", "Terms"})
"""What a rule is given and does not make: the steps of their methods follow from the size of the game."""
CATCHABLE: Final = frozenset({"IndexError", "KeyError", "OverflowError", "ValueError", "ZeroDivisionError"})
RAISABLE: Final = CATCHABLE | {"AssertionError", "NotImplementedError", "TypeError"}
DECORATORS: Final = frozenset({"classmethod", "property", "staticmethod"})

METHODS: Final = frozenset(
    {
        "bit_count", "bit_length", "clear", "denominator", "get", "items", "keys", "numerator", "popitem", "start",
        "step", "stop", "values",
    }
)  # fmt: skip
"""Methods and fields of built-in types that cost the same whatever the size, but for the key that `get` looks up."""
CHARGED_METHODS: Final = frozenset(
    {
        "add", "append", "copy", "count", "difference", "difference_update", "discard", "extend", "from_bytes", "index",
        "insert", "intersection", "intersection_update", "isdisjoint", "issubset", "issuperset", "limit_denominator",
        "pop", "remove", "reverse", "setdefault", "sort", "symmetric_difference", "symmetric_difference_update",
        "to_bytes", "union", "update",
    }
)  # fmt: skip
"""Methods of built-in types that are charged, and therefore called where they are named."""
REFUSED_ATTRIBUTES: Final = frozenset(
    {
        # text
        "capitalize", "casefold", "center", "decode", "encode", "endswith", "expandtabs", "find", "format",
        "format_map", "fromhex", "hex",
        "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower",
        "isnumeric", "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "maketrans",
        "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit",
        "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper", "zfill",
        # numbers that leave the integers
        "as_integer_ratio", "conjugate", "from_decimal", "from_float", "from_number", "imag", "is_integer", "real",
        # types, functions, generators, frames and exceptions
        "mro", "fromkeys", "mapping", "fget", "fset", "fdel", "getter", "setter", "deleter",
        "gi_code", "gi_frame", "gi_running", "gi_suspended", "gi_yieldfrom", "send", "throw", "close",
        "add_note", "with_traceback", "args", "tb_frame", "tb_lasti", "tb_lineno", "tb_next",
        "f_back", "f_builtins", "f_code", "f_generator", "f_globals", "f_lasti", "f_lineno", "f_locals", "f_trace",
        "f_trace_lines", "f_trace_opcodes",
    }
)  # fmt: skip
"""Every other method and field of built-in types."""

KNOWN_REFUSALS: Final = {
    "float": "integers are exact: scale by UNIT, or use Fraction",
    "complex": "integers are exact: scale by UNIT, or use Fraction",
    "hash": "it differs from process to process",
    "id": "it differs from process to process",
    "type": "use isinstance",
    "super": "name the base class: Base.verb(self, ...)",
    "str": "text has numbers in braces: f'{seats} seats'",
    "print": "a rule answers, and says nothing",
    "filter": "write a comprehension with an if",
    "iter": "write a for loop",
    "next": "write a for loop",
}
"""Names with a reason of their own; any other unknown name is listed as unknown."""

NODES: Final = frozenset(
    {
        ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.FunctionDef, ast.ClassDef, ast.arguments, ast.arg,
        ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Expr, ast.Pass, ast.Return, ast.Raise, ast.Assert,
        ast.If, ast.For, ast.While, ast.Break, ast.Continue, ast.Try, ast.ExceptHandler,
        ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.NamedExpr, ast.Lambda, ast.Call, ast.keyword,
        ast.Constant, ast.JoinedStr, ast.FormattedValue, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Starred,
        ast.Tuple, ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
        ast.comprehension,
        ast.Load, ast.Store, ast.Del, ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd, ast.Invert,
        ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift,
        ast.BitOr, ast.BitAnd, ast.BitXor,
        ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn,
    }
)  # fmt: skip
REFUSED_NODES: Final = {
    "AsyncFunctionDef": "a rule waits for nothing",
    "Await": "a rule waits for nothing",
    "AsyncFor": "a rule waits for nothing",
    "AsyncWith": "a rule waits for nothing",
    "Yield": "give a list or a tuple",
    "YieldFrom": "give a list or a tuple",
    "Global": "a rule has no hidden state: what lasts goes through `state`",
    "Nonlocal": "pass the value, and return it",
    "With": "a rule opens nothing",
    "TemplateStr": "write f in place of t",
    "TryStar": "write except",
    "Match": "write if",
    "MatMult": "write the sum of products",
}
"""Syntax with a reason of its own; all that is not in `NODES` is refused."""
