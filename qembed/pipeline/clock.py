"""Where the time went."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class StageTimer(defaultdict[str, float]):
    """Stage -> seconds. `with clock("encode"):` adds what the block took."""

    def __init__(self) -> None:
        super().__init__(float)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Times a block; also one that raises."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self[stage] += time.perf_counter() - began
