"""Options of `query` that log it, and the log's messages."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qembed.cli.console import Console, counted
from qembed.errors import refusal

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.answer import Answer
    from qembed.pipeline.retrieval.request import QueryRequest

LOG_GROUP = "Feedback"


class Kind(StrEnum):
    """Kind of a client."""

    person = "person"
    agent = "agent"
    test = "test"


LogOption = Annotated[
    bool | None,
    typer.Option(
        "--log/--no-log",
        help="Log the query and what was shown. Default: $QEMBED_LOG, the project's or the index's setting.",
        show_default=False,
        rich_help_panel=LOG_GROUP,
    ),
]
ExploreOption = Annotated[
    bool | None,
    typer.Option(
        "--explore/--no-explore",
        help="If it is logged: exchange neighbours at random, to learn how ranks are looked at. Default: the "
        "index's setting.",
        show_default=False,
        rich_help_panel=LOG_GROUP,
    ),
]
ClientOption = Annotated[
    str | None,
    typer.Option(
        "--client",
        metavar="[KIND:]ID",
        help="Who asks, in the log: person (the default), agent or test, and an id. Or: $QEMBED_CLIENT.",
        show_default=False,
        rich_help_panel=LOG_GROUP,
    ),
]
SessionOption = Annotated[
    str | None,
    typer.Option(
        "--session",
        metavar="ID",
        help="What the query belongs to, in the log. Or: $QEMBED_SESSION.",
        show_default=False,
        rich_help_panel=LOG_GROUP,
    ),
]


def client_options(client: str | None, session: str | None) -> tuple[str | None, str | None]:
    """Values of `--client` and `--session`: the options', else the environment's."""
    environ = os.environ.get
    return client or environ("QEMBED_CLIENT") or None, session or environ("QEMBED_SESSION") or None


class QueryLog:
    """Log of a call's queries. `project`: its setting `log`.

    `explore`: neighbours are exchanged in what is logged; None: as the index says. Raises UsageError for a
    client that is none.
    """

    def __init__(
        self,
        option: bool | None,
        client: str | None,
        session: str | None,
        project: Any,
        explore: bool | None = None,
    ) -> None:
        from qembed.pipeline.feedback.log_setting import parse_client

        self._option, self._project, self._explore = option, project, explore
        self._named = client is not None or session is not None
        if client is not None:
            parse_client(client)
        self._client = parse_client(*client_options(client, session))

    def told(self, request: QueryRequest, ordered: bool) -> QueryRequest:
        """The request with what a server's experiment wants to know. `ordered`: its order is printed."""
        from dataclasses import replace

        from qembed.pipeline.feedback.log_setting import log_wish

        is_picture = request.options.image is not None
        wish = log_wish(self._option, self._project) if ordered and not is_picture else False
        client = self._client
        return replace(request, log=wish, client=client.id or client.session)

    def log(
        self, root: Path, request: QueryRequest, answer: Answer, own_ids: bool, talk: Console
    ) -> Answer:
        """Log an answer if a setting says so; returns it with the ids. A failure is told, and is no error."""
        from qembed.pipeline.feedback.log_setting import log_mode

        mode = log_mode(self._option, self._project, answer.log)
        if request.options.image is not None:
            if self._option:
                talk.warn("--log: a search by a picture is not logged, words are")
            return answer
        if mode == "off":
            if self._named:
                talk.warn("--client, --session: no effect without --log")
            if self._explore:
                talk.warn("--explore: no effect without --log, nothing is exchanged")
            return answer
        # agents get all hits at once: they have no habits to learn of
        agent = self._client.kind == "agent"
        if agent and self._explore:
            talk.warn("--explore: no effect for an agent, which gets all hits at once")
        explore = not agent and (answer.explore if self._explore is None else self._explore)
        from qembed.pipeline.feedback.log_answer import log_answer

        try:
            return log_answer(root, request, answer, mode, self._client, own_ids, explore)
        except OSError as e:
            talk.warn(f"not logged: cannot write {e.filename or root}: {refusal(e)}")
            return answer

    def log_opened(self, root: Path, answer: Answer, number: int, talk: Console) -> None:
        """Log that a hit is opened, from 1, if its query was logged. A failure is told, and is no error."""
        result = answer.results[0]
        if result.logged_as is None or number > len(result.hits):
            return
        from qembed.errors import QembedError
        from qembed.pipeline.feedback.add_events import add_event

        event = {"query_id": result.logged_as, "action": "click", "position": number}
        try:
            add_event(root, event, self._client, 1.0)
        except (OSError, QembedError) as e:
            talk.warn(f"that it was opened is not logged: {e}")


def say_logged(answer: Answer, talk: Console) -> None:
    """Say the id of the logged query, or how many there are."""
    ids = [r.logged_as for r in answer.results if r.logged_as is not None]
    if len(ids) == 1:
        talk.say(f"logged as {ids[0]} (qembed feedback add {ids[0]} --action click --position 1)")
    elif ids:
        talk.say(f"logged {counted(len(ids), 'query', 'queries')}: --format json has their ids")
