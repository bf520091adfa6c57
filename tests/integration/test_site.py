"""The documentation site: built without a warning, searchable, with reference pages on all that the code has."""

import re
import subprocess
from pathlib import Path

import pytest
from web3 import Web3

import chain_bandit as cb
from chain_bandit import rule_api, testing
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.auditor.catalogue import CHECKS
from chain_bandit.cli.listing import ListedKind, listed
from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.protocol.units import MAX_ARMS, MAX_PARTICIPANTS
from scripts import build_site, reference_pages

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    return reference_pages.pages()


def without_description(models: dict[str, type]) -> list[str]:
    """Keys that the page could say nothing about."""
    return [
        f"{title} {name}"
        for title, model in models.items() for name, field in model.model_fields.items() if not field.description
    ]  # fmt: skip


def test_every_scenario_key_has_a_description_and_a_row(reference: dict[str, str]) -> None:
    assert without_description(dict(reference_pages.MODELS)) == []
    for model in reference_pages.MODELS.values():
        for name in set(model.model_fields) - {"folder"}:
            assert re.search(rf"^\| `{name}` \| \S", reference["scenario"], flags=re.MULTILINE), name
    row = next(line for line in reference["scenario"].splitlines() if line.startswith("| `bound_ms` |"))
    assert row.endswith("see [nodes.md](../nodes.md) | ms | `500` | ≥ 1, ≤ 600,000 |")
    for key, kept in {
        "participants": f"M <= {MAX_PARTICIPANTS} (on chain)", "rewards": f"K <= {MAX_ARMS} (on chain)",
        "rounds": "T * (chain.skip_deadline + 4) < 2^32", "attackers": "M >= 2f + m + 1", "validators": "2m + 1 <= N",
    }.items():  # fmt: skip
        row = next(line for line in reference["scenario"].splitlines() if line.startswith(f"| `{key}` |"))
        assert kept in row.split(" | ")[4], row


def test_a_key_without_a_description_is_found() -> None:
    class Planted(reference_pages.scenarios.Strict):
        """A model."""

        silent: int = 0

    assert without_description({"here": Planted}) == ["here silent"]


def test_reference_pages_name_all_that_the_code_has(reference: dict[str, str]) -> None:
    for page, names in {
        "attacks": ATTACKS, "checks": CHECKS, "rules": listed(ListedKind.RULES),
        "environments": listed(ListedKind.ENVIRONMENTS), "examples": listed(ListedKind.EXAMPLES),
    }.items():  # fmt: skip
        assert re.findall(r"^\| `(.+?)` \|", reference[page], flags=re.MULTILINE) == list(names), page
    assert re.findall(r"^\| (\d+) \|", reference["exit-codes"], flags=re.MULTILINE) == list(map(str, EXIT_CODES))
    assert re.findall(r"^## (\w+)$", reference["api"], flags=re.MULTILINE) == cb.__all__
    for page, names in {"rule-api": rule_api.__all__, "testing": testing.__all__}.items():
        assert re.findall(r"^## (\w+)$", reference[page], flags=re.MULTILINE) == list(names)
    commands = re.findall(r"^## chain-bandit (.+)$", reference["cli"], flags=re.MULTILINE)
    assert {"run", "audit", "list", "new scenario", "mediate chain"} <= set(commands)


def test_every_class_that_the_api_returns_is_in_the_reference(reference: dict[str, str]) -> None:
    """Of the functions here again, by the text of their annotations."""
    sections = re.findall(r"^## (\w+)$", reference["api"] + reference["results"], flags=re.MULTILINE)
    functions = [getattr(cb, name) for name in cb.__all__ if not isinstance(getattr(cb, name), type)]
    names = {str(getattr(each, "__name__", each)) for each in (get.__annotations__["return"] for get in functions)}
    assert names - set(sections) == {"Mapping", "Callable"}
    assert {"AuditReport", "History", "IntervalEstimate", "Measured", "BanditEnv", "ReportingEnv"} <= set(sections)


def test_the_page_of_the_contract_has_every_entry_of_the_interface_and_what_its_source_says(
    reference: dict[str, str],
) -> None:
    page = reference["contract"]
    for contract in ("ChainBandit", "Tokens"):
        entries = [each for each in reference_pages.abi(contract) if each["type"] != "constructor"]
        assert len(entries) > 30
        for entry in entries:
            assert f"| `{reference_pages.declared(entry)}` | `{reference_pages.key(entry)}` |" in page
    assert "| `nextRound() → uint32` | `0x47e40553` | reads | The open round;" in page
    topic = Web3.keccak(text="Recorded(uint32,uint8,bytes32)").hex()
    assert f"| `Recorded(uint32 round, uint8 kind, bytes32 head)` | `0x{topic}` | Rounds up to `round`," in page
    assert re.search(r"`acquit\(\(uint16 seat, bytes32 parent, .*\)\)` \| `0xb89cd820` \| changes \| Shows that", page)


def test_the_page_for_explorers_lists_every_event_once() -> None:
    page = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    table = page.partition("| event | says |")[2].partition("\n\n")[0]
    cells = (line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `"))
    listed = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    events = [entry["name"] for entry in reference_pages.abi("ChainBandit") if entry["type"] == "event"]
    assert sorted(listed) == sorted(events)


def test_a_function_of_which_the_sources_say_nothing_stops_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {"type": "event", "name": "Silent", "inputs": []}
    monkeypatch.setattr(reference_pages, "abi", lambda contract: [planted])
    with pytest.raises(KeyError, match="Silent"):
        reference_pages.pages()


def test_help_of_every_command_fits_80_columns(reference: dict[str, str]) -> None:
    assert [line for line in reference["cli"].splitlines() if len(line) > 80 and not line.startswith("#")] == []


def test_the_index_links_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("notebooks/*.ipynb")]
    linked = {(ROOT / "docs" / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", index)}
    assert {page.name for page in pages if page.name != "index.md" and page not in linked} == set()
    generated = {target.stem for target in linked if target.parent.name == "reference"}
    assert generated == reference_pages.pages().keys()


def test_what_git_does_not_keep_is_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("docs/decisions/0001-kept.md", "docs/decisions/0002-draft.md", "docs/notes/draft.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# A page\n", encoding="utf-8")
    for command in (["init", "-q"], ["add", "docs/decisions/0001-kept.md"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(build_site, "ROOT", tmp_path)
    assert build_site.tracked("*.md") == [Path("docs/decisions/0001-kept.md")]
    assert "0001-kept" in build_site.decisions()
    assert "draft" not in build_site.decisions()


def test_the_site_is_built_without_a_warning_and_can_be_searched(tmp_path: Path) -> None:
    build_site.lay_out(tmp_path / "source")
    build_site.build(tmp_path / "source", tmp_path / "site", quick=True)
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    for part in ("Tutorials", "How-to", "Reference", "Explanation"):
        assert f">{part}</span>" in index
    found = (tmp_path / "site" / "searchindex.js").read_text(encoding="utf-8")
    assert all(f'"{page}"' in found for page in ("docs/rules", "docs/reference/scenario", "docs/decisions/index"))
    assert "unrevealed_penalty" in (tmp_path / "site/docs/reference/scenario.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", ["[x](no-such.md)", "[x](index.md#no-such-part)"])
def test_a_broken_link_fails_the_build(tmp_path: Path, link: str) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "index.md").write_text(f"# A page\n\n{link}\n", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        build_site.build(tmp_path / "source", tmp_path / "site", quick=True)
