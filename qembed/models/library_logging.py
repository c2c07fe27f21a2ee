"""Keeps the libraries below us from talking: no bars, no logs, no warnings on stdout or stderr."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet() -> Iterator[None]:
    """Silences transformers, sentence-transformers and the hub client, for good; Python's warnings
    only inside the block. What they would have warned of reaches the user as our own errors.

    Imports huggingface_hub and transformers: use it where they are needed anyway.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # neither library types these
        from huggingface_hub import utils as hub_utils
        from transformers.utils import logging as transformers_logging

        talkers: tuple[Any, ...] = (hub_utils, transformers_logging)
        talkers[0].disable_progress_bars()
        talkers[1].disable_progress_bar()
        talkers[1].set_verbosity_error()
        for name in ("sentence_transformers", "huggingface_hub", "httpx"):
            logging.getLogger(name).setLevel(logging.ERROR)
        yield
