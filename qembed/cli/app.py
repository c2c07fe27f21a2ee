"""Root of the `qembed` command: its subcommands, and the translation of errors to messages and exit codes."""

from __future__ import annotations

import os
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from qembed.cli.command import LazyGroup, ParsingError
from qembed.cli.exit_codes import ExitCode
from qembed.cli.help.width import HELP_COLUMNS
from qembed.cli.interrupts import interruptible, is_interruption
from qembed.cli.parsing_errors import describe_refusal
from qembed.cli.streams import OutputError, ReaderGone, discard_output
from qembed.errors import Mistakes, QembedError, refusal
from qembed.hints import remember_index
from qembed.version import __version__

COMMANDS = {
    "index": ("index:index", "Make or refresh the index."),
    "watch": ("watch:watch", "Refresh the index, and again whenever a source changes."),
    "query": ("query:app", "Search by meaning."),
    "rerank": ("rerank:rerank", "Put hits in a better order."),
    "similar": (
        "documents.similar:similar",
        "Find the documents, or passages, that are most like one.",
    ),
    "duplicates": (
        "documents.duplicates:duplicates",
        "Find documents, or passages, that the index has more than once.",
    ),
    "map": (
        "documents.corpus_map:corpus_map",
        "Draw a map: documents as points, those that are alike near one another.",
    ),
    "eval": ("eval.evaluate:app", "Measure retrieval, and fail a build when it got worse."),
    "tune": ("tune:app", "Choose the index's settings by judged queries."),
    "add": ("add:add", "Add records without a source: memories, notes, facts."),
    "forget": ("forget:forget", "Delete records without a source."),
    "serve": (
        "servers.serve:serve",
        "Keep model and index loaded: query and rerank find this by themselves.",
    ),
    "mcp": (
        "servers.mcp:mcp",
        "Let agents search, read and give feedback, over the Model Context Protocol.",
    ),
    "drift": ("drift:drift", "Compare what came in with what was there, and say what to do."),
    "update-model": (
        "update_model:update_model",
        "Train the model on what is new, and rebuild the index if it is no worse.",
    ),
    "status": ("status:status", "Say what the index holds, how old it is and what lags."),
    "verify": (
        "verify:verify",
        "Check the index: checksums, rows, probes, graph against exact search.",
    ),
    "export": ("export.group:app", "Give passages and vectors to other engines and programs."),
    "train": ("train.group:app", "Make a better model, and find out whether it is one."),
    "feedback": ("feedback.group:app", "Keep what people and agents do with answers."),
    "models": ("models:app", "What is known of models, and what they are given."),
    "trust": (
        "user.trust:trust",
        "Trust the values of a project file that run code or send texts.",
    ),
    "indexes": ("user.indexes:app", "Names for indexes: --index takes them."),
    "config": ("config:config", "Say which settings hold here, and from where."),
}
"""Command -> (module:attribute below qembed.cli.commands, its line in the help)."""

CONFIGURED = ("index", "query", "eval")
"""Commands with settings in the project file."""


GIVEN = "qembed.given"
"""Key of a context's `meta`: the options on the command line."""
WORDS = "qembed.words"
"""Key of a context's `meta`: values of options, and arguments, on the command line."""


