"""Maps of an index: places, groups and their words, samples, near-duplicates."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.pipeline.corpus_map.compute import compute_map
from qembed.pipeline.corpus_map.corpus_map import CorpusMap
from qembed.pipeline.corpus_map.points import choose_points, vector_batches
from qembed.pipeline.corpus_map.request import MapRequest
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from tests.pipeline.corpus_map.conftest import SUBJECTS


def made_map(session: Session, **given: object) -> CorpusMap:
    request = MapRequest(**{"method": "pca", "clusters": 3, **given})  # type: ignore[arg-type]
    return compute_map(session, request, Progress())


@pytest.fixture(scope="module")
def made(session: Session) -> CorpusMap:
    return made_map(session)


def test_a_documents_vector_is_the_mean_direction_of_its_passages(session: Session) -> None:
    points, warnings = choose_points(session, MapRequest())
    assert (len(points), points.total, warnings) == (91, 91, [])
    found = np.concatenate(list(vector_batches(session, points)))
    for i in (0, 50):
        rows = np.arange(points.first[i], points.first[i] + points.count[i])
        mean = session.search.vectors(rows).mean(axis=0)
        assert np.allclose(found[i], mean / np.linalg.norm(mean), atol=1e-5)


def test_groups_are_the_subjects_named_by_their_words(made: CorpusMap) -> None:
    own = made.own.tolist()
    subjects = [name.rstrip("0123456789").replace("copy", "kitchen") for name in made.ids]
    assert len(Counter(zip(own, subjects, strict=True))) == 3
    assert [g.size for g in made.groups] == [31, 30, 30]
    for g, group in enumerate(made.groups):
        words = SUBJECTS[subjects[own.index(g)]]
        assert group.words
        assert set(group.words) <= set(words)


def test_places_are_projections_in_one_frame(session: Session, made: CorpusMap) -> None:
    points, _ = choose_points(session, MapRequest())
    vectors = np.concatenate(list(vector_batches(session, points)))
    assert np.allclose(made.frame.fit(made.axes.project(vectors)), made.places, atol=1e-5)
    assert np.abs(made.places).max() == pytest.approx(1, abs=1e-4)
    assert made.method == "pca"


def test_near_duplicates_are_points_of_the_map(made: CorpusMap) -> None:
    first = next(a for a in made.alike if a.copies)
    assert {made.ids[i] for i in first.points} == {"kitchen0", "copy"}
    assert made.alike_total == len(made.alike)


def test_a_sample_is_said_to_be_one_and_is_the_same_each_time(session: Session) -> None:
    few = made_map(session, limit=20, above=None)
    assert (len(few.ids), few.total, list(few.alike)) == (20, 91, [])
    assert few.warnings == ["a sample of 20 of 91 documents is shown (--limit for more)"]
    again = made_map(session, limit=20)
    assert (again.ids, list(again.alike)) == (few.ids, [])
    assert again.warnings[0].endswith("without a list of near-duplicates (qembed duplicates)")
    passages = made_map(session, limit=20, above=None, by="passage")
    assert passages.passages is not None
    assert len(passages.passages) == 20


def test_few_points_and_filters(session: Session) -> None:
    few = made_map(session, method="tsne", where=("kind = 'garden' and year < 1995",))
    assert (few.method, few.total) == ("pca", 5)
    assert few.warnings == ["by principal axes: 5 points are too few for neighbours"]
    one = made_map(session, where=("year = 1990 and kind = 'garden'",))
    assert one.places.tolist() == [[0, 0]]
    assert [list(g.words) for g in one.groups] == [[]]
    with pytest.raises(UsageError, match="nothing to show: no document passes --where"):
        made_map(session, where=("year = 1",))
    with pytest.raises(
        UsageError, match=r"\(kind: no document has 'gardn'; known values: 'garden', "
    ):
        made_map(session, where=("kind = 'gardn'",))


def test_all_mistakes_of_a_request_at_once(session: Session) -> None:
    with pytest.raises(UsageError) as failed:
        made_map(session, limit=0, clusters=99, above=2.0, seed=-1, queries=("",))
    for word in ("--limit 0", "--clusters 99", "--above 2", "--seed -1", "--query"):
        assert word in str(failed.value)
