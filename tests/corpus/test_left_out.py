"""The reasons for which a file is left out agree with the walk, for every file of a tree of all kinds."""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

import pytest

from qembed.corpus import GONE, LeftOutReasons, walk
from qembed.types import SourceFile

FOLDERS = ["", "a/", "a/b/", ".h/", "out/", ".git/", "CVS/", "out/keep/"]
LEAVES = ["x.md", "y.txt", ".dot.md", "README", "z.xyz", "build.log", "history.3.pyc", "big.txt"]
PICTURES = ["p.png", "p.caption", "big.JPG", ".dot.gif"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    for folder, leaf in itertools.product(FOLDERS, LEAVES + PICTURES):
        path = root / folder / leaf
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (900 if leaf.startswith("big") else 3))
    (root / "CVS/Entries").write_text("")
    (root / ".gitignore").write_text("# no\n*.log\n/out/*\n!/out/keep/\n")
    (root / "a/.qembedignore").write_text("y.*\n")
    (root / "link.md").symlink_to("x.md")
    (root / "linked").symlink_to("a")
    os.mkfifo(root / "pipe.txt")
    return root


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.slow
def test_every_file_has_a_reason_or_is_found(tree: Path, seed: int) -> None:
    rng = random.Random(seed)
    options = {
        "include": rng.choice([[], ["*.md"], ["a/"], ["*.xyz", "!a/"], ["*", "!b/*"]]),
        "exclude": rng.choice([[], ["y.*"], ["b/"], ["a/*", "!a/x.md"]]),
        "use_ignore": rng.random() < 0.7,
        "hidden": rng.random() < 0.5,
        "max_size": rng.choice([None, 100]),
        "pictures": rng.choice([None, "a picture"]),
    }
    skipped: dict[str, str] = {}
    walked = walk(tree, **options, on_skip=skipped.__setitem__)  # type: ignore[arg-type]
    found = {f.name for f in walked if isinstance(f, SourceFile)}
    reasons = LeftOutReasons(tree, **options)  # type: ignore[arg-type]
    names = [(Path(d) / n).relative_to(tree).as_posix() for d, _, f in os.walk(tree) for n in f]
    assert {n for n in names if reasons.reason(n) is None} == found
    said = {n: why for n, why in skipped.items() if not why.startswith(("hidden", "ignored"))}
    assert {n: reasons.reason(n) for n in said if n in names} == {
        n: said[n] for n in said if n in names
    }


def test_reasons_name_what_decides(tree: Path) -> None:
    reasons = LeftOutReasons(tree, exclude=["*.txt", "q*"], include=["*.md", "README"])
    said = {
        n: reasons.reason(n)
        for n in ("no.md", "a/none/x.md", "build.log", "out/x.md", "a/y.txt", "y.txt", "link.md", "x.md/x")
    }  # fmt: skip
    assert said == {
        "no.md": GONE,
        "a/none/x.md": GONE,
        "build.log": f"ignored by {tree}/.gitignore:2",
        "out/x.md": f"ignored by {tree}/.gitignore:3",
        "a/y.txt": f"ignored by {tree}/a/.qembedignore:1",
        "y.txt": "filtered by --exclude '*.txt'",
        "link.md": "symbolic link",
        "x.md/x": GONE,
    }
    assert LeftOutReasons(tree, include=["*.md"]).reason("README") == (
        "filtered by --include '*.md'"
    )


def test_a_single_file_is_explained_too(tree: Path) -> None:
    assert LeftOutReasons(tree / "big.txt").reason("big.txt") is None
    assert LeftOutReasons(tree / "big.txt").reason("x.md") == GONE
    said = LeftOutReasons(tree / "big.txt", max_size=100).reason("big.txt")
    assert said == "larger than --max-file-size"
    for read, why in ((None, None), ("a picture", "a picture")):
        assert LeftOutReasons(tree / "p.png", pictures=read).reason("p.png") == why
