"""Scene families: what is in the pictures. Each is found by name through an entry point."""
