"""The record of a run: a zarr v3 group written by one thread, read while it grows.

``Recorder`` writes, ``open_run`` and ``list_runs`` read, ``Checkpoint`` is what a run
continues from. ``layout`` says which array lies where and who may trust what.
"""

from protocols.record.checkpoint import Checkpoint
from protocols.record.recorder import Recorder
from protocols.record.run import Event, FieldSamples, Run, RunSummary, list_runs, open_run
from protocols.record.table import Table

__all__ = [
    "Checkpoint",
    "Event",
    "FieldSamples",
    "Recorder",
    "Run",
    "RunSummary",
    "Table",
    "list_runs",
    "open_run",
]
