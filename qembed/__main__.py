"""`python -m qembed` and the console script."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Runs the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # data is UTF-8 whatever cron's locale says
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    from qembed.cli.app import app

    app(prog_name="qembed")


if __name__ == "__main__":
    main()
