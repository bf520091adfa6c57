"""The browser verifier, which shares no code with the audit, is told the same lies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_bandit.chain_history import files
from tests.unit.audit.planted import LIES
from tests.unit.audit.test_planted_violations import forgery
from verification.browser.bundle import Verifier, verifier


@pytest.fixture(scope="module")
def page() -> Iterator[Verifier]:
    with verifier() as found:
        yield found


@pytest.mark.parametrize("name", LIES)
def test_every_lie_is_found_by_the_page(
    name: str, page: Verifier, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    told = LIES[name]
    if told.script is None:
        made = forgery(request.getfixturevalue(told.of))
        told.forge(made)
        history = made.made()
    else:
        history = told.script().history
    files.write(history, tmp_path / "history.jsonl")
    result = page.verdict(tmp_path / "history.jsonl")
    assert (result["verdict"] == "violated") == bool(told.fails), [
        check for check in result["checks"] if check["tally"]["failed"] or check["tally"]["open"]
    ]
