"""Determinism test: the same run and audit under several Pythons and four hash seeds, byte for byte.

Exits 16 on a difference, 2 on one Python twice:

    python -m scripts.same_verdicts .venv/bin .venv-next/bin

Each folder holds a `chain-bandit`. Every Python plays `examples/small.toml`, and audits what the first one exported.
"""

import gzip
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
SCENARIO, SEEDS = ROOT / "examples" / "small.toml", range(4)


def told(bin_: Path, seed: int, *arguments: object) -> bytes:
    """What a command prints. Raises `CalledProcessError` where it does not end well."""
    return subprocess.run(
        [bin_ / "chain-bandit", *map(str, arguments)], check=True, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
    ).stdout  # fmt: skip


def version(bin_: Path) -> str:
    said = subprocess.run([bin_ / "python", "--version"], check=True, capture_output=True, text=True)
    return said.stdout.strip()


def main(bins: list[Path]) -> int:
    pythons = {bin_: version(bin_) for bin_ in bins}
    if len(set(pythons.values())) < len(bins):
        print(f"one Python twice ({', '.join(pythons.values())}): name another", file=sys.stderr)
        return 2
    histories, verdicts = set[bytes](), set[bytes]()
    with TemporaryDirectory() as place:
        export = Path(place) / f"{bins[0].parent.name}-0" / "history.jsonl.gz"
        for bin_ in bins:
            for seed in SEEDS:
                out = Path(place) / f"{bin_.parent.name}-{seed}"
                told(bin_, seed, "run", SCENARIO, "--out", out, "--json")
                history = gzip.decompress((out / "history.jsonl.gz").read_bytes())  # zlib is not the same everywhere
                verdict = told(bin_, seed, "audit", "--history", export, "--json")
                histories.add(history)
                verdicts.add(verdict)
                print(f"{pythons[bin_]}, hash seed {seed}: history {sha256(history).hexdigest()[:16]}, "
                      f"verdict {sha256(verdict).hexdigest()[:16]}", flush=True)  # fmt: skip
    same = len(histories) == len(verdicts) == 1
    print("the same, byte for byte" if same else "NOT the same")
    return 0 if same else 16


if __name__ == "__main__":
    sys.exit(main([Path(each).absolute() for each in sys.argv[1:]]))
