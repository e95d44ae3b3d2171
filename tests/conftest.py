"""Settings of all tests."""

from hypothesis import settings

# The first call of a compiled loop compiles it; the same examples on every machine.
settings.register_profile("simgen", deadline=None, derandomize=True)
settings.load_profile("simgen")
