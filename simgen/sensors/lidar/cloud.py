"""What a LiDAR writes, by its old name; see `simgen.clouds`."""

from simgen.clouds import BOX, MISSING, POINT, POSE, STREAMS, Cause, Why

__all__ = ["BOX", "MISSING", "POINT", "POSE", "STREAMS", "Cause", "Why"]
