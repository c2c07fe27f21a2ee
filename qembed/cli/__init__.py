"""Command line: parse, one call into the pipeline, render, exit code."""
