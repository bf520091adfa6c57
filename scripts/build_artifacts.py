"""Build of the shipped artifacts from `contracts/`; with `--check`, a comparison that exits 1 on a difference.

With `--verification FOLDER` it writes what a verifier of source code takes: of each contract the standard JSON input of
the compiler, and the metadata.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import solcx
from pyrevm import EVM, AccountInfo, CfgEnv, Env

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.create2 import PROXY, PROXY_CODE, SALT

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "chain_bandit" / "chain" / "artifacts"
COMPILER = ROOT / "scripts" / "solc.mjs"
SETTINGS = ROOT / "contracts" / "settings.json"
CONTRACTS = {
    "contracts/Bookkeeper.sol": "Bookkeeper",
    "contracts/ChainBandit.sol": "ChainBandit",
    "contracts/Game.sol": "Game",
    "contracts/Tokens.sol": "Tokens",
}
GAME, CREATION, TOKENS = "ChainBandit.json", "contracts/Game.sol", "contracts/Tokens.sol"
MODULES = ("contracts/Bookkeeper.sol", "contracts/ChainBandit.sol")
"""Shared by all games of a chain; the constructor of each but the first takes the address of the one before it."""

ARTIFACTS = {GAME: (*MODULES, CREATION), "Tokens.json": (TOKENS,)}
"""The files that are shipped, and the contracts in each."""

CLONE = bytes.fromhex("363d3d373d3d3d363d73{}5af43d82803e903d91602b57fd5bf3".format("00" * 20))
"""The code of a clone with arguments (solady's `LibClone`), its implementation zero."""
TERMS_BYTES = 56 * 32
"""Of what the code of a game ends with."""
OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]
IMPORT = re.compile(r'^import [^;]*?"([^"]+)";', re.MULTILINE)


NOBODY = "0x" + "11" * 20


class CompilerWarning(Exception):
    """The compiler reports a problem of the contracts: a warning fails the build as an error does."""


def sources(root: Path = ROOT) -> dict[str, dict[str, str]]:
    """Every contract under `root` and whatever they import, by source unit name; libraries come from npm."""
    found: dict[str, dict[str, str]] = {}
    pending = [path.relative_to(root).as_posix() for path in sorted((root / "contracts").rglob("*.sol"))]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        text = (root / name if name.startswith("contracts/") else ROOT / "node_modules" / name).read_text()
        found[name] = {"content": text}
        pending += imported(name, text)
    return dict(sorted(found.items()))


def imported(name: str, text: str) -> list[str]:
    """The source unit names of what a source imports."""
    folder = Path(name).parent
    return [
        os.path.normpath(folder / target).replace(os.sep, "/") if target.startswith(".") else target
        for target in IMPORT.findall(text)
    ]


def compile_named(asked: dict[str, Any]) -> dict[str, Any]:
    """What npm's solc under the environment's Node makes of a standard JSON input. Raises `CompilerWarning`."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    output: dict[str, Any] = solcx.compile_standard(asked, solc_binary=COMPILER)
    if output.get("errors"):
        raise CompilerWarning("".join(error["formattedMessage"] for error in output["errors"]))
    return output


def compile_standard(asked: dict[str, Any]) -> dict[str, Any]:
    """The same as Hardhat makes of it, to the byte; sources are named as they are here. Raises `CompilerWarning`."""
    output = compile_named(as_hardhat(asked))
    for part in ("sources", "contracts"):
        output[part] = {our_name(name): value for name, value in output.get(part, {}).items()}
    return output


@cache
def packages() -> dict[str, str]:
    """npm packages that contracts import from, by what the imports begin with, and what Hardhat calls them."""
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    return {f"{name}/": f"npm/{name}@{pinned[name]}/" for name in ("@openzeppelin/contracts", "solady")}


def as_hardhat(asked: dict[str, Any]) -> dict[str, Any]:
    """The same input with Hardhat's names of the sources: their order decides where the optimizer puts what."""
    settings = dict(asked["settings"])
    settings["remappings"] = [f"project/:{ours}={theirs}" for ours, theirs in packages().items()]
    settings["outputSelection"] = {
        hardhat_name(name): value for name, value in settings.get("outputSelection", {}).items()
    }
    sources = {hardhat_name(name): unit for name, unit in asked["sources"].items()}
    return asked | {"sources": dict(sorted(sources.items())), "settings": settings}


