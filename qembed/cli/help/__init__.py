"""Help of the commands: options in groups, as wide as the terminal."""
