"""Pictures: files, and those inside other files, opened in the sandbox; their captions and metadata."""
