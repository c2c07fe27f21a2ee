"""Dated records with made words: subjects with words of their own, one of which arrives in a known month."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

COMMON = [f"common{chr(97 + i)}" for i in range(20)]


def words_of(subject: str, n: int = 12) -> list[str]:
    """Words of a subject."""
    return [f"{subject}{chr(97 + i)}" for i in range(n)]


def record(
    name: str, subject: str, day: date, rng: random.Random, length: int = 24
) -> dict[str, str]:
    """Record of one subject."""
    own = rng.choices(words_of(subject), k=length * 2 // 3)
    text = [*own, *rng.choices(COMMON, k=length - len(own))]
    rng.shuffle(text)
    return {"_id": name, "text": " ".join(text), "date": day.isoformat()}


def records(
    n: int,
    start: date,
    subjects: Sequence[str] = tuple(f"topic{i}" for i in range(12)),
    seed: int = 0,
    days: int = 300,
) -> list[dict[str, str]]:
    """Records spread over the days from `start` on, of subjects drawn at random."""
    rng = random.Random(seed)
    return [
        record(
            f"{start.isoformat()}-{i}",
            rng.choice(subjects),
            start + timedelta(days=i * days // n),
            rng,
        )
        for i in range(n)
    ]


def write(path: Path, lines: Sequence[dict[str, str]]) -> Path:
    """Write records as JSON lines."""
    path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), "utf-8")
    return path
