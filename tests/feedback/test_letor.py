"""Logs as learning-to-rank data."""

from __future__ import annotations

from qembed.feedback.letor import letor_lines
from qembed.feedback.records import Event, LoggedQuery, ShownHit

SHOWN = (ShownHit("a", 1, 0.5), ShownHit("b", 2, 0.25), ShownHit("a", 3, 0.2), ShownHit("c", 4))


def event(action: str, name: str, **more: float) -> Event:
    return Event(f"{action} {name}", "q", action, 1.0, name, **more)  # type: ignore[arg-type]


def test_each_document_once_with_its_grade_and_features() -> None:
    events = {
        "q": [
            event("click", "b"),
            event("thumbs_up", "c"),
            event("thumbs_down", "a"),
            event("copy", "d"),
        ]
    }
    queries = [LoggedQuery("none", "x", 0.0, SHOWN), LoggedQuery("q", "x", 0.0, SHOWN)]
    assert list(letor_lines(queries, events)) == [
        '0 qid:1 1:0.5 2:1 # {"query_id":"q","id":"a"}',
        '1 qid:1 1:0.25 2:0.5 # {"query_id":"q","id":"b"}',
        '3 qid:1 2:0.25 # {"query_id":"q","id":"c"}',
        '2 qid:1 # {"query_id":"q","id":"d"}',
    ]


def test_an_answer_without_a_signal_says_nothing() -> None:
    events = {"q": [event("impression", "a"), event("search", "b")]}
    assert list(letor_lines([LoggedQuery("q", "x", 0.0, SHOWN)], events)) == []


def test_scikit_learn_reads_it() -> None:
    from io import BytesIO

    from sklearn.datasets import load_svmlight_file

    events = {"q": [event("click", "b")]}
    data = "\n".join(letor_lines([LoggedQuery("q", "x", 0.0, SHOWN)], events)).encode()
    features, grades, qids = load_svmlight_file(BytesIO(data), query_id=True)
    assert features.toarray().tolist() == [[0.5, 1.0], [0.25, 0.5], [0.0, 0.25]]
    assert grades.tolist() == [0.0, 1.0, 0.0]
    assert qids.tolist() == [1, 1, 1]
