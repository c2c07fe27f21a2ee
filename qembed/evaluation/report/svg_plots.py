"""Small plots as inline SVG: lines, histograms, bars with intervals.

Colours come from the page's style sheet by class, so that they follow light and dark mode. Every plot has a
title for screen readers. All text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from qembed.evaluation.formats.source_file import counted

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 30
GRID_LINES = 4
MOST_DIGITS = 5
"""Digits after the point that fit beside the y axis."""
_Point = tuple[float, float]
Bar: TypeAlias = tuple[str, float, float | None, float | None, str]
"""Label, value, ends of its interval (None without one), class."""


def line(
    points: Sequence[_Point],
    title: str,
    x: str,
    *,
    log: bool = False,
    digits: int = 3,
    whole: bool = False,
) -> Markup:
    """Plot a line through (x, y) with a dot and a label at each x.

    `log`: logarithmic x axis. `whole`: the y axis goes from 0 to 1. `digits`: of the labels at the y axis,
    more where these would be the same.
    """
    xs = [math.log2(max(a, 1e-9)) if log else a for a, _ in points]
    ys = [b for _, b in points]
    low, high = (0.0, 1.0) if whole else _range(ys)
    digits = _digits(low, high, digits)
    across = _scale(min(xs), max(xs), LEFT + 8, WIDTH - RIGHT - 14)
    up = _scale(low, high, HEIGHT - BOTTOM, TOP)
    at = [(across(a), up(b)) for a, b in zip(xs, ys, strict=True)]
    body = [_grid(low, high, up, digits)]
    body.append(f'<polyline class="line" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in at)}"/>')
    last = -1e9
    for (a, b), (label, value) in zip(at, points, strict=True):
        tip = f"{x} {label:g}: {value:.{digits + 1}f}"
        body.append(f'<circle class="dot" cx="{a:.1f}" cy="{b:.1f}" r="3.5">{_tip(tip)}</circle>')
        if a - last > 26:  # labels must not overlap
            body.append(_text(a, HEIGHT - BOTTOM + 16, f"{label:g}", "middle"))
            last = a
    body.append(_text(WIDTH - RIGHT, HEIGHT - 2, x, "end"))
    return _svg(title, body, HEIGHT)


def histogram(values: Sequence[float], title: str, bins: int = 10) -> Markup:
    """Plot the number of values in each of `bins` intervals from 0 to 1 (or the largest value)."""
    top = max(1.0, *values) if values else 1.0
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, max(0, int(value / top * bins)))] += 1
    most = -(-max([*counts, 1]) // 3) * 3  # makes the lines of the grid whole numbers
    up = _scale(0, most, HEIGHT - BOTTOM, TOP)
    step = (WIDTH - LEFT - RIGHT) / bins
    body = [_grid(0, most, up, 0)]
    for i, count in enumerate(counts):
        a, b = i * top / bins, (i + 1) * top / bins
        tip = f"{a:.2g} to {b:.2g}: {counted(count, 'query', 'queries')}"
        body.append(
            f'<rect class="bar" x="{LEFT + i * step + 1:.1f}" y="{up(count):.1f}" '
            f'width="{step - 2:.1f}" height="{HEIGHT - BOTTOM - up(count):.1f}">{_tip(tip)}</rect>'
        )
        if i % 2 == 0:
            body.append(_text(LEFT + i * step, HEIGHT - BOTTOM + 16, f"{a:.2g}", "middle"))
    body.append(_text(WIDTH - RIGHT, HEIGHT - BOTTOM + 16, f"{top:.2g}", "end"))
    return _svg(title, body, HEIGHT)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Layout of bars: rows `tall` high, bars `drop` below their tops, `left` and `right` of them margins."""

    name: str
    wide: int
    tall: int
    drop: int
    left: int
    right: int
    letters: int

    @property
    def above(self) -> bool:
        """True if labels stand above their bars."""
        return self.left == 0


_LAYOUTS = (
    _Layout("wide", 640, 26, 6, left=190, right=76, letters=27),
    _Layout("narrow", 320, 42, 20, left=0, right=76, letters=50),
)
"""Layouts of bars: the second for phones, where labels beside the bars would push these out of sight."""


