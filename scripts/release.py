"""A release in one folder: wheel, source archive, notes from the changelog, bill of materials (SBOM), checksums.

    python -m scripts.release [--out dist]

uv builds both archives. cyclonedx-py lists what a game installs, from requirements.lock, as CycloneDX JSON.
`sha256sum --check SHA256SUMS` verifies the folder. Nothing is uploaded.
"""

import argparse
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from chain_bandit import __version__

ROOT = Path(__file__).resolve().parents[1]
SUMS = "SHA256SUMS"


def main() -> None:
    """Make the folder, and say what is in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    for file in release(parser.parse_args().out):
        print(file)


def release(out: Path) -> list[Path]:
    """Everything of this version. Raises `FileExistsError` unless the folder is new or empty."""
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty: name another folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    tools = Path(sys.executable).parent
    build: list[str | Path] = [tools / "uv", "build", "-q", "--no-build-isolation", "--no-create-gitignore"]
    subprocess.run([*build, "--python", sys.executable, "--out-dir", out, ROOT], check=True)
    listed: list[str | Path] = [tools / "cyclonedx-py", "requirements", "--output-reproducible", "--pyproject"]
    files: list[str | Path] = [ROOT / "pyproject.toml", "-o", out / "sbom.cdx.json", ROOT / "requirements.lock"]
    subprocess.run([*listed, *files], check=True)
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (out / "NOTES.md").write_text(notes(text, __version__), encoding="utf-8")
    made = sorted(out.iterdir())
    lines = [f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in made]
    (out / SUMS).write_text("".join(lines), encoding="utf-8")
    return [*made, out / SUMS]


def notes(changelog: str, version: str) -> str:
    """A version's part of the changelog. Raises `ValueError` where there is none, or nothing in it."""
    found = re.search(rf"^## {re.escape(version)}\n(.*?)(?=^## |\Z)", changelog, flags=re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise ValueError(f"CHANGELOG.md says nothing of {version}")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    main()
