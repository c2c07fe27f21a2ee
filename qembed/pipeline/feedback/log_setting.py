"""Setting that queries are logged, and how: the option's, the environment's, the project's, the index's.

Imports no other room: a query that is not logged pays for nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from qembed.errors import UsageError

LogMode = Literal["off", "on", "hashed"]
MODES: tuple[LogMode, ...] = get_args(LogMode)
LOG_VARIABLE = "QEMBED_LOG"
LOG_SETTING = "log"
"""Name of the setting in an index's manifest; an index without it logs nothing."""
EXPLORE_SETTING = "explore"
"""Name of the setting that neighbours are exchanged at random in logged answers."""
_WORDS: Mapping[str, LogMode] = {
    **dict.fromkeys(("", "0", "off", "no", "false"), "off"),
    **dict.fromkeys(("1", "on", "yes", "true"), "on"),
    "hashed": "hashed",
}
KINDS = ("person", "agent", "test")


class Client(NamedTuple):
    """Sender of queries and events. `id`: of a person's browser, an agent, a job; "" for nobody.

    `kind`: one of KINDS. `session`: of what belongs together, "" for none.
    """

    id: str = ""
    kind: str = KINDS[0]
    session: str = ""


def log_mode(
    option: bool | None,
    project: bool | str | None,
    index: str | None,
    environ: Mapping[str, str] = os.environ,
) -> LogMode:
    """Mode that holds: the option's, else $QEMBED_LOG's, else the project's, else the index's, else "off".

    Where one of the three last says `hashed`, whatever turns the log on turns on a hashed one: who decided
    that no text is to be stored need not know of all who ask. Raises UsageError for a value of $QEMBED_LOG.
    """
    variable = environ.get(LOG_VARIABLE)
    if variable is not None and variable.lower() not in _WORDS:
        raise UsageError(f"{LOG_VARIABLE}={variable}: 1, 0 or hashed is wanted")
    said: list[LogMode | None] = [
        None if variable is None else _WORDS[variable.lower()],
        _WORDS[str(project).lower()] if project is not None else None,
        _WORDS.get(index or "-"),
    ]
    wanted: LogMode = next((mode for mode in said if mode is not None), "off")
    if option is not None:
        wanted = "on" if option else "off"
    return "hashed" if wanted == "on" and "hashed" in said else wanted


def log_wish(
    option: bool | None, project: bool | str | None, environ: Mapping[str, str] = os.environ
) -> bool | None:
    """Wish to log queries, as far as it can be told without the index; None: as the index says.

    Raises UsageError for a value of $QEMBED_LOG.
    """
    if option is None and project is None and environ.get(LOG_VARIABLE) is None:
        return None
    return log_mode(option, project, None, environ) != "off"


def log_override(index: LogMode, environ: Mapping[str, str] = os.environ) -> str:
    """Place that decides otherwise than the index's setting: $QEMBED_LOG or the project file; "" for none.

    Raises UsageError for their values.
    """
    from qembed.pipeline.project.project_file import find_project

    project = find_project()
    shared = None if project is None else project.get(LOG_SETTING)
    mode = log_mode(None, shared, index, environ)
    if mode == index:
        return ""
    if project is None or shared is None or log_mode(None, None, index, environ) == mode:
        return f"{LOG_VARIABLE}={environ[LOG_VARIABLE]}"
    return f"{project.place(LOG_SETTING)} ({LOG_SETTING} = {json.dumps(shared)})"


def parse_client(text: str | None, session: str | None = None) -> Client:
    """Client of `ID`, `KIND:ID` or `KIND:`, and a session. Raises UsageError for an empty id of no kind."""
    kind, colon, name = (text or "").partition(":")
    if colon and kind in KINDS:
        return Client(name, kind, session or "")
    if text is not None and not text.strip():
        raise UsageError("--client: an id, or a kind and an id such as agent:nightly, is wanted")
    return Client(text or "", session=session or "")


def index_log_mode(settings: Mapping[str, Any]) -> LogMode:
    """Setting of an index, from its manifest's settings."""
    found = settings.get(LOG_SETTING)
    return found if found in MODES else "off"


def hashes_texts(settings: Mapping[str, Any]) -> bool:
    """True if texts that come into the log are to be hashed, whoever brings them.

    `settings`: of the index's manifest; the environment and the project may say it too. Raises UsageError.
    """
    from qembed.pipeline.project.project_file import find_project

    project = find_project()
    shared = None if project is None else project.get("log")
    return log_mode(True, shared, index_log_mode(settings)) == "hashed"


def set_index_log(root: Path, mode: LogMode | None, explore: bool | None, wait: float) -> bool:
    """Store the settings in the index: a new generation, which servers notice. False if they were so already.

    `mode`, `explore`: None for what is there. Raises NoIndex, IndexLocked, StorageError, and UsageError for
    exchanges without a log.
    """
    from qembed.store import Writer
    from qembed.store.manifest import require_index

    require_index(root)
    with Writer(root, wait=wait) as writer, writer.open_present() as snapshot:
        before = snapshot.manifest.settings
        logs = index_log_mode(before) if mode is None else mode
        explores = bool(before.get(EXPLORE_SETTING)) if explore is None else explore
        if explore and logs == "off":
            raise UsageError("--explore: with a log alone (qembed feedback log on --explore)")
        settings = {k: v for k, v in before.items() if k not in (LOG_SETTING, EXPLORE_SETTING)}
        if logs != "off":
            settings[LOG_SETTING] = logs
            settings.update({EXPLORE_SETTING: True} if explores else {})
        if settings == before:
            return False
        writer.commit(snapshot.catalog, settings=settings)
    return True
