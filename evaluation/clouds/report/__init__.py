"""The report on a gap between clouds."""

from evaluation.clouds.report.record import cloud_record
from evaluation.clouds.report.write import write_cloud_report

__all__ = ["cloud_record", "write_cloud_report"]
