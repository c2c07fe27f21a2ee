"""An engine beside qembed, and what all are asked. Imports nothing of qembed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

K = 10
EF = 96
"""Breadth of the graphs' searches. M 16, breadth of building 200, as qembed's."""
WARM = 200
FILTERED = 50
SHARES = {1: (7, 8), 50: (0, 50)}
"""Attributes [from, below) of the filters that leave so many percent."""


class Engine:
    """Engine in a folder. `allowed`: attributes [from, below), None for all rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.__class__.__name__

    def build(self, vectors: np.ndarray) -> None:
        raise NotImplementedError

    def open(self) -> None:
        raise NotImplementedError

    def add(self, vectors: np.ndarray, first: int) -> None:
        raise NotImplementedError

    def search(self, query: np.ndarray, allowed: tuple[int, int] | None = None) -> Any:
        raise NotImplementedError
