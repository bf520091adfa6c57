"""Bundle of the browser verifier: built by esbuild, and asked in a process of Node."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chain_bandit.protocol.aggregation import candidates
from chain_bandit.protocol.rule import Agreed
from chain_bandit.protocol.ruleset import RuleChoice

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "verify.html"
"""The page as it is committed."""


def build(page: Path, module: Path | None = None) -> None:
    """Write the page, and the same checks as a module for Node. Raises `CalledProcessError` where it does not build."""
    subprocess.run(["node", HERE / "build.mjs", page, *([module] if module else [])], check=True)


class BrowserVerifier:
    """The bundle's checks in a process of Node, one file after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def verdict(self, file: Path, head: bytes | None = None) -> dict[str, Any]:
        """The page's result for a file; with the last block's hash if somebody kept it."""
        return self._answer([str(file), f"0x{head.hex()}" if head else None])

    def rules(self, choices: Iterable[RuleChoice], agreed: Agreed, liars: int) -> dict[str, Any]:
        """What rules give of a round: `selected`, `means` where they are not those over the selected, `worth`, and what
        reports would say of these estimators, `said`."""
        return self._answer({
            "rules": [(each.kind.name.lower(), {
                "name": each.name, "version": each.version, "options": dict(each.options), "foreign": False,
            }) for each in choices],
            "liars": liars, "reports": [*agreed.reports.items()], "seed": f"0x{agreed.seed.hex()}",
            "candidates": [sorted(candidates(agreed.bits, arm)) for arm in range(len(agreed.pulls))],
            "pulls": agreed.pulls, "inForce": agreed.means,
        })  # fmt: skip

    def _answer(self, question: object) -> dict[str, Any]:
        asked, said = self._process.stdin, self._process.stdout
        assert asked
        assert said
        print(json.dumps(question), file=asked, flush=True)
        line = said.readline()
        assert line, "the verifier has ended"
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def verifier() -> Iterator[BrowserVerifier]:
    """A verifier of the sources as they are."""
    with TemporaryDirectory() as place:
        module = Path(place) / "verifier.mjs"
        build(Path(place) / "verify.html", module)
        with subprocess.Popen(["node", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield BrowserVerifier(process)
            assert process.stdin
            process.stdin.close()
