"""simgen: synthetic data for vision and robotics, with the gap to reality measured."""

__version__ = "0.1.0"
