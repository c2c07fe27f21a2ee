"""Pictures of which pages say other things: verify names the pages; a nested source takes its pages along."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.pipeline.diagnostics.verify import verify
from qembed.store.integrity import REFRESH
from tests.pipeline.conftest import age

pytest.importorskip("PIL")

from tests.corpus import pictures as made  # needs Pillow
from tests.pipeline.indexing.picture_pages import PAGES, SEEING, captions, index

ONE = "what pages say of 1 picture has changed"
BEACH = "pics/beach.png"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder whose index is `docs.parent / "i"`."""
    folder = tmp_path / "docs"
    for name in ("a.html", "notes/b.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(PAGES[name])
    (folder / "pics").mkdir()
    (folder / BEACH).write_bytes(made.plain())
    age(folder)
    index(tmp_path / "i", folder, model=SEEING)
    return folder


def found(docs: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    findings = list(verify(docs.parent / "i", probe=False))
    assert all(len(f.documents) == len(f.paths) for f in findings)
    assert {f.kind for f in findings} <= {"sources"}
    return [
        (f.what, f.mend, tuple(Path(p).relative_to(docs).as_posix() for p in f.paths))
        for f in findings
    ]


def test_verify_names_the_page_that_has_changed(docs: Path) -> None:
    (docs / "a.html").write_text(PAGES["a.html"].replace("Sylt", "Föhr"))
    assert found(docs) == [(ONE, REFRESH, ("a.html",))]
    (docs / BEACH).with_suffix(".caption").write_text("from beside")
    ((what, _, names),) = found(docs)
    assert (what, names) == ("1 file has other content than when indexed", (BEACH,))
    (docs / BEACH).with_suffix(".caption").unlink()
    (docs / "a.html").unlink()
    assert found(docs) == [
        ("1 file is gone", REFRESH, ("a.html",)),
        (ONE, REFRESH, ("a.html",)),
    ]
    index(docs.parent / "i")
    assert found(docs) == []


def test_without_the_file_all_pages_that_show_it_are_named(docs: Path) -> None:
    (docs.parent / "i" / "on-pages.json").unlink()
    assert found(docs) == []
    (docs / "a.html").write_text(PAGES["a.html"].replace("Sylt", "Föhr"))
    assert found(docs) == [(ONE, REFRESH, ("a.html", "notes/b.md"))]
    (docs / BEACH).write_bytes(made.plain(made.BLUE))
    assert [names for _, _, names in found(docs)] == [(BEACH,)]
    index(docs.parent / "i")
    assert found(docs) == []


def test_a_page_without_documents_says_what_it_said(docs: Path) -> None:
    (docs / "c.html").write_text(f"<img src='{BEACH}' alt='North sea'>")
    index(docs.parent / "i")
    assert captions(docs.parent / "i")[BEACH][0] == "Beach of Sylt\nNorth sea\nStrand"
    assert found(docs) == []


@pytest.mark.slow
def test_a_nested_source_takes_its_pages_along(docs: Path) -> None:
    """The outer source, which the run does not walk, has the picture: it is read again all the same."""
    root = docs.parent / "i"
    (docs / "late.html").write_text(f"<p>not read by this run</p><img src='{BEACH}' alt='late'>")
    (docs / "notes" / "own.png").write_bytes(made.plain(made.BLUE))
    planned = index(root, docs / "notes", dry_run=True)
    done = index(root, docs / "notes")
    assert planned.documents["changed"] == done.documents["changed"] == 1
    assert captions(root) == {BEACH: ("Beach of Sylt", ["a.html"]), "own.png": ("own", None)}
    assert found(docs) == []
    again = index(root, docs / "notes")
    assert (again.documents["unchanged"], again.documents["changed"]) == (2, 0)
    index(root)
    assert captions(root)[BEACH] == ("Beach of Sylt\nlate", ["a.html", "late.html"])
    assert found(docs) == []


def test_what_a_lost_file_knew_of_other_sources_is_made_up_for(docs: Path) -> None:
    root = docs.parent / "i"
    (docs / "a.html").unlink()
    (docs / "notes" / "own.png").write_bytes(made.plain(made.BLUE))
    (root / "on-pages.json").unlink()
    index(root, docs / "notes")
    assert captions(root)[BEACH][0] == "Beach of Sylt\nStrand"
    index(root)
    assert captions(root)[BEACH] == ("beach", None)
    assert found(docs) == []
