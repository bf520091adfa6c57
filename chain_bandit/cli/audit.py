"""`chain-bandit audit`: a run folder, an exported history, or a game on a node."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.chain_history.blocks import LAST_BLOCK
from chain_bandit.cli.options import ForeignRules, Json, Page, Paranoid, TrustedHead, run_foreign
from chain_bandit.cli.page import end_audit, lost_as_json, unwritten, write_page
from chain_bandit.output import answer
from chain_bandit.usage import Usage, hexadecimal, named_game

EXAMPLES = (
    "audit runs/demo --checks",
    "audit --history history.jsonl.gz --paranoid",
    "audit --rpc URL --contract game.json --export history.jsonl.gz",
)


# Long by the declarations of its options.
def audit(
    folder: Annotated[Path | None, typer.Argument(help="A run folder.")] = None,
    history: Annotated[Path | None, typer.Option("--history", help="An exported history.")] = None,
    rpc: Annotated[str | None, typer.Option("--rpc", envvar="ETH_RPC_URL", help="A node's URL.")] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", help="With --rpc: the address, a deployment file or a run folder.")
    ] = None,
    from_block: Annotated[
        int | None,
        typer.Option("--from-block", min=0, max=LAST_BLOCK, help="Block of the contract's creation, if known."),
    ] = None,
    to_block: Annotated[
        int | None, typer.Option("--to-block", min=0, max=LAST_BLOCK, help="The last block to read.")
    ] = None,
    bodies: Annotated[
        list[str] | None,
        typer.Option("--bodies", metavar="FILE|URL", help="With --rpc: a compact game's export, or a node."),
    ] = None,
    export: Annotated[
        Path | None, typer.Option("--export", help="With --rpc: write the history here; a stopped audit resumes.")
    ] = None,
    head: TrustedHead = None,
    trail: Annotated[
        Path | None, typer.Option("--trail", help="Earlier audit.json: find the first differing block.")
    ] = None,
    statement: Annotated[
        Path | None, typer.Option("--statement", metavar="FILE", help="Write all money movements: .csv or .parquet.")
    ] = None,
    page: Page = None,
    paranoid: Paranoid = False,
    rule: ForeignRules = None,
    every: Annotated[bool, typer.Option("--checks", help="List every check, also those that passed.")] = False,
    as_json: Json = False,
) -> None:
    """Audit a game: recompute it from its history alone. Exit 12: a violation; 13: something not checkable."""
    from chain_bandit.audits import audit_file, audit_folder, page_of, trail_of
    from chain_bandit.game.folder import REPORT
    from chain_bandit.game_names import names_in
    from chain_bandit.views.statement import written
    from chain_bandit.views.terminal import Blocks, checks_table, console, statements_table, to_open

    if (folder is not None) + (history is not None) + (contract is not None) != 1:
        raise Usage("name one thing to audit: a run folder, --history FILE, or --rpc URL --contract ADDRESS")
    if contract is None and any(each is not None for each in (from_block, to_block, bodies, export)):
        raise Usage("--from-block, --to-block, --bodies and --export go with --rpc and --contract")
    if export is not None and export.is_dir():
        raise Usage(f"--export {export}: is a folder; name a file")
    if page is not None and (page.is_dir() or not page.parent.is_dir()):
        raise Usage(f"--page {page}: there is no folder for it, or a folder in its place")
    if contract is not None and rpc is None:
        raise Usage("--contract needs --rpc URL (or ETH_RPC_URL)")
    kept = hexadecimal(head, 32, "--head") if head is not None else None
    way = trail_of(trail) if trail else b""
    run_foreign(rule)
    with ExitStack() as stack:
        told = stack.enter_context(written(statement)) if statement else None
        observe = stack.enter_context(Blocks(hidden=as_json))
        if contract is not None and rpc is not None:
            from chain_bandit.chain.notice import on_stderr
            from chain_bandit.chain.remote import at_url  # late: web3 takes seconds to load, and only this asks a node
            from chain_bandit.runs import history_of_node

            node = at_url(rpc, on_stderr)
            address, first = named_game(node, contract, "--contract")
            first = from_block if from_block is not None else first
            fetched = history_of_node(node, address, first, to_block, bodies or (), export, observe, head=kept)
            history = stack.enter_context(fetched)
        if history is not None:
            report = audit_file(history, kept, on_movement=told, paranoid=paranoid, observe=observe, trail=way)
        else:
            assert folder is not None
            report = audit_folder(folder, kept, on_movement=told, paranoid=paranoid, observe=observe, trail=way)
        names = names_in(Path(contract or ""))
        shown = page_of(history or folder or Path(), report, names=names) if page is not None else ""
        page_lost = write_page(page, shown) if page is not None else ""
    lost = "; ".join(filter(None, (page_lost, unwritten(told.lost) if told and told.lost else "")))
    if as_json:
        answer(report.as_dict(with_rounds=False) | lost_as_json(lost), sort_keys=True)
    else:
        kept_at = folder / REPORT if folder and (folder / REPORT).is_file() else None
        drawn_at = page if page and not page_lost else kept_at
        console().print(
            checks_table(report, every, head=report.head if report.head_trusted and contract is None else ""),
            statements_table(report, names.seats),
            *([to_open(drawn_at)] if drawn_at else []), sep="\n",
        )
    end_audit(lost, report.exit_code)
