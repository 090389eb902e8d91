"""What a run was computed with, and in what a resumed run differs from that."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import threadpoolctl

_DISTRIBUTIONS = ("backbeam", "numpy", "scipy", "numba", "zarr")
_THREADS = "threads"


def present_versions() -> dict[str, Any]:
    """Versions, processor and thread counts of this process, as JSON values."""
    versions: dict[str, Any] = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    versions["platform"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    versions["processor"] = _processor()
    threads: dict[str, Any] = {"cores": os.cpu_count()}
    # Whoever only writes or reads a record does without compiled loops, and need not load them.
    shared_loops = sys.modules.get("instruments.shared_loops")
    if shared_loops is not None:
        threads["shared loops"] = f"{shared_loops.most_cores()} cores"
    for library in threadpoolctl.threadpool_info():
        name = f"{library['internal_api']} {library.get('version') or ''}".strip()
        architecture = library.get("architecture")
        kernels = f", {architecture} kernels" if architecture else ""
        threads[name] = f"{library['num_threads']} threads{kernels}"
    versions[_THREADS] = threads
    return versions


def version_differences(recorded: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """Say in what two processes differ, one line a difference.

    Thread pools are compared only where both processes had them loaded, because a library
    is loaded when it is first used.
    """
    differences = []
    for name, now in present.items():
        then = recorded.get(name)
        if name == _THREADS and isinstance(then, Mapping):
            differences += [
                f"{pool}: {then[pool]} then, {now[pool]} now"
                for pool in now
                if pool in then and then[pool] != now[pool]
            ]
        elif then != now:
            differences.append(f"{name}: {then} then, {now} now")
    return differences


def _processor() -> str:
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        for line in cpu_info.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return os.environ.get("PROCESSOR_IDENTIFIER") or platform.processor() or platform.machine()
