"""What a person sees while a network trains: a live bar, or plain lines in a log file."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from protocols.training import Training

SECONDS_BETWEEN_UPDATES = 0.1
SECONDS_BETWEEN_LINES = 5.0
EPOCHS_FOR_ESTIMATE = 20
COMPILING_SECONDS = 30.0
"""Compiling may take as long in the first epoch: one shorter than that says nothing of the next."""


class LiveProgress:
    """Epoch, step, loss, validation accuracy and time left, redrawn ten times a second.

    Where there is no terminal (a log file, a pipe) it prints a line now and then instead.
    Use as a context manager around ``Training.run``.
    """

    def __init__(self, training: Training, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._live = self._console.is_terminal or self._console.is_jupyter
        self._epochs = training.settings.epochs
        self._steps = self._epochs * training.steps_per_epoch
        self._next_update = 0.0
        self._validation = "-"
        self._epoch_seconds: deque[float] = deque(maxlen=EPOCHS_FOR_ESTIMATE)
        self._epoch_began = time.perf_counter()
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("validation {task.fields[validation]}"),
            TimeElapsedColumn(),
            TextColumn("left {task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task(
            "training",
            total=self._steps,
            completed=training.step,
            epoch=f"{training.epoch + 1}/{self._epochs}",
            loss="-",
            validation="-",
            left="-",
        )

    def __enter__(self) -> Self:
        self._bar.start()
        self._epoch_began = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def step(self, training: Training, loss: float) -> None:
        """Redraw, at most every tenth of a second."""
        now = time.perf_counter()
        if now < self._next_update or not self._live:
            return
        self._next_update = now + SECONDS_BETWEEN_UPDATES
        self._bar.update(
            self._task,
            completed=training.step,
            epoch=f"{min(training.epoch + 1, self._epochs)}/{self._epochs}",
            loss=f"{loss:.4f}",
            validation=self._validation,
            left=self._time_left(training),
        )

    def epoch(self, training: Training, row: Mapping[str, float]) -> None:
        """Take note of the validation accuracy; in a log file, print a line now and then."""
        now = time.perf_counter()
        self._epoch_seconds.append(now - self._epoch_began)
        self._epoch_began = now
        self._validation = f"{row['validation_accuracy']:.2%}"
        last = training.epoch == self._epochs
        if not self._live and (now >= self._next_update or last):
            self._next_update = now + SECONDS_BETWEEN_LINES
            self._console.print(
                f"epoch {training.epoch}/{self._epochs}  loss {row['train_loss']:.4f}  "
                f"validation {self._validation}  left {self._time_left(training)}",
                highlight=False,
            )

    def _time_left(self, training: Training) -> str:
        known = len(self._epoch_seconds)
        if known == 0 or (known == 1 and self._epoch_seconds[0] < COMPILING_SECONDS):
            return "-"
        epochs_left = (self._steps - training.step) / training.steps_per_epoch
        seconds = round(epochs_left * statistics.median_low(self._epoch_seconds))
        minutes, seconds = divmod(seconds, 60)
        return f"{minutes}:{seconds:02d}"
