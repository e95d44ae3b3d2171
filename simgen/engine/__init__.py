"""Making a dataset of a source of samples, on one or more processes."""

from simgen.engine.generate import Outcome, generate_dataset
from simgen.engine.tasks import Progress, SampleError, SampleSource

__all__ = ["Outcome", "Progress", "SampleError", "SampleSource", "generate_dataset"]
