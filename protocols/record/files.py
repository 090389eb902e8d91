"""Files that appear whole or not at all.

What has to last is what the process had written when it was killed. The operating system
keeps that whatever happens to the process, so the order of the renames is all that matters
and no ``fsync`` is needed for it. A power cut is another matter and is not promised against:
only ``latest`` is flushed to the disk, so that it is never an empty file, and checkpoints
carry checksums, so that a damaged one is noticed and the one before it is taken.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from protocols.record.layout import PARTIAL

_REPLACE_ATTEMPTS = 100
_REPLACE_PAUSE_SECONDS = 0.01


def replace_file(path: Path, data: bytes | memoryview, *, durable: bool = False) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Parameters
    ----------
    durable
        Wait until the content is on the disk before the name points to it.

    Raises
    ------
    OSError
        If the folder is gone or the disk is full.
    """
    partial = path.with_name(path.name + PARTIAL)
    write_file(partial, data, durable=durable)
    replace(partial, path)


def write_file(path: Path, data: bytes | memoryview, *, durable: bool = False) -> None:
    """Write a file that nobody looks at yet; parameters and errors as of ``replace_file``.

    In as few calls of the system as can be: after each of them a thread waits for the interpreter,
    and so does the training that it is then taken from.
    """
    new = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(path, new | getattr(os, "O_BINARY", 0), 0o666)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(source: Path, target: Path) -> None:
    """Replace ``target`` by ``source``; Windows refuses while a reader has it open, so wait."""
    for _ in range(_REPLACE_ATTEMPTS - 1):
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(_REPLACE_PAUSE_SECONDS)
        else:
            return
    source.replace(target)


def remove_folder(folder: Path) -> None:
    """Remove a folder in such a way that half of it never passes for the whole."""
    if folder.name.endswith(PARTIAL):
        doomed = folder
    else:
        doomed = folder.with_name(folder.name + PARTIAL)
        if doomed.exists():
            shutil.rmtree(doomed)
        replace(folder, doomed)
    shutil.rmtree(doomed)


def sweep_partials(folder: Path) -> None:
    """Remove every unfinished file and folder below ``folder``."""
    for path in sorted(folder.rglob(f"*{PARTIAL}")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
