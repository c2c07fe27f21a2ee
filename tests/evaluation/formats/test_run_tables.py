"""Runs in tables."""

from pathlib import Path

import pytest

from qembed.evaluation import read_run
from tests.evaluation.formats.table_files import problems, written


@pytest.mark.parametrize(
    "text",
    [
        "q1\tQ0\td 1\t1\t2.5\tmy tag\nq1\tQ0\td2\t2\t-1\tmy tag\n",
        "q1,Q0,d 1,1,2.5,t\nq1,Q0,d2,2,-1,t\n",
        "qid,docid,rank,score\nq1,d 1,1,2.5\nq1,d2,2,-1\n",
        "score\tquery_id\tcorpus-id\n2.5\tq1\td 1\n-1\tq1\td2\n",
        "qid,docid,docno,rank,score,query\nq1,0,d 1,0,2.5,words\nq1,1,d2,1,-1,words\n",
        'query_id;document;similarity\nq1;"d 1";2.5\nq1;d2;-1\n',
    ],
)
def test_runs_in_tables(tmp_path: Path, text: str) -> None:
    assert read_run(written(tmp_path, text)) == {"q1": {"d 1": 2.5, "d2": -1.0}}


def test_a_run_without_scores_is_ordered_by_its_ranks(tmp_path: Path) -> None:
    text = "qid\tpid\trank\nq1\ta\t1\nq1\tb\t2\nq1\tc\t10\n"
    assert read_run(written(tmp_path, text)) == {"q1": {"a": -1.0, "b": -2.0, "c": -10.0}}


def test_mistakes_in_runs(tmp_path: Path) -> None:
    text = (
        "q Q0 d 1 0,95 t\nq Q0 my file 2 0.9 t\nq Q0 e 3 1,234.5 t\nq Q0 f 1 0.5 t\nq Q0 g 1 1 t\n"
    )
    assert problems(read_run, written(tmp_path, text)) == [
        "F:1: score '0,95' is not a number (a decimal comma? write 0.95)",
        "F:2: 7 columns where 6 are expected (an id with a blank? separate the columns by tabs)",
        "F:3: score '1,234.5' is not a number (commas between thousands? write 1234.5)",
    ]
    (found,) = problems(read_run, written(tmp_path, "q d 1\n"))
    assert found.startswith("F:1: not a run (columns 'q', 'd', '1'); expected TREC's `qid Q0")
    (found,) = problems(read_run, written(tmp_path, '{"foo": 1, "docid": "d", "score": 1}\n'))
    assert found == "F:1: no query id: keys 'foo', 'docid', 'score'"
    (found,) = problems(read_run, written(tmp_path, "qid,docid,foo\nq,d,1\n"))
    assert found.startswith("F:1: a header that is not understood: columns 'qid', 'docid', 'foo'; ")


def test_a_repeated_line_of_a_run_is_a_warning(tmp_path: Path) -> None:
    heard: list[str] = []
    path = written(tmp_path, "q Q0 d 1 2 t\nq Q0 e 2 1 t\nq Q0 d 1 2 t\n")
    assert read_run(path, warn=heard.append) == {"q": {"d": 2.0, "e": 1.0}}
    assert heard == [f"{path}: lines that repeat an earlier one: 1 (line 3)"]
