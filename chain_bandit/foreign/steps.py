"""Step counting inserted into the tree of a foreign rule, and metered forms of what may cost more than a step.

Each turn of a loop or comprehension takes one element of the iterator `__steps__`; functions enter and leave the meter;
arithmetic whose result is kept, comparisons of unknown operands, slices and long displays go through `Operations`,
built-in functions and methods through `Functions`. An operator within an expression stays as it is: of operands within
the bounds, `MAX_PARTS` operators make nothing out of all proportion, and the outermost one checks what is kept.

The names are inserted with two leading and two trailing underscores, which no source may contain and Python does not
mangle within a class. Annotations and docstrings are dropped: versions of Python evaluate them at different times.
"""

import ast
from collections.abc import Set
from itertools import groupby
from typing import Any, Final

from chain_bandit.foreign.language import BUILTINS, CHARGED_METHODS, CONSTRUCTORS, LAZY, MATH, MAX_BITS, METHODS

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

MAX_PARTS: Final = 4
MAX_DISPLAY: Final = 8
MAX_BODY: Final = 256
"""Expressions and statements of a body that are one step a turn; one more for as many more."""
_PRODUCT: Final = 128
"""As how many a product counts, which may be one of two integers of 4,096 bits."""
_OPERATIONS: Final[dict[type[ast.operator], str]] = {
    ast.Sub: "sub", ast.Div: "div", ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "pow", ast.LShift: "lshift",
    ast.BitOr: "bitor", ast.BitAnd: "bitand", ast.BitXor: "bitxor",
}  # fmt: skip
_IN_PLACE: Final[dict[type[ast.operator], str]] = {
    ast.Add: "iadd", ast.Sub: "isub", ast.BitOr: "ibitor", ast.BitAnd: "ibitand", ast.BitXor: "ibitxor",
}  # fmt: skip
_PARTS: Final = (ast.Add, ast.Sub, ast.Mult)
"""Operators that may stay as they are, and what is kept of them is checked."""
_OF_SETS: Final = (ast.Sub, ast.BitAnd, ast.BitOr, ast.BitXor)
_NUMERIC: Final = (ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift)
_COUNTS: Final = frozenset({"abs", "comb", "gcd", "int", "isqrt", "lcm", "len", "perm", "prod", "round", "sum"})
_WHOLE_NUMBERS: Final = _COUNTS - {"abs", "prod", "sum"}
_ASKED: Final = CHARGED_METHODS | {"get"}
_MADE: Final = frozenset({"dict", "frozenset", "max", "min", "set", "sorted", "sum"})
_WHOLE: Final = _MADE | {"list", "tuple"}
"""Functions that read an iterator to its end."""
_UNPACKED: Final = (ast.Tuple, ast.List)
_IN_ORDER: Final = LAZY | {"range", "sorted", "__list__", "__tuple__", "__spread__", "__made__"}
_SMALL: Final = 1 << 64


def counted(tree: ast.Module, theirs: Set[str]) -> ast.Module:
    """The tree of `syntax.checked`, with its steps counted. The given one is used up. `theirs` are methods of the
    project's objects."""
    changed: ast.Module = _Counted(tree, theirs).visit(tree)
    return ast.fix_missing_locations(changed)


