from __future__ import annotations

from qembed.evaluation import check_run
from qembed.types import Qrels, Query, Run

QUERIES = [Query("q1", "a"), Query("q2", "b")]
QRELS = {"q1": {"d1": 1, "d2": 0}, "q2": {"d2": 2}}
RUN = {"q1": {"d1": 1.0}, "q2": {"d1": 1.0}}
DOCUMENTS = {"d1", "d2"}


def test_nothing_to_say_about_files_that_fit() -> None:
    for queries, documents in ((QUERIES, DOCUMENTS), (None, None)):
        found = check_run(RUN, QRELS, queries, documents)
        assert (found.errors, found.warnings) == ([], [])


def test_judged_queries_that_the_query_file_lacks() -> None:
    found = check_run(RUN, QRELS, QUERIES[:1], DOCUMENTS)
    assert found.errors == ["judged queries that are not in the query file: 1 (q2)"]
    assert found.warnings == []
    many = {f"j{n}": {"d1": 1} for n in range(7)}
    found = check_run({"j0": {"d1": 1.0}}, many, QUERIES, DOCUMENTS)
    assert found.errors == [
        "judged queries that are not in the query file: 7 (j0, j1, j2, j3, j4 and 2 more)"
    ]


def test_queries_without_judgments_are_counted_once() -> None:
    queries = [*QUERIES, Query("q3", "c"), Query("q4", "d")]
    found = check_run({**RUN, "q3": {"d1": 1.0}}, QRELS | {"q4": {}}, queries, DOCUMENTS)
    assert found.errors == []
    assert found.warnings == ["queries without judgments, which are not scored: 2 (q3, q4)"]


def test_queries_of_the_run_that_nobody_knows() -> None:
    found = check_run({**RUN, "zz": {"d1": 1.0}}, QRELS, QUERIES, DOCUMENTS)
    assert found.warnings == ["queries of the run without judgments, which are not scored: 1 (zz)"]
    assert check_run({**RUN, "zz": {}}, QRELS, None, None).warnings == found.warnings


def test_queries_without_hits_and_without_anything_relevant() -> None:
    found = check_run({"q1": {"d1": 1.0}, "q2": {}}, QRELS, QUERIES, DOCUMENTS)
    assert found.errors == []
    assert found.warnings == ["queries without hits, which count 0: 1 (q2)"]
    qrels = {"q1": {"d1": 0, "d2": -1}, "q2": {"d2": 2}}
    assert check_run(RUN, qrels, QUERIES, DOCUMENTS).warnings == [
        "queries without a relevant document, which score 0 whatever is found: 1 (q1)"
    ]


def test_a_run_without_any_result_is_an_error() -> None:
    none: list[Run] = [{}, {"q1": {}}]
    for run in none:
        errors = check_run(run, QRELS, QUERIES, DOCUMENTS).errors
        assert errors == ["no judged query has a result: the run is empty"]
    errors = check_run({"x1": {"d1": 1.0}}, QRELS, QUERIES, DOCUMENTS).errors
    assert errors == ["no judged query has a result: the run shares no query with the judgments"]


def test_no_judgments_at_all() -> None:
    none: list[Qrels] = [{}, {"q1": {}}]
    for qrels in none:
        assert len(check_run(RUN, qrels, QUERIES, DOCUMENTS).errors) == 1


def test_judgments_of_unknown_documents() -> None:
    few = check_run(RUN, QRELS, QUERIES, {"d2"})
    assert few.errors == []
    assert few.warnings == [
        "1 of 3 judgments (1 of 2 positive ones) names a document that is not in the index: d1;"
        " it counts as not found"
    ]
    most = check_run(RUN, QRELS, QUERIES, {"d1"})
    assert most.warnings == []
    assert most.errors == [
        "2 of 3 judgments (1 of 2 positive ones) name documents that are not in the index: d2"
        " (is it the right index, and are the ids written as in it?)"
    ]
    # few of all, but most of those that matter
    qrels = {"q1": {"d1": 1, "d2": 0, "d3": 0, "d4": 0}, "q2": {"d2": 0}}
    assert len(check_run(RUN, qrels, QUERIES, {"d2", "d3", "d4"}).errors) == 1
