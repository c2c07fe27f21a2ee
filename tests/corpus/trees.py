"""Trees of files to walk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qembed.corpus import walk
from qembed.types import SourceFile


def make(root: Path, files: Sequence[str], **contents: str) -> None:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for name, text in contents.items():
        (root / name).write_text(text)


def rules(root: Path, text: str, folder: str = "", name: str = ".gitignore") -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / folder / name).write_text(text)


def names(root: Path, **options: object) -> list[str]:
    found = list(walk(root, **options))  # type: ignore[arg-type]
    assert all(isinstance(f, SourceFile) for f in found), found
    return [f.name for f in found if isinstance(f, SourceFile)]
