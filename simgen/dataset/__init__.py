"""The store: datasets as tar shards with Parquet tables and a manifest.

```
manifest.json             config, seed, versions, categories, asset ledger, checksums
shard-000000.tar          samples, WebDataset-compatible (`records.py` lists the members)
shard-000000.json         what the shard is: checksums, and where each member lies
factors-000000.parquet    every draw: index, name, kind, number | text | vector, log_density
objects-000000.parquet    a row per object and frame
rejections-000000.parquet refused draws: index, reason, count
```
"""

from simgen.dataset.layout import Manifest
from simgen.dataset.reader import Dataset, FrameRecord, Record, Span
from simgen.dataset.verify import Problem, Report, verify

__all__ = ["Dataset", "FrameRecord", "Manifest", "Problem", "Record", "Report", "Span", "verify"]
