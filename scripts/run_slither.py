"""Slither over `contracts/`, in its own environment, on what npm's solc makes of them; exit 1 on any finding.

slither needs web3 < 8, so it lives in `.venv-slither`, set up from `scripts/slither.lock`. It is handed the compiler's
output in the shape of Hardhat's build info, since it cannot call a compiler that only accepts standard JSON.
A finding is fixed, or answered beside the code: `// slither-disable-next-line DETECTOR -- why`. An answer to nothing
is a finding too. `naming-convention` is left out (`scripts/slither.json`): naming is solhint's.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts.build_artifacts import SETTINGS, compile_named, sources

ROOT = Path(__file__).resolve().parent.parent
SLITHER = ROOT / ".venv-slither" / "bin" / "slither"
OUTPUTS = ["abi", "userdoc", "devdoc", "evm.bytecode", "evm.deployedBytecode"]
ANALYZED = re.compile(r"analyzed \((\d+) contracts with (\d+) detectors\)")
LEAST_DETECTORS = 90
"""slither 0.11.6 has 101 of them; a run with far fewer is no run."""


def build_info(units: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The compiler's input and output."""
    settings = json.loads(SETTINGS.read_text()) | {"outputSelection": {"*": {"*": OUTPUTS, "": ["ast"]}}}
    question = {"language": "Solidity", "sources": units, "settings": settings}
    return {"solcVersion": "0.8.30", "input": question, "output": compile_named(question)}


def findings(root: Path) -> list[str]:
    """Findings of slither on `root`/contracts. RuntimeError when it did not look."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "build-info" / "contracts.json"
        target.parent.mkdir()
        target.write_text(json.dumps(build_info(sources(root))))
        said = Path(folder) / "findings.json"
        command: list[str | Path] = [
            SLITHER, ".", "--config-file", ROOT / "scripts" / "slither.json", "--disable-color", "--json", said,
            "--compile-force-framework", "Hardhat", "--hardhat-artifacts-directory", folder,
            "--ignore-compile", "--npx-disable", "--warn-unused-ignores",
        ]  # fmt: skip
        run = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
        analyzed = ANALYZED.search(run.stderr)
        if analyzed is None or int(analyzed[1]) == 0 or int(analyzed[2]) < LEAST_DETECTORS or not said.is_file():
            raise RuntimeError(run.stdout + run.stderr)
        results = json.loads(said.read_text())["results"].get("detectors", [])
    found = [line for result in results for line in lines(result)]
    print(f"slither: {analyzed[1]} contracts, {analyzed[2]} detectors, {len(found)} findings")
    return found


def lines(result: dict[str, Any]) -> list[str]:
    """One finding, or every answer of ours (not of a library) that answers nothing."""
    if result["check"] != "unused-ignore-directive":
        return [f"{result['check']}: {result['description']}"]
    stale = {(answer["file"], answer["line"]) for answer in result["unused_ignores"]}
    return [f"unused answer: {file}#{line}" for file, line in sorted(stale) if "node_modules" not in file]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder that holds contracts/")
    found = findings(parser.parse_args(arguments).root.resolve())
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
