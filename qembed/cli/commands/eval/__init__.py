"""`qembed eval` and its subcommands."""