def bars(rows: Sequence[Bar], title: str, told: Callable[[float], str] = "{:.4f}".format) -> Markup:
    """Plot a bar for each row (label, value, low, high, class), with its interval.

    Twice, wide and narrow: the style sheet shows the one that fits the window. `told`: words for a value.
    """
    from markupsafe import Markup

    return Markup("").join(_bars(rows, title, told, layout) for layout in _LAYOUTS)


def _bars(rows: Sequence[Bar], title: str, told: Callable[[float], str], layout: _Layout) -> Markup:
    ends = [v for _, value, low, high, _ in rows for v in (value, low, high) if v is not None]
    across = _scale(
        min(0.0, *ends), max(0.0, *ends) or 1.0, layout.left, layout.wide - layout.right
    )
    zero, body = across(0), []
    for i, (label, value, low, high, kind) in enumerate(rows):
        y, at = i * layout.tall + layout.drop, across(value)
        short = label if len(label) <= layout.letters else label[: layout.letters - 1] + "…"
        body.append(
            _text(0, y - 5, short, "start")
            if layout.above
            else _text(layout.left - 10, y + 12, short, "end")
        )
        body.append(
            f'<rect class="{kind}" x="{min(zero, at):.1f}" y="{y}" '
            f'width="{max(1.0, abs(at - zero)):.1f}" height="16">{_tip(f"{label}: {told(value)}")}</rect>'
        )
        if low is not None and high is not None:
            a, b, m = across(low), across(high), y + 8
            body.append(
                f'<path class="whisker" d="M{a:.1f} {m}H{b:.1f}M{a:.1f} {m - 4}v8M{b:.1f} {m - 4}v8"/>'
            )
        edge = max(at, zero, across(high) if high is not None else at)
        body.append(_text(edge + 6, y + 12, told(value), "start"))
    return _svg(title, body, len(rows) * layout.tall + 8, layout.wide, layout.name)


def scatter(points: Iterable[tuple[float, float, str, str]], title: str) -> Markup:
    """Plot points (x, y, class, tip), x and y from -1 to 1; later ones stand before earlier ones."""
    wide, high = 640, 400
    across, up = _scale(-1, 1, 8, wide - 8), _scale(-1, 1, high - 8, 8)
    body = [
        f'<circle class="point {kind}" cx="{across(x):.1f}" cy="{up(y):.1f}" r="3">{_tip(tip)}</circle>'
        for x, y, kind, tip in points
    ]
    return _svg(title, body, high, wide)


def _range(values: Sequence[float]) -> _Point:
    """Choose an axis range with a margin around the values; never empty."""
    low, high = min(values), max(values)
    if low == high == 0:
        return 0.0, 1.0
    air = max((high - low) * 0.12, 0.01 * max(abs(high), 1e-3))
    return (max(0.0, low - air) if low >= 0 else low - air), high + air


def _scale(a: float, b: float, start: float, stop: float) -> Callable[[float], float]:
    span = (b - a) or 1.0
    return lambda value: start + (value - a) / span * (stop - start)


def _grid_values(low: float, high: float) -> list[float]:
    return [low + (high - low) * i / (GRID_LINES - 1) for i in range(GRID_LINES)]


def _digits(low: float, high: float, digits: int) -> int:
    """Digits with which the labels of the grid differ: at least `digits`, at most MOST_DIGITS."""
    while digits < MOST_DIGITS:
        if len({f"{value:.{digits}f}" for value in _grid_values(low, high)}) == GRID_LINES:
            break
        digits += 1
    return digits


def _grid(low: float, high: float, up: Callable[[float], float], digits: int) -> str:
    body = []
    for value in _grid_values(low, high):
        y = up(value)
        body.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        body.append(_text(LEFT - 6, y + 4, f"{value:.{digits}f}", "end"))
    return "".join(body)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    from markupsafe import escape

    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _tip(text: str) -> str:
    from markupsafe import escape

    return f"<title>{escape(text)}</title>"


def _svg(title: str, body: Sequence[str], high: int, wide: int = WIDTH, layout: str = "") -> Markup:
    from markupsafe import Markup, escape

    named = f'role="img" aria-label="{escape(title)}"'
    if layout:
        named = f'class="{layout}" {named}'
    view = f'viewBox="0 0 {wide} {high}"'
    return Markup(f"<svg {view} {named}>{''.join(body)}</svg>")
