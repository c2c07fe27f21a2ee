"""`qembed status`: what the index holds and how old it is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
)
from qembed.cli.render.feedback import log_line
from qembed.cli.render.fields import field_lines
from qembed.cli.tuned import tuned_text
from qembed.errors import UsageError
from qembed.hints import with_index

if TYPE_CHECKING:
    from qembed.pipeline.diagnostics.fields import FieldSummary


def status(
    index_dir: IndexOption = None,
    fail_if_stale: Annotated[
        str | None,
        typer.Option(
            metavar="AGE", help="Exit 3 if the last finished refresh is older: 30m, 24h, 7d."
        ),
    ] = None,
    fields: Annotated[
        bool,
        typer.Option("--fields", help="List the fields that --where can filter by."),
    ] = False,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Say what the index holds, how old it is and what lags.

    \b
    qembed status
    qembed status --fields
    qembed status --fail-if-stale 24h -q || mail -s "stale index" me

    Exit codes: 0 done; 2 cannot run; 3 older than --fail-if-stale allows.
    """
    from qembed.pipeline.diagnostics.status import describe, parse_age
    from qembed.pipeline.locate import find_index

    if fields and quiet:
        raise UsageError("--fields and -q contradict one another: the list is what is printed")
    limit = parse_age(fail_if_stale, "--fail-if-stale") if fail_if_stale else None
    root = find_index(index_dir)
    found = describe(root)
    summaries: list[FieldSummary] = []
    if fields:
        from qembed.pipeline.diagnostics.fields import describe_fields

        summaries = describe_fields(root)
    unfinished = limit is not None and found["half_made"]
    stale = unfinished or (limit is not None and found["age_seconds"] > limit)
    if format is OutputFormat.json:
        listed = {"fields": [s.to_json() for s in summaries]} if fields else {}
        out(dumps({**found, "stale": stale, **listed}))
    elif fields:
        for line in field_lines(summaries, found["documents"]):
            out(line)
    else:
        for name, value in [*([] if quiet else _rows(found)), *_problems(found)]:
            out(f"{name:11} {with_index(value)}")
    if stale:
        Console(quiet).problem(
            "stale: no run has come to its end yet"
            if unfinished
            else f"stale: refreshed {_span(found['age_seconds'])} ago, allowed {fail_if_stale}"
        )
        raise typer.Exit(ExitCode.GATE)


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f}{unit}"
    return f"{seconds:.0f}s"


