"""Entry points of installed packages, by group."""

from importlib.metadata import EntryPoint, entry_points

from chain_bandit import plugins


def points(group: str) -> list[EntryPoint]:
    """Entry points of the group `chain_bandit.GROUP`, of all packages whose own can be read."""
    try:
        return list(entry_points(group=f"chain_bandit.{group}"))
    except Exception:  # noqa: BLE001 - of some package: the robust reader, which takes longer, passes over it
        return plugins._group(group)
