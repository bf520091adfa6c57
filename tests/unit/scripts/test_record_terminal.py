"""A recorded terminal shows the commands and what these print; the README's is of commands as they are."""

from pathlib import Path
from subprocess import CalledProcessError
from xml.etree import ElementTree

import pytest

from chain_bandit.cli.listing import ListedKind, listed
from chain_bandit.views.phrases import SECTIONS
from scripts.record_terminal import printed, recorded

README = Path(__file__).parents[3] / "docs" / "figures" / "terminal.svg"


def lines(picture: str) -> list[str]:
    """The lines that a picture shows; a change of colour begins another text on the same line."""
    found: dict[str, str] = {}
    for each in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text"):
        at = each.get("clip-path", "")
        found[at] = found.get(at, "") + (each.text or "").replace("\N{NO-BREAK SPACE}", " ")
    return [line.rstrip() for at, line in found.items() if at]


def test_a_command_is_recorded_as_a_terminal_shows_it() -> None:
    picture = recorded(["chain-bandit list rules", "chain-bandit --version"])
    shown = lines(picture)
    assert shown[0] == "$ chain-bandit list rules"
    assert shown[-2].strip() == "$ chain-bandit --version"
    assert all(any(line.startswith(name) for line in shown) for name in listed(ListedKind.RULES))
    assert max(map(len, shown)) <= 80
    assert "bold" in picture
    assert "url('http" not in picture


def test_the_first_lines_alone_are_recorded_and_end_in_an_ellipsis() -> None:
    assert lines(recorded(["printf 'a\\nb\\nc'"], lines=3))[1:] == ["a", "b", "\N{HORIZONTAL ELLIPSIS}"]


def test_a_command_sees_a_terminal_of_the_width_that_is_asked_for() -> None:
    assert printed("stty -F /dev/stdout size", 100).split() == ["40", "100"]


def test_a_command_that_fails_is_not_recorded() -> None:
    with pytest.raises(CalledProcessError, match="'chain-bandit show nowhere' returned non-zero exit status 2"):
        recorded(["chain-bandit show nowhere"])


def test_the_readmes_picture_is_of_the_demo_as_it_is() -> None:
    shown = lines(README.read_text(encoding="utf-8"))
    assert shown[0] == "$ chain-bandit demo"
    assert SECTIONS["conduct"] in shown
