"""The page on the export says what the code does: its keys, its numbers, and the program that it prints."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chain_bandit.chain.bounded_response import MOST_BYTES, MOST_ITEMS
from chain_bandit.chain.remote import TIMEOUT
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import FORMAT, LAST_BLOCK, ContractOrigin, RawBlock
from chain_bandit.chain_history.evm import HEADER_FIELDS
from chain_bandit.chain_history.resumable_download import partial_of
from chain_bandit.game import folder
from chain_bandit.game.run import run
from chain_bandit.protocol import rlp
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests.integration.nodes import ROOT, SMALL

PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run")
    run(load(SMALL), place, lambda moment: None, Stopwatch())
    return place


def printed(path: Path) -> "subprocess.CompletedProcess[str]":
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    return subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)


def test_the_page_has_every_key_and_no_other() -> None:
    keys = re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)
    lines = files.origin_line(ContractOrigin(1, bytes(20), 1)), files.block_line(RawBlock(b"", (), ()))
    assert sorted(keys) == sorted(key for line in lines for key in json.loads(line))


def test_the_page_has_the_numbers_of_the_code() -> None:
    for told in (
        FORMAT, f"at most {files.MAX_LINE:,} bytes", f"more than {files.MAX_RATIO} times",
        f"{files.MOST_ITEMS:,} transactions, receipts and bodies",
        f"of more than {rlp.LONGEST:,} bytes or {rlp.MOST_ITEMS:,} parts",
        f"an integer below 2^{LAST_BLOCK.bit_length()} |",
        f"{len(HEADER_FIELDS)} through", f"larger than {MOST_BYTES >> 20} MiB",
        f"of more than {MOST_ITEMS:,} items", f"slower than {TIMEOUT:.0f} seconds",
        partial_of(Path("game.jsonl.gz")).name,
    ):  # fmt: skip
        assert told in PAGE


def test_the_program_of_the_page_finds_the_head_without_this_project(played: Path) -> None:
    result = printed(played / folder.HISTORY)
    assert result.returncode == 0, result.stderr
    manifest = folder.read_manifest(played)
    assert result.stdout.split()[1] == manifest["head"]


@pytest.mark.parametrize("key", ["header", "transactions", "receipts"])
def test_the_program_of_the_page_notices_a_changed_byte(played: Path, tmp_path: Path, key: str) -> None:
    first, *lines = gzip.decompress((played / folder.HISTORY).read_bytes()).splitlines(keepends=True)
    block = json.loads(lines[4])
    text = block[key] if key == "header" else block[key][0]
    lines[4] = lines[4].replace(text.encode(), (text[:-1] + ("0" if text[-1] != "0" else "1")).encode())
    (tmp_path / "changed.gz").write_bytes(gzip.compress(b"".join([first, *lines])))
    assert "AssertionError" in printed(tmp_path / "changed.gz").stderr
