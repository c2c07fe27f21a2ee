"""`qembed index`: make or refresh the index."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from qembed.cli.command import help_group, option_groups
from qembed.cli.commands.passage_options import PassageOptions
from qembed.cli.console import Console, StopSignals, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import (
    FormatOption,
    IdPrefix,
    IndexOption,
    MetaOption,
    OutputFormat,
    QuietWhileWellOption,
    VerboseOption,
    WaitOption,
    column_types,
    key_values,
    number_of_bytes,
)
from qembed.cli.render.index_summary import (
    PlanPrinter,
    filter_line,
    say_details,
    say_findings,
    summary_line,
)
from qembed.cli.streams import standard_input
from qembed.inputs import as_argument

if TYPE_CHECKING:
    from qembed.pipeline.indexing.options import Source
    from qembed.pipeline.indexing.summary import IndexSummary


class CommonOptions(NamedTuple):
    """Options of nearly every run."""

    index_dir: IndexOption = None
    meta: MetaOption = None
    include: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Only files like this. Repeatable.")
    ] = None
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="No files like this. Repeatable.")
    ] = None
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be read, write nothing; with -v also how."),
    ] = False
    format: FormatOption = OutputFormat.text
    quiet: QuietWhileWellOption = False
    verbose: VerboseOption = False


@help_group("Files and records")
class ReadingOptions(NamedTuple):
    """Options of reading files and records, remembered with the source."""

    no_ignore: Annotated[
        bool, typer.Option("--no-ignore", help="Read what .gitignore and the like leave out.")
    ] = False
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Read files and folders whose names begin with a dot.")
    ] = False
    max_file_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Leave out larger files: bytes, or 500K, 20M, 1G."),
    ] = None
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Encoding of text that does not say its own. Default: UTF-8, else the likeliest.",
            show_default=False,
        ),
    ] = None
    column_types: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TYPE",
            help="Read a CSV column as text, number or boolean: zip=text, or *=text. Repeatable.",
            show_default=False,
        ),
    ] = None
    id_prefix: Annotated[
        IdPrefix | None,
        typer.Option(
            help="file: put the file's name in front of its records' ids.", show_default=False
        ),
    ] = None
    id_field: Annotated[str | None, typer.Option(help="A record's id. Default: _id or id.")] = None
    text_field: Annotated[str | None, typer.Option(help="A record's text. Default: text.")] = None
    title_field: Annotated[str | None, typer.Option(help="A record's title. Default: title.")] = (
        None
    )

    pictures: Annotated[
        list[str] | None,
        typer.Option(
            metavar="none|plain|place|pages|ocr",
            help="none: no pictures; plain: these alone; place: with where they were taken; pages: those of "
            "PDF too; ocr: with the text in them. Repeatable.",
            show_default=False,
        ),
    ] = None

    def source(self, common: CommonOptions) -> Source:
        """Return the settings of the run's sources. Raises UsageError."""
        from qembed.pipeline.indexing.options import Source

        return Source(
            "",
            include=tuple(common.include or ()),
            exclude=tuple(common.exclude or ()),
            use_ignore=not self.no_ignore,
            hidden=self.hidden,
            id_field=self.id_field,
            text_field=self.text_field,
            title_field=self.title_field,
            max_file_size=number_of_bytes(self.max_file_size),
            meta=key_values(common.meta or []),
            encoding=self.encoding,
            id_prefix=self.id_prefix.value if self.id_prefix else None,
            column_types=column_types(self.column_types or []),
        )


@help_group("Run")
class RunOptions(NamedTuple):
    """Options of what a run may do to the index."""

    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Make it anew, with another model or other passages."),
    ] = False
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Take out what is damaged and encode just that again."),
    ] = False
    verify_content: Annotated[
        bool,
        typer.Option(
            "--verify-content", help="Read all files, also those of unchanged size and times."
        ),
    ] = False
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first input that cannot be read.")
    ] = False
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Delete the documents of a source that is gone."),
    ] = False
    engine: Annotated[
        str,
        typer.Option(
            metavar="local|ray[://HOST:PORT]",
            help="Chunk and encode here, or on the machines of a Ray cluster.",
        ),
    ] = "local"
    shards: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|URL",
            help="With --engine ray: results lie here, where all machines see them (s3://, gs://).",
        ),
    ] = None
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Delete more than half of the documents, unasked."),
    ] = False
    wait: WaitOption = 0.0