def hardhat_name(name: str) -> str:
    """What Hardhat calls a source."""
    for ours, theirs in packages().items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name if name == "*" else f"project/{name}"


def our_name(name: str) -> str:
    """What an import, or a path in the repository, calls a source that Hardhat names."""
    for ours, theirs in packages().items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name.removeprefix("project/")


def question(root: Path = ROOT) -> dict[str, Any]:
    """The standard JSON input that the shipped artifact is the answer to."""
    selection = {"outputSelection": {file: {name: OUTPUTS} for file, name in CONTRACTS.items()}}
    return {"language": "Solidity", "sources": sources(root), "settings": json.loads(SETTINGS.read_text()) | selection}


@cache
def compile_all() -> dict[str, dict[str, Any]]:
    """The artifacts of all contracts by file name, freshly compiled."""
    output = compile_standard(question())
    return {name: artifact(output, name) for name in ARTIFACTS}


def artifact(output: dict[str, Any], name: str) -> dict[str, Any]:
    """What a shipped file holds, of a compiler's output."""
    if name != GAME:
        return shipped(output, TOKENS)
    modules = list(shared(output))
    implementation = bytes.fromhex(modules[-1]["address"][2:])
    created, interface = output["contracts"][CREATION]["Game"], output["contracts"][MODULES[-1]]["ChainBandit"]["abi"]
    (constructor,) = (entry for entry in created["abi"] if entry["type"] == "constructor")
    constructor["inputs"] = constructor["inputs"][1:]  # the implementation, which the bytecode ends with here
    errors = [entry for entry in created["abi"] if entry["type"] == "error" and entry not in interface]
    clone = CLONE.replace(bytes(20), implementation) + bytes(TERMS_BYTES)
    return {
        "abi": [constructor, *(entry for entry in interface if entry["type"] != "constructor"), *errors],
        "bytecode": "0x" + created["evm"]["bytecode"]["object"] + implementation.rjust(32, b"\0").hex(),
        "compiler": compiler_version(),
        "deployedBytecode": "0x" + clone.hex(),
        "immutableReferences": [[len(CLONE), TERMS_BYTES]],
        "modules": modules,
        "settings": json.loads(SETTINGS.read_text()),
    }


def shared(output: dict[str, Any]) -> Iterator[dict[str, str]]:
    """The code that all games share: what creates it, where that puts it, and what is there then."""
    any_size = Env(cfg=CfgEnv(limit_contract_code_size=2**20))  # mutants are longer than what ships
    chain, before = EVM(env=any_size, spec_id="CANCUN"), b""
    chain.insert_account_info(checksummed(PROXY), AccountInfo(nonce=1, code=PROXY_CODE))
    chain.set_balance(NOBODY, 10**20)
    for file in MODULES:
        creation = bytes.fromhex(output["contracts"][file][CONTRACTS[file]]["evm"]["bytecode"]["object"]) + before
        address = bytes(chain.message_call(NOBODY, checksummed(PROXY), calldata=SALT + creation))
        yield {
            "name": CONTRACTS[file],
            "address": "0x" + address.hex(),
            "bytecode": "0x" + creation.hex(),
            "deployedBytecode": "0x" + code_of(chain, address).hex(),
        }
        before = address.rjust(32, b"\0")


def code_of(chain: EVM, address: bytes) -> bytes:
    """The code at an address, without what revm puts behind code that it has run."""
    code = chain.get_code(checksummed(address))
    assert code is not None
    return bytes(code).removesuffix(bytes(33))


