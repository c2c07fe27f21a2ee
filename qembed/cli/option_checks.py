"""Options that contradict one another and outputs that are inputs, which are refused, and options that change
nothing, which are told.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from qembed.cli.hit_format import WITHOUT_TEXT
from qembed.errors import UsageError

_FLAGS = {"index_dir": "--index", "k": "-k", "null": "-0", "object_id": "--object"}
"""Parameters whose option is named otherwise."""
_ENCODING = ("task", "no_instruction", "template")
"""Options of what is encoded of a query."""
RETRIEVAL = (
    *("mode", "where", "rerank", "rerank_share", "candidates", "search", "ef", "fusion", "model"),
    *(*_ENCODING, "document_score", "untuned"),
)
"""Options of how a run is made."""

WRITTEN = frozenset(
    {
        *("report", "report_file", "save_run", "output", "out_file"),
        *("write_candidates", "write_lists", "write_made"),
    }
)
"""Parameters that name outputs; every other one that is a path names an input."""
COLLECTIONS = ("beir", "keep")
"""Parameters that name a folder in BEIR form."""
COLLECTION_FILES = ("corpus.*", "queries.*", "qrels/*")


def option(name: str) -> str:
    """Option of a parameter: `--min-score` of `min_score`."""
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")


def on_command_line(ctx: Any) -> frozenset[str]:
    """Parameters that the command line sets, not the environment or the project file."""
    return frozenset(
        n
        for n in ctx.params
        if (s := ctx.get_parameter_source(n)) is not None and s.name == "COMMANDLINE"
    )


def refuse_together(given: Iterable[str], *pairs: tuple[str, str]) -> None:
    """Raise UsageError for two options that contradict one another."""
    found = set(given)
    for one, other in pairs:
        if {one, other} <= found:
            raise UsageError(f"{option(one)} and {option(other)} contradict one another")


def unused(given: Iterable[str], names: Sequence[str], why: str) -> list[str]:
    """Message that the options of these that were given change nothing; [] for none."""
    found = set(given)
    listed = [option(n) for n in names if n in found]
    if not listed:
        return []
    return [f"{', '.join(listed)}: no effect {why}"]


def check_query(given: Iterable[str], values: Mapping[str, Any]) -> list[str]:
    """Warnings on options of `query` without effect. Raises UsageError for contradictions."""
    given = set(given)
    refuse_together(given, ("quiet", "explain"))
    found = []
    if values["by"] == "passage":
        found += unused(given, ["document_score"], "without --by document")
    if values["image"] is not None:
        names = ["mode", "rerank", "rerank_share", "fusion", *_ENCODING]
        return [*found, *unused(given, names, "with --image, which is searched by its vector")]
    if values["format"] in WITHOUT_TEXT:
        found += unused(given, ["context"], f"with --format {values['format']}")
    return [*found, *_undrawn(given, values), *check_search(given, values)]


def check_similar_options(given: Iterable[str], values: Mapping[str, Any]) -> list[str]:
    """Warnings on options of `similar` without effect."""
    found = []
    if values["by"] == "passage":
        found += unused(given, ["score"], "with --by passage")
    elif values["passage"] is not None:
        found += unused(given, ["score"], "with --passage: one is compared")
    return [*found, *_undrawn(given, values)]


def _undrawn(given: Iterable[str], values: Mapping[str, Any]) -> list[str]:
    """Warning on pictures beside hits, which are drawn in text alone."""
    if values["format"] == "text" and not (values["vimgrep"] or values["null"]):
        return []
    return unused(given, ["thumbnails"], "without --format text")


def check_search(given: Iterable[str], values: Mapping[str, Any]) -> list[str]:
    """Warnings on options of a search without effect in its mode."""
    given = set(given)
    found = []
    if values["mode"] == "lexical":
        names = ["search", "ef", *([] if values["rerank"] else (*_ENCODING, "model"))]
        found += unused(given, names, "with --mode lexical, which encodes nothing")
    elif "no_instruction" in given:
        found += unused(given, ["template"], "with --no-instruction")
    if values["mode"] in ("lexical", "dense"):
        found += unused(given, ["fusion"], f"with --mode {values['mode']}: there is one search")
    if values["search"] == "exact":
        found += unused(given, ["ef"], "with --search exact")
    return found


def unused_candidates(given: Iterable[str], diversity: float = 0.0) -> list[str]:
    """Warning on `--candidates` where nothing reranks. `diversity` chooses among them, too."""
    if diversity:
        return []
    return unused(given, ["candidates"], "without a reranker (--rerank late)")


def check_rerank(given: Iterable[str], values: Mapping[str, Any]) -> list[str]:
    """Warnings on options of `rerank` without effect. Raises UsageError for contradictions."""
    given = set(given)
    refuse_together(given, ("quiet", "explain"))
    if "queries" in given and values["run"] is None:
        raise UsageError("--queries goes with --run FILE: hits on stdin have their queries")
    if values["run"] is not None:
        return unused(given, ["encoder"], "with --run: the index's model is taken")
    if values["model"] != "late" and "model" in given:
        return unused(given, ["encoder"], f"with {values['model']}, only with late")
    return []


def check_eval(given: Iterable[str], values: Mapping[str, Any]) -> list[str]:
    """Warnings on options of `eval` without effect."""
    given = set(given)
    makes_index = bool(values["beir"] or values["mteb"])
    found = []
    if not makes_index:
        found += unused(
            given, ["chunker", "max_tokens", "overlap", "dim"], "without --beir DIR: the index has its own"
        )  # fmt: skip
        found += unused(given, ["split"], "without --beir DIR")
    elif not values["mteb"]:
        found += unused(given, ["index_dir"], "with --beir, which makes its own index")
    if values["run"]:
        names = (*RETRIEVAL, "index_dir", "latency")
        return [*found, *unused(given, names, "with --run: the run is made already")]
    if values["mteb"]:
        found += unused(given, ["latency"], "with --mteb")
    if not (values["baseline"] or values["ablate"]):
        found += unused(given, ["alpha"], "without --baseline or --ablate")
    return [*found, *check_search(given, values)]


def check_tune(given: Iterable[str], values: Mapping[str, Any]) -> list[str]:
    """Warnings on options of `tune` without effect. Raises UsageError for contradictions."""
    given = set(given)
    if values["undo"]:
        goes_with = {"undo", "index_dir", "format", "quiet", "verbose", "wait"}
        if others := sorted(option(n) for n in given - goes_with):
            raise UsageError(f"--undo chooses nothing anew: without {', '.join(others)}")
        return []
    axes = None if values["only"] is None else {a.strip() for a in values["only"].split(",")}
    found = []
    if axes is not None and "rerank" not in axes:
        found += unused(given, ["rerank"], "with --only that leaves rerank out")
    if axes is not None and "instruction" not in axes:
        names = ["candidates", "propose"]
        found += unused(given, names, "with --only that leaves instruction out")
    return found


def check_output_files(params: Iterable[Any], values: Mapping[str, Any]) -> None:
    """Raise UsageError, with all of them, for outputs of a command line that are inputs or one another."""
    if not any(values.get(name) for name in WRITTEN):
        return
    from qembed.outputs import NamedFile, check_apart

    outputs: list[NamedFile] = []
    inputs: list[NamedFile] = []
    for param in params:
        if not _names_files(param.type):
            continue
        name = param.metavar if param.param_type_name == "argument" else max(param.opts, key=len)
        for path in _paths(values.get(param.name)):
            (outputs if param.name in WRITTEN else inputs).append(NamedFile(name, path))
            if param.name in COLLECTIONS:
                inputs += (NamedFile(name, p) for form in COLLECTION_FILES for p in path.glob(form))
    check_apart(outputs, inputs)


def _names_files(kind: Any) -> bool:
    """True for a type of values that are paths, or of tuples of these."""
    return any(t.name == "path" for t in getattr(kind, "types", [kind]))


def _paths(value: Any) -> Iterator[Path]:
    """Yield the paths of an option's value: itself, or those of a list or tuple."""
    if isinstance(value, str | os.PathLike):
        yield Path(value)
    elif value is not None:
        for item in value:
            yield from _paths(item)
