"""Summary of `index`, `add` and their dry runs as text."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qembed.cli.console import Console, counted, out
from qembed.cli.render.places import shown_path
from qembed.cli.render.units import size, span
from qembed.pipeline.skipped_files import by_number

if TYPE_CHECKING:
    from qembed.pipeline.indexing.summary import Detail, Estimate, IndexSummary

SUFFIXES_SHOWN = 8
NAMES_SHOWN = 20
"""Skipped files named for each reason with --verbose; the JSON summary has a thousand."""
WARNINGS_SHOWN = 20
"""Warnings listed without --verbose; the JSON summary has them all."""
ALIKE_SHOWN = 5
"""Lines of one file listed without --verbose that cannot be read for one reason."""
FLUSH_SECONDS = 0.5
"""Longest time that lines of a dry run wait for others on their way into a pipe."""
_NAMED = re.compile(r"'[^']*'|\d+")
LINE_BREAKS = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})
"""Escapes for names, which may hold characters that end a line or a cell."""


def summary_line(summary: IndexSummary, verbose: bool = False) -> str:
    """Format what a run did, in one line; of a dry run, what it would do and take.

    `verbose`: a dry run also names the files that it leaves out.
    """
    from qembed.pipeline.indexing.deletion.losses import NO_TEXT, describe_reasons

    done = summary.documents
    # what stayed as it was stands last
    kinds = [f"{done[k]:,} {k}" for k in sorted(done, key="unchanged".__eq__) if done[k]]
    if summary.dry_run:
        about = () if summary.estimate is None else summary.estimate.about
        kinds = [f"about {k}" if k.endswith(tuple(about)) else k for k in kinds]
        if repaired := len(summary.would.get("repair", ())):
            kinds.insert(0, f"repair {counted(repaired, 'file')}")
    if summary.deleted_why:
        why = describe_reasons(summary.deleted_why).translate(LINE_BREAKS)
        kinds = [f"{k} ({why})" if k.endswith(" deleted") else k for k in kinds]
    if summary.emptied:
        kinds.append(f"{len(summary.emptied):,} {NO_TEXT}")
    what = ", ".join(kinds)
    nothing = "no whole document yet" if summary.interrupted else "nothing to read"
    if summary.dry_run:
        skipped = [
            f"skip\t{shown_path(f.path)}\t{f.reason}"
            for f in (summary.skipped_files if verbose else ())
        ]
        return "\n".join(
            [
                *skipped,
                f"would: {what or 'do nothing'} (nothing was written)",
                *_estimate(summary.estimate),
            ]
        )
    if summary.interrupted and not summary.generation:
        return "interrupted before anything was indexed: there is no index yet"
    p = summary.passages
    encoded = f"{p['encoded']:,} encoded"
    if p["reused"]:
        encoded += f", {p['reused']:,} reused"
    if p["truncated"]:
        share = p["tokens_cut"] / p["tokens"]
        lost = "under 1%" if share < 0.01 else f"{share:.0%}"
        encoded += f", {p['truncated']:,} truncated to {summary.recipe.max_tokens} tokens"
        encoded += f" ({lost} of the text is in no vector)"
    state = "interrupted, what was done is kept: " if summary.interrupted else ""
    return (
        f"{state}{what or nothing} · {counted(p['total'], 'passage')}, {encoded} · "
        f"generation {summary.generation} · {summary.seconds['total']:.1f} s"
    )


def plan_line(verb: str, path: str, detail: Detail | None, origin: str | None = None) -> str:
    """Format a file of a dry run: verb, path and, where it was read, how it would be read and cut.

    `origin`: path that it had before, which stands before it.
    """
    line = "\t".join([verb, *(shown_path(p) for p in (origin, path) if p is not None)])
    if detail is None:
        return line
    line += f"\t{detail.reader}\t{detail.chunker}\t{detail.documents}\t{detail.passages}"
    return line + "".join(f"\t{problem}" for problem in detail.problems)


class PlanPrinter:
    """Prints a dry run's files as they are known, into a pipe twice a second at least."""

    def __init__(self) -> None:
        self._flushed = 0.0

    def __call__(
        self, verb: str, path: str, detail: Detail | None, origin: str | None = None
    ) -> None:
        """Print the line of the file at a full path. `origin`: the path that it had before."""
        out(plan_line(verb, path, detail, origin))
        if (now := time.monotonic()) - self._flushed > FLUSH_SECONDS:
            sys.stdout.flush()
            self._flushed = now


