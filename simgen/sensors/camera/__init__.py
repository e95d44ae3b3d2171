"""Cameras: a lens that says which rays are cast, and a chain that turns light into a file."""
