"""The filter language of `--where`: parser, type check, evaluation."""
