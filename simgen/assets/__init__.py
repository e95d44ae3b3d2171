"""Shapes and surfaces: made from numbers, bundled with PyBullet, or from a user's folders."""
