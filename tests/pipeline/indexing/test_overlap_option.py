"""The option `--overlap`: what it shares in an index, and that indexes made without it stay as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from qembed.models import open_model
from qembed.pipeline.recipe import (
    OVERLAP_IN_PARAGRAPHS,
    OVERLAP_IN_SECTIONS,
    RecipeOptions,
    inherit_options,
    make_recipe,
)
from qembed.store.manifest import Manifest
from tests.cli.conftest import Shell
from tests.corpus.counts import prose
from tests.pipeline.conftest import BAG

TEXT = "\n\n".join(prose(260, seed).replace("\n\n", " ") for seed in range(40))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "work"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "a.txt").write_text(TEXT, "utf-8")
    return Shell(folder)


def borders(shell: Shell) -> list[int]:
    """Characters that each passage repeats of the one before."""
    line = shell("query", "time", "-k", "99", "--format", "jsonl", "--no-server").out.splitlines()
    hits = sorted((json.loads(text)["passage"] for text in line), key=lambda p: p["start"])
    return [max(0, a["end"] - b["start"]) for a, b in pairwise(hits)]


@pytest.mark.slow
def test_neighbours_share_what_is_asked_for(shell: Shell) -> None:
    size = ("--max-tokens", "80")
    assert shell("index", "docs", *size).code == 0
    default = borders(shell)
    assert sum(n > 0 for n in default) < len(default) / 2
    assert "overlap 10 within paragraphs" in shell("status").out
    assert shell("index", "--rebuild", "--overlap", "20").code == 0
    found = borders(shell)
    assert all(n > 0 for n in found)
    assert len(found) > 28
    assert "overlap 20 within sections" in shell("status").out
    assert shell("index", "--rebuild").code == 0
    assert borders(shell) == found
    assert shell("index", "--rebuild", "--overlap", "0").code == 0
    assert not any(borders(shell))
    assert "overlap 0," in shell("status").out
    assert shell("index", "docs", "--overlap", "20").code == 2


def test_recipes() -> None:
    model = open_model(BAG)
    default = make_recipe(model, RecipeOptions(max_tokens=80))
    assert (default.overlap, default.version) == (10, OVERLAP_IN_PARAGRAPHS)
    same = make_recipe(model, RecipeOptions(max_tokens=80, overlap=10))
    assert (same.overlap, same.version) == (10, OVERLAP_IN_SECTIONS)
    assert same.fingerprint != default.fingerprint
    none = make_recipe(model, RecipeOptions(max_tokens=80, overlap=0))
    assert (none.overlap, none.version) == (0, OVERLAP_IN_PARAGRAPHS)

    def rebuilt(recipe, **options):  # type: ignore[no-untyped-def]
        wanted = inherit_options(RecipeOptions(**options), Manifest(recipe, BAG))
        made = make_recipe(model, wanted)
        return made.max_tokens, made.overlap, made.version

    assert rebuilt(default) == (80, 10, OVERLAP_IN_PARAGRAPHS)
    assert rebuilt(same) == (80, 10, OVERLAP_IN_SECTIONS)
    assert rebuilt(none) == (80, 0, OVERLAP_IN_PARAGRAPHS)
    # an option of an earlier version is kept, and now holds at every border
    assert rebuilt(replace(default, overlap=16)) == (80, 16, OVERLAP_IN_SECTIONS)
    assert rebuilt(default, overlap=10) == (80, 10, OVERLAP_IN_SECTIONS)
    assert rebuilt(same, max_tokens=64) == (64, 8, OVERLAP_IN_PARAGRAPHS)
