"""Parser of `--where` expressions.

    or      and ("or" and)*                         and     not ("and" not)*
    not     "not" not | test                        list    "(" value ("," value)* ")"
    test    "(" or ")" | "exists" field | field "exists" | field ["not"] "in" list
            | field ["not"] "glob" text | field ("=" | "!=" | "<" | "<=" | ">" | ">=") value
    value   'text' | "text" | number | true | false | null            a quote inside: doubled
    field   a name with letters, digits, _ - and dots, or any name at all in double quotes

Words of the grammar may be in capitals. Parsed by recursive descent: each error names what was expected
where, and a parser generator (lark) would add 80 ms to every cold filtered query (import, grammar, one
parse; measured), which takes half a second.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from qembed.errors import WrongFilter

Value: TypeAlias = str | int | float | bool | None
MAX_DEPTH = 50
"""Parentheses and `not` nested in one another."""
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*")
    |(?P<date>\d{4}-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[-+]\d\d:?\d\d)?)?)?(?![\w.:+-]))
    |(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    |(?P<name>[^\W\d][\w\-]*(?:\.[\w\-]+)*)|(?P<sign><=|>=|!=|==|<>|[=<>(),]))""",
    re.VERBOSE,
)
KEYWORDS = frozenset({"and", "or", "not", "in", "glob", "exists", "true", "false", "null"})
_SIGNS = {"==": "=", "<>": "!="}


@dataclass(frozen=True, slots=True)
class Field:
    """Field name. `literal`: it was quoted, so it is a metadata key with its dots."""

    name: str
    literal: bool = False
    column: int = 0

    @property
    def key(self) -> tuple[str, bool]:
        """Identity of the field, wherever it stands."""
        return self.name, self.literal


@dataclass(frozen=True, slots=True)
class Compare:
    """`field sign value`; sign is one of = < <= > >= glob."""

    field: Field
    sign: str
    value: Value


@dataclass(frozen=True, slots=True)
class In:
    """`field in (values)`."""

    field: Field
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """`exists field`: present and not null."""

    field: Field


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    inner: Expression


@dataclass(frozen=True, slots=True)
class And:
    """Conjunction."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Disjunction."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Compare | In | Exists | Not | And | Or


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def complain(text: str, at: int, what: str) -> NoReturn:
    """Raise WrongFilter with the expression and a caret under column `at` (0-based)."""
    shown = "".join(" " if c.isspace() else c for c in text)
    # characters of two columns (Chinese, Japanese, Korean) and of none (accents) shift the caret
    width = sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in shown[:at]
    )
    raise WrongFilter(f"--where, column {at + 1}: {what}\n  {shown}\n  {' ' * width}^")


def parse_expression(text: str) -> Expression:
    """Parse an expression. Raises WrongFilter that points at the column."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens()
        self.at = 0
        self.depth = 0

    def _tokens(self) -> list[_Token]:
        found: list[_Token] = []
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                c = self.text[at]
                if c in "'\"":
                    complain(self.text, at, f"this {c} is never closed (a quote inside: doubled)")
                hints = {"&": " (write and)", "|": " (write or)", "!": " (write not, or !=)"}
                curly = " (quotes are straight: ' or \")" if c in "‘’“”" else ""
                complain(self.text, at, f"{c!r} means nothing here{hints.get(c, curly)}")
            kind = match.lastgroup or ""
            word = match[kind]
            start = match.start(kind)
            if kind == "name" and word.lower() in KEYWORDS:
                found.append(_Token("word", word.lower(), start))
            else:
                found.append(_Token(kind, _SIGNS.get(word, word), start))
            at = match.end()
        return [*found, _Token("end", "", len(self.text.rstrip()))]

    # ── tokens ────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def _is(self, *texts: str) -> bool:
        return self.now.kind in ("word", "sign") and self.now.text in texts

    def _take(self, *texts: str) -> bool:
        if self._is(*texts):
            self.at += 1
            return True
        return False

    def _expected(self, what: str) -> NoReturn:
        found = "the end" if self.now.kind == "end" else self.now.text
        complain(self.text, self.now.at, f"expected {what}, found {found}")

    # ── rules ─────────────────────────────────────────────────────────────────────────────────────

    def whole(self) -> Expression:
        if self.now.kind == "end":
            complain(self.text, 0, "an empty filter (leave --where out, or say what must hold)")
        found = self._or()
        if self.now.kind != "end":
            self._expected("and, or, or the end")
        return found

    def _or(self) -> Expression:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Expression:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            complain(self.text, self.now.at, f"more than {MAX_DEPTH} levels inside one another")
        found = Not(self._not()) if self._take("not") else self._test()
        self.depth -= 1
        return found

    def _test(self) -> Expression:
        if self._take("("):
            inner = self._or()
            if not self._take(")"):
                self._expected("and, or, or )")
            return inner
        if self._take("exists"):
            if self._take("("):
                field = self._field()
                if not self._take(")"):
                    self._expected(")")
                return Exists(field)
            return Exists(self._field())
        field = self._field()
        if self._take("exists"):
            return Exists(field)
        negated = self._take("not")
        found: Expression
        if self._take("in"):
            found = In(field, self._list())
        elif self._take("glob"):
            if self.now.kind not in ("text", "quoted"):
                self._expected("a pattern in quotes")
            found = Compare(field, "glob", self._value())
        elif not negated and self._is("=", "!=", "<", "<=", ">", ">="):
            found = self._comparison(field)
        else:
            self._expected("in or glob" if negated else "= != < <= > >= in glob exists")
        return Not(found) if negated else found

    def _comparison(self, field: Field) -> Expression:
        sign = self.now.text
        self.at += 1
        here = self.now
        value = self._value()
        if sign == "=":
            return Compare(field, "=", value)
        if sign == "!=":
            return Not(Compare(field, "=", value))
        if value is None or isinstance(value, bool):
            complain(self.text, here.at, f"{here.text} has no order: use = or !=")
        return Compare(field, sign, value)

    def _field(self) -> Field:
        token = self.now
        if token.kind not in ("name", "quoted"):
            more = " (a field of this name: in double quotes)" if token.kind == "word" else ""
            self._expected(f"a field{more}")
        self.at += 1
        if token.kind == "quoted":
            return Field(token.text[1:-1].replace('""', '"'), True, token.at)
        return Field(token.text, False, token.at)

    def _list(self) -> tuple[Value, ...]:
        if not self._take("("):
            self._expected("( and values")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        if not self._take(")"):
            self._expected(", or )")
        return tuple(values)

    def _value(self) -> Value:
        token = self.now
        self.at += 1
        if token.kind == "text":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "quoted":
            return token.text[1:-1].replace('""', '"')
        if token.kind == "date":
            return token.text
        if token.kind == "number":
            try:
                return int(token.text) if token.text.lstrip("-").isdigit() else float(token.text)
            except ValueError:
                complain(self.text, token.at, "a number too long to be one")
        if token.kind == "word" and token.text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token.text]
        self.at -= 1
        more = " (text goes in quotes)" if token.kind == "name" else ""
        return self._expected(f"a value{more}")
