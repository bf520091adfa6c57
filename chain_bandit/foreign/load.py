"""Loading of a foreign rule: the class of a source whose digest the caller has compared.

The tree is checked and its steps are counted before anything of it runs. What the file leaves behind must be constant:
no call can leave something for the next one.
"""

from collections.abc import Mapping
from fractions import Fraction
from types import FunctionType, MappingProxyType
from typing import Any, Final

from chain_bandit.foreign.errors import RuleRefused
from chain_bandit.foreign.functions import Functions
from chain_bandit.foreign.meter import Halt, Meter
from chain_bandit.foreign.operations import Operations
from chain_bandit.foreign.source import Source
from chain_bandit.foreign.steps import counted
from chain_bandit.foreign.syntax import checked

BOUND: Final = 10**6
"""Steps of one call."""
METER: Final = "__meter__"
_MODULE: Final = "foreign_rule"
_PYTHON: Final = {"__build_class__": __build_class__, "__next__": next}
_EXCEPTIONS: Final = {kind.__name__: kind for kind in (
    AssertionError, IndexError, KeyError, NotImplementedError, OverflowError, TypeError, ValueError, ZeroDivisionError,
)}  # fmt: skip


def load(source: Source, names: Mapping[str, object], bound: int = BOUND) -> type:
    """The class that the source defines. `names` are what it may import of `chain_bandit.rule_api`.

    The caller has compared `source.digest` with the agreed one: from here on the author's code runs.

    Raises:
        RuleRefused: a line that no rule may have, no such class, something that is not constant, or it raises.
    """
    path = str(source.path)
    tree = checked(source.data, path, names)
    try:
        code = compile(counted(tree), path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise RuleRefused(path, getattr(error, "lineno", None) or 1, "is not the syntax of Python 3.11") from error
    meter = Meter()
    given = _names(meter, names)
    meter.names = namespace = dict(given)
    meter.start(bound)
    try:
        exec(code, namespace)
        meter.finish()
    except Halt as error:
        raise RuleRefused(path, 1, f"{error} while it is loaded") from None
    except MemoryError:
        raise
    except Exception as error:
        raise RuleRefused(path, 1, f"raises {type(error).__name__} while it is loaded") from error
    classes = tuple(each for each in names.values() if isinstance(each, type))
    for name in [each for each in namespace if each not in given and not each.startswith("__")]:
        namespace[name] = _constant(path, name, namespace[name], classes)
    rule = namespace.get(source.attribute)
    if not isinstance(rule, type) or rule.__module__ != _MODULE:
        raise RuleRefused(path, 1, f"has no class {source.attribute!r}")
    setattr(rule, METER, meter)
    return rule


def _names(meter: Meter, names: Mapping[str, object]) -> dict[str, Any]:
    """What the counted code finds. Functions of the project are charged by the size of what they are given."""
    operations = Operations(meter)
    functions = Functions(meter, operations)
    builtins = {**functions.builtins(), **_EXCEPTIONS, **_PYTHON}
    ours = {name: functions.ours(each) if isinstance(each, FunctionType) else each for name, each in names.items()}
    return {
        **ours, **functions.mathematics(), "Fraction": Fraction, **operations.inserted(),
        "__enter__": meter.enter, "__leave__": meter.leave, "__name__": _MODULE, "__builtins__": builtins,
    }  # fmt: skip


def _constant(path: str, name: str, value: Any, classes: tuple[type, ...]) -> Any:
    """The value, a mapping as one that cannot change. Raises `RuleRefused` for what a call could change."""
    if isinstance(value, type) and value.__module__ == _MODULE:
        for inner, each in list(vars(value).items()):
            if not inner.startswith("__"):
                setattr(value, inner, _constant(path, f"{name}.{inner}", each, classes))
        return value
    if isinstance(value, dict):
        return MappingProxyType({key: _constant(path, name, each, classes) for key, each in value.items()})
    if isinstance(value, tuple | frozenset):
        for each in value:
            _constant(path, name, each, classes)
        return value
    if isinstance(value, staticmethod | classmethod | property | int | str | bytes | Fraction | None):
        return value
    if isinstance(value, FunctionType) and value.__closure__ is None:
        return value
    if isinstance(value, (*classes, MappingProxyType)):
        return value
    raise RuleRefused(path, 1, f"keeps a {type(value).__name__} in {name!r}, which a call could change; write a tuple")
