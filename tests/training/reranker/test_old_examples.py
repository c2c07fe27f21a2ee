"""Old examples: lists or preferences, none of what is held out; they do not tell when to stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.errors import InputError, UsageError
from qembed.training.mining.lists import Negative, TrainingList, write_lists
from qembed.training.reranker.candidates import CandidateSet
from qembed.training.reranker.examples import GradedTexts
from qembed.training.reranker.material import Material
from qembed.training.reranker.old_examples import read_old_examples, replayed_examples
from qembed.training.reranker.run import _divided
from qembed.training.split import QuerySplit
from qembed.training.training_lists import REPLAYED
from qembed.training.training_loop import TrainingOptions
from qembed.types import Query

SPLIT = QuerySplit([], [Query("n", "how do refunds work")], [Query("s", "where is it")], [[0]])
QRELS = {"n": {"answer": 1}, "s": {"parcel": 1}}


def preference(query: str, chosen: str) -> dict[str, str]:
    return {"query": query, "chosen": f"text {chosen}", "rejected": "no", "chosen_id": chosen}


def example(query_id: str) -> GradedTexts:
    texts = (f"good {query_id}", f"bad {query_id}")
    return GradedTexts(query_id, f"words of {query_id}", texts, texts, (1.0, 0.0))


def test_preferences_and_lists_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("\n" + json.dumps(preference("a b", "x")) + "\n")
    (first,) = read_old_examples(tmp_path / "p.jsonl")
    assert (first.documents, first.grades) == (("x", "no"), (1.0, 0.0))
    negative = Negative("e", "text e", None, None, "bm25")
    lists = [TrainingList("q", "a b", "d", "text d", None, (negative,))]
    for name in ("l.jsonl", "l.parquet"):
        write_lists(lists, tmp_path / name)
        (found,) = read_old_examples(tmp_path / name)
        assert (found.query_id, found.documents, found.grades) == ("q", ("d", "e"), (1.0, 0.0))
    with pytest.raises(InputError, match=r"cannot read .*none\.jsonl"):
        read_old_examples(tmp_path / "none.jsonl")
    (tmp_path / "l.csv").write_text("a,b\n")
    with pytest.raises(UsageError, match=r"--replay-from .*l\.csv: lists are written as"):
        read_old_examples(tmp_path / "l.csv")
    (tmp_path / "broken.jsonl").write_text("nothing\n")
    with pytest.raises(InputError, match="holds mistakes"):
        read_old_examples(tmp_path / "broken.jsonl")


def test_nothing_of_a_held_out_query_and_as_many_as_asked_for(tmp_path: Path) -> None:
    away = [
        preference("can money come back", "answer"),  # its document
        preference("how do refunds work please", "a"),  # its words
        preference("where is it", "b"),  # seen, word for word
    ]
    words = [f"{a} {b}" for a in "abcdefgh" for b in "klmnopqr"][:40]
    old = [preference(f"{w} question", f"old{i}") for i, w in enumerate(words)]
    file = tmp_path / "p.jsonl"
    file.write_text("".join(json.dumps(p) + "\n" for p in [*away, *old]))
    now = [example(str(i)) for i in range(12)]
    found = replayed_examples(now, file, 0.4, SPLIT, QRELS, 1)
    assert len(found) == 8
    assert {e.documents[0] for e in found} <= {f"old{i}" for i in range(40)}
    assert all(e.query_id.startswith(REPLAYED) for e in found)
    assert found == replayed_examples(now, file, 0.4, SPLIT, QRELS, 1)
    assert found != replayed_examples(now, file, 0.4, SPLIT, QRELS, 2)
    assert len(replayed_examples(now, file, 0.99, SPLIT, QRELS, 1)) == 40
    file.write_text("".join(json.dumps(p) + "\n" for p in away))
    with pytest.raises(InputError, match="no list that is not of a held-out query"):
        replayed_examples(now, file, 0.5, SPLIT, QRELS, 1)


@pytest.mark.parametrize("loss", ["lambda", "binary"])
def test_new_queries_alone_tell_when_to_stop(loss: str) -> None:
    now, old = ([example(f"{name}{i}") for i in range(60)] for name in ("now", "old"))
    given = Material(SPLIT, now, old, CandidateSet([], {}, {}), None)
    rows, dev = _divided(given, TrainingOptions(loss=loss))
    trained, told = ({row.texts[0] for row in part} for part in (rows, dev))
    assert trained >= {e.query for e in old}
    assert told
    assert told <= {e.query for e in now} - trained
    assert given.trained() == "120 texts of 60 queries, 120 of 60 older ones"
