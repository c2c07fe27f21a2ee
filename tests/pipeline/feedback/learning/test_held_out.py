from __future__ import annotations

import itertools

import numpy as np
import pytest

from qembed.feedback.preferences import Preference
from qembed.pipeline.feedback.learning.fit import FOLDS, fold_of, query_components
from qembed.pipeline.feedback.learning.held_out import order_values, positions
from qembed.pipeline.feedback.learning.judgments import place
from qembed.pipeline.feedback.learning.pairs import LogPart, QueryFeatures, make_pairs
from qembed.pipeline.retrieval.learned.features import FEATURES
from tests.feedback.logs import answer, event


def preference(a: str, b: str, weight: float = 1.0, group: str = "g") -> Preference:
    return Preference(group, group, a, b, weight, "click", "person")


def features_of(**values: list[float]) -> QueryFeatures:
    n = len(next(iter(values.values())))
    matrix = np.zeros((n, len(FEATURES)))
    for name, column in values.items():
        matrix[:, FEATURES.index(name)] = column
    return QueryFeatures({"abcdef"[i]: i for i in range(n)}, matrix)


def weights_of(**values: float) -> np.ndarray:
    return np.array([values.get(name, 0.0) for name in FEATURES])


def test_the_best_value_is_the_best_of_all_orders() -> None:
    query = features_of(words=[0.1, 0.9, 0.5, 0.2])
    said = [preference("b", "a", 2.0), preference("c", "d"), preference("b", "c", 0.5)]
    found = order_values(said, query, {}, weights_of(words=1.0))
    net = [-2.0, 2.5, 0.5, -1.0]
    discounts = 1 / np.log2(np.arange(4) + 2)
    every = [np.array(order) @ discounts for order in itertools.permutations(net)]
    assert found.best == pytest.approx(max(every))
    assert found.before == pytest.approx(np.array(net) @ discounts)
    assert found.after == pytest.approx(np.array([2.5, 0.5, -1.0, -2.0]) @ discounts)


def test_popularity_and_documents_that_are_no_candidates() -> None:
    query = features_of(words=[0.5, 0.5])
    said = [preference("b", "a"), preference("b", "gone")]
    plain = order_values(said, query, {}, weights_of(popular=1.0))
    assert plain.after == plain.before  # ties keep the order before
    better = order_values(said, query, {"b": 0.3}, weights_of(popular=1.0))
    assert better.after == better.best > better.before
    assert order_values([preference("x", "y")], query, {}, weights_of()).best == 0.0


def test_pairs_are_differences_with_what_was_popular_before() -> None:
    query = features_of(words=[0.2, 0.9])
    parts = [
        ([preference("b", "a", 3.0), preference("b", "gone")], {}),
        ([preference("a", "b"), preference("a", "b", group="other")], {"g": {"a": 0.5}}),
    ]
    found = make_pairs(parts, {"g": query})
    assert found.differences[:, FEATURES.index("words")] == pytest.approx([0.7, -0.7])
    assert found.differences[:, FEATURES.index("popular")].tolist() == [0.0, 0.5]
    assert (found.trust.tolist(), found.groups) == ([3.0, 1.0], ["g", "g"])
    assert found.of(lambda g: g != "g").differences.shape == (0, len(FEATURES))


def test_a_log_is_divided_by_time_with_all_rows_of_a_query() -> None:
    queries = [answer(str(n), time=float(9 - n)) for n in range(10)]
    queries.append(answer("3", time=100.0))  # a second page of the same query
    log = LogPart(queries, [event(str(n), "click", "a", 200.0) for n in range(10)])
    early, late = log.divide(0.5)
    assert {q.query_id for q in early.queries}.isdisjoint(q.query_id for q in late.queries)
    assert {e.query_id for e in early.events} == {q.query_id for q in early.queries}
    assert len(early.events) + len(late.events) == 10
    assert min(q.time for q in late.queries if q.query_id != "3") > 3


def test_folds_keep_components_whole_and_are_of_about_one_size() -> None:
    texts = {f"q{n}": f"word{n} other{n}" for n in range(50)} | {"twin": "other7 word7"}
    documents = {"q1": ["d"], "q2": ["d"], "q3": ["e"]}
    components = query_components(texts, documents)
    joined = [set(c) for c in components if len(c) > 1]
    assert sorted(map(sorted, joined)) == [["q1", "q2"], ["q7", "twin"]]
    folds = fold_of(components, FOLDS, seed=3)
    assert folds["q1"] == folds["q2"]
    assert folds["q7"] == folds["twin"]
    sizes = [list(folds.values()).count(f) for f in range(FOLDS)]
    assert max(sizes) - min(sizes) <= 1
    assert fold_of(components, FOLDS, seed=3) == folds


def test_positions_of_components_hold_each_name_once() -> None:
    assert positions([["a", "b"], ["x"]], ["b", "c", "a"]) == [[2, 0], [1]]


def test_places_of_ties_keep_the_order_before() -> None:
    assert place(np.array([1.0, 3.0, 1.0, 3.0])).tolist() == [2, 0, 3, 1]
