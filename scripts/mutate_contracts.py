"""Mutation test of `contracts/`: one change at a time, and whether some test fails by it: `make mutants`.

Every mutant is compiled, with hardly any optimization, and laid over the artifacts in a copy of the repository; then
forge's suite runs. What that let live is compiled as the contracts ship, and meets the tests in Python (on revm) of
those that it is part of; forge has none of agreements on tokens. Survivors are listed; exit 1 below the goal.
With --json a run that was stopped goes on where it was, as long as none of what it looks at has changed.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from signal import SIGABRT, SIGXCPU
from threading import Event
from time import perf_counter
from typing import Any

from scripts.build_artifacts import (
    ARTIFACTS,
    CONTRACTS,
    OUTPUTS,
    ROOT,
    SHIPPED,
    artifact,
    canonical,
    compile_standard,
    imported,
    question,
)  # fmt: skip

GOAL = 0.95
EXCUSES = ROOT / "scripts" / "equivalent_mutants.toml"
"""Mutants that nobody could tell from the original, each with the reason."""
FORGE = next(iter(sorted((ROOT / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge"))))
COPIED = ("chain_bandit", "contracts", "examples", "scripts", "tests", "cache/forge")
"""What there is of it; forge's cache is of its suite."""
COPIED_FILES = ("foundry.toml", "pyproject.toml", "package.json", "README.md")
GAME, TOKENS = ARTIFACTS
TESTS = {
    GAME: (
        "access", "direct", "seats", "records", "committees", "capture", "evidence", "batches", "settlement",
        "deployment", "modules", "reports", "sealed", "draws", "signatures", "differential", "false_reports",
        "paid_burn_in", "phases",
    ),
    TOKENS: ("tokens",),
}  # fmt: skip
"""Of `tests/contracts`, by what they hold."""
SWAPPED = {
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
    "&&": ("||",), "||": ("&&",), "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",), "%": ("/",),
    "<<": (">>",), ">>": ("<<",), "&": ("|",), "|": ("&",), "^": ("&",),
}  # fmt: skip
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
PATIENCE = 900
"""Seconds of CPU that a suite may take, many times what it takes on the original: a mutant may loop for ever."""
MEMORY = 8_000_000
"""Kilobytes of address space that it may take, several times what it takes on the original: the loop may allocate."""
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True)
class Mutant:
    """A change of one place in one source."""

    file: str
    line: int
    operator: str
    start: int
    end: int
    text: str

    def apply(self, source: str) -> str:
        """The source with this change."""
        code = source.encode()
        return (code[: self.start] + self.text.encode() + code[self.end :]).decode()

    def describe(self, source: str) -> str:
        """Where, what and how, in a line."""
        was = " ".join(source.encode()[self.start : self.end].decode().split())
        return f"{self.file}:{self.line} {self.operator}: {was!r} -> {self.text!r}"


def span(node: dict[str, Any]) -> tuple[int, int]:
    start, length, _ = map(int, node["src"].split(":"))
    return start, start + length


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """All nodes of a syntax tree, in order."""
    if isinstance(tree, dict):
        if "nodeType" in tree:
            yield tree
        for value in tree.values():
            yield from nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value)


def is_fixed(node: dict[str, Any]) -> bool:
    """Whether a declaration is of a constant or an immutable."""
    return node["nodeType"] == "VariableDeclaration" and node.get("mutability") in ("constant", "immutable")


