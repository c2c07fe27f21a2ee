"""Hits as a short text: a line for each with its place, and as much of its passage as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from qembed.types import Hit
from qembed.web.mcp.budget import Part, cut_around, estimate_tokens, shown_part
from qembed.web.mcp.tools.result import Link

LEAST_TOKENS = 24
"""Tokens of a passage below which a hit is left to the next page."""
AROUND_TOKENS = 120
"""Tokens of the lines before and behind the hits."""


class ShownHits(NamedTuple):
    """Hits that a result has room for. `tokens`: for their passages, together."""

    hits: Sequence[Hit]
    first_rank: int
    tokens: int
    links: Sequence[Link]


def choose_hits(hits: Sequence[Hit], first_rank: int, max_tokens: int, links: bool) -> ShownHits:
    """The first hits, as many as there is room for, at least one. `links`: one to each document is shown."""
    left = max_tokens - AROUND_TOKENS
    found: list[Link] = []
    count = 0
    for n, hit in enumerate(hits):
        cost = estimate_tokens(head_line(hit, first_rank + n)) + 1
        link = Link(hit.document)
        new = links and link not in found
        cost += link.tokens if new else 0
        if count and left - cost < LEAST_TOKENS * (count + 1):
            break
        left -= cost
        count += 1
        found += [link] if new else []
    return ShownHits(hits[:count], first_rank, left, found)


def hit_lines(shown: ShownHits) -> list[str]:
    """Texts of hits, one each: the line with its place, and its passage, cut around its best sentence."""
    blocks = []
    left = shown.tokens
    for n, hit in enumerate(shown.hits):
        share = max(LEAST_TOKENS, left // (len(shown.hits) - n))
        text = hit.passage.text
        s = hit.snippet
        span = Part(0, 0) if s is None else Part(s.start, s.end)
        body = shown_part(text, cut_around(text, span, share))
        left -= estimate_tokens(body)
        blocks.append(f"{head_line(hit, shown.first_rank + n)}\n{body}")
    return blocks


def head_line(hit: Hit, rank: int) -> str:
    """Line with the rank of a hit, its document and lines there, its passage, title and score.

    A picture has its size in the place of lines, and so has text that was read in one.
    """
    p = hit.passage
    if hit.kind == "image" or hit.picture:
        what = "picture" if hit.kind == "image" else "text in a picture"
        place = f"{what} of {hit.meta.get('width')} × {hit.meta.get('height')}"
    else:
        place = f"lines {p.line}" if p.line == p.end_line else f"lines {p.line}-{p.end_line}"
    label = (
        p.label if p.label.startswith(hit.title) else " > ".join(filter(None, (hit.title, p.label)))
    )
    named = f" · {label}" if label else ""
    return f"[{rank}] {hit.document} {place} passage {p.seq}{named} ({hit.score:.3f})"


def folder_line(hits: Sequence[Hit]) -> str | None:
    """Line on the folders below which documents of hits are files, None if they are none."""
    roots = [
        hit.path[: -len(hit.document)]
        for hit in hits
        if hit.path is not None and hit.path.endswith("/" + hit.document)
    ]
    return f"files below {' or '.join(dict.fromkeys(roots))}" if roots else None


def hit_json(hit: Hit, rank: int) -> dict[str, Any]:
    """Place and score of a hit, JSON values: all but its text."""
    p = hit.passage
    in_picture = hit.kind == "image" or hit.picture is not None
    return {
        "rank": rank,
        "document": hit.document,
        "kind": hit.kind,
        "path": hit.path,
        "title": hit.title,
        "line": None if in_picture else p.line,
        "end_line": None if in_picture else p.end_line,
        "passage": p.seq,
        "heading": p.heading or p.symbol,
        "score": round(hit.score, 6),
        "meta": dict(hit.meta),
        "uri": Link(hit.document).uri,
    }
