"""The `qembed` command: one file per subcommand, one place where errors become messages and codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from qembed.cli import add, evaluate, forget, index, models, query, rerank, serve, status, verify
from qembed.cli.codes import Code
from qembed.cli.common import harmless
from qembed.cli.optional import OptionalRerank
from qembed.errors import QembedError
from qembed.version import __version__


class Group(TyperGroup):
    """Runs a command; an error of ours becomes a line on stderr, any other keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        """The command's result, or an exit code."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except QembedError as e:
            print(f"qembed: {harmless(str(e))}", file=sys.stderr)  # noqa: T201
            raise typer.Exit(e.exit_code) from None
        except KeyboardInterrupt:
            raise typer.Exit(Code.INTERRUPTED) from None
        except BrokenPipeError:
            # the reader has seen enough (`| head -1`); Python must not complain again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Code.DONE) from None


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


app.command("index")(index.index)
app.command("query", cls=OptionalRerank)(query.query)
app.command("rerank")(rerank.rerank)
app.add_typer(evaluate.app, name="eval")
app.command("add")(add.add)
app.command("forget")(forget.forget)
app.command("serve")(serve.serve)
app.command("status")(status.status)
app.command("verify")(verify.verify)
app.add_typer(models.app, name="models")
