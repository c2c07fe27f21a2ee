"""Configuration of this user on this machine: named indexes, and what of project files is trusted."""
