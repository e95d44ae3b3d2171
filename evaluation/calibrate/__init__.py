"""Sensors' settings from captures of the real sensor."""
