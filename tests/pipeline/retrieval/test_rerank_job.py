"""Reranking of several queries' candidates: which pairs are scored, and what order comes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import EncodingError
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.fusion import interpolate_zscores
from qembed.pipeline.retrieval.reranking.job import CandidateGroup, RerankedGroup, RerankJob

Pair = tuple[str, str]


class Numbers:
    """A reranker whose score of a pair is the number that its passage is. Notes each call's tasks."""

    kind, meaning, calibrated, note = "numbers", "numbers", False, None

    def __init__(self, instructed: bool = False) -> None:
        self.instructed = instructed
        self.truncated: list[Pair] = [("of", "before")]
        self.calls: list[tuple[list[Pair], Sequence[str | None] | None]] = []

    def score(
        self,
        pairs: Sequence[Pair],
        track: Callable[[int], None] | None = None,
        tasks: Sequence[str | None] | None = None,
    ) -> np.ndarray:
        """float32 (len(pairs),)"""
        self.calls.append((list(pairs), tasks))
        self.truncated += [p for p in pairs if len(p[1]) > 4]
        return np.array([float(p) for _, p in pairs], dtype=np.float32)


def group(
    query: str, texts: Sequence[Sequence[int]], share: float = 1.0, task: str | None = None
) -> CandidateGroup:
    return CandidateGroup(
        pairs=[[(query, str(t)) for t in candidate] for candidate in texts],
        tasks=[task] * len(texts),
        prior=np.linspace(0.9, 0.1, len(texts), dtype=np.float32),
        share=share,
    )


def test_scoring_begins_with_the_number_of_pairs() -> None:
    said: list[str] = []

    progress = Progress(
        phase=lambda name, unit, total: said.append(f"{name}: {total} {unit}"),
        advance=lambda n: said.append(f"done {n}"),
    )

    class Telling(Numbers):
        def score(
            self,
            pairs: Sequence[Pair],
            track: Callable[[int], None] | None = None,
            tasks: Sequence[str | None] | None = None,
        ) -> np.ndarray:
            assert track is not None
            track(len(pairs))
            return super().score(pairs, track, tasks)

    groups = [group("a", [[1], [2, 3]]), group("b", [[4]])]
    RerankJob(groups).run("numbers", Telling(), progress=progress)
    assert said == ["rerank: 4 pairs", "done 4"]


numbers = st.lists(st.lists(st.integers(-50, 50), max_size=4), max_size=8)


@given(st.lists(numbers, max_size=4))
def test_a_candidate_has_the_score_of_its_best_pair(texts: list[list[list[int]]]) -> None:
    groups = [group(f"q{i}", t) for i, t in enumerate(texts)]
    found, summary = RerankJob(groups).run("numbers", Numbers())
    assert summary.pairs == summary.scored == sum(len(c) for t in texts for c in t)
    for new, candidates in zip(found, texts, strict=True):
        scored = [i for i, c in enumerate(candidates) if c]
        for i, c in enumerate(candidates):
            assert new.scores[i] == max(c) if c else np.isnan(new.scores[i])
        wanted = sorted(scored, key=lambda i: (-max(candidates[i]), i))
        rest = [i for i in range(len(candidates)) if not candidates[i]]
        assert new.order.tolist() == wanted + rest
        assert (np.diff(new.final[new.order]) <= 0).all()


def test_all_groups_are_scored_in_one_call_with_their_tasks() -> None:
    reranker = Numbers(instructed=True)
    job = RerankJob([group("a", [[1], [2, 3]], task="x"), group("b", [[4]])])
    job.run("numbers", reranker)
    ((pairs, tasks),) = reranker.calls
    assert pairs == job.pairs == [("a", "1"), ("a", "2"), ("a", "3"), ("b", "4")]
    assert tasks == job.tasks == ["x", "x", "x", None]


def test_a_share_interpolates_with_the_stage_before() -> None:
    one = group("a", [[1], [5], [3]], share=0.4)
    (new,), _ = RerankJob([one]).run("numbers", Numbers())
    wanted = interpolate_zscores(one.prior, np.array([1, 5, 3], np.float32), 0.4)
    assert new.final.tolist() == wanted.tolist()
    assert new.order.tolist() == np.argsort(-wanted).tolist()


def test_the_summary_names_what_this_job_truncated() -> None:
    reranker = Numbers()
    _, summary = RerankJob([group("a", [[1], [20000]])]).run("spec", reranker)
    reranker.truncated.clear()
    assert list(summary.truncated) == [("a", "20000")]
    assert (summary.spec, summary.kind, summary.meaning) == ("spec", "numbers", "numbers")


def test_with_a_budget_the_best_of_every_group_go_first() -> None:
    class Slow(Numbers):
        def score(self, pairs: Sequence[Pair], *more: object) -> np.ndarray:  # type: ignore[override]
            """float32 (len(pairs),), after a while"""
            import time

            time.sleep(0.02)
            return super().score(pairs)

    groups = [group(f"q{i}", [[7]] * 30) for i in range(2)]
    found, summary = RerankJob(groups).run("slow", Slow(), budget=0.01)
    assert summary.scored == 8
    for new in found:
        assert np.isfinite(new.scores).tolist() == [True] * 4 + [False] * 26
        assert new.order.tolist() == list(range(30))


@pytest.mark.parametrize(
    ("least", "k", "wanted"),
    [(None, None, [2, 0, 1]), (None, 2, [2, 0]), (0.5, None, [2, 0]), (0.9, 1, []), (0.5, 1, [2])],
)
def test_the_best_down_to_a_score_and_a_number(
    least: float | None, k: int | None, wanted: list[int]
) -> None:
    scores = np.array([0.5, 0.1, 0.8], np.float32)
    assert (
        RerankedGroup(np.array([2, 0, 1]), scores, scores, np.zeros(3, np.int64)).best(least, k)
        == wanted
    )


class Picky(Numbers):
    """Refuses calls that hold a pair with one of the given passages."""

    def __init__(self, *refused: int) -> None:
        super().__init__()
        self.refused = {str(n) for n in refused}

    def score(
        self,
        pairs: Sequence[Pair],
        track: Callable[[int], None] | None = None,
        tasks: Sequence[str | None] | None = None,
    ) -> np.ndarray:
        """float32 (len(pairs),)"""
        scores = super().score(pairs, track, tasks)
        for _, passage in pairs:
            if passage in self.refused:
                raise EncodingError(f"not {passage}")
        return scores


@pytest.mark.parametrize("budget", [None, 1000.0])
def test_a_refused_pair_keeps_its_place_behind_the_others(budget: float | None) -> None:
    reranker = Picky(5, 6)
    groups = [group("q", [[3], [5], [9], [6], [7]]), group("r", [[n] for n in range(40, 10, -1)])]
    found, summary = RerankJob(groups).run("picky", reranker, budget)
    assert found[0].order.tolist() == [2, 4, 0, 1, 3]
    assert np.isnan(found[0].scores[[1, 3]]).all()
    assert found[1].order.tolist() == list(range(30))
    assert sorted(summary.refused) == ["not 5", "not 6"]
    assert (summary.pairs, summary.scored) == (35, 33)
    assert len(reranker.calls) <= 30  # by halves, not one by one


def test_a_reranker_that_refuses_all_ends_the_call() -> None:
    with pytest.raises(EncodingError, match="not 1"):
        RerankJob([group("q", [[1], [2]])]).run("picky", Picky(1, 2))
