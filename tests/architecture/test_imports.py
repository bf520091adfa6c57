"""Imports between packages, read from the syntax tree of every module: the allowed arrows (docs/architecture.md)."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "chain_bandit"
PACKAGE = "chain_bandit"

OUTSIDE = {"protocol": {"sha3"}, "roots": {"numpy"}, "array_types": {"numpy"}, "paranoid": {"Crypto", "ecdsa"}}
"""Packages that take nothing from outside but Python's own library and these."""
MAY_IMPORT: dict[str, set[str]] = {
    "protocol": set(),
    "crypto": {"protocol"},
    "comparison": {"crypto", "append_log", "protocol"},
    "consensus": {"crypto", "protocol"},
    "actors": {"comparison", "consensus", "crypto", "protocol"},
    "attacks": {"actors", "array_types", "comparison", "consensus", "crypto", "plugins", "protocol", "roots"},
    "environments": {"append_log", "plugins", "protocol"},
    "network": {"actors.messages", "comparison", "consensus", "crypto.vouching", "plugins", "protocol"},
    "plugins": {"protocol"},
    "simulation": {"actors.rules", "array_types", "attacks", "environments", "foreign", "plugins", "protocol", "roots"},
    "mediate": {"array_types", "protocol", "simulation.arena", "simulation.incentive", "simulation.kernel.compiled"},
    "chain_history": {"chain.answers", "chain.errors", "chain.log_ranges", "crypto.verify", "append_log", "protocol"},
    "auditor": {
        "crypto.nonces",
        "crypto.verify",
        "crypto.vrf",
        "crypto.secp256k1",
        "crypto.unseal",
        "chain_history",
        "paranoid",
        "protocol",
    },
    "paranoid": set(),
    "chain": {"append_log", "protocol", "stopwatch"},
    "foreign": {"append_log", "plugins", "protocol", "rule_api"},
    "rule_api": {"protocol"},
    "append_log": {"protocol"},
    "runner": {"append_log", "pool", "protocol"},
    "roots": set(),
    "array_types": set(),
    "stopwatch": set(),
}
"""A package with its arrows; what is not listed (game, cli, scenario, testing) assembles and may import anything."""

ONLY_IN = {
    "web3": {"chain"},
    "eth_account": {"chain"},
    "eth_tester": {"chain"},
    "eth": {"chain"},
    "eth_abi": {"chain", "chain_history", "auditor"},
    "eth_utils": {"chain", "chain_history", "auditor"},
    "eth_typing": {"chain", "chain_history", "auditor"},
    "eth_keys": {"chain", "chain_history", "auditor"},
    "rlp": set(),
    "trie": {"chain", "chain_history", "auditor"},
    "coincurve": {"chain", "crypto"},
    "cryptography": {"crypto"},
    "Crypto": {"paranoid"},
    "ecdsa": {"crypto", "paranoid"},
    "matplotlib": {"views"},
    "mpyc": {"comparison"},
    "msgpack": {"network"},
    "prometheus_client": {"nodes"},
    "numba": {"simulation"},
    "llvmlite": {"simulation"},
    "gymnasium": {"gym_envs", "mediate"},
    "pettingzoo": {"gym_envs", "mediate"},
    "torch": {"mediate"},
}
PURE = {"protocol", "consensus", "comparison", "attacks"}
NEVER_IN_PURE = {"time", "random", "secrets", "asyncio", "logging", "os", "threading", "socket"}
RANDOM_AS_A_TYPE = "attacks/attack.py"
"""Holds a `random.Random` that the scenario's seed made; it makes none itself."""
PROCESSES = {"comparison/party.py", "comparison/processes.py"}
"""The parties of the secure comparison, which are processes with sockets between them."""

THROUGH_FUNCTIONS = {
    "attacks.attack attacks.seen": "what an attack sees needs numpy, which a node without malice starts without",
}
"""Modules that import each other, one of them in a function, and why."""
PACKAGES_THROUGH_FUNCTIONS = {"game sweeps views": "the game of an agreement writes its page when it has ended"}
"""The same of packages."""

BESIDE = {"benchmarks", "science", "verification", "scripts", "tests"}
"""No part of the wheel."""


def imports(path: Path) -> Iterator[str]:
    """Every module that the file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not getattr(node, "level", 0), f"{path}: relative import"
        yield from _named(node)


def _named(node: ast.AST) -> list[str]:
    """What an import statement names; nothing of another node."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        return [f"{module}{alias.name}" for alias in node.names]
    return []


