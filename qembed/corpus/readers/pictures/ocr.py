"""Text in pictures, by RapidOCR (the extra `ocr`). Its models come with its package: nothing is fetched.

Runs in the sandbox. A picture is read with more pixels than are kept of it: small print is gone at 1,024.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from qembed.corpus.read_options import OCR
from qembed.corpus.readers.converted import Omitted

if TYPE_CHECKING:
    from PIL.Image import Image

CONFIG_VARIABLE = "QEMBED_OCR_CONFIG"
"""Names a configuration of RapidOCR (YAML), for other models than its package brings."""
SIDE = 2000
"""Pixels of the longer side of what is read."""
SECONDS = 240.0
"""For the pictures of one file, begun before that."""
MOST_THREADS = 4
"""On half of the cores: two on two busy cores took 1.7 times the CPU time of one, and no less time."""


class TextInPictures:
    """Reads text in the pictures of one file."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._problems: list[Omitted] = []
        self._is_wanted = OCR in wanted
        self._until = time.monotonic() + SECONDS
        self._late = 0

    def read(self, name: str, pixels: Callable[[int], Image]) -> str:
        """Text of a picture, a line for each of its lines; "" where none is wanted, or there is none.

        `pixels`: gives the picture as RGB with a longer side of at most so many pixels. `name`: for problems.
        """
        if not self._is_wanted:
            return ""
        if time.monotonic() > self._until:
            self._late += 1
            return ""
        import numpy as np

        try:
            # RapidOCR takes the channels in the order of OpenCV
            found = _engine()(np.ascontiguousarray(np.asarray(pixels(SIDE))[:, :, ::-1]))
        except Exception as e:  # a picture stays one, whatever is wrong with reading its text
            reason = " ".join(str(e).split())[:200] or type(e).__name__
            self._problems.append(Omitted(f"text in {name or 'the picture'}: {reason}"))
            return ""
        return "\n".join(line for line in found.txts or () if line.strip())

    def left_out(self) -> Iterator[Omitted]:
        """Pictures whose text was not read."""
        yield from self._problems
        if self._late:
            yield Omitted("text in a picture, beyond the time of one file", self._late)


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    runtime = "EngineConfig.onnxruntime"
    params = {
        "Global.log_level": "critical",
        f"{runtime}.intra_op_num_threads": max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 2)),
        f"{runtime}.inter_op_num_threads": 1,
    }
    return RapidOCR(config_path=os.environ.get(CONFIG_VARIABLE) or None, params=params)
