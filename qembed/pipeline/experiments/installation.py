"""Requirement by which `pip install` gets, on another machine, the qembed that runs here.

The installer's own record (`direct_url.json`, PEP 610) tells a git URL, an archive or a local folder from a
package index.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from qembed.version import __version__

DISTRIBUTION = "qembed-search"
"""Name of the distribution; `qembed` on PyPI is another project."""
WHEELS = "wheels"
"""Folder of a repository for a wheel that no index has."""
_EXTRA = re.compile(r"""^([\w.-]+).*\bextra\s*==\s*["']([\w-]+)["']""")
_EXTRA_ALONE = re.compile(r"""extra\s*==\s*["'][\w-]+["']""")
_CONDITION = re.compile("==|!=|[<>]| in ")
_REACHED = ("https", "http", "ssh", "git")
"""Schemes of URLs that another machine may reach; a path or `file:` is on this one."""
_LEFT_OUT = (
    "the user, password or parameters of {url} are left out, as what is committed is read by others: "
    "let the workflow's own credentials reach it"
)
_SCP_LIKE = re.compile(r"^(?:[\w.-]+@)?[\w.-]+:(?!//)")


class PipRequirement(NamedTuple):
    """Argument of `pip install`. `missing`: what has to be done before another machine can use it."""

    text: str
    missing: str = ""


def pip_requirement(project: Path, needed: Container[str]) -> PipRequirement:
    """Requirement of the running qembed with those of its installed extras that are `needed`.

    `project`: folder of the repository.
    """
    from importlib import metadata

    # a checkout's own egg-info, which has no record, may stand before the installer's folder
    found = list(metadata.distributions(name=DISTRIBUTION))
    record = next(filter(None, (d.read_text("direct_url.json") for d in found)), None)
    here = installed_extras(found[0].requires or []) if found else ()
    extras = [extra for extra in here if extra in needed]
    return requirement_of(json.loads(record) if record else None, extras, project)


def installed_extras(requirements: Iterable[str]) -> tuple[str, ...]:
    """Extras whose packages are all installed, `dev` left out. `requirements`: of the distribution.

    A package with another condition, as on the system, need not be there.
    """
    from importlib import metadata

    complete: dict[str, bool] = {}
    for line in requirements:
        if (found := _EXTRA.search(line)) is None or found[2] == "dev":
            continue
        try:
            metadata.version(found[1])
            here = True
        except metadata.PackageNotFoundError:
            here = bool(_CONDITION.search(_EXTRA_ALONE.sub("", line.partition(";")[2])))
        complete[found[2]] = complete.get(found[2], True) and here
    return tuple(sorted(extra for extra, whole in complete.items() if whole))


def requirement_of(
    record: Mapping[str, Any] | None, extras: Iterable[str], project: Path
) -> PipRequirement:
    """Requirement by the content of `direct_url.json`; None: installed from a package index."""
    suffix = f"[{','.join(extras)}]" if extras else ""
    if record is None:
        return PipRequirement(f"{DISTRIBUTION}{suffix}=={__version__}")
    url = str(record["url"])
    named = f"{DISTRIBUTION}{suffix} @ "
    shown, missing = _public(url)
    if vcs := record.get("vcs_info"):
        if not shown:
            return _wheel(f"{vcs['vcs']}+{url}@{vcs['commit_id']}", suffix)
        part = f"#subdirectory={record['subdirectory']}" if record.get("subdirectory") else ""
        return PipRequirement(f"{named}{vcs['vcs']}+{shown}@{vcs['commit_id']}{part}", missing)
    if urlsplit(url).scheme != "file":
        digest = record.get("archive_info", {}).get("hashes", {}).get("sha256")
        return PipRequirement(f"{named}{shown}" + (f"#sha256={digest}" if digest else ""), missing)
    return _local(Path(unquote(urlsplit(url).path)), suffix, named, project)


def _local(path: Path, suffix: str, named: str, project: Path) -> PipRequirement:
    """Requirement of a wheel or checkout on this machine."""
    if path.is_relative_to(project.resolve()):
        inside = path.relative_to(project.resolve()).as_posix()
        return PipRequirement(f"./{inside}{suffix}")
    if path.suffix == ".whl":
        wheel, missing = f"{WHEELS}/{path.name}", f"copy {path} to {WHEELS}/ and commit it"
        return PipRequirement(f"./{wheel}{suffix}", missing)
    remote, missing = _public(_as_url(_git(path, "remote", "get-url", "origin")))
    commit = _git(path, "rev-parse", "HEAD")
    if not (remote and commit):
        return _wheel(str(path), suffix)
    pushed = _git(path, "branch", "-r", "--contains", commit)
    if not pushed or _git(path, "status", "--porcelain"):
        push = f"commit and push the changes in {path}, and name that commit"
        missing = "; ".join(filter(None, (push, missing)))
    return PipRequirement(f"{named}git+{remote}@{commit}", missing)


def _wheel(source: str, suffix: str) -> PipRequirement:
    """Requirement of a wheel that is still to be made of a folder or URL of this machine."""
    wheel = f"{WHEELS}/{DISTRIBUTION.replace('-', '_')}-{__version__}-py3-none-any.whl"
    make = f"pip wheel --no-deps -w {WHEELS} {shlex.quote(source)}, and commit the wheel"
    return PipRequirement(f"./{wheel}{suffix}", make)


def _public(url: str) -> tuple[str, str]:
    """(URL without secrets, "" if no other machine can reach it; what has to be done for it)"""
    parts = urlsplit(url)
    if parts.scheme not in _REACHED or not parts.hostname:
        return "", ""
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "ssh" and parts.username:  # a name that all use, as `git`
        host = f"{parts.username}@{host}"
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    shown = urlunsplit((parts.scheme, host, path, "", ""))
    bare = host == parts.netloc and not parts.query
    return shown, "" if bare else _LEFT_OUT.format(url=shown)


def _as_url(remote: str) -> str:
    """URL of a git remote, which may be written as for scp: `git@host:owner/name`."""
    if _SCP_LIKE.match(remote):
        host, _, path = remote.partition(":")
        return f"ssh://{host}/{path}"
    return remote


def _git(folder: Path, *arguments: str) -> str:
    """Output of a git command in a folder; "" if it fails or there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