def shipped(output: dict[str, Any], file: str) -> dict[str, Any]:
    """What the package ships of one contract."""
    contract = output["contracts"][file][CONTRACTS[file]]
    return {
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "compiler": compiler_version(),
        **deployed(contract),
        "settings": json.loads(SETTINGS.read_text()),
    }


def deployed(contract: dict[str, Any]) -> dict[str, Any]:
    """Code on chain, and where deployment fills in values."""
    code = contract["evm"]["deployedBytecode"]
    return {"deployedBytecode": "0x" + code["object"], "immutableReferences": list(merged(code["immutableReferences"]))}


def verification(name: str) -> dict[str, Any]:
    """A standard JSON input that gives a contract's shipped code, and its metadata, with the compiler alone."""
    asked = as_hardhat(question())
    (target,) = (hardhat_name(file) for file, each in CONTRACTS.items() if each == name)
    needed, pending = set[str](), [target]
    while pending:
        source = pending.pop()
        if source not in needed:
            needed.add(source)
            pending += map(hardhat_name, imported(our_name(source), asked["sources"][source]["content"]))
    outputs = ["abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode.object"]
    return asked | {
        "sources": {source: asked["sources"][source] for source in sorted(needed)},
        "settings": asked["settings"] | {"outputSelection": {target: {name: outputs}}},
    }


def write_verification(folder: Path) -> None:
    """Write what a verifier of source code takes: `NAME.input.json` and `NAME.metadata.json` of each contract."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in CONTRACTS.values():
        asked = verification(name)
        ((compiled,),) = (each.values() for each in compile_named(asked)["contracts"].values())
        (folder / f"{name}.input.json").write_text(json.dumps(asked, indent=1) + "\n")
        (folder / f"{name}.metadata.json").write_text(compiled["metadata"])


@cache
def compiler_version() -> str:
    return str(solcx.wrapper.get_solc_version(COMPILER, with_commit_hash=True))


def storage_layouts() -> dict[str, list[dict[str, Any]]]:
    """Of each contract every variable that it keeps: label, type, slot and offset in it, structs unfolded."""
    asked = question()
    asked["settings"]["outputSelection"] = {file: {name: ["storageLayout"]} for file, name in CONTRACTS.items()}
    compiled = compile_standard(asked)["contracts"]
    return {name: storage_layout(compiled[file][name]["storageLayout"]) for file, name in CONTRACTS.items()}


def storage_layout(layout: dict[str, Any]) -> list[dict[str, Any]]:
    """One contract's."""
    types = layout["types"]

    def unfolded(variables: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {
                "label": variable["label"],
                "type": types[variable["type"]]["label"],
                "slot": int(variable["slot"]),
                "offset": variable["offset"],
            }
            | ({"members": unfolded(members)} if (members := types[variable["type"]].get("members")) else {})
            for variable in variables
        ]

    return unfolded(layout["storage"])


def merged(references: dict[str, list[dict[str, int]]]) -> list[list[int]]:
    """All (start, length) that deployment fills in, ascending; whose they are does not matter."""
    return sorted([place["start"], place["length"]] for places in references.values() for place in places)


def canonical(artifact: dict[str, Any]) -> str:
    """The only text of an artifact."""
    return json.dumps(artifact, sort_keys=True, separators=(",", ":")) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the shipped files instead of writing them")
    parser.add_argument("--folder", type=Path, default=SHIPPED, help="of the files to write or to compare with")
    parser.add_argument("--verification", type=Path, metavar="FOLDER", help="write inputs and metadata there instead")
    options = parser.parse_args(arguments)
    if options.verification:
        write_verification(options.verification)
        return 0
    other = 0
    for name, made in compile_all().items():
        fresh, file = canonical(made), options.folder / name
        if not options.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(fresh)
            print(f"{name}: {(len(made['deployedBytecode']) - 2) // 2} bytes deployed")
        elif not file.is_file() or file.read_text() != fresh:
            print(f"{name} is not what contracts/ compiles to: run scripts/build_artifacts.py")
            other = 1
    return other


if __name__ == "__main__":
    sys.exit(main())
