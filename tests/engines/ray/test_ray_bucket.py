"""`index --engine ray` with its files in a bucket, on servers that others wrote (`make test-server`)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.conftest import STORES
from tests.engines.ray.conftest import Cluster, content, corpus, index

pytestmark = pytest.mark.server
CLIENTS = """
import glob, sys
sys.path += glob.glob({!r})  # behind what is here
"""
LISTED = """
import fsspec, json, sys
fs, path = fsspec.core.url_to_fs(sys.argv[1])
exec(sys.argv[2])
found = {e["name"]: (e["size"], e.get("ETag") or e["updated"]) for e in fs.ls(path, detail=True)}
print(json.dumps(found))
"""
DAMAGE = """
first, second, *_ = sorted(fs.ls(path, detail=False))
fs.rm_file(first)
fs.pipe_file(second, fs.cat_file(second)[:1000])
fs.invalidate_cache()
"""


@pytest.fixture
def there(store: tuple[str, dict[str, str]]) -> Iterator[Cluster]:
    """Cluster whose machines have keys and address of the store in their environment, and its clients."""
    packages = STORES.parent / "lib" / "python3.*" / "site-packages"
    found = Cluster(store[1], CLIENTS.format(str(packages)))
    yield found
    found.close()


def test_files_of_a_bucket(
    store: tuple[str, dict[str, str]],
    there: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, env = store
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    def files(change: str = "pass") -> dict[str, object]:
        done = subprocess.run(
            [STORES / "python", "-c", LISTED, place, change],
            env=os.environ, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    corpus(tmp_path)
    assert index(None, tmp_path, "--index", "here").code == 4
    done = index(there, tmp_path, "--index", "first", "--engine", "ray", "--shards", place)
    assert done.code == 4, done.err
    assert "2 machines, 2 processes" in done.err
    assert content(tmp_path / "here") == content(tmp_path / "first")

    before = files(DAMAGE)
    done = index(there, tmp_path, "--index", "second", "--engine", "ray", "--shards", place)
    assert done.code == 4, done.err
    assert content(tmp_path / "here") == content(tmp_path / "second")
    after = files()
    assert {name: after[name] for name in before} == before, "what is there is not made again"
    assert len(after) == len(before) + 1

    nowhere = place.replace("help", "none-of-that-name")
    done = index(there, tmp_path, "--index", "third", "--engine", "ray", "--shards", nowhere)
    assert done.code == 2
    assert "cannot read the encoded shards" in done.err
    assert not (tmp_path / "third" / "manifest.json").exists()
