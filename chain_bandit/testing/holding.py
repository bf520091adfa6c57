"""An assertion that holds under `python -O` too."""


def require(holds: object, otherwise: str) -> None:
    """Raises `AssertionError` with the sentence unless it holds."""
    if not holds:
        raise AssertionError(otherwise)