class _Counted(ast.NodeTransformer):
    """One method a kind of node. What needs no change has none."""

    def __init__(self, tree: ast.Module, theirs: Set[str]) -> None:
        self.places, self.theirs = 0, theirs
        self.own = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.ClassDef)}

    # Statements

    def visit_Module(self, node: ast.Module) -> ast.AST:
        """Imports are given as names."""
        node.body = [each for each in _code(node.body) if not isinstance(each, ast.ImportFrom)]
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Constants and methods."""
        node.body = _code(node.body)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """One step a call, and one level where it may call another."""
        leaf, more = self._is_leaf(node), _more(node)
        node.body, node.returns = _code(node.body), None
        self.generic_visit(node)
        node.body[:0] = [ast.copy_location(ast.Expr(each), node) for each in more]
        if leaf:
            node.body.insert(0, ast.copy_location(ast.Expr(_step()), node))
            return node
        guarded = ast.Try(body=node.body, handlers=[], orelse=[], finalbody=[ast.Expr(_call("leave"))])
        node.body = [ast.copy_location(each, node) for each in (ast.Expr(_call("enter")), guarded)]
        return node

    def _is_leaf(self, node: ast.AST) -> bool:
        """Whether all that it calls is built in, so that every recursion passes through a function that is none."""
        for each in ast.walk(node):
            if each is not node and isinstance(each, ast.Lambda | ast.FunctionDef):
                return False
            if isinstance(each, ast.Name) and (each.id in self.own or each.id == "map"):
                return False
            if isinstance(each, ast.Attribute) and each.attr in self.own:
                return False
            if isinstance(each, ast.keyword) and each.arg in ("key", None):
                return False
            if isinstance(each, ast.Call) and not (
                (isinstance(each.func, ast.Name) and each.func.id in BUILTINS | MATH)
                or (isinstance(each.func, ast.Attribute) and each.func.attr in METHODS)
            ):
                return False
        return True

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Without its annotation."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        """Without its annotation."""
        if node.value is None:
            return [ast.copy_location(ast.Pass(), node)]
        return self.visit_Assign(ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node))

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        """What is unpacked is read in order, and what is put into a mapping is looked up."""
        pairs, unpacked = isinstance(node.value, ast.Tuple), any(isinstance(each, _UNPACKED) for each in node.targets)
        node.value = self.visit(node.value)
        if unpacked and not pairs:
            node.value = _call("spread", node.value)
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and len(node.targets) == 1:
            return [ast.copy_location(self._put(node.value, target), node)]
        if all(_is_named(each) for target in node.targets for each in getattr(target, "elts", [target])):
            return [node]
        after: list[ast.stmt] = [node]
        node.targets = [self._later(each, after) for each in node.targets]
        return [ast.copy_location(each, node) for each in after]

    def _put(self, value: ast.expr, target: ast.Subscript) -> ast.stmt:
        return ast.Expr(_call("put", value, self.visit(target.value), self.visit(target.slice)))

    def _later(self, target: ast.expr, after: list[ast.stmt]) -> ast.expr:
        """A target of which each part is assigned afterwards, in their order."""
        if isinstance(target, _UNPACKED):
            target.elts = [self._part_later(each, after) for each in target.elts]
            return target
        return self._part_later(target, after)

    def _part_later(self, target: ast.expr, after: list[ast.stmt]) -> ast.expr:
        if isinstance(target, ast.Starred):
            target.value = self._part_later(target.value, after)
            return target
        self.places += 1
        place = f"__place{self.places}__"
        if isinstance(target, ast.Subscript):
            after.append(self._put(_name(place), target))
        else:
            made = self.visit_Assign(ast.Assign(targets=[target], value=_name(place)))
            after += made
        return ast.Name(place, ast.Store())

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        """An assignment that evaluates its target once, before the value."""
        statements: list[ast.stmt] = []
        if isinstance(node.target, ast.Subscript):
            parts = []
            for part in (node.target.value, node.target.slice):
                self.places += 1
                parts.append(f"__place{self.places}__")
                statements.append(ast.Assign(targets=[ast.Name(parts[-1], ast.Store())], value=self.visit(part)))
            load: ast.expr = ast.Subscript(_name(parts[0]), _name(parts[1]), ast.Load())
            store: ast.expr = ast.Subscript(_name(parts[0]), _name(parts[1]), ast.Store())
        else:
            assert isinstance(node.target, ast.Name)
            load, store = _name(node.target.id), node.target
        statements.append(ast.Assign(targets=[store], value=self._changed(node.op, load, node.value)))
        return [ast.copy_location(each, node) for each in statements]

    def _changed(self, op: ast.operator, load: ast.expr, value: ast.expr) -> ast.expr:
        """Lists, sets and mappings change in place; numbers are made anew."""
        if type(op) in _IN_PLACE and not _is_small(value):
            return _call(_IN_PLACE[type(op)], self.visit(load), self._part(value, MAX_PARTS))
        return self._arithmetic(op, load, value, 0)

    def visit_Delete(self, node: ast.Delete) -> ast.AST | list[ast.stmt]:
        """Of elements of lists and mappings."""
        places = [each for each in node.targets if isinstance(each, ast.Subscript)]
        calls = [_call("delete", self.visit(each.value), self.visit(each.slice)) for each in places]
        return [ast.copy_location(ast.Expr(each), node) for each in calls]

    def visit_For(self, node: ast.For) -> ast.AST:
        """One step a turn."""
        counted, target = [_step(), *_more(node)], node.target
        node.target, within = self._unpacked(target)
        node.body[:0] = [ast.Assign(targets=[each], value=_name(place)) for place, each in within]
        self.generic_visit(node)
        node.iter = _turns(node.iter, node.target)
        node.body[:0] = [ast.copy_location(ast.Expr(each), node) for each in counted]
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        """One step a turn."""
        counted = [_step(), *_more(node)]
        self.generic_visit(node)
        node.body[:0] = [ast.copy_location(ast.Expr(each), node) for each in counted]
        return node

    def _unpacked(self, target: ast.expr) -> tuple[ast.expr, list[tuple[str, ast.expr]]]:
        """The target of a turn without those within it, and these by the names that stand for them."""
        within: list[tuple[str, ast.expr]] = []
        if isinstance(target, _UNPACKED):
            for place, each in enumerate(target.elts):
                if isinstance(each, _UNPACKED):
                    self.places += 1
                    within.append((f"__place{self.places}__", each))
                    target.elts[place] = ast.Name(within[-1][0], ast.Store())
        return target, within

    # Comprehensions, functions, displays

    def _generators(self, node: Comprehension) -> list[ast.comprehension]:
        """One step an element of each clause; what is unpacked within what is unpacked has a clause of its own."""
        more = _more(node)
        made = []
        for each in node.generators:
            target, within = self._unpacked(each.target)
            made.append(ast.comprehension(target, _turns(self.visit(each.iter), target), [_step(), *more], 0))
            while within:
                place, inner = within.pop(0)
                target, deeper = self._unpacked(inner)
                read = ast.Tuple([_call("ordered", _name(place))], ast.Load())
                made.append(ast.comprehension(target, read, [], 0))
                within += deeper
            made[-1].ifs += map(self.visit, each.ifs)
        return made

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """One step a call, and one level where it may call another."""
        leaf, more = self._is_leaf(node), _more(node)
        self.generic_visit(node)
        if leaf or more:
            node.body = ast.BoolOp(ast.And(), [*([_step()] if leaf else []), *more, node.body])  # a step is true
        return node if leaf else _call("called", node)

    def visit_List(self, node: ast.List) -> ast.AST:
        """Charged when it is long."""
        return self._display(node, node.elts)

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        """Charged when it is long."""
        return node if all(isinstance(each, ast.Constant) for each in node.elts) else self._display(node, node.elts)

    def visit_Set(self, node: ast.Set) -> ast.AST:
        """Of elements that are looked up."""
        if _is_long(node.elts):
            return _call("set_made", self.visit(ast.List(node.elts, ast.Load())))
        node.elts = list(map(self._looked_up, node.elts))
        return node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        """Of keys that are looked up."""
        if len(node.keys) <= MAX_DISPLAY and None not in node.keys:
            node.keys = [self._looked_up(each) for each in node.keys if each is not None]
            node.values = list(map(self.visit, node.values))
            return node
        parts: list[ast.expr] = []
        for spread, some in groupby(zip(node.keys, node.values, strict=True), lambda each: each[0] is None):
            if spread:
                parts += [self.visit(value) for _, value in some]
            else:
                pairs: list[ast.expr] = [ast.Tuple([key, value], ast.Load()) for key, value in some if key]
                parts.append(_call("dict_made", self.visit(ast.List(pairs, ast.Load()))))
        return parts[0] if None not in node.keys else _call("joined", *parts)

    def _display(self, node: ast.expr, elements: list[ast.expr]) -> ast.AST:
        loaded = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        long = _is_long(elements)
        made = self.generic_visit(node)
        return _call("made", made) if loaded and long else made

    def _looked_up(self, node: ast.expr) -> ast.expr:
        """What is hashed, charged unless it is plainly an integer."""
        return node if isinstance(node, ast.Constant) else _key(self.visit(node))

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        """What is spread is read in order."""
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.value = _call("spread", node.value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """One with a leading underscore is of the rule's own."""
        self.generic_visit(node)
        if node.attr == "get":
            return _call("getter", node.value)
        private = node.attr.startswith("_")
        return _call("own", node.value, ast.Constant(node.attr)) if private else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """A slice is charged, and a key where it is no plain integer."""
        node.value = self.visit(node.value)
        if isinstance(node.slice, ast.Slice):
            bounds = node.slice.lower, node.slice.upper, node.slice.step
            return _call("sliced", node.value, *(self.visit(each or ast.Constant(None)) for each in bounds))
        node.slice = self._looked_up(node.slice)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Text with numbers, charged by its length."""
        parts = [each.value if isinstance(each, ast.FormattedValue) else each for each in node.values]
        return _call("text", *(self.visit(each) for each in parts))

    # Comparisons and arithmetic

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """The left operand of a comparison is charged, unless one of both is plainly a number."""
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            found = _call("contains", self.visit(node.left), self.visit(node.comparators[0]))
            return found if isinstance(node.ops[0], ast.In) else ast.UnaryOp(ast.Not(), found)
        operands = [node.left, *node.comparators]
        for place, op in enumerate(node.ops):
            left, right = operands[place], operands[place + 1]
            free = _is_integer(left) or _is_integer(right) or isinstance(op, ast.Is | ast.IsNot)
            operands[place] = self.visit(left) if free else _call("operand", self.visit(left))
        node.left, node.comparators = operands[0], [*operands[1:-1], self.visit(operands[-1])]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Checked where its value is kept."""
        return self._arithmetic(node.op, node.left, node.right, 0)

    def _arithmetic(self, op: ast.operator, left: ast.expr, right: ast.expr, unchecked: int) -> ast.expr:
        """`unchecked` is how many operators, this one included, may stay as they are, since what reads them checks."""
        if isinstance(op, ast.Mult) and (_is_display(left) or _is_display(right)):
            return _call("repeat", self.visit(left), self.visit(right))
        if (constant := _folded(op, left, right)) is not None:
            return ast.Constant(constant)
        if isinstance(op, ast.RShift):
            return ast.BinOp(self.visit(left), op, self.visit(right))
        if isinstance(op, ast.Add | ast.Sub | ast.FloorDiv) and _is_small(right):
            return ast.BinOp(self._part(left, max(1, unchecked) - 1), op, right)
        powers = isinstance(op, ast.Pow) and isinstance(right, ast.Constant) and right.value in (2, 3)
        sets = isinstance(op, ast.Sub) and not unchecked and not (_is_number(left) or _is_number(right))
        if sets or not (isinstance(op, _PARTS) or powers):
            within = 0 if isinstance(op, _OF_SETS) else MAX_PARTS
            return _call(_OPERATIONS[type(op)], self._part(left, within), self._part(right, within))
        half = ((unchecked or MAX_PARTS) - 1) // 2
        parts = [self._part(left, half), self._part(right, half)]
        if isinstance(op, ast.Mult):
            parts = [
                part if _is_number(each) or _is_difference(each) else _plus(part)
                for each, part in ((left, parts[0]), (right, parts[1]))
            ]
        made = ast.BinOp(parts[0], op, parts[1])
        return made if unchecked else _call("kept", made)

    def _part(self, node: ast.expr, unchecked: int) -> Any:
        if isinstance(node, ast.BinOp):
            return ast.copy_location(self._arithmetic(node.op, node.left, node.right, unchecked), node)
        return self.visit(node)

    # Calls

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Methods and constructors are charged."""
        function, name = node.func, node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "isinstance":
            node.args[0] = self.visit(node.args[0])  # and its classes stay classes
            return node
        node.keywords = [self.visit(each) for each in node.keywords]
        for keyword in node.keywords:
            keyword.value = keyword.value if keyword.arg else _call("made", keyword.value)
        if name in _WHOLE and len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp | ast.ListComp):
            return self._whole(node, name, node.args[0])
        node.args = [self.visit(each) for each in node.args]
        if name in LAZY:
            read = 1 if name == "map" else 0
            for each in node.args:
                if isinstance(each, ast.Starred) and isinstance(each.value, ast.Call):
                    each.value.func = _name("__rows__")
            node.args[read:] = [_ordered(each) for each in node.args[read:]]
        attribute, of = (function.attr, function.value) if isinstance(function, ast.Attribute) else ("", function)
        if name == "Fraction":
            node.func = _name("__fraction__")
        elif attribute == "from_bytes":
            node.func = _name("__from_bytes__")
        elif attribute in {"add", "append", "get"} - self.own:
            node.func, node.args = _name(f"__{attribute}__"), [self.visit(of), *node.args]
        elif not attribute or attribute.startswith("_") or attribute in (METHODS | self.own) - _ASKED - self.theirs:
            node.func = self.visit(function)
        else:
            node.func = _name("__method__")
            node.args = [ast.Constant(attribute), self.visit(of), *node.args]
        return node

    def _whole(self, node: ast.Call, name: str, read: ast.GeneratorExp | ast.ListComp) -> ast.AST:
        """A function of a comprehension that reads all of it: a list is faster than a generator, and gives the same.

        A sum checks what it gives, so that its terms may be unchecked.
        """
        element = self._part(read.elt, MAX_PARTS if name == "sum" else 0)
        made = ast.ListComp(element, self._generators(read))
        if name == "list":
            return _call("sized", made)
        node.func = _name(f"__{name}_made__" if name in _MADE else name)
        node.args = [_call("sized", made)]
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        """Bounded in length; each turn is counted."""
        node.generators, node.elt = self._generators(node), self.visit(node.elt)
        return _call("sized", node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        """Each turn is counted."""
        node.generators, node.elt = self._generators(node), self.visit(node.elt)
        return node

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        """Of a list; each turn is counted."""
        return _call("set_made", self.visit(ast.ListComp(node.elt, node.generators)))

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        """Of a list of pairs; each turn is counted."""
        pair = ast.Tuple([node.key, node.value], ast.Load())
        return _call("dict_made", self.visit(ast.ListComp(pair, node.generators)))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A constructor."""
        known = isinstance(node.ctx, ast.Load) and node.id in CONSTRUCTORS
        return ast.copy_location(_name(f"__{node.id}__"), node) if known else node


