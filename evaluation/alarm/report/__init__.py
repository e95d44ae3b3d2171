"""One page on one run: the trajectory, the gate's bit, the pressure, the flags."""
