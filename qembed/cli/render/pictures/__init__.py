"""Pictures on terminals: which ones can, the sequences that draw, the place beside a hit."""
