"""A folder of texts, a Word document with two pictures, a PDF, two hundred pictures and hostile ones."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Done, Shell

pytest.importorskip("PIL")
pytest.importorskip("pypdfium2")
word = pytest.importorskip("docx")

from tests.corpus import pictures as made  # noqa: E402  # needs Pillow
from tests.corpus.made import pdf, saved  # noqa: E402
from tests.seeing import COLOURS  # noqa: E402

pytestmark = pytest.mark.slow

SEEING = {"QEMBED_MODEL": "py:tests.seeing:encoder"}
HOSTILE = {
    "bomb.png": made.header_only(30_000, 30_000),
    "cut.jpg": made.saved(made.Image.effect_noise((300, 300), 50), "JPEG")[:2000],
    "text.png": b"hello",
}
"""Files that are no pictures."""
ODD = {
    "lies.png": made.plain(kind="JPEG"),
    "moves.gif": made.frames("GIF"),
    "print.jpg": made.plain((0, 255, 255, 0), "JPEG", "CMYK"),
    "deep.png": made.plain(40_000, mode="I;16"),
}
"""Pictures of an unusual form."""


def report() -> bytes:
    document = word.Document()
    document.add_paragraph("The report on bicycles.")
    for colour in ("red", "blue"):
        document.add_picture(io.BytesIO(made.plain(COLOURS[colour])))
        document.inline_shapes[-1]._inline.docPr.set("descr", f"a {colour} bicycle")
    return saved(document)


def index(shell: Shell, *args: str) -> Done:
    for p in shell.folder.rglob("*"):  # files changed just now would be read again
        if p.is_file() and ".qembed" not in p.parts and p.stat().st_mtime > 1e9 + 1e6:
            os.utime(p, (1e9, 1e9))
    return shell("index", *args, "--format", "json", **SEEING)


def documents(shell: Shell, *args: str) -> list[str]:
    done = shell("query", *args, "--format", "jsonl")
    assert done.code == 0, done.err
    return [hit["document"] for hit in done.lines]


def test_index_refresh_query_verify(shell: Shell, tmp_path: Path) -> None:
    docs = shell.folder / "docs"
    (docs / "photos").mkdir(parents=True)
    names = list(COLOURS)
    for i in range(200):
        near = tuple((c + i // 6) % 256 for c in COLOURS[names[i % 6]])
        (docs / "photos" / f"p{i}.png").write_bytes(made.plain(near))
    for i in range(20):
        (docs / f"text{i}.md").write_text(f"Chapter {i} is about refunds and parcels.\n")
    (docs / "report.docx").write_bytes(report())
    (docs / "pages.pdf").write_bytes(pdf(["The invoice of the harbour", "The train of the market"]))
    for name, data in (HOSTILE | ODD).items():
        (docs / name).write_bytes(data)

    first = index(shell, "docs")
    assert first.code == 4
    assert {Path(f["path"]).name for f in first.json["failed"]} == set(HOSTILE)
    assert all(f["error"] for f in first.json["failed"])
    assert first.json["documents"]["added"] == 200 + 20 + 3 + 2 + len(ODD)
    assert first.json["left_out"]["parts"] == 0

    blue = documents(shell, "--image", "docs/photos/p2.png", "-k", "40", "--kind", "image")
    assert "photos/p2.png" in blue
    assert "report.docx#image=2" in blue
    hits = documents(shell, "red bicycle", "-k", "5")
    assert "report.docx#image=1" in hits[:2]
    assert "pages.pdf#page=1" in documents(shell, "invoice harbour", "-k", "1")
    assert "print.jpg" in documents(shell, "red", "--kind", "image", "-k", "50")
    assert documents(shell, "red", "--where", "animated = true") == ["moves.gif"]

    again = index(shell)
    assert again.json["documents"]["unchanged"] == 229
    assert again.json["passages"]["encoded"] == 0
    (docs / "photos" / "p0.png").unlink()
    (docs / "photos" / "p1.png").rename(docs / "p1.png")
    (docs / "photos" / "p2.png").write_bytes(made.plain(COLOURS["white"]))
    (docs / "report.docx").write_bytes(report())
    (docs / "cut.jpg").write_bytes(made.plain(kind="JPEG"))
    changed = index(shell).json
    kinds = {k: n for k, n in changed["documents"].items() if n}
    # p1 is known by its pixels and its name; the new report is the old one
    assert kinds == {
        "added": 1,
        "changed": 1,
        "moved": 1,
        "deleted": 1,
        "unchanged": 226,
        "failed": 2,
    }
    assert changed["passages"]["encoded"] <= 2
    verified = shell("verify")
    assert verified.code == 0, verified.out + verified.err
    assert "p2.png" not in " ".join(documents(shell, "blue", "-k", "30", "--kind", "image"))
    found = shell("duplicates", "--above", "1", "--format", "json")
    assert found.code == 0
