"""Distances between two samples of features: pure functions `(x, y, *, key) -> Result`."""

from evaluation.metrics.c2st import DomainClassifier, c2st, domain_classifier
from evaluation.metrics.contract import MetricContractError, check_metric
from evaluation.metrics.frechet import frechet, frechet_plug_in
from evaluation.metrics.kid import energy, kid
from evaluation.metrics.manifold import coverage, density, prdc, precision, recall
from evaluation.metrics.mmd import mmd
from evaluation.metrics.result import MetricError, Result, sample, samples
from evaluation.metrics.sliced import sliced_wasserstein
from evaluation.metrics.vendi import vendi_ratio, vendi_score

__all__ = [
    "DomainClassifier",
    "MetricContractError",
    "MetricError",
    "Result",
    "c2st",
    "check_metric",
    "coverage",
    "density",
    "domain_classifier",
    "energy",
    "frechet",
    "frechet_plug_in",
    "kid",
    "mmd",
    "prdc",
    "precision",
    "recall",
    "sample",
    "samples",
    "sliced_wasserstein",
    "vendi_ratio",
    "vendi_score",
]
