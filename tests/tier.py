"""The science tier: tests of the simulators, played whole where something that they depend on changed (decision 128).

With `--unless-played`, as in `make test`, a file whose tests all passed on these very sources plays one in twelve of
them. With `--record-played` all are played, and files whose tests passed are noted in `tests/snapshots/played.json`.
Tests that start processes or read pages depend on more than they import, and are always played.
"""

import ast
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

from verification.played import ROOT, imports, is_played, record

SCIENCE = (
    "tests/equivalence/", "tests/unit/simulation/", "tests/unit/studies/", "tests/unit/test_undefended.py",
    "tests/unit/mediate/test_learners.py",
)  # fmt: skip
EVERY = 12
DATA = (
    "chain_bandit/**/*.toml", "docs/figures/*.json*", "examples/**/*.toml", "examples/*.csv", "tests/vectors/*",
)  # fmt: skip
"""What tests of the tier depend on beside what they import."""
FIXTURES = "tests/games.py", {"cheat", "parameters", "play", "scenario", "twice_signed"}
"""Fixtures of all tests, and where they are: a file depends on them where it asks for one."""
MORE = "subprocess", ".md\"", "DOCS"


@cache
def module_of(file: str) -> str | None:
    """The module of a test's file, where it is of this tier."""
    if not file.startswith(SCIENCE) or any(word in (ROOT / file).read_text(encoding="utf-8") for word in MORE):
        return None
    return ".".join(Path(file).with_suffix("").parts)


def beside(module: str) -> tuple[str, ...]:
    """Patterns of files that a test depends on beside its imports; where it reaches the embedded chain, it has revm."""
    file, names = FIXTURES
    asked = (file,) if names & arguments(module) else ()
    reached = (module, file.removesuffix(".py").replace("/", ".")) if asked else (module,)
    on_revm = any(imports(each, "chain_bandit.chain.embedded") for each in reached)
    return (*DATA, *asked, "tests/fast_chain.py") if on_revm else (*DATA, *asked)


def arguments(module: str) -> set[str]:
    """Names of the arguments of tests and fixtures in a test's file, and all that it has in quotes."""
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    asking = [each for each in functions if each.name.startswith("test") or each.decorator_list]
    quoted = {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return quoted | {argument.arg for each in asking for argument in (*each.args.args, *each.args.kwonlyargs)}


class Tier:
    """Leaves out, counts, and notes what passed."""

    def __init__(self, config: pytest.Config) -> None:
        self.leaves_out, self.records = config.getoption("unless_played"), config.getoption("record_played")
        self.is_first = not hasattr(config, "workerinput")
        self._passed: Counter[str] = Counter()
        self._other: set[str] = set()

    @pytest.hookimpl(trylast=True)  # what markers leave out is gone by then
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Of a file that was played, one test in `EVERY`."""
        if not self.leaves_out or self.records:
            return
        files: defaultdict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            if module := module_of(item.location[0]):
                files[module].append(item)
        whole = {module for module, tests in files.items() if not is_played(module, len(tests), *beside(module))}
        out = {item for module in set(files) - whole for place, item in enumerate(files[module]) if place % EVERY}
        config.hook.pytest_deselected(items=list(out))
        items[:] = [item for item in items if item not in out]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what passed; a file with a test that did not is not noted."""
        if (module := module_of(report.location[0])) is not None:
            self._passed[module] += report.when == "call" and report.passed
            if not report.passed:
                self._other.add(module)

    def pytest_sessionfinish(self) -> None:
        """Note the files whose tests passed, once they all came together."""
        if self.records and self.is_first:
            for module, tests in self._passed.items():
                if module not in self._other:
                    record(module, tests, *beside(module))