def _code(body: list[ast.stmt]) -> list[ast.stmt]:
    """Without text that stands alone."""
    kept = [each for each in body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
    return kept or [ast.Pass()]


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _call(name: str, *arguments: Any) -> ast.Call:
    return ast.Call(_name(f"__{name}__"), list(arguments), [])


def _ordered(node: ast.expr) -> ast.expr:
    """Not where it is plainly no set. What is spread is read in order already."""
    function = node.func if isinstance(node, ast.Call) else node
    plain = isinstance(function, ast.Name) and function.id in _IN_ORDER and function is not node
    return node if plain or isinstance(node, ast.Starred | ast.GeneratorExp) else _call("ordered", node)


def _turns(node: ast.expr, target: ast.expr) -> ast.expr:
    """What a loop reads, in order; and its elements too, where they are unpacked."""
    function = node.func if isinstance(node, ast.Call) else node
    pairs = isinstance(function, ast.Name) and function.id in ("enumerate", "zip")
    views = isinstance(function, ast.Attribute) and function.attr == "items"
    if isinstance(target, ast.Name) or pairs or views:
        return _ordered(node)
    return ast.Call(_name("map"), [_name("__ordered__"), _ordered(node)], [])


def _folded(op: ast.operator, left: ast.expr, right: ast.expr) -> int | None:
    """A power or shift of constants, within the bounds."""
    if not (_is_small(left) and _is_small(right)):
        return None
    base, places = left.value, right.value  # type: ignore[attr-defined]
    if isinstance(op, ast.Pow) and base.bit_length() * places <= MAX_BITS:
        return int(base**places)
    if isinstance(op, ast.LShift) and base.bit_length() + places <= MAX_BITS:
        return int(base << places)
    return None


def _plus(node: ast.expr) -> ast.expr:
    """The same for a number; a sequence has none, which is a TypeError."""
    return ast.UnaryOp(ast.UAdd(), node)


def _key(node: ast.expr) -> ast.expr:
    """What is hashed; a name is asked at once whether it is an integer, which costs nothing."""
    charged = _call("key", node)
    if not isinstance(node, ast.Name):
        return charged
    integer = ast.Compare(ast.Attribute(node, "__class__", ast.Load()), [ast.Is()], [_name("int")])
    return ast.IfExp(integer, node, charged)


def _step() -> ast.Call:
    return _call("next", _name("__steps__"))


def _more(node: ast.AST) -> list[ast.expr]:
    """What a turn through a long body takes besides its step."""
    parts = [each for each in ast.walk(node) if isinstance(each, ast.expr | ast.stmt)]
    products = sum(isinstance(each, ast.BinOp) and _multiplies(each) for each in parts)
    more = (len(parts) + _PRODUCT * products) // MAX_BODY
    return [_call("turn", ast.Constant(more))] if more else []


def _is_small(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and 0 < node.value < _SMALL


def _is_number(node: ast.expr) -> bool:
    """An integer or a fraction, or else it raises."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _COUNTS
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, _NUMERIC) and not (_is_display(node.left) or _is_display(node.right))
    return isinstance(node, ast.UnaryOp) or (isinstance(node, ast.Constant) and isinstance(node.value, int))


def _multiplies(node: ast.BinOp) -> bool:
    """Whether it may be a product of two integers of which neither is small."""
    return isinstance(node.op, ast.Mult | ast.Pow) and not (
        isinstance(node.left, ast.Constant) or (isinstance(node.op, ast.Mult) and isinstance(node.right, ast.Constant))
    )


def _is_integer(node: ast.expr) -> bool:
    """With which a comparison costs nothing."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _WHOLE_NUMBERS


def _is_named(target: ast.expr) -> bool:
    return isinstance(target.value if isinstance(target, ast.Starred) else target, ast.Name)


def _is_long(elements: list[ast.expr]) -> bool:
    return len(elements) > MAX_DISPLAY or any(isinstance(each, ast.Starred) for each in elements)


def _is_difference(node: ast.expr) -> bool:
    """Of numbers or sets: no sequence."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)


def _is_display(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple | ast.ListComp) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )
