"""What pages say of pictures: captions that follow the pages, at the price of what has changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.store import Source
from qembed.types import Query, SourceFile
from tests.pipeline.conftest import BAG, age

pytest.importorskip("PIL")

from qembed.corpus.readers import registry
from qembed.corpus.readers.pictures import shown
from qembed.pipeline.indexing.pictures.on_pages import PicturesOnPages
from tests.corpus import pictures as made  # needs Pillow
from tests.pipeline.indexing.picture_pages import PAGES, PICTURES, SEEING, captions, index
from tests.seeing import ENCODER


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    docs = folder / "docs"
    for name, text in PAGES.items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(text)
    for name, colour in PICTURES.items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_bytes(made.plain(colour))
    age(docs)
    index(folder / "i", docs, model=SEEING)
    return folder


@pytest.fixture
def docs(made_once: Path, tmp_path: Path) -> Path:
    """The folder of a copy, whose index is `docs.parent / "i"`. The copies' times are the first's."""
    shutil.copytree(made_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "docs"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the pages in which pictures are looked for, and of the pictures that are read."""
    names: list[str] = []
    look, read = shown.shown_pictures, registry.read_picture

    def noted(way: Callable[..., object]) -> Callable[..., object]:
        def call(file: SourceFile, *args: object) -> object:
            names.append(file.name)
            return way(file, *args)

        return call

    monkeypatch.setattr(shown, "shown_pictures", noted(look))
    monkeypatch.setattr(registry, "read_picture", noted(read))
    return names


BEFORE = {
    "IMG_1.png": ("IMG 1", None),
    "pics/beach.png": ("Beach of Sylt\nStrand", ["a.html", "notes/b.md"]),
    "pics/boat.png": ("boat", None),
}


def test_captions_of_pages(docs: Path, reads: list[str]) -> None:
    root = docs.parent / "i"
    assert captions(root) == BEFORE
    assert list(verify(root)) == []
    with Session(root) as session:
        lexical = Retriever(session, QueryOptions(mode="lexical"))
        (result,) = lexical.answer([Query("1", "sylt")]).results
    assert [h.document for h in result.hits] == ["pics/beach.png"]
    # the copies have other times of change: all is read once, and then nothing
    index(root)
    reads.clear()
    again = index(root)
    assert (again.documents["unchanged"], reads) == (6, [])
    assert index(root, dry_run=True).documents["unchanged"] == 6
    assert reads == []
    assert captions(root) == BEFORE


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda docs: (docs / name).write_text(text)


def gone(name: str) -> Callable[[Path], object]:
    return lambda docs: (docs / name).unlink()


BEACH, BOAT = "pics/beach.png", "pics/boat.png"


@pytest.mark.parametrize(
    ("change", "news", "read"),
    [
        (
            write("a.html", "<img src='pics/beach.png' alt='Beach of Föhr'>"),
            {BEACH: ("Beach of Föhr\nStrand", ["a.html", "notes/b.md"])},
            ["a.html", BEACH],
        ),
        (write("a.html", PAGES["a.html"] + "<p>more</p>"), {}, ["a.html"]),
        (gone("a.html"), {BEACH: ("Strand", ["notes/b.md"])}, [BEACH]),
        (
            write("notes/0.md", "![Ein Boot](../pics/boat.png) ![](../pics/beach.png)\n"),
            {
                BEACH: ("Beach of Sylt\nStrand", ["a.html", "notes/0.md", "notes/b.md"]),
                BOAT: ("Ein Boot", ["notes/0.md"]),
            },
            ["notes/0.md", BEACH, BOAT],
        ),
        (
            lambda docs: (docs / "a.html").rename(docs / "z.html"),
            {BEACH: ("Strand\nBeach of Sylt", ["notes/b.md", "z.html"])},
            ["z.html", BEACH],
        ),
        (
            write("pics/beach.caption", "from beside"),
            {BEACH: ("from beside\nBeach of Sylt\nStrand", ["a.html", "notes/b.md"])},
            [BEACH],
        ),
        (
            lambda docs: (docs / "pics" / "boat.png").rename(docs / "pics" / "gone.png"),
            {"pics/gone.png": ("Nowhere", ["notes/b.md"]), BOAT: None},
            ["pics/gone.png"],
        ),
        (lambda docs: (docs / BEACH).write_bytes(made.plain(made.GREEN)), {}, [BEACH]),
    ],
    ids=["changed", "other-words", "gone", "new", "renamed", "beside", "comes", "pixels"],
)
@pytest.mark.slow
def test_refresh(
    docs: Path,
    reads: list[str],
    change: Callable[[Path], object],
    news: dict[str, tuple[str, list[str]] | None],
    read: list[str],
) -> None:
    root = docs.parent / "i"
    index(root)  # the copies have other times of change
    before = ENCODER.pictures
    change(docs)
    age(docs)
    reads.clear()
    planned = index(root, dry_run=True)
    reads.clear()
    done = index(root)
    assert sorted(reads) == sorted(read)
    assert planned.documents["unchanged"] == done.documents["unchanged"]
    wanted = {k: v for k, v in {**BEFORE, **news}.items() if v is not None}
    assert captions(root) == wanted
    # green is known, and the others are as they were: only the two probes are encoded
    assert ENCODER.pictures - before <= 2
    assert done.passages["encoded"] <= 1  # of a page's own text
    assert list(verify(root)) == []
    reads.clear()
    assert (index(root).documents["deleted"], reads) == (0, [])


def test_filters_and_sizes(docs: Path) -> None:
    root = docs.parent / "i"
    done = index(root, docs, exclude=("notes",))
    assert captions(root)[BEACH] == ("Beach of Sylt", ["a.html"])
    assert done.documents["deleted"] == 1
    index(root, docs, exclude=("a.html",))
    assert captions(root)[BEACH] == ("Strand", ["notes/b.md"])
    (docs / "a.html").write_text(PAGES["a.html"] + "<p>words</p>" * 999)
    index(root, docs, exclude=(), max_file_size=5000)
    assert captions(root)[BEACH] == ("Strand", ["notes/b.md"])


def test_pictures_that_are_no_documents_are_left_out(docs: Path, tmp_path: Path) -> None:
    told = "picture: Beach of Sylt"
    whole = index(tmp_path / "whole", docs, model=SEEING)
    assert [i.what for i in whole.left_out.listed] == []
    alone = index(tmp_path / "alone", docs / "a.html", model=SEEING)
    assert [i.what for i in alone.left_out.listed] == [told]
    both = index(tmp_path / "both", docs / "a.html", docs / "pics" / "beach.png", model=SEEING)
    assert [i.what for i in both.left_out.listed] == [told]
    assert captions(tmp_path / "both") == {"beach.png": ("beach", None)}
    for options in ({"exclude": ("beach.png",)}, {"max_file_size": 100}):
        (docs / "pics" / "beach.png").write_bytes(made.plain(made.BLUE) + b" " * 200)
        some = index(tmp_path / str(options), docs, model=SEEING, **options)
        assert told in [i.what for i in some.left_out.listed]


@pytest.mark.parametrize(
    ("place", "caption"),
    [
        ("build._Run._ingest", "Beach of Sylt\nStrand"),
        ("pictures.on_pages.PicturesOnPages.finish", "Other\nStrand"),
    ],
)
@pytest.mark.parametrize("is_undone", [True, False])
def test_a_run_that_was_killed_is_made_up_for(
    docs: Path, monkeypatch: pytest.MonkeyPatch, place: str, caption: str, is_undone: bool
) -> None:
    """Before the picture is read, and after; the page stays, or is again what it was."""
    root, page = docs.parent / "i", docs / "a.html"
    index(root)
    as_it_was = page.stat().st_mtime_ns
    page.write_text("<img src='pics/beach.png' alt='Other'>")
    with monkeypatch.context() as patch:
        patch.setattr(f"qembed.pipeline.indexing.{place}", dies)
        with pytest.raises(RuntimeError):
            index(root)
    assert captions(root)[BEACH][0] == caption
    if is_undone:
        page.write_text(PAGES["a.html"])
        os.utime(page, ns=(as_it_was, as_it_was))
    index(root)
    assert captions(root)[BEACH][0] == ("Beach of Sylt" if is_undone else "Other") + "\nStrand"
    assert json.loads((root / "on-pages.json").read_text())["unsure"] == []


def dies(*_: object) -> None:
    raise RuntimeError("killed")


@pytest.mark.slow
def test_the_file_may_be_lost(docs: Path, reads: list[str]) -> None:
    """An index that was made before there was this file is one that lost it."""
    root = docs.parent / "i"
    for broken in (
        None,
        b"",
        b"[]",
        b'{"version": 2, "pages": 3, "unsure": []}',
        b'{"version": 9}',
    ):
        (docs / "a.html").write_text(PAGES["a.html"] + "<img src='IMG_1.png' alt='Once'>")
        age(docs)
        index(root)
        assert captions(root) == {**BEFORE, "IMG_1.png": ("Once", ["a.html"])}
        (docs / "a.html").unlink()
        file = root / "on-pages.json"
        file.unlink() if broken is None else file.write_bytes(broken)
        reads.clear()
        index(root)
        assert sorted(reads) == ["IMG_1.png", "c.html", "notes/b.md", BEACH]
        assert captions(root) == {**BEFORE, BEACH: ("Strand", ["notes/b.md"])}
        reads.clear()
        index(root)
        assert reads == []


def test_pages_that_cannot_be_listed_say_what_they_said(docs: Path) -> None:
    root = docs.parent / "i"
    index(root)
    source = os.path.relpath(docs, root.parent)
    stat = (docs / BEACH).stat()
    file = SourceFile(source, BEACH, docs / BEACH, stat.st_size, 1)
    for is_unlisted, said in ((True, BEFORE[BEACH]), (False, ("", []))):
        pages = PicturesOnPages(root)
        pages.read({source}, frozenset(), lambda _, is_unlisted=is_unlisted: is_unlisted)  # type: ignore[misc]
        (told,) = pages.told([file], {source: Source(source)})
        assert ("\n".join(told.captions), list(told.shown_in)) == said
        assert bool(pages.changed) is not is_unlisted


def test_ten_pages_and_ten_captions(docs: Path) -> None:
    root = docs.parent / "i"
    for i in range(30):
        (docs / f"page{i:02}.html").write_text(f"<img src='IMG_1.png' alt='words {i // 2}'>")
    index(root)
    text, pages = captions(root)["IMG_1.png"]
    assert text.splitlines() == [f"words {i}" for i in range(10)]
    assert pages == [f"page{i:02}.html" for i in range(10)]


def test_sources_do_not_speak_of_each_other(docs: Path, tmp_path: Path, reads: list[str]) -> None:
    """A nested source has its pictures itself; a source that a run does not walk keeps what it knows."""
    root = tmp_path / "two"
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.html").write_text("<img src='x.png' alt='Ex'>")
    (other / "x.png").write_bytes(made.plain())
    age(other)
    index(root, docs, docs / "pics", other, model=SEEING)
    assert captions(root) == {
        "IMG_1.png": ("IMG 1", None),
        "beach.png": ("beach", None),
        "boat.png": ("boat", None),
        "x.png": ("Ex", ["x.html"]),
    }
    index(root, docs)
    reads.clear()
    assert (index(root).documents["unchanged"], reads) == (8, [])


def test_an_index_without_pictures_has_no_such_file(docs: Path, tmp_path: Path) -> None:
    for name in PICTURES:
        (docs / name).unlink()
    index(tmp_path / "seeing", docs, model=SEEING)
    index(tmp_path / "texts", docs, model=BAG)
    assert [p.parent.name for p in tmp_path.glob("*/on-pages.json*")] == ["i"]
    index(tmp_path / "i")
    assert not (tmp_path / "i" / "on-pages.json").exists()


def test_ctrl_c_while_pages_are_read(docs: Path, tmp_path: Path) -> None:
    progress = Progress(stop=lambda: True)
    with pytest.raises(KeyboardInterrupt):
        index(tmp_path / "new", docs, model=SEEING, progress=progress)
    assert not (tmp_path / "new").exists()
