"""Verbs of rules by name, for reports of ten seats and five arms; test_steps has the steps of each."""

import ast
from fractions import Fraction
from typing import Any

from tests.unit.foreign.api import body, reports

IMPORTS = "from math import comb, gcd, isqrt, lcm, perm, prod\nfrom fractions import Fraction\n"

SOURCES = {
    "mean": "return [sum(row[arm] for row in x.values()) // len(x) for arm in range(5)]",
    "lower median": "return [sorted(row[arm] for row in x.values())[(len(x) - 1) // 2] for arm in range(5)]",
    "trimmed mean": """
        means = []
        for arm in range(5):
            kept = sorted(row[arm] for row in x.values())[2:-2]
            means.append(sum(kept) // len(kept))
        return tuple(means)""",
    "krum": """
        def apart(a, b):
            return sum((y - z) ** 2 for y, z in zip(a, b))
        scores = {}
        for seat, row in x.items():
            scores[seat] = sum(sorted(apart(row, other) for each, other in x.items() if each != seat)[:6])
        return x[min(scores, key=lambda seat: (scores[seat], seat))]""",
    "centred clipping": """
        centre = list(x[0])
        for turn in range(3):
            moves = [0] * 5
            for row in x.values():
                apart = isqrt(sum((y - z) ** 2 for y, z in zip(row, centre)))
                scale = min(Fraction(1), Fraction(10**8, max(apart, 1)))
                for arm, y in enumerate(row):
                    moves[arm] += int((y - centre[arm]) * scale)
            centre = [y + move // len(x) for y, move in zip(centre, moves)]
        return centre""",
    "geometric median": """
        point = [sum(row[arm] for row in x.values()) // len(x) for arm in range(5)]
        for turn in range(5):
            weights = {}
            for seat, row in x.items():
                weights[seat] = 2**64 // (1 + isqrt(sum((y - z) * (y - z) for y, z in zip(row, point))))
            whole = sum(weights.values())
            point = [sum(weights[seat] * x[seat][arm] for seat in x) // whole for arm in range(5)]
        return point""",
    "uniform phantom": """
        phantoms = [y * (2**32 - 2) // len(x) for y in range(len(x) + 1)]
        return [sorted([*(row[arm] for row in x.values()), *phantoms])[len(x)] for arm in range(5)]""",
    "rank vote": """
        votes = [0] * 5
        for row in x.values():
            for rank, arm in enumerate(sorted(range(5), key=lambda arm: (row[arm], arm))):
                votes[arm] += rank
        return max(range(5), key=lambda arm: votes[arm])""",
    "random": """
        seed = int.from_bytes([1, 2, 3, 4], "big")
        chosen = []
        left, seats = sorted(x), set(x)
        while len(chosen) < 4:
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            chosen.append(left.pop(seed % len(left)))
        return sorted(seats - set(chosen) - {99}) == left, {seat for seat in x if seat not in chosen} == set(left)""",
    "wide numbers": """
        y = prod(range(1, 300))
        z = comb(400, 170) * perm(30) + lcm(*range(1, 60)) - gcd(y, 2**500)
        w = pow(3, y, z) + (y << 100) // z + y % 10**30
        return w, y.bit_length(), divmod(z, 7), -w // 3, abs(-z) >> 5, z & 1023 | 5 ^ 3""",
    "fractions": """
        y = Fraction(1, 3)
        for turn in range(1, 12):
            y = (y + turn / 7) * Fraction(turn, turn + 1) - 1 / turn
        return y, round(y), int(y), y.numerator % 97, y.limit_denominator(1000), y ** 3, y // 2, y % 1""",
    "mappings": """
        table = {seat: list(row) for seat, row in x.items()}
        table.update({20: [1], 21: [2, 3]})
        for seat in list(table):
            if seat % 2:
                del table[seat][0]
            else:
                table[seat].insert(0, seat)
            table.setdefault(seat + 1, []).extend(table[seat])
        low, *rest = sorted(table)
        pairs = dict(zip(rest, rest[1:]))
        return low, pairs, {**table}, any(y > 3 for y in rest), all(map(bool, table.values()))""",
    "control": """
        found = []
        for y in range(40):
            try:
                found += [100 // (y % 5), x[y][0]]
            except (ZeroDivisionError, KeyError):
                continue
            if y > 30:
                break
        else:
            found.append(-1)
        while found and found[-1] < 50:
            found.pop()
        return found if not (0 < len(found) < 3 <= 9) else f"{found[0]} of {len(found)}" + "!"\n""",
}


def code(name: str) -> str:
    """The lines of the verb."""
    return SOURCES[name].replace("\n        ", "\n").strip("\n")


def rule(name: str) -> Any:
    """An instance with the verb `f`."""
    return body(code(name), IMPORTS)


class _Exact(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        return ast.Call(ast.Name("exact", ast.Load()), [node.left, node.right], [])


def by_python(lines: str, x: Any) -> Any:
    """What Python alone gives, where `/` is exact."""
    text = f"{IMPORTS}def f(x):\n" + "\n".join(f"    {line}" for line in lines.split("\n"))
    names: dict[str, Any] = {"exact": lambda left, right: Fraction(left) / right}
    exec(compile(ast.fix_missing_locations(_Exact().visit(ast.parse(text))), "python", "exec"), names)
    return names["f"](x)


def given() -> dict[int, tuple[int, ...]]:
    """What the verbs are given."""
    return dict(reports().reports)
