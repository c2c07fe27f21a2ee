"""Files and choices of a reranker's training, and what of them goes together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from qembed.errors import UsageError
from qembed.training.model_folders import check_new
from qembed.training.reranker.losses import check_loss
from qembed.training.training_lists import check_replay
from qembed.training.training_loop import TrainingOptions

DEFAULT = "minilm-l12"


@dataclass(frozen=True, slots=True)
class RerankerJob:
    """Files and choices of a training.

    `root`: the index, None where preferences alone are trained and judged on. `lists` None: mined.
    `feedback`: the preferences are those of the index's log.
    `replay`: share of the examples that come from `replay_from`, lists or preferences of an earlier training.
    `candidates`: documents of a query that are reranked to judge. `keep`: a BEIR folder with what must not
    be forgotten. `anyway`: write the model also if it is worse.
    """

    root: Path | None
    out: Path
    queries: Path | None
    qrels: Path | None
    model: str = DEFAULT
    lists: Path | None = None
    preferences: Path | None = None
    feedback: bool = False
    replay: float = 0.0
    replay_from: Path | None = None
    candidates: int = 20
    held_out: float = 0.2
    keep: Path | None = None
    anyway: bool = False
    options: TrainingOptions = field(default_factory=lambda: TrainingOptions(loss="lambda"))

    def check(self) -> None:
        """Raise UsageError for choices that do not go together."""
        self.options.check()
        check_loss(self.options.loss)
        check_new(self.out)
        check_replay(self.replay, self.replay_from)
        if self.candidates < 2:
            raise UsageError(f"--candidates {self.candidates}: at least 2")
        sources = {
            "--preferences": self.preferences is not None,
            "--feedback": self.feedback,
            "--lists": self.lists is not None,
        }
        given = [name for name, is_given in sources.items() if is_given]
        if len(given) > 1:
            raise UsageError(f"{' or '.join(given)}: one of them says what is trained on")
        if self.keep is not None and self.root is None:
            raise UsageError("--keep wants an index, whose model finds the candidates there")
