"""Bundle of the browser verifier: built by esbuild, and asked in a process of Node."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "verify.html"
"""The page as it is committed."""


def build(page: Path, module: Path | None = None) -> None:
    """Write the page, and the same checks as a module for Node. Raises `CalledProcessError` where it does not build."""
    subprocess.run(["node", HERE / "build.mjs", page, *([module] if module else [])], check=True)


class Verifier:
    """The bundle's checks in a process of Node, one file after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def verdict(self, file: Path, head: bytes | None = None) -> dict[str, Any]:
        """The page's result for a file; with the last block's hash if somebody kept it."""
        asked, said = self._process.stdin, self._process.stdout
        assert asked
        assert said
        print(json.dumps([str(file), f"0x{head.hex()}" if head else None]), file=asked, flush=True)
        line = said.readline()
        assert line, "the verifier has ended"
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def verifier() -> Iterator[Verifier]:
    """A verifier of the sources as they are."""
    with TemporaryDirectory() as place:
        module = Path(place) / "verifier.mjs"
        build(Path(place) / "verify.html", module)
        with subprocess.Popen(["node", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield Verifier(process)
            assert process.stdin
            process.stdin.close()
