"""Every way in which qembed says no.

    QembedError                 cannot run; the command line exits with `exit_code`
    ├── UsageError              an option, path or expression that makes no sense
    │   ├── WrongFilter         a filter that cannot be read, or names what no document has
    │   └── Mistakes            several errors of these kinds, all told at once
    ├── InputError              files with mistakes in them: all of them listed, with file and line
    ├── NoIndex                 there is no index where one was looked for
    ├── UnknownDocument         the index has no such document
    │   └── UnknownPart         the document has no such passage, line or character
    ├── IndexDamaged            a file of the index is missing, truncated or altered
    ├── RecipeMismatch          the index was made with another recipe than the one asked for
    ├── IndexLocked             another writer holds the lock (exit code 75)
    ├── StorageError            the disk refused: full, read-only, no permission
    ├── EngineError             an engine beside us cannot be reached, or refuses
    ├── ModelUnavailable        a model that cannot be found or loaded here
    │   └── ChecksumMismatch    weights that are not the ones we pinned
    ├── TrainingFailed          a training that ended without a model that can be used
    ├── NothingLearned          a log that nothing can be learned of (exit code 3)
    └── EncodingError           a model that returned something that is not a vector, or failed
        └── TextsRefused        some texts have no vector, the others of the call have

Another exception is a bug and keeps its traceback, but for an OSError with a file's name: it becomes a line.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


class QembedError(Exception):
    """Base of all errors that are the user's to mend. The message says what, where and what to do."""

    exit_code = 2
    options: tuple[str, ...] = ()
    """Options that it is about, the one whose value is wrong first; () where the message alone tells."""


class UsageError(QembedError):
    """An option, path or expression that makes no sense."""


class WrongFilter(UsageError):
    """A filter that cannot be read, names what no document has, or compares what never meets."""


class Mistakes(UsageError):
    """Several errors, all told at once. `errors`: each of them, with its options."""

    def __init__(self, errors: Sequence[QembedError]) -> None:
        super().__init__("\n  ".join(map(str, errors)))
        self.errors = tuple(errors)


@contextmanager
def about(*options: str) -> Iterator[None]:
    """Name the options that an error of the block is about, if it does not yet."""
    try:
        yield
    except QembedError as e:
        e.options = e.options or options
        raise


@contextmanager
def collected(errors: list[QembedError], *options: str) -> Iterator[None]:
    """Add an error of the block to `errors`, of Mistakes each, instead of raising it. Options: `about`."""
    try:
        with about(*options):
            yield
    except Mistakes as e:
        errors += e.errors
    except QembedError as e:
        errors.append(e)


def raise_all(errors: Sequence[QembedError]) -> None:
    """Raise the errors: none, the only one, or Mistakes."""
    if errors:
        raise errors[0] if len(errors) == 1 else Mistakes(errors)


class InputError(QembedError):
    """One or more mistakes in input files, all reported at once.

    `problems` are finished lines such as `qrels.tsv:14: grade 'x' is not a whole number`.
    """

    def __init__(self, what: str, problems: Sequence[str] = ()) -> None:
        shown = list(problems[:20])
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown)} more")
        super().__init__("\n  ".join([what, *shown]))
        self.problems = list(problems)


class NoIndex(QembedError):
    """There is no index where one was looked for."""


class UnknownDocument(QembedError):
    """The index has no such document."""


class UnknownPart(UnknownDocument):
    """The document has no such passage, line or character."""


class IndexDamaged(QembedError):
    """A file of the index is missing, truncated or altered."""


class RecipeMismatch(QembedError):
    """The index was made with another recipe than the one asked for."""


class IndexLocked(QembedError):
    """Another writer holds the lock."""

    exit_code = 75


class StorageError(QembedError):
    """The disk refused: full, read-only, no permission."""


class EngineError(QembedError):
    """An engine beside us, such as a vector database, cannot be reached, or refuses."""


class ModelUnavailable(QembedError):
    """A model that cannot be found or loaded here."""


class ChecksumMismatch(ModelUnavailable):
    """Weights that are not the ones we pinned."""


class TrainingFailed(QembedError):
    """A training that ended without a model that can be used."""


class NothingLearned(QembedError):
    """A log of feedback that nothing can be learned of."""

    exit_code = 3


class EncodingError(QembedError):
    """A model that returned something that is not a vector (wrong width, NaN, infinity), or failed."""


class TextsRefused(EncodingError):
    """Texts of a call that have no vector. The message is the first one's reason.

    `reasons`: by position in the call. `vectors`: float32 (n, dim) of all its texts, zero for these.
    """

    def __init__(self, reasons: Mapping[int, str], vectors: Any) -> None:
        super().__init__(reasons[min(reasons)])
        self.reasons = reasons
        self.vectors = vectors


_REFUSALS = {
    errno.ENOENT: "no such file or folder",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "part of its path is no folder",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "too many symbolic links",
}


def listed(names: Sequence[str], most: int = 10) -> str:
    """The first names with commas between them, and how many more there are."""
    more = f" … and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def refusal(error: OSError) -> str:
    """Reason of a failed read or write, in the words of all messages on it."""
    return _REFUSALS.get(error.errno or 0, error.strerror or str(error) or type(error).__name__)


_TRACEBACK = "Traceback (most recent call last)"


def brief(error: Exception) -> str:
    """First line of a library's message, with the one that it introduces; else the error's type.

    Of a traceback, which another process sent, the last line counts.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    for at, line in enumerate(lines[:2]):
        if line.startswith(_TRACEBACK):
            lines[at:] = lines[-1:]
            break
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])


def cannot_read(path: object, error: OSError) -> InputError:
    """Error for a file that the system does not let us read."""
    return InputError(f"cannot read {path}: {refusal(error)}")
