"""The requirement that a workflow installs qembed by: records as pip writes them (PEP 610)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from qembed.pipeline.experiments.installation import (
    PipRequirement,
    installed_extras,
    requirement_of,
)
from qembed.version import __version__

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "5c0ff67d9a3ae4d1b2d0a4f3f3e5f0a7a4b1c2d3"


@pytest.mark.parametrize(
    ("record", "extras", "wanted"),
    [
        (None, (), f"qembed-search=={__version__}"),
        (None, ("code", "office"), f"qembed-search[code,office]=={__version__}"),
        (
            {"url": "https://example.org/a/q.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            ("office",),
            f"qembed-search[office] @ git+https://example.org/a/q.git@{COMMIT}",
        ),
        (
            {
                "url": "ssh://git@example.org/a/q",
                "vcs_info": {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"},
                "subdirectory": "python",
            },
            (),
            f"qembed-search @ git+ssh://git@example.org/a/q@{COMMIT}#subdirectory=python",
        ),
        (
            {"url": "https://example.org/q.whl", "archive_info": {"hashes": {"sha256": "ab12"}}},
            (),
            "qembed-search @ https://example.org/q.whl#sha256=ab12",
        ),
    ],
)
def test_what_another_machine_can_fetch(
    record: dict[str, object] | None, extras: tuple[str, ...], wanted: str, tmp_path: Path
) -> None:
    assert requirement_of(record, extras, tmp_path) == PipRequirement(wanted)


def test_a_wheel_of_the_repository_is_named_by_its_place_in_it(tmp_path: Path) -> None:
    wheel = tmp_path / "ci" / "qembed_search-0.1.0-py3-none-any.whl"
    found = requirement_of({"url": wheel.as_uri(), "archive_info": {}}, (), tmp_path)
    assert found == PipRequirement("./ci/qembed_search-0.1.0-py3-none-any.whl")


def test_a_wheel_elsewhere_has_to_be_committed(tmp_path: Path) -> None:
    wheel = tmp_path / "down loads" / "qembed_search-0.1.0-py3-none-any.whl"
    found = requirement_of({"url": wheel.as_uri()}, ("office",), tmp_path / "project")
    assert found.text == "./wheels/qembed_search-0.1.0-py3-none-any.whl[office]"
    assert found.missing == f"copy {wheel} to wheels/ and commit it"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_checkout_is_named_by_its_remote_and_commit(tmp_path: Path) -> None:
    """With a warning while that commit is not there, or is not what runs."""
    server, checkout = tmp_path / "server", tmp_path / "checkout"
    git(tmp_path, "init", "-q", "--bare", str(server))
    git(tmp_path, "clone", "-q", str(server), str(checkout))
    (checkout / "a").write_text("1")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "first")
    record = {"url": checkout.as_uri(), "dir_info": {"editable": True}}
    commit = git(checkout, "rev-parse", "HEAD")
    git(checkout, "remote", "set-url", "--push", "origin", str(server))
    git(checkout, "remote", "set-url", "origin", "git@example.org:a/q.git")
    found = requirement_of(record, (), tmp_path / "project")
    assert found.text == f"qembed-search @ git+ssh://git@example.org/a/q.git@{commit}"
    assert "commit and push" in found.missing
    git(checkout, "push", "-q", "origin", "HEAD")
    assert requirement_of(record, (), tmp_path / "project").missing == ""
    (checkout / "b").write_text("2")
    assert "commit and push" in requirement_of(record, (), tmp_path / "project").missing


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://me:s3cret@example.org/a/q.git", "https://example.org/a/q.git"),
        ("https://s3cret@example.org:8443/q", "https://example.org:8443/q"),
        ("ssh://git:s3cret@example.org/a/q.git", "ssh://git@example.org/a/q.git"),
        ("https://example.org/a/q.git?private_token=s3cret", "https://example.org/a/q.git"),
    ],
)
def test_no_secret_of_a_url_gets_into_a_workflow(remote: str, url: str, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", str(tmp_path / "checkout"))
    git(tmp_path / "checkout", "commit", "-q", "--allow-empty", "-m", "first")
    git(tmp_path / "checkout", "remote", "add", "origin", remote)
    by_git = {"url": remote, "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    cloned = {"url": (tmp_path / "checkout").as_uri(), "dir_info": {}}
    for record in (by_git, cloned, {"url": remote, "archive_info": {}}):
        found = requirement_of(record, (), tmp_path / "project")
        assert url in found.text
        assert "s3cret" not in found.text + found.missing
        assert f"parameters of {url} are left out" in found.missing


@pytest.mark.parametrize("remote", ["/srv/git/q.git", "../q", "file:///srv/git/q.git"])
def test_a_remote_on_this_machine_becomes_a_wheel(remote: str, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", str(tmp_path / "my checkout"))
    git(tmp_path / "my checkout", "commit", "-q", "--allow-empty", "-m", "first")
    git(tmp_path / "my checkout", "remote", "add", "origin", remote)
    record = {"url": (tmp_path / "my checkout").as_uri(), "dir_info": {}}
    found = requirement_of(record, (), tmp_path / "project")
    assert found.text == f"./wheels/qembed_search-{__version__}-py3-none-any.whl"
    assert f"-w wheels '{tmp_path / 'my checkout'}'" in found.missing


def test_a_repository_on_this_machine_becomes_a_wheel(tmp_path: Path) -> None:
    record = {"url": "file:///srv/q", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    found = requirement_of(record, ("office",), tmp_path)
    assert found.text == f"./wheels/qembed_search-{__version__}-py3-none-any.whl[office]"
    assert found.missing.startswith("pip wheel --no-deps -w wheels git+file:///srv/q@")


def test_a_folder_without_a_remote_becomes_a_wheel(tmp_path: Path) -> None:
    found = requirement_of({"url": tmp_path.as_uri(), "dir_info": {}}, (), tmp_path / "project")
    assert found.text == f"./wheels/qembed_search-{__version__}-py3-none-any.whl"
    assert found.missing.startswith(f"pip wheel --no-deps -w wheels {tmp_path}")


def test_extras_count_when_all_their_packages_are_installed() -> None:
    requirements = [
        "numpy>=1",
        'pytest>=1 ; extra == "tests"',
        'no-such-package>=1; extra == "broken"',
        "pytest; extra == 'broken'",
        'pytest>=8; extra == "dev"',
        'pytest==1; sys_platform == "linux" and extra == "here"',
        # another system has no such package
        'no-such-package==1; (sys_platform == "x" and platform_machine == "y") and extra == "here"',
    ]
    assert installed_extras(requirements) == ("here", "tests")


def test_nothing_installs_the_other_project_of_our_name() -> None:
    """`qembed` on PyPI is somebody else's."""
    files = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "pyproject.toml",
        *ROOT.glob("docs/*.md"),
    ]
    for path in [*files, *ROOT.glob("qembed/**/*.py"), *ROOT.glob("qembed/**/*.j2")]:
        text = path.read_text("utf-8")
        for wrong in (
            "pip install qembed\n",
            "pip install 'qembed[",
            "pip install qembed ",
            '"qembed[',
        ):
            assert wrong not in text, f"{path}: {wrong!r}"
