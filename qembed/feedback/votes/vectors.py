"""Vectors of queries that were voted on, in a file beside the log: which of them a new query is near to.

    {"v":1,"frame":"…", …}\\n   the header as JSON, with blanks up to a multiple of ALIGNED bytes
    signs                      bit i of a row: whether dimension i is above 0, uint8 (n, SIGNS / 8)
    vectors                    unit vectors, float32 (n, dim)
    ends                       end of each key in the keys, int64 (n,)
    keys                       normalised texts, one after another, UTF-8

A file holds the vectors of one model, template and task, its `frame`. Of many vectors those are compared
whose signs differ least from the query's: to read all of 10,000 takes longer than a query may. Derived from
the log; replaced as a whole, in one rename.
"""

from __future__ import annotations

import contextlib
import json
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from qembed.feedback.keyed_file import replace_keyed_file
from qembed.paths import FEEDBACK

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors

    Signs = npt.NDArray[np.uint8]

VERSION = 1
ALIGNED = 64
SIGNS = 256
"""Dimensions whose signs are stored; of vectors with fewer dimensions the others are 0."""
ALL = 1024
"""Vectors of which all are compared."""
COMPARED = 32
"""Vectors that are compared of more than ALL."""
UNIT = 1e-3
"""Allowed distance of a vector's length from 1."""
MOST_FILES = 4
"""Files kept, of the frames that were asked with last."""
_PATTERN = "votes-*.vectors"


class VotedVectors:
    """Vectors of voted queries. `keys`: their normalised texts; `vectors`: float32 (n, dim)."""

    def __init__(self, keys: Sequence[str], vectors: Vectors, digest: str, signs: Signs) -> None:
        self.keys = keys
        self.vectors = vectors
        self.digest = digest
        self._signs = signs

    @classmethod
    def read(cls, root: Path, frame: str, dim: int) -> VotedVectors | None:
        """Vectors of a frame; None without a whole file of it. Raises OSError."""
        import numpy as np

        path = _path(root, frame)
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, ValueError):  # none, or an empty one
            return None
        end = data.find(b"\n") + 1
        header = _header(data[:end])
        if header is None or header["frame"] != frame or header["dim"] != dim:
            return None
        n, width = header["n"], SIGNS // 8
        begin = end
        at = [begin]
        for size in (n * width, n * dim * 4, n * 8, header["bytes"]):
            begin += size
            at.append(begin)
        if begin != len(data):
            return None
        signs = np.frombuffer(data, np.uint8, n * width, at[0]).reshape(n, width)
        vectors = np.frombuffer(data, np.float32, n * dim, at[1]).reshape(n, dim)
        ends = np.frombuffer(data, np.int64, n, at[2])
        keys = cast("Sequence[str]", _Keys(data, at[3], ends))
        return cls(keys, vectors, header["texts"], signs)

    @classmethod
    def of(cls, keys: Sequence[str], vectors: Vectors, digest: str) -> VotedVectors:
        """Vectors in memory. `digest`: of the texts that were voted on, if all of them are here."""
        return cls(keys, vectors, digest, _signs(vectors))

    def near(self, vector: Vectors, least: float) -> list[tuple[str, float]]:
        """Keys whose cosine with a unit vector, float32 (dim,), is `least` or more, and the cosines.

        The nearest first.
        """
        import numpy as np

        n = len(self.vectors)
        rows = np.arange(n)
        if n > ALL:
            differing = _ones(self._signs ^ _signs(vector[None]))
            rows = np.sort(np.argpartition(differing, COMPARED)[:COMPARED])
        cosines = self.vectors[rows] @ vector
        found = np.flatnonzero(cosines >= least)
        found = found[np.argsort(-cosines[found], kind="stable")]
        return [(self.keys[int(rows[i])], float(cosines[i])) for i in found]

    def write(self, root: Path, frame: str) -> None:
        """Store the vectors of a frame, and remove those of frames that were not asked with lately.

        Raises OSError.
        """
        import numpy as np

        keys = [key.encode("utf-8", "surrogatepass") for key in self.keys]
        header = {
            "v": VERSION,
            "frame": frame,
            "texts": self.digest,
            "n": len(keys),
            "dim": int(self.vectors.shape[1]),
            "bytes": sum(map(len, keys)),
        }
        head = json.dumps(header, separators=(",", ":")).encode("ascii")
        parts = [
            head.ljust(-(-(len(head) + 1) // ALIGNED) * ALIGNED - 1) + b"\n",
            self._signs.tobytes(),
            np.ascontiguousarray(self.vectors, np.float32).tobytes(),
            np.cumsum([len(key) for key in keys], dtype=np.int64).tobytes(),
            *keys,
        ]
        replace_keyed_file(_path(root, frame), b"".join(parts))
        ages = {p: p.stat().st_mtime_ns for p in (root / FEEDBACK).glob(_PATTERN)}
        for path in sorted(ages, key=lambda p: -ages[p])[MOST_FILES:]:
            path.unlink(missing_ok=True)


def forget_vectors(root: Path) -> None:
    """Remove all vectors of voted queries. Raises OSError."""
    for path in (root / FEEDBACK).glob(_PATTERN):
        path.unlink(missing_ok=True)


def damaged_vectors(root: Path) -> list[str]:
    """Names of files that are not whole, or whose rows are neither of length 1 nor 0. Raises OSError."""
    import numpy as np

    found = []
    for path in sorted((root / FEEDBACK).glob(_PATTERN)):
        with path.open("rb") as file:
            header = _header(file.readline())
        frame = path.name.removeprefix("votes-").removesuffix(".vectors")
        read = None if header is None else VotedVectors.read(root, frame, header["dim"])
        lengths = None if read is None else np.linalg.norm(read.vectors, axis=1)
        if lengths is None or not ((np.abs(lengths - 1) < UNIT) | (lengths == 0)).all():
            found.append(path.name)
    return found


class _Keys:
    """Keys of a file, decoded when asked for."""

    # no Sequence by its class: to make such a class takes longer than to find a key

    def __init__(self, data: mmap.mmap, begin: int, ends: npt.NDArray[np.int64]) -> None:
        self._data, self._begin, self._ends = data, begin, ends

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, i: int) -> str:
        begin = int(self._ends[i - 1]) if i else 0
        part = self._data[self._begin + begin : self._begin + int(self._ends[i])]
        return part.decode("utf-8", "surrogatepass")


def _path(root: Path, frame: str) -> Path:
    return root / FEEDBACK / f"votes-{frame}.vectors"


def _header(line: bytes) -> Mapping[str, Any] | None:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        found = json.loads(line)
        numbers = [found["n"], found["dim"], found["bytes"]]
        known = found["v"] == VERSION and isinstance(found["texts"], str)
        if known and all(isinstance(n, int) and n >= 0 for n in numbers) and "frame" in found:
            return dict(found)
    return None


def _signs(vectors: Vectors) -> Signs:
    """Signs of vectors, float32 (n, dim), uint8 (n, SIGNS / 8)."""
    import numpy as np

    packed = np.packbits(vectors[:, :SIGNS] > 0, axis=1)
    padded = np.zeros((len(packed), SIGNS // 8), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded


def _ones(bits: Signs) -> npt.NDArray[np.int64]:
    """Number of bits that are 1 in each row."""
    import numpy as np

    if hasattr(np, "bitwise_count"):  # since numpy 2
        counts = np.bitwise_count(bits.view(np.uint64))
    else:
        table = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)
        counts = table.astype(np.uint8)[bits]
    return np.asarray(counts.sum(axis=1, dtype=np.int64))
