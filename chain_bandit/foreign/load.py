"""Loading of a foreign rule: the class of a source whose digest the caller has compared.

The tree is checked and its steps are counted before anything of it runs. What the file leaves behind must be constant:
no call can leave something for the next one.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from operator import is_
from types import CodeType, FunctionType, MappingProxyType
from typing import Any, Final

from chain_bandit.foreign.errors import FileRefused
from chain_bandit.foreign.functions import Functions
from chain_bandit.foreign.language import MAX_DEPTH, MAX_LENGTH, MODULE
from chain_bandit.foreign.meter import Halt, Meter
from chain_bandit.foreign.methods import Methods
from chain_bandit.foreign.operations import Operations
from chain_bandit.foreign.source import Source
from chain_bandit.foreign.steps import counted
from chain_bandit.foreign.syntax import checked, methods
from chain_bandit.protocol.ruleset import STEPS

METER: Final = "__meter__"
READ: Final = "__read__"
"""What the classes of a file have: its meter, and the names of all attributes that are read in it."""
_PYTHON: Final = {
    "__build_class__": __build_class__, "__next__": next,
    "classmethod": classmethod, "property": property, "staticmethod": staticmethod,
}  # fmt: skip
_FIXED: Final[Any] = (staticmethod, classmethod, property, int, str, bytes, Fraction, type(None))
_EXCEPTIONS: Final = {kind.__name__: kind for kind in (
    AssertionError, IndexError, KeyError, NotImplementedError, OverflowError, TypeError, ValueError, ZeroDivisionError,
)}  # fmt: skip


def load(source: Source, names: Mapping[str, object], bound: int = STEPS) -> type:
    """The class that the source defines. `names` are what it may import of `chain_bandit.rule_api`.

    The caller has compared `source.digest` with the agreed one: from here on the author's code runs.

    Raises:
        FileRefused: a line that no rule may have, no such class, something that is not constant, or it raises.
    """
    path = str(source.path)
    tree = checked(source.data, path, names)
    lines = dict(_lines(tree.body))
    meter = Meter()
    namespace = meter.names = _names(meter, names, tree)
    meter.start(bound)
    try:
        exec(_compiled(tree, path, names), namespace)
        meter.finish()
    except Halt as error:
        raise FileRefused(path, 1, f"{error} while it is loaded") from None
    except Exception as error:
        raise FileRefused(path, 1, f"raises {type(error).__name__} while it is loaded") from error
    frozen = _Frozen(path, lines, tuple(each for each in names.values() if isinstance(each, type)))
    for name in sorted(lines.keys() & namespace.keys()):
        namespace[name] = frozen.value(name, namespace[name])
    rule = namespace.get(source.attribute)
    if not isinstance(rule, type) or rule.__module__ != MODULE:
        raise FileRefused(path, 1, f"has no class {source.attribute!r}")
    setattr(rule, METER, meter)
    setattr(rule, READ, frozenset(each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)))
    return rule


def _compiled(tree: ast.Module, path: str, names: Mapping[str, object]) -> CodeType:
    """Asserts stay, whatever the interpreter was told. Raises `FileRefused`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd expressions, which differ between versions
            return compile(counted(tree, methods(names)), path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise FileRefused(path, getattr(error, "lineno", None) or 1, "is not the syntax of Python 3.11") from error


def _lines(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, int]]:
    """Names that a file or class leaves behind, and where they are made."""
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", statement)]
        for target in targets:
            name = getattr(target, "id", None) or getattr(target, "name", None)
            if name is not None:
                yield within + name, statement.lineno
        if isinstance(statement, ast.ClassDef):
            yield from _lines(statement.body, f"{statement.name}.")


def _names(meter: Meter, names: Mapping[str, object], tree: ast.Module) -> dict[str, Any]:
    """What the counted code finds. Functions of the project are charged by the size of what they are given."""
    operations = Operations(meter)
    functions = Functions(meter, operations)
    called = Methods(meter, operations, functions)
    known = {**names, **functions.mathematics(), "Fraction": Fraction}
    wanted = [alias.name for each in tree.body if isinstance(each, ast.ImportFrom) for alias in each.names]
    found = {name: functions.ours(known[name]) if name in names else known[name] for name in wanted}
    builtins = {**functions.builtins(), **_EXCEPTIONS, **_PYTHON}
    return {
        **found, **operations.inserted(), **called.inserted(),
        "__enter__": meter.enter, "__leave__": meter.leave, "__turn__": meter.turn,
        "__name__": MODULE, "__builtins__": builtins,
    }  # fmt: skip


def _fields(value: Any) -> list[Any]:
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value)]
    return list(getattr(value, "__dict__", {}).values())


class _Frozen:
    """What a file leaves behind, so that no call can change it."""

    def __init__(self, path: str, lines: Mapping[str, int], classes: tuple[type, ...]) -> None:
        self._path, self._lines, self._classes, self._left = path, lines, classes, MAX_LENGTH

    def value(self, name: str, value: Any, depth: int = 0) -> Any:
        """The value, a mapping as one that cannot change. Raises `FileRefused` for what a call could change."""
        if depth > MAX_DEPTH:
            reason = f"keeps something nested more than {MAX_DEPTH} deep in {name!r}"
            raise FileRefused(self._path, self._lines.get(name, 1), reason)
        self._left -= 1
        if self._left < 0:
            raise FileRefused(self._path, self._lines.get(name, 1), f"keeps more than {MAX_LENGTH} constants")
        if isinstance(value, type) and value.__module__ == MODULE:
            for inner, each in list(vars(value).items()):
                if not inner.startswith("__"):
                    setattr(value, inner, self.value(f"{name}.{inner}", each))
            return value
        if isinstance(value, dict):
            return MappingProxyType({key: self.value(name, each, depth + 1) for key, each in value.items()})
        if type(value) is tuple or type(value) is frozenset:
            parts = [self.value(name, each, depth + 1) for each in value]
            return value if all(map(is_, parts, value)) else type(value)(parts)
        if isinstance(value, self._classes):
            for each in value if isinstance(value, tuple) else _fields(value):
                if self.value(name, each, depth + 1) is not each:
                    raise self._refused(name, each)
            return value
        function = isinstance(value, FunctionType) and value.__closure__ is None
        if function or isinstance(value, _FIXED) or (isinstance(value, type) and value in self._classes):
            return value
        raise self._refused(name, value)

    def _refused(self, name: str, value: Any) -> FileRefused:
        line = self._lines.get(name, 1)
        kind = type(value).__name__
        return FileRefused(self._path, line, f"keeps a {kind} in {name!r}, which a call could change; write a tuple")
