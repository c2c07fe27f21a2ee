"""What a path names, and paths of which the system does not say it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from qembed.errors import InputError
from qembed.inputs import is_file, is_folder, is_there

TESTS = [is_there, is_folder, is_file]


def test_each_kind(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    found = {
        name: [test(tmp_path / name) for test in TESTS]
        for name in ("", "f", "link", "pipe", "none", "f/below")
    }
    assert found == {
        "": [True, True, False],
        "f": [True, False, True],
        "link": [True, True, False],
        "pipe": [True, False, False],
        "none": [False, False, False],
        "f/below": [False, False, False],
    }


@pytest.mark.parametrize("test", TESTS)
def test_what_the_system_does_not_say(
    test: Callable[[Path], bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=r"cannot read .*/loop: too many symbolic links$"):
        test(tmp_path / "loop")
    with pytest.raises(InputError, match=r"cannot read .*/x+: the name is too long$"):
        test(tmp_path / ("x" * 300))

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)  # root may look everywhere
    with pytest.raises(InputError, match=r"cannot read closed/x: permission denied$"):
        test(Path("closed/x"))
