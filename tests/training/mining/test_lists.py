"""Training lists as files: read back as they were written, and by sentence-transformers' own reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import InputError, StorageError, UsageError
from qembed.training.mining.lists import Negative, TrainingList, read_lists, write_lists

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
scores = st.none() | st.floats(-1, 1, width=32)
negatives = st.builds(
    Negative,
    texts,
    texts,
    scores,
    st.none() | st.integers(1, 999),
    st.sampled_from(["bm25", "run"]),
)
lists = st.lists(
    st.builds(
        TrainingList,
        texts,
        texts,
        st.none() | texts,
        texts,
        scores,
        st.lists(negatives, max_size=3).map(tuple),
    ),
    max_size=4,
)
NEGATIVES = (Negative("e", "f", 0.25, 3, "dense"), Negative("g", "h", None, None, "random"))
ONE = TrainingList("q1", "a\nb", "d", "c\u2028d", 0.5, NEGATIVES)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@settings(deadline=None)
@given(items=lists)
def test_read_back(tmp_path_factory: pytest.TempPathFactory, suffix: str, items: list) -> None:
    path = tmp_path_factory.mktemp("lists") / f"lists{suffix}"
    write_lists(items, path)
    assert read_lists(path) == items
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_json_lines_are_as_promised(tmp_path: Path) -> None:
    write_lists([ONE], tmp_path / "x.jsonl")
    body = json.loads((tmp_path / "x.jsonl").read_text())
    assert body["query_id"] == "q1"
    assert body["positive"] == {"id": "d", "text": "c\u2028d", "score": 0.5}
    assert body["negatives"][0] == {
        "id": "e", "text": "f", "score": 0.25, "rank": 3, "from": "dense",
    }  # fmt: skip


@pytest.mark.slow
def test_parquet_begins_with_the_columns_of_a_loss(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    write_lists([ONE], tmp_path / "x.parquet")
    data = datasets.Dataset.from_parquet(str(tmp_path / "x.parquet"), cache_dir=str(tmp_path / "c"))
    assert data.column_names[:4] == ["query", "positive", "negative_1", "negative_2"]
    assert data[0]["negative_ids"] == ["e", "g"]
    assert data[0]["negative_ranks"] == [3, None]


def test_mistakes_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    write_lists([ONE], path)
    path.write_text(path.read_text() + '{"query": "a"}\nnothing\n\n{"query_id": 3}\n')
    with pytest.raises(InputError) as e:
        read_lists(path)
    assert [p.split(": ")[0] for p in e.value.problems] == [f"{path}:{n}" for n in (2, 3, 5)]
    assert "'positive' is missing" in e.value.problems[0]
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"cannot read .*x\.parquet"):
        read_lists(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="cannot read"):
        read_lists(tmp_path / "none.jsonl")


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"written as .jsonl or .parquet"):
        write_lists([ONE], tmp_path / "x.csv")
    with pytest.raises(StorageError, match="cannot write"):
        write_lists([ONE], tmp_path / "none" / "x.jsonl")
