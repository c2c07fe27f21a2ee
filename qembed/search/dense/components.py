"""Connected components of a graph whose edges come in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qembed.types import Rows


class Components:
    """Connected components of the nodes 0 to n - 1, joined by edges. 8 bytes a node, whatever the edges."""

    def __init__(self, n: int) -> None:
        import numpy as np

        self._parent = np.arange(n, dtype=np.int64)

    def roots(self, nodes: Rows) -> Rows:
        """Smallest node of each node's component, int64 (n,)."""
        found = self._parent[nodes]
        while True:
            above = self._parent[found]
            if bool((above == found).all()):
                self._parent[nodes] = found
                return found
            found = above

    def join(self, a: Rows, b: Rows) -> None:
        """Join the components of each pair of nodes, int64 (m,) both."""
        import numpy as np

        while len(a):
            one, other = self.roots(a), self.roots(b)
            apart = one != other
            if not apart.any():
                return
            a, b = np.maximum(one, other)[apart], np.minimum(one, other)[apart]
            # the smallest partner of each root: roots only become smaller, so that this ends
            np.minimum.at(self._parent, a, b)

    def labels(self) -> Rows:
        """Smallest node of the component of every node, int64 (n,)."""
        import numpy as np

        return self.roots(np.arange(len(self._parent), dtype=np.int64))
