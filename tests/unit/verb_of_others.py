"""A command as another package offers it."""

EXAMPLES = ("shout hello",)


def shout(word: str) -> None:
    """Print a word in capitals."""
    print(word.upper())
