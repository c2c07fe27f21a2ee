"""Pairs of a log in two parts by time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.errors import InputError
from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.preferences import PreferenceOptions
from qembed.pipeline.feedback.log_pairs import divide_pairs
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from tests.feedback.logs import answer, event


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lines = [{"_id": d, "text": f"document {d} of the refund"} for d in "abcde"]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    recipe = RecipeOptions(model="py:tests.encoders:bag")
    build(tmp_path / ".qembed", IndexOptions(paths=(str(tmp_path / "c.jsonl"),), recipe=recipe))
    return tmp_path / ".qembed"


def fill(root: Path, answers: int) -> None:
    """Answers to one query, the newest first in the log; early ones prefer a, the last quarter b."""
    rows = []
    for n in reversed(range(answers)):
        name, best = f"q{n}", "a" if n < 0.75 * answers else "b"
        rows += [answer(name, time=1000.0 + n), answer(f"silent {n}", time=1000.0 + n)]
        rows.append(event(name, "thumbs_up", best, 1000.5 + n, client_id=f"c{n}"))
    LogStore(root).append([encode_row(row_of(r)) for r in rows])


def test_each_part_has_the_preferences_of_its_own_answers(root: Path) -> None:
    fill(root, 40)
    found = divide_pairs(root, PreferenceOptions(), 0.25, 0)
    assert found.since == 1030.0
    assert {(p["chosen_id"], p["time"]) for p in found.earlier} == {("a", 1029.0)}
    assert {(p["chosen_id"], p["time"]) for p in found.later} == {("b", 1039.0)}
    assert {p["chosen_id"] for p in found.whole.lines} == {"a", "b"}


def test_a_small_log_is_divided_in_halves_at_most(root: Path) -> None:
    fill(root, 8)
    assert divide_pairs(root, PreferenceOptions(), 0.1, 10).since == 1004.0
    assert divide_pairs(root, PreferenceOptions(), 0.1, 2).since == 1006.0


def test_nothing_logged_and_nothing_done(root: Path) -> None:
    with pytest.raises(InputError, match="nothing is logged yet"):
        divide_pairs(root, PreferenceOptions(), 0.2, 10)
    LogStore(root).append([encode_row(row_of(answer("1")))])
    found = divide_pairs(root, PreferenceOptions(), 0.2, 10)
    assert (found.whole.lines, found.earlier, found.later) == ([], [], [])
