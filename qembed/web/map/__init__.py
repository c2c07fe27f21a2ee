"""Map of a corpus in a browser: scripts and style, a page of its own; what makes it for a server."""
