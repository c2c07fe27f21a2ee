"""`/map`: made once beside the requests, kept, followed to a new generation, guarded as the others."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qembed.errors import UsageError
from qembed.hints import remember_index
from qembed.pipeline.corpus_map import compute
from qembed.pipeline.corpus_map.corpus_map import CorpusMap
from qembed.pipeline.corpus_map.kept_map import kept_bytes
from qembed.store import manifest as manifests
from qembed.web.map.maker import HOLD, Making, MapMaker
from tests.web.http.conftest import Site


def whole_map(site: Site) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = site.client.get("/map")
        if answer.status_code != 202:
            assert answer.status_code == 200, answer.text
            return answer.json()
        assert answer.json()["state"] == "making"
        time.sleep(0.02)
    raise AssertionError("no map")


@pytest.mark.slow
def test_it_is_made_kept_and_the_same_packed_or_not(site: Site) -> None:
    found = whole_map(site)
    made = CorpusMap.from_compact(found)
    assert len(made.ids) == site.get("/status")["documents"]
    manifest = site.live.session.snapshot.manifest if site.live.session else None
    assert manifest is not None
    assert kept_bytes(site.index, manifest) is not None
    bare = site.client.get("/map", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in bare.headers
    assert bare.json() == found
    assert site.client.get("/map").headers["content-encoding"] == "gzip"
    evil = site.client.get("/map", headers={"Host": "evil.example.com"})
    assert evil.status_code == 421
    assert site.client.get("/map", headers={"Origin": "http://evil.example.com"}).status_code == 403


@pytest.mark.slow
def test_searches_are_answered_while_it_is_made(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import threading

    reached, go_on = threading.Event(), threading.Event()
    plain = compute.choose_points

    def waiting(*given: Any) -> Any:
        reached.set()
        assert go_on.wait(30)
        return plain(*given)

    monkeypatch.setattr(compute, "choose_points", waiting)
    manifest = site.live.session.snapshot.manifest if site.live.session else None
    assert manifest is not None
    maker = MapMaker(site.index)
    for path in site.index.glob("derived/map-*"):
        path.unlink()
    assert isinstance(maker.ask(manifest), Making)
    assert reached.wait(30)
    assert site.get("/search?q=w1&k=3")["hits"]
    assert isinstance(maker.ask(manifest), Making)
    go_on.set()
    assert maker._thread is not None
    maker._thread.join(60)
    made = maker.ask(manifest)
    assert not isinstance(made, Making)
    assert (made.uid, made.generation) == (manifest.uid, manifest.generation)


@pytest.mark.slow
def test_a_failure_is_told_and_an_old_map_is_shown_for_a_while(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_map(site)
    manifest = site.live.session.snapshot.manifest if site.live.session else None
    assert manifest is not None
    maker = MapMaker(site.index)
    made = maker.ask(manifest)
    assert not isinstance(made, Making)
    later = replace(manifest, generation=manifest.generation + 1)
    maker._made = made._replace(seconds=1e6 / HOLD)
    assert maker.ask(later) == maker._made
    assert maker._thread is None

    def failing(*_: Any) -> Any:
        raise UsageError("nothing to show: the index has no text")

    monkeypatch.setattr(compute, "choose_points", failing)
    maker._made = None
    assert isinstance(maker.ask(later), Making)
    assert maker._thread is None or maker._thread.join(30) is None
    with pytest.raises(UsageError, match="nothing to show"):
        maker.ask(later)


@pytest.mark.slow
def test_an_index_that_is_half_made_is_told(site: Site) -> None:
    before = manifests.read(site.index)
    told = {*whole_map(site)["warnings"]}
    manifests.write(site.index, replace(before, unfinished=True, refreshed=before.created))
    remember_index(Path("my index"))  # as `serve --index` does
    mend = "(qembed index --index 'my index' completes it)"
    try:
        for path in ("/search?q=w1", "/similar/refunds.md"):
            warning = site.get(path)["warnings"][0]
            assert "half made" in warning
            assert mend in warning
        assert "the index is half made, with" in whole_map(site)["warnings"][0]
        assert mend in whole_map(site)["warnings"][0]
        for path in site.index.glob("derived/map-*"):
            path.unlink()
        site.face._service.maps._made = None
        making = site.get("/map", 202)
        assert "half made" in making["warnings"][0]
    finally:
        remember_index(None)
        manifests.write(site.index, before)
        site.get("/search?q=w1")
    assert {*whole_map(site)["warnings"]} == told


@pytest.mark.slow
def test_hostile_names_are_data(site: Site) -> None:
    assert "text/html" not in site.client.get("/map").headers["content-type"]
    assert json.loads(site.client.get("/map").text)["schema"] == 1
