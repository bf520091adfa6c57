"""The syntax check of a foreign rule: its tree, or the first line that a rule may not have and what to write instead.

What is refused would let a rule keep hidden state, leave the integers, depend on the process or Python version, or take
steps that the counter cannot see. The same file is accepted by every supported version of Python.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from types import FunctionType
from typing import Final

from chain_bandit.foreign.errors import FileRefused
from chain_bandit.foreign.language import (
    API,
    BUILTINS,
    CATCHABLE,
    CHARGED_METHODS,
    CONSUMERS,
    DECORATORS,
    GIVEN,
    KNOWN_REFUSALS,
    LAZY,
    MATH,
    MAX_BITS,
    MAX_BLOCKS,
    MAX_NESTING,
    NODES,
    RAISABLE,
    REFUSED_ATTRIBUTES,
    REFUSED_NODES,
)

_OLDEST: Final = (3, 11)
_BLOCKS: Final = (ast.For, ast.While, ast.If, ast.Try, ast.FunctionDef, ast.ClassDef)
_FUNCTIONS: Final = (ast.FunctionDef, ast.Lambda)


class _Refusal(Exception):
    def __init__(self, node: ast.AST, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line, self.reason = getattr(node, "lineno", line), reason


def checked(data: bytes, path: str, names: Mapping[str, object]) -> ast.Module:
    """The tree of a source of which every line is allowed; `names` are those of `chain_bandit.rule_api`.

    Raises:
        FileRefused: the first line that is not.
    """
    tree = _parsed(data, path)
    try:
        _Check(tree, names, _placed(tree)).run()
    except _Refusal as refusal:
        raise FileRefused(path, refusal.line, refusal.reason) from None
    return tree


def methods(names: Mapping[str, object]) -> frozenset[str]:
    """Of the project's objects, by their names, but for those that fields of others have."""
    kinds = {kind for each in names.values() if isinstance(each, type) for kind in each.__mro__}
    found = {name for kind in kinds for name, each in vars(kind).items() if isinstance(each, FunctionType)}
    fields = {name for kind in kinds for name in getattr(kind, "__annotations__", ())}
    return frozenset(name for name in found - fields if not name.startswith("_"))


def _parsed(data: bytes, path: str) -> ast.Module:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused(path, data.count(b"\n", 0, error.start) + 1, "is not UTF-8") from None
    if text.startswith("\ufeff") or "\0" in text:
        raise FileRefused(path, 1, "has a byte order mark or a zero byte; save it as plain UTF-8")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings, which differ between versions
            return ast.parse(text, feature_version=_OLDEST)
    except SyntaxError as error:
        raise FileRefused(path, error.lineno or 1, "is not the syntax of Python 3.11") from None
    except (ValueError, RecursionError, MemoryError, OverflowError):
        raise FileRefused(path, 1, "is nested too deeply for Python to read") from None


def _placed(tree: ast.Module) -> list[tuple[int, ast.AST]]:
    """The nodes by their lines, the first line first; refuses what a version of Python might not compile.

    Without recursion, since a tree can be deep. Operators have no line: Python has one node for all of a kind.
    """
    pending: list[tuple[ast.AST, int, int, int]] = [(tree, 1, 0, 0)]
    placed: list[tuple[int, ast.AST]] = []
    while pending:
        node, line, levels, blocks = pending.pop()
        line = getattr(node, "lineno", line)
        placed.append((line, node))
        if levels > MAX_NESTING:
            raise _Refusal(node, f"is nested more than {MAX_NESTING} deep; name the parts", line)
        if blocks > MAX_BLOCKS:
            raise _Refusal(node, f"has more than {MAX_BLOCKS} blocks within one another; write functions", line)
        deeper = blocks + isinstance(node, _BLOCKS)
        pending += [(child, line, levels + 1, deeper) for child in ast.iter_child_nodes(node)]
    return sorted(placed, key=lambda pair: pair[0])


