"""LiDAR: pulses with times, and what comes back of each."""
