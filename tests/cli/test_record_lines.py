"""Lines of records in their files: stored at indexing, printed by `text` and `vimgrep`, never invented."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qembed.store import Catalog, Snapshot, Writer
from qembed.store.compaction import compact
from qembed.store.documents_file import LINE
from tests.cli.conftest import Shell


def _csv(names: list[str]) -> str:
    return "id,text\n" + "".join(f'{n},"zebra {n}\nis a row"\n' for n in names)


def _jsonl(names: list[str]) -> str:
    return "\n\n".join(json.dumps({"_id": n, "text": f"zebra {n}"}) for n in names)


def _json(names: list[str]) -> str:
    return "\n" + json.dumps([{"id": n, "text": f"zebra, {n}: [1]"} for n in names], indent=1)


def _stream(names: list[str]) -> str:
    return "\n".join(json.dumps({"id": n, "text": f"zebra {n}"}, indent=1) for n in names)


def _mbox(names: list[str]) -> str:
    return "".join(
        f"From a@b.c Mon Jan  1 00:00:00 2026\nFrom: a@b.c\nSubject: {n}\n\nA zebra {n}.\n\n"
        for n in names
    )


def _feed(names: list[str]) -> str:
    items = (
        f"<item><title>{n}</title>\n<description>zebra {n}</description></item>" for n in names
    )
    return "<?xml version='1.0'?>\n<rss><channel>\n\n" + "\n".join(items) + "</channel></rss>"


FORMATS: dict[str, tuple[Callable[[list[str]], str], str]] = {
    "r.csv": (_csv, r"{n},"),
    "r.jsonl": (_jsonl, r'\{{"_id": "{n}"'),
    "list.json": (_json, r' \{{\n  "id": "{n}"'),
    "many.jsonl": (_stream, r'\{{\n "id": "{n}"'),
    "feed.xml": (_feed, r"<item><title>{n}<"),
}
"""File -> (its text of records of these names, pattern of where one begins)."""
NAMES = [f"n{i}x" for i in range(5)]


def _wanted(text: str, pattern: str, name: str) -> int:
    """Line in which a record begins, found in the text."""
    found = re.search("^" + pattern.format(n=name), text, re.M)
    assert found is not None
    return text.count("\n", 0, found.start()) + 1


def _lines(shell: Shell, path: str) -> dict[str, int]:
    """Line of each record by its name, as `--vimgrep` says."""
    found = shell("query", "zebra", "--vimgrep", "-k", "20").out.splitlines()
    numbers = {}
    for name in NAMES:
        [number] = [int(x.split(":")[1]) for x in found if x.startswith(f"{path}:") and name in x]
        numbers[name] = number
    return numbers


@pytest.mark.parametrize("file", FORMATS)
@pytest.mark.slow
def test_a_record_is_where_it_is_said_to_be(shell: Shell, file: str) -> None:
    make, pattern = FORMATS[file]
    text = make(NAMES)
    shell.write(file, text)
    shell.old()
    assert shell("index", file).code == 0
    assert _lines(shell, file) == {n: _wanted(text, pattern, n) for n in NAMES}
    assert shell("query", "zebra", "--format", "paths").out == f"{file}\n"
    hits = shell("query", "zebra", "--format", "jsonl").lines
    assert {h["line"] for h in hits} == set(_lines(shell, file).values())
    assert {h["end_line"] for h in hits} == {None}
    places = re.findall(r"#\S+:(\d+)", shell("query", "zebra").out)
    assert {int(x) for x in places} == {h["line"] for h in hits}


def test_the_sentence_of_a_message_is_looked_for_in_its_body(shell: Shell) -> None:
    text = _mbox([*NAMES, "zebra"]).replace("Subject: n3x", "Subject: A zebra n3x.")
    shell.write("box.mbox", text)
    shell.old()
    assert shell("index", "box.mbox").code == 0
    wanted = {n: text[: text.index(f"\nA zebra {n}.")].count("\n") + 2 for n in NAMES}
    assert _lines(shell, "box.mbox") == wanted
    places = re.findall(r"#message=(\d):(\d+)", shell("query", "zebra n3x", "-k", "9").out)
    assert ("4", str(wanted["n3x"])) in places
    hits = shell("query", "zebra", "--format", "jsonl").lines
    assert {h["line"] for h in hits} == {1 + 6 * i for i in range(6)}, (
        "of a record, where it begins"
    )


def test_lines_move_without_encoding(shell: Shell) -> None:
    shell.write("r.jsonl", _jsonl(NAMES))
    shell.old()
    assert shell("index", "r.jsonl").code == 0
    before = _lines(shell, "r.jsonl")
    shell.write("r.jsonl", "\n\n\n" + _jsonl(NAMES))
    shell.old()
    done = shell("index", "--format", "json").json
    assert (done["passages"]["encoded"], done["documents"]["unchanged"]) == (0, len(NAMES))
    assert _lines(shell, "r.jsonl") == {n: line + 3 for n, line in before.items()}


@pytest.mark.slow
def test_lines_stay_through_add_forget_and_compaction(shell: Shell) -> None:
    shell.write("r.csv", _csv(NAMES))
    shell.old()
    assert shell("index", "r.csv").code == 0
    before = _lines(shell, "r.csv")
    assert shell("add", "--meta", "user=ann", "zebra of a memory").code == 0
    assert _lines(shell, "r.csv") == before
    assert shell("forget", "--where", "user='ann'", "--purge").code == 0
    assert _lines(shell, "r.csv") == before
    with Writer(shell.folder / ".qembed") as writer, writer.open_present() as snapshot:
        compact(writer, snapshot)
    assert _lines(shell, "r.csv") == before
    assert shell("verify").code == 0


def _without_lines(root: Path) -> None:
    """Make the index as versions before the column made it."""
    with Writer(root) as writer, writer.open_present() as snapshot:
        catalog = snapshot.catalog
        at = catalog.table.schema.get_field_index(LINE)
        import pyarrow as pa

        nulls = pa.nulls(len(catalog), pa.int64())
        writer.commit(Catalog(catalog.table.set_column(at, LINE, nulls), catalog.fields))


def _columns(root: Path) -> list[str]:
    import pyarrow.parquet as pq

    with Snapshot.open(root) as snapshot:
        assert snapshot.manifest.documents is not None
        names: list[Any] = pq.ParquetFile(
            root / snapshot.manifest.documents.name
        ).schema_arrow.names
    return names


def test_an_index_without_lines(shell: Shell) -> None:
    """It opens, names the file alone, and gets the lines of what is read again, encoding nothing."""
    shell.write("r.jsonl", _jsonl(NAMES))
    shell.write("docs/a.md", "# A\n\nA zebra.\n")
    shell.old()
    assert shell("index", "r.jsonl", "docs").code == 0
    root = shell.folder / ".qembed"
    before = _lines(shell, "r.jsonl")
    assert LINE in _columns(root)
    _without_lines(root)
    assert LINE not in _columns(root)
    found = shell("query", "zebra", "--vimgrep").out.splitlines()
    assert sorted(found) == ["docs/a.md:3:1:A zebra.", "r.jsonl"]
    assert re.search(r"r\.jsonl#n0x$", shell("query", "zebra").out, re.M)
    assert shell("verify").code == 0
    done = shell("index", "--format", "json").json
    assert done["documents"]["unchanged"] == len(NAMES) + 1
    assert LINE not in _columns(root)
    done = shell("index", "--verify-content", "--format", "json").json
    assert done["passages"]["encoded"] == 0
    assert _lines(shell, "r.jsonl") == before


@pytest.mark.slow
def test_files_alone_have_no_such_column(shell: Shell) -> None:
    shell.write("docs/a.md", "# A\n\nA zebra.\n")
    shell.old()
    assert shell("index", "docs").code == 0
    assert shell("add", "zebra of a memory").code == 0
    assert LINE not in _columns(shell.folder / ".qembed")


WEB = "<html><body><p>One.</p>\n\n<p>A <b>zebra</b>\nwalks &amp; eats here.</p></body></html>"
CELL = {"cell_type": "markdown", "source": ["One.\n", "A zebra reads."]}
PRINTABLE = "Content-Transfer-Encoding: quoted-printable"


@pytest.mark.parametrize(
    ("name", "text", "line", "shown"),
    [
        ("a.html", WEB, 3, "A zebra walks & eats here."),
        ("a.xml", "<a>\n<b>One.</b>\n<b>The zebra is well.</b></a>", 3, "The zebra is well."),
        ("a.xml", '<a>\n<b c="one"/>\n<b c="zebra of attributes"/></a>', 3, "zebra"),
        ("a.eml", "From: a@b\nSubject: x\n\nHello.\n\nA zebra writes.\n", 6, "A zebra writes."),
        ("a.ipynb", json.dumps({"cells": [CELL]}, indent=1), 7, "A zebra reads."),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nA zebra speaks.\n", 3, "A zebra speaks."),
        ("a.eml", f"From: a@b\nSubject: x\n{PRINTABLE}\n\nA z=65bra.\n", None, "A zebra."),
        ("a.toml", "[server]\nport = 1\n# zebra settings\nname = 'x'\n", 3, "# zebra settings"),
        ("a.json", '{\n "animals": {\n  "zebra": true}}', 3, '"zebra": true'),
        ("a.json", json.dumps({"text": "Words.\n\nMore.\n\nA zebra rests."}), 1, "A zebra rests."),
    ],
)
@pytest.mark.slow
def test_a_line_is_told_where_the_sentence_is(
    shell: Shell, name: str, text: str, line: int | None, shown: str
) -> None:
    shell.write(name, text)
    shell.old()
    assert shell("index", name).code == 0
    [found] = shell("query", "zebra", "--vimgrep").out.splitlines()
    if line is None:
        assert found == name
    else:
        assert found.startswith(f"{name}:{line}:")
        assert shown in found
    first, second = shell("query", "zebra").out.splitlines()[:2]
    place = name if line is None else f"{name}:{line}"
    assert re.search(rf" {re.escape(place)}(  |$)", first), first
    assert shown in second
    hits = shell("query", "zebra", "--format", "jsonl").out
    args = ("rerank", "--model", "py:tests.encoders:shouting", "--format", "vimgrep")
    assert shell(*args, stdin=hits).out.splitlines() == [found]


def test_a_sentence_that_is_gone_has_no_line(shell: Shell) -> None:
    shell.write("docs/a.html", "<p>One.</p>\n<p>A zebra walks in the park.</p>")
    shell.old()
    assert shell("index", "docs").code == 0
    assert shell("query", "zebra", "--vimgrep").out.startswith("docs/a.html:2:")
    shell.write("docs/a.html", "<p>One.</p>\n<p>No such animal.</p>")
    assert shell("query", "zebra", "--vimgrep").out == "docs/a.html\n"
    (shell.folder / "docs/a.html").unlink()
    os.mkfifo(shell.folder / "docs/a.html")  # nobody writes to it
    assert shell("query", "zebra", "--vimgrep").out == "docs/a.html\n"


def test_both_name_the_line_of_what_is_shown(shell: Shell) -> None:
    text = "# Guide\n\n" + "".join(f"Line {i} speaks of w{i}.\n" for i in range(9))
    shell.write("docs/a.md", text)
    shell.old()
    assert shell("index", "docs").code == 0
    for i in (0, 4, 8):
        assert f"docs/a.md:{3 + i}" in shell("query", f"w{i}", "-k", "1").out
        assert shell("query", f"w{i}", "--vimgrep").out.startswith(f"docs/a.md:{3 + i}:1:Line {i} ")
    assert "docs/a.md:1 " in shell("query", "w4", "-k", "1", "--context", "1").out + " "


def test_a_pipe_keeps_lines(shell: Shell) -> None:
    shell.write("r.csv", _csv(NAMES))
    shell.write("docs/a.md", "# Z\n\nSome words.\n\nA zebra n9x walks.\n")
    shell.old()
    assert shell("index", "r.csv", "docs").code == 0
    hits = shell("query", "zebra", "--format", "jsonl", "-k", "20").out
    piped = shell(
        "rerank", "--model", "py:tests.encoders:shouting", "--format", "vimgrep", stdin=hits
    )
    assert sorted(piped.out.splitlines()) == sorted(
        shell("query", "zebra", "--vimgrep", "-k", "20").out.splitlines()
    )
