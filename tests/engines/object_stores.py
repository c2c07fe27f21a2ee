"""What a folder of a bucket does, said as JSON. A program for the environment that has the stores' clients.

PYTHONPATH=. python -m tests.engines.object_stores s3://bucket/folder
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from qembed.engines.shared_folder import SharedFolder
from qembed.errors import StorageError

WRITER = (
    "from qembed.engines.shared_folder import SharedFolder; SharedFolder({!r}).write({!r}, {!r})"
)


def said(work: Callable[[], Any]) -> Any:
    """Result of a call, or its error's message."""
    try:
        found = work()
    except StorageError as e:
        return str(e)
    return sorted(found) if isinstance(found, set) else found


def main(place: str) -> None:
    """Print what each step said."""
    folder, steps = SharedFolder(place), {}
    steps["new"] = said(folder.names)
    steps["written"] = said(lambda: folder.write("one", b"1"))
    steps["replaced"] = said(lambda: folder.write("one", b"22"))
    steps["names"] = said(folder.names)
    for name, data in (("two", b"x" * 100), ("two", b"y")):
        subprocess.run([sys.executable, "-c", WRITER.format(place, name, data)], check=True)
        steps[f"names after another's {len(data)}"] = said(folder.names)
        steps[f"another's {len(data)}"] = said(lambda: folder.read("two").decode())
    steps["missing"] = said(lambda: folder.read("three"))
    other = SharedFolder(f"{place.partition('://')[0]}://none-of-that-name/x")
    steps["no bucket"] = said(other.names)
    steps["no bucket, writing"] = said(lambda: other.write("one", b"1"))
    steps["no bucket, after it"] = said(other.names)
    print(json.dumps(steps))


if __name__ == "__main__":
    main(sys.argv[1])
