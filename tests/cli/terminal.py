"""A command on a terminal, which is pyte."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios

import pyte

from tests.cli.conftest import Shell


def on_terminal(
    shell: Shell, *args: str, columns: int = 100, stdin: str = "", **env: str
) -> tuple[pyte.Screen, bytes]:
    """The screen after a command whose output and talk both went to it, and what was sent.

    `stdin`: "terminal" for the same one, else there is none.
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (60, columns))
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", *args],
        cwd=shell.folder,
        env=shell.env(**{"TERM": "xterm-256color", "COLUMNS": str(columns), **env}),
        stdin=theirs if stdin else subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    sent = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        sent += part
    process.wait(60)
    os.close(ours)
    assert b"Traceback" not in sent
    screen = pyte.Screen(columns, 60)
    pyte.ByteStream(screen).feed(sent)
    return screen, sent
