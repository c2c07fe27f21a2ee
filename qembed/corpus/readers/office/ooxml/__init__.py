"""Common parts of the Office Open XML formats (DOCX, PPTX, XLSX): packages, drawings, charts, styles."""
