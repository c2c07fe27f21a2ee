"""Commands on what this user has configured."""
