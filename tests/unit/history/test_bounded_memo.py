"""Memory of decoders: small blocks, so that reading them again costs nothing; never large ones."""

import pytest

from chain_bandit.chain_history.blocks import RawBlock
from chain_bandit.chain_history.bounded_memo import LARGEST, remembered

HALF = LARGEST // 2


@pytest.mark.parametrize(
    ("argument", "times"),
    [
        (bytes(LARGEST), 1), (bytes(LARGEST + 1), 3), ((bytes(HALF), bytes(HALF)), 1),
        ((bytes(HALF), bytes(HALF), b"\0"), 3), (RawBlock(b"", (bytes(HALF),), (bytes(HALF),)), 1),
        (RawBlock(b"\0", (bytes(HALF),), (bytes(HALF),)), 3), (RawBlock(b"", (), (), (bytes(LARGEST + 1),)), 3),
    ],
)  # fmt: skip
def test_only_small_arguments_are_remembered(argument: object, times: int) -> None:
    asked = list[object]()

    @remembered(4)
    def function(value: object, other: int) -> int:
        """Counts."""
        asked.append(value)
        return len(asked)

    told = [function(argument, 7) for _ in range(3)]
    assert len(asked) == times
    assert told == ([1, 1, 1] if times == 1 else [1, 2, 3])
    assert function.__doc__ == "Counts."


def test_only_the_last_ones_are_remembered() -> None:
    asked = list[int]()

    @remembered(2)
    def function(value: int) -> None:
        asked.append(value)

    for value in (1, 2, 1, 2, 3, 1):
        function(value)
    assert asked == [1, 2, 3, 1]
