"""The gap on a page that needs nothing else, and as JSON."""

from evaluation.report.record import gap_record
from evaluation.report.write import write_report

__all__ = ["gap_record", "write_report"]
