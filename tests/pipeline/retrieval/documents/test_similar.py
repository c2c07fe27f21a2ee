"""Similar documents and passages against cosines computed one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import InputError, QembedError, UnknownDocument, UsageError
from qembed.pipeline.retrieval.documents import subject
from qembed.pipeline.retrieval.documents.request import SimilarRequest
from qembed.pipeline.retrieval.documents.similar import similar
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.retrieval.session import Session
from qembed.types import Hit

COPIES = ("violin0.txt", "deep/twin.txt")


def hits(session: Session, **asked: Any) -> list[Hit]:
    return list(similar(session, SimilarRequest(**asked)).results[0].hits)


def ids(session: Session, **asked: Any) -> list[str]:
    return [h.document for h in hits(session, **asked)]


def vectors(session: Session) -> dict[str, np.ndarray]:
    snapshot = session.snapshot
    entries = snapshot.catalog.entries()
    return {e.id: snapshot.vectors(np.arange(e.first, e.first + e.rows)) for e in entries if e.rows}


def by_definition(session: Session, name: str, score: str) -> dict[str, float]:
    """Document -> score, by one comparison of all passages with all."""
    every = vectors(session)
    best = {d: (every[name] @ v.T).max(axis=1) for d, v in every.items()}
    return {d: float(b.max() if score == "best" else b.mean()) for d, b in best.items()}


@pytest.mark.parametrize("score", ["mean", "best"])
@pytest.mark.parametrize("name", ["guide.md", "harbour1.txt", "short.txt", "r/1"])
def test_the_scores_are_those_of_the_definition(session: Session, name: str, score: str) -> None:
    wanted = by_definition(session, name, score)
    found = hits(session, document=name, score=score, k=99)
    others = set(wanted) - {name}
    assert {h.document for h in found} == others
    for h in found:
        assert h.score == pytest.approx(wanted[h.document], abs=1e-5)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    few = hits(session, document=name, score=score, k=3)
    lowest = sorted((wanted[d] for d in others), reverse=True)[2]
    assert min(h.score for h in few) == pytest.approx(lowest, abs=1e-5)


def test_passages_have_the_cosine_of_the_nearest(session: Session) -> None:
    every = vectors(session)
    found = hits(session, document="harbour1.txt", by="passage", k=7)
    others = np.concatenate([v for d, v in every.items() if d != "harbour1.txt"])
    best = np.sort((others @ every["harbour1.txt"].T).max(axis=1))[::-1][:7]
    np.testing.assert_allclose([h.score for h in found], best, atol=1e-5)
    one = hits(session, document="harbour1.txt", passage=1, by="passage", k=7)
    best = np.sort(others @ every["harbour1.txt"][1])[::-1][:7]
    np.testing.assert_allclose([h.score for h in one], best, atol=1e-5)


def test_what_has_the_same_subject_comes_first(session: Session) -> None:
    assert set(ids(session, document="harbour0.txt", k=2)) == {"harbour1.txt", "harbour2.txt"}
    assert set(ids(session, document="r/2", k=3)) == {f"orchard{i}.txt" for i in range(3)}


def test_copies_are_left_out_and_named(session: Session) -> None:
    for name, other in (COPIES, COPIES[::-1]):
        answer = similar(session, SimilarRequest(document=name, k=99))
        assert other not in {h.document for h in answer.results[0].hits}
        assert answer.warnings == [f"left out as an exact copy: {other}"]
    assert COPIES[0] in ids(session, document="violin1.txt")


def test_a_filter_holds(session: Session) -> None:
    assert set(ids(session, document="harbour0.txt", where=("n >= 1",))) == {"r/1", "r/2"}
    assert ids(session, document="harbour0.txt", where=("n = 9",)) == []
    assert ids(session, document="guide.md", min_score=0.9999) == []


def test_nothing_is_encoded_for_a_document_of_the_index(folder: Path) -> None:
    with Session(folder / ".qembed") as session:
        found = hits(session, document="harbour0.txt", snippets=True)
        assert session.loaded.encoder_if_loaded is None
        assert all(h.snippet is not None for h in found)
        assert "model" not in session.timer


def test_a_file_of_the_index_is_found_by_its_place(
    session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ids(session, document="harbour0.txt")
    monkeypatch.chdir(folder / "docs/deep")
    assert ids(session, document="../harbour0.txt", files=True) == wanted
    assert ids(session, document=str(folder / "docs/harbour0.txt"), files=True) == wanted
    assert set(ids(session, document=str(folder / "rows.jsonl"), files=True)).isdisjoint(
        {"r/1", "r/2"}
    )


def test_a_file_elsewhere_is_read_cut_and_encoded(
    session: Session, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text((folder / "docs/harbour0.txt").read_text())
    answer = similar(session, SimilarRequest(document=str(outside), files=True))
    assert answer.warnings == ["left out as an exact copy: harbour0.txt"]
    wanted = hits(session, document="harbour0.txt")
    found = answer.results[0].hits
    assert [h.document for h in found] == [h.document for h in wanted]
    np.testing.assert_allclose([h.score for h in found], [h.score for h in wanted], atol=1e-5)
    text = outside.read_text()
    assert [h.document for h in hits(session, text=text)] == [h.document for h in wanted]


def test_a_long_subject_is_sampled(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MAX_PASSAGES", 3)
    answer = similar(session, SimilarRequest(document="guide.md", k=2))
    assert "3 of them are compared" in answer.warnings[0]
    assert subject.evenly(10, 3) == [0, 4, 9]
    assert subject.evenly(3, 3) == [0, 1, 2]


def test_it_goes_through_json() -> None:
    request = SimilarRequest(document="a", where=("n > 1",), passage=2, k=3)
    assert SimilarRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"document": "harbour9.txt"}, UnknownDocument, "did you mean harbour"),
        ({"document": "/none.txt", "files": True}, UnknownDocument, "no document '/none.txt'"),
        ({"document": "/etc/passwd"}, UnknownDocument, "no document '/etc/passwd'"),
        ({"document": "/etc", "files": True}, UsageError, "/etc is a folder"),
        ({"document": "guide.md", "passage": 99}, UnknownDocument, "guide.md has no passage 99"),
        ({"text": " \n"}, InputError, "no words in it"),
        ({}, UsageError, "one of them"),
        ({"document": "a", "text": "b"}, UsageError, "one of them"),
        ({"text": "b", "k": 0}, UsageError, "-k 0: at least 1"),
        ({"text": "b", "score": "worst"}, UsageError, "mean or best"),
        ({"text": "b", "min_score": 2.0}, UsageError, "a cosine, from -1 to 1"),
        ({"text": "b", "where": ("nope = 1",)}, UsageError, "nope"),
    ],
)
def test_what_cannot_be(
    session: Session, asked: dict[str, Any], error: type[QembedError], message: str
) -> None:
    with pytest.raises(error, match=message):
        similar(session, SimilarRequest(**asked))


def test_the_passage_encoder_is_asked_for_texts(session: Session) -> None:
    assert isinstance(session.loaded, LoadedModel)
    found = hits(session, text="The glacier of today.", k=1)
    assert found[0].document.startswith(("glacier", "r/1"))
