"""Office Open XML to text: DOCX, PPTX, XLSX and the parts they share."""
