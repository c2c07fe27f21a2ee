"""A served index whose titles, texts, metadata and file names try to be more than text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from qembed.web.http.settings import HttpSettings
from tests.chromium import chromium
from tests.cli.conftest import Shell
from tests.web.http.conftest import Site

OWNED = "document.title='owned'"
HOSTILE = f'<script>{OWNED}</script><img src=x onerror="{OWNED}">'
NAME = f"<img src=x onerror={OWNED}>&amp;.md"
OVERRIDE = "\u202egnp.parcel"
EMOJI = "\U0001f4e6"
RECORDS: list[dict[str, Any]] = [
    {"_id": HOSTILE, "title": HOSTILE, "text": f"A parcel {HOSTILE} and what follows.",
     "lang": HOSTILE, f"<b>{HOSTILE}": "x", "year": 2020, "day": "2026-01-02"},
    {"_id": "javascript:alert(1)", "title": OVERRIDE, "text": f"{EMOJI}{EMOJI} A parcel on its way.",
     "lang": "en", "year": 2021, "day": "2026-01-03", "checked": True, "tags": ["new", "it's"]},
    {"_id": "../..", "title": "", "text": "A parcel of dots.", "lang": "en", "year": 2022,
     "day": "2026-02-01", "checked": False},
    {"_id": "ar", "title": "أين طردي", "text": "أين طردي parcel الآن؟", "lang": "ar", "year": 2023},
    {"_id": "zh", "title": "包裹在哪里", "text": "包裹 parcel 在哪里？物流页面会告诉你。", "lang": "zh",
     "year": 2024},
    *({"_id": f"n{i}", "title": f"Note {i}", "text": f"Note {i} on refund number {i % 7}.",
       "lang": "en" if i % 2 else "de", "year": 2000 + i, "day": f"2025-0{1 + i % 9}-11"}
      for i in range(40)),
]  # fmt: skip


@pytest.fixture(scope="package")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """The index, in a folder of its own."""
    folder = tmp_path_factory.mktemp("page") / "work"
    folder.mkdir()
    shell = Shell(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shell.env().items():
            patch.setenv(name, value)
        patch.chdir(folder)
        shell.write("corpus.jsonl", "".join(json.dumps(r) + "\n" for r in RECORDS))
        shell.write(f"docs/{NAME}", f"# {HOSTILE}\n\nA parcel, {HOSTILE}.\n")
        parts = [f"Part {i} tells of a journey. " + f"Stop{i} " * 90 for i in range(30)]
        parts[17] += "ends. Here the zeppelin lands. Then the zeppelin rises."
        shell.write("docs/long.md", "# A long journey\n\n" + "\n\n".join(parts) + "\n")
        shell.old()
        assert shell("index", "corpus.jsonl", "docs").code == 0
        yield shell


@pytest.fixture(scope="package")
def site(hostile: Shell) -> Iterator[Site]:
    """The index, served."""
    made = Site(hostile)
    yield made
    made.end()


@contextmanager
def served_copy(shell: Shell, folder: Path, settings: HttpSettings | None = None) -> Iterator[Site]:
    """A copy of an index in a new folder, served: an index has one server."""
    shutil.copytree(shell.folder / ".qembed", folder / ".qembed")
    made = Site(Shell(folder), settings)
    try:
        yield made
    finally:
        if made.thread.is_alive():
            made.end()


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found
