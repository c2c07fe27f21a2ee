"""Errors of the parser of command lines, in the words of all other errors."""

from __future__ import annotations

import re
import shlex
from typing import Any

EXTRA = "qembed.extra"
"""Key in the parser's context: the words that no argument of the command takes."""


def describe_refusal(error: Any) -> str:
    """Message on a command line that cannot be parsed, with what helps. `error`: the parser's."""
    text = _reworded(error.format_message())
    place = error.ctx.command_path if error.ctx else "qembed"
    if text.startswith("Got unexpected extra argument"):
        extra: list[str] = error.ctx.meta.get(EXTRA, [])
        if first := error.ctx.params.get("text"):
            dash = "-- " if first.startswith("-") else ""  # else it is taken for options
            hint = f"{place} {dash}{shlex.quote(' '.join([first, *extra]))}"
            return f"one text in quotes is wanted: {hint}"
        what = "argument" if len(extra) == 1 else "arguments"
        text = f"unexpected {what}: {', '.join(map(_shown, extra))}"
    elif begun := _text_with_a_dash(error):
        return f"{text[:1].lower()}{text[1:]} (a text: {place} -- {shlex.quote(begun)})"
    return f"{text[:1].lower()}{text[1:]} ({place} -h shows what there is)"


def _shown(word: str) -> str:
    """Return a word as it was given, in quotes if it is empty or holds a blank or a comma."""
    return f"'{word}'" if not word or re.search(r"[\s,]", word) else word


def _reworded(text: str) -> str:
    """A parser's message with its suggestions in the words of all others, and only those that are near."""
    text = re.sub(r"\. Did you mean (.*?)\??$", r"; did you mean \1?", text.rstrip("."))
    text = re.sub(r" is not a valid int(?:eger)?(?: range)?$", ": a whole number is wanted", text)
    text = re.sub(r" is not a valid float(?: range)?$", ": a number is wanted", text)
    listed = re.fullmatch(r"(.*: (\S+)) \((?:Possible options: |Did you mean )(.*?)\??\)", text)
    if listed is None:
        return text
    import difflib

    near = difflib.get_close_matches(listed[2], listed[3].split(", "), 3, 0.7)
    return f"{listed[1]}; did you mean {' or '.join(near)}?" if near else listed[1]


def _text_with_a_dash(error: Any) -> str | None:
    """Argument of a query that was taken for short options, None if it is none."""
    option = getattr(error, "option_name", None)
    if option is None or len(option) != 2 or error.ctx is None or error.ctx.info_name != "query":
        return None
    given: list[str] = getattr(error, "given", [])
    return next((a for a in given if len(a) > 2 and a[0] == "-" != a[1] and option[1] in a), None)
