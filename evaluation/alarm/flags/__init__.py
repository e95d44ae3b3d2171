"""The six flags, one a file: pure functions of arrays."""