def _size(n: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n < 1024 or unit == "GiB":
            return f"{n:.1f} {unit}" if unit != "B" else f"{n:.0f} B"
        n /= 1024
    raise AssertionError


def _within(recipe: dict[str, Any]) -> str:
    """Place of the overlaps of neighbouring passages, "" for none."""
    return (
        f" within {'sections' if recipe['version'] > 1 else 'paragraphs'}"
        if recipe["overlap"]
        else ""
    )


def _pictures(recipe: dict[str, Any], s: dict[str, Any]) -> str:
    """That pictures are read, and what beside themselves."""
    more = f" ({', '.join(s['pictures'])})" if s["pictures"] else ""
    return f", with pictures{more}" if recipe.get("images") else ""


def _sources(s: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows about the sources: in one line while none has settings of its own, else a line each."""
    from qembed.inputs import from_here

    places = {p: from_here(full) for p, full in s["source_paths"].items()}
    settings = {places.get(p, p): own for p, own in s["source_settings"].items()}
    if not any(settings.values()):
        return [("sources", ", ".join(settings) or "none")]
    from qembed.pipeline.source_options import source_options

    return [
        ("" if n else "sources", f"{path}: {shlex.join(source_options(own))}" if own else path)
        for n, (path, own) in enumerate(settings.items())
    ]


def _rows(s: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows (name, value) about the index."""
    recipe = s["recipe"]
    age = f"refreshed {_span(s['age_seconds'])} ago"
    if s["half_made"]:
        age = f"begun {_span(s['age_seconds'])} ago, no run has come to its end yet"
    return [
        ("index", s["index"]),
        ("generation", f"{s['generation']}, {age}"),
        *_sources(s),
        ("documents", f"{s['documents']:,}"),
        *([("left out", _skipped(s["skipped"]))] if s["skipped"] else []),
        ("passages", f"{s['passages']:,}{_dead(s['dead_rows'])}"),
        ("model", f"{s['model']} ({recipe['model']}, {recipe['dim']} dimensions)"),
        *([("chosen", s["model_choice"]["why"])] if s["model_choice"] else []),
        (
            "recipe",
            f"{recipe['fingerprint']}: chunker {recipe['chunker']}, {recipe['max_tokens']} tokens, "
            f"overlap {recipe['overlap']}{_within(recipe)}, title rule {recipe['title_rule']!r}"
            + _pictures(recipe, s),
        ),
        ("task", s["task"] or "the model's own"),
        *([("tuned", _tuned(s["tuned"]))] if s["tuned"] else []),
        *([("feedback", log_line(s["feedback"]))] if _has_feedback(s) else []),
        ("size", f"{_size(s['bytes']['total'])}, {_size(s['bytes']['derived'])} of it derived"),
        *((kind, _covered(kind, d)) for kind, d in s["derived"].items() if _is_used(kind, d)),
    ]


def _skipped(reasons: Mapping[str, int]) -> str:
    """Files that the last runs did not read, by reason."""
    from qembed.pipeline.skipped_files import describe_skipped

    return f"{describe_skipped(reasons)} (qembed index -v names them)"


def _has_feedback(s: dict[str, Any]) -> bool:
    """True if queries are logged, or were."""
    found = s["feedback"]
    return bool(found["log"] != "off" or found["bytes"] or found["error"])


def _tuned(tuned: dict[str, Any]) -> str:
    """Choice of `tune` or of an experiment, its date and the gain it expects."""
    from datetime import UTC, datetime

    day = datetime.fromtimestamp(tuned["date"], UTC).date()
    gain = tuned["gain"]
    if "earlier" in tuned:
        found = gain.get("experiment")
        names = found and f"A {found['names']['a']}, B {found['names']['b']}"
        why = f"an experiment, {names}" if found else "without an experiment"
        if (gain.get("learned") or {}).get("better"):
            why = "better on later feedback"
        told = tuned_text(tuned["options"]) or "default"
        return f"{told} ({day}; {why}; qembed feedback promote --undo takes it back)"
    expected = f"{gain['measure']} {gain['new']['mean']:+.3f} expected" if gain.get("new") else ""
    return f"{tuned_text(tuned['options'])} ({day}; {expected}; qembed tune --undo takes it back)"


def _dead(rows: int) -> str:
    """Rows of passages that are gone, which the next compaction drops; "" for none."""
    return f" ({counted(rows, 'dead row')})" if rows else ""


def _is_used(kind: str, derived: Mapping[str, Any]) -> bool:
    """True for a kind of derived file that an index of this size has, or lacks."""
    return kind not in _OF_LARGE or bool(derived["rows"] or derived["behind"])


_OF_LARGE = ("vectors", "places", "codes")
"""Kinds of derived files that not all indexes have."""


def _covered(kind: str, derived: Mapping[str, Any]) -> str:
    """Rows that a derived file covers and lacks; of what is measured, those of that time."""
    rows, behind = derived["rows"], derived["behind"]
    if kind in ("background", "profile"):
        what = "cosines" if kind == "background" else "texts"
        return f"{what} of {counted(rows, 'row')} measured" if rows else "not measured"
    lacks = f", behind by {counted(behind, 'row')}" if behind else ""
    if not derived.get("searched", True):
        lacks += f", not searched: it finds {derived['recall']:.1%} of the ten nearest"
    return counted(rows, "row") + lacks


_MISSING = {
    "background": "words and meaning are weighed without it",
    "profile": "qembed drift reads the texts of its sample",
}
"""What is without a kind of derived file that is measured."""


def _problems(s: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows (name, value) about what is not as it should be; with --quiet the only ones."""
    from qembed.inputs import from_here
    from qembed.pipeline.unfinished import describe_unfinished

    root, rows = Path(s["index"]), []
    if s["unfinished"]:
        rows.append(("unfinished", describe_unfinished(root)))
    elif s["writer"] is not None and not s["rebuilding"]:
        process = f"process {s['writer']}" if s["writer"] else "another process"
        rows.append(("running", f"{process} writes to it"))
    if behind := s["passages_without_words"]:
        missing = f"{counted(behind, 'passage is', 'passages are')} found by meaning only"
        rows.append(("words", f"{missing} (qembed index completes it)"))
    for d in s["damaged_files"]:
        mend = f"{d['mend']} mends it" if d["mend"].startswith("qembed") else d["mend"]
        rows.append(("damaged", f"{d['name']} {d['why']} ({mend})"))
    if s["damaged"]:
        what = f"{', '.join(s['damaged'])}: found damaged, not used"
        rows.append(("damaged", f"{what} (qembed index makes them anew)"))
    late = [k for k in s["lagging"] if k not in _MISSING and (k != "lexical" or not behind)]
    if late:
        what = f"{', '.join(late)}: not written for all rows, answers are slower"
        rows.append(("behind", f"{what} (qembed index completes it, and says what is in its way)"))
    for kind in (k for k in _MISSING if k in s["lagging"]):
        rows.append(("missing", f"{kind}: {_MISSING[kind]} (qembed index makes it)"))
    if s["rebuilding"]:
        mend = "the same qembed index --rebuild goes on"
        rows.append(("rebuild", f"begun, not finished: {describe_unfinished(root, mend)}"))
    for kept in s["kept"]:
        source, owner = (from_here(s["source_paths"][kept[n]]) for n in ("source", "owner"))
        what = f"{counted(kept['documents'], 'document')} of {source} in files that"
        rows.append(("kept", f"{what} {owner} has now and cannot read"))
    return [*rows, *(("unreadable", line) for line in _unreadable(s["failed"]))]


def _unreadable(failed: Sequence[str]) -> list[str]:
    """Failures of the last run; of a file's lines with one reason the first, and how many more there are."""
    from qembed.cli.render.index_summary import reason_of

    alike: dict[tuple[str, str], list[str]] = {}
    for text in failed:
        found = re.match(r"(.*?):\d+: (.*)", text, re.DOTALL)
        alike.setdefault((found[1], reason_of(found[2])) if found else (text, ""), []).append(text)
    return [
        lines[0] + (f" (and {counted(n, 'more line')} with this error)" if n else "")
        for lines in alike.values()
        for n in [len(lines) - 1]
    ]
