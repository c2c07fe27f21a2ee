"""Reports: JSON, Markdown, HTML and JUnit; the difference of two reports."""