def changes(node: dict[str, Any], code: bytes, fixed: dict[int, list[str]]) -> Iterator[tuple[str, int, int, str]]:
    """(operator, start, end, text) of every change of one node."""
    start, end = span(node)
    text = code[start:end].decode()
    match node["nodeType"]:
        case "BinaryOperation":
            left, right, sign = span(node["leftExpression"])[1], span(node["rightExpression"])[0], node["operator"]
            between = code[left:right].decode()
            kind = "comparison" if sign in COMPARISONS else "logic" if sign in ("&&", "||") else "arithmetic"
            for other in SWAPPED.get(sign, ()):
                yield kind, left, right, between.replace(sign, other, 1)
        case "Assignment" if node["operator"] != "=":
            left, right = span(node["leftHandSide"])[1], span(node["rightHandSide"])[0]
            yield "assignment", left, right, " = "
        case "UnaryOperation" if node["operator"] == "!":
            yield "logic", start, end, text[1:]
        case "IfStatement":
            body = node["trueBody"]
            only = body["statements"] if body["nodeType"] == "Block" else [body]
            if len(only) == 1 and only[0]["nodeType"] == "RevertStatement":
                yield "drop guard", start, end + (body["nodeType"] != "Block"), "{}"
            else:
                for value in ("true", "false"):
                    yield "condition", *span(node["condition"]), value
        case "Conditional":
            for value in ("true", "false"):
                yield "condition", *span(node["condition"]), value
        case "ExpressionStatement":
            yield "drop statement", start, end + 1, "{}"
        case "EmitStatement":
            yield "drop event", start, end + 1, "{}"
        case "Continue":
            yield "drop statement", start, end + 1, "{}"
        case "Literal" if node["kind"] == "number":
            yield "off by one", start, end, f"({text} + 1)"
        case "Literal" if node["kind"] == "bool":
            yield "logic", start, end, "false" if text == "true" else "true"
        case "IndexAccess" if node.get("indexExpression"):
            first, last = span(node["indexExpression"])
            yield "index", first, last, f"({code[first:last].decode()}) + 1"
        case "ModifierInvocation" if node.get("kind") == "modifierInvocation":
            yield "drop guard", start, end, ""
        case "Identifier" if node.get("referencedDeclaration") in fixed:
            for other in fixed[node["referencedDeclaration"]]:
                yield "swap constants", start, end, other
        case "Return" if node.get("expression"):
            kind = node["expression"]["typeDescriptions"]["typeString"]
            inner = code[slice(*span(node["expression"]))].decode()
            if kind == "bool":
                yield "return", *span(node["expression"]), f"!({inner})"
            elif kind.startswith("uint"):
                yield "return", *span(node["expression"]), f"({inner}) + 1"


def mutants(asked: dict[str, Any]) -> list[Mutant]:
    """Every mutant of the sources of ours, interfaces left out."""
    selection = {"outputSelection": {"*": {"": ["ast"]}}}
    output = compile_standard(asked | {"settings": asked["settings"] | selection})
    trees = {
        name: unit["ast"] for name, unit in output["sources"].items()
        if name.startswith("contracts/") and "/interfaces/" not in name
    }  # fmt: skip
    fixed = swaps(trees)
    found = []
    for name, tree in sorted(trees.items()):
        code = asked["sources"][name]["content"].encode()
        seen = set()
        for node in nodes(tree):
            for operator, start, end, text in changes(node, code, fixed):
                if (start, end, text) not in seen and code[start:end].decode() != text:
                    seen.add((start, end, text))
                    found.append(Mutant(name, code[:start].count(b"\n") + 1, operator, start, end, text))
    return found


def swaps(trees: dict[str, Any]) -> dict[int, list[str]]:
    """For each constant or immutable, the next one of its type in the same source, by the id of its declaration."""
    swapped = {}
    for tree in trees.values():
        by_type = defaultdict(list)
        for node in nodes(tree):
            if is_fixed(node):
                by_type[node["typeDescriptions"]["typeString"]].append(node)
        for group in by_type.values():
            for one, other in zip(group, group[1:] + group[:1], strict=True):
                if one is not other:
                    swapped[one["id"]] = [other["name"]]
    return swapped


