"""`qembed config`: the settings that hold in the current folder, and where each comes from.

An option comes before the environment, this before the project file, this before what the index remembers.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qembed.errors import NoIndex, UsageError
from qembed.pipeline.config.project_check import project_mistakes
from qembed.pipeline.feedback.log_setting import LOG_SETTING, LOG_VARIABLE, LogMode, log_mode
from qembed.pipeline.locate import AUTO_MODEL, find_index, has_index, unused_model
from qembed.pipeline.project.keys import GATES, KEYS
from qembed.pipeline.project.project_file import Project, find_project
from qembed.pipeline.source_options import FILTERS, SHARED, SIZE, format_size, source_place
from qembed.pipeline.user_config.trust import shown_spec
from qembed.store import Manifest
from qembed.store import manifest as manifests

DEFAULT = "default"
_SECRETS = ("_KEY", "_TOKEN")
"""Ends of the names of variables whose values are not shown."""
_SHOWN = ("QEMBED_INDEX", "QEMBED_MODEL", LOG_VARIABLE)
"""Variables that are told with the setting they are of."""
_LOG_VALUES: Mapping[LogMode, bool | str] = {"off": False, "on": True, "hashed": "hashed"}
"""Modes of the log as a project file writes them."""


class EffectiveSetting(NamedTuple):
    """Setting that holds. `source`: "default", "index", a variable's name, or the project file with its line.

    `note`: what does not hold although it is set, or what else there is to know. `places`: of sources, as
    they open from the current folder.
    """

    name: str
    value: Any
    source: str
    note: str = ""
    places: Sequence[str] = ()


def effective_settings(
    index: Path | None = None,
) -> tuple[Project | None, list[EffectiveSetting], list[str]]:
    """Return the project file, the settings of the current folder and its index, and mistakes in them.

    `index`: the index, if it is given. The mistakes are values that a command would refuse, of the file and
    of the environment. Raises UsageError for a project file with unknown keys or values of another form,
    IndexDamaged.
    """
    project = find_project()
    root, found = _index(index)
    manifest = None if root is None else manifests.read(root)
    mistakes = [] if project is None else project_mistakes(project, root)
    settings = [
        found,
        _model(project, manifest),
        *_sources(project, manifest, root),
        *_plain(project, manifest),
        _log(project, manifest, mistakes),
        *_tuned(project, manifest),
        *_environment(),
    ]
    return project, settings, mistakes


def _index(given: Path | None) -> tuple[Path | None, EffectiveSetting]:
    named = os.environ.get("QEMBED_INDEX")
    source = "--index" if given else "QEMBED_INDEX" if named else "found here or above"
    try:
        root = find_index(given)
    except NoIndex:
        return None, EffectiveSetting(
            "index", None, DEFAULT, "none yet: qembed index PATH makes it"
        )
    if not has_index(root):
        return None, EffectiveSetting("index", str(root), source, "not there yet")
    return root, EffectiveSetting("index", str(root), source)


def _model(project: Project | None, manifest: Manifest | None) -> EffectiveSetting:
    """Model of the index, else the one that a new index would get."""
    variable = os.environ.get("QEMBED_MODEL")
    shared = project.get("model") if project else None
    if variable:
        wanted, source = variable, "QEMBED_MODEL"
    elif project is not None and shared:
        wanted, source = shared, project.place("model")
    else:
        wanted, source = AUTO_MODEL, DEFAULT
    wanted = shown_spec(wanted)
    if manifest is None:
        return EffectiveSetting("model", wanted, source)
    if unused := unused_model(manifest.spec):
        rebuild = f"qembed index --rebuild --model {shlex.quote(unused)}"
        note = f"QEMBED_MODEL={unused} is not used: {rebuild} makes it anew"
        return EffectiveSetting("model", manifest.spec, "index", note)
    if shared and not variable and shared != manifest.spec:
        note = f"{source} says {wanted}: qembed index --rebuild makes the index anew with it"
        return EffectiveSetting("model", manifest.spec, "index", note)
    return EffectiveSetting("model", manifest.spec, "index")


def _sources(
    project: Project | None, manifest: Manifest | None, root: Path | None
) -> Iterator[EffectiveSetting]:
    shared = project.get("sources") if project else None
    remembered = [s.path for s in manifest.sources] if manifest is not None else []
    places = [] if root is None else [source_place(root, path) for path in remembered]
    if project is not None and shared:
        note = f"the index remembers {', '.join(places)}" if places else ""
        yield EffectiveSetting("sources", shared, project.place("sources"), note)
    elif remembered:
        yield EffectiveSetting("sources", remembered, "index", places=places)
    else:
        yield EffectiveSetting("sources", [], DEFAULT)


def _plain(project: Project | None, manifest: Manifest | None) -> Iterator[EffectiveSetting]:
    """Settings that only the project file and, for the task, the index have."""
    task = manifest.settings.get("task") if manifest is not None else None
    yield EffectiveSetting("task", task, "index" if task else DEFAULT)
    for key in KEYS:
        if key in ("sources", "model", LOG_SETTING):
            continue
        if project is not None and (value := project.get(key)) is not None:
            shown = shown_spec(value) if key == "rerank" else value
            yield EffectiveSetting(key, shown, project.place(key))
        elif remembered := _remembered(key, manifest):
            yield EffectiveSetting(key, remembered, "index")
        elif not key.startswith(GATES):
            yield EffectiveSetting(key, 10 if key == "k" else None, DEFAULT)


def _log(
    project: Project | None, manifest: Manifest | None, mistakes: list[str]
) -> EffectiveSetting:
    """Setting on logs as `log_mode` decides it. A wrong value of the variable joins the `mistakes`."""
    shared = project.get(LOG_SETTING) if project else None
    stored = manifest.settings.get(LOG_SETTING) if manifest is not None else None
    variable = os.environ.get(LOG_VARIABLE)
    said: list[tuple[LogMode, str]] = []
    try:
        if variable is not None:
            said.append((log_mode(None, None, None), LOG_VARIABLE))
        if project is not None and shared is not None:
            said.append((log_mode(None, shared, None, {}), project.place(LOG_SETTING)))
        if stored is not None:
            said.append((log_mode(None, None, stored, {}), "index"))
        mode = log_mode(None, shared, stored)
    except UsageError as e:
        mistakes.append(str(e))
        return EffectiveSetting(LOG_SETTING, variable, LOG_VARIABLE)
    if not said:
        return EffectiveSetting(LOG_SETTING, None, DEFAULT)
    first, source = said[0]
    hashing = next((place for m, place in said if m == "hashed"), "")
    note = f"{hashing} says hashed" if mode != first else ""
    return EffectiveSetting(LOG_SETTING, _LOG_VALUES[mode], source, note)


def _remembered(key: str, manifest: Manifest | None) -> Any:
    """Filter of the index's sources, with their paths if not of all; None without one."""
    if key not in FILTERS or manifest is None:
        return None
    shared = manifest.settings.get(
        SHARED, {}
    )  # goes with the next run, as the project has it no more
    found = {
        s.path: value
        for s in manifest.sources
        if (value := getattr(s, key)) and key not in shared.get(s.path, ())
    }
    shown = {p: format_size(v) if key == SIZE else list(v) for p, v in found.items()}
    values = list(shown.values())
    if len(found) == len(manifest.sources) and all(v == values[0] for v in values):
        return values[0] if values else None
    return [f"{path}: {v if isinstance(v, str) else ', '.join(v)}" for path, v in shown.items()]


def _tuned(project: Project | None, manifest: Manifest | None) -> Iterator[EffectiveSetting]:
    """Options of a query that `tune` chose for the index."""
    tuned = None if manifest is None else manifest.tuned
    for name, value in (tuned["options"] if tuned else {}).items():
        if isinstance(value, Mapping):
            value = [f"{key} {number:g}" for key, number in value.items()]
        note = "chosen by qembed tune"
        if project is not None and name in project.settings:
            note += f"; does not hold: {project.place(name)}"
        yield EffectiveSetting(f"query.{name}", value, "index", note)


def _environment() -> Iterator[EffectiveSetting]:
    for name in sorted(os.environ):
        if name.startswith("QEMBED_") and name not in _SHOWN:
            value = "(set)" if name.endswith(_SECRETS) else shown_spec(os.environ[name])
            yield EffectiveSetting(name, value, "environment")
