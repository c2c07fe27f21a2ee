"""Check of a project file's values as the commands check them: `qembed config` tells all mistakes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from qembed.errors import InputError, QembedError, UsageError, about, collected, raise_all
from qembed.inputs import is_there
from qembed.pipeline.locate import AUTO_MODEL
from qembed.pipeline.project.keys import GATES
from qembed.pipeline.project.project_file import Project
from qembed.pipeline.user_config.trust import check_spec, danger_of, is_trusted, shown_spec

_PATHS = ("queries", "qrels", "baseline")
"""Gates that name a file."""


def project_mistakes(project: Project, root: Path | None) -> list[str]:
    """Values that `index`, `query` or `eval` would refuse, each with file and line, in the file's order.

    `root`: the index, None without one: fields of filters and a learned order are then not checked. Weights
    are not loaded, and a model of the hub is not asked for: that may take the network.
    """
    checks: dict[str, Callable[[Any], object]] = {
        "sources": _check_sources,
        "include": lambda patterns: _check_patterns(patterns, ()),
        "exclude": lambda patterns: _check_patterns((), patterns),
        "where": lambda texts: _check_filters(texts, root),
        "model": lambda spec: _check_model(project, spec),
        "rerank": lambda spec: _check_reranker(project, spec, root),
    }
    found: list[tuple[int, str]] = []
    for key, check in checks.items():
        if key in project.settings:
            errors: list[QembedError] = []
            with collected(errors):
                check(project.get(key))
            found += (_mistake(project, key, str(e)) for e in errors)
    found += _gate_mistakes(project)
    return [line for _, line in sorted(found, key=lambda mistake: mistake[0])]


def _mistake(project: Project, key: str, message: str) -> tuple[int, str]:
    """(line of the key, 0 if not found; the finished message)."""
    return project.settings[key].line or 0, f"{project.place(key)}: {key}: {message}"


def _raise_each(check: Callable[[Any], object], values: Iterable[Any]) -> None:
    """Check values one by one. Raises the errors of all."""
    errors: list[QembedError] = []
    for value in values:
        with collected(errors):
            check(value)
    raise_all(errors)


def _check_sources(paths: Sequence[str]) -> None:
    def check(path: str) -> None:
        if not is_there(Path(path)):
            raise InputError(f"{path}: no such file or folder")

    _raise_each(check, paths)


def _check_patterns(include: Sequence[str], exclude: Sequence[str]) -> None:
    from qembed.corpus.ignore import Selection

    Selection(include, exclude)


def _check_filters(texts: Sequence[str], root: Path | None) -> None:
    """Check filters. Raises the errors of all: a command joins its filters, and names the first mistake."""
    from qembed.pipeline.filters import Filters
    from qembed.search.filters.evaluate import parse
    from qembed.store import Snapshot

    def check(text: str) -> None:
        try:
            if root is None:
                parse(text)
            else:
                filters.matching([text])
        except UsageError as e:
            raise UsageError(str(e).removeprefix("--where, ")) from e

    if root is None:
        _raise_each(check, texts)
        return
    with Snapshot.open(root) as snapshot:
        filters = Filters(snapshot)
        _raise_each(check, texts)


# ── models ───────────────────────────────────────────────────────────────────────────────────────


def _check_trusted(project: Project, key: str, spec: str) -> bool:
    """Check a spec's form and trust. True if it runs code or sends texts: it is not opened here then."""
    check_spec(key, spec)
    danger = danger_of(spec)
    if danger is not None and not is_trusted(project.path.parent, key, spec):
        raise UsageError(
            f"{shown_spec(spec)} {danger}, and you have not trusted that (qembed trust does)"
        )
    return danger is not None


def _check_model(project: Project, spec: str) -> None:
    from qembed.models.spec import open_model, parse_spec

    if spec == AUTO_MODEL or _check_trusted(project, "model", spec):
        return
    if parse_spec(spec).kind == "folder":
        open_model(spec)


def _check_reranker(project: Project, spec: str, root: Path | None) -> None:
    from qembed.models.rerankers.spec import check_reranker_folder
    from qembed.models.spec import parse_spec

    if spec == "none" or _check_trusted(project, "rerank", spec):
        return
    parsed = parse_spec(spec)
    if parsed.path is not None:
        check_reranker_folder(parsed.path)
    elif parsed.kind == "learned" and root is not None:
        from qembed.pipeline.retrieval.learned.order import open_learned
        from qembed.store.manifest import read

        open_learned(root, read(root).recipe.fingerprint)


# ── gates ────────────────────────────────────────────────────────────────────────────────────────


def _gate_mistakes(project: Project) -> Iterator[tuple[int, str]]:
    """Mistakes of the table `gates`, whose values are the options of an evaluation."""
    from qembed.evaluation.consistency import input_errors
    from qembed.pipeline.experiments.eval_options import EvalOptions
    from qembed.pipeline.experiments.inputs import plan_and_read

    gates = [key for key in project.settings if key.startswith(GATES)]
    if not gates:
        return
    given: dict[str, Any] = {key.removeprefix(GATES): project.get(key) for key in gates}
    given |= {name: Path(given[name]) for name in _PATHS if name in given}
    options = EvalOptions(**given)
    errors: list[QembedError] = []
    with collected(errors):
        _, read = plan_and_read(options, lambda _: None)
        if problems := input_errors(read.qrels, read.queries):
            with about("--qrels"):
                raise InputError("; ".join(problems))
    for error in errors:
        keys = project.keys_of(error.options)
        held = [key for key in keys if key in gates] or gates
        said = str(error).removeprefix(f"{error.options[0]} ") if error.options else str(error)
        yield _mistake(project, held[0], project.missing_gates(keys) or said)
