"""Lists of one training: nothing of what is held out, and as many old ones as asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.errors import InputError
from qembed.training.mining.lists import Negative, TrainingList, write_lists
from qembed.training.split import QuerySplit
from qembed.training.training_lists import REPLAYED, replayed, unrelated
from qembed.types import Query

NEW = [Query("n", "how do refunds work for late orders")]
SEEN = [Query("s", "where is my parcel")]
SPLIT = QuerySplit([], NEW, SEEN, [[0]])
QRELS = {"n": {"answer": 1, "other": 0}, "s": {"parcel": 1}}


def made(query_id: str, query: str, document: str) -> TrainingList:
    negative = Negative("x", "text x", None, None, "bm25")
    return TrainingList(query_id, query, document, f"text {document}", None, (negative,))


def test_nothing_of_a_held_out_query() -> None:
    lists = [
        made("1", "can money come back", "answer"),  # its document
        made("2", "how do refunds work for late orders please", "a"),  # its words
        made("3", "completely unlike", "a"),  # a document of the one above
        made("4", "where is my parcel", "b"),  # seen, word for word
        made(
            "5", "when does the parcel come", "parcel"
        ),  # documents of seen queries are trained on
        made("6", "quite another question", "other"),  # judged, but not relevant
    ]
    assert [t.query_id for t in unrelated(lists, SPLIT, QRELS)] == ["5", "6"]


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 20), (0.2, 5), (0.9, 60), (0.01, 1)])
def test_old_lists_make_up_their_share(tmp_path: Path, share: float, wanted: int) -> None:
    words = [f"{a} {b}" for a in "abcdefgh" for b in "klmnopqr"][:60]
    old = [made(str(i), f"{w} question", f"old{i}") for i, w in enumerate(words)]
    write_lists([*old, made("n", "words", "answer")], tmp_path / "old.jsonl")
    now = [made(str(i), f"now {i}", f"now{i}") for i in range(20)]
    found = replayed(now, tmp_path / "old.jsonl", share, SPLIT, QRELS, 3)
    assert len(found) == wanted
    assert all(t.query_id.startswith(REPLAYED) for t in found)
    assert not {t.query_id for t in found} & {t.query_id for t in now}
    assert "answer" not in {t.positive_id for t in found}
    assert found == replayed(now, tmp_path / "old.jsonl", share, SPLIT, QRELS, 3)


def test_no_old_list_is_left(tmp_path: Path) -> None:
    write_lists([made("n", "words", "answer")], tmp_path / "old.jsonl")
    with pytest.raises(InputError, match="no list that is not of a held-out query"):
        replayed([], tmp_path / "old.jsonl", 0.5, SPLIT, QRELS, 0)
