"""Documents to passages: by paragraphs, headings, definitions or table rows."""
