"""The money section of the page: what everybody took home, and the statement of every account."""

from collections.abc import Sequence

from chain_bandit.auditor.report import Account
from chain_bandit.game_names import clean
from chain_bandit.views import plots
from chain_bandit.views.canvas import themed
from chain_bandit.views.markup import Markup, TableCell, code, facts_list, picture, table, tag
from chain_bandit.views.phrases import SECTIONS, attacking_pays
from chain_bandit.views.view_model import ViewModel, amount, short, signed, whole


def money_section(facts: ViewModel) -> Markup:
    """Payouts, the books of every account, and what was never paid out."""
    game, report = facts.report.game, facts.report
    owner = next((account for account in report.accounts if account.seat is None), None)
    pairs: list[tuple[str, object]] = [
        ("pool of the environment, wei", whole(owner.stake) if owner else "\N{EN DASH}"),
        ("stake of each participant, wei", _stakes([a.stake for a in report.accounts if a.seat is not None])),
        ("hidden cost c, in rewards", amount(game.get("cost"), 4)),
        ("rounds of case 2", whole(facts.case_2)),
        ("withdrawn, wei", whole(sum(account.withdrawn for account in report.accounts))),
        ("burned, wei", whole(report.burned)),
    ]
    return tag(
        "section",
        tag("h2", SECTIONS["money"]),
        tag("p", attacking_pays(facts)),
        picture(themed(facts.drawn(plots.money)), _MARK if any(p.cost for p in facts.participants) else None),
        _statement(facts),
        facts_list(pairs),
        id="money",
    )


_MARK = (
    "A bar ends at what was taken home, rewards less cost; the dark mark is at the rewards alone. A cost "
    "below zero was paid out, to malicious seats in rounds of case 2."
)


def _stakes(deposits: Sequence[int]) -> str:
    """What each seat put in: one number where all put in the same, else the least and the most."""
    if not deposits:
        return whole(None)
    least, most = min(deposits), max(deposits)
    return whole(least) if least == most else f"{whole(least)} to {whole(most)}, by weight in the draw"


def _statement(facts: ViewModel) -> Markup | None:
    """Every account's movements in rewards, the environment last; columns in which nothing stands are left out."""
    wei = (facts.report.game.get("parameters") or {}).get("wei_per_unit")
    if not facts.report.accounts or not wei:
        return None
    columns = {name: values for name, values in _movements(facts.report.accounts, wei).items() if any(values)}
    rows: list[list[object]] = [
        [
            "pool" if account.seat is None else account.seat,
            "environment" if account.seat is None else clean(account.role or facts.no_role, 18),
            *(TableCell(signed(values[at]) if name == "net" else amount(values[at]), values[at])
              for name, values in columns.items()),
            tag("span", code(short(clean(account.address))), facts.seat_name(account.seat),
                title=clean(account.address)),
        ]
        for at, account in enumerate(facts.report.accounts)
    ]  # fmt: skip
    return tag(
        "div",
        table(["seat", "role as revealed", *columns, "address"], rows, "n-" + "n" * len(columns) + "-"),
        tag("p", f"In rewards of {wei * 10**9:,} wei. Every movement, in double entry and to the wei: ",
            code("chain-bandit audit RUN_DIR --statement money.csv"), class_="quiet"),
    )  # fmt: skip


def _movements(accounts: Sequence[Account], wei: int) -> dict[str, list[float | None]]:
    """The columns of the statement in units."""

    def units(name: str) -> list[float | None]:
        return [None if (value := getattr(account, name)) is None else value / wei for account in accounts]

    return {
        "stake": units("stake"), "rewards": [account.rewards for account in accounts], "cost": units("cost"),
        "penalty": units("penalty"), "void rewards": units("void"), "share": units("share"),
        "net": units("net"), "withdrawn": units("withdrawn"),
        "owed": units("owed"),
    }  # fmt: skip
