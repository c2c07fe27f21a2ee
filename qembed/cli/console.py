"""Messages and progress bars on stderr, data on stdout, and the signals that end a run."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from qembed.cli.signal_watch import watched
from qembed.errors import UsageError
from qembed.hints import with_index
from qembed.pipeline.progress import Progress

if TYPE_CHECKING:
    from qembed.cli.progress_display import ProgressDisplay


class Console:
    """Messages and bars on stderr. Bars are drawn only on a terminal; --quiet silences both."""

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        if quiet and verbose:
            raise UsageError("-q and -v contradict one another")
        self.quiet = quiet
        self.verbose = verbose
        self.bars = not quiet and sys.stderr.isatty() and _has_size()
        self._display: ProgressDisplay | None = None

    def say(self, text: str) -> None:
        """Print one message, unless --quiet; above the bar if there is one."""
        if self._display is not None:
            self._display.write(text)
        elif not self.quiet:
            print_message(text)

    def problem(self, text: str) -> None:
        """Print one message also with --quiet, which is for runs in which all is well."""
        if self._display is not None:
            self._display.write(text)
        else:
            print_message(text)

    def warn(self, text: str) -> None:
        """Print one line as a warning, unless quiet."""
        self.say(f"warning: {text}")

    def warn_all(self, texts: Iterable[str]) -> None:
        """Print a line for each warning, unless quiet."""
        for text in texts:
            self.warn(text)

    def detail(self, text: str) -> None:
        """Print one message, only with --verbose."""
        if self.verbose:
            self.say(text)

    def seconds(self, seconds: Mapping[str, float]) -> None:
        """Print the timings, only with --verbose."""
        self.detail("seconds: " + ", ".join(f"{k} {v:.3f}" for k, v in seconds.items()))

    @contextmanager
    def progress(
        self, stop: StopSignals | None = None, committing: StopSignals | None = None
    ) -> Iterator[Progress]:
        """Show phases, counts and the time left while the block runs: a bar, or a line now and then.

        `stop`: signals that the caller catches. `committing`: signals to be caught in the parts of the work
        that commit. KeyboardInterrupt after one of these becomes Exit with its code. Without `stop`, SIGINT
        ends the process within a second, also inside a library's call.
        """
        parts: dict[str, Any] = {"warn": self.problem}
        if (signals := stop or committing) is not None:
            parts["stop"] = signals
        if committing is not None:
            parts["committing"] = lambda: committing.caught(self)
        with (
            signals.as_exit() if signals is not None else nullcontext(),
            watched() if stop is None else nullcontext(),
        ):
            if self.quiet:
                yield Progress(**parts)
                return
            from qembed.cli.progress_display import ProgressDisplay

            with ProgressDisplay(print_message, self.bars) as shown:
                self._display = shown
                try:
                    yield Progress(
                        say=self.say,
                        phase=shown.phase,
                        advance=shown.advance,
                        expect=shown.expect,
                        note=shown.note,
                        **parts,
                    )
                finally:
                    self._display = None

    def confirmed(self, question: str, stop: StopSignals) -> bool:
        """Ask on a terminal. Without one the answer is no: nobody could give another.

        Raises Exit at a signal, with its code, and KeyboardInterrupt if `stop` has caught one before: what a
        run has committed by then stays.
        """
        if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        import typer

        signals = StopSignals()
        try:
            with self.paused(), signals.ending():
                if stop():
                    raise KeyboardInterrupt
                return typer.confirm(question, err=True)
        except typer.Abort:  # the end of input is no yes, and ends no line
            with suppress(OSError):  # the terminal is gone
                print(file=sys.stderr)  # noqa: T201
            if signals.received:
                raise typer.Exit(signals.code) from None
            return False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Show no progress while the block asks a question on the terminal."""
        with nullcontext() if self._display is None else self._display.paused():
            yield


def _has_size() -> bool:
    """False for a terminal of no columns or lines, as `script` and containers make: no bar is drawn there."""
    try:
        return min(os.get_terminal_size(sys.stderr.fileno())) > 0
    except (OSError, ValueError):
        return False


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP as a question asked between two steps of a run, which then commits and ends.

    A second signal ends the process at once.
    """

    def __init__(self) -> None:
        self.received = 0
        self._talk: Console | None = None  # has to be told of the signal

    def __call__(self) -> bool:
        """Return True once a signal was received."""
        self._tell()
        return self.received != 0

    def _tell(self) -> None:
        """Print that the run stops. A handler that interrupts another message cannot: the next call does."""
        if self._talk is not None:
            with suppress(RuntimeError):  # reentrant call
                self._talk.say("stopping: committing what is done (once more to stop at once)")
                self._talk = None

    @contextmanager
    def caught(self, talk: Console) -> Iterator[StopSignals]:
        """Catch the signals while the block runs."""

        def stop(number: int, _: FrameType | None) -> None:
            if self.received:
                raise KeyboardInterrupt
            self.received = number
            if number != signal.SIGHUP:  # the terminal is gone
                self._talk = talk
            self._tell()

        with _handled(stop), watched(signals=2):
            yield self

    @contextmanager
    def ending(self) -> Iterator[StopSignals]:
        """End the block at the first signal: it has nothing to commit. Raises Exit with the signal's code."""

        def end(number: int, _: FrameType | None) -> None:
            self.received = number
            raise KeyboardInterrupt

        with self.as_exit(), _handled(end):
            yield self

    @contextmanager
    def as_exit(self) -> Iterator[None]:
        """Raise Exit with the code of the signal where KeyboardInterrupt ends the block after one."""
        try:
            yield
        except KeyboardInterrupt:
            import typer

            if not self.received:
                raise
            raise typer.Exit(self.code) from None

    @property
    def code(self) -> int:
        """Exit code of the signal received: 128 + its number, as shells count."""
        return 128 + self.received


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call `handler` at SIGINT, SIGTERM and SIGHUP while the block runs."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # nohup means it
    caught = [s for s in wanted if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN]
    before = {s: signal.signal(s, handler) for s in caught}
    try:
        yield
    finally:
        for s, old in before.items():
            signal.signal(s, old)


_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)  # json.dumps makes one each time


def dumps(value: Any) -> str:
    """Serialise to JSON in UTF-8, terminal control characters escaped (json escapes those below 0x20).

    The commands that `warnings` of an object name repeat `--index`.
    """
    if isinstance(value, Mapping) and isinstance(said := value.get("warnings"), list | tuple):
        value = {**value, "warnings": [with_index(w) if isinstance(w, str) else w for w in said]}
    text = _ENCODER.encode(value)
    return _UNSAFE_IN_JSON.sub(lambda m: f"\\u{ord(m.group()):04x}", text)


_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """Escape terminal control characters: names and errors quote documents."""
    return _CONTROLS.sub(lambda m: ascii(m.group())[1:-1], text)


def print_message(text: str) -> None:
    """Print one line on stderr; the commands it names repeat `--index`."""
    print(f"qembed: {harmless(with_index(text))}", file=sys.stderr)  # noqa: T201


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 record`, `2,000 records`. `many`: the plural, if it is not `one` with s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def out(text: str) -> None:
    """Print one line of data: unchanged into a pipe or file, controls escaped on a terminal."""
    sys.stdout.write((harmless(text) if sys.stdout.isatty() else text) + "\n")
