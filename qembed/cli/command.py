"""Typer's classes extended: help in groups, commands imported on demand, options as named tuples."""

from __future__ import annotations

import inspect
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import wraps
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from qembed.cli.help.groups import GroupedHelp
from qembed.cli.help.width import help_columns, name_columns
from qembed.cli.option_checks import check_output_files
from qembed.cli.parsing_errors import EXTRA

T = TypeVar("T")


def file_option(text: str, metavar: str = "FILE") -> Any:
    """Option whose value names a file, or something else that has no default to show."""
    return typer.Option(metavar=metavar, help=text, show_default=False)


ParsingError: Any = typer.BadParameter.__mro__[1]
"""The parser's error, which typer does not export."""
FILE_NAMES = frozenset({"[PATH ...]", "GLOB", "SPEC"})
"""Metavars of texts that name files, which may be any bytes; options of type Path may too."""


LAST_WINS = re.compile("choice|(int(eger)?|float)( range)?")
"""Kinds of values of which the last one holds, so that an option overrides an alias's."""


def _refuse_repeated(ctx: Any, order: Sequence[Any]) -> None:
    """Raise the parser's error for options of one text or path given several times. `order`: as parsed."""
    counts = Counter(
        p
        for p in order
        if p.param_type_name == "option"
        and not (p.multiple or p.is_flag or p.count or LAST_WINS.fullmatch(p.type.name))
    )
    found = [
        f"{max(p.opts, key=len)} was given {'twice' if n == 2 else f'{n} times'}; "
        f"this command takes one{' index' if '--index' in p.opts else ''}"
        for p, n in counts.items()
        if n > 1
    ]
    if found:
        raise ParsingError("; ".join(found), ctx)


class TextArguments:
    """Mixin of a command: texts must be valid in the terminal's encoding, no value is lost unsaid, and no
    output may be an input."""

    def make_parser(self, ctx: Any) -> Any:
        """Make the parser. It raises the parser's error for an option whose last value would hide others."""
        parser = super().make_parser(ctx)  # type: ignore[misc]
        parse = parser.parse_args

        def parse_args(args: list[str]) -> Any:
            parsed = parse(args=args)
            _refuse_repeated(ctx, parsed[2])
            ctx.meta[EXTRA] = list(parsed[1])
            return parsed

        parser.parse_args = parse_args
        return parser

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse. Raises BadParameter for bytes that have no character: nothing they match is stored.

        Raises UsageError for an output that is an input.
        """
        given = list(args)  # the parser empties it
        try:
            rest: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        except ParsingError as e:
            e.ctx = e.ctx or ctx  # the parser leaves it out where a value is missing
            e.given = given
            raise
        for param in self.params:  # type: ignore[attr-defined]
            if param.type.name == "path" and _is_empty(param.opts, given):
                raise typer.BadParameter(
                    "a path is wanted, not '' (an empty variable?)", ctx, param
                )
            if param.type.name != "str" or param.metavar in FILE_NAMES:
                continue
            value = ctx.params.get(param.name)
            for text in value if isinstance(value, list | tuple) else [value]:
                if isinstance(text, str) and not _is_encodable(text):
                    encoding = sys.getfilesystemencoding()
                    shown = ascii(text.encode(encoding, "surrogateescape"))[1:]
                    raise typer.BadParameter(f"{shown} is not {encoding.upper()}", ctx, param)
        check_output_files(self.params, ctx.params)  # type: ignore[attr-defined]
        return rest


def _is_empty(names: Sequence[str], args: Sequence[str]) -> bool:
    """True if an option of these names has an empty value, which would stand for the current folder."""
    words = args[: args.index("--")] if "--" in args else args
    pairs = pairwise(words)
    return any((w in names and v == "") for w, v in pairs) or any(f"{n}=" in words for n in names)


def _is_encodable(text: str) -> bool:
    """True if the text has no lone surrogates, which stand for bytes that could not be decoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Command(GroupedHelp, TextArguments, TyperCommand):
    """Command with its options in groups."""


