"""A table in a file, and the problems that reading it names."""

from pathlib import Path

import pytest

from qembed.errors import InputError


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "file.any"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(read, path: Path) -> list[str]:
    with pytest.raises(InputError) as e:
        read(path)
    return [p.replace(str(path), "F") for p in e.value.problems]
