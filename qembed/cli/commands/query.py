"""`qembed query`: search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.models import TyperPath

from qembed.cli.command import QueryCommand
from qembed.cli.console import Console
from qembed.cli.exit_codes import ExitCode
from qembed.cli.hit_format import (
    HIT_FORMATS,
    HitFormat,
    HitKind,
    NullOption,
    ThumbnailsChoice,
    ThumbnailsOption,
    VimgrepOption,
    hit_format,
    shown_context,
)
from qembed.cli.option_checks import check_query, on_command_line, unused_candidates
from qembed.cli.options import (
    OUTPUT_GROUP,
    SEARCH_GROUP,
    BudgetOption,
    By,
    CandidatesOption,
    DocumentScoreOption,
    Fusion,
    FusionOption,
    Mode,
    ModelOption,
    ModeOption,
    NoInstructionOption,
    NoServerOption,
    QuietOption,
    RerankOption,
    Search,
    SearchOption,
    ShareOption,
    TaskOption,
    TemplateOption,
    VerboseOption,
    WhereOption,
)
from qembed.cli.query_log import (
    LOG_GROUP,
    ClientOption,
    ExploreOption,
    LogOption,
    QueryLog,
    SessionOption,
    say_logged,
)
from qembed.cli.streams import read_input, standard_input
from qembed.cli.tuned import UntunedOption, given_options
from qembed.cli.via_server import ask_server
from qembed.errors import UsageError
from qembed.hints import remember_indexes, with_index

IndexesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--index",
        metavar="DIR|NAME",
        help="The index, or its name. Repeatable: several are searched as one. Default: $QEMBED_INDEX, else "
        "the nearest .qembed here or above.",
        show_default=False,
        callback=remember_indexes,
    ),
]


def query(
    ctx: typer.Context,
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT",
            help="The query, or - for queries on stdin: one a line, or JSON lines.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 10,
    sequence: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help="Search by the sequences of a file, or by FASTA or one sequence on stdin.",
            show_default=False,
        ),
    ] = None,
    mode: ModeOption = Mode.auto,
    where: WhereOption = None,
    by: Annotated[By, typer.Option(help="One hit a passage, or a document's best.")] = By.passage,
    document_score: DocumentScoreOption = "best",
    rerank: RerankOption = None,
    index_dir: IndexesOption = None,
    format: Annotated[HitFormat, typer.Option("--format", help=HIT_FORMATS)] = HitFormat.text,
    model: ModelOption = None,
    task: TaskOption = None,
    no_instruction: NoInstructionOption = False,
    template: TemplateOption = None,
    search: SearchOption = Search.auto,
    fusion: FusionOption = Fusion.sum,
    candidates: CandidatesOption = 100,
    rerank_budget: BudgetOption = None,
    rerank_share: ShareOption = None,
    kind: Annotated[
        HitKind | None,
        typer.Option(help="Only texts, or only pictures.", show_default=False),
    ] = None,
    image: Annotated[
        str | None,  # as typed, for messages and as the query of the answer
        typer.Option(
            click_type=TyperPath(path_type=str),
            metavar="FILE",
            help="Find what is like this picture, in the place of TEXT.",
            show_default=False,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Leave out hits below this score: a cosine or, with a reranker, its probability. "
            "Not with late.",
            show_default=False,
            rich_help_panel=SEARCH_GROUP,
        ),
    ] = None,
    diversity: Annotated[
        float,
        typer.Option(
            help="From 0 to below 1: rather something else than the same again; .3 is a good start.",
            rich_help_panel=SEARCH_GROUP,
        ),
    ] = 0.0,
    context: Annotated[
        int,
        typer.Option(
            help="Show so many neighbouring passages on both sides of a hit.",
            rich_help_panel=OUTPUT_GROUP,
        ),
    ] = 0,
    vimgrep: VimgrepOption = False,
    null: NullOption = False,
    thumbnails: ThumbnailsOption = ThumbnailsChoice.auto,
    open_number: Annotated[
        int | None,
        typer.Option(
            "--open",
            metavar="[N]",
            help="Open the best hit, or the N-th, at its line: $VISUAL, $EDITOR, else $PAGER, less.",
            show_default=False,
            rich_help_panel=OUTPUT_GROUP,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Say on stderr what was encoded and how it was found.",
            rich_help_panel=OUTPUT_GROUP,
        ),
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    no_server: NoServerOption = False,
    untuned: UntunedOption = False,
    no_memory: Annotated[
        bool,
        typer.Option(
            "--no-memory",
            help="Leave out votes on this query or a near-equal one: what comes first, what is never shown.",
            rich_help_panel=LOG_GROUP,
        ),
    ] = False,
    log: LogOption = None,
    explore: ExploreOption = None,
    client: ClientOption = None,
    session: SessionOption = None,
) -> None:
    """Search by meaning.

    \b
    qembed query "where is my parcel"
    qembed query "retry with backoff" --format paths -0 | xargs -0r less
    qembed query "late refund" --format jsonl | jq -r .document
    qembed query "retry with backoff" --open
    qembed query "a red bicycle" --kind image
    qembed query --image photo.jpg
    qembed query - --format trec < questions.txt > run.trec
    qembed query "where is my parcel" --log --client agent:helpdesk
    qembed query --sequence insulin.fasta

    Exit codes: 0 done, also without hits; 2 cannot run; 4 done, but the model does not encode some queries.
    """
    from qembed.cli.render.pictures.thumbnails import thumbnails_of
    from qembed.cli.render.query_output import HitOutput, print_answer
    from qembed.cli.teardown import skip_teardown
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.retrieval.answer import Answer
    from qembed.pipeline.retrieval.options import QueryOptions, parse_budget
    from qembed.pipeline.retrieval.request import QueryRequest, parse_queries
    from qembed.types import Query

    talk = Console(quiet, verbose)
    given = on_command_line(ctx)
    shown = hit_format(format if "format" in given else None, vimgrep, null, format)
    if shown is HitFormat.trec:  # its ranks are those of the scores
        if explore:
            raise typer.BadParameter("not with --format trec", param_hint="--explore")
        explore = False
    project_log = ctx.obj.get("log") if ctx.obj else None
    query_log = QueryLog(log, client, session, project_log, explore)
    unused = check_query(given, {**ctx.params, "format": shown})
    picture = None
    if image is not None:
        from qembed.pipeline.retrieval.pictures.query_picture import read_query_picture

        if text is not None or sequence is not None:
            raise typer.BadParameter("goes without TEXT and --sequence", param_hint="--image")
        picture, text = read_query_picture(Path(image), f"--image {image}"), image
    if text is not None and sequence is not None:
        raise UsageError("give a TEXT or --sequence, not both")
    if text is None and sequence is None:
        took = f" (--rerank took {rerank!r} as its value; write --rerank late)" if rerank else ""
        missing = f"give a TEXT, or - to read queries from stdin{took}"
        raise typer.BadParameter(missing, param_hint="TEXT")
    is_stdin = text == "-" and image is None
    if open_number is not None:
        from qembed.cli.programs.open_hit import check_open, open_hit

        check_open(open_number, k, shown is not HitFormat.text, is_stdin or sequence == "-")
    if sequence is not None:
        from qembed.pipeline.sequences.queries import read_sequences

        piped = read_input() if sequence == "-" else None
        queries = read_sequences(sequence, piped)
    else:
        queries = parse_queries(standard_input()) if is_stdin else [Query("1", text or "")]
    options = QueryOptions(
        k=k,
        task=task,
        instruction=not no_instruction,
        template=template,
        mode=mode.value,
        search=search.value,
        rerank=rerank,
        candidates=candidates,
        min_score=min_score,
        rerank_budget=parse_budget(rerank_budget),
        rerank_share=rerank_share,
        by=by.value,
        where=tuple(where or ()),
        fusion=fusion.value,
        diversity=diversity,
        document_score=document_score,
        memory=not no_memory,
        given=given_options(ctx, untuned),
        context=shown_context(context, shown),
        snippets=shown in (HitFormat.text, HitFormat.vimgrep),
        sequence=sequence is not None,
        kind=None if kind is None else kind.value,
        image=picture,
    )
    request = query_log.told(QueryRequest(queries, options, model), shown is not HitFormat.trec)

    def ask(root: Path, asked: QueryRequest) -> Answer | None:
        served = None if no_server else ask_server(root, "query", asked, talk)
        return None if served is None else Answer.from_json(served)

    several = len(index_dir or ()) > 1
    roots = [find_index(d) for d in index_dir] if index_dir else [find_index()]
    if several:
        from qembed.pipeline.retrieval.federated.indexes import answer_several, name_indexes

        if log or explore:
            raise UsageError("--log and --explore go with one index")
        with talk.progress():
            named = name_indexes([str(d) for d in index_dir or ()], roots)
            given_as = dict(zip(roots, index_dir or (), strict=True))
            answer = answer_several(
                named, request, ask, lambda root, said: with_index(said, given_as[root])
            )
    elif (found := ask(roots[0], request)) is not None:
        answer = found
    else:
        from qembed.pipeline.retrieval.retriever import answer_queries

        with talk.progress() as progress:
            if rerank:
                progress.phase("search", "", None)
            answer = answer_queries(roots[0], request, progress)
    if not (rerank or answer.tuned.get("rerank")):
        unused += unused_candidates(given, diversity)
    for line in unused:
        talk.warn(line)
    if not several:
        answer = query_log.log(roots[0], request, answer, is_stdin, talk)
    drawn = thumbnails_of(thumbnails.value, roots[0], answer)
    print_answer(answer, HitOutput(shown.value, explain, context > 0, null, drawn), talk)
    if shown not in (HitFormat.json, HitFormat.jsonl):
        say_logged(answer, talk)
    if where and "where" not in given and not all(r.hits for r in answer.results):
        talk.say(f"filtered by {' and '.join(where)}: this is from {ctx.obj.place('where')}")
    if open_number is not None and answer.results:
        open_hit(roots, answer, open_number, talk)
        query_log.log_opened(roots[0], answer, open_number, talk)
    if answer.refused:
        raise typer.Exit(ExitCode.SOME_FAILED)
    skip_teardown()


app = typer.Typer(add_completion=False, rich_markup_mode=None)
app.command("query", cls=QueryCommand)(query)
