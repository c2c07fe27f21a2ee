"""Language models behind OpenAI's chat protocol: messages to a text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from qembed.errors import ModelUnavailable
from qembed.models.remote.address import parse_address
from qembed.models.remote.http_client import Endpoint, Rejected

MAX_CHARACTERS = 20_000
"""Characters of an answer that is read."""
_BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d+[.):])\s*")


class RemoteChat:
    """Language model at an address, `http(s)://host:port/v1#model`. Raises UsageError for another form.

    The key is that of $QEMBED_CHAT_API_KEY, else $QEMBED_API_KEY.
    """

    def __init__(self, spec: str) -> None:
        address = parse_address(spec)
        self._model = address.model
        url = address.url.removesuffix("/chat/completions") + "/chat/completions"
        keys = ("QEMBED_CHAT_API_KEY", "QEMBED_API_KEY")
        self._endpoint = Endpoint(url, keys, hint="$QEMBED_REMOTE_TIMEOUT gives it more seconds")

    def answer(self, messages: Sequence[Mapping[str, str]], max_tokens: int = 1000) -> str:
        """Text of the answer to messages of `role` and `content`.

        Raises ModelUnavailable for a server that fails or refuses, and for an answer of another form, an
        empty one or one of more than MAX_CHARACTERS.
        """
        url = self._endpoint.url
        body = {
            "model": self._model,
            "messages": [dict(m) for m in messages],
            "max_tokens": max_tokens,
        }
        try:
            answer = self._endpoint.post(body)
        except Rejected as e:
            raise ModelUnavailable(f"{url} does not take the request: {e}") from e
        try:
            text = answer["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            text = None
        if not isinstance(text, str):
            raise ModelUnavailable(f"{url} did not answer in the form of OpenAI's chat protocol")
        if not text.strip():
            raise ModelUnavailable(f"{url} ({self._model}) gave an empty answer")
        if len(text) > MAX_CHARACTERS:
            raise ModelUnavailable(
                f"{url} ({self._model}) gave an answer of {len(text):,} characters, {MAX_CHARACTERS:,} is "
                "the most that is read"
            )
        return text


def answer_lines(answer: str) -> list[str]:
    """Items of an answer: its lines without bullets, numbers and quotes, or the texts of a JSON list."""
    text = re.sub(r"^```\w*\s*|\s*```$", "", answer.strip())
    lines: list[str] = text.splitlines()
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    if isinstance(listed, dict):
        listed = next((v for v in listed.values() if isinstance(v, list)), None)
    if isinstance(listed, list):
        lines = [line for line in listed if isinstance(line, str)]
    stripped = (_BULLET.sub("", line).strip().strip("\"'`*").strip() for line in lines)
    return [line for line in stripped if line]
