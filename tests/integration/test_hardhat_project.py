"""The repository as a Hardhat project: build, test and node work offline, and a failing test is not hidden."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from chain_bandit.chain.development import CHAIN_ID
from chain_bandit.chain.http_node import HttpNode
from tests.integration.nodes import ROOT

NPX = [str(Path(sys.executable).with_name("npx")), "--offline", "hardhat"]
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}


def hardhat(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NPX, *map(str, arguments)], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip


def test_build_gives_the_shipped_bytecode_and_the_tests_pass() -> None:
    assert hardhat("build").returncode == 0
    shipped = json.loads((ROOT / "chain_bandit/chain/artifacts/ChainBandit.json").read_text())
    before = ""
    for module in [*shipped["modules"], {"name": "Game", "bytecode": shipped["bytecode"], "address": "0x"}]:
        name = module["name"]
        built = json.loads((ROOT / f"hardhat-artifacts/contracts/{name}.sol/{name}.json").read_text())
        assert module["bytecode"] == built["bytecode"] + before, name  # the last word is the module before it
        before = module["address"].removeprefix("0x").rjust(64, "0")
        interface = [entry for entry in built["abi"] if entry["type"] != "constructor"]
        assert name == "Bookkeeper" or all(entry in shipped["abi"] for entry in interface), name
    result = hardhat("test")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"\b1 passing", result.stdout)


def test_a_planted_failure_goes_red(tmp_path: Path) -> None:
    planted = tmp_path / "planted.test.mjs"
    planted.write_text("import { test } from 'node:test'; test('x', () => { throw new Error('planted'); });")
    assert hardhat("test", "nodejs", "--no-compile", planted).returncode == 1


def test_node_is_the_chain_that_run_starts() -> None:
    node = subprocess.Popen(
        [*NPX, "node", "--hostname", "127.0.0.1", "--port", "0"], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert node.stdout is not None
        line = next(line for line in node.stdout if "server at" in line)
        url = re.search(r"http://\S+", line)
        assert url is not None
        assert HttpNode(url[0].rstrip("/")).chain_id == CHAIN_ID
    finally:
        os.killpg(node.pid, signal.SIGKILL)
        node.communicate()
