"""Histories that a game's own keys have signed otherwise: blocks by the whole quorum, settlements by the environment.

    python -m verification.resigned [--changes 2000] [--by quorum environment] [--jobs 2] [--json FILE]

A game of `verification/honest.py` is played on revm. From one place on somebody signs something else than the rules
give: all validators together another block, or the environment other rewards, sums or costs. Every signature is
true, the contract carries out what it is sent, and the game goes on from that: no receipt or hash is forged.

What the contract pays is held against the same game without the change. Exit 14 where

- an audit raises (a bug, exit code 1, whatever the history);
- it passes a block whose changed part the rules determine, or a change that moves money;
- the second computation, or the page, says something else.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, reduce
from operator import or_
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from chain_bandit.actors import validator
from chain_bandit.actors.environment import Environment
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.report import AuditReport
from chain_bandit.auditor.second_implementation import with_second_opinion
from chain_bandit.chain_history import files
from chain_bandit.game.errors import LockstepBroken
from chain_bandit.game.on_chain import OnChain
from chain_bandit.protocol.blocks import Body, Header, SignedReport, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.proposal import NOTHING_PROVEN
from chain_bandit.protocol.settlement import NOTHING, CostEntry, Pull
from chain_bandit.protocol.tallies import SettledSums
from chain_bandit.protocol.units import NO_PULL, UNIT
from chain_bandit.runner.rows import kept_rows, missing, played_rows
from chain_bandit.runner.workers import processes
from chain_bandit.scenario import Scenario
from verification import honest
from verification.browser.compare import VERDICTS, page

Dice = random.Random
Block = tuple[Header, bytes]
AgreedReports = Mapping[int, SignedReport]
Bits = Mapping[int, tuple[bool, ...]]
Hashes = Mapping[int, bytes]


# What a quorum signs in the place of the block that the rules give.


def _seat(dice: Dice, among: int) -> int:
    """The bit of one seat of a mask; 0 of an empty one."""
    return 1 << dice.choice(seats(among)) if among else 0


def another_arm(dice: Dice, parameters: Parameters, block: Block) -> Block:
    """Another honest arm, where there is one: the contract refuses an arm that the game has not."""
    header, body = block
    return replace(header, arm=(header.arm + dice.randint(1, 3)) % parameters.arms), body


def other_candidates(dice: Dice, parameters: Parameters, block: Block) -> Block:
    """A seat more or less among the candidates of an arm."""
    header, body = block
    return replace(header, candidates=_flipped(dice, header.candidates, header.reporters)), body


def other_selected(dice: Dice, parameters: Parameters, block: Block) -> Block:
    """A seat more or less among those whose estimators count."""
    header, body = block
    return replace(header, selected=_flipped(dice, header.selected, header.reporters)), body


def _flipped(dice: Dice, sets: tuple[int, ...], among: int) -> tuple[int, ...]:
    arm = dice.randrange(len(sets))
    return (*sets[:arm], sets[arm] ^ _seat(dice, among), *sets[arm + 1 :])


def other_means(dice: Dice, parameters: Parameters, block: Block) -> Block:
    """Another global estimator of an arm."""
    header, body = block
    arm = dice.randrange(parameters.arms)
    moved = dice.choice((1, -1, UNIT // 3, -UNIT // 3))
    means = [min(UNIT, max(0, mean + moved * (at == arm))) for at, mean in enumerate(header.means)]
    return replace(header, means=tuple(means)), body


def other_weights(dice: Dice, parameters: Parameters, block: Block) -> Block:
    """Another accuracy, or reputation, of a seat."""
    header, body = block
    seat, weights = dice.randrange(parameters.participants), list(header.accuracies)
    weights[seat] = dice.randrange(1 << 16)
    return replace(header, accuracies=tuple(weights)), body


def another_length(dice: Dice, parameters: Parameters, block: Block) -> Block:
    """A longer or a shorter phase."""
    header, body = block
    return replace(header, length=max(1, header.length + dice.choice((-1, 1, 2)) * parameters.has_phases)), body


def other_successors(dice: Dice, parameters: Parameters, block: Block) -> Block:
    """Another committee, or other commanders, of the next round."""
    header, body = block
    all_seats = (1 << parameters.participants) - 1
    if parameters.has_committees and dice.random() < 0.7:
        return replace(header, committee=header.committee ^ _seat(dice, all_seats) or all_seats), body
    if parameters.draws_commanders:
        return replace(header, commanders=header.commanders ^ _seat(dice, all_seats) or all_seats), body
    return block


def other_radii(dice: Dice, parameters: Parameters, block: Block) -> Block:
    """Another confidence radius of an arm."""
    header, encoded = block
    body = Body.decode(encoded, header.reporters.bit_count(), parameters)
    radii = tuple(max(0, radius + dice.choice((-1, 0, 1, 10**6))) for radius in body.radii)
    return _with_body(header, replace(body, radii=radii))


def an_unsigned_report(dice: Dice, parameters: Parameters, block: Block) -> Block:
    """A report with other bytes than its seat signed."""
    header, encoded = block
    body = Body.decode(encoded, header.reporters.bit_count(), parameters)
    if not body.reports:
        return block
    at, reports = dice.randrange(len(body.reports)), list(body.reports)
    content = bytearray(reports[at].content)
    content[-1 - dice.randrange(min(32, len(content)))] ^= dice.randint(1, 255)
    reports[at] = replace(reports[at], content=bytes(content))
    return _with_body(header, replace(body, reports=tuple(reports)))


def _with_body(header: Header, body: Body) -> Block:
    encoded = body.encode()
    return replace(header, body=keccak(encoded)), encoded


QUORUM: dict[str, Callable[[Dice, Parameters, Block], Block]] = {
    each.__name__.replace("_", " "): each
    for each in (
        another_arm, other_candidates, other_selected, other_means, other_weights, another_length, other_successors,
        other_radii, an_unsigned_report,
    )
}  # fmt: skip


def a_report_left_out(dice: Dice, reports: AgreedReports, bits: Bits) -> tuple[AgreedReports, Bits]:
    """The block that would be if one report less had come: no verifier can tell."""
    return {seat: report for seat, report in reports.items() if seat != min(reports)}, bits


def other_bits(dice: Dice, reports: AgreedReports, bits: Bits) -> tuple[AgreedReports, Bits]:
    """The block that would be if the comparison had answered otherwise for a seat."""
    if not bits:
        return reports, bits
    seat = dice.choice(sorted(bits))
    arm = dice.randrange(len(bits[seat]))
    said = tuple(bit != (at == arm) for at, bit in enumerate(bits[seat]))
    return reports, {**bits, seat: said}


CANDIDATES = "other candidates"

INPUTS: dict[str, Callable[[Dice, AgreedReports, Bits], tuple[AgreedReports, Bits]]] = {
    "a report left out": a_report_left_out, "other bits": other_bits,
}  # fmt: skip
"""Of what validators agree on: the block is right for other agreed values."""


class _Signed:
    """The name of the change, once it is made, and the mask of seats whose comparison bits alone it is about."""

    what, bits_of = "", 0


@contextmanager
def _planted(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """In the place of a function what is made of it."""
    real = getattr(owner, name)
    setattr(owner, name, make(real))
    try:
        yield
    finally:
        setattr(owner, name, real)


@contextmanager
def quorum_signs(dice: Dice, case: Scenario, name: str, signed: _Signed) -> Iterator[type[OnChain]]:
    """All validators sign another block of one round, the first from a drawn one on in which the change is one."""
    parameters, seed, at = case.parameters, dice.random(), list[int]()
    start = dice.randint(parameters.burn_in, max(parameters.burn_in, parameters.horizon - 1))

    def make(real: Callable[..., Block]) -> Callable[..., Block]:
        def propose(
            parameters: Parameters, ledger: Ledger, reports: AgreedReports, bits: Bits, hashes: Hashes = NOTHING_PROVEN
        ) -> Block:
            block = real(parameters, ledger, reports, bits, hashes)
            if ledger.round < start or (at and ledger.round != at[0]):
                return block
            own = Dice(seed)  # every validator draws the same
            if name in INPUTS:
                changed = real(parameters, ledger, *INPUTS[name](own, reports, bits), hashes)
            else:
                changed = QUORUM[name](own, parameters, block)
            if changed != block:
                at[:], signed.what = [ledger.round], name
                pairs = zip(changed[0].candidates, block[0].candidates, strict=False)
                signed.bits_of = reduce(or_, (mine ^ theirs for mine, theirs in pairs), 0) * (name == CANDIDATES)
            return changed

        return propose

    with _planted(validator, "propose", make):
        yield OnChain


# What an environment settles in the place of what it gave.


def _other_pull(dice: Dice, parameters: Parameters, name: str, pull: Pull) -> Pull:
    match name:
        case "another reward" if pull.arm != NO_PULL:
            most = UNIT * pull.count
            return replace(pull, reward=dice.choice((0, most, dice.randint(0, most))))
        case "an arm not pulled" if pull.arm != NO_PULL:
            return replace(pull, arm=(pull.arm + 1) % parameters.arms)
        case "a pull left out":
            return NOTHING
        case "a pull put in" if pull.arm == NO_PULL:
            return Pull(dice.randrange(parameters.arms), dice.choice((0, UNIT)))
        case "another count" if parameters.has_phases and pull.arm != NO_PULL:
            return replace(pull, count=max(1, pull.count + dice.choice((-1, 1))))
    return pull


ENVIRONMENT = (
    "another reward", "an arm not pulled", "a pull left out", "a pull put in", "another count", "other tallies",
    "other sums", "another cost", "no costs",
)  # fmt: skip


@contextmanager
def environment_signs(dice: Dice, case: Scenario, name: str, signed: _Signed) -> Iterator[type[OnChain]]:
    """The environment signs something else once, the first time from a drawn settlement on that the change is one."""
    wait = dice.choice((0, 0, 1, 2, 4))

    def settles(real: Callable[..., bytes]) -> Callable[..., bytes]:
        def settlement(self: Environment, round_: int, pulls: Sequence[Pull]) -> bytes:
            nonlocal wait
            wait -= 1
            seats, changed = list(range(len(pulls))), list(pulls)
            dice.shuffle(seats)
            for seat in seats if wait < 0 and not signed.what else ():
                changed[seat] = _other_pull(dice, case.parameters, name, pulls[seat])
                if changed[seat] != pulls[seat]:
                    signed.what = name
                    break
            return real(self, round_, changed)

        return settlement

    def binds(real: Callable[..., bytes]) -> Callable[..., bytes]:
        def sign_tallies(self: Environment, through: int, root: bytes) -> bytes:
            if name != "other tallies" or signed.what:
                return real(self, through, root)
            signed.what = name
            return real(self, through, keccak(root))

        return sign_tallies

    class Dishonest(OnChain):
        """It is told the truth by the game."""

        def show(self, sums: bytes, keys: Sequence[bytes | None]) -> None:
            if name == "other sums" and sums:
                told = SettledSums.decode(sums, case.parameters)
                seat, paid = dice.randrange(len(told.sums)), list(told.sums)
                paid[seat] = dice.choice((0, paid[seat] // 2, paid[seat] + 1))
                signed.what = name if tuple(paid) != told.sums else ""
                sums = replace(told, sums=tuple(paid)).encode()
            super().show(sums, keys)

        def finish(self, entries: Sequence[CostEntry]) -> None:
            if name == "another cost" and entries:
                at, signed.what = dice.randrange(len(entries)), name
                changed = replace(entries[at], costly=not entries[at].costly)
                entries = [*entries[:at], changed, *entries[at + 1 :]]
            if name != "no costs" or not entries:
                return super().finish(entries)
            signed.what = name
            self._wait(case.parameters.settlement_window, True)
            self.contract.close(self._relayer)
            for each in self._participants:
                self.contract.withdraw(each)
            return self.contract.settle()

    with _planted(Environment, "settlement", settles), _planted(Environment, "sign_tallies", binds):
        yield Dishonest


Signs = Callable[[Dice, Scenario, str, _Signed], AbstractContextManager[type[OnChain]]]
CHANGES: dict[str, tuple[Signs, tuple[str, ...]]] = {
    "quorum": (quorum_signs, (*QUORUM, *INPUTS)), "environment": (environment_signs, ENVIRONMENT),
}  # fmt: skip


@dataclass(frozen=True)
class ResignedHistory:
    """One history.

    Attributes:
        by: "quorum" or "environment".
        change: what was signed otherwise; empty where nothing of the game could be.
        stopped: why the game did not come to its end: the contract, or a participant, refuses what was signed.
        audit, page: the verdicts.
        second: whether the second computation finds a difference.
        moved: whether somebody is paid otherwise than in the same game without the change.
        forfeited: whether the audit finds a forfeited pull more. A withheld receipt cannot be proven.
        trusted: whether it changes comparison bits of malicious seats alone, which rest on the quorum's word.
        how: checks that failed or are open.
    """

    by: str
    seed: int
    change: str
    stopped: str = ""
    audit: str = ""
    page: str = ""
    second: bool = False
    moved: bool = False
    forfeited: bool = False
    trusted: bool = False
    how: tuple[str, ...] = ()

    @property
    def wrong(self) -> str:
        """The fault of the verdict; empty where it has none."""
        if not self.audit:
            return ""
        if self.audit == "raised":
            return "raised"
        if self.audit != self.page and not (self.page == "incomplete" and self.audit == "violated"):
            return "the page differs"
        if (self.audit == "violated") != self.second:
            return "the two implementations differ"
        if self.by == "quorum":
            return "passed" if self.change in QUORUM and not self.trusted and self.audit != "violated" else ""
        return "passed, and money moved" if self.audit == "passed" and self.moved and not self.forfeited else ""


def _forfeited(report: AuditReport) -> int:
    return sum(each.count for each in report.findings if each.kind == "forfeited")


@lru_cache(maxsize=1)  # a game's changes are judged one after the other
def _true_game(number: int) -> tuple[bytes, AuditReport]:
    """The history of a game without a change, and what the audit says of it."""
    with TemporaryDirectory() as place, honest.chain("fast") as node:
        path = Path(place) / "true.jsonl"
        honest.play(honest.scenario(number), node, path)
        return path.read_bytes(), audit(files.read(path))


def judged(task: tuple[str, int]) -> ResignedHistory:
    """One change of one game."""
    by, seed = task
    dice, signed = Dice(f"resigned {by} {seed}"), _Signed()
    signs, names = CHANGES[by]
    number = seed // len(names)
    name, case = names[seed % len(names)], honest.scenario(number)
    with TemporaryDirectory() as place, honest.chain("fast") as node:
        path = Path(place) / "history.jsonl"
        try:
            with signs(dice, case, name, signed) as recorder:
                head = honest.play(case, node, path, recorder)
        except (ChainBanditError, LockstepBroken) as error:
            return ResignedHistory(by, seed, name, f"{type(error).__name__}: {error!s:.80}")
        try:
            true, honest_report = _true_game(number)
            if not signed.what or path.read_bytes() == true:  # the round may have had no block
                return ResignedHistory(by, seed, "", "nothing is another")
            report = audit(files.read(path), head)
            second = with_second_opinion(report, path)
        except Exception as error:  # noqa: BLE001 - what is counted here is that something is raised
            return ResignedHistory(by, seed, name, audit="raised", how=(f"{type(error).__name__}: {error}",))
        said = page().verdict(path, head)["verdict"]
    failed = sorted({each.check for each in second.violations})
    found = any(each.startswith("paranoid.") for each in failed)
    open_ = [check for check, tally in report.checks.items() if tally.not_checkable]
    honest_bits = signed.bits_of & sum(1 << seat for seat, role in enumerate(case.roles) if not role)
    return ResignedHistory(
        by, seed, name, "", VERDICTS[report.exit_code], said, found, report.accounts != honest_report.accounts,
        _forfeited(report) > _forfeited(honest_report), bool(signed.bits_of) and not honest_bits,
        tuple(failed or open_),
    )  # fmt: skip


def summary(rows: Sequence[ResignedHistory]) -> Table:
    """A line for each change."""
    table = Table("by", "change", "histories", "stopped", "violated", "incomplete", "passed", "money moved", "wrong")
    for by, change in sorted({(row.by, row.change) for row in rows if row.change}):
        own = [row for row in rows if (row.by, row.change) == (by, change)]
        ended = [row for row in own if row.audit]
        verdicts = Counter(row.audit for row in ended)
        table.add_row(
            by, change, str(len(ended)), str(len(own) - len(ended)),
            *(str(verdicts[each]) for each in ("violated", "incomplete", "passed")),
            str(sum(row.moved for row in ended)), str(sum(bool(row.wrong) for row in ended)),
        )  # fmt: skip
    return table


def main() -> int:
    """Play what the file does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=2_000, help="of each that signs")
    parser.add_argument("--by", nargs="+", choices=sorted(CHANGES), default=sorted(CHANGES))
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", type=Path, help="a row for each history; what it holds is not played again")
    given = parser.parse_args()
    there = kept_rows(given.json)
    tasks = [(by, seed) for by in given.by for seed in range(given.changes)]
    left = missing(there, tasks, lambda task: {"by": task[0], "seed": task[1]})
    fresh = played_rows(left, judged, lambda _, row: asdict(row), given.json, processes(given.jobs))
    made = list(track(fresh, "signed otherwise", len(left)))
    wanted = set(tasks)
    rows = [ResignedHistory(**row) for row in (*there, *made) if (row["by"], row["seed"]) in wanted]
    Console(width=max(Console().width, 120)).print(summary(rows))
    wrong = [row for row in rows if row.wrong]
    for row in wrong[:20]:
        said = f"audit {row.audit}, page {row.page}: {'; '.join(row.how)}"
        print(f"{row.by} {row.seed} {row.change}: {row.wrong}: {said}")
    return 14 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
