"""`python -m verification.schedules`: the command, in a module of its own, since workers load that by its name."""

import sys

from verification.schedules.budget import main

if __name__ == "__main__":
    sys.exit(main())