def sample(found: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """`count` of them, every source and operator in turn."""
    chance = random.Random(seed)
    groups = defaultdict(list)
    for mutant in found:
        groups[mutant.file, mutant.operator].append(mutant)
    for group in groups.values():
        chance.shuffle(group)
    chosen: list[Mutant] = []
    while len(chosen) < min(count, len(found)):
        for key in sorted(groups):
            if groups[key] and len(chosen) < count:
                chosen.append(groups[key].pop())
    chance.shuffle(chosen)  # what has been tried when somebody stops it is a sample too
    return chosen


def ends_well(command: Iterable[object], seconds: int, folder: Path, environment: Mapping[str, str]) -> bool:
    """Whether a command exits with 0 within so many seconds of CPU, and `MEMORY`: other work kills no mutant.

    RuntimeError where somebody else ended it, which says nothing of a mutant. A terminal's interrupt does not reach it.
    """
    limited = ["sh", "-c", f'ulimit -S -t {seconds}; ulimit -S -v {MEMORY}; exec "$@"', "sh", *map(str, command)]
    run = subprocess.run(limited, cwd=folder, env=environment, capture_output=True, check=False, start_new_session=True)
    if run.returncode < 0 and run.returncode not in (-SIGXCPU, -SIGABRT):
        raise RuntimeError(f"signal {-run.returncode} ended {' '.join(limited[4:])}")
    return run.returncode == 0


class _Bench:
    """A copy of the repository, with a compiler that stays."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        for name in filter(lambda name: (ROOT / name).is_dir(), COPIED):
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        for name in COPIED_FILES:
            shutil.copy(ROOT / name, folder)
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
        self.environment = ENVIRONMENT | {
            "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0", "FOUNDRY_OPTIMIZER": "true", "FOUNDRY_OPTIMIZER_RUNS": "1",
        }  # fmt: skip
        self.compiler = subprocess.Popen(
            ["node", ROOT / "scripts" / "compile_server.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=self.environment,
        )  # fmt: skip

    def compile(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The compiler's answer, errors and all."""
        assert self.compiler.stdin
        assert self.compiler.stdout
        self.compiler.stdin.write(json.dumps(asked) + "\n")
        self.compiler.stdin.flush()
        output: dict[str, Any] = json.loads(self.compiler.stdout.readline())
        return output

    def lay(self, texts: dict[str, str]) -> None:
        """Have this copy test other artifacts."""
        for name, text in texts.items():
            (self.root / SHIPPED.relative_to(ROOT) / name).write_text(text)

    def passes(self, *command: object) -> bool:
        """Whether a command exits with 0, in time."""
        shutil.rmtree(self.root / "cache" / "invariant", ignore_errors=True)
        shutil.rmtree(self.root / "cache" / "fuzz", ignore_errors=True)
        return ends_well(command, PATIENCE, self.root, self.environment)

    def forge(self, changed: Collection[str]) -> bool:
        """Whether forge's suite passes on the artifacts that are laid out, of which some are changed."""
        return GAME not in changed or self.passes(FORGE, "test", "--fail-fast")

    def pytest(self, changed: Collection[str]) -> bool:
        """The same of the tests in Python."""
        tests = [f"tests/contracts/test_{test}.py" for name in changed for test in TESTS[name]]
        return self.passes(sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests)

    def close(self) -> None:
        """Let the compiler go."""
        assert self.compiler.stdin
        self.compiler.stdin.close()
        self.compiler.wait()


def fate(bench: _Bench, mutant: Mutant, asked: dict[str, Any], originals: dict[str, dict[str, str]]) -> str:
    """forge or pytest (the one that failed), survived, the same (bytecode), or invalid (does not compile)."""
    source = asked["sources"][mutant.file]["content"]
    changed = asked | {"sources": asked["sources"] | {mutant.file: {"content": mutant.apply(source)}}}
    parts = part_of(mutant.file, asked)
    for killer, before in originals.items():
        if killer == "forge" and GAME not in parts:
            continue
        output = bench.compile(SUITES[killer](only(parts, changed)))
        if any(error["severity"] == "error" for error in output.get("errors", ())):
            return "invalid"
        compiled = {name: canonical(artifact(output, name)) for name in parts}
        others = [name for name, text in compiled.items() if text != before[name]]
        if not others:
            return "the same"
        bench.lay(before | compiled)
        if not getattr(bench, killer)(others):
            return killer
    return "survived"


def part_of(file: str, asked: dict[str, Any]) -> list[str]:
    """The artifacts that have something of a source."""
    return [name for name, contracts in ARTIFACTS.items() if file in reached(contracts, asked)]


def reached(files: Iterable[str], asked: dict[str, Any]) -> set[str]:
    """Sources, and whatever they import."""
    found, pending = set[str](), list(files)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += imported(name, asked["sources"][name]["content"])
    return found


def only(names: Iterable[str], asked: dict[str, Any]) -> dict[str, Any]:
    """The same question of some artifacts' contracts alone."""
    files = [file for name in names for file in ARTIFACTS[name]]
    selection = {"outputSelection": {file: {CONTRACTS[file]: OUTPUTS} for file in files}}
    return asked | {"settings": asked["settings"] | selection}


def changed_since(revision: str, root: Path = ROOT) -> set[tuple[str, int]]:
    """(file, line) of every line of `contracts/` that is new or other than in a revision."""
    lines, file = set(), ""
    difference = subprocess.run(
        ["git", "diff", "--unified=0", "--no-prefix", revision, "--", "contracts"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for line in difference.splitlines():
        if line.startswith("+++ "):
            file = line.removeprefix("+++ ")
        elif found := re.match(r"@@ \S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(found[1]), int(found[2] or 1)
            lines |= {(file, at) for at in range(first, first + count)}
    return lines


def quick(asked: dict[str, Any]) -> dict[str, Any]:
    """The same question for settings that take half the time.

    The code means the same, but is longer than EIP-170's limit, which forge does not mind.
    """
    details = {"yul": True, "yulDetails": {"stackAllocation": True, "optimizerSteps": "dhfoDgvulfnTUtnIfu:fDnTOcmu"}}
    return asked | {"settings": asked["settings"] | {"optimizer": {"enabled": True, "runs": 1, "details": details}}}


def shipped(asked: dict[str, Any]) -> dict[str, Any]:
    """The question as it is."""
    return asked


SUITES = {"forge": quick, "pytest": shipped}


def state() -> str:
    """The digest of everything that decides what becomes of a mutant."""
    digest = sha256()
    for folder in ("chain_bandit", "contracts", "scripts", "tests"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(repr((str(file.relative_to(ROOT)), sha256(file.read_bytes()).hexdigest())).encode())
    return digest.hexdigest()


class MutantRecord:
    """What became of mutants of this very repository, in a file of lines of JSON; in none where no file is named."""

    def __init__(self, file: Path | None) -> None:
        self._file, self._state = file, state()
        lines = map(json.loads, file.read_text().splitlines()) if file and file.is_file() else ()
        self.fates: dict[Mutant, str] = {
            Mutant(**line["mutant"]): line["fate"] for line in lines if line["state"] == self._state
        }

    def add(self, mutant: Mutant, end: str) -> None:
        """Write down what became of one."""
        if self._file:
            with self._file.open("a") as file:
                file.write(json.dumps({"state": self._state, "mutant": asdict(mutant), "fate": end}) + "\n")


def excuses() -> set[tuple[str, str, str]]:
    """(file, the line's text, replacement) of the mutants that are known to be the same program."""
    if not EXCUSES.is_file():
        return set()
    entries = tomllib.loads(EXCUSES.read_text())["equivalent"]
    assert all(entry["why"] for entry in entries)
    return {(entry["file"], entry["line"], entry["becomes"]) for entry in entries}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=120, help="how many mutants; 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--files", nargs="*", default=[""], help="only sources whose names hold one of these")
    parser.add_argument("--since", metavar="REVISION", help="only lines that it did not have")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where it is kept what became of each")
    parser.add_argument("--list", action="store_true", help="say what would be tried, and stop")
    options = parser.parse_args()
    asked, started = question(), perf_counter()
    found = [mutant for mutant in mutants(asked) if any(name in mutant.file for name in options.files)]
    if options.since:
        changed = changed_since(options.since)
        found = [mutant for mutant in found if (mutant.file, mutant.line) in changed]
    chosen = sample(found, options.count or len(found), options.seed)
    if options.list:
        print("\n".join(mutant.describe(asked["sources"][mutant.file]["content"]) for mutant in chosen))
        return 0
    kept = MutantRecord(options.json)
    fates = {mutant: kept.fates[mutant] for mutant in chosen if mutant in kept.fates}
    if left := [mutant for mutant in chosen if mutant not in fates]:
        fates |= tried(left, asked, options.workers, kept)
    return report(fates, asked, len(found), perf_counter() - started)


def tried(chosen: list[Mutant], asked: dict[str, Any], workers: int, kept: MutantRecord) -> dict[Mutant, str]:
    """What became of each mutant; the unchanged contracts must pass first."""
    fates: dict[Mutant, str] = {}
    parts = sorted({name for mutant in chosen for name in part_of(mutant.file, asked)})
    suites = {killer: settings for killer, settings in SUITES.items() if killer != "forge" or GAME in parts}
    if "forge" in suites:
        subprocess.run([FORGE, "build"], cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True)  # for all copies
    with tempfile.TemporaryDirectory() as folder:
        benches = [_Bench(Path(folder) / str(number)) for number in range(workers)]
        originals = {}
        for suite, settings in suites.items():
            output = benches[0].compile(settings(only(parts, asked)))
            originals[suite] = {name: canonical(artifact(output, name)) for name in parts}
            benches[0].lay(originals[suite])
            if not getattr(benches[0], suite)(parts):
                raise SystemExit(f"{suite} does not pass on the unchanged contracts")

        stopped = Event()

        def work(number: int) -> None:
            for mutant in chosen[number::workers]:
                if stopped.is_set():
                    return
                fates[mutant] = fate(benches[number], mutant, asked, originals)
                kept.add(mutant, fates[mutant])
                source = asked["sources"][mutant.file]["content"]
                print(f"{len(fates)}/{len(chosen)} {fates[mutant]}: {mutant.describe(source)}", flush=True)

        with ThreadPoolExecutor(workers) as pool:
            try:
                list(pool.map(work, range(workers)))
            finally:
                stopped.set()
        for bench in benches:
            bench.close()
    return fates


def report(fates: dict[Mutant, str], asked: dict[str, Any], of: int, seconds: float) -> int:
    """Prints the score and the survivors; 1 below the goal."""
    counts, known, survivors, excused = Counter(fates.values()), excuses(), [], 0
    for mutant, end in sorted(fates.items(), key=lambda item: (item[0].file, item[0].start)):
        if end == "survived":
            source = asked["sources"][mutant.file]["content"]
            line = source.splitlines()[mutant.line - 1].strip()
            if (mutant.file, line, mutant.text.strip()) in known:
                excused += 1
            else:
                survivors.append(f"{mutant.describe(source)}\n    {line}")
    killed = counts["forge"] + counts["pytest"]
    total = killed + len(survivors)
    print(f"{len(fates)} of {of} mutants in {seconds:.0f} s: {counts['forge']} killed by forge, {counts['pytest']} by "
          f"pytest, {counts['the same']} with the same bytecode, {excused} known to be equivalent, "
          f"{counts['invalid']} that do not compile, {len(survivors)} survived")  # fmt: skip
    print(f"score {killed}/{total} = {killed / max(total, 1):.1%}, goal {GOAL:.0%}")
    print("\n".join(survivors))
    return 0 if total and killed >= GOAL * total else 1


if __name__ == "__main__":
    sys.exit(main())
