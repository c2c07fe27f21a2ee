"""Values of a project file in the place of a command's defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from qembed.pipeline.project.keys import GATES, KEYS, option_of
from qembed.pipeline.project.project_file import Project, Setting

INDEX_KEYS = ("include", "exclude", "max_file_size", "model")
_ELSEWHERE = {"--beir", "--run", "--mteb"}
"""Options with which `eval` measures something else than the index."""
_EVALUATION = {"--queries", "--qrels", *_ELSEWHERE}
"""Options that name what `eval` measures: with one of them the project's evaluation does not count."""


def option_defaults(project: Project, command: str, arguments: list[str]) -> dict[str, Any]:
    """Values that take the place of a command's defaults: parameter name -> value.

    `arguments`: of the command line, whose options come before the file. So does an environment variable.
    Raises UsageError for values that want trust and do not have it.
    """
    keys: tuple[str, ...] = ()
    given = {a.split("=")[0] for a in arguments}
    if command == "index":
        if os.environ.get("QEMBED_MODEL"):
            given.add(option_of("model"))
        keys = tuple(k for k in INDEX_KEYS if option_of(k) not in given)
    elif command == "query":
        keys = tuple(k for k in ("k", "where", "rerank") if option_of(k) not in given)
    elif command == "eval":
        keys = () if given & _ELSEWHERE else ("where", "rerank")
        keys = tuple(k for k in keys if option_of(k) not in given)
        if not given & _EVALUATION:
            keys += tuple(k for k in KEYS if k.startswith(GATES))
    held = {k: project.settings[k] for k in keys if k in project.settings}
    _check_trusted(project, held)
    return {k.removeprefix(GATES): setting.value for k, setting in held.items()}


def _check_trusted(project: Project, held: Mapping[str, Setting]) -> None:
    """Raise UsageError for values that want trust and do not have it."""
    from qembed.pipeline.user_config.trust import TRUSTED_KEYS, check_trusted

    values = [(k, held[k].value, project.place(k)) for k in TRUSTED_KEYS if k in held]
    if values:
        check_trusted(project.path.parent, values)
