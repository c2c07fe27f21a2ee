"""What a spec looks like: addresses and hub ids told from folders and names."""

from __future__ import annotations

import re

SCHEMES = ("http://", "https://")

# a name may not begin with "." or "-": "./folder" that is not there is no hub id
_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def is_hub_id(spec: str) -> bool:
    """Whether `spec` has the form of a hub id: organisation/name."""
    return _ID.fullmatch(spec) is not None
