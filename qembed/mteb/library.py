"""The mteb library: its presence, its version, its silence, and the description of a model to it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError

if TYPE_CHECKING:
    from mteb.models.model_meta import ModelMeta

    from qembed.models import Model

OLDEST = (2, 26)
"""Oldest version with the protocols as they are implemented here."""
REACH_SECONDS = 5.0
"""Time that the hub has for an answer."""
PIP = "pip install 'qembed-search[mteb]'"


def require_mteb() -> None:
    """Raise UsageError if mteb is not installed or too old."""
    try:
        found = version("mteb")
    except PackageNotFoundError:
        raise UsageError(f"mteb is not installed ({PIP})") from None
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
        raise UsageError(f"mteb {found} is too old, 2.26 or later is wanted ({PIP})")


@contextmanager
def quiet_mteb() -> Iterator[None]:
    """Silence bars, logs and warnings of mteb and datasets while the block runs.

    Problems reach the user as errors of our own.
    """
    require_mteb()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datasets

        had_bars = datasets.utils.are_progress_bars_disabled() is False
        levels = {name: logging.getLogger(name).level for name in ("mteb", "datasets")}
        datasets.disable_progress_bars()
        for name in levels:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            if had_bars:
                datasets.enable_progress_bars()
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


@contextmanager
def cache_if_unreachable() -> Iterator[None]:
    """Read data sets from the cache alone while the block runs, if the hub does not answer.

    Its client would try again for half a minute, and print each time.
    """
    import datasets
    import requests
    from huggingface_hub import constants

    if not constants.HF_HUB_OFFLINE:
        try:
            requests.head(constants.ENDPOINT, timeout=REACH_SECONDS)
        except requests.RequestException:
            with _offline(constants), _offline(datasets.config):
                yield
            return
    yield


@contextmanager
def _offline(settings: Any) -> Iterator[None]:
    before = settings.HF_HUB_OFFLINE
    settings.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        settings.HF_HUB_OFFLINE = before


def model_meta(model: Model, settings: Mapping[str, Any]) -> ModelMeta:
    """Describe a model to mteb.

    `settings`: what else changes scores. mteb keeps results by name, revision and these: without them, two
    configurations of one model would share their results.
    """
    require_mteb()
    from mteb.models.model_meta import ModelMeta, ScoringFunction

    return ModelMeta.create_empty(
        {
            "name": model.name,
            "revision": model.revision,
            "max_tokens": model.max_tokens,
            "embed_dim": model.dim,
            "similarity_fn_name": ScoringFunction.COSINE,
            "use_instructions": model.profile.query != "{query}",
            "experiment_kwargs": dict(settings) or None,
        }
    )
