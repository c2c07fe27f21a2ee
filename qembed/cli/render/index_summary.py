"""Summary of `index`, `add` and their dry runs as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qembed.pipeline.indexing.summary import IndexSummary

SUFFIXES_SHOWN = 8
NAMES_SHOWN = 20
"""Skipped files named for each reason with --verbose; the JSON summary has a thousand."""
WARNINGS_SHOWN = 20
"""Warnings listed without --verbose; the JSON summary has them all."""
LINE_BREAKS = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})
"""Escapes for names, which may hold characters that end a line or a cell."""


def summary_line(summary: IndexSummary) -> str:
    """Format what a run did, in one line; of a dry run, what it would do, one line a file before that."""
    from qembed.pipeline.indexing.losses import describe_reasons

    done = summary.documents
    kinds = [f"{done[k]:,} {k}" for k in done if done[k] and k != "unchanged"]
    if summary.deleted_why:
        why = describe_reasons(summary.deleted_why).translate(LINE_BREAKS)
        kinds = [f"{k} ({why})" if k.endswith(" deleted") else k for k in kinds]
    what = ", ".join([*kinds, f"{done['unchanged']:,} unchanged"])
    if summary.dry_run:
        return "\n".join([*_plan_lines(summary), f"would: {what} (nothing was written)"])
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
        f"{state}{what} · {p['total']:,} passages, {encoded} · "
        f"generation {summary.generation} · {summary.seconds['total']:.1f} s"
    )


def _plan_lines(summary: IndexSummary) -> list[str]:
    """Format a dry run's plan: verb, file and, where they were read, how each would be read and cut."""
    details = {d.name: d for d in summary.details}
    plan = []
    for verb, names in summary.would.items():
        for name in names:
            line = f"{verb}\t{name.translate(LINE_BREAKS)}"
            if d := details.get(name):
                line += f"\t{d.reader}\t{d.chunker}\t{d.documents}\t{d.passages}"
                line += "".join(f"\t{problem}" for problem in d.problems)
            plan.append(line)
    plan += [f"skip\t{name.translate(LINE_BREAKS)}\t{why}" for name, why in summary.skipped_files]
    return plan


def warning_lines(summary: IndexSummary, verbose: bool) -> list[str]:
    """Format the doubts about files that were read, the first of them unless `verbose`."""
    shown = len(summary.warnings.listed) if verbose else WARNINGS_SHOWN
    lines = [f"warning: {str(w).translate(LINE_BREAKS)}" for w in summary.warnings.listed[:shown]]
    if (more := summary.warnings.count - shown) > 0:
        lines.append(f"… and {more:,} more warnings{'' if verbose else ' (-v shows them)'}")
    return lines


def skipped_line(summary: IndexSummary) -> str:
    """Format the numbers of skipped files by reason, "" if none was or a line of its own tells of them."""
    told = {why: n for why, n in summary.skipped.items() if not why.startswith("needs ")}
    if not told:
        return ""
    reasons = ", ".join(f"{n:,} {why}" for why, n in sorted(told.items(), key=lambda x: -x[1]))
    return f"not read: {reasons} (-v names them)"


def skipped_names(summary: IndexSummary, reason: str) -> str:
    """Format the names of the first files that were skipped for a reason."""
    names = sorted(name for name, why in summary.skipped_files if why == reason)
    if not names:
        return ""
    shown = ", ".join(name.translate(LINE_BREAKS) for name in names[:NAMES_SHOWN])
    more = summary.skipped[reason] - len(names[:NAMES_SHOWN])
    return f": {shown}" + (f" and {more:,} more" if more > 0 else "")


def unknown_suffixes(summary: IndexSummary, reason: str) -> str:
    """Format the commonest unknown suffixes for the skip reason that counts them, "" for any other."""
    most = sorted(summary.suffixes_of(reason).items(), key=lambda x: (-x[1], x[0]))
    if not most:
        return ""
    shown = [f"{n:,} {suffix or 'with none'}" for suffix, n in most[:SUFFIXES_SHOWN]]
    return f" ({', '.join(shown)}{', …' if len(most) > SUFFIXES_SHOWN else ''})"
