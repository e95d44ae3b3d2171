"""From real captures to the settings of a sensor, with standard errors."""
