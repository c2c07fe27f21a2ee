"""Where signals are caught, and which errors stem from them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import nullcontext

import pytest
import typer

from qembed.cli.console import Console, StopSignals
from qembed.cli.interrupts import is_interruption
from tests.cli.conftest import ROOT, Shell

pytestmark = pytest.mark.slow


def test_sigint_has_its_handler_before_anything_else_is_imported() -> None:
    program = (
        f"import os, sys, _signal; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules)\n"
        "class Import:\n"
        "    def find_spec(self, name, *_):\n"
        "        if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:\n"
        "            print(name)\n"
        "sys.meta_path.insert(0, Import())\n"
        "import qembed.__main__"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    ours = ["", ".__main__", ".cli", ".cli.interrupts", ".version"]
    assert sorted(set(done.stdout.split()) - {"__future__"}) == [f"qembed{name}" for name in ours]


IN_A_CLASS = """
import dataclasses, os, signal, sys
from qembed.__main__ import command
def interrupt(field, owner, name):
    if owner.__name__ == "Stamp":
        os.kill(os.getpid(), signal.SIGINT)
dataclasses.Field.__set_name__ = interrupt
command()
"""


def test_ctrl_c_in_the_body_of_a_class(shell: Shell) -> None:
    """Python 3.11 turns the KeyboardInterrupt of a `__set_name__` into a RuntimeError."""
    shell.write("d/a.md", "alpha")
    done = subprocess.run(
        [sys.executable, "-c", IN_A_CLASS, "index", "d"],
        cwd=shell.folder,
        env=shell.env(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert not (shell.folder / ".qembed").exists()


def raised(
    error: Exception, cause: BaseException | None, before: BaseException | None
) -> Exception:
    error.__cause__, error.__context__ = cause, before
    error.__suppress_context__ = cause is not None
    return error


def test_which_errors_stem_from_ctrl_c() -> None:
    ctrl_c = KeyboardInterrupt()
    wrapped = raised(RuntimeError(), ctrl_c, ctrl_c)
    assert is_interruption(wrapped)
    assert is_interruption(raised(ValueError(), wrapped, None), causes_only=True)
    meanwhile = raised(OSError(), None, ctrl_c)
    assert is_interruption(meanwhile)
    assert not is_interruption(meanwhile, causes_only=True)
    assert not is_interruption(raised(ValueError(), KeyError(), ctrl_c))
    circle = ValueError()
    circle.__cause__ = circle
    assert not is_interruption(circle)


@pytest.mark.parametrize("part", ["stop", "committing"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_a_signal_stops_ends_with_its_code(part: str, number: signal.Signals) -> None:
    talk, signals = Console(quiet=True), StopSignals()

    def work() -> None:
        with talk.progress(**{part: signals}) as progress:
            with progress.committing():
                os.kill(os.getpid(), number)
                assert progress.stop()
            raise KeyboardInterrupt

    caught = signals.caught(talk) if part == "stop" else nullcontext()
    with pytest.raises(typer.Exit) as ended, caught:
        work()
    assert ended.value.exit_code == 128 + number


def test_keyboard_interrupt_without_a_signal_stays_one() -> None:
    talk, signals = Console(quiet=True), StopSignals()
    with pytest.raises(KeyboardInterrupt), signals.caught(talk), talk.progress(signals):
        raise KeyboardInterrupt
