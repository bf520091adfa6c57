"""From a scenario to a finished run folder: the game, its audit, its page; and the audit of a game on a node."""

import json
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from inspect import getmodule
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chain_bandit.attacks.registry import make
from chain_bandit.auditor.artifact import release_of
from chain_bandit.auditor.findings import ALWAYS
from chain_bandit.auditor.report import AuditReport
from chain_bandit.audits import audit_folder, page_of
from chain_bandit.chain.answers import NodeReader
from chain_bandit.chain.errors import ForeignContract
from chain_bandit.chain.identity import require_same
from chain_bandit.chain.remote import require_contract
from chain_bandit.chain_history import files
from chain_bandit.chain_history.bodies import KEPT, Bodies
from chain_bandit.chain_history.collect import last_of
from chain_bandit.chain_history.creation import creation, creation_block
from chain_bandit.chain_history.resumable_download import BlocksObserver, grow, partial_of
from chain_bandit.game import folder
from chain_bandit.game.chains import ChainFactory, embedded
from chain_bandit.game.deployment import recorded
from chain_bandit.game.run import RunObserver, run
from chain_bandit.game.undefended import regret_undefended
from chain_bandit.game.unfinished import Journals, place_of, unfinished
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ruleset import RuleUnanswered
from chain_bandit.scenario import Scenario
from chain_bandit.served_bodies import served_bodies
from chain_bandit.stopwatch import Stopwatch


class ExpectationFailed(ChainBanditError):
    """An `[expect]` line of the scenario that does not hold."""

    exit_code = 14

    def __init__(self, key: str, expected: str, got: object) -> None:
        super().__init__(f"expected {key} {expected}, got {got}")
        self.key, self.expected, self.got = key, expected, got


class LivenessLost(ChainBanditError):
    """A game of which no round ended in an approved block."""

    exit_code = 11

    def __init__(self, failed: int) -> None:
        super().__init__(f"liveness lost: {failed} rounds failed, and no block was approved")
        self.failed = failed


class NotCreatedIn(ChainBanditError):
    """A first block that is not the one of the contract's creation."""

    exit_code = 2

    def __init__(self, contract: bytes, block: int) -> None:
        super().__init__(
            f"0x{contract.hex()} was not created in block {block}: name the block that created it, or only "
            "--contract ADDRESS, and it is looked for"
        )
        self.contract, self.block = contract, block


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
    observe: RunObserver = lambda moment: None,
    watch: Stopwatch | None = None,
    chain: ChainFactory = embedded,
    outlives: bool = False,
    resume: bool = False,
    stage: Callable[[str], None] = lambda text: None,
) -> Finished:
    """Play, audit and draw; the folder `out` is complete afterwards, or as it was before.

    Args:
        outlives: whether the chain outlives the run, so that a run that was stopped can be taken up.
        resume: take up a run that was stopped, from what it left beside `out` (`game/unfinished.py`).
        stage: told what is done after the last round.

    Raises:
        ChainBanditError: what stopped the game.
    """
    scenario.check_contract()
    watch = watch or Stopwatch()
    with ExitStack() as stack:
        journals = Journals()
        if outlives:
            journals = stack.enter_context(unfinished(scenario, out, resume))
        elif resume:
            raise folder.FolderRefused(out, "the chain of that run ended with it; leave out --resume")
        partial = stack.enter_context(folder.written(out, replace=resume))
        manifest = run(scenario, partial, observe, watch, chain, journals)
        stage("playing the game again without a defence")
        manifest |= {"attacks": _attacks(scenario), "undefended": regret_undefended(scenario)}
        folder.write_json(partial / folder.MANIFEST, manifest)
        stage("auditing the history")
        report = audit_folder(partial, on_verified=lambda seconds: watch.add("verify", seconds))
        stage("drawing the report")
        write_report(partial, report)
        journals.whole = report.exit_code == 0
    kept = place_of(out) if outlives and journals.kept else None
    return Finished(out, manifest, watch.measured(), report, kept)


def _attacks(scenario: Scenario) -> dict[str, dict[str, str]]:
    """By seat the attacks of the malicious, each with the sentence that its module begins with."""
    return {
        str(entry.seat): {
            choice.name: (getmodule(type(make(choice.name, choice.options))).__doc__ or "").split("\n")[0].strip()
            for choice in entry.attacks
        }
        for entry in scenario.all_malicious
    }


