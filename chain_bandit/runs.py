"""From a scenario to a finished run folder: the game, its audit, its page; and back from the folder."""

import json
import operator
import re
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chain_bandit.audit.audit import audit
from chain_bandit.audit.books import Movement
from chain_bandit.audit.report import AuditReport
from chain_bandit.chain.identity import Ask, require_same
from chain_bandit.chain.remote import require_code
from chain_bandit.game import folder
from chain_bandit.game.chains import Chain, embedded
from chain_bandit.game.deployment import recorded
from chain_bandit.game.run import Observer, run
from chain_bandit.game.unfinished import Journals, place_of, unfinished
from chain_bandit.history import files
from chain_bandit.history.bodies import Bodies, with_bodies
from chain_bandit.history.collect import Rpc, collect, creation_block
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch


class ExpectationFailed(ChainBanditError):
    """An `[expect]` line of the scenario that does not hold."""

    exit_code = 14

    def __init__(self, key: str, expected: str, got: object) -> None:
        super().__init__(f"expected {key} {expected}, got {got}")
        self.key, self.expected, self.got = key, expected, got


class OtherGame(ChainBanditError):
    """A history of another chain or contract than the one meant."""

    exit_code = 6

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(f"the history is of another game: {what} is {got}, expected {str(expected)[:80]}")
        self.what, self.expected, self.got = what, expected, got


class ManifestFalse(ChainBanditError):
    """A manifest that claims something else than its history gives."""

    exit_code = 12

    def __init__(self, path: Path, name: str, claimed: object, found: object) -> None:
        super().__init__(f"{path}: the manifest says {name} is {str(claimed)[:80]}, its history gives {found}")
        self.path, self.name, self.claimed, self.found = path, name, claimed, found


@dataclass(frozen=True)
class Finished:
    """A run in its folder: its manifest, where its time went (of this machine, in no file), and its audit.

    Attributes:
        kept: where it can be taken up from, as its audit did not pass: the node may have left something out.
    """

    out: Path
    manifest: dict[str, Any]
    measured: dict[str, Any]
    report: AuditReport
    kept: Path | None


def play(
    scenario: Scenario,
    out: Path,
    observe: Observer = lambda moment: None,
    watch: Stopwatch | None = None,
    chain: Chain = embedded,
    outlives: bool = False,
    resume: bool = False,
) -> Finished:
    """Play, audit and draw; the folder `out` is complete afterwards, or as it was before.

    Args:
        outlives: whether the chain outlives the run, so that a run that was stopped can be taken up.
        resume: take up a run that was stopped, from what it left beside `out` (`game/unfinished.py`).

    Raises:
        ChainBanditError: what stopped the game.
    """
    from chain_bandit.views.page import page  # late: it loads matplotlib

    scenario.check_contract()
    watch = watch or Stopwatch()
    with ExitStack() as stack:
        journals = Journals()
        if outlives:
            journals = stack.enter_context(unfinished(scenario, out, resume))
        elif resume:
            raise folder.FolderRefused(out, "the chain of that run ended with it; leave out --resume")
        partial = stack.enter_context(folder.written(out))
        manifest = run(scenario, partial, observe, watch, chain, journals)
        report = audit_folder(partial, on_verified=lambda seconds: watch.add("verify", seconds))
        (partial / folder.AUDIT).write_text(report.json() + "\n", encoding="utf-8")
        text = page(
            manifest, report, folder.read_rounds(partial),
            scenario=(partial / folder.SCENARIO).read_text(encoding="utf-8"),
            evidence=json.loads((partial / folder.EVIDENCE).read_text(encoding="utf-8")),
        )  # fmt: skip
        (partial / folder.REPORT).write_text(text, encoding="utf-8")
        journals.whole = report.exit_code == 0
    kept = place_of(out) if outlives and journals.kept else None
    return Finished(out, manifest, watch.measured(), report, kept)


def audit_folder(
    path: Path, head: bytes | None = None, on_verified: Callable[[float], None] = lambda seconds: None,
    on_movement: Callable[[Movement], None] | None = None,
) -> AuditReport:
    """Audit a run folder's history against the head that was kept, by default the manifest's.

    Raises:
        ChainBanditError: no run folder, an unreadable history, or one of another game than the manifest's.
    """  # fmt: skip
    manifest, history = folder.read_manifest(path), files.read(path / folder.HISTORY)
    for what, got in (
        ("chain_id", history.origin.chain_id),
        ("contract", "0x" + history.origin.contract.hex()),
        ("first_block", history.origin.first_block),
    ):
        if manifest.get(what) != got:
            raise OtherGame(what, manifest.get(what), got)
    said = manifest.get("head")
    if not isinstance(said, str) or not re.fullmatch("0x[0-9a-f]{64}", said):
        raise folder.FolderRefused(path, "its manifest holds no head hash")
    report = audit(history, head or bytes.fromhex(said[2:]), on_verified, on_movement)
    _compare(path, manifest, report)
    return report


def _compare(path: Path, manifest: dict[str, Any], report: AuditReport) -> None:
    """Hold what the manifest claims against what the replay gives. Raises `ManifestFalse`."""
    if report.failed:
        return  # the report says what is wrong
    kinds = Counter(row.kind for row in report.rounds)
    found: dict[str, Any] = {kind.name.lower(): kinds[kind.name.lower()] for kind in Kind}
    for name, got in {**found, "run_digest": report.run_digest}.items():
        if got is not None and manifest.get(name) != got:
            raise ManifestFalse(path, name, manifest.get(name), got)


def recorded_game(ask: Ask, path: Path) -> bytes:
    """The address of the game that a deployment file, or a run folder, is of: on its own chain.

    Raises:
        ForeignChain: the node is of another chain, or holds another contract or game there.
        ChainBanditError: the file says nothing of a game, or the node does not answer.
    """
    identity = recorded(path)
    require_same(ask, identity)
    return bytes.fromhex(identity.contract[2:])


def audit_node(
    rpc: Rpc, contract: bytes, first: int | None, last: int | None, head: bytes | None, bodies: Path | None = None,
    on_movement: Callable[[Movement], None] | None = None,
) -> AuditReport:
    """Audit a game from a node: its blocks are fetched once, into a file that is thrown away afterwards.

    Args:
        bodies: an exported history to take a compact game's bodies from.

    Raises:
        ForeignContract: the address holds no contract.
        ChainBanditError: the node does not answer, or its answers do not add up.
    """  # fmt: skip
    require_code(rpc, contract)
    with TemporaryDirectory() as place, Bodies() as known:
        path = Path(place) / folder.HISTORY
        if bodies is not None:
            known.add_all(files.read(bodies))
        blocks = collect(rpc, contract, creation_block(rpc, contract) if first is None else first, last)
        files.write(with_bodies(blocks, known), path)
        return audit(files.read(path), head, on_movement=on_movement)


_OPERATORS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "<": operator.lt, ">": operator.gt}


def failed_expectation(scenario: Scenario, manifest: dict[str, Any]) -> ExpectationFailed | None:
    """The first line of the scenario's `[expect]` table that the manifest does not meet."""
    for key, expected in scenario.expect.items():
        value: Any = manifest
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        match = re.fullmatch(r"(<=|>=|==|<|>)\s*(\S+)", expected.strip())
        try:
            holds = match is not None and _OPERATORS[match[1]](Decimal(str(value)), Decimal(match[2]))
        except InvalidOperation:
            holds = match is not None and match[1] == "==" and str(value) == match[2]
        if not holds:
            return ExpectationFailed(key, expected, json.dumps(value))
    return None
