"""Outcome of a training: the table of its verdict, where the model is, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import typer

from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import OutputFormat

PARTS = ("new", "seen", "kept")
INDEX = "qembed index --rebuild --model"
"""The command that uses a new encoder."""


def show_training(
    body: Mapping[str, Any], format: OutputFormat, talk: Console, use: str = INDEX
) -> None:
    """Print a training's JSON, or its verdict as lines. Raises Exit with 3 if the model was not written.

    `use`: the command that uses the model, up to its folder.
    """
    if format is OutputFormat.json:
        out(dumps(body))
    else:
        for line in verdict_lines(body["verdict"]):
            out(line)
    if body["settings"].get("resumed"):
        talk.say("went on from a checkpoint of a run that was stopped")
    talk.seconds(body["seconds"])
    if body["worse"]:
        talk.say(f"{body['worse']} ({'written anyway' if body['written'] else 'not written'})")
    if not body["written"]:
        raise typer.Exit(ExitCode.GATE)
    talk.say(f"wrote {body['out']} (use it: {use} {body['out']})")


def verdict_lines(verdict: Mapping[str, Any]) -> Iterator[str]:
    """Lines of a verdict."""
    of = verdict.get("of", "documents")
    for key in PARTS:
        if key not in verdict:
            continue
        label = key if key == "kept" else f"{key} {of}"
        part = verdict[key]
        if part is None:
            if key != "kept" and not verdict.get("proxy"):
                yield f"{label:15} no such queries"
        elif "neighbours" in part:
            whose = part.get("of", "passages")
            yield f"{label:15} {part['neighbours']:.0%} of the nearest neighbours of {whose}"
        elif "first" in part:
            yield f"{label:15} {part['first']:.0%} of each query's first ten"
        else:
            yield (
                f"{label:15} {part['measure']} {part['before']:.4f} -> {part['after']:.4f}  "
                f"({part['gain']:+.4f}, {part['low']:+.4f} to {part['high']:+.4f}, p {part['p']:.3f}, "
                f"{counted(part['queries'], 'query', 'queries')})"
            )
    if "images" in verdict:
        new, images = verdict["new"], verdict["images"]
        among = counted(new["pictures"], "picture")
        yield f"{'by chance':15} {new['measure']} {new['chance']:.4f} among {among}"
        if images["pictures"]:
            yield (
                f"{'alike':15} {images['pixels']:.4f} by pixels -> {images['nearest']:.4f} have one of their "
                f"group nearest  ({images['gain']:+.4f}, {images['low']:+.4f} to {images['high']:+.4f}, "
                f"p {images['p']:.3f}, {counted(images['pictures'], 'picture')})"
            )
    if verdict.get("search") is not None:
        new = verdict["new"]
        yield f"{'not reranked':15} {new['measure']} {verdict['search']:.4f} on new documents"
