"""Settings: options of a query by name, as one text, such as `rerank=late mode=hybrid`.

Names are those of the command's options without their dashes, values are quoted as in a shell where they
have blanks. The empty text is what the index answers by anyway.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from qembed.errors import UsageError
from qembed.pipeline.retrieval.options import MODES, QueryOptions, check_options

DEFAULT = "default"
"""Name of the setting without any option."""


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"one of {', '.join(allowed)} is wanted")
        return text

    return parse


def _switch(text: str) -> bool:
    return _choice("on", "off")(text) == "on"


def _spec(text: str) -> str:
    if not text:
        raise ValueError("the name of a reranker is wanted")
    return text


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "mode": _choice(*MODES),
    "fusion": _choice("sum", "rrf"),
    "rerank": _spec,
    "rerank_share": float,
    "candidates": int,
    "diversity": float,
    "document_score": str,
    "ef": int,
    "task": str,
    "template": str,
    "instruction": _switch,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """Values of fields of `QueryOptions`, by name; all others are as the index has them."""

    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The setting as text, in one order whatever it was written in."""
        words = [
            f"{name.replace('_', '-')}={shlex.quote(_text(self.values[name]))}"
            for name in _PARSERS
            if name in self.values
        ]
        return " ".join(words) or DEFAULT

    def applied(self, options: QueryOptions) -> QueryOptions:
        """The options with these values, as if a command had asked for them."""
        given = tuple(sorted({*(options.given or ()), *self.values}))
        return replace(options, **self.values, given=given)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def parse_setting(text: str, where: str = "setting") -> Setting:
    """Setting of `NAME=VALUE …`. `where`: of the text, for messages. Raises UsageError with all mistakes."""
    try:
        words = shlex.split(text)
    except ValueError as e:
        raise UsageError(f"{where}: {e}: {text!r}") from None
    values: dict[str, Any] = {}
    problems = []
    for word in words if words != [DEFAULT] else []:
        option, equals, value = word.partition("=")
        name = option.lstrip("-").replace("-", "_")
        if not equals or name not in _PARSERS:
            known = ", ".join(n.replace("_", "-") for n in _PARSERS)
            problems.append(f"{where}: {word!r} is no option of a setting (NAME=VALUE of: {known})")
            continue
        try:
            values[name] = _PARSERS[name](value)
        except ValueError as e:
            reason = e if "wanted" in str(e) else "a number is wanted"
            problems.append(f"{where}: {word}: {reason}")
    if problems:
        raise UsageError("\n  ".join(problems))
    setting = Setting(values)
    try:
        check_options(setting.applied(QueryOptions(given=())))
    except UsageError as e:
        raise UsageError(f"{where}: {e}") from None
    return setting
