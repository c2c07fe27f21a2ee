"""An index of three subjects with metadata of each type, and a copy and a near-duplicate."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session

SUBJECTS = {
    "kitchen": [
        "flour",
        "oven",
        "butter",
        "sugar",
        "recipe",
        "bake",
        "dough",
        "yeast",
        "kitchen",
        "cake",
    ],
    "harbour": [
        "ship",
        "anchor",
        "sail",
        "mast",
        "harbour",
        "wave",
        "captain",
        "rudder",
        "crew",
        "tide",
    ],
    "garden": [
        "soil",
        "seed",
        "spade",
        "hedge",
        "garden",
        "bloom",
        "root",
        "leaf",
        "prune",
        "compost",
    ],
}


def records() -> list[dict[str, object]]:
    rng = random.Random(4)
    made: list[dict[str, object]] = []
    for n, (subject, words) in enumerate(SUBJECTS.items()):
        for i in range(30):
            text = " ".join(rng.choices(words, k=20)) + f" number{n}{i}"
            made.append(
                {
                    "_id": f"{subject}{i}",
                    "title": f"{subject.title()} {i}",
                    "text": text,
                    "kind": subject,
                    "year": 1990 + i,
                    "day": f"2026-0{1 + n}-11",
                    "draft": i % 2 == 0,
                    "only": f"name {n} {i}",
                }
            )
    made.append({**made[0], "_id": "copy"})
    return made


@pytest.fixture(scope="package")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("map")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(tmp_path_factory.mktemp("cache")))
        path = Path(folder) / "corpus.jsonl"
        path.write_text("".join(json.dumps(r) + "\n" for r in records()))
        recipe = RecipeOptions(model="py:tests.encoders:bag")
        build(folder / ".qembed", IndexOptions(paths=(str(path),), recipe=recipe))
        with Session(folder / ".qembed") as found:
            yield found
