"""SubRip and WebVTT: the words that are said, a line for each cue, each word once, with their speakers.

Captions that roll show a line again above the next one, and captions that grow show it again with one more
word: both are one line of text. A speaker (`<v Ann>`) is named where another one spoke before. Where none is
marked so, names in front of what is said are the speakers' (`ANN: hi`), and the text stays as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from typing import Any, NamedTuple

from qembed.corpus.readers.html import Page

_TIME = r"(?:(\d+):)?(\d+):(\d+)[.,](\d+)"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_COMMENT = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")
_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,200})?[ \t]+([^<>]{1,200})>")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|<[\d:.]{1,20}>|\{\\[^{}]{0,200}\}")
_NAME = r"[^\W\d_a-z]\w*[.'’-]?\w*"
_PREFIX = re.compile(
    rf"(?:[-–—>\s]*|.*?[.!?]\s+[-–—>]+\s*)({_NAME}(?:[ ]{_NAME}|[ ]\d{{1,2}}){{0,3}}) ?:(?=\s|$)"
)
"""A name of one to four words that begin with a capital letter, in front of a colon; dashes before it."""
GAP = 1.0
"""Seconds between two cues that show one sentence as it is said."""
ROLLED = 3
"""Words that a line repeats from the end of the one before when captions roll by words."""


class _Cue(NamedTuple):
    """Cue: start and end in seconds, and lines with their speakers ("" where none is named)."""

    start: float
    end: float
    lines: list[tuple[str, str]]


def subtitles(text: str) -> Page:
    """Read SubRip or WebVTT. Raises ValueError if there is no line of times."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    is_vtt = lines[0].startswith("WEBVTT")
    told = _Told()
    number = 0
    for cue in _cues(lines, is_vtt):
        number += 1
        told.add(cue)
    if not number and text.strip():
        raise ValueError("not subtitles: there is no line of times (00:00:01,000 --> 00:00:02,000)")
    title = lines[0][6:].strip(" \t-\N{EN DASH}\N{EM DASH}") if is_vtt else ""
    speakers = told.speakers or told.named()
    meta: dict[str, Any] = {"speakers": speakers} if speakers else {}
    return Page("\n".join(told.lines), title, meta)


def _cues(lines: list[str], is_vtt: bool) -> Iterator[_Cue]:
    times = [(i, found) for i, line in enumerate(lines) if (found := _TIMES.match(line))]
    stops = [at for at, _ in times[1:]] + [len(lines)]
    for (at, found), stop in zip(times, stops, strict=False):
        body = lines[at + 1 : stop]
        is_last = stop == len(lines)
        if not is_last and body and (body[-1].strip().isdecimal() or (is_vtt and _is_name(body))):
            body.pop()  # the name of the next cue
        if is_vtt:
            body = _without_comments(body)
        start, end = (_seconds(found.groups()[i : i + 4]) for i in (0, 4))
        yield _Cue(start, end, list(_spoken(body, is_vtt)))


def _is_name(body: list[str]) -> bool:
    """True if the last line stands alone."""
    return bool(body[-1].strip()) and len(body) > 1 and not body[-2]


def _without_comments(body: list[str]) -> list[str]:
    kept = []
    is_comment = False
    for before, line in zip(["", *body], body, strict=False):
        if not line:
            is_comment = False
        elif not before and _COMMENT.match(line):
            is_comment = True
        if not is_comment:
            kept.append(line)
    return kept


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (p or "0" for p in parts)
    return int(hours[:9]) * 3600 + int(minutes[:9]) * 60 + float(f"{seconds[:9]}.{fraction[:9]}")


def _spoken(body: list[str], is_vtt: bool) -> Iterator[tuple[str, str]]:
    """(speaker, words) of each line, without markup. Only WebVTT has character references."""
    for line in body:
        first, *voices = _VOICE.split(line) if is_vtt else [line]
        for speaker, words in [("", first), *zip(voices[::2], voices[1::2], strict=True)]:
            plain = _MARKUP.sub("", words)
            said = " ".join((unescape(plain) if is_vtt else plain).split())
            if said:
                yield " ".join(unescape(speaker).split()), said


class _Told:
    """The lines told so far. `speakers`: names, each once, in the order in which they came up."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.speakers: list[str] = []
        self._speaker = ""
        self._shown: list[tuple[str, str]] = []
        self._end = 0.0
        self._prefixes: Counter[str] = Counter()

    def named(self) -> list[str]:
        """Names in front of what is said: in capitals, or in front of two lines and more."""
        return [name for name, n in self._prefixes.items() if n > 1 or name == name.upper()]

    def add(self, cue: _Cue) -> None:
        """Tell what a cue shows beyond the cue before it."""
        shown = _with_speakers(cue.lines)
        goes_on = bool(self._shown) and cue.start <= self._end + GAP
        known, goes_on = self._overlap(shown, goes_on)
        new = shown[known:]
        if new and goes_on and _may_repeat(self._shown[-1], new[0]):
            new = self._joined(self._shown[-1][1].split(), new)
        parts: list[str] = []
        for speaker, words in new:
            if prefix := _PREFIX.match(words):
                self._prefixes[prefix[1]] += 1
            if speaker and speaker != self._speaker:
                if parts:
                    self.lines.append(" ".join(parts))
                parts = [f"{speaker}:"]
                self._speaker = speaker
                if speaker not in self.speakers:
                    self.speakers.append(speaker)
            parts.append(words)
        if parts:
            self.lines.append(" ".join(parts))
        if shown:
            self._shown, self._end = shown, cue.end

    def _overlap(self, shown: list[tuple[str, str]], goes_on: bool) -> tuple[int, bool]:
        """Number of lines shown before, and if the next cue may continue the last of them."""
        for n in range(min(len(shown), len(self._shown)), 0, -1):
            before, now = self._shown[-n:], shown[:n]
            if not all(map(_may_repeat, before, now)):
                continue
            words, words_now = [w for _, w in before], [w for _, w in now]
            if words == words_now:
                return n, False
            grows = words_now[-1].startswith(f"{words[-1]} ")
            if n > 1 and goes_on and grows and words[:-1] == words_now[:-1]:
                return n - 1, True
        return 0, goes_on

    def _joined(self, before: list[str], new: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """New lines without the words at their beginning that were told with the line before them."""
        speaker, words = new[0][0], new[0][1].split()
        if words[: len(before)] == before:  # it has grown
            more = words[len(before) :]
        else:
            most = min(len(before), len(words))
            rolled = next((n for n in range(most, ROLLED - 1, -1) if before[-n:] == words[:n]), 0)
            if 2 * rolled < len(words):
                return new
            more = words[rolled:]
        if more and (not speaker or speaker == self._speaker):
            self.lines[-1] += " " + " ".join(more)
            return new[1:]
        return [(speaker, " ".join(more)), *new[1:]] if more else new[1:]


def _with_speakers(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Lines of a cue; one without a speaker of its own is spoken by the one before it in the cue."""
    found = []
    speaker = ""
    for named, words in lines:
        speaker = named or speaker
        found.append((speaker, words))
    return found


def _may_repeat(before: tuple[str, str], line: tuple[str, str]) -> bool:
    """False for lines of two named speakers: the second says the words anew."""
    return not before[0] or not line[0] or before[0] == line[0]
