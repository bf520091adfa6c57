"""Systems of other packages: the core names none, asks each whose a history is, and no broken one stops it."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import pytest

from chain_bandit import plugins, systems
from chain_bandit.audits import OtherGame, audit_file
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.game import folder
from chain_bandit.systems import Shown
from tests.unit.views.conftest import Sample
from tests.unit.views.test_agreement import called


class Auctions:
    """A system of another package, whose histories are those of the chain ids that it is given."""

    owner, audited_by, export = "an auction's", "auction audit", "auction.jsonl.gz"
    mine: ClassVar[set[int]] = set()

    def made(self, history: History) -> bool:
        return history.origin.chain_id in self.mine

    def show(self, history: History, what: str | None, which: str | None) -> Shown:
        return {"what": what, "which": which, "chain": history.origin.chain_id}, ["an auction"]


AUCTIONS = Auctions()


@pytest.fixture(scope="module")
def export(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported history of a game."""
    path = tmp_path_factory.mktemp("export") / folder.HISTORY
    files.write(sample.history, path)
    return path


@pytest.fixture
def offered(monkeypatch):
    """Further entry points of other packages, by name."""

    def offer(**values: str) -> None:
        more = [EntryPoint(name, value, "chain_bandit.systems") for name, value in values.items()]
        real = plugins.points
        monkeypatch.setattr(plugins, "points", lambda group: [*(more if group == "systems" else ()), *real(group)])

    return offer


def test_agreements_are_a_system_of_this_distribution():
    assert [each.audited_by for each in systems.all_systems()] == ["mediate audit"]


def test_a_system_that_cannot_be_imported_is_in_the_way_of_no_game(export: Path, offered):
    here = "tests.unit.views.test_systems"
    offered(lost="no_such_module:SYSTEM", absent=f"{here}:NOTHING", auction=f"{here}:AUCTIONS")
    assert [each.audited_by for each in systems.all_systems()] == ["auction audit", "mediate audit"]
    assert audit_file(export).exit_code == 0


def test_another_packages_history_is_refused_by_audit_and_shown_by_its_own_system(export: Path, offered, monkeypatch):
    offered(auction="tests.unit.views.test_systems:AUCTIONS")
    chain = files.read(export).origin.chain_id
    monkeypatch.setattr(Auctions, "mine", {chain})
    with pytest.raises(OtherGame, match="an auction's, which chain-bandit auction audit audits"):
        audit_file(export)
    shown = json.loads(called("show", export, "bid", 3, "--json")[1])
    assert shown == {"what": "bid", "which": "3", "chain": chain}
