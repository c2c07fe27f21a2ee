"""Faces of the warm process for programs other than the shell: HTTP, MCP."""
