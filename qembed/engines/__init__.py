"""Engines that other programs run: vector databases and files for them. A local index needs none of this."""
