"""What the formats of Office Open XML (DOCX, PPTX, XLSX) share: packages, drawings, charts, Word's styles."""
