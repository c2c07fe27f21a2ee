"""The kept map, its compact form, and queries on it."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.pipeline.corpus_map.corpus_map import CorpusMap
from qembed.pipeline.corpus_map.drawn import draw_map
from qembed.pipeline.corpus_map.kept_map import kept_bytes, make_map, open_map, pack_map
from qembed.pipeline.corpus_map.queries import place_queries
from qembed.pipeline.corpus_map.request import MapRequest
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.projection import neighbour_map
from qembed.store import derived_files

PCA = MapRequest(method="pca")


@pytest.fixture(scope="module")
def made(session: Session) -> CorpusMap:
    return make_map(session, PCA, Progress())


@pytest.mark.slow
def test_a_map_is_kept_for_its_settings_and_removed_by_a_commit(
    session: Session, made: CorpusMap
) -> None:
    root, manifest = session.root, session.snapshot.manifest
    data = kept_bytes(root, manifest)
    assert data is not None
    again = make_map(session, PCA, Progress())
    assert again.seconds == made.seconds  # not made again
    assert make_map(session, MapRequest(method="pca", seed=1), Progress()).seconds != made.seconds
    name = derived_files.map_path(root, manifest).name
    assert f"derived/{name}" in derived_files.names(root, manifest)
    other = derived_files.map_path(root, manifest).with_name(name.replace("00000001", "00000002"))
    assert f"derived/{other.name}" not in derived_files.names(root, manifest)
    derived_files.map_path(root, manifest).write_bytes(data[:100])
    assert open_map(root, manifest) is None
    derived_files.map_path(root, manifest).write_bytes(data)


def test_the_compact_form_says_the_same(made: CorpusMap) -> None:
    body = json.loads(gzip.decompress(pack_map(made)))
    again = CorpusMap.from_compact(body)
    assert np.abs(again.places - made.places).max() < 1 / 30_000
    assert (again.ids, again.titles, again.groups) == (made.ids, made.titles, made.groups)
    assert (again.own == made.own).all()
    assert [c.name for c in again.colors] == [c.name for c in made.colors]
    plain, other = made.to_json(), again.to_json()
    assert len(plain["points"]) == 91
    assert plain["points"][0]["document"] == "kitchen0"
    assert plain["points"][0]["path"] == "corpus.jsonl"
    assert plain["duplicates"] == other["duplicates"]


def test_a_text_of_a_document_stands_where_the_document_does(
    session: Session, made: CorpusMap
) -> None:
    text = session.documents.passages(np.array([40]))[0].text
    words = f"Harbour 10 {text}"
    (placed,) = place_queries(session, made, [words])
    at = made.ids.index("harbour10")
    assert placed.placed == "projected"
    assert placed.place is not None
    assert np.abs(np.array(placed.place) - made.places[at]).max() < 0.1
    assert placed.hits[0][:2] == (at, 1)
    assert len({made.ids[p].rstrip("0123456789") for p, _, _ in placed.hits}) == 1


@pytest.mark.slow
def test_on_a_map_by_neighbours_a_query_stands_between_the_nearest(session: Session) -> None:
    drawn = draw_map(
        session.root, MapRequest("tsne", queries=("ship captain tide",), above=None), Progress()
    )
    (placed,) = drawn.queries
    assert (drawn.made.method, placed.placed) == ("tsne", "between")
    ours = [i for i, name in enumerate(drawn.made.ids) if name.startswith("harbour")]
    low, high = drawn.made.places[ours].min(axis=0), drawn.made.places[ours].max(axis=0)
    assert placed.place is not None
    assert (low <= placed.place).all()
    assert (high >= placed.place).all()


def test_without_the_extra_places_are_those_of_principal_axes(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbour_map, "find_spec", lambda _: None)
    drawn = draw_map(session.root, MapRequest(above=None), Progress())
    assert drawn.made.method == "pca"
    assert drawn.hint is not None
    assert "pip install 'qembed-search[map]'" in drawn.hint


def test_an_unknown_colour_names_those_that_there_are(session: Session, made: CorpusMap) -> None:
    with pytest.raises(UsageError, match=r"--color only: .*cluster, day, draft, kind, year"):
        draw_map(session.root, MapRequest(method="pca", color="only"), Progress())
