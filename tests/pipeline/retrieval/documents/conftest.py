"""One index of a few documents, open for all tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session

GUIDE = """# Refunds

Money comes back within five days.


## Late parcels

A parcel that is late is paid back in full.
  - indented, with two blanks
  - and again

## Exchange

{long}
"""
SUBJECTS = ("harbour", "violin", "glacier", "orchard")


def sentences(word: str, n: int, seed: int = 0) -> str:
    return "\n".join(
        f"The {word} {word}{i % 7} has thing{(i * 31 + seed) % 997} today." for i in range(n)
    )


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    docs = folder / "docs"
    (docs / "deep").mkdir(parents=True)
    (docs / "guide.md").write_text(GUIDE.format(long=sentences("exchange", 60)))
    for word in SUBJECTS:
        for i in range(3):
            (docs / f"{word}{i}.txt").write_text(sentences(word, 12, 100 * i))
    (docs / "deep/twin.txt").write_text((docs / "violin0.txt").read_text())
    (docs / "short.txt").write_text("The violin violin3 has thing62 today.")
    records = [
        {"_id": "r/1", "text": "A record of the glacier.\n\nIts end.", "title": "R", "n": 1},
        {"_id": "r/2", "text": "The orchard orchard1 has an orchard orchard2.", "n": 2},
        {"_id": "r/3", "text": "", "title": "Nothing"},
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    recipe = RecipeOptions(model="py:tests.encoders:bag", max_tokens=40, overlap=8)
    paths = (str(docs), str(folder / "rows.jsonl"))
    build(folder / ".qembed", IndexOptions(paths=paths, recipe=recipe))
    return folder


@pytest.fixture(scope="package")
def session(folder: Path) -> Iterator[Session]:
    with Session(folder / ".qembed") as session:
        yield session
