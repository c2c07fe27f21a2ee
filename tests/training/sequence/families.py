"""Made families of proteins: members are copies of an ancestor, a third of whose residues were exchanged."""

from __future__ import annotations

import random
from pathlib import Path

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def family_members(count: int, members: int, seed: int = 0, length: int = 60) -> list[list[str]]:
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        ancestor = rng.choices(RESIDUES, k=length)
        found.append(
            [
                "".join(rng.choice(RESIDUES) if rng.random() < 0.33 else c for c in ancestor)
                for _ in range(members)
            ]
        )
    return found


def write_fasta(path: Path, families: list[list[str]]) -> Path:
    lines = [
        f">f{i}m{j} member {j}\n{text}\n"
        for i, members in enumerate(families)
        for j, text in enumerate(members)
    ]
    path.write_text("".join(lines))
    return path
