"""Worlds: loops that run in a generator of which everything is known."""
