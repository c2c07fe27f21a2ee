"""Training lists: a query, a relevant passage and negatives, as JSON lines and as Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from qembed.errors import InputError, StorageError, UsageError, cannot_read, refusal
from qembed.outputs import check_outputs, whole_file
from qembed.training.json_lines import read_json_lines

SUFFIXES = (".jsonl", ".parquet")
Source = Literal["bm25", "dense", "random", "run"]
"""Search that found a negative."""


@dataclass(frozen=True, slots=True)
class Negative:
    """Passage that is taken for not relevant.

    `id`: its document. `text`: with title and headings, without a prefix. `score`: cosine with the query,
    None for models without vectors here. `rank`: in its search, 1-based, None for a random one.
    """

    id: str
    text: str
    score: float | None
    rank: int | None
    source: Source

    def to_json(self) -> dict[str, Any]:
        """JSON object; `source` is called "from"."""
        body = asdict(self)
        body["from"] = body.pop("source")
        return body


@dataclass(frozen=True, slots=True)
class TrainingList:
    """One relevant passage of a query, and its negatives.

    `query`: the user's words, without a template. `positive_id`: the document, None for a pair of texts.
    `positive_score`: its cosine with the query.
    """

    query_id: str
    query: str
    positive_id: str | None
    positive: str
    positive_score: float | None
    negatives: tuple[Negative, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON object of a line."""
        return {
            "query_id": self.query_id,
            "query": self.query,
            "positive": {
                "id": self.positive_id,
                "text": self.positive,
                "score": self.positive_score,
            },
            "negatives": [n.to_json() for n in self.negatives],
        }


def check_lists_path(path: Path, option: str = "--out") -> None:
    """Raise UsageError for a suffix that is none of SUFFIXES, StorageError for a path not to be written."""
    _check_suffix(path, option)
    check_outputs([path])


def _check_suffix(path: Path, option: str) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{option} {path}: lists are written as {' or '.join(SUFFIXES)}")


def write_lists(lists: Sequence[TrainingList], path: Path) -> None:
    """Write lists atomically, in the form that the suffix names. Raises UsageError, StorageError.

    JSON lines nest the negatives; Parquet has the columns `query`, `positive`, `negative_1` … that
    sentence-transformers reads by their order, then ids, scores, ranks and sources.
    """
    check_lists_path(path)
    try:
        with whole_file(path) as part:
            if path.suffix.lower() == ".jsonl":
                with part.open("w", encoding="utf-8") as stream:
                    stream.writelines(_line(item) for item in lists)
            else:
                import pyarrow.parquet as pq

                pq.write_table(_table(lists), part, compression="zstd")
    except OSError as e:
        raise StorageError(f"{path} cannot be written: {refusal(e)}") from e


def _line(item: TrainingList) -> str:
    text = json.dumps(item.to_json(), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def _table(lists: Sequence[TrainingList]) -> Any:
    """Arrow table of the lists. Lists with fewer negatives than the longest have nulls."""
    import pyarrow as pa

    most = max((len(item.negatives) for item in lists), default=0)
    columns: dict[str, Any] = {
        "query": pa.array([item.query for item in lists], pa.string()),
        "positive": pa.array([item.positive for item in lists], pa.string()),
    }
    for i in range(most):
        texts = [item.negatives[i].text if i < len(item.negatives) else None for item in lists]
        columns[f"negative_{i + 1}"] = pa.array(texts, pa.string())
    columns |= {
        "query_id": pa.array([item.query_id for item in lists], pa.string()),
        "positive_id": pa.array([item.positive_id for item in lists], pa.string()),
        "positive_score": pa.array([item.positive_score for item in lists], pa.float32()),
    }
    for name, kind in (("id", pa.string()), ("score", pa.float32()), ("rank", pa.int32()),
                       ("source", pa.string())):  # fmt: skip
        values = [[getattr(n, name) for n in item.negatives] for item in lists]
        columns[f"negative_{name}s"] = pa.array(values, pa.list_(kind))
    return pa.table(columns)


def read_lists(path: Path, option: str = "--lists") -> list[TrainingList]:
    """Read lists of `write_lists`, a file of `option`.

    Raises UsageError for another suffix, InputError with all mistakes, with file and line.
    """
    _check_suffix(path, option)
    if path.suffix.lower() != ".parquet":
        return read_json_lines(path, _parse)
    try:
        return _read_parquet(path)
    except OSError as e:
        raise cannot_read(path, e) from e
    except ValueError as e:
        raise InputError(f"cannot read {path}: {e}") from e


def _parse(body: Any, number: int) -> TrainingList:
    positive = body["positive"]
    negatives = [
        Negative(_text(n, "id"), _text(n, "text"), n.get("score"), n.get("rank"), n["from"])
        for n in body["negatives"]
    ]
    return TrainingList(
        _text(body, "query_id"),
        _text(body, "query"),
        positive.get("id"),
        _text(positive, "text"),
        positive.get("score"),
        tuple(negatives),
    )


def _text(body: Any, key: str) -> str:
    value = body[key]
    if not isinstance(value, str):
        raise TypeError(f"{key!r} is no text")
    return value


def _read_parquet(path: Path) -> list[TrainingList]:
    import pyarrow.parquet as pq

    return list(_rows(pq.read_table(path).to_pylist()))


def _rows(rows: Iterable[dict[str, Any]]) -> Iterator[TrainingList]:
    for row in rows:
        try:
            texts = [row[f"negative_{i + 1}"] for i in range(len(row["negative_ids"]))]
            negatives = [
                Negative(*values)
                for values in zip(
                    row["negative_ids"],
                    texts,
                    row["negative_scores"],
                    row["negative_ranks"],
                    row["negative_sources"],
                    strict=True,
                )
            ]
            yield TrainingList(
                row["query_id"],
                row["query"],
                row["positive_id"],
                row["positive"],
                row["positive_score"],
                tuple(negatives),
            )
        except KeyError as e:
            raise ValueError(f"the column {e.args[0]} is missing") from e
