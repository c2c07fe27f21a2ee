"""Evidence of a log: its report, experiments, what another order would have got, and promotion by it."""
