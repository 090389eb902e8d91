"""The lock a writer holds as long as it lives, and how a reader tells whether one does."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from instruments.errors import RecordError
from protocols.record.layout import LOCK

_ACQUIRE_SECONDS = 0.5


def acquire_lock(run: Path) -> FileLock:
    """Take the writer's lock of a run; the operating system frees it if the process dies.

    Raises
    ------
    RecordError
        If another writer holds it, or the run cannot be written.
    """
    lock = FileLock(run / LOCK, thread_local=False)
    try:
        # Not at once: a reader may be holding it for the instant of its question.
        lock.acquire(timeout=_ACQUIRE_SECONDS, poll_interval=0.01)
    except Timeout as error:
        raise RecordError(
            f"{run} is being written by another process; wait until it ends or stop it"
        ) from error
    except OSError as error:
        raise RecordError(f"{run} cannot be written ({error}); check its permissions") from error
    return lock


def is_locked(run: Path) -> bool:
    """Whether a writer holds the lock of a run."""
    path = run / LOCK
    if not path.exists():
        return False
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        # Somebody else's run, or a disk that cannot be written: nothing proves it dead.
        return True
    lock.release()
    return False
