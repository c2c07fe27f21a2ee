"""Check of a project file's values as the commands check them: `qembed config` tells all mistakes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from qembed.errors import InputError, QembedError
from qembed.inputs import is_there
from qembed.pipeline.project import Project
from qembed.pipeline.user_config.trust import check_spec, danger_of, is_trusted, shown_spec


def project_mistakes(project: Project, root: Path | None) -> list[str]:
    """Values that `index`, `query` or `eval` would refuse, each with file and line.

    `root`: the index, None without one: the fields of a filter are then not checked. A model of the hub is
    not asked for: that may take the network.
    """
    checks: dict[str, Callable[[Any], Iterator[str]]] = {
        "sources": _missing,
        "where": lambda texts: _filter(texts, root),
        "model": _model,
        "rerank": lambda _: iter(()),
        "gates.queries": lambda path: _missing([path]),
        "gates.qrels": lambda path: _missing([path]),
        "gates.baseline": lambda path: _missing([path]),
        "gates.fail_under": _gates,
        "gates.query_floor": _gates,
        "gates.max_drop": _drops,
        "gates.max_drop_significant": _measures,
    }
    return [
        f"{project.place(key)}: {key}: {mistake}"
        for key in project.settings
        if key in checks
        for mistake in (_untrusted(project, key) or checks[key](project.get(key)))
    ]


def _untrusted(project: Project, key: str) -> list[str]:
    """Mistakes of a value that runs code or sends texts: it makes no sense, or is not trusted.

    A value of the kind that is trusted is not opened here.
    """
    value = project.get(key)
    danger = danger_of(value)
    if danger is None:
        return []
    wrong = list(_refused(partial(check_spec, key), value))
    if not wrong and not is_trusted(project.path.parent, key, value):
        wrong.append(
            f"{shown_spec(value)} {danger}, and you have not trusted that (qembed trust does)"
        )
    return wrong


def _missing(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        try:
            if not is_there(Path(path)):
                yield f"{path}: no such file or folder"
        except InputError as e:
            yield str(e)


def _refused(check: Callable[[Any], object], value: Any) -> Iterator[str]:
    """Message of a command's own check of a value, none if it passes."""
    try:
        check(value)
    except QembedError as e:
        yield str(e)


def _filter(texts: Sequence[str], root: Path | None) -> Iterator[str]:
    from qembed.pipeline.filters import Filters
    from qembed.search.filters.evaluate import parse
    from qembed.store import Snapshot

    # a command joins its filters, and names the first mistake only
    option = "--where, "
    if root is None:
        for text in texts:
            yield from (m.removeprefix(option) for m in _refused(parse, text))
        return
    with Snapshot.open(root) as snapshot:
        for text in texts:
            yield from (
                m.removeprefix(option) for m in _refused(Filters(snapshot).matching, [text])
            )


def _model(spec: str) -> Iterator[str]:
    from qembed.models.spec import open_model, parse_spec

    if danger_of(spec) is None and parse_spec(spec).kind not in ("hub", "endpoint", "builtin"):
        yield from _refused(open_model, spec)


def _gates(texts: Sequence[str]) -> Iterator[str]:
    from qembed.evaluation import parse_gates

    yield from _refused(parse_gates, texts)


def _drops(texts: Sequence[str]) -> Iterator[str]:
    from qembed.evaluation import parse_drops

    yield from _refused(parse_drops, texts)


def _measures(texts: Sequence[str]) -> Iterator[str]:
    from qembed.evaluation import parse_measures

    yield from _refused(parse_measures, texts)
