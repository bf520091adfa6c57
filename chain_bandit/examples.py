"""Where the shipped scenarios lie: in the package when installed, in the repository's `examples` when editable."""

from pathlib import Path


def example(name: str) -> Path:
    """The path of a shipped scenario or data file."""
    package = Path(__file__).parent
    installed = package / "shipped_examples" / name
    return installed if installed.is_file() else package.parent / "examples" / name
