"""The closed loop: ranges of a config tuned against real captures."""
