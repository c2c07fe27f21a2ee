"""Values of a sheet's cells as they are shown: dates, percentages, rounded numbers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_BUILT_IN = {
    **{1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"},
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 34, 35, 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33), "hh:mm:ss"),
    **{22: "yyyy-mm-dd hh:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss"},
    **{37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 48: "0.0E+0", 49: "@"},
}
_LITERALS = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[(\$[^\]]*|[^\]]*)\]')
_NUMBER = re.compile(r"[#0?][#0?,]*(?:\.[#0?]*)?|\.[#0?]+")


class Format(NamedTuple):
    """A number format of which only what changes words and digits is kept.

    `kind`: `general`, `date`, `time`, `moment`, `duration`, `number`. `before` and `after` are literal text.
    A number has at least `digits` before its point, and `least` to `most` behind it.
    """

    kind: str
    digits: int = 0
    least: int = 0
    most: int = 0
    grouped: bool = False
    percent: bool = False
    before: str = ""
    after: str = ""


def built_in(number: int) -> str:
    """Return the code of one of Excel's own formats, "" for `General`."""
    return _BUILT_IN.get(number, "")


@lru_cache(maxsize=4096)
def parse_format(code: str) -> Format:
    """Read a format code such as `#,##0.00 "kg"` or `dd.mm.yyyy`, of which the first part counts."""
    first = _sections(code)[0]
    elapsed = re.search(r"\[(h+|m+|s+)\]", first, re.IGNORECASE)
    marks = _LITERALS.sub("", first).lower()
    if elapsed:
        return Format("duration")
    if re.search(
        r"[ymdhsg]|am/pm", marks.replace("general", "").replace("e+", "").replace("e-", "")
    ):
        has_time = bool(re.search(r"[hs]|am/pm", marks))
        has_date = bool(re.search(r"[yd]", marks)) or (not has_time and "m" in marks)
        return Format("moment" if has_date and has_time else "date" if has_date else "time")
    number = _NUMBER.search(_blanked(first))
    if not number or "general" in marks or "@" in marks or re.search(r"e[+-]|/", marks):
        return Format("general")
    shown = number[0]
    whole, _, fraction = shown.partition(".")
    if whole.endswith(","):
        return Format("general")  # shown in thousands or millions
    before = _literal(first[: number.start()])
    after = _literal(first[number.end() :].replace("%", ""))
    least = len(fraction.rstrip("#"))
    return Format(
        "number", whole.count("0"), least, len(fraction), "," in whole, "%" in marks, before, after
    )


def _sections(code: str) -> list[str]:
    """The parts of a code, which `;` divides outside of quotes."""
    return re.findall(r'(?:"[^"]*"|\\.|\[[^\]]*\]|[^;"\\\[])+', code) or [""]


def _blanked(code: str) -> str:
    """The code with its literals blanked, so that places in it stay true."""
    return _LITERALS.sub(lambda found: "\0" * len(found[0]), code)


def _literal(code: str) -> str:
    def kept(found: re.Match[str]) -> str:
        quoted, escaped, bracket = found.groups()
        if bracket is not None:
            return bracket[1:].partition("-")[0] if bracket.startswith("$") else ""
        return quoted or escaped or ""

    return _LITERALS.sub(kept, code)


def shown_number(text: str, code: str, since_1904: bool) -> str:
    """Return a number's text as a cell with this format shows it; as it is stored where that is not known."""
    try:
        value = float(text)
    except ValueError:
        return text
    form = parse_format(code)
    if form.kind in ("date", "time", "moment", "duration"):
        return _moment(value, form.kind, since_1904) or text
    if form.kind == "general":
        return f"{value:.15g}" if "." in text or "e" in text.lower() else text
    size = abs(value) * (100 if form.percent else 1)
    if size >= 1e15 or form.most > 30 or form.digits > 30:
        return text
    whole, _, fraction = f"{size:.{form.most}f}".partition(".")
    fraction = fraction[: form.least] + fraction[form.least :].rstrip("0")
    number = f"{int(whole):,}" if form.grouped else whole.zfill(form.digits)
    number += f".{fraction}" if fraction else ""
    sign = "-" if value < 0 and number.strip("0.,") else ""
    return f"{sign}{form.before}{number}{'%' if form.percent else ''}{form.after}".strip()


def _moment(value: float, kind: str, since_1904: bool) -> str:
    """A date or time in ISO 8601; "" for what is none. Day 60 of 1900, which never was, is the day before."""
    if kind == "duration":
        seconds = round(value * 86_400)
        hours, rest = divmod(abs(seconds), 3600)
        return f"{'-' if seconds < 0 else ''}{hours}:{rest // 60:02}:{rest % 60:02}"
    if not 0 <= value < 2_958_466:
        return ""
    first = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)
    if not since_1904 and value < 60:
        first += timedelta(days=1)
    found = first + timedelta(seconds=round(value * 86_400))
    if kind == "time":
        return found.strftime("%H:%M:%S").removesuffix(":00")
    if kind == "date":
        return found.date().isoformat()
    return found.isoformat(" ", "minutes" if found.second == 0 else "seconds")