class _Check:
    """One pass over the tree, a rule of the language a method."""

    def __init__(self, tree: ast.Module, names: Mapping[str, object], placed: list[tuple[int, ast.AST]]) -> None:
        self.tree, self.names, self.placed, self.theirs = tree, names, placed, methods(names)
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.imported: set[str] = set()
        self.bound: set[str] = set()
        self.refusals: list[_Refusal] = []

    def run(self) -> None:
        """Raises the `_Refusal` of the first line that has one."""
        self.classes = {node.name for _, node in self.placed if isinstance(node, ast.ClassDef)}
        for check in (self._kind, self._names, self._imports, self._bindings, self._rules):
            for line, node in self.placed:
                try:
                    check(node)
                except _Refusal as refusal:
                    refusal.line = refusal.line or line
                    self.refusals.append(refusal)
        if self.refusals:
            raise min(self.refusals, key=lambda refusal: refusal.line)

    # Of every node

    def _kind(self, node: ast.AST) -> None:
        if type(node) not in NODES:
            name = type(node).__name__
            reason = REFUSED_NODES.get(name)
            raise _Refusal(node, f"uses {name}, which a rule may not" + (f"; {reason}" if reason else ""))

    def _names(self, node: ast.AST) -> None:
        for name in _names_in(node):
            if name.startswith("__"):
                raise _Refusal(node, f"uses the name {name!r}; names with two leading underscores are Python's own")
            if not name.isascii():
                raise _Refusal(node, f"uses the name {name!r}; write it in ASCII, which no version of Python changes")

    def _bindings(self, node: ast.AST) -> None:
        for name in _bound_by(node):
            self._binding(node, name)
            self.bound.add(name)

    def _rules(self, node: ast.AST) -> None:
        check = getattr(self, f"_{type(node).__name__.lower()}", None)
        if check is not None:
            check(node)

    def _binding(self, node: ast.AST, name: str) -> None:
        if name in BUILTINS or name in RAISABLE or name in DECORATORS or name in KNOWN_REFUSALS:
            if isinstance(self.parents.get(node), ast.ClassDef) and isinstance(node, ast.FunctionDef):
                return  # a method is reached by its attribute
            raise _Refusal(node, f"gives the built-in name {name!r} another meaning; choose another name")
        if name in self.imported:
            raise _Refusal(node, f"gives the imported name {name!r} another meaning; choose another name")

    # Imports

    def _imports(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            raise _Refusal(node, f"imports a module; write from math, fractions or {API} import NAME")
        if not isinstance(node, ast.ImportFrom):
            return
        if self.parents[node] is not self.tree:
            raise _Refusal(node, "imports within a block; import at the top of the file")
        module = "." * node.level + (node.module or "")
        allowed = {"math": MATH, "fractions": {"Fraction"}, API: self.names}.get(module)
        if allowed is None:
            raise _Refusal(node, f"imports from {module!r}; a rule is one file and may use math, fractions and {API}")
        for alias in node.names:
            if alias.name not in allowed:
                raise _Refusal(node, f"imports {alias.name!r} of {module}; it has {', '.join(sorted(allowed))}")
            if alias.asname is not None:
                raise _Refusal(node, f"gives {alias.name!r} another name; import it as it is called")
            self._binding(node, alias.name)
            self.imported.add(alias.name)

    # Statements

    def _module(self, node: ast.Module) -> None:
        self._statements(node.body, "a file", (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))

    def _statements(self, body: list[ast.stmt], where: str, kinds: tuple[type[ast.stmt], ...]) -> None:
        for place, statement in enumerate(body):
            if isinstance(statement, kinds) or (place == 0 and _is_text(statement)):
                continue
            if isinstance(statement, ast.Pass):
                continue
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                continue
            if isinstance(statement, ast.Assign) and all(isinstance(each, ast.Name) for each in statement.targets):
                continue
            raise _Refusal(statement, f"does something in the body of {where}, which holds constants and definitions")

    def _classdef(self, node: ast.ClassDef) -> None:
        if self.parents[node] is not self.tree:
            raise _Refusal(node, "defines a class within a block; define it at the top level")
        if node.decorator_list:
            raise _Refusal(node.decorator_list[0], "decorates a class; a class of a rule has verbs and constants only")
        if node.keywords:
            raise _Refusal(node, "gives a class more than its bases")
        for base in node.bases:
            if not (isinstance(base, ast.Name) and (base.id in self.classes or _is_kind(self.names.get(base.id)))):
                raise _Refusal(node, "derives a class from something that is neither a kind of rule nor of this file")
        self._statements(node.body, "a class", (ast.FunctionDef,))

    def _functiondef(self, node: ast.FunctionDef) -> None:
        method = isinstance(self.parents[node], ast.ClassDef)
        for decorator in node.decorator_list:
            if not (method and isinstance(decorator, ast.Name) and decorator.id in DECORATORS):
                raise _Refusal(decorator, f"decorates a function; methods may be {', '.join(sorted(DECORATORS))}")

    def _arguments(self, node: ast.arguments) -> None:
        for default in [*node.defaults, *node.kw_defaults]:
            if default is not None and not _is_constant(default):
                raise _Refusal(default, "has a default that could keep state between calls; write None or a constant")

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(target)

    def _annassign(self, node: ast.AnnAssign) -> None:
        self._target(node.target)

    def _augassign(self, node: ast.AugAssign) -> None:
        self._target(node.target)

    def _for(self, node: ast.For) -> None:
        self._turn(node.target)

    def _comprehension(self, node: ast.comprehension) -> None:
        self._turn(node.target)

    def _turn(self, target: ast.expr) -> None:
        self._target(target)
        for node in ast.walk(target):
            if isinstance(node, ast.Subscript):
                raise _Refusal(node, "puts what a loop reads into a list or mapping; name it, and assign it")

    def _slice(self, node: ast.Slice) -> None:
        if not isinstance(self.parents[node], ast.Subscript):
            raise _Refusal(node, "has a slice among other places; take one after the other")

    def _target(self, target: ast.expr) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                raise _Refusal(node, f"sets the attribute {node.attr!r}; what lasts goes through `state`")
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and _has_slice(node):
                raise _Refusal(node, "assigns to a slice; make a new list")

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if not isinstance(target, ast.Subscript) or _has_slice(target):
                raise _Refusal(node, "deletes something other than one element")

    def _try(self, node: ast.Try) -> None:
        if node.finalbody:
            raise _Refusal(node.finalbody[0], "has finally, which could keep the bound of steps from ending the rule")

    def _excepthandler(self, node: ast.ExceptHandler) -> None:
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        if not all(isinstance(kind, ast.Name) and kind.id in CATCHABLE for kind in kinds):
            raise _Refusal(node, f"catches more than a rule may; name one of {', '.join(sorted(CATCHABLE))}")
        if node.name is not None:
            raise _Refusal(node, "reads an exception, whose text differs between versions of Python; drop the `as`")

    def _raise(self, node: ast.Raise) -> None:
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        known = kind is None or (isinstance(kind, ast.Name) and kind.id in RAISABLE | self.imported)
        if not known:
            raise _Refusal(node, f"raises something unknown; raise one of {', '.join(sorted(RAISABLE))}")

    # Expressions

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, float | complex):
            raise _Refusal(node, f"has the number {value!r}; integers are exact: scale by UNIT, or use Fraction")
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise _Refusal(node, f"has an integer of more than {MAX_BITS} bits")

    def _formattedvalue(self, node: ast.FormattedValue) -> None:
        if node.conversion != -1 or node.format_spec is not None:
            raise _Refusal(node, "formats a value; text has numbers as they are")
        if any(isinstance(each, ast.JoinedStr) or _is_text(each) for each in ast.walk(node.value)):
            raise _Refusal(node, "has text within the braces of text, which Python 3.11 cannot read; name the value")

    def _name(self, node: ast.Name) -> None:
        name = node.id
        if isinstance(node.ctx, ast.Store) or name in self.bound or self._annotates(node):
            return
        parent = self.parents[node]
        called = isinstance(parent, ast.Call) and parent.func is node
        if name in LAZY and not called:
            raise _Refusal(node, f"uses {name} without calling it")
        if name in ("Fraction", "isinstance") and not called and not self._classifies(node):
            raise _Refusal(node, f"uses {name} without calling it")
        if name in GIVEN and not self._classifies(node):
            raise _Refusal(node, f"uses {name} other than in annotations and isinstance; a rule is given one")
        if name in self.imported:
            return
        if name in DECORATORS:
            if isinstance(parent, ast.FunctionDef):
                return
            raise _Refusal(node, f"uses {name} other than above a method")
        if name not in BUILTINS and name not in RAISABLE:
            reason = KNOWN_REFUSALS.get(name)
            raise _Refusal(node, f"uses {name!r}, which a rule has not" + (f"; {reason}" if reason else ""))

    def _classifies(self, node: ast.AST) -> bool:
        """Whether it is a class in the second place of `isinstance`."""
        parent = self.parents[node]
        if isinstance(parent, ast.Tuple):
            node, parent = parent, self.parents[parent]
        if not (isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "isinstance"):
            return False
        return node is parent.args[-1]

    def _annotates(self, node: ast.AST) -> bool:
        """Annotations are dropped before the file runs."""
        while node in self.parents:
            parent = self.parents[node]
            if isinstance(parent, ast.arg | ast.AnnAssign) and parent.annotation is node:
                return True
            if isinstance(parent, ast.FunctionDef) and parent.returns is node:
                return True
            if isinstance(parent, ast.stmt):
                return False
            node = parent
        return False

    def _attribute(self, node: ast.Attribute) -> None:
        if self._annotates(node):
            return
        parent = self.parents[node]
        called = isinstance(parent, ast.Call) and parent.func is node
        if node.attr in REFUSED_ATTRIBUTES:
            raise _Refusal(node, f"uses the attribute {node.attr!r} of a built-in type, which a rule may not")
        if node.attr.startswith("_") and not self._is_own(node):
            raise _Refusal(node, f"uses the attribute {node.attr!r}, which is no method or constant of its own class")
        if node.attr in CHARGED_METHODS | self.theirs and not called:
            raise _Refusal(node, f"uses the method {node.attr!r} without calling it")

    def _is_own(self, node: ast.Attribute) -> bool:
        """Whether it is of `self`, of `cls` or of a class of the file; a run sees that it is defined there."""
        return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls", *self.classes}

    def _namedexpr(self, node: ast.NamedExpr) -> None:
        within: ast.AST = node
        while within in self.parents and not isinstance(within, _FUNCTIONS):
            within = self.parents[within]
        if isinstance(within, ast.Module):
            raise _Refusal(node, "names a value within an expression outside of a function; write an assignment")

    def _call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in LAZY:
            self._consumed(node, f"{name}(...)")
        if name == "isinstance":
            kinds = node.args[1:] if len(node.args) == 2 and not node.keywords else []
            kinds = kinds[0].elts if kinds and isinstance(kinds[0], ast.Tuple) else kinds
            if not kinds or not all(isinstance(kind, ast.Name) for kind in kinds):
                raise _Refusal(node, "calls isinstance with something other than a value and classes by name")

    def _generatorexp(self, node: ast.GeneratorExp) -> None:
        self._consumed(node, "a generator")

    def _consumed(self, node: ast.expr, what: str) -> None:
        parent = self.parents[node]
        if isinstance(parent, ast.For | ast.comprehension) and parent.iter is node:
            return
        if isinstance(parent, ast.Starred) and isinstance(self.parents[parent], ast.Call | ast.List | ast.Tuple):
            return
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func is not node:
            function = parent.func.id
            if (
                self._reads(function)
                or (function in LAZY - {"reversed"} and parent.args[0] is not node)
                or (function in {"zip", "enumerate"})
            ):
                return
        raise _Refusal(node, f"keeps {what}, which is empty the second time it is read; write tuple(...) around it")

    def _reads(self, function: str) -> bool:
        return function in CONSUMERS and (function != "prod" or function in self.imported)

    def _compare(self, node: ast.Compare) -> None:
        for operation, right in zip(node.ops, node.comparators, strict=True):
            none = len(node.ops) == 1 and isinstance(right, ast.Constant) and right.value is None
            if isinstance(operation, ast.Is | ast.IsNot) and not none:
                raise _Refusal(node, "compares by `is`, which for numbers depends on Python's version; write ==")
            if isinstance(operation, ast.In | ast.NotIn) and len(node.ops) > 1:
                raise _Refusal(node, "chains `in` with another comparison; write `and`")


def _is_kind(value: object) -> bool:
    """Whether it is a class that rules derive from: neither a tuple nor a record."""
    return isinstance(value, type) and not issubclass(value, tuple) and not is_dataclass(value)


def _names_in(node: ast.AST) -> Iterator[str]:
    for field in ("id", "attr", "arg", "name", "asname", "module"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield value


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name


def _is_text(node: ast.AST) -> bool:
    constant = node.value if isinstance(node, ast.Expr) else node
    return isinstance(constant, ast.Constant) and isinstance(constant.value, str | bytes)


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    return isinstance(node, ast.Constant | ast.Name)


def _has_slice(node: ast.Subscript) -> bool:
    return any(isinstance(each, ast.Slice) for each in ast.walk(node.slice))
