"""Options that several commands share, and the talk on stderr."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from qembed.errors import UsageError
from qembed.pipeline.progress import Progress

IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="DIR",
        help="The index. Default: $QEMBED_INDEX, else the nearest .qembed here or above.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="SPEC",
        help="minilm (built in), a folder, a hub id, or py:module:factory. "
        "Default: the index's own, else $QEMBED_MODEL, else minilm.",
        show_default=False,
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No talk on stderr.")]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Timings and details on stderr.")
]


class Console:
    """Lines and bars on stderr. Bars only on a terminal; nothing at all with --quiet."""

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.bars = sys.stderr.isatty() and not quiet

    def say(self, text: str) -> None:
        """One line, unless told to be quiet."""
        if not self.quiet:
            print(f"qembed: {harmless(text)}", file=sys.stderr)  # noqa: T201

    def detail(self, text: str) -> None:
        """One line, only with --verbose."""
        if self.verbose:
            self.say(text)

    def seconds(self, seconds: Mapping[str, float]) -> None:
        """The timings, only with --verbose."""
        self.detail("seconds: " + ", ".join(f"{k} {v:.3f}" for k, v in seconds.items()))

    @contextmanager
    def progress(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """A bar over files with the passages encoded so far, while the block runs."""
        if not self.bars:
            yield Progress(say=self.say, stop=stop)
            return
        from tqdm import tqdm

        passages = 0
        with tqdm(unit=" files", file=sys.stderr, dynamic_ncols=True, leave=False) as bar:

            def say(text: str) -> None:
                bar.write(f"qembed: {harmless(text)}", file=sys.stderr)

            def files(done: int, total: int) -> None:
                bar.total = total
                bar.n = done
                bar.refresh()

            def encoded(n: int) -> None:
                nonlocal passages
                passages += n
                bar.set_postfix_str(f"{passages:,} passages encoded")

            yield Progress(say, files, encoded, stop)

    @contextmanager
    def counter(self, total: int, unit: str) -> Iterator[Callable[[int], None] | None]:
        """A bar over a known number of things, None where there is none to draw."""
        if not self.bars:
            yield None
            return
        from tqdm import tqdm

        with tqdm(
            total=total, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True, leave=False
        ) as bar:
            yield lambda n: bar.update(n) and None


class StopSignals:
    """SIGINT and SIGTERM as a question: the work ends at its next step, with what is done committed.

    A second signal ends it at once.
    """

    def __init__(self) -> None:
        self.received = 0

    def __call__(self) -> bool:
        """Whether a signal came."""
        return self.received != 0

    @contextmanager
    def caught(self, talk: Console) -> Iterator[StopSignals]:
        """Catches both signals while the block runs."""

        def handler(number: int, _: FrameType | None) -> None:
            if self.received:
                raise KeyboardInterrupt
            self.received = number
            talk.say("stopping: committing what is done (once more to stop at once)")

        before = {s: signal.signal(s, handler) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for s, old in before.items():
                signal.signal(s, old)

    @property
    def code(self) -> int:
        """128 + the signal's number, as shells do."""
        return 128 + self.received


def key_values(pairs: list[str]) -> dict[str, Any]:
    """`KEY=VALUE` options as metadata. VALUE is JSON where it is a number, true, false or null."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise UsageError(f"--meta {pair}: KEY=VALUE is wanted")
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        found[key] = parsed if isinstance(parsed, (int, float, bool, type(None))) else value
    return found


_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)  # json.dumps makes one each time


def dumps(value: Any) -> str:
    """JSON in UTF-8, with what could steer a terminal escaped (json itself escapes only below 0x20)."""
    text = _ENCODER.encode(value)
    return _UNSAFE_IN_JSON.sub(lambda m: f"\\u{ord(m.group()):04x}", text)


_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """The text with what could steer a terminal made visible: names and errors quote documents."""
    return _STEERING.sub(lambda m: ascii(m.group())[1:-1], text)


def out(text: str) -> None:
    """One line of data: as it is into a pipe or file, harmless on a terminal."""
    sys.stdout.write((harmless(text) if sys.stdout.isatty() else text) + "\n")
