"""Commands in forks of a process that has imported qembed: most of a command's start is imports.

Each fork has the descriptors that a shell would give it, makes `sys.stdin` and its like of them as the
interpreter does when it starts, and ends as an interpreter ends, but for the teardown of modules: with all
of them it would take five times what a command does.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from tests.cli.command_table import GONE, Row, checked, input_of
from tests.cli.conftest import ROOT, Shell

PACKAGES = (
    "cli",
    "pipeline",
    "store",
    "search",
    "corpus",
    "evaluation",
    "feedback",
    "drift",
    "models",
)
LIBRARIES = ("numpy", "pyarrow.parquet", "pyarrow.compute", "tantivy", "hnswlib", "yaml", "typer")
STREAMS = ("stdin", "stdout", "stderr")


class ForkServer:
    """The process, in the folder of a shell. Calling it runs a row of the table."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    f"from tests.cli.fork_server import serve; serve({theirs.fileno()})",
                ],
                cwd=shell.folder,
                env=shell.env(PYTHONPATH=str(ROOT)),
                pass_fds=[theirs.fileno()],
            )
        self.line = ours

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self.line.close()
        code = self.process.wait(30)
        assert kind or code == 0

    def __call__(
        self, row: Row, redirect: str = "", before: str = ""
    ) -> subprocess.CompletedProcess[bytes]:
        """As `command_table.run` without variables. `before`: nothing or GONE."""
        assert before in ("", GONE)
        with contextlib.ExitStack() as files:
            out, err = (files.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            reader, writer = os.pipe()
            os.write(writer, input_of(self.shell, row))  # less than a pipe holds
            os.close(writer)
            request = json.dumps(
                {"args": row.args, "redirect": redirect.split(), "gone": before == GONE}
            ).encode()
            socket.send_fds(self.line, [request], [reader, out.fileno(), err.fileno()])
            os.close(reader)
            self.line.settimeout(120)
            code = int(self.line.recv(100))
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read())
        return checked(subprocess.CompletedProcess(row.args, code, *said))


def serve(number: int) -> None:
    """Run the command of each request that comes over the socket `number`, in a fork, until it is closed."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for package in PACKAGES:
        within = importlib.import_module(f"qembed.{package}")
        for module in pkgutil.walk_packages(within.__path__, f"{within.__name__}."):
            importlib.import_module(module.name)
    line = socket.socket(fileno=number)
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, 1 << 16, 3)
        if not message:
            return
        child = os.fork()
        if child == 0:
            request = json.loads(message)
            line.detach()
            _redirect(descriptors, request["redirect"])
            if request["gone"]:
                Path("gone").mkdir()
                os.chdir("gone")
                Path("../gone").rmdir()
            sys.argv[1:] = request["args"]
            _command()
        for fd in descriptors:
            os.close(fd)
        _, status = os.waitpid(child, 0)
        line.send(b"%d" % os.waitstatus_to_exitcode(status))


def _command() -> NoReturn:
    from qembed.__main__ import command

    code: object = 1
    try:
        command()
        code = 0
    except SystemExit as done:
        code = done.code or 0
    except BaseException:
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120
    os._exit(code if isinstance(code, int) else 1)


def _redirect(descriptors: list[int], redirections: list[str]) -> None:
    """Give the process these streams, then apply redirections of a shell; close all else."""
    for fd, given in enumerate(descriptors):
        os.dup2(given, fd)
    for text in redirections:
        (mark,) = {"<", ">"} & set(text)
        number, _, target = text.partition(mark)
        fd = int(number or mark == ">")
        if target == "&-":
            os.close(fd)
        else:
            opened = os.open(target, os.O_WRONLY)
            os.dup2(opened, fd)
    os.closerange(3, 1000)
    for fd, name in enumerate(STREAMS):
        try:
            os.fstat(fd)
        except OSError:
            setattr(sys, name, None)
        else:
            setattr(sys, name, os.fdopen(fd, "w" if fd else "r", closefd=False))
