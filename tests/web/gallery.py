"""An indexed folder of texts and pictures, for tests of its faces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.corpus import pictures as made
from tests.corpus.made import saved
from tests.seeing import COLOURS

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@contextmanager
def gallery(folder: Path) -> Iterator[Shell]:
    """The index, and this process in its environment."""
    from docx import Document

    docs = folder / "docs"
    docs.mkdir(parents=True)
    for i in range(8):
        (docs / f"text{i}.md").write_text(f"# Note {i}\n\nNumber {i} on refunds and parcels.\n")
    (docs / "door.md").write_text("# The door\n\nRed is the colour of the door.\n")
    for name, colour in COLOURS.items():
        for i in range(3):
            near = tuple(min(255, c + 5 * i) for c in colour)
            data = made.saved(made.Image.new("RGB", (320, 240 + 60 * i), near))
            (docs / f"{name}-{i}.png").write_bytes(data)
    (docs / "red-0.caption").write_text(HOSTILE)
    report = Document()
    report.add_paragraph("The report.")
    report.add_picture(io.BytesIO(made.plain(made.BLUE)))
    (docs / "report.docx").write_bytes(saved(report))
    shell = Shell(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shell.env(QEMBED_MODEL="py:tests.seeing:encoder").items():
            patch.setenv(name, value)
        patch.chdir(folder)
        shell.old()
        assert shell("index", "docs", QEMBED_MODEL="py:tests.seeing:encoder").code == 0
        yield shell
