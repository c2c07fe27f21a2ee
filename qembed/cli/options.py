"""Options that several commands share: their annotations, their enumerations and parsers of their values."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from qembed.errors import UsageError
from qembed.hints import remember_index
from qembed.inputs import is_there

# ── enumerations ─────────────────────────────────────────────────────────────────────────────────


class OutputFormat(StrEnum):
    """Output format of commands that print one summary or report."""

    text = "text"
    json = "json"


class Mode(StrEnum):
    """Search mode."""

    auto = "auto"
    dense = "dense"
    lexical = "lexical"
    hybrid = "hybrid"


class Fusion(StrEnum):
    """Method that fuses dense and lexical scores."""

    sum = "sum"
    rrf = "rrf"


class Search(StrEnum):
    """Algorithm of the vector search."""

    auto = "auto"
    exact = "exact"
    graph = "graph"


class By(StrEnum):
    """Unit of a hit."""

    passage = "passage"
    document = "document"


class Chunking(StrEnum):
    """Chunker of an index."""

    auto = "auto"
    none = "none"


class IdPrefix(StrEnum):
    """Prefix of the ids that records bring along."""

    file = "file"


class ColumnType(StrEnum):
    """Type of a CSV column."""

    text = "text"
    number = "number"
    boolean = "boolean"


# ── index, model, output ─────────────────────────────────────────────────────────────────────────

MODEL_GROUP = "Model and instruction"
SEARCH_GROUP = "Search"
OUTPUT_GROUP = "Output"
"""Groups of options in the help of commands that have many."""

IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="DIR|NAME",
        help="The index, or its name. Default: $QEMBED_INDEX, else the nearest .qembed here or above.",
        show_default=False,
        callback=remember_index,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="SPEC",
        help="minilm, bge-small, multilingual, a folder, a hub id, or py:module:factory. "
        "Default: the index's own, else $QEMBED_MODEL, else auto: minilm, or multilingual where many "
        "documents are not in Latin script.",
        show_default=False,
        rich_help_panel=MODEL_GROUP,
    ),
]
FormatOption = Annotated[
    OutputFormat, typer.Option("--format", help="text for people, json for programs.")
]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No messages on stderr.", rich_help_panel=OUTPUT_GROUP),
]
QuietWhileWellOption = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print nothing while all is well, and only what is wrong.",
        rich_help_panel=OUTPUT_GROUP,
    ),
]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Timings and details on stderr.", rich_help_panel=OUTPUT_GROUP
    ),
]
NoServerOption = Annotated[
    bool,
    typer.Option(
        "--no-server",
        help="Do the work in this process, whatever server there is.",
        rich_help_panel=OUTPUT_GROUP,
    ),
]


def _seconds(value: float) -> float:
    """Check a span of time. Raises BadParameter for a negative one and for NaN."""
    if value >= 0:
        return value
    raise typer.BadParameter(f"{value:g}: at least 0")


WaitOption = Annotated[
    float,
    typer.Option(metavar="SECONDS", callback=_seconds, help="Wait so long for another writer."),
]
MetaOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE", help="Metadata for these documents. Repeatable.", show_default=False
    ),
]

# ── retrieval ────────────────────────────────────────────────────────────────────────────────────

TASKS = "web, memory, document, code, qa"
"""Names of tasks; numpy and the models' tables stay out of the help, and a test compares."""

TaskOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|TEXT",
        help=f"The task put into the model's instruction: {TASKS}, or a sentence.",
        rich_help_panel=MODEL_GROUP,
    ),
]
NoInstructionOption = Annotated[
    bool,
    typer.Option(
        "--no-instruction",
        help="Encode the bare query, whatever the model's profile.",
        rich_help_panel=MODEL_GROUP,
    ),
]
TemplateOption = Annotated[
    str | None,
    typer.Option(
        metavar="STRING",
        help="Instead of the model's: with {query}, perhaps {task}.",
        rich_help_panel=MODEL_GROUP,
    ),
]
ModeOption = Annotated[
    Mode,
    typer.Option(
        help="auto weighs meaning and words for each query, dense is by meaning, lexical by words, "
        "hybrid by both in equal parts."
    ),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="EXPR",
        help="Only documents like this: user_id = 'alice' and date >= '2026-01-01'. Repeatable.",
        show_default=False,
    ),
]
FusionOption = Annotated[
    Fusion,
    typer.Option(
        help="sum adds both searches' scores, rrf their reciprocal ranks.",
        rich_help_panel=SEARCH_GROUP,
    ),
]
SearchOption = Annotated[
    Search,
    typer.Option(
        help="auto takes what is faster here, exact compares every vector, graph takes the graph.",
        rich_help_panel=SEARCH_GROUP,
    ),
]
RERANKERS = (
    "late (needs no other weights), learned (what feedback learn stored), minilm-l12 (a cross-encoder, in "
    "the extra models), a reranker's hub id or folder, http://host:port/v1#model, or py:module:factory."
)


def reranker_spec(value: str) -> str | None:
    """Check the value of `--rerank`, None for `none`: no other option, and not several words (a query).

    Both stand there where the value was forgotten. Raises BadParameter, which names the spelling.
    """
    if not value or value.startswith("-"):
        raise typer.BadParameter("a reranker is wanted: --rerank late")
    if re.search(r"\s", value) and not is_there(Path(value)):
        raise typer.BadParameter(f"{value!r} is no reranker: write --rerank late {value!r}")
    return None if value == "none" else value


RerankOption = Annotated[
    str | None,
    typer.Option(
        "--rerank",
        metavar="SPEC",
        help=f"Score the best candidates again: {RERANKERS}",
        parser=reranker_spec,
    ),
]
CandidatesOption = Annotated[
    int,
    typer.Option(help="How many candidates a reranker scores.", rich_help_panel=SEARCH_GROUP),
]
DocumentScoreOption = Annotated[
    str,
    typer.Option(
        metavar="SCORE",
        help="A document's score from its passages: best, mean:3 (of its 3 best), or decay:.5 (the sum "
        "with weights 1, .5, .25, …).",
        rich_help_panel=SEARCH_GROUP,
    ),
]
BudgetOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Stop scoring after 2s, 500ms, …: the best candidates are scored first, the rest follow "
        "unscored. Loading the model does not count.",
        show_default=False,
        rich_help_panel=SEARCH_GROUP,
    ),
]
ShareOption = Annotated[
    float | None,
    typer.Option(
        metavar="0..1",
        help="Weight of the reranker's scores beside the order before, both standardised; 1 is its order "
        "alone. Default: a measured one for late and built-in rerankers, else 1.",
        show_default=False,
        rich_help_panel=SEARCH_GROUP,
    ),
]

# ── values ───────────────────────────────────────────────────────────────────────────────────────


def key_values(pairs: list[str]) -> dict[str, Any]:
    """Parse `KEY=VALUE` options to metadata. A VALUE that is a JSON number, true, false or null is one.

    Raises UsageError.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise UsageError(f"--meta {pair}: KEY=VALUE is wanted")
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        found[key] = parsed if isinstance(parsed, (int, float, bool, type(None))) else value
    return found


def column_types(values: list[str]) -> dict[str, str]:
    """Parse `zip=text`, also several with commas between them. Raises UsageError."""
    found = {}
    for part in (p for value in values for p in value.split(",") if p.strip()):
        name, mark, kind = (x.strip() for x in part.rpartition("="))
        if not mark or not name or kind not in list(ColumnType):
            raise UsageError(
                f"--column-types {part}: wanted a column's name and {', '.join(ColumnType)} (zip=text)"
            )
        found[name] = kind
    return found


def number_of_bytes(text: str | None) -> int | None:
    """Parse a size such as `20M`; K, M and G are powers of 1024. None stays None. Raises UsageError."""
    if text is None:
        return None
    from qembed.pipeline.source_options import parse_size

    try:
        return parse_size(text)
    except ValueError as e:
        raise UsageError(f"--max-file-size {text}: {e}") from None
