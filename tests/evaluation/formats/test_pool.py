"""Pools to judge: written, graded by hand, read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import InputError, UsageError
from qembed.evaluation import (
    Candidate,
    read_pool,
    read_qrels,
    write_pool,
    write_qrels,
)
from tests.evaluation.formats.table_files import problems, written

ROWS = [
    Candidate("q1", "two\twords", "a.md", "A", "text\nof a", None),
    Candidate("q1", "two\twords", "b.md", "", '=1+1 "quoted"', 2),
    Candidate("q2", "\u4e09", "a.md", "A", "text of a", None),
]


def graded(path: Path, grades: Sequence[int | None]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".jsonl":
        bodies = [json.loads(line) for line in lines]
        lines = [json.dumps(b | {"grade": g}) for b, g in zip(bodies, grades, strict=True)]
    else:
        rows = [line.split("\t") for line in lines[1:]]
        cells = ["" if g is None else str(g) for g in grades]
        lines[1:] = ["\t".join([*r[:-1], g]) for r, g in zip(rows, cells, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", ["pool.tsv", "pool.jsonl"])
def test_a_graded_pool_becomes_judgments(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_pool(ROWS, path)
    heard: list[str] = []
    assert read_pool(path, warn=heard.append) == {"q1": {"b.md": 2}}
    assert "left out: 2" in heard[0]
    graded(path, [1, 0, -1])
    found = read_pool(path)
    assert found == {"q1": {"a.md": 1, "b.md": 0}, "q2": {"a.md": -1}}
    write_qrels(found, tmp_path / "qrels.tsv")
    assert read_qrels(tmp_path / "qrels.tsv") == found


def test_a_table_opens_in_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "pool.tsv"
    write_pool(ROWS, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].split("\t") == ["query-id", "query", "corpus-id", "title", "text", "grade"]
    assert [len(line.split("\t")) for line in lines] == [6] * 4
    assert lines[1].startswith("q1\ttwo words\ta.md\tA\ttext of a")
    assert "'=1+1" in lines[2]  # not a formula
    # as one saves it: quotes doubled, the empty last column gone
    path.write_text(
        'query-id\tquery\tcorpus-id\ttext\tgrade\nq1\t"say ""hi"""\t"a.md"\tx\t1\nq1\tw\tb\tx\n'
    )
    assert read_pool(path) == {"q1": {"a.md": 1}}


def test_mistakes_have_a_line(tmp_path: Path) -> None:
    path = tmp_path / "pool.tsv"
    head = "query-id\tcorpus-id\tgrade\n"
    path.write_text(head + "q1\ta\tx\nq1\n\tb\t1\nq1\tc\t1\nq1\tc\t2\n")
    with pytest.raises(InputError) as e:
        read_pool(path)
    assert [p.rpartition("pool.tsv:")[2][:1] for p in e.value.problems] == ["2", "3", "4", "6"]
    path.write_text(head + "q1\ta\t\n")
    with pytest.raises(InputError, match="nothing in it is graded"):
        read_pool(path)
    path.write_text("no\theader\nq1\ta\t1\n")
    with pytest.raises(InputError, match="no header"):
        read_pool(path)
    with pytest.raises(InputError, match=r"\.jsonl takes them"):
        write_pool([Candidate("q1", "w", "a b\tc", "", "")], path)
    with pytest.raises(UsageError, match="cannot write the id"):
        write_qrels({"q": {"a\tb": 1}}, path)


ids = st.text(min_size=1, max_size=8).filter(lambda s: s.strip())


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.tuples(ids, ids), st.integers(-3, 3), min_size=1, max_size=6))
@pytest.mark.slow
def test_any_ids_survive_json_lines(
    tmp_path_factory: pytest.TempPathFactory, grades: dict[tuple[str, str], int]
) -> None:
    path = tmp_path_factory.mktemp("pool") / "p.jsonl"
    write_pool([Candidate(q, "w", d, "", "t", g) for (q, d), g in grades.items()], path)
    found = read_pool(path)
    assert {(q, d): g for q, have in found.items() for d, g in have.items()} == grades


def test_a_pool_may_come_back_as_csv(tmp_path: Path) -> None:
    text = (
        'query-id;query;corpus-id;title;text;grade\nq1;"say ""hi""; now";a.md;A;"two\nlines";1\n'
        "q1;w;b.md;;x;\nq2;w;a.md;;y;2.0\n"
    )
    heard: list[str] = []
    assert read_pool(written(tmp_path, text), warn=heard.append) == {
        "q1": {"a.md": 1},
        "q2": {"a.md": 2},
    }
    assert heard[0].endswith("left out: 1")


def test_a_pool_without_grades_column_names_what_is_wanted(tmp_path: Path) -> None:
    (found,) = problems(read_pool, written(tmp_path, "query\tcorpus-id\tfoo\nx\ta\t1\n"))
    assert found.startswith("F:1: ")
    assert "columns 'query', 'corpus-id', 'foo'; wanted are query id (query-id, qid" in found
