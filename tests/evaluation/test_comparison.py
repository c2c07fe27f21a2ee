"""Arms side by side, and what is recommended."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from qembed.evaluation import (
    Report,
    Variant,
    compare_variants,
    details_json,
    evaluate,
    parse_measures,
    recall_curve,
    recommend,
    variants_json,
)
from qembed.types import Query
from tests.evaluation.cases import random_case


def arm(name: Any, values: Sequence[float], axis: str = "x", ms: float | None = 1.0) -> Variant:
    per_query = {f"q{i}": {"AP": v} for i, v in enumerate(values)}
    report = Report({"AP": sum(values) / len(values)}, per_query, len(values))
    return Variant({axis: name}, report, ms)


def around(mean: float, spread: float = 0.1, n: int = 60, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [mean + rng.uniform(-spread, spread) for _ in range(n)]


BASE = around(0.5)
BETTER = [v + 0.1 + 0.02 * (i % 3) for i, v in enumerate(BASE)]
WORSE = [v - 0.1 - 0.02 * (i % 3) for i, v in enumerate(BASE)]
NOISE = [v + (0.2 if i % 2 else -0.19) for i, v in enumerate(BASE)]
NEARLY = [v - (0.002 if i % 2 else 0.0) for i, v in enumerate(BASE)]


def test_differences_are_corrected_together_and_the_reference_has_none() -> None:
    arms = [arm("base", BASE), arm("better", BETTER), arm("noise", NOISE)]
    first, better, noise = compare_variants(arms, 0, "AP")
    assert first is None
    assert better is not None
    assert noise is not None
    assert better.p_holm == pytest.approx(2 * better.p)
    assert noise.p_holm >= noise.p
    body = variants_json("x", arms, 0, "AP")
    assert [a["arm"] for a in body] == ["base", "better", "noise"]
    assert [a["reference"] for a in body] == [True, False, False]
    assert body[1]["x"] == "better"
    assert body[1]["difference"]["difference"] == pytest.approx(0.12, abs=0.001)
    assert body[1]["ms_per_query"] == 1.0


def test_the_best_of_what_is_better_beyond_chance_is_recommended() -> None:
    arms = [arm("base", BASE), arm("noise", NOISE), arm("better", BETTER), arm("worse", WORSE)]
    said = recommend("x", arms, 0, "AP")
    assert said.startswith("x: use better instead of base: AP rises by 0.1200 to ")
    assert "95 % interval +0.1" in said
    # the reference is the best: what the others cost is said
    said = recommend("x", arms, 2, "AP")
    assert said.startswith(
        "x: keep better, nothing else is better beyond chance; with worse AP falls"
    )


def test_noise_recommends_nothing_and_says_how_many_queries_it_takes() -> None:
    said = recommend("x", [arm("base", BASE), arm("noise", NOISE)], 0, "AP")
    assert said.startswith(
        "x: keep base; over 60 queries no difference can be told from chance (about"
    )
    few = recommend(
        "x",
        [
            arm("base", BASE[:4]),
            arm("better", [v + 0.1 + 0.01 * i for i, v in enumerate(BASE[:4])]),
        ],
        0,
        "AP",
    )
    assert "over 4 queries no difference can be told" in few
    assert "(about 6 would be needed for this one)" in few, "no four queries show anything"
    ten = [
        arm("base", BASE[:10]),
        arm("mixed", [v + (-1) ** i * 0.1 * i for i, v in enumerate(BASE[:10])]),
    ]
    assert "no difference can be told from chance" in recommend("x", ten, 0, "AP")
    same = recommend("x", [arm("base", BASE), arm("copy", BASE)], 0, "AP")
    assert same == "x: keep base; AP is the same with all of them."
    assert "nothing to choose" in recommend("x", [arm("base", BASE)], 0, "AP")


def test_the_smallest_arm_that_loses_nothing_that_counts() -> None:
    arms = [arm(32, WORSE), arm(96, NEARLY), arm(192, NEARLY), arm(384, BASE)]
    said = recommend("dim", arms, 3, "AP", cheaper="size")
    assert said.startswith("dim: 96 does as well as 384 in 25 % of the space: AP falls by 0.0010")
    said = recommend("dim", [arm(32, WORSE), arm(384, BASE)], 1, "AP", cheaper="size")
    assert said.startswith("dim: keep 384, it is better; with 32 AP falls by")


def test_an_arm_is_called_faster_only_where_its_time_was_shorter() -> None:
    def timed(narrow: float | None, broad: float, exact: float | None) -> str:
        arms = [arm("ef 10", NEARLY, ms=narrow), arm("ef 50", BASE, ms=broad)]
        arms += [arm("ef 5", WORSE, ms=0.01), arm("exact", BASE, ms=exact)]
        return recommend("search", arms, 3, "AP", cheaper="time")

    assert timed(0.28, 0.27, 0.17) == (
        "search: keep exact; ef 50 does as well, but is not clearly faster (0.27 ms a query instead of 0.17)."
    )
    assert "keep exact; ef 10 does as well, but" in timed(0.28, 0.31, 0.4), "may be chance"
    assert timed(0.2, 0.15, 1.2).startswith(
        "search: ef 50 does as well as exact in 0.15 ms a query instead of 1.20: AP stays at"
    )
    assert "does as well" not in timed(0.2, 0.15, None), "no time is known"


def test_recall_by_depth_is_the_measure() -> None:
    rng = random.Random(4)
    for _ in range(100):
        qrels, run = random_case(rng)
        measures = parse_measures("R@1 R@3 R@10")
        report = evaluate(measures, qrels, run)
        curve = {int(k): recall for k, recall in recall_curve(run, qrels, 1000)}
        for k in (1, 3, 10):
            assert curve[k] == pytest.approx(report.measures[f"R@{k}"], abs=1e-9)
    assert [k for k, _ in recall_curve(run, qrels, 4)] == [1, 2, 3]


def test_details_tell_what_was_returned_and_what_was_judged() -> None:
    run = {"q": {f"d{i}": float(i) for i in range(20)}}
    found = details_json(
        [Query("q", "words")], {"q": {"d19": 0, "x": 2}, "r": {"d1": 1}}, run, {"d19": "T"}
    )
    assert found["q"]["text"] == "words"
    assert list(found["q"]["judged"]) == ["x", "d19"]
    assert [hit["id"] for hit in found["q"]["returned"]] == [f"d{i}" for i in range(19, 9, -1)]
    assert found["q"]["returned"][0] == {"id": "d19", "title": "T", "score": 19.0, "grade": 0}
    assert found["q"]["returned"][1]["grade"] is None
    assert (found["q"]["found"], found["q"]["ranks"]) == (20, {})
    assert found["r"] == {
        "text": "", "judged": {"d1": 1}, "returned": [], "found": 0, "ranks": {},
    }  # fmt: skip
