"""Examples of rerankers: lists and judgments to graded texts, preferences read with all mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.errors import InputError
from qembed.training.mining.lists import Negative, TrainingList
from qembed.training.reranker.examples import (
    GradedTexts,
    graded_texts,
    make_rows,
    read_preferences,
)


def made(query: str, document: str, *negatives: str) -> TrainingList:
    found = tuple(Negative(n, f"text {n}", None, None, "bm25") for n in negatives)
    return TrainingList(query, f"words {query}", document, f"text {document}", None, found)


def test_lists_of_one_query_are_one_example() -> None:
    lists = [made("q", "a", "x", "y"), made("q", "b", "x", "z"), made("r", "c", "x")]
    first, second = graded_texts(lists, {"q": {"a": 3, "b": 1}})
    assert first == GradedTexts(
        "q", "words q",
        ("a", "x", "y", "b", "z"),
        ("text a", "text x", "text y", "text b", "text z"),
        (3.0, 0.0, 0.0, 1.0, 0.0),
    )  # fmt: skip
    assert second.grades == (1.0, 0.0)


def test_a_relevant_text_is_no_negative_of_its_query() -> None:
    (example,) = graded_texts([made("q", "a", "b"), made("q", "b", "x")], {})
    assert dict(zip(example.documents, example.grades, strict=True)) == {"a": 1, "b": 1, "x": 0}


def test_rows() -> None:
    (example,) = graded_texts([made("q", "a", "x", "y")], {"q": {"a": 2}})
    (row,) = make_rows([example], "lambda")
    assert row.texts == ("words q", "text a", "text x", "text y")
    assert row.label == (2.0, 0.0, 0.0)
    pairs = make_rows([example], "binary")
    assert [(r.texts, r.label) for r in pairs] == [
        (("words q", "text a"), 1.0), (("words q", "text x"), 0.0), (("words q", "text y"), 0.0),
    ]  # fmt: skip


@pytest.mark.parametrize("loss", ["lambda", "binary"])
def test_equal_labels_teach_nothing(loss: str) -> None:
    with pytest.raises(InputError, match="the labels are all equal"):
        make_rows(graded_texts([made("q", "a"), made("r", "b")], {}), loss)
    # a query without negatives beside one that has some
    assert make_rows(graded_texts([made("q", "a"), made("r", "b", "x")], {}), loss)


def test_preferences(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    lines = [
        {"query": "refund", "chosen": "in five days", "rejected": "call us"},
        {"query": "refund", "chosen": "in five days", "rejected": "no", "chosen_id": 7,
         "rejected_id": "x"},
    ]  # fmt: skip
    path.write_text("\n\n".join(map(json.dumps, lines)))
    first, second = read_preferences(path)
    assert first.texts == first.documents == ("in five days", "call us")
    assert (second.documents, second.grades) == (("7", "x"), (1.0, 0.0))
    assert first.query_id == second.query_id == "refund"


def test_weights_are_read_and_their_mean_is_one(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    line = {"query": "q", "chosen": "a", "rejected": "b"}
    path.write_text("\n".join(json.dumps({**line, "weight": w}) for w in (0.5, 1.5)))
    found = read_preferences(path)
    assert [e.weight for e in found] == [0.5, 1.5]
    assert [row.weight for row in make_rows(found, "ranknet")] == [0.5, 1.5]
    assert [row.weight for row in make_rows(found[:1], "ranknet")] == [1.0]
    path.write_text(
        "\n".join(f'{json.dumps(line)[:-1]}, "weight": {w}}}' for w in ("0", '"1"', "NaN"))
    )
    with pytest.raises(InputError, match="holds mistakes") as e:
        read_preferences(path)
    assert len(e.value.problems) == 3
    assert "'weight' 0: above 0" in e.value.problems[0]


def test_mistakes_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"query": "a", "chosen": "b", "rejected": "c"}\n{"query": "a", "chosen": "b"}\nnothing\n'
        '{"query": "a", "chosen": "b", "rejected": "b"}\n[1]\n{"query": 3, "chosen": "b", "rejected": "b"}\n'
    )
    with pytest.raises(InputError, match="holds mistakes") as e:
        read_preferences(path)
    assert [p.split(": ")[0] for p in e.value.problems] == [f"{path}:{n}" for n in range(2, 7)]
    assert "'rejected' is missing" in e.value.problems[0]
    assert "the same text" in e.value.problems[2]
    path.write_text("\n")
    with pytest.raises(InputError, match="holds no preferences"):
        read_preferences(path)
    with pytest.raises(InputError, match="cannot read"):
        read_preferences(tmp_path / "none.jsonl")
