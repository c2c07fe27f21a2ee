"""The `qembed` command: one file per subcommand, one place where errors become messages and codes."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from qembed.cli.exit_codes import ExitCode
from qembed.errors import QembedError
from qembed.version import __version__

COMMANDS = {
    "index": ("index:index", "Make or refresh the index."),
    "query": ("query:app", "Search by meaning."),
    "rerank": ("rerank:rerank", "Put hits in a better order."),
    "eval": ("eval.evaluate:app", "Measure retrieval, and fail a build when it got worse."),
    "add": ("add:add", "Add records without a source: memories, notes, facts."),
    "forget": ("forget:forget", "Delete records without a source."),
    "serve": (
        "serve:serve",
        "Keep model and index loaded: query and rerank find this by themselves.",
    ),
    "status": ("status:status", "Say what the index holds, how old it is and what lags."),
    "verify": (
        "verify:verify",
        "Check the index: checksums, rows, probes, graph against exact search.",
    ),
    "models": ("models:app", "What is known of models, and what they are given."),
}
"""What does a command, as file:name, and its line in the help: only the one that is called is imported."""


class Commands(dict[str, Any]):
    """Name -> command, made when it is asked for."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(COMMANDS))

    def __getitem__(self, name: str) -> Any:
        if (made := super().__getitem__(name)) is None:
            made = _command(name)
            self[name] = made
        return made

    def get(self, name: str, default: Any = None) -> Any:
        """The command of this name."""
        return self[name] if name in COMMANDS else default


def _command(name: str) -> Any:
    file, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(f"qembed.cli.commands.{file}"), attribute)
    if isinstance(found, typer.Typer):
        return get_command(found)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name)(found)
    return get_command(alone)


class Group(TyperGroup):
    """Runs a command; an error of ours becomes a line on stderr, any other keeps its traceback."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the commands' lines into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in COMMANDS.items()])

    def invoke(self, ctx: Any) -> Any:
        """The command's result, or an exit code."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except QembedError as e:
            from qembed.cli.console import harmless

            print(f"qembed: {harmless(str(e))}", file=sys.stderr)  # noqa: T201
            raise typer.Exit(e.exit_code) from None
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except BrokenPipeError:
            # the reader has seen enough (`| head -1`); Python must not complain again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.DONE) from None


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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
