"""What a verdict is about has nothing to do with what is trained on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qembed.training.adapting.judged import (
    hide_queries,
    judged_by_people,
    judged_by_proxy,
    left_to_train,
)
from qembed.training.adapting.made_queries import MadeQuery
from qembed.training.judging import Pool
from qembed.types import Query


def made(n: int, each: int) -> list[MadeQuery]:
    return [
        MadeQuery(f"m{i}-{j}", f"word{i} other{i} thing{j} part{i * j}", f"d{i}", "text", "title")
        for i in range(n)
        for j in range(each)
    ]


@given(st.integers(20, 60), st.integers(1, 4), st.floats(0.1, 0.45), st.integers(0, 5))
def test_a_proxy_is_of_other_documents(n: int, each: int, share: float, seed: int) -> None:
    queries = made(n, each)
    judged = judged_by_proxy(queries, share, seed, trained=True)
    assert judged.proxy
    left = left_to_train(queries, judged)
    assert not {q.document for q in left} & judged.hidden
    assert not {q.text for q in left} & {q.text for q in judged.all}
    # what is seen is trained on by other queries of its document
    for query in judged.seen:
        (document,) = judged.qrels[query.id]
        assert any(q.document == document for q in left)
    assert len({d for q in judged.all for d in judged.qrels[q.id]}) == len(judged.all)
    if each == 1:
        assert not judged.seen
        assert judged_by_proxy(queries, share, seed, trained=False).seen
    assert judged == judged_by_proxy(queries, share, seed, trained=True)


def test_queries_of_nearly_the_words_of_a_new_one_are_not_trained_on() -> None:
    people = [Query(f"q{i}", f"alpha{i} beta{i} gamma{i} delta{i}") for i in range(20)]
    qrels = {f"q{i}": {f"p{i}": 1} for i in range(20)}
    judged = judged_by_people(people, qrels, 0.3, 0)
    assert not judged.proxy
    assert len(judged.new) + len(judged.seen) == 20
    new, seen = judged.new[0], judged.seen[0]
    copies = [
        MadeQuery("a", f"{new.text} too", "elsewhere", "t", "title"),
        MadeQuery("b", f"{seen.text} too", "elsewhere", "t", "title"),
        MadeQuery("c", "quite another thing", next(iter(judged.hidden)), "t", "title"),
        MadeQuery("d", "quite another matter", "elsewhere", "t", "title"),
    ]
    assert [q.id for q in left_to_train(copies, judged)] == ["b", "d"]


def test_a_passage_is_judged_without_the_query_that_was_cut_out_of_it() -> None:
    queries = [MadeQuery(f"m{i}", f"cut{i} out{i}", f"d{i}", "text", "sentence") for i in range(20)]
    texts = [f"# cut{i}\n out{i} of the whole passage" for i in range(20)] + ["cut0 out0"]
    pool = Pool(texts, [*(f"d{i}" for i in range(20)), "d0"], True)
    judged = judged_by_proxy(queries, 0.4, 0, trained=False)
    hidden = hide_queries(pool, judged)
    assert hidden.texts[1:20] == ["of the whole passage"] * 19
    assert hidden.texts[20] == "cut0 out0"  # it is nothing else
    assert hidden.documents == pool.documents
