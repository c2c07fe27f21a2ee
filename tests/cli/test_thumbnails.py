"""Thumbnails on a terminal: drawn where it can, without a question to it; nowhere else."""

from __future__ import annotations

import base64
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyte
import pytest

from tests.cli.conftest import Shell

images = pytest.importorskip("PIL.Image")

from qembed.cli.render.pictures.sequences import kitty, sixel  # noqa: E402
from qembed.cli.render.pictures.terminals import Cell, protocol_of  # noqa: E402
from qembed.cli.render.pictures.thumbnails import Thumbnails, cells_of  # noqa: E402
from qembed.corpus.readers.pictures.opened import open_picture  # noqa: E402
from qembed.types import Hit, Passage  # noqa: E402
from tests.corpus import pictures as made  # noqa: E402  # needs Pillow

MODEL = "py:tests.seeing:encoder"
KITTY = re.compile(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\")
ITERM2 = re.compile(rb"\x1b\]1337;File=([^:]*):([^\x07]*)\x07")
SIXEL = re.compile(rb"\x1bP0;1q([^\x1b]*)\x1b\\")
TYPED = b"ls -l\n"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("drawn") / "work"
    docs = folder / "docs"
    docs.mkdir(parents=True)
    (docs / "red.png").write_bytes(made.saved(made.Image.new("RGB", (400, 300), made.RED)))
    (docs / "blue.jpg").write_bytes(made.plain(made.BLUE, "JPEG"))
    (docs / "door.md").write_text("Red is the colour of the door.\n")
    shell = Shell(folder)
    assert shell("index", "docs", QEMBED_MODEL=MODEL).code == 0
    return shell


def terminal(shell: Shell, *args: str, **env: str) -> tuple[bytes, bytes]:
    """(what a command sent to a terminal that gives no answer, what it left of what was typed ahead)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 80 * 8, 50 * 16))
    os.write(ours, TYPED)
    bare = {k: v for k, v in shell.env(**env).items() if not k.startswith(("KITTY", "TMUX"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", *args],
        cwd=shell.folder,
        env={"TERM": "xterm-256color", **bare},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    sent = b""
    while process.poll() is None or _waits(ours):
        if _waits(ours):
            sent += os.read(ours, 1 << 16)
    assert process.returncode == 0
    left = os.read(theirs, 100) if _waits(theirs) else b""
    os.close(ours)
    os.close(theirs)
    return sent, left


def _waits(fd: int) -> bool:
    import select

    return bool(select.select([fd], [], [], 0.02)[0])


@pytest.mark.slow
def test_on_kitty(gallery: Shell) -> None:
    sent, left = terminal(gallery, "query", "red", "-k", "3", TERM="xterm-kitty")
    messages = KITTY.findall(sent)
    keys = dict(p.split(b"=") for p in messages[0][0].split(b","))
    # q=2: a terminal that answered would answer into what is typed
    assert {k: keys[k] for k in (b"a", b"f", b"q", b"C", b"r")} == {
        b"a": b"T", b"f": b"100", b"q": b"2", b"C": b"1", b"r": b"6",
    }  # fmt: skip
    with images.open(io.BytesIO(base64.b64decode(messages[0][1]))) as shown:
        assert (shown.format, shown.size) == ("PNG", (256, 192))
        assert np.abs(np.subtract(shown.getpixel((9, 9)), made.RED)).max() < 12
    assert sum(b"a=T" in m[0] for m in messages) == 2, "each picture once, no text"
    assert left == TYPED, "nothing of what the user typed was read"
    assert not re.search(rb"\x1b\[[\d;?>]*[cn]|\x1b\[1[468]t|a=q", sent), "nothing was asked"
    assert len(list((gallery.folder / ".qembed" / "thumbnails").iterdir())) == 2
    # six rows are left for it below its caption
    screen = pyte.Screen(80, 50)
    pyte.ByteStream(screen).feed(KITTY.sub(b"", sent))
    rows = [i for i, line in enumerate(screen.display) if re.match(r" \d  ", line)]
    place = next(i for i in rows if "red.png" in screen.display[i])
    assert place + 8 in rows
    assert not "".join(screen.display[place + 2 : place + 8]).strip()


@pytest.mark.slow
def test_on_iterm2_and_by_sixels(gallery: Shell) -> None:
    sent, left = terminal(gallery, "similar", "red.png", "-k", "1", LC_TERMINAL="iTerm2")
    ((keys, data),) = ITERM2.findall(sent)
    assert b"inline=1" in keys
    with images.open(io.BytesIO(base64.b64decode(data))) as shown:
        assert (shown.format, shown.size) == ("JPEG", (60, 40))
    assert b"picture, 60" in sent, "similar says what is a picture"
    by_option = ("query", "blue", "--kind", "image", "-k", "1", "--thumbnails", "sixel")
    sent, left = terminal(gallery, *by_option)
    (body,) = SIXEL.findall(sent)
    pixels = drawn(body.decode())
    assert pixels.shape == (2 * 16, 8 * 8, 3)
    assert np.abs(pixels.mean((0, 1)) - made.BLUE).max() < 8
    assert left == TYPED


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"},
        {"TERM": "xterm-kitty", "QEMBED_THUMBNAILS": "none"},
    ],
)
@pytest.mark.slow
def test_nowhere_else(gallery: Shell, env: dict[str, str]) -> None:
    sent, left = terminal(gallery, "query", "red", "-k", "2", **env)
    assert b"red.png" in sent
    assert not re.search(rb"\x1b[_P]|\x1b\]1337", sent)
    assert left == TYPED


def test_never_in_a_pipe(gallery: Shell) -> None:
    done = gallery("query", "red", "-k", "2", "--thumbnails", "kitty", TERM="xterm-kitty")
    assert (done.code, "red.png" in done.out, "\x1b" in done.out) == (0, True, False)
    assert "invalid value" in gallery("query", "red", "--thumbnails", "always").err.lower()


def test_a_picture_that_is_gone(gallery: Shell, tmp_path: Path) -> None:
    passage = Passage("a.png", 0, 0, 0, "a", 1, 1)
    hit = Hit(
        "a.png", str(tmp_path / "a.png"), "", passage, 0.0, {}, {}, kind="image", picture="0" * 32
    )
    root = gallery.folder / ".qembed"
    assert Thumbnails("kitty", {None: root}, Cell(8, 16)).drawn(hit, 11, 80) == ""
    blue = gallery.folder / "docs" / "blue.jpg"
    there = replace(hit, path=str(blue), picture=open_picture(blue.read_bytes(), False).digest)
    shown = Thumbnails("kitty", {None: root}, Cell(8, 16))
    assert "\x1b_G" in shown.drawn(there, 11, 80)
    assert shown.drawn(there, 11, 18) == "", "no room"
    assert shown.drawn(replace(there, path=hit.path), 11, 80) == "", "a copy of it is kept"


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230804"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "210400"}, None),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "screen.xterm-256color", "LC_TERMINAL": "iTerm2"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, None),
        ({}, None),
    ],
)
def test_terminals(environ: Mapping[str, str], wanted: str | None) -> None:
    assert protocol_of(environ) == wanted


def test_sizes() -> None:
    cell = Cell(8, 16)
    assert cells_of(256, 192, 24, cell) == (16, 6)
    assert cells_of(256, 64, 24, cell) == (24, 3)
    assert cells_of(256, 64, 10, cell) == (10, 1)
    assert cells_of(8, 16, 24, cell) == (1, 1)
    assert cells_of(256, 1, 24, cell) == (24, 1)
    assert cells_of(1, 256, 24, cell) == (1, 6)


def test_sixels_are_the_picture() -> None:
    """A decoder of our own reads them back, but for the 64 colours and percents."""
    gradient = np.zeros((45, 70, 3), np.uint8)
    gradient[..., 0] = np.linspace(0, 255, 70)[None]
    gradient[..., 1] = np.linspace(0, 255, 45)[:, None]
    picture = images.fromarray(gradient)
    body = sixel(picture).removeprefix("\x1bP0;1q").removesuffix("\x1b\\")
    wanted = np.asarray(picture.quantize(64).convert("RGB")).astype(int)
    assert np.abs(drawn(body) - wanted).max() <= 2


def test_kitty_in_several_messages() -> None:
    noise = images.effect_noise((120, 120), 90).convert("RGB")
    messages = KITTY.findall(kitty(noise, 10, 5).encode())
    assert len(messages) > 3
    assert [b"m=1" in m[0] for m in messages] == [True] * (len(messages) - 1) + [False]
    assert all(len(m[1]) <= 4096 for m in messages)
    with images.open(io.BytesIO(base64.b64decode(b"".join(m[1] for m in messages)))) as shown:
        assert np.array_equal(np.asarray(shown), np.asarray(noise))


def drawn(body: str) -> np.ndarray:
    """Pixels of sixels, (height, width, 3)."""
    width, height = map(int, re.findall(r'"1;1;(\d+);(\d+)', body)[0])
    colours = {
        int(n): [round(int(v) / 100 * 255) for v in rgb]
        for n, *rgb in re.findall(r"#(\d+);2;(\d+);(\d+);(\d+)", body)
    }
    body = re.sub(r'"[\d;]*|#\d+;2;\d+;\d+;\d+', "", body)
    found = np.full((height + 6, width, 3), -1, dtype=int)
    for band, lines in enumerate(body.rstrip("-").split("-")):
        for line in lines.split("$"):
            number, cells = re.fullmatch(r"#(\d+)(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
            cells = re.sub(r"!(\d+)(.)", lambda m: m[2] * int(m[1]), cells)
            for x, cell in enumerate(cells):
                for bit in range(6):
                    if (ord(cell) - 63) >> bit & 1:
                        assert found[band * 6 + bit, x, 0] == -1, "painted twice"
                        found[band * 6 + bit, x] = colours[int(number)]
    assert (found[:height] >= 0).all()
    return found[:height]
