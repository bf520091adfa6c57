"""Completion of package-lock.json: npm omits platform packages that a registry lacks, and `npm ci` then refuses."""

import json
import re
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "package-lock.json"
CPU = {"amd64": "x64", "arm64": "arm64"}


def main() -> None:
    lock = json.loads(LOCK.read_text("utf-8"))
    packages = lock["packages"]
    for entry in list(packages.values()):
        for name, version in entry.get("optionalDependencies", {}).items():
            platform = re.fullmatch(r"@foundry-rs/\w+-(\w+)-(\w+)", name)
            if platform and f"node_modules/{name}" not in packages:
                packages[f"node_modules/{name}"] = {
                    "version": version, "cpu": [CPU[platform[2]]], "dev": True, "optional": True, "os": [platform[1]],
                }  # fmt: skip
    lock["packages"] = dict(sorted(packages.items()))
    LOCK.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