def write_report(out: Path, report: AuditReport) -> None:
    """Put what an audit said into the run folder that it is of: in full, and as a page."""
    with (out / folder.AUDIT).open("w", encoding="utf-8") as file:
        file.writelines(report.pieces())
        file.write("\n")
    (out / folder.REPORT).write_text(page_of(out, report), encoding="utf-8")


def recorded_game(rpc: NodeReader, path: Path) -> tuple[bytes, int | None]:
    """The game that a deployment file, or a run folder, is of: its address on its own chain, and its first block.

    Raises:
        ForeignChain: the node is of another chain, or holds another contract or game there.
        ChainBanditError: the file says nothing of a game, or the node does not answer.
    """
    identity, first = recorded(path)
    require_same(rpc, identity)
    return bytes.fromhex(identity.contract[2:]), first


@contextmanager
def history_of_node(
    rpc: NodeReader,
    contract: bytes,
    first: int | None,
    last: int | None,
    bodies: Sequence[str] = (),
    export: Path | None = None,
    observe: BlocksObserver = lambda done, total: None,
    keep: bool = False,
    head: bytes | None = None,
) -> Iterator[Path]:
    """A game's history from a node, fetched once into a file.

    Args:
        first: the block that creates the contract; looked for when it is not known.
        bodies: where a compact game's are: exported histories, a node's `bodies.jsonl`, and URLs of nodes that
            serve them by hash.
        export: that file; what has come in before a stop is taken up again. Without a name it is gone after the block.
        observe: told how many blocks of how many have come in.
        keep: what has come in stays beside `export`, so that the next call fetches new blocks alone.
        head: the hash of the last block, as the auditor kept it; by default, or where the node has none, its last one.

    Raises:
        NodeBehind: the node does not have the blocks yet.
        NotCreatedIn: the first block is another than the one that creates the contract.
        ForeignContract: the address does not hold this version's contract, nor one of an older release, of which the
            audit says so.
        ChainBanditError: the node does not answer, or its answers do not add up.
    """
    if first is not None:
        last_of(rpc, first, last)  # a node that is behind may not have the contract yet, and is no foreign one
    try:
        require_contract(rpc, contract)
    except ForeignContract:
        if not _is_older(rpc, contract, first):
            raise
    servers = [each for each in bodies if each.startswith(("http://", "https://"))]
    with TemporaryDirectory() as place, Bodies(served_bodies(servers)) as known:
        path = export or Path(place) / folder.HISTORY
        for named in (Path(each) for each in bodies if each not in servers):
            if named.name == KEPT:
                known.add_file(named)
            else:
                known.add_all(files.read(named))
        try:
            if first is None:
                first = creation_block(rpc, contract)
            elif creation(rpc, contract, first) is None:
                raise NotCreatedIn(contract, first)
            grow(rpc, contract, first, last_of(rpc, first, last, head), path, known, observe, keep)
        except BaseException as stopped:
            if export is not None and not keep and partial_of(export).exists():
                stopped.add_note(f"the part that was fetched is kept beside {export}: run the same command to resume")
            raise
        yield path


def _is_older(rpc: NodeReader, contract: bytes, first: int | None) -> bool:
    """Whether a release in an older format created the contract, as far as the node says."""
    with suppress(ChainBanditError):
        made = creation(rpc, contract, creation_block(rpc, contract) if first is None else first)
        return made is not None and release_of(made.data) is not None
    return False


_OPERATORS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "<": operator.lt, ">": operator.gt}


def unanswered_rule(report: AuditReport) -> RuleUnanswered | None:
    """A rule of the game that failed, in any round; one that never answered first."""
    failed = sorted((each for each in report.findings if ALWAYS in each.evidence), key=lambda f: not f.evidence[ALWAYS])
    return RuleUnanswered(failed[0].sentence) if failed else None


def lost_liveness(scenario: Scenario, manifest: dict[str, Any]) -> LivenessLost | None:
    """Whether no block was approved, unless the scenario says itself how many are to be."""
    failed = manifest["rejected"] + manifest["skip"]
    return LivenessLost(failed) if failed and not manifest["approved"] and "approved" not in scenario.expect else None


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