@option_groups
def index(
    ctx: typer.Context,
    common: CommonOptions,
    passages: PassageOptions,
    reading: ReadingOptions,
    run: RunOptions,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH ...]",
            help="Folders, files, JSON lines of records, or - for JSON lines on stdin. "
            "Without PATH: refresh what was indexed before.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make or refresh the index.

    \b
    qembed index docs/
    qembed index notes/ mail.jsonl --exclude 'drafts/**'
    qembed index                        # refresh: what cron calls
    psql -Atc "select row_to_json(t) from faq t" | qembed index -

    Exit codes: 0 done; 2 cannot run; 4 done, but some inputs could not be read; 75 another writer holds
    the lock.
    """
    from qembed.pipeline.indexing.build import build
    from qembed.pipeline.indexing.options import IndexOptions, check_engine
    from qembed.pipeline.indexing.pictures.options import check_pictures
    from qembed.pipeline.locate import index_to_write
    from qembed.pipeline.source_options import FILTERS

    check_engine(run.engine, run.shards)
    talk = Console(common.quiet, common.verbose)
    signals = StopSignals()
    stdin = standard_input(stop=signals) if "-" in (paths or ()) else None
    shared = ctx.obj.get("sources") if ctx.obj and not paths else None
    options = IndexOptions(
        paths=tuple(paths or shared or ()),
        with_remembered=bool(shared),
        shared=frozenset(n for n in FILTERS if _source(ctx, n) == "DEFAULT_MAP"),
        recipe=passages.recipe(),
        source=reading.source(common),
        task=passages.task,
        pictures=None if reading.pictures is None else check_pictures(reading.pictures),
        rebuild=run.rebuild,
        repair=run.repair,
        strict=run.strict,
        wait=run.wait,
        dry_run=common.dry_run,
        detail=common.dry_run and common.verbose,
        allow_missing=run.allow_missing,
        verify_content=run.verify_content,
        engine=run.engine,
        shards=run.shards,
        tells=not common.quiet,
        confirm=lambda question: run.yes or talk.confirmed(f"{question}. Go on?", signals),
        planned=PlanPrinter() if common.format is OutputFormat.text else lambda *_: None,
    )
    with (
        signals.ending() if common.dry_run else signals.caught(talk),
        talk.progress(None if common.dry_run else signals) as progress,
    ):
        summary = build(index_to_write(common.index_dir), options, progress, stdin)
    places = _places(ctx, "DEFAULT_MAP")
    given = [p if p == "-" else as_argument(p) for p in paths or ()]
    say_findings(talk, summary, places)
    if line := filter_line(summary, given, places, _places(ctx, "COMMANDLINE")):
        talk.say(line)
    if (line := _model_line(ctx)) and not common.dry_run:
        talk.warn(line)
    _say_questions(talk, summary, run.yes)
    all_is_well = not (summary.failed or summary.interrupted or summary.dry_run)
    if common.format is OutputFormat.json:
        out(dumps(summary.to_json()))
    elif not (common.quiet and all_is_well):
        out(summary_line(summary, common.verbose))
    say_details(talk, summary)
    if summary.interrupted:
        raise typer.Exit(signals.code)
    if summary.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _say_questions(talk: Console, summary: IndexSummary, yes: bool) -> None:
    """Print what a run would ask, with -q too; nothing is asked if the answer is `yes`."""
    for n, question in enumerate(summary.questions):
        if yes:
            talk.warn(f"a run does not ask, for --yes: {question.text}")
        else:
            asks = f"a run would {'then ' * (n > 0)}ask"
            talk.problem(f"{asks}: {question.text} ({question.way_out})")
    if yes:
        summary.questions.clear()


def _source(ctx: typer.Context, name: str) -> str:
    """Source of a parameter's value: DEFAULT_MAP is the project file."""
    found = ctx.get_parameter_source(name)
    return "" if found is None else found.name


def _places(ctx: typer.Context, source: str) -> dict[str, str]:
    """Filters that the project file has, by option with its place, whose values are from `source`.

    Of those of the command line the ones that are others than the file's.
    """
    from qembed.pipeline.project.keys import option_of
    from qembed.pipeline.source_options import FILTERS

    settings = ctx.obj.settings if ctx.obj else ()
    found = [n for n in FILTERS if n in settings and _source(ctx, n) == source]
    if source == "COMMANDLINE":
        found = [n for n in found if list(ctx.params[n]) != list(ctx.obj.get(n))]
    return {option_of(n): ctx.obj.place(n) for n in found}


def _model_line(ctx: typer.Context) -> str:
    """Line on a model that the project file will ask for in the place of the one given, "" for none."""
    by_option = _source(ctx, "model") == "COMMANDLINE"
    given = ctx.params["model"] if by_option else os.environ.get("QEMBED_MODEL")
    shared = ctx.obj.get("model") if ctx.obj else None
    if not given or shared in (None, given):
        return ""
    from qembed.pipeline.locate import own_name

    if own_name(shared) == own_name(given):
        return ""
    name = f"--model {given}" if by_option else f"QEMBED_MODEL={given}"
    place = ctx.obj.place("model")
    return f"{name}: without it the next run wants {shared} ({place}), and is refused"
