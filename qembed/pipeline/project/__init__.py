"""Settings that a project shares: its file, the keys, and the options that they are defaults of."""
