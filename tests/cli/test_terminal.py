"""Nothing in a document, its name or a record can change the terminal's state: pyte is the terminal."""

from __future__ import annotations

import json

import pyte
import pytest

from tests.cli.conftest import Filled, Shell
from tests.cli.terminal import on_terminal

pytestmark = pytest.mark.slow

EVIL = (
    "\x1b]0;owned\x07 \x1b[2J \x1b[31m \x1b[?1049h \x1b[?25l \x1b(0 \x9b5A \x1bc \x1b[20;20H \x0e \x08\x08 "
    "\x1b[6n \x1bP$q\x1b\\ \u202eolleh \r gone \x7f \x1b[4h \x1b[?7l zebra"
)


@pytest.fixture
def hostile(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        shell.write("d/a\x1b]0;owned\x07\n\x1b[2Jb.md", f"# zebra {EVIL}\n\n{EVIL}\n")
        record = {"_id": f"id{EVIL}", "text": f"zebra {EVIL}", "title": EVIL, "k": EVIL}
        shell.write("d/r.jsonl", json.dumps(record) + "\n{bad " + "\n" + f'{{"_id": "x{EVIL}"}}\n')
        shell.write("d/bad\x1b[31m.txt", b"caf\xe9")
        shell.write("d/page.html", f"<title>{EVIL}</title><p>zebra &#27;[2J &#155;31m {EVIL}")
        assert shell("index", "d").code == 4

    return filled(index)


@pytest.mark.parametrize(
    "args",
    [
        ("index",),
        ("index", "--rebuild", "-v"),
        ("index", "d", "--dry-run", "--rebuild"),
        ("index", "--format", "json"),
        ("query", "zebra"),
        ("query", "zebra", "--explain"),
        *[("query", "zebra", "--format", f) for f in ("json", "jsonl", "paths", "vimgrep")],
        ("status",),
        ("index", f"no\x1b]0;owned\x07{EVIL}"),
    ],
    ids=lambda args: ascii(" ".join(args))[:40],
)
def test_the_terminal_stays_as_it_was(hostile: Shell, args: tuple[str, ...]) -> None:
    screen, sent = on_terminal(hostile, *args)
    fresh = pyte.Screen(100, 60)
    assert screen.title == fresh.title
    assert screen.mode == fresh.mode
    assert screen.charset == fresh.charset
    assert screen.g0_charset == fresh.g0_charset
    assert not screen.cursor.hidden
    assert screen.cursor.attrs == fresh.cursor.attrs
    for wrong in (
        b"\x1b]",
        b"\x1b[2J",
        b"\x1bc",
        b"\x1b[?1049h",
        b"\x1b[6n",
        "\u202e".encode(),
        b"\x0e",
    ):
        assert wrong not in sent


def test_data_keeps_what_it_says(hostile: Shell) -> None:
    hits = hostile("query", "zebra", "--format", "jsonl").lines
    assert f"zebra {EVIL}" in [h["text"] for h in hits]


def test_a_failed_gate_stands_once(collection: Shell) -> None:
    args = ("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--fail-under", "P@5=1")
    screen, _ = on_terminal(collection, *args, "--latency", "0")
    shown = [line for line in screen.display if "fail-under P@5=1" in line]
    assert len(shown) == 1
    assert shown[0].startswith("FAILED")
    assert any("worst P@5" in line for line in screen.display), "what stderr alone has stays"
    apart = collection(*args, "--latency", "0")
    assert "FAILED" in apart.out
    assert "gate: fail-under P@5=1" in apart.err
