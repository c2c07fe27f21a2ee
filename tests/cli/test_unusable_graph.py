"""A graph that cannot be searched: each command that was asked for it says why, and searches exactly."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Filled, Shell

POOR = "the graph finds 70.0% of the ten nearest, wanted are 98%"
DAMAGED = "the graph is damaged (qembed index makes a new one)"
MISSING = "there is no graph yet (qembed index makes one)"
COMMANDS: dict[str, tuple[str, ...]] = {
    "query": ("query", "page 7", "--mode", "dense"),
    "similar": ("similar", "d7.txt"),
    "duplicates": ("duplicates",),
}


@pytest.fixture
def many(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        for i in range(60):
            shell.write(f"docs/d{i}.txt", f"text page {min(i, 58)} of the manual")
        shell.old()
        assert shell("index", "docs").code == 0

    return filled(index)


def graph_file(derived: Path) -> Path:
    (path,) = derived.glob("graph-*.bin")
    return path


def spoil(derived: Path, how: str) -> None:
    stamp = derived / "graph.json"
    if how == "poor":
        body: dict[str, Any] = json.loads(stamp.read_text())
        body["extra"]["recall"] = 0.7
        stamp.write_text(json.dumps(body))
    elif how == "no stamp":
        stamp.unlink()
    elif how == "junk":
        stamp.write_text("{")
    elif how == "gone":
        graph_file(derived).unlink()
    elif how == "truncated":
        os.truncate(graph_file(derived), 100)
    else:
        path = graph_file(derived)
        body_ = bytearray(path.read_bytes())
        body_[len(body_) // 2] ^= 0xFF
        path.write_bytes(body_)


def documents(body: Any) -> list[list[str]]:
    """Documents of each query, or of each cluster."""
    found = [q["hits"] for q in body.get("queries", [])]
    found += [c["members"] for c in body.get("clusters", [])]
    assert found
    return [[h["document"] for h in hits] for hits in found]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("poor", POOR),
        ("no stamp", MISSING),
        ("junk", DAMAGED),
        ("gone", DAMAGED),
        ("truncated", DAMAGED),
        ("damaged", DAMAGED),
    ],
)
@pytest.mark.slow
def test_a_search_in_a_graph_that_cannot_be_used_says_why(
    many: Shell, command: str, how: str, why: str
) -> None:
    asked = COMMANDS[command]
    exact = many(*asked, "--search", "exact", "--format", "json").json
    spoil(many.folder / ".qembed/derived", how)
    for _ in range(2):  # the second one finds the note of the damage
        found = many(*asked, "--search", "graph", "--format", "json")
        assert found.code == 0
        warning = f"--search graph: {why}; the search was exact"
        assert found.json["warnings"] == [warning]
        assert warning in found.err
        assert documents(found.json) == documents(exact)
        assert found.json["search"].startswith("exact (")
    assert many(*asked, "--format", "json").json["warnings"] == []


def test_a_usable_graph_is_searched_without_a_warning(many: Shell) -> None:
    for asked in COMMANDS.values():
        found = many(*asked, "--search", "graph", "--format", "json")
        assert found.json["search"].startswith("graph (")
        assert found.json["warnings"] == []


def test_duplicates_within_few_documents_are_compared_exactly(many: Shell) -> None:
    found = many(
        "duplicates", "--search", "graph", "--where", "path = 'd7.txt'", "--format", "json"
    )
    assert found.json["search"].endswith("the filter leaves 1 of 60 rows)")
    assert found.json["warnings"] == []