class Main(LazyGroup):
    """Root group: an error of ours becomes a message and an exit code, any other keeps its traceback."""

    package = "qembed.cli.commands"
    targets = COMMANDS

    def main(self, *args: Any, **extra: Any) -> Any:
        """Parse the command line, run the command and end: raises SystemExit with its code.

        A reader that has seen enough (`| head -1`) changes no code; stdout that cannot be written does.
        """
        code: Any = ExitCode.DONE
        try:
            try:
                return super().main(*args, **extra)
            except SystemExit as ended:
                code = ended.code
            finally:
                sys.stdout.flush()
        except ReaderGone:
            discard_output()
        except OutputError as e:
            discard_output()
            _print_error(e)
            code = e.exit_code
        raise SystemExit(code)

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Parse the options before the command. Raises Exit for those that there are not."""
        try:
            return super().parse_args(ctx, args)
        except ParsingError as e:
            raise _refused(e) from None
        except OSError as e:  # of --install-completion
            if e.filename is None:
                raise
            raise _unusable(e) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, and let the project file set the defaults of its options. Raises UsageError."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in CONFIGURED and not {"-h", "--help"} & set(rest):
            from qembed.pipeline.project.defaults import option_defaults
            from qembed.pipeline.project.project_file import find_project

            if (project := find_project()) is not None:
                ctx.obj = project
                if (
                    project.unused
                    and not {"-q", "--quiet"} & set(rest)
                    and not ctx.resilient_parsing
                ):
                    _print_error(f"warning: {project.unused_line}")
                ctx.meta[GIVEN] = {word.split("=")[0] for word in rest if word.startswith("--")}
                ctx.meta[WORDS] = {word.partition("=")[2] or word for word in rest}
                ctx.default_map = {name: option_defaults(project, name, rest)}
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises Exit with the code of an error."""
        remember_index(None)
        try:
            with interruptible():
                return super().invoke(ctx)
        except OutputError:
            raise
        except ParsingError as e:
            raise _refused(e) from None
        except QembedError as e:
            if is_interruption(e, causes_only=True):
                raise typer.Exit(ExitCode.INTERRUPTED) from None
            _print_with_origins(ctx, e)
            raise typer.Exit(e.exit_code) from None
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as e:
            if is_interruption(e):
                raise typer.Exit(ExitCode.INTERRUPTED) from None
            if isinstance(e, FileNotFoundError) and e.filename is None and _is_folder_gone():
                # getcwd names no file
                _print_error("the current folder was removed (cd to one that exists)")
                raise typer.Exit(ExitCode.CANNOT_RUN) from None
            if isinstance(e, OSError) and e.filename is not None:
                raise _unusable(e) from None
            raise


def _unusable(error: OSError) -> Any:
    """Exit for a file that the system refuses."""
    _print_error(f"cannot use {os.fsdecode(error.filename)}: {refusal(error)}")
    return typer.Exit(ExitCode.CANNOT_RUN)


def _refused(error: Any) -> Any:
    """Exit for a command line that cannot be parsed, in the style of all other errors."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return error
    _print_error(describe_refusal(error))
    return typer.Exit(ExitCode.CANNOT_RUN)


def _print_with_origins(ctx: Any, error: QembedError) -> None:
    """Print an error, or each of several, and below it the part of the project file that it is about.

    A file that two options name is told once.
    """
    errors = error.errors if isinstance(error, Mistakes) else (error,)
    for origin, alike in groupby(errors, lambda e: _origin(ctx, e)):
        for e in {str(e): e for e in alike}.values():
            _print_error(e)
        if origin is not None:
            _print_error(origin)


_VARIABLE = re.compile(r"\$?[A-Z][A-Z_]*=")
"""Beginning of a message on an environment variable's value."""


def _origin(ctx: Any, error: QembedError) -> str | None:
    """Line on the part of the project file that an error is about, None if it is about none."""
    from qembed.pipeline.project.keys import GATES, option_of

    if ctx.obj is None or ctx.default_map is None:  # a value of the file was told with its place
        return None
    command, given, message = ctx.invoked_subcommand, ctx.meta[GIVEN], str(error)
    if _VARIABLE.match(message):
        return None
    values = ctx.default_map[command]
    # a word may be what another option has, or a variable
    variables = [v for k, v in os.environ.items() if k.startswith("QEMBED_")]
    elsewhere = [*ctx.meta[WORDS], *variables]

    def in_force(key: str) -> bool:
        if key == "log":  # checked as it is read
            return False
        if key == "sources":
            return bool(command == "index")
        return key.removeprefix(GATES) in values and option_of(key) not in given

    held = {
        key: setting
        for key, setting in ctx.obj.settings.items()
        if in_force(key) and (error.options or setting.value not in elsewhere)
    }
    project = ctx.obj._replace(settings=held)
    if error.options:
        line: str | None = project.about_origin([o for o in error.options if o not in given])
        return line
    # of documents that a filter leaves out, their source is not to blame
    is_loss = command == "index" and "would be deleted" in message
    line = project.option_origin(message, values) if is_loss else None
    line = line or project.origin(message)
    if line is None and command == "index":
        line = project.option_origin(message, values)
    return line


def _print_error(error: object) -> None:
    from qembed.cli.console import print_message

    print_message(str(error))


def _is_folder_gone() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


app = typer.Typer(
    cls=Main,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_COLUMNS},
)


def _version(value: bool) -> None:
    if value:
        print(f"qembed {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Index text corpora with embedding models and search them by meaning.

    Exit codes: 0 done; 2 cannot run; 3 a gate said no; 4 done, but some inputs could not be read; 75
    another writer holds the lock; 130 interrupted, with what was done so far committed.
    """
