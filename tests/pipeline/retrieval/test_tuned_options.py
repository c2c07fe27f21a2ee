"""Precedence of options over what `tune` chose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qembed.cli.tuned import TUNABLE
from qembed.pipeline.retrieval.fusion import DEFAULT_FUSION, FusionParameters
from qembed.pipeline.retrieval.options import TUNED as FIELDS
from qembed.pipeline.retrieval.options import QueryOptions, with_tuned
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.reranking.request import RerankOptions, with_tuned_reranker
from qembed.types import Query

PARAMETERS = DEFAULT_FUSION._replace(trust=7.0)
CHOSEN: dict[str, Any] = {
    "task": "Find the answer",
    "mode": "hybrid",
    "fusion_parameters": PARAMETERS._asdict(),
    "document_score": "mean:2",
    "rerank": "late",
    "rerank_share": 0.2,
    "candidates": 30,
}
TUNED = {"options": CHOSEN}


def test_without_options_all_of_it_holds() -> None:
    options, applied = with_tuned(QueryOptions(k=3, given=()), TUNED)
    assert applied == CHOSEN
    assert options == QueryOptions(
        k=3,
        task="Find the answer",
        mode="hybrid",
        fusion_parameters=FusionParameters(**CHOSEN["fusion_parameters"]),
        document_score="mean:2",
        rerank="late",
        rerank_share=0.2,
        candidates=30,
    )


@pytest.mark.parametrize(
    ("given", "left_out"),
    [
        (("mode",), {"mode", "fusion_parameters"}),
        (("fusion",), {"mode", "fusion_parameters"}),
        (("task",), {"task"}),
        (("template",), {"task"}),
        (("instruction",), {"task"}),
        (("rerank",), {"rerank", "rerank_share", "candidates"}),
        (("rerank_share",), {"rerank_share"}),
        (("candidates",), {"candidates"}),
        (("document_score",), {"document_score"}),
        (("mode", "rerank", "task"), set(CHOSEN) - {"document_score"}),
    ],
)
def test_an_option_puts_aside_what_belongs_to_it(
    given: tuple[str, ...], left_out: set[str]
) -> None:
    options, applied = with_tuned(QueryOptions(given=given), TUNED)
    assert set(applied) == set(CHOSEN) - left_out
    plain = QueryOptions()
    assert all(getattr(options, name) == getattr(plain, name) for name in left_out)


def test_only_options_that_ask_for_it_are_completed() -> None:
    asked = QueryOptions(mode="dense")
    assert with_tuned(asked, TUNED) == (asked, {})
    assert with_tuned(replace(asked, given=("mode",)), None) == (asked, {})


def test_late_does_not_come_to_a_least_score() -> None:
    options, applied = with_tuned(QueryOptions(min_score=0.3, given=()), TUNED)
    assert options.rerank is None
    assert "rerank" not in applied
    assert applied["mode"] == "hybrid"


def test_the_command_line_knows_the_same_fields() -> None:
    assert set(TUNABLE) == FIELDS


def test_a_request_carries_what_was_given() -> None:
    for given in (None, (), ("mode", "task")):
        request = QueryRequest([Query("1", "tea")], QueryOptions(given=given))
        assert QueryRequest.from_json(request.to_json()) == request


def test_the_reranker_of_hits() -> None:
    asked = RerankOptions("late", tuned=True)
    tuned = {"options": {"rerank": "py:a:b", "rerank_share": 0.4}}
    assert with_tuned_reranker(asked, tuned) == replace(asked, spec="py:a:b", share=0.4)
    assert with_tuned_reranker(replace(asked, share=1.0), tuned).share == 1.0
    assert with_tuned_reranker(replace(asked, tuned=False), tuned).spec == "late"
    assert with_tuned_reranker(asked, {"options": {}}) == asked
    assert with_tuned_reranker(asked, None) == asked
