"""Texts that are a picture's path or address: never loaded as one, as a watched file and a server show."""

from __future__ import annotations

import base64
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.models import open_model
from qembed.models.environment import RUNTIME
from tests.models.images.tiny_pictures import pictures

pytestmark = pytest.mark.slow

_opened: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event == "open":
        _opened.append(str(arguments[0]))


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Paths of all files that this process opens. A hook cannot be taken away, so it is switched off."""
    global _opened
    sys.addaudithook(_watch)
    _opened = []
    yield _opened
    _opened = None


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Address of a server, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_address[1]}", asked
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.mark.parametrize("kind", ["clip", "siglip-saved"])
def test_a_text_that_names_a_picture_is_read_as_text(
    folders: dict[str, Path],
    kind: str,
    tmp_path: Path,
    opened: list[str],
    server: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(RUNTIME, "torch")
    address, asked = server
    picture = tmp_path / "photo.png"
    pictures()[1].save(picture)
    data = base64.b64encode(picture.read_bytes()).decode()
    texts = [
        str(picture),
        f"{address}/photo.png",
        f"{address}/film.mp4",
        f"data:image/png;base64,{data}",
    ]
    model = open_model(str(folders[kind]))
    texts_only = model.encoder()
    model.image_encoder().encode_images(pictures()[:1])
    opened.clear()
    found = texts_only.encode(texts)
    assert str(picture) not in opened
    assert asked == []
    # the watchers see: sentence-transformers, given the bare text, opens the file and asks the server
    from sentence_transformers import SentenceTransformer

    bare = SentenceTransformer(str(folders[kind]), device="cpu")
    as_picture = bare.encode(str(picture))
    assert str(picture) in opened
    with pytest.raises(Exception, match="cannot identify image"):
        bare.encode(f"{address}/photo.png")
    assert asked
    assert abs(float(np.dot(found[0], as_picture / np.linalg.norm(as_picture)))) < 0.99
