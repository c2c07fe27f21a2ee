"""Project file: settings that a project shares, `.qembed.toml` or `tool.qembed` in `pyproject.toml`.

It is looked for as the index is, in the current folder and those above it; the nearest one counts, and in one
folder `.qembed.toml`. A value that runs code or sends texts away is used only if the user trusts it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qembed.errors import UsageError, refusal
from qembed.pipeline.project.keys import GATES, PARSERS, option_of

FILE = ".qembed.toml"
PYPROJECT = "pyproject.toml"
_TABLE = re.compile(r"""^\s*\[*\s*tool\s*(\.\s*["']?qembed\b|\]|=)""", re.MULTILINE)
"""Lines of a pyproject.toml that may begin our table: others are not parsed."""


class Setting(NamedTuple):
    """Value of a key, paths relative to the current folder, and its line, 1-based (None if not found)."""

    value: Any
    line: int | None


class Project(NamedTuple):
    """Settings of a project file by key; keys of the table `gates` begin with `gates.`.

    `unused`: the pyproject.toml beside it that has settings, too, and does not count; None without one.
    """

    path: Path
    settings: Mapping[str, Setting]
    unused: Path | None = None

    def get(self, key: str) -> Any:
        """Value of a key, None if the file does not have it."""
        found = self.settings.get(key)
        return None if found is None else found.value

    def place(self, key: str) -> str:
        """File and line of a key, for messages."""
        return _place(self.path, self.settings[key].line)

    @property
    def unused_line(self) -> str:
        """Line on settings that do not count, "" without such."""
        return f"tool.qembed in {self.unused} is not used, beside {FILE}" if self.unused else ""

    def origin(self, message: str) -> str | None:
        """Line on the setting whose value an error message names first; None if it names none."""
        found: dict[int, str] = {}
        for key, setting in self.settings.items():
            values = setting.value if isinstance(setting.value, list) else [setting.value]
            texts = "|".join(re.escape(v) for v in values if isinstance(v, str))
            if texts and (at := re.search(rf"(?<![\w/.-])({texts})(?![\w/-])", message)):
                found.setdefault(at.start(), key)
        return f"this is from {self.place(found[min(found)])}" if found else None

    def option_origin(self, message: str, keys: Iterable[str]) -> str | None:
        """Line on the first of the `keys` whose option an error message names; None if it names none."""
        for key in keys:
            if re.search(rf"(?<![\w-]){option_of(key)}(?![\w-])", message):
                return f"this is from {self.place(key)}"
        return None

    def about_origin(self, options: Sequence[str]) -> str | None:
        """Line on the options that an error is about: the gates that are missing, else the first's place.

        None if it is about no key of the file.
        """
        keys = self.keys_of(options)
        if missing := self.missing_gates(keys):
            return missing
        held = [key for key in keys if key in self.settings]
        return f"this is from {self.place(held[0])}" if held else None

    def keys_of(self, options: Iterable[str]) -> list[str]:
        """Keys that options have in a project file."""
        return [key for option in options for key in PARSERS if option_of(key) == option]

    def missing_gates(self, keys: Iterable[str]) -> str | None:
        """Line on those of the keys that the table `gates` lacks; None for none, and without the table."""
        missing = [k for k in keys if k.startswith(GATES) and k not in self.settings]
        if not missing or not any(k.startswith(GATES) for k in self.settings):
            return None
        names = " and ".join(key.removeprefix(GATES) for key in missing)
        return f"the table gates of {self.path} has no {names}"


def find_project(folder: Path | None = None) -> Project | None:
    """Read the project file of a folder, the current one by default; None if there is none.

    Raises UsageError, with file and line, for a file that cannot be read, unknown keys and wrong values. A
    `pyproject.toml` that cannot be read is nobody's settings.
    """
    try:
        here = Path.cwd() if folder is None else folder
    except FileNotFoundError:  # it was removed: commands with --index work all the same
        return None
    for above in (here, *here.parents):
        own, shared = above / FILE, above / PYPROJECT
        text = _text_with_table(shared)
        if os.path.lexists(own):
            found = _project(own, _read(own), "")
            return found._replace(unused=shared) if found and _has_table(text) else found
        if text and (found := _project(shared, text, "tool.qembed")) is not None:
            return found
    return None


def _text_with_table(path: Path) -> str:
    """Text of a pyproject.toml that may have our table, "" for others and for what cannot be read."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):  # none here, or not ours to complain about
        return ""
    return text if _TABLE.search(text) else ""


def _has_table(text: str) -> bool:
    import tomllib

    try:
        tool = tomllib.loads(text).get("tool")
    except tomllib.TOMLDecodeError:
        return False
    return isinstance(tool, dict) and "qembed" in tool


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as e:
        raise UsageError(f"cannot read {path}: {refusal(e)}") from e
    except UnicodeDecodeError as e:
        raise UsageError(f"{_place(path, e.object[: e.start].count(10) + 1)}: not UTF-8") from e


def _project(path: Path, text: str, table: str) -> Project | None:
    """Check the settings of `table` ("" for the whole file) in the text of a project file.

    None if there is no such table. Raises one UsageError for all mistakes.
    """
    import tomllib

    try:
        body: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise UsageError(_syntax_error(path, text, str(e))) from e
    if table:
        tool = body.get("tool")
        if not isinstance(tool, dict) or "qembed" not in tool:
            return None
        body = tool["qembed"]
        if not isinstance(body, dict):
            line = dict(_lines_of_keys(text, "tool")).get("qembed")
            raise UsageError(f"{_place(path, line)}: {table}: a table is wanted, as in [{table}]")
    lines = dict(_lines_of_keys(text, table))
    settings, problems = {}, []
    for key, value in _flat(body):
        line = lines.get(key)
        parse = PARSERS.get(key)
        if parse is None:
            problems.append(f"{_place(path, line)}: unknown key {key}{_suggestion(key)}")
            continue
        try:
            settings[key] = Setting(parse(value, path.parent), line)
        except ValueError as e:
            problems.append(f"{_place(path, line)}: {key}: {e}")
    if problems:
        first = f"{len(problems)} mistakes in {path}:\n  " if len(problems) > 1 else ""
        raise UsageError(first + "\n  ".join(problems))
    return Project(path, settings)


def _syntax_error(path: Path, text: str, message: str) -> str:
    """Message of tomllib with the place in front, as compilers write it, and what TOML looks like."""
    wanted = '(not TOML: KEY = VALUE is wanted, as in k = 10 or model = "minilm")'
    what, mark, place = message.partition(" (at line ")
    if not mark:
        return f"{path}:{max(1, len(text.splitlines()))}: {message} {wanted}"
    line, _, column = place.rstrip(")").partition(", column ")
    return f"{path}:{line}:{column}: {what} {wanted}"


def _place(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"{path}:{line}"


def _flat(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys and values, those of the table `gates` with its name in front; - and _ are the same."""
    for key, value in body.items():
        name = key.replace("-", "_")
        if f"{name}." == GATES and isinstance(value, dict):
            yield from ((f"{GATES}{k.replace('-', '_')}", v) for k, v in value.items())
        else:
            yield name, value


_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]")
_ASSIGNMENT = re.compile(r"\s*([\w.\"' -]+?)\s*=")


def _lines_of_keys(text: str, table: str) -> Iterator[tuple[str, int]]:
    """Keys below `table` as `_flat` names them, with their lines: tomllib tells none."""
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            inside = re.sub(r"[\"'\s]", "", header[1])
            key = inside
        elif found := _ASSIGNMENT.match(line):
            key = ".".join(filter(None, (inside, re.sub(r"[\"'\s]", "", found[1]))))
        else:
            continue
        if not table or key.startswith(f"{table}."):
            yield key[len(table) + 1 if table else 0 :].replace("-", "_"), number


def _suggestion(key: str) -> str:
    from difflib import get_close_matches

    # without the table: its name alone makes any two of its keys alike
    name = key.removeprefix(GATES)
    full = {k.removeprefix(GATES): k for k in PARSERS}
    if near := get_close_matches(name, full, 1):
        return f" (did you mean {full[near[0]]}?)"
    is_gate = key.startswith(GATES)
    known = [k for k in PARSERS if k.startswith(GATES)] if is_gate else list(PARSERS)
    return f" (known: {', '.join(known)})"