class Group(GroupedHelp, TyperGroup):
    """Group with its options in groups."""


class RerankValue:
    """Mixin of a command with `--rerank SPEC`: a value forgotten at the end is refused as elsewhere."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Hand a final `--rerank` an empty value, which `reranker_spec` refuses by name."""
        if args[-1:] == ["--rerank"] and "--" not in args:
            args = [*args, ""]
        parsed: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        return parsed


class RerankCommand(RerankValue, Command):
    """Command with `--rerank SPEC`."""


class QueryCommand(RerankCommand):
    """Command with `--rerank SPEC` and `--open [N]`, whose value is the next word if that is a number."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give `--open` the value 1 where no number follows."""
        end = args.index("--") if "--" in args else len(args)
        words: list[str] = []
        for i, word in enumerate(args):
            number = i + 1 < end and args[i + 1].isdecimal()
            words.append("--open=1" if word == "--open" and i < end and not number else word)
        return super().parse_args(ctx, words)


class LazyCommands(dict[str, Any]):
    """Mapping from name to command; a command's module is imported when the command is looked up.

    `targets`: name -> (`module:attribute` below `package`, line of the help).
    """

    def __init__(self, package: str, targets: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(dict.fromkeys(targets))
        self._package = package
        self._targets = targets

    def __getitem__(self, name: str) -> Any:
        if (made := super().__getitem__(name)) is None:
            made = self._load(name)
            self[name] = made
        return made

    def get(self, name: str, default: Any = None) -> Any:
        """Return the command of this name, `default` if there is none."""
        return self[name] if name in self._targets else default

    def _load(self, name: str) -> Any:
        file, _, attribute = self._targets[name][0].partition(":")
        found = getattr(import_module(f"{self._package}.{file}"), attribute)
        if isinstance(found, typer.Typer):
            return get_command(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, cls=Command)(found)
        return get_command(alone)


class LazyGroup(GroupedHelp, TyperGroup):
    """Group whose commands are named in `targets` (see LazyCommands) and imported on demand."""

    package = ""
    targets: Mapping[str, tuple[str, str]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LazyCommands(self.package, self.targets)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help."""
        return list(self.targets)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands' lines into the help without importing the commands."""
        with formatter.section("Commands"):
            records = [(name, line) for name, (_, line) in self.targets.items()]
            formatter.write_dl(records, name_columns(help_columns()))


def help_group(heading: str) -> Callable[[T], T]:
    """Decorate a named tuple of options: in the help they stand under this heading."""

    def decorate(kind: T) -> T:
        kind.group = heading  # type: ignore[attr-defined]
        return kind

    return decorate


def option_groups(function: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command whose parameters may be named tuples of options.

    Typer sees one flat signature: the fields of each tuple, annotated as a command's parameters are,
    stand in its place, in the help under the heading of `help_group`.
    """
    hints = get_type_hints(function, include_extras=True)
    flat: list[inspect.Parameter] = []
    classes: dict[str, tuple[type, list[str]]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        kind = hints[name]
        if not hasattr(kind, "_fields"):
            flat.append(parameter.replace(annotation=kind))
            continue
        inner = get_type_hints(kind, include_extras=True)
        classes[name] = kind, list(kind._fields)
        for field in kind._fields:
            default = kind._field_defaults.get(field, inspect.Parameter.empty)
            annotation = _in_group(inner[field], getattr(kind, "group", None))
            flat.append(
                inspect.Parameter(
                    field,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=default,
                    annotation=annotation,
                )
            )

    @wraps(function)
    def command(**values: Any) -> None:
        for name, (kind, names) in classes.items():
            values[name] = kind(**{n: values.pop(n) for n in names})
        function(**values)

    flat = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in flat]
    command.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in flat}
    return command


def _in_group(annotation: Any, group: str | None) -> Any:
    """Copy an `Annotated` option, under the heading `group`: the original may be another command's too."""
    base, *infos = get_args(annotation)
    copies = [copy(info) for info in infos]
    for info in copies:
        info.rich_help_panel = group
    return Annotated[(base, *copies)]
