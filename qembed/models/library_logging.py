"""Silences libraries: no progress bars, logs or warnings on stdout and stderr."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers, sentence-transformers and the hub client for good, warnings in the block.

    Problems reach the user as our own errors. Imports huggingface_hub and transformers: use it where
    they are needed anyway.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # neither library types these
        from huggingface_hub import utils as hub_utils
        from transformers.utils import logging as transformers_logging

        libraries: tuple[Any, ...] = (hub_utils, transformers_logging)
        libraries[0].disable_progress_bars()
        libraries[1].disable_progress_bar()
        libraries[1].set_verbosity_error()
        for name in ("sentence_transformers", "huggingface_hub", "httpx"):
            logging.getLogger(name).setLevel(logging.ERROR)
        yield
