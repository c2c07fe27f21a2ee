"""Pictures in an index: read, found unchanged, moved and changed; left out where the model reads none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.corpus import NO_PICTURES, PICTURE, WITHOUT_EXTRA, counted_reason
from qembed.errors import RecipeMismatch, UsageError
from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.documents.duplicates import DuplicatesRequest, find_duplicates
from qembed.pipeline.retrieval.documents.request import SimilarRequest
from qembed.pipeline.retrieval.documents.similar import answer_similar
from qembed.pipeline.retrieval.options import By
from qembed.store import Snapshot, Source, Writer
from qembed.store.manifest import read as read_manifest
from qembed.store.manifest import unpack_vectors
from qembed.store.truncate_dims import truncate_index
from qembed.vectors import truncate
from tests.pipeline.conftest import BAG, age

images = pytest.importorskip("PIL.Image")

from tests.corpus import pictures as made  # noqa: E402  # needs Pillow
from tests.corpus.made import pdf  # noqa: E402
from tests.seeing import ENCODER  # noqa: E402

SEEING = "py:tests.seeing:encoder"
PROBES = 2
"""Probe pictures, which a run encodes before the first picture."""


def index(root: Path, *paths: Path, model: str | None = None, **options: object) -> IndexSummary:
    recipe = RecipeOptions(model=model)
    return build(root, IndexOptions(paths=[str(p) for p in paths], recipe=recipe, **options))  # type: ignore[arg-type]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "red.png").write_bytes(made.plain())
    (folder / "red-too.bmp").write_bytes(made.plain(kind="BMP"))
    (folder / "nearly.webp").write_bytes(made.plain((215, 35, 30), "WEBP"))
    (folder / "sky.png").write_bytes(made.plain(made.BLUE))
    (folder / "a.md").write_text("# Money\n\nRefunds take five days.\n")
    age(folder)
    return folder


def test_pictures_are_encoded_once(docs: Path, tmp_path: Path) -> None:
    root = tmp_path / ".qembed"
    before = ENCODER.pictures
    (docs / "sky.caption").write_text("heaven")
    age(docs)
    first = index(root, docs, model=SEEING)
    assert (first.documents["added"], first.skipped) == (5, {})
    assert (first.passages["encoded"], first.passages["reused"]) == (4, 1)
    assert ENCODER.pictures - before == 3 + PROBES  # two of the four are equal
    assert first.recipe.images == (
        "rgb, upright, white ground, at most 1024 px; mean colours of 4 x 4 fields"
    )
    again = index(root)
    assert (again.documents["unchanged"], again.passages["encoded"]) == (5, 0)
    (docs / "sky.png").rename(docs / "heaven.png")
    (docs / "sky.caption").rename(docs / "heaven.caption")
    (docs / "red.png").write_bytes(made.plain(made.GREEN))
    (docs / "nearly.txt").write_text("a brick")
    changed = index(root)
    kinds = {k: n for k, n in changed.documents.items() if n}
    # one that took its caption along has moved; a text file is a document of its own
    assert kinds == {"added": 1, "changed": 2, "moved": 1, "unchanged": 2}
    assert ENCODER.pictures - before == 4 + 2 * PROBES
    with Snapshot.open(root) as snapshot:
        entries = {e.id: e for e in snapshot.catalog.entries()}
        rows = {i: snapshot.rows_of(np.array([n])) for n, i in enumerate(snapshot.catalog.ids())}
        assert snapshot.pictures is not None
        assert int(snapshot.pictures.sum()) == 4
        (passage,) = snapshot.passages(rows["nearly.webp"])
        assert passage.text == "a brick"
        assert entries["a.md"].picture is None
        assert len(entries["red.png"].picture or b"") == 16
        seen = ENCODER.look(images.new("RGB", (60, 40), made.GREEN))
        np.testing.assert_allclose(snapshot.vectors(rows["red.png"])[0], seen, atol=1e-6)
    assert list(verify(root)) == []


def test_equal_and_nearly_equal_ones_are_duplicates(docs: Path, tmp_path: Path) -> None:
    index(tmp_path / ".qembed", docs, model=SEEING)
    found = find_duplicates(tmp_path / ".qembed", DuplicatesRequest(above=0.95))
    (cluster,) = found.clusters
    names = {m.document: m.score for m in cluster}
    assert set(names) == {"red.png", "red-too.bmp", "nearly.webp"}
    assert 0.95 < names["red.png"] == names["red-too.bmp"] < 0.99999  # to the first, nearly.webp
    equal = find_duplicates(tmp_path / ".qembed", DuplicatesRequest(above=1))
    assert [{m.document for m in c} for c in equal.clusters] == [{"red.png", "red-too.bmp"}]


@pytest.mark.slow
def test_pages_that_the_option_does_not_read_go_with_a_file_that_fails(
    docs: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pypdfium2")
    root = tmp_path / ".qembed"
    (docs / "scan.pdf").write_bytes(made.plain(kind="PDF"))
    (docs / "page.pdf").write_bytes(pdf(["Refunds take five days"]))
    age(docs)
    pages = index(root, docs, model=SEEING, pictures=("pages",))
    assert pages.documents["added"] == 8
    # a file that is damaged keeps what the option reads
    (docs / "scan.pdf").write_bytes(b"%PDF-1.4 cut off")
    assert index(root).documents["failed"] == 1
    with Snapshot.open(root) as snapshot:
        assert "scan.pdf#page-image=1" in snapshot.catalog.ids()
    (docs / "scan.pdf").write_bytes(made.plain(kind="PDF"))
    age(docs)
    planned = index(root, pictures=("plain",), dry_run=True)
    plain = index(root, pictures=("plain",))
    assert (plain.documents["deleted"], plain.documents["failed"]) == (2, 1)
    assert plain.deleted_why == {"not read by --pictures plain any more": 2}
    assert planned.deleted_why == plain.deleted_why
    with Snapshot.open(root) as snapshot:
        pictures = [i for i in snapshot.catalog.ids() if "pdf" in i]
        assert pictures == ["page.pdf#page=1"]
    assert list(verify(root)) == []


@pytest.mark.parametrize("by", ["document", "passage"])
@pytest.mark.slow
def test_equal_ones_are_copies_whatever_their_captions(docs: Path, tmp_path: Path, by: By) -> None:
    for name, caption in (("red", "a brick"), ("red-too", "a rose"), ("nearly", "a brick")):
        (docs / f"{name}.caption").write_text(caption)
    age(docs)
    index(tmp_path / ".qembed", docs, model=SEEING)
    asked = SimilarRequest(document="red.png", by=by, k=9)
    answer = answer_similar(tmp_path / ".qembed", asked)
    assert [h.document for h in answer.results[0].hits] == ["nearly.webp", "sky.png", "a.md"]
    assert answer.warnings == ["left out as an exact copy: red-too.bmp"]
    # a picture that is not in the index has its copies there, too
    elsewhere = tmp_path / "elsewhere.tiff"
    elsewhere.write_bytes(made.plain(kind="TIFF"))
    asked = replace(asked, document=str(elsewhere), files=True)
    answer = answer_similar(tmp_path / ".qembed", asked)
    assert [h.document for h in answer.results[0].hits] == ["nearly.webp", "sky.png", "a.md"]
    (said,) = answer.warnings
    assert said.startswith("left out as exact copies: ")
    assert {"red.png", "red-too.bmp"} == set(said.partition(": ")[2].split(", "))


def test_copies_are_named_however_few_hits_are_asked_for(docs: Path, tmp_path: Path) -> None:
    for i in range(3):  # their vectors are those of the copies, and they are found before these
        (docs / f"alike{i}.png").write_bytes(
            made.saved(made.Image.new("RGB", (61 + i, 40), made.RED))
        )
    age(docs)
    index(tmp_path / ".qembed", docs, model=SEEING)
    for k in (1, 9):
        answer = answer_similar(tmp_path / ".qembed", SimilarRequest(document="red.png", k=k))
        assert answer.results[0].hits[0].document == "alike0.png"
        assert answer.warnings == ["left out as an exact copy: red-too.bmp"]


def test_a_model_of_texts_leaves_them_out(docs: Path, tmp_path: Path) -> None:
    root = tmp_path / ".qembed"
    done = index(root, docs, model=BAG)
    assert done.documents["added"] == 1
    assert not done.failed
    assert done.skipped == {PICTURE: 4}
    assert "images" not in read_manifest(root).recipe.to_json()
    assert '"images"' not in (root / "manifest.json").read_text()
    index(root)
    assert (root / "manifest.json").exists()


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        ({"include": ("*.md",)}, {"filtered by --include '*.md'": 4}),
        ({"max_file_size": 50}, {"larger than --max-file-size": 4}),
    ],
)
@pytest.mark.slow
def test_reasons_of_pictures_that_are_deleted(
    docs: Path, tmp_path: Path, filters: dict[str, Any], why: dict[str, int]
) -> None:
    root = tmp_path / ".qembed"
    index(root, docs, model=SEEING)
    options = {"source": Source("", **filters), "confirm": lambda _: True}
    assert index(root, docs, dry_run=True, **options).deleted_why == why
    assert index(root, docs, **options).deleted_why == why
    (docs / "new.png").write_bytes(made.plain((1, 2, 3)))
    back = index(root, docs)
    # the filter would have left out the new one, too
    assert [f.files for f in back.forgotten] == [5]
    index(root, docs, source=Source("", exclude=("*.html",)))
    (docs / "newer.png").write_bytes(made.plain((9, 9, 9)))
    assert [f.files for f in index(root, docs).forgotten] == [0]


def test_the_recipe_of_an_index_of_texts_is_what_it_was() -> None:
    from qembed.types import Recipe

    texts = Recipe("m", "r", 48, "own", "{text}", "title text", 200, 25, "auto")
    assert texts.fingerprint == "ffdceb54ecef300a"
    assert list(texts.to_json()) == [
        "model", "revision", "dim", "pooling", "passage_text", "title_rule", "max_tokens", "overlap",
        "chunker", "version", "fingerprint",
    ]  # fmt: skip


def test_pictures_are_not_wanted(docs: Path, tmp_path: Path) -> None:
    root = tmp_path / ".qembed"
    done = index(root, docs, model=SEEING, pictures=("none",))
    assert (done.documents["added"], done.recipe.images) == (1, "")
    assert done.skipped == {NO_PICTURES: 4}
    assert counted_reason(4, NO_PICTURES) == "4 pictures, kept out by --pictures none"
    again = index(root)
    assert (again.documents["unchanged"], again.skipped) == (1, {NO_PICTURES: 4})
    with pytest.raises(RecipeMismatch, match="--rebuild"):
        index(root, pictures=("place",))
    now = index(root, rebuild=True, pictures=("place",))
    assert now.documents["added"] == 5
    for i in range(9):
        (docs / f"more{i}.png").write_bytes(made.plain((i, i, i)))
    index(root)
    with pytest.raises(UsageError, match=r"\(without --pictures they stay, --yes deletes"):
        index(root, rebuild=True, pictures=("none",))
    gone = index(root, rebuild=True, pictures=("none",), confirm=lambda _: True)
    assert gone.deleted_why == {NO_PICTURES: 13}
    with pytest.raises(UsageError, match="--pictures: bag-of-words reads none"):
        index(tmp_path / "other", docs, model=BAG, pictures=("pages",))


def test_pictures_that_are_prepared_otherwise(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / ".qembed"
    index(root, docs, model=SEEING)
    monkeypatch.setattr(ENCODER, "image_recipe", "other fields")
    (docs / "new.png").write_bytes(made.plain(made.GREEN))
    with pytest.raises(RecipeMismatch, match="other fields"):
        index(root)


def test_probes_show_that_pictures_are_seen_otherwise(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / ".qembed"
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.md").write_text("words")
    index(root, tmp_path / "texts", model=SEEING)
    assert set(read_manifest(root).probes) == {"vectors"}  # until there is a picture
    index(root, docs)
    assert set(read_manifest(root).probes) == {"vectors", "images"}
    look = ENCODER.look
    monkeypatch.setattr(ENCODER, "look", lambda image: look(image.transpose(1).rotate(90)))
    (finding,) = verify(root)
    assert (finding.kind, "other vectors of pictures" in finding.what) == ("probe", True)
    (docs / "new.png").write_bytes(made.plain(made.GREEN))
    with pytest.raises(RecipeMismatch, match="other vectors of pictures"):
        index(root)


def test_cut_vectors(docs: Path, tmp_path: Path) -> None:
    root = tmp_path / ".qembed"
    index(root, docs, model=SEEING)
    with Snapshot.open(root) as before:
        pictures, whole = before.catalog.columns("picture"), before.vectors(np.arange(5))
    with Writer(root, 0.0) as writer:
        truncate_index(writer, replace(writer.present.recipe, dim=20))
    with Snapshot.open(root) as after:
        assert after.catalog.columns("picture") == pictures
        assert after.pictures is not None
        assert int(after.pictures.sum()) == 4
        found = after.vectors(np.arange(after.manifest.base, after.manifest.next_row))
        np.testing.assert_allclose(found, truncate(whole, 20), atol=1e-6)
        assert after.manifest.recipe.images
        assert unpack_vectors(after.manifest.probes["images"], 20).shape == (PROBES, 20)


def test_without_pillow(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    root = tmp_path / ".qembed"
    index(root, docs, model=SEEING)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda n, *a: None if n == "PIL" else find(n, *a)
    )
    monkeypatch.setattr(
        "qembed.corpus.readers.pictures.picture_file.find_spec", importlib.util.find_spec
    )
    monkeypatch.setattr(
        "qembed.pipeline.indexing.pictures.options.find_spec", importlib.util.find_spec
    )
    (docs / "new.png").write_bytes(made.plain(made.GREEN))
    later = index(root)
    assert (later.documents["unchanged"], later.documents["deleted"]) == (5, 0)
    assert [reason.partition(" (")[0] for reason in later.skipped] == [
        "needs qembed-search[images]"
    ]
    first = index(tmp_path / "other", docs, model=SEEING)
    assert first.documents["added"] == 1
    assert [reason.partition(" (")[0] for reason in first.skipped] == [
        "needs qembed-search[images]"
    ]
    monkeypatch.undo()
    assert index(tmp_path / "other").skipped == {WITHOUT_EXTRA: 5}
    assert index(tmp_path / "other").skipped == {WITHOUT_EXTRA: 5}
    assert index(tmp_path / "other", model=BAG, rebuild=True).skipped == {PICTURE: 5}
