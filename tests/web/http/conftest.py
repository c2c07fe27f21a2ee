"""A server with its HTTP face in this process, shared by the tests of a module."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from qembed.serve.live_index import LiveIndex
from qembed.serve.server import Server
from qembed.web.http.face import HttpFace
from qembed.web.http.settings import HttpSettings, make_settings
from tests.cli.conftest import WORDS, Shell

TOKEN = "a-token-of-the-tests-0123456789"


class Site:
    """A served index. `lines`: of its access log. Calling it asks."""

    def __init__(self, shell: Shell, settings: HttpSettings | None = None) -> None:
        self.shell = shell
        self.index = shell.folder / ".qembed"
        self.face = HttpFace(settings or make_settings("0", environ={}))
        self.live = LiveIndex(self.index)
        self.server = Server(self.live, 0.0, self.face)
        self.lines: list[str] = []
        ready = threading.Event()
        self.thread = threading.Thread(
            target=self.server.run, args=(lambda _: ready.set(),), daemon=True
        )
        self.thread.start()
        assert ready.wait(30)
        self.face._log._write = lambda text: self.lines.extend(text.split("\n"))
        self.url = self.face.url
        headers = {}
        if self.face.settings.token:
            headers["Authorization"] = f"Bearer {self.face.settings.token}"
        self.client = httpx2.Client(base_url=self.url, headers=headers, timeout=30)

    @property
    def port(self) -> int:
        return self.face.address.port

    def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return self._json(self.client.get(path, **more), status)

    def post(self, path: str, body: Any, status: int = 200, **more: Any) -> Any:
        return self._json(self.client.post(path, json=body, **more), status)

    def log_of(self, answer: httpx2.Response) -> dict[str, Any]:
        """Line of the access log on an answer, once it is written."""
        name, until = answer.headers["X-Request-Id"], time.monotonic() + 10
        while time.monotonic() < until:
            for line in self.lines:
                if name in line:
                    return dict(json.loads(line))
            time.sleep(0.01)
        raise AssertionError("it is not logged")

    @staticmethod
    def _json(response: httpx2.Response, status: int) -> Any:
        assert response.status_code == status, response.text
        return response.json()

    def end(self) -> None:
        self.server.stop()
        self.thread.join(40)
        assert not self.thread.is_alive()
        self.client.close()
        self.live.close()


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, pytest.MonkeyPatch]]:
    """A folder to work in, whose environment this process has."""
    folder = tmp_path_factory.mktemp("site") / "work"
    folder.mkdir()
    shell = Shell(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shell.env().items():
            patch.setenv(name, value)
        patch.chdir(folder)
        yield shell, patch


@pytest.fixture(scope="module")
def corpus(patched: tuple[Shell, pytest.MonkeyPatch]) -> Shell:
    """300 short records of random words, and some texts in a folder."""
    shell, _ = patched
    rng = random.Random(3)
    records = [
        {
            "_id": f"d{i}",
            "title": f"T{i}",
            "text": " ".join(rng.choices(WORDS, k=8)),
            "year": 2000 + i % 20,
        }
        for i in range(300)
    ]
    shell.write("corpus.jsonl", "".join(json.dumps(r) + "\n" for r in records))
    shell.write("docs/refunds.md", "# Refunds\n\nMoney comes back within five days.\n")
    shell.write("docs/deep/locks.txt", "A locked account opens again.\n\nAfter an hour it does.\n")
    shell.write("docs/中文 #1?.md", "# 退款\n\n如何申请退款？\n")
    shell.old()
    assert shell("index", "corpus.jsonl", "docs").code == 0
    return shell


@pytest.fixture(scope="module")
def site(corpus: Shell) -> Iterator[Site]:
    """The corpus, served."""
    made = Site(corpus)
    yield made
    made.end()


def wait(until: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 20
    while not until():
        assert time.monotonic() < end
        time.sleep(0.01)


def queries(n: int) -> list[str]:
    """Queries of words of the corpus."""
    rng = random.Random(5)
    return [" ".join(rng.sample(WORDS, rng.randint(1, 5))) for _ in range(n)]
