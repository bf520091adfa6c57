"""The audit of a run folder, held against what its manifest claims, or of an export, and the page of either; no node,
and nothing that knows one, takes part."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from chain_bandit.append_log import regular_file
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.books import Movement
from chain_bandit.auditor.chain import STEP
from chain_bandit.auditor.report import AuditReport
from chain_bandit.auditor.two_process import able, audit_by_two
from chain_bandit.chain_history import files
from chain_bandit.chain_history.resumable_download import BlocksObserver
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game import folder
from chain_bandit.game_names import UNNAMED, GameNames
from chain_bandit.protocol.arms import round_robin
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.messages import Phase, Role, Slot
from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.settlement import Cost, cost_of_round
from chain_bandit.protocol.units import UNIT
from chain_bandit.systems import export_in, system_of

MOST_BYTES = 1 << 28
"""Of an audit.json: more is cut off, and then no JSON."""


class OtherGame(ChainBanditError):
    """A history of another chain or contract than the one meant."""

    exit_code = 6

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(f"the history is of another game: {what} is {got}, expected {str(expected)[:80]}")
        self.what, self.expected, self.got = what, expected, got


class ManifestFalse(ChainBanditError):
    """A manifest, or a table of rounds, that claims something else than its history gives."""

    exit_code = 12

    def __init__(self, path: Path, name: str, claimed: object, found: object, file: str = "manifest") -> None:
        super().__init__(f"{path}: the {file} says {name} is {str(claimed)[:80]}, its history gives {found}")
        self.path, self.name, self.claimed, self.found = path, name, claimed, found


def audit_file(
    path: Path,
    head: bytes | None = None,
    on_verified: Callable[[float], None] | None = None,
    on_movement: Callable[[Movement], None] | None = None,
    paranoid: bool = False,
    observe: BlocksObserver = lambda done, total: None,
    trail: bytes = b"",
) -> AuditReport:
    """Audit an exported history; with `paranoid` everything is computed a second time, and compared.

    `on_verified` is told the seconds of every signature check, `on_movement` every movement of money, in order, which
    one process has to do alone; `observe` how far the audit is.

    Raises:
        ChainBanditError: an unreadable history, or one of an agreement on tokens.
    """
    if (other := system_of(files.read(path))) is not None:
        raise OtherGame("contract", "that of a game", f"{other.owner}, which chain-bandit {other.audited_by} audits")
    report = None
    if not (on_verified or on_movement or trail) and able(path):
        report = audit_by_two(path, head, observe)
    if report is None:
        report = audit(files.read(path), head, on_verified or (lambda seconds: None), on_movement, observe, trail)
    if not paranoid:
        return report
    from chain_bandit.auditor.second_implementation import (
        with_second_opinion,  # late: it loads libraries that nothing else needs
    )

    return with_second_opinion(report, path)


def audit_folder(
    path: Path,
    head: bytes | None = None,
    on_verified: Callable[[float], None] | None = None,
    on_movement: Callable[[Movement], None] | None = None,
    paranoid: bool = False,
    observe: BlocksObserver = lambda done, total: None,
    trail: bytes = b"",
) -> AuditReport:
    """Audit a run folder's history against the head that was kept, by default the manifest's.

    Raises:
        ChainBanditError: no run folder, an unreadable history, or one of another game than the manifest's.
    """
    if (other := export_in(path)) is not None:
        return audit_file(other)  # refuses it
    manifest, history = folder.read_manifest(path), files.read(path / folder.HISTORY)
    if manifest.get("format") != folder.FORMAT:
        raise folder.FolderRefused(path, f"its manifest is in another format than {folder.FORMAT}")
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
    kept = head or bytes.fromhex(said[2:])
    report = audit_file(path / folder.HISTORY, kept, on_verified, on_movement, paranoid, observe, trail)
    require_true(path, manifest, report)
    if (path / folder.ROUNDS).exists():
        _require_true_rounds(path, folder.read_rounds(path), report)
    return report


def described(path: Path, report: AuditReport, names: GameNames = UNNAMED) -> tuple[dict[str, Any], Any]:
    """Manifest and table of rounds of a run folder; of an export what it says itself of the manifest, and no table.

    Args:
        names: of an export's game and arms, by the file that says where the game is.

    Raises:
        ChainBanditError: the folder's files cannot be read.
    """
    from chain_bandit.views.view_model import manifest_of  # late: it loads pydantic

    if path.is_file():
        return manifest_of(report, files.read(path), names), None
    return folder.read_manifest(path), folder.read_rounds(path)


def page_of(
    path: Path, report: AuditReport, every: float | None = None, pictures: dict[str, Any] | None = None,
    names: GameNames = UNNAMED,
) -> str:  # fmt: skip
    """The page of a run folder, or of an export, by what its audit said; `names` as of `described`, the others as in
    `views.page.page`.

    Raises:
        ManifestFalse: what the folder calls a proof of equivocation is none.
        ChainBanditError: the folder's files cannot be read.
    """
    from chain_bandit.views.page import page  # late: it loads matplotlib

    manifest, rounds = described(path, report, names)
    if rounds is None:
        return page(manifest, report, every=every, pictures=pictures)
    try:
        with regular_file(path / folder.SCENARIO) as file:
            scenario = file.read().decode()
        with regular_file(path / folder.EVIDENCE) as file:
            evidence = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        reason = f"its scenario or its evidence cannot be read ({type(error).__name__})"
        raise folder.FolderRefused(path, reason) from error
    proofs = _proven(path, evidence, report)
    return page(manifest, report, rounds, scenario=scenario, evidence=proofs, every=every, pictures=pictures)


def _proven(path: Path, evidence: Any, report: AuditReport) -> list[dict[str, Any]]:
    """A folder's proofs of equivocation; none where its history does not say what signatures are bound to.

    Raises:
        FolderRefused: they are no list.
        ManifestFalse: one is no proof.
    """
    if not isinstance(evidence, list):
        raise folder.FolderRefused(path, "its evidence is no list")
    separator = report.game.get("separator")
    if separator is None:
        return []
    addresses = [bytes.fromhex(account.address[2:]) for account in report.accounts if account.seat is not None]
    for number, proof in enumerate(evidence, 1):
        said = proof.get("seat") if isinstance(proof, dict) else proof
        proves = False
        with suppress(LookupError, TypeError, ValueError, AttributeError, OverflowError):
            proves = _proves(proof, bytes.fromhex(separator[2:]), addresses)
        if not proves:
            raise ManifestFalse(path, f"proof {number}", f"one against {said}", "no such signatures", "evidence")
    return evidence


class _Stated(Equivocation):
    """The same with contents as the contract takes them, of a report its hash."""

    def _signed(self, content: bytes) -> bytes:
        return content


def _proves(proof: Mapping[str, Any], separator: bytes, addresses: Sequence[bytes]) -> bool:
    """Whether it is a proof, of reports as they were sent or as the contract takes them; what is malformed raises."""
    slot = Slot(separator, proof["round"], bytes.fromhex(proof["parent"]))
    said = zip(proof["contents"], proof["signatures"], strict=True)
    (one, first), (other, second) = ((bytes.fromhex(content), bytes.fromhex(by)) for content, by in said)
    given = slot, Phase[proof["phase"]], Role[proof["role"]], proof["seat"], one, first, other, second
    return any(kind(*given).proves(addresses, Verifier()) for kind in (Equivocation, _Stated))


def trail_of(path: Path) -> bytes:
    """The trail in the `audit.json` of an earlier audit. Raises `FolderRefused`."""
    found = None
    with suppress(OSError, ValueError, TypeError, LookupError, RecursionError):
        if path.is_file():
            with path.open("rb") as file:
                found = re.fullmatch(f"([0-9a-f]{{{2 * STEP}}})+", json.loads(file.read(MOST_BYTES))["trail"])
    if found is None:
        raise folder.FolderRefused(path, "is no audit.json that holds a trail")
    return bytes.fromhex(found[0])


def require_true(path: Path, manifest: Mapping[str, Any], report: AuditReport) -> None:
    """Hold what the manifest claims against what the replay gives. Raises `ManifestFalse`."""
    if report.failed or report.checks["record.links"].not_checkable:
        return  # the report says what is wrong, or why no record could be followed
    found, regret = report.claims, _regret(report)
    if regret is not None:
        found["regret"], said = regret.total / UNIT, manifest.get("regret_units")
        parts = {part: getattr(regret, part) for part in ("total", "burn_in", "arms", "failed", "cost", "costly")}
        found["regret_units"] = {**said, **parts} if isinstance(said, dict) else parts  # with what rivals lose
    for name, got in found.items():
        if got is not None and manifest.get(name) != got:
            raise ManifestFalse(path, name, manifest.get(name), got)


def _require_true_rounds(path: Path, columns: Mapping[str, Sequence[Any]], report: AuditReport) -> None:
    """The same of what the table of rounds says of each record. Raises `ManifestFalse`."""
    place = {round_: index for index, round_ in enumerate(columns.get("round", ()))}
    for row in () if report.failed else report.rounds:
        found = {"kind": row.kind, "arm": row.arm, "length": row.length, "blocked": ",".join(map(str, row.blocked))}
        for name, got in found.items():
            claimed = columns[name][place[row.round]] if row.round in place and name in columns else None
            if got is not None and claimed != got:
                raise ManifestFalse(path, f"{name} of round {row.round}", claimed, got, "table of rounds")


def _regret(report: AuditReport) -> Regret | None:
    """What the honest lost by the revealed means; None where these, or which rounds were in case 2, are not known."""
    given, means, hidden = report.game.get("parameters"), report.game.get("true_means"), report.game.get("cost")
    if given is None or means is None or hidden is None or any(row.costly is None for row in report.rounds):
        return None
    regret = Regret(tuple(means), given["burn_in"], bool(given["paid_burn_in"]))
    for round_ in range(1, given["burn_in"]):
        regret.add(round_, round_robin(round_, given["arms"]), paid=False)
    for row in report.rounds:
        cost = None
        if row.costly and row.means is not None and row.arm is not None:
            cost = cost_of_round(Cost(given["cost"]), hidden, row.means[row.arm], means[row.arm]) * row.length
        regret.add(row.round, row.arm, row.kind == "approved", cost, row.length)
    return regret
