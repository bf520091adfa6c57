"""Branch-coverage floors of packages: reads coverage.xml, exits 1 below a floor."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

FLOORS = {"chain_bandit/protocol": 0.95, "chain_bandit/consensus": 0.95}


def branch_rate(report: ET.Element, folder: str) -> tuple[int, int]:
    """Branches taken and branches in all, over the files of a folder."""
    taken = total = 0
    for file in report.iter("class"):
        if folder.split("/", 1)[1] + "/" in file.get("filename", ""):
            for line in file.iter("line"):
                if line.get("branch") == "true":
                    hit, of = line.get("condition-coverage", "").split("(")[1].rstrip(")").split("/")
                    taken, total = taken + int(hit), total + int(of)
    return taken, total


def main() -> int:
    report = ET.parse(Path("coverage.xml")).getroot()
    below = 0
    for folder, floor in FLOORS.items():
        taken, total = branch_rate(report, folder)
        holds = total > 0 and taken >= floor * total
        below += not holds
        print(f"{folder}: {taken} of {total} branches, floor {floor:.0%}{'' if holds else ': BELOW'}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