def _estimate(estimate: Estimate | None) -> list[str]:
    """Format what a run would take: files by kind, passages and time."""
    if estimate is None or not estimate.kinds:
        return []
    by_size = sorted(estimate.kinds.items(), key=lambda kind: -kind[1][1])
    kinds = ", ".join(f"{n:,} {kind} ({size(b)})" for kind, (n, b) in by_size)
    files = sum(n for n, _ in estimate.kinds.values())
    about = "" if estimate.is_exact else "about "
    takes = "" if estimate.seconds is None else f", about {span(estimate.seconds)}"
    measured = (
        ""
        if estimate.is_exact
        else f" (measured on {estimate.measured:,} of {counted(files, 'file')})"
    )
    passages = f"{about}{counted(estimate.passages, 'passage')}"
    if estimate.reused:
        passages += f" to encode, {estimate.reused:,} known"
    return [f"files: {kinds}", f"{passages}{takes}{measured}"]


def unread_lines(summary: IndexSummary, verbose: bool) -> list[str]:
    """Format what could not be read; of a file's lines with one reason only the first unless `verbose`."""
    alike = Counter((u.path, reason_of(u.error)) for u in summary.failed)
    seen: Counter[tuple[str, str]] = Counter()
    lines = []
    for unread in summary.failed:
        key = unread.path, reason_of(unread.error)
        seen[key] += 1
        if verbose or seen[key] <= ALIKE_SHOWN:
            lines.append(f"cannot read {unread}")
        elif seen[key] == alike[key]:
            more = counted(alike[key] - ALIKE_SHOWN, "more line")
            lines.append(f"cannot read {unread.path}: {more} with this error (-v shows them)")
    return [line.translate(LINE_BREAKS) for line in lines]


def reason_of(error: str) -> str:
    """Reason of an error, without the record, the letters and the numbers that it names."""
    return _NAMED.sub("", error).rpartition(": ")[2]


def warning_lines(summary: IndexSummary, verbose: bool) -> list[str]:
    """Format the doubts about files that were read, the first of them unless `verbose`."""
    shown = len(summary.warnings.listed) if verbose else WARNINGS_SHOWN
    lines = [f"warning: {str(w).translate(LINE_BREAKS)}" for w in summary.warnings.listed[:shown]]
    if (more := summary.warnings.count - shown) > 0:
        lines.append(
            f"… and {counted(more, 'more warning')}{'' if verbose else ' (-v shows them)'}"
        )
    return lines


def left_out_lines(summary: IndexSummary, verbose: bool) -> list[str]:
    """Format the skipped files.

    With `verbose` by reason, else those that a command mends, and how many others if that is news.
    """
    wanted = [why for why in summary.skipped if verbose or why.startswith("needs ")]
    lines = [left_out_line(summary, why, names=verbose) for why in wanted]
    if (summary.is_news or summary.dry_run) and not verbose and (line := skipped_line(summary)):
        lines.append(line)
    return lines


def skipped_line(summary: IndexSummary) -> str:
    """Format the numbers of skipped files by reason, "" if none was or a line of its own tells of them."""
    told = {why: n for why, n in summary.skipped.items() if not why.startswith("needs ")}
    if not told:
        return ""
    reasons = (summary.skipped_count(why) for why, _ in by_number(told))
    return f"not read: {', '.join(reasons)}; -v names them"


def left_out_line(summary: IndexSummary, reason: str, names: bool) -> str:
    """Format the files that were skipped for a reason: number, unknown suffixes and, if wanted, names."""
    what = summary.skipped_count(reason)
    if reason.startswith("needs "):
        what = f"{summary.skipped[reason]:,}: {reason}"
    listed = skipped_names(summary, reason) if names else ""
    return f"left out {what}{unknown_suffixes(summary, reason)}{listed}"


def filter_line(
    summary: IndexSummary,
    paths: Sequence[str],
    places: Mapping[str, str],
    overridden: Mapping[str, str],
) -> str:
    """Format how long options that leave documents out hold, "" if none has left any out that were there.

    `paths`: of the command. `places`: of those that the project file sets, by option; `overridden`: of those
    that it sets and the command line, too.
    """
    from qembed.pipeline.indexing.deletion.losses import option_of

    if summary.dry_run:
        return ""
    lost = dict.fromkeys(o for why in summary.deleted_why if (o := option_of(why)) is not None)
    parts = [f"{option} is from {places[option]}" for option in lost if option in places]
    parts += [
        f"{option} holds for this run: the next one without it takes {place}"
        for option, place in overridden.items()
    ]
    if kept := [option for option in lost if option not in places and option not in overridden]:
        command = f"qembed index {shlex.join(paths) if paths else 'PATH'}"
        which, it = " and ".join(kept), "it" if len(kept) == 1 else "them"
        parts.append(
            f"{which} will be remembered: {command} without {it} brings the documents back"
        )
    return "; ".join(parts)


