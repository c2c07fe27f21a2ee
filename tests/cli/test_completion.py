"""`--install-completion`: a home that it cannot write to is named, without a traceback."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.conftest import Shell


def test_a_home_that_cannot_be_written(shell: Shell) -> None:
    home = shell.folder / "home"
    (home / ".bashrc").mkdir(parents=True)
    done = subprocess.run(
        # the shell is found among the parents of the process
        ["bash", "-c", '"$0" -m qembed --install-completion; exit $?', sys.executable],
        cwd=shell.folder,
        env=shell.env(HOME=str(home)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"qembed: cannot use {home / '.bashrc'}: ")
    assert len(done.stderr.splitlines()) == 1
