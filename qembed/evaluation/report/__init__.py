"""Evaluation reports: JSON, Markdown, HTML, JUnit, and the diff of two."""
