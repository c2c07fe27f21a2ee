"""A refresh with nothing changed beside a bare walk of the same tree.

    python -m tests.bench.refresh            20,000 small files in 400 folders

The walk is `os.scandir` and a stat of every file, nothing else. Both are measured twice: as whole processes
(a Python process that only walks, beside `qembed index`), and inside one process that has everything
imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.table import fact, in_turn, row

FILES = 20_000
A_FOLDER = 50
SPEC = "py:tests.bench.encoder:static"
ROOT = Path(__file__).resolve().parents[2]

WALK = """
import os, sys
def walk(folder):
    n = 0
    with os.scandir(folder) as entries:
        for e in entries:
            if e.is_dir(follow_symlinks=False):
                n += walk(e.path)
            else:
                e.stat(follow_symlinks=False)
                n += 1
    return n
"""


def tree(folder: Path) -> None:
    """FILES small files, old enough for their times to be believed."""
    for i in range(FILES):
        below = folder / f"{i // A_FOLDER // 20:02d}/{i // A_FOLDER % 20:02d}"
        if i % A_FOLDER == 0:
            below.mkdir(parents=True)
        path = below / f"note-{i:05d}.md"
        path.write_text(f"# Note {i}\n\nSomething about {i % 997} and {i % 89}.\n")
        os.utime(path, (1.7e9, 1.7e9))


def main() -> None:
    """Prints the two ratios and what a refresh did."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree(folder / "docs")
        env = {**os.environ, "PYTHONPATH": str(ROOT), "QEMBED_MODEL": SPEC}
        command = [sys.executable, "-m", "qembed", "index", "-q"]
        subprocess.run([*command, "docs"], cwd=folder, env=env, check=True, capture_output=True)

        def ours() -> None:
            subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)

        def bare() -> None:
            code = WALK + "assert walk('docs') == int(sys.argv[1])"
            subprocess.run([sys.executable, "-c", code, str(FILES)], cwd=folder, check=True)

        ours()
        a, b, ratio = in_turn(ours, bare, 7)
        row(f"refresh of {FILES:,} files, whole process", a, b, ratio, "bare walk, whole process")
        inside(folder)


def inside(folder: Path) -> None:
    """The same without what starting Python and importing libraries takes."""
    from qembed.pipeline.indexing.build import build
    from qembed.pipeline.indexing.options import IndexOptions

    space: dict[str, object] = {}
    exec(WALK, space)
    walk = space["walk"]
    assert callable(walk)

    def ours() -> None:
        summary = build(folder / ".qembed", IndexOptions())
        assert summary.documents["unchanged"] == FILES
        assert summary.passages["encoded"] == 0
        assert "load" not in summary.seconds

    ours()
    a, b, ratio = in_turn(ours, lambda: walk(folder / "docs"), 9)
    row(f"refresh of {FILES:,} files, inside", a, b, ratio, "bare walk, inside")
    fact("models loaded, texts encoded", "0, 0")


if __name__ == "__main__":
    main()
