"""Formats of hits, and the options that choose one: of `query` and `rerank`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.options import OUTPUT_GROUP
from qembed.errors import UsageError


class HitFormat(StrEnum):
    """Output format of hits."""

    text = "text"
    json = "json"
    jsonl = "jsonl"
    tsv = "tsv"
    trec = "trec"
    paths = "paths"
    vimgrep = "vimgrep"


WITHOUT_TEXT = frozenset({HitFormat.paths, HitFormat.trec, HitFormat.vimgrep})
"""Formats that show no passage as a whole, so that `--context` adds nothing to them."""


class HitKind(StrEnum):
    """Kind of hits."""

    text = "text"
    image = "image"


class ThumbnailsChoice(StrEnum):
    """Graphics protocol of the terminal."""

    auto = "auto"
    kitty = "kitty"
    iterm2 = "iterm2"
    sixel = "sixel"
    none = "none"


HIT_FORMATS = (
    "text for people, json one object, jsonl one hit a line, tsv a table, trec a run, paths the files, "
    "vimgrep path:line:column:text."
)
NullOption = Annotated[
    bool,
    typer.Option(
        "-0",
        "--null",
        help="End paths with a zero byte, for xargs -0.",
        rich_help_panel=OUTPUT_GROUP,
    ),
]
ThumbnailsOption = Annotated[
    ThumbnailsChoice,
    typer.Option(
        envvar="QEMBED_THUMBNAILS",
        help="Draw hits that are pictures on a terminal, by its protocol.",
        rich_help_panel=OUTPUT_GROUP,
    ),
]
VimgrepOption = Annotated[
    bool,
    typer.Option("--vimgrep", help="The same as --format vimgrep.", rich_help_panel=OUTPUT_GROUP),
]


def hit_format(
    given: HitFormat | None, vimgrep: bool, null: bool, default: HitFormat = HitFormat.text
) -> HitFormat:
    """Format that `--format`, `--vimgrep` and `-0` ask for together. Raises UsageError.

    `given`: value of `--format`, None without one.
    """
    format = given or default
    if vimgrep and given not in (None, HitFormat.vimgrep):
        raise UsageError(f"--vimgrep and --format {given} contradict one another")
    if vimgrep:
        format = HitFormat.vimgrep
    if null and format is not HitFormat.paths:
        raise UsageError(f"-0 goes with --format paths, not with {format.value}")
    return format


def shown_context(context: int, format: HitFormat) -> int:
    """Neighbouring passages to add to a hit: none in a format that does not show them.

    A negative number stays one, so that it is refused whatever the format.
    """
    return min(context, 0) if format in WITHOUT_TEXT else context
