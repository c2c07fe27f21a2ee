import gzip
import os
import shutil
from pathlib import Path


class RotatingFile:
    """Append-only text file that starts over once it grows past a size.

    ``app.log`` becomes ``app.log.1.gz``, the old ``.1.gz`` becomes ``.2.gz``
    and so on; whatever would go past ``keep`` is deleted.
    """

    def __init__(self, path, max_bytes=1_000_000, keep=5):
        self.path = Path(path)
        self.max_bytes = max_bytes
        self.keep = keep
        self._out = open(self.path, "ab")

    def write(self, text):
        data = text.encode("utf-8")
        if self._out.tell() and self._out.tell() + len(data) > self.max_bytes:
            self._roll()
        self._out.write(data)
        self._out.flush()

    def _numbered(self, n):
        return self.path.with_name(f"{self.path.name}.{n}.gz")

    def _roll(self):
        self._out.close()
        self._numbered(self.keep).unlink(missing_ok=True)
        for n in range(self.keep - 1, 0, -1):
            if self._numbered(n).exists():
                os.replace(self._numbered(n), self._numbered(n + 1))
        with open(self.path, "rb") as source, gzip.open(self._numbered(1), "wb") as target:
            shutil.copyfileobj(source, target)
        self._out = open(self.path, "wb")

    def close(self):
        self._out.close()
