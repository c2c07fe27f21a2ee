"""Ignore rules as git applies them: the last matching line of the deepest file decides.

The patterns themselves are translated by pathspec. Which of them decides is settled here, because the
walk goes from the top down and never enters what is ignored, exactly as git does: a pattern has to match
the entry itself, never something above it. (`GitIgnoreSpec.match_file` judges a lone path without such a
walk, and so takes the folder `foo` for ignored by `foo/**`, after which `!foo/keep` comes too late.)
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from qembed.errors import UsageError, refusal
from qembed.inputs import sees_file, sees_folder
from qembed.types import Unreadable

IGNORE_FILES = (".gitignore", ".ignore", ".qembedignore")
"""In rising order of precedence within one folder."""

Rule: TypeAlias = tuple[bool, bool, re.Pattern[str]]
"""ignores (or takes back), only folders, what a path without its trailing slash must match"""

_GROUP = re.compile(r"\(\?P<\w+>")
_SPECIAL = re.compile(r"[*?\[\]\\/]")


class Rules:
    """Patterns of one folder's ignore files, in order, over paths relative to that folder.

    `prefix`: the folder's name inside the source, with its slash; `above`: of a folder above the source, the
    source's name inside it, with its slash. `files`: (path, position of its first line) of the files that
    `lines` were read from, in order.
    """

    __slots__ = ("_files", "_names", "_others", "_rules", "_suffixes", "above", "prefix")

    def __init__(
        self,
        lines: Iterable[str],
        prefix: str = "",
        above: str = "",
        files: Sequence[tuple[str, int]] = (),
    ) -> None:
        self.prefix = prefix
        self.above = above
        self._files = files
        # A project's ignore file often has a hundred lines, most of them plain names or `*.suffix`.
        # Two sets and one joined expression tell at once that an entry matches none of them.
        self._names: set[str] = set()
        self._suffixes: set[str] = set()
        self._others: re.Pattern[str] | None = None
        self._rules: list[tuple[bool, bool, re.Pattern[str], int]] = []
        with warnings.catch_warnings():
            # of `[[]`, a git pattern, which re thinks might one day mean something else
            warnings.simplefilter("ignore", FutureWarning)
            self._learn(lines)

    def _learn(self, lines: Iterable[str]) -> None:
        others = []
        for position, line in enumerate(lines):
            if (compiled := _compile(line)) is None:
                continue
            rule, body = compiled
            self._rules.append((*rule, position))
            if not _SPECIAL.search(body):
                self._names.add(body)
            elif body.startswith("*.") and not _SPECIAL.search(body[1:]):
                self._suffixes.add(body[body.rindex(".") :])
            else:
                others.append(_GROUP.sub("(?:", rule[2].pattern))
        self._rules.reverse()
        if others:
            self._others = re.compile("|".join(f"(?:{o})" for o in others))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def verdict(self, path: str, name: str, is_folder: bool) -> bool | None:
        """True: ignored; False: taken back; None: these rules say nothing.

        `path` is relative to the folder of the rules and has no trailing slash; `name` is its end.
        """
        if (
            name not in self._names
            and name[name.rfind(".") :] not in self._suffixes
            and (self._others is None or not self._others.match(path))
        ):
            return None
        found = self.deciding(path, is_folder)
        return None if found is None else found[0]

    def deciding(self, path: str, is_folder: bool) -> tuple[bool, int] | None:
        """(verdict, position of the line that decides it); None if these rules say nothing."""
        for ignores, only_folders, regex, position in self._rules:
            if only_folders and not is_folder:
                continue
            # pathspec's one group marks a match of something above the path, which is not a match here
            if (found := regex.match(path)) and found.lastindex is None:
                return ignores, position
        return None

    def place(self, position: int) -> str:
        """Place of a line as `file:line`, lines counted from 1."""
        path, first = max((f for f in self._files if f[1] <= position), key=lambda f: f[1])
        return f"{path}:{position - first + 1}"


def _compile(line: str) -> tuple[Rule, str] | None:
    """A line as a rule and its pattern without `!` and the trailing slash; None if it says nothing."""
    from pathspec import GitIgnoreSpec

    line = line.removesuffix("\r")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    only_folders = line.endswith("/")
    if only_folders:
        line = line[:-1]
    body = line.removeprefix("!")
    if not body or line.startswith("#"):
        return None
    try:
        (pattern,) = GitIgnoreSpec.from_lines([line]).patterns
    except ValueError:
        return None  # git, too, goes on without a word
    if pattern.include is None or pattern.regex is None:
        return None
    return (pattern.include, only_folders, pattern.regex), body


def read_rules(
    folder: str, present: Iterable[str], prefix: str, above: str = ""
) -> tuple[Rules, list[Unreadable]]:
    """The rules of a folder's ignore files, of which `present` are there, and those that cannot be read."""
    lines: list[str] = []
    files: list[tuple[str, int]] = []
    problems = []
    for path in (Path(folder, name) for name in IGNORE_FILES if name in present):
        try:
            data = path.read_bytes()
        except OSError as e:
            problems.append(Unreadable(str(path), f"ignore file: {refusal(e)}"))
            continue
        # file names come from the system with the same error handler, so odd bytes still match
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
        files.append((str(path), len(lines)))
        lines += text.split("\n")
    return Rules(lines, prefix, above, files), problems