def _run(node: ast.AST, in_functions: bool) -> Iterator[str]:
    """What a node's statements import when they run: at import alone, or in functions too."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not in_functions:
        return
    yield from _named(node)
    children = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        children = iter(node.orelse)
    for child in children:
        yield from _run(child, in_functions)


def module_graph(root: Path, in_functions: bool = False) -> dict[str, set[str]]:
    """Every module, and the modules of the package that it imports, with the packages that are run before those."""
    paths = {path.relative_to(root).with_suffix("").parts: path for path in root.rglob("*.py")}
    files = {".".join((PACKAGE, *parts)).removesuffix(".__init__"): path for parts, path in paths.items()}
    graph: dict[str, set[str]] = {module: set() for module in files}
    for module, path in files.items():
        for name in _run(ast.parse(path.read_text(encoding="utf-8")), in_functions):
            parts = name.split(".")
            run = [each for end in range(len(parts)) if (each := ".".join(parts[: end + 1])) in files]
            own = [each for each in run[:-1] if _within(module, each)]  # they are being run already
            graph[module] |= {*run} - {*own, module}
    return graph


def package_graph(modules: Mapping[str, Set[str]]) -> dict[str, set[str]]:
    """The packages at the top, and the modules beside them, with what theirs import."""
    graph: dict[str, set[str]] = {}
    for module, imported in modules.items():
        graph.setdefault(_top(module), set()).update({_top(each) for each in imported} - {_top(module)})
    return graph


def _top(module: str) -> str:
    return ".".join(module.split(".")[:2])


def cycles(graph: Mapping[str, Set[str]]) -> set[str]:
    """The strongly connected components of two or more, each as its sorted names."""
    reached = {node: _reached(graph, node) for node in graph}
    found = [sorted(each for each in reached[node] if node in reached[each]) for node in graph]
    return {" ".join(each.removeprefix(f"{PACKAGE}.") for each in component) for component in found if component}


def _reached(graph: Mapping[str, Set[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = graph[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def violations(root: Path) -> tuple[int, list[str]]:
    """How many imports were looked at, and what is wrong with them."""
    seen, wrong = 0, []
    for path in sorted(root.rglob("*.py")):
        where = path.relative_to(root).as_posix()
        home = where.split("/")[0].removesuffix(".py")
        for name in imports(path):
            seen += 1
            if name.split(".")[0] == PACKAGE:
                wrong += [f"{where} imports {name}"] if not _inner_allowed(home, name) else []
            elif not _outer_allowed(where, home, name.split(".")[0]):
                wrong.append(f"{where} imports {name}")
    return seen, wrong


def _inner_allowed(home: str, name: str) -> bool:
    target = name.removeprefix(f"{PACKAGE}.")
    if home == "views":
        return not _within(target, "chain")
    if home not in MAY_IMPORT or _within(target, home):
        return True
    return any(_within(target, allowed) for allowed in MAY_IMPORT[home])


def _within(target: str, package: str) -> bool:
    return target == package or target.startswith(f"{package}.")


def _outer_allowed(where: str, home: str, top: str) -> bool:
    if top in BESIDE:
        return False
    if home in OUTSIDE and top not in sys.stdlib_module_names | OUTSIDE[home]:
        return False
    if home in PURE and top in NEVER_IN_PURE and not _excused(where, top):
        return False
    return top not in ONLY_IN or home in ONLY_IN[top]


def _excused(where: str, top: str) -> bool:
    return where in PROCESSES or (where == RANDOM_AS_A_TYPE and top == "random")


def test_every_import_follows_the_arrows():
    seen, wrong = violations(ROOT)
    assert wrong == []
    assert seen > 250


def test_every_listed_package_exists_so_that_no_rule_is_idle():
    assert [name for name in MAY_IMPORT if not (ROOT / name).is_dir() and not (ROOT / f"{name}.py").is_file()] == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("protocol/x.py", "from chain_bandit.crypto.verify import signer"),
        ("protocol/x.py", "import chain_bandit.stopwatch"),
        ("protocol/x.py", "from chain_bandit import stopwatch"),
        ("views/x.py", "from science.provenance import FIGURES"),
        ("nodes/x.py", "from verification.schedules import play"),
        ("protocol/x.py", "import coincurve"),
        ("protocol/x.py", "import pydantic"),
        ("protocol/x.py", "import numpy as np"),
        ("protocol/rules/x.py", "from numpy.typing import NDArray"),
        ("protocol/x.py", "from time import perf_counter"),
        ("protocol/x.py", "import random"),
        ("crypto/x.py", "from chain_bandit.consensus.evidence import Equivocation"),
        ("comparison/x.py", "from chain_bandit.actors.seat import Seat"),
        ("comparison/x.py", "import socket"),
        ("comparison/session_log.py", "import os"),
        ("append_log.py", "from chain_bandit.chain.journal import Journal"),
        ("comparison/mpc.py", "import asyncio"),
        ("actors/x.py", "from mpyc.runtime import mpc"),
        ("consensus/x.py", "from chain_bandit.actors.seat import Seat"),
        ("consensus/x.py", "import asyncio"),
        ("consensus/x.py", "import logging"),
        ("actors/x.py", "from chain_bandit.attacks.attack import Attack"),
        ("actors/x.py", "from chain_bandit.network.memory import MemoryNetwork"),
        ("attacks/x.py", "from chain_bandit.game.game import Game"),
        ("attacks/x.py", "from random import Random"),
        ("attacks/x.py", "import os.path"),
        ("environments/x.py", "from chain_bandit.actors.environment import Environment"),
        ("network/x.py", "from chain_bandit.attacks.attack import Attack"),
        ("simulation/x.py", "from chain_bandit.consensus.broadcast import Frame"),
        ("chain_history/x.py", "from chain_bandit.crypto.keys import Signer"),
        ("chain_history/x.py", "from chain_bandit.crypto import keys"),
        ("chain_history/x.py", "from chain_bandit.chain.client import Client"),
        ("auditor/x.py", "from chain_bandit.crypto.keys import Signer"),
        ("auditor/x.py", "from chain_bandit.crypto.vrf_keys import VrfKey"),
        ("auditor/x.py", "from chain_bandit.crypto.p256 import P256_TAI"),
        ("auditor/x.py", "from chain_bandit.crypto.seal import seal"),
        ("auditor/x.py", "from chain_bandit.actors.epochs.dealing import deal"),
        ("auditor/x.py", "from chain_bandit.mediate.agreement.additive import joined"),
        ("auditor/x.py", "from chain_bandit.append_log import AppendLogFile"),
        ("protocol/agreement/x.py", "from chain_bandit.mediate.agreement.agreer import Agreer"),
        ("actors/x.py", "import ecdsa"),
        ("auditor/x.py", "from chain_bandit.consensus.certificate import Certificate"),
        ("auditor/x.py", "from web3 import Web3"),
        ("chain/x.py", "from chain_bandit.actors.rules import Rules"),
        ("paranoid/x.py", "from chain_bandit.protocol.units import UNIT"),
        ("paranoid/x.py", "from chain_bandit.protocol.rlp import decode"),
        ("paranoid/x.py", "from chain_bandit.auditor.report import AuditReport"),
        ("paranoid/x.py", "import sha3"),
        ("paranoid/x.py", "from coincurve import PublicKey"),
        ("auditor/x.py", "from Crypto.Hash import keccak"),
        ("views/x.py", "from chain_bandit.chain.client import Client"),
        ("game/x.py", "from web3 import Web3"),
        ("mediate/x.py", "from chain_bandit.actors.rules import Rules"),
        ("mediate/x.py", "from chain_bandit.chain.tokens import Tokens"),
        ("mediate/x.py", "from chain_bandit.actors.epochs.validator import EpochValidator"),
        ("chain/x.py", "from chain_bandit.actors.epochs.validator import EpochValidator"),
        ("simulation/x.py", "import torch"),
        ("cli.py", "import eth_account"),
        ("cli.py", "def f():\n    import rlp"),
        ("game/x.py", "import matplotlib.pyplot"),
    ],
)
def test_a_planted_import_is_reported_when_it_crosses_an_arrow(tmp_path, file, line):
    planted = tmp_path / file
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(f"import dataclasses\n{line}\n")
    seen, wrong = violations(tmp_path)
    assert seen == 2
    assert len(wrong) == 1
    assert wrong[0].startswith(file)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("protocol/x.py", "from chain_bandit.protocol.units import UNIT"),
        ("attacks/attack.py", "import random"),
        ("comparison/party.py", "import socket"),
        ("auditor/x.py", "from chain_bandit.crypto.verify import Verifier"),
        ("auditor/x.py", "from chain_bandit.crypto.vrf import verify"),
        ("views/x.py", "from matplotlib.figure import Figure"),
        ("game/x.py", "from chain_bandit.chain.client import Client"),
    ],
)
def test_an_import_is_not_reported_when_it_follows_an_arrow(tmp_path, file, line):
    planted = tmp_path / file
    planted.parent.mkdir()
    planted.write_text(f"{line}\n")
    assert violations(tmp_path) == (1, [])


def test_no_modules_and_no_packages_import_each_other():
    modules = module_graph(ROOT)
    assert cycles(modules) == cycles(package_graph(modules)) == set()
    assert len(modules) > 250


def test_modules_that_import_each_other_in_functions_are_those_listed():
    modules = module_graph(ROOT, in_functions=True)
    assert cycles(modules) == THROUGH_FUNCTIONS.keys()
    assert cycles(package_graph(modules)) == PACKAGES_THROUGH_FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("files", "at_import", "anywhere", "packages"),
    [
        ({"a/x.py": "from chain_bandit.b import y", "b/y.py": "import chain_bandit.a.x"}, "a.x b.y", "a.x b.y", "a b"),
        ({"x.py": "import chain_bandit.y", "y.py": "def f():\n    from chain_bandit import x"}, "", "x y", ""),
        ({"x.py": "import chain_bandit.y", "y.py": "if TYPE_CHECKING:\n    from chain_bandit import x"}, "", "", ""),
        (
            {"a/x.py": "import chain_bandit.b.y", "b/z.py": "import chain_bandit.a.w", "a/w.py": "", "b/y.py": ""},
            "", "", "a b",
        ),
        (  # the package a is run before a.w
            {"a/__init__.py": "import chain_bandit.a.x", "a/x.py": "import chain_bandit.b", "a/w.py": "",
             "b.py": "from chain_bandit.a import w"},
            "a a.x b", "a a.x b", "a b",
        ),
        (
            {"a/__init__.py": "import chain_bandit.a.x", "a/x.py": "from chain_bandit.a import Name"},
            "a a.x", "a a.x", "",
        ),
    ],
)  # fmt: skip
def test_a_planted_cycle_is_found(tmp_path, files, at_import, anywhere, packages):
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    graph = module_graph(tmp_path)
    assert cycles(graph) == {at_import} - {""}
    assert cycles(module_graph(tmp_path, in_functions=True)) == {anywhere} - {""}
    assert cycles(package_graph(graph)) == {packages} - {""}


def loaded_after(statement: str, *modules: str) -> str:
    """Which of the modules a fresh interpreter has loaded after the statement."""
    code = f"import sys; {statement}; print(*(m for m in {modules!r} if m in sys.modules))"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_the_package_loads_no_heavy_library():
    assert loaded_after("import chain_bandit", "web3", "matplotlib", "pyarrow", "eth_tester", "pydantic") == ""


def test_importing_the_auditor_loads_neither_keys_nor_actors():
    loaded = loaded_after(
        "import chain_bandit.audits, chain_bandit.views.terminal",
        "chain_bandit.crypto.keys", "chain_bandit.crypto.seal", "chain_bandit.actors.seat",
        "web3", "eth_account", "eth", "numba",
    )  # fmt: skip
    assert loaded == ""


def test_importing_the_auditor_of_agreements_loads_nothing_of_the_engine_that_makes_them():
    assert loaded_after("import chain_bandit.auditor.agreement", "chain_bandit.mediate", "chain_bandit.consensus") == ""


def test_a_node_loads_nothing_that_takes_seconds():
    """It must send again within five of its restart, and a game has many."""
    heavy = ("web3", "eth_account", "py_ecc", "eth_tester", "requests", "numpy", "pyarrow", "numba", "typer.rich_utils")
    assert loaded_after("import chain_bandit.cli, chain_bandit.nodes.start", *heavy) == ""


def test_games_to_be_read_tokens_and_their_exchange_take_numpy_alone():
    loaded = loaded_after(
        "import pkgutil, chain_bandit.mediate as room\n"
        "for found in pkgutil.walk_packages(room.__path__, room.__name__ + '.'):\n"
        "    if not any(part in found.name for part in ('parallel', 'learners', '.stack')): __import__(found.name)\n"
        "import chain_bandit.mediate.stacked_exchange, chain_bandit.mediate.stacked_token_rule",
        "gymnasium", "pettingzoo", "torch", "numba", "scipy",
    )  # fmt: skip
    assert loaded == ""


def test_verifying_a_live_proof_loads_neither_keys_nor_the_slow_curves():
    loaded = loaded_after(
        "import chain_bandit.crypto.secp256k1",
        "chain_bandit.crypto.keys", "chain_bandit.crypto.vrf_keys", "chain_bandit.crypto.p256", "ecdsa",
    )  # fmt: skip
    assert loaded == ""


def test_a_loaded_library_is_reported_when_there_is_one():
    assert loaded_after("import json, rlp", "web3", "rlp") == "rlp"
