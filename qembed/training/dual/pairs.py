"""Pictures with their captions, from lines of JSON: {"image", "text", "group"?, "split"?}."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from qembed.corpus.readers.pictures.opened import open_pixels
from qembed.errors import InputError
from qembed.models.images.preprocessing import Preprocessing
from qembed.pipeline.progress import Progress
from qembed.training.json_lines import read_json_lines, words_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Part = Literal["train", "dev", "test"]
PARTS: tuple[Part, ...] = ("train", "dev", "test")


class Pair(NamedTuple):
    """Picture and caption. `group`: of pairs that must not be divided, "" for none; `part`: None if not said.

    `line`: of the file, from 1.
    """

    image: Path
    text: str
    group: str
    part: Part | None
    line: int


def read_pairs(path: Path) -> list[Pair]:
    """Pairs of a file; a picture's path is relative to it. Raises InputError with all mistakes."""

    def parse(body: Any, line: int) -> Pair:
        group, part = body.get("group", ""), body.get("split")
        if not isinstance(group, str):
            raise TypeError("'group' must be a text")
        if part is not None and part not in PARTS:
            raise ValueError(f"'split' must be {', '.join(PARTS)}, not {part!r}")
        image = path.parent / words_of(body, "image")
        if not image.is_file():
            raise ValueError(f"{image}: no such picture")
        return Pair(image, words_of(body, "text"), group, cast("Part | None", part), line)

    found = read_json_lines(path, parse, "pairs of a picture and a text")
    unsaid = [p.line for p in found if p.part is None]
    if unsaid and len(unsaid) < len(found):
        named = ", ".join(map(str, unsaid[:5]))
        raise InputError(
            f"{path} holds mistakes:",
            [f"{path}:{named}: 'split' is missing, which other lines have (all or none)"],
        )
    return found


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of pairs, scaled and cropped. `pixels`: uint8 (pictures, height, width, 3).

    `rows`: picture of each pair. `digests`: of each picture's pixels before scaling.
    """

    pixels: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int64]
    digests: Sequence[bytes]


def load_pictures(
    path: Path, pairs: Sequence[Pair], steps: Preprocessing, progress: Progress
) -> Pictures:
    """Open all pictures of the pairs, each once. Raises InputError with all that cannot be read."""
    import numpy as np

    first = {p.image: p.line for p in reversed(pairs)}
    names = list(dict.fromkeys(p.image for p in pairs))
    pixels = np.empty((len(names), *steps.shape, 3), dtype=np.uint8)
    digests: list[bytes] = []
    problems: list[str] = []
    progress.phase("read the pictures", "pictures", len(names))
    for row, name in zip(pixels, names, strict=True):
        if progress.stop():
            raise KeyboardInterrupt
        try:
            image = _open(name)
        except Exception as e:  # decoders raise whatever their format's module does
            reason = next(iter(str(e).splitlines()), type(e).__name__)
            problems.append(f"{path}:{first[name]}: {name}: {reason}")
            continue
        head = f"{image.width} {image.height} ".encode()
        digests.append(hashlib.blake2b(head + image.tobytes(), digest_size=16).digest())
        row[:] = np.asarray(steps.sized(image))
        progress.advance(1)
    if problems:
        raise InputError(f"{path} holds mistakes:", problems)
    at = {name: i for i, name in enumerate(names)}
    return Pictures(pixels, np.array([at[p.image] for p in pairs]), digests)


def _open(path: Path) -> Any:
    """Opened picture in the form that models get when pictures are indexed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own limit; ours is checked
        return open_pixels(path.read_bytes())