def rules_above(source: str) -> tuple[tuple[Rules, ...], list[Unreadable]]:
    """The rules of the repository that a source lies in, from the nearest folder above it upwards.

    Then those of `.git/info/exclude` and of the user's excludes. Nothing for a source that is a repository
    itself: `repository_rules` has its own. Outside of repositories no file above the source counts.
    """
    here = Path(os.path.realpath(source))
    if is_repository(here):
        return (), []
    root = next((p for p in here.parents if is_repository(p)), None)
    if root is None:
        return (), []
    found: list[Rules] = []
    problems: list[Unreadable] = []
    folder = here.parent
    while True:
        above = f"{here.relative_to(folder).as_posix()}/"
        present = [
            n for n in IGNORE_FILES if sees_file(folder / n) and not (folder / n).is_symlink()
        ]
        if present:
            own, wrong = read_rules(str(folder), present, "", above)
            problems += wrong
            if own:
                found.append(own)
        if folder == root:
            break
        folder = folder.parent
    own_rules, wrong = repository_rules(root, "", f"{here.relative_to(root).as_posix()}/")
    return (*found, *own_rules), problems + wrong


def is_repository(folder: Path) -> bool:
    """True for a folder with a `.git` that git would take for one, or that only its owner may look into."""
    git = folder / ".git"
    try:
        return git.is_file() or (git / "HEAD").exists()
    except OSError:
        return sees_folder(git)


def repository_rules(
    root: Path, prefix: str, above: str = ""
) -> tuple[list[Rules], list[Unreadable]]:
    """The rules of a repository that lie in none of its folders: `info/exclude`, then the user's excludes.

    With those of its own that cannot be read; the user's may lie in a home that is another user's.
    """
    found, problems = [], []
    own = _git_folder(root) / "info/exclude"
    for path in (own, _user_excludes(root)):
        try:
            text = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as e:
            if path == own:
                problems.append(Unreadable(str(path), f"ignore file: {refusal(e)}"))
            continue
        lines = text.decode("utf-8", "surrogateescape").split("\n")
        rules = Rules(lines, prefix, above, [(str(path), 0)])
        if rules:
            found.append(rules)
    return found, problems


def _git_folder(root: Path) -> Path:
    """The folder of a repository that all of its worktrees share."""
    git = root / ".git"
    try:
        if git.is_file():
            git = root / git.read_text().removeprefix("gitdir:").strip()
        if (common := git / "commondir").is_file():
            git = git / common.read_text().strip()
    except (OSError, UnicodeDecodeError):
        pass
    return git


def _user_excludes(root: Path) -> Path:
    """The file that git's `core.excludesFile` names, or its default."""
    git = shutil.which("git")
    if git is not None:
        command = [git, "config", "--type=path", "--get", "core.excludesFile"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run(command, cwd=root, capture_output=True, timeout=10, check=False)
            if said.returncode == 0 and (name := os.fsdecode(said.stdout).rstrip("\n")):
                return root / name
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    return Path(config, "git/ignore")


class Selection:
    """Selection by --include and --exclude. Patterns are those of ignore files, over names.

    Raises UsageError for patterns that are none, all of them at once.
    """

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        wrong = [repr(p) for p in (*include, *exclude) if not Rules([p])]
        if wrong:
            raise UsageError(
                f"not a pattern: {', '.join(wrong)} (wanted: one like '*.md' or 'docs/')"
            )
        self.exclude = Rules(exclude)
        self.include = Rules(include)

    def takes(self, path: str, name: str) -> bool:
        """Test a file against `include`. `exclude` is asked on the way down, where it spares folders."""
        verdict = self.include.verdict(path, name, False)
        # a pattern that names a folder includes what lies in it: the nearest one that is named decides
        while verdict is None and "/" in path:
            path = path[: path.rindex("/")]
            verdict = self.include.verdict(path, path[path.rfind("/") + 1 :], True)
        return verdict is True


class UnmatchedPatterns:
    """Patterns of --include and --exclude that no path has matched so far, each by itself."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        options = {"--include": include, "--exclude": exclude}
        self._rules = [
            (option, p, Rules([p.removeprefix("!")])) for option in options for p in options[option]
        ]

    def see(self, name: str, is_folder: bool) -> None:
        """Take out the patterns that match a file or folder."""
        self._rules = [r for r in self._rules if r[2].deciding(name, is_folder) is None]

    @property
    def left(self) -> list[tuple[str, str]]:
        """Option and pattern of each."""
        return [(option, pattern) for option, pattern, _ in self._rules]
