#!/bin/sh
# textual-image 0.12.0: importing its renderables on a terminal takes away what the user had typed ahead.
#
# `import textual_image.renderable` asks the terminal what it can draw: it writes queries and reads the terminal for
# their answers, at import, before anything is drawn. A terminal's input has no frames: what was typed while the
# program started stands before the answers and is read with them and dropped. So a command line tool that shows a
# picture loses the next command that its user has begun to type; one that imports the package only where it may
# draw does so too, as the question is asked in any case.
#
# Seen (a terminal that answers nothing, on which "ls -l" was typed before the import):
#   json:                       b'ls -l\n'
#   textual_image.renderable:   b' -l\n'
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q textual-image==0.12.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import os
import pty
import select
import subprocess
import sys


def left(module):
    terminal, program = pty.openpty()
    os.write(terminal, b"ls -l\n")
    subprocess.run([sys.executable, "-c", f"import {module}"], stdin=program, stdout=program, check=True)
    ready = select.select([program], [], [], 0.5)[0]
    found = os.read(program, 100) if ready else b""
    os.close(terminal)
    os.close(program)
    return found


plain, asked = left("json"), left("textual_image.renderable")
print("json:                    ", plain)
print("textual_image.renderable:", asked)
sys.exit(0 if plain == b"ls -l\n" and asked != plain else 1)
PY
