"""Presets: configs that ship with simgen, found by name."""
