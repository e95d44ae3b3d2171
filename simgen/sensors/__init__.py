"""Sensors: which rays they cast and when, and how they turn light into readings."""