def forgotten_lines(summary: IndexSummary, places: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Format settings that do not hold any more, each source with whether files come in by that.

    `places`: of options in the project file.
    """
    lines = []
    for f in summary.forgotten:
        parts = [f"no longer excluded: {shlex.join(f.excluded)}"] if f.excluded else []
        parts += [f"no longer set: {shlex.join(f.options)}"] if f.options else []
        came = counted(f.files, "file") if f.documents is None else counted(f.documents, "document")
        would = "would come" if summary.dry_run else "came"
        parts += [f"{came} {would} in by that"] if f.files else []
        names = ["--exclude"] if f.excluded else []
        names += [word for word in f.options if word in places]
        held = [f"{name} is from {places[name]}" for name in names if name in places]
        line = (
            f"{f.source}: {'; '.join(parts)} ({', '.join(held) or 'give them again to keep them'})"
        )
        lines.append((line.translate(LINE_BREAKS), f.files > 0))
    return lines


def empty_lines(summary: IndexSummary) -> list[str]:
    """Format sources that have lost all documents and, if nothing was read, the filters of those without."""
    from qembed.pipeline.indexing.deletion.losses import describe_reasons

    becomes, had = ("would become", "has") if summary.dry_run else ("has become", "had")
    why = f" ({describe_reasons(summary.emptied_why)})" if summary.emptied_why else ""
    lines = [
        f"{shown_path(path)}: the source {becomes} empty, it {had} {counted(n, 'document')}{why}"
        for path, n in summary.emptied_sources.items()
    ]
    filters = {} if any(summary.documents.values()) else summary.filters
    return lines + [
        f"{path} holds nothing to read with {shlex.join(words)} "
        f"(qembed index {shlex.quote(path)} without it reads all)"
        for path, words in filters.items()
    ]


def skipped_names(summary: IndexSummary, reason: str) -> str:
    """Format the paths of the first files that were skipped for a reason."""
    paths = sorted(f.path for f in summary.skipped_files if f.reason == reason)
    if not paths:
        return ""
    shown = ", ".join(map(shown_path, paths[:NAMES_SHOWN]))
    more = summary.skipped[reason] - len(paths[:NAMES_SHOWN])
    return f": {shown}" + (f" and {more:,} more" if more > 0 else "")


def unknown_suffixes(summary: IndexSummary, reason: str) -> str:
    """Format the commonest unknown suffixes for the skip reason that counts them, "" for any other."""
    most = sorted(summary.suffixes_of(reason).items(), key=lambda x: (-x[1], x[0]))
    if not most:
        return ""
    shown = [f"{n:,} {suffix or 'with none'}" for suffix, n in most[:SUFFIXES_SHOWN]]
    return f" ({', '.join(shown)}{', …' if len(most) > SUFFIXES_SHOWN else ''})"


def say_findings(
    talk: Console, summary: IndexSummary, places: Mapping[str, str] | None = None
) -> None:
    """Print what could not be read, what was skipped and what was chunked as plain text.

    `places`: of options in the project file.
    """
    for line in empty_lines(summary):
        talk.problem(line)
    for line, is_let_in in forgotten_lines(summary, places or {}):
        (talk.problem if is_let_in else talk.say)(line)
    for line in unread_lines(summary, talk.verbose):
        talk.problem(line)
    for line in warning_lines(summary, talk.verbose):
        talk.say(line)
    for line in left_out_lines(summary, talk.verbose):
        talk.say(line)
    if n := summary.left_out.files:
        which = "as follows" if talk.verbose else "-v says which"
        talk.say(f"{counted(n, 'file')} with parts left out: {which}")
    for reason, many in summary.plain_text_fallbacks.items():
        talk.say(
            f"cut as plain text {many:,}: {reason}; qembed index --rebuild then cuts them anew"
        )
    for part in summary.left_out.listed:
        talk.detail(f"left out of {str(part).translate(LINE_BREAKS)}")


def say_details(talk: Console, summary: IndexSummary) -> None:
    """Print, with --verbose, what was truncated, and the timings."""
    for _, place in summary.emptied:
        talk.detail(f"has no text any more: {shown_path(place)}")
    for place in summary.truncated_passages:
        talk.detail(f"cut short: {shown_path(place)}")
    talk.seconds(summary.seconds)
