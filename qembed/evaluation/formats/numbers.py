"""Grades and scores as files write them."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from qembed.evaluation.formats.json_records import json_kind

MAX_GRADE = 10_000
"""The largest grade: trec_eval allocates and walks a counter for every grade up to the highest."""

_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
_INFINITY = re.compile(r"([+-]?)inf(inity)?", re.I)
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False}


def parse_grade(value: Any) -> int | bool | str:
    """A grade from a text or a JSON value; a text that says what is wrong with it.

    Whole numbers in any notation (`2`, `2.00`, `2e0`) are grades. true, false, yes and no give a
    bool: what they mean depends on the file's other grades.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        value = repr(value)
    elif not isinstance(value, str):
        return "no grade" if value is None else f"grade {json_kind(value)}: {value!r}"
    text = value.strip()
    if not text:
        return "no grade"
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if not _DECIMAL.fullmatch(text):
        return f"grade {text!r} is not a whole number{_comma_hint(text)}"
    exact = Decimal(text)
    # compared before int(): 1e999999999 has a thousand million digits; abs() would overflow on it
    if exact.copy_abs() > MAX_GRADE:
        return f"grade {text} is beyond {MAX_GRADE}"
    grade = int(exact)
    if grade != exact:
        return f"grade {text!r} is not a whole number but a fraction: measures count whole grades"
    return grade


def parse_score(value: Any) -> float | str:
    """A score from a text or a JSON value; a text that says what is wrong with it.

    inf and -inf are scores above and below all others. NaN has no place in an order.
    """
    if value is None or isinstance(value, bool | list | dict):
        return "no score" if value is None else f"score is {json_kind(value)}"
    if isinstance(value, str):
        text = value.strip()
        # float() would also take "1_0" and "nan"
        if not _DECIMAL.fullmatch(text):
            return _other_score(text)
        value = text
    try:
        score = float(value)
    except OverflowError:
        score = math.inf
    if math.isnan(score):
        return "score nan is not a number, so the document has no place in the order"
    if math.isinf(score) and not (isinstance(value, float) and math.isinf(value)):
        return f"score {str(value)[:40]!r} is beyond the largest float"
    return score


def _other_score(text: str) -> float | str:
    """Score of a text that is no decimal number."""
    infinite = _INFINITY.fullmatch(text)
    if infinite:
        return -math.inf if infinite[1] == "-" else math.inf
    if re.fullmatch(r"[+-]?nan", text, re.I):
        return f"score {text!r} is not a number, so the document has no place in the order"
    return f"score {text!r} is not a number{_comma_hint(text)}" if text else "no score"


def is_number(text: str) -> bool:
    """True for what a grade or score may be, and for numbers that are refused later."""
    text = text.strip()
    known = _DECIMAL.fullmatch(text) or _COMMA.fullmatch(text) or _INFINITY.fullmatch(text)
    return bool(known) or text.lower() in (*_BOOLEANS, "nan", "-nan", "+nan")


def _comma_hint(text: str) -> str:
    if _THOUSANDS.fullmatch(text) and ("." in text or text.count(",") > 1):
        return f" (commas between thousands? write {text.replace(',', '')})"
    if _COMMA.fullmatch(text):
        return f" (a decimal comma? write {text.replace(',', '.')})"
    return ""
