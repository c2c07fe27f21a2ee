"""`make bench`: every routine benchmark, each in a process of its own. A name as argument runs just that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HELPERS = {
    "__init__",
    "__main__",
    "table",
    "encoder",
    "processes",
    "launch",
    "collection_files",
    "derived_collections",
    "kept_scores",
    "queueing",
}
ON_REQUEST = {"models", "published", "modes", "trees", "long_files", "train", "images", "eight_bit"}
"""Those that want an argument, or much time."""


def names() -> list[str]:
    """The routine benchmarks there are."""
    found = {p.stem for p in Path(__file__).parent.glob("*.py")}
    return sorted(found - HELPERS - ON_REQUEST)


def main() -> int:
    """Exit code 1 if a benchmark broke."""
    wanted = sys.argv[1:] or names()
    unknown = set(wanted) - set(names())
    if unknown:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    broken = 0
    for name in wanted:
        print(f"\n# {name}", flush=True)
        broken += subprocess.run([sys.executable, "-m", f"tests.bench.{name}"]).returncode != 0
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
