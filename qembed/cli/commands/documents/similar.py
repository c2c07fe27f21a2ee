"""`qembed similar`: what is like a document, a file or a text."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.console import Console
from qembed.cli.hit_format import (
    HIT_FORMATS,
    HitFormat,
    NullOption,
    ThumbnailsChoice,
    ThumbnailsOption,
    VimgrepOption,
    hit_format,
)
from qembed.cli.option_checks import check_similar_options, on_command_line
from qembed.cli.options import (
    SEARCH_GROUP,
    By,
    IndexOption,
    ModelOption,
    NoServerOption,
    QuietOption,
    Search,
    SearchOption,
    VerboseOption,
    WhereOption,
)
from qembed.cli.signal_watch import watched
from qembed.cli.streams import read_input
from qembed.cli.via_server import ask_server
from qembed.errors import InputError


class SubjectScore(StrEnum):
    """Score of a document from the passages of the one it is compared with."""

    mean = "mean"
    best = "best"


def similar(
    ctx: typer.Context,
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|ID",
            help="A document's id, else a file, of the index or not; - for a text on stdin.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 10,
    by: Annotated[By, typer.Option(help="One hit a document, or a passage.")] = By.document,
    score: Annotated[
        SubjectScore,
        typer.Option(
            help="Of a document: mean over the passages compared of the nearest one's cosine, or the best.",
            rich_help_panel=SEARCH_GROUP,
        ),
    ] = SubjectScore.mean,
    passage: Annotated[
        int | None,
        typer.Option(
            help="Compare this passage alone, by its seq in query's JSON.", show_default=False
        ),
    ] = None,
    where: WhereOption = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Leave out hits below this cosine.",
            show_default=False,
            rich_help_panel=SEARCH_GROUP,
        ),
    ] = None,
    search: SearchOption = Search.auto,
    index_dir: IndexOption = None,
    model: ModelOption = None,
    format: Annotated[HitFormat, typer.Option("--format", help=HIT_FORMATS)] = HitFormat.text,
    vimgrep: VimgrepOption = False,
    null: NullOption = False,
    thumbnails: ThumbnailsOption = ThumbnailsChoice.auto,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    no_server: NoServerOption = False,
) -> None:
    """Find the documents, or passages, that are most like one.

    Of a document in the index the stored vectors are taken: nothing is encoded. It and its exact copies are
    left out.

    \b
    qembed similar docs/refunds.md
    qembed similar notes/draft.txt --by passage -k 3
    qembed similar refunds.md --format paths -0 | xargs -0r less
    git show HEAD:README.md | qembed similar -

    Exit codes: 0 done, also without hits; 2 cannot run.
    """
    from qembed.cli.render.pictures.thumbnails import thumbnails_of
    from qembed.cli.render.query_output import HitOutput, print_answer
    from qembed.cli.teardown import skip_teardown
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.retrieval.answer import Answer
    from qembed.pipeline.retrieval.documents.request import SimilarRequest, check_similar

    talk = Console(quiet, verbose)
    given = on_command_line(ctx)
    shown = hit_format(format if "format" in given else None, vimgrep, null, format)
    if subject is None:
        raise typer.BadParameter(
            "give a document's id or a FILE, or - to read a text from stdin", param_hint="FILE|ID"
        )
    talk.warn_all(check_similar_options(given, ctx.params))
    text = None
    if subject == "-":
        try:
            text = read_input().decode("utf-8-sig")
        except UnicodeDecodeError as e:
            raise InputError(f"stdin is not UTF-8 ({e.reason} at byte {e.start})") from None
    request = SimilarRequest(
        document=None if subject == "-" else subject,
        text=text,
        files=subject != "-",
        passage=passage,
        k=k,
        by=by.value,
        score=score.value,
        search=search.value,
        where=tuple(where or ()),
        min_score=min_score,
        model=model,
        snippets=shown in (HitFormat.text, HitFormat.vimgrep),
    )
    check_similar(request)
    index = find_index(index_dir)
    served = None if no_server else ask_server(index, "similar", request, talk)
    if served is not None:
        answer = Answer.from_json(served)
    else:
        from qembed.pipeline.retrieval.documents.similar import answer_similar

        with watched():
            answer = answer_similar(index, request)
    drawn = thumbnails_of(thumbnails.value, index, answer)
    print_answer(answer, HitOutput(shown.value, null=null, thumbnails=drawn), talk)
    skip_teardown()
