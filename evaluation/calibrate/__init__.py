"""Settings of sensors, estimated from real captures."""
