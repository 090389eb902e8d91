"""Readings of ``backbeam align`` on the terminal, at once or live."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from instruments.errors import SettingsError
from protocols.alignment.fringes import Fringes
from protocols.alignment.readings import BankReading, CameraReading, Reading
from protocols.commands.tables import print_table
from protocols.readable_quantities import readable

Floats = npt.NDArray[np.float64]

_COLUMNS = ("where", "is", "of", "brightest", "there", "mean", "noise", "profile")
_LEVELS = " .:-=+*#%@"
_MOST_PROFILE = 64


class AlignmentTables:
    """Prints what a person at the bench looks at.

    Parameters
    ----------
    shows_every_step
        Whether a reading follows every line that may have changed something: a person wants to
        see it, a script says when.
    """

    def __init__(self, console: Console, *, shows_every_step: bool) -> None:
        self._console = console
        self.shows_every_step = shows_every_step

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(escape(text), soft_wrap=True)

    def print_reading(self, reading: Reading, *, in_full: bool = False) -> None:
        """Print a line for each bank, camera and meter, or all their channels."""
        print_table(self._console, _COLUMNS, _lines(reading), ("brightest", "mean", "noise"))
        if not in_full:
            return
        for bank in reading.banks:
            rows: list[tuple[str, ...]] = [
                (str(place), readable(mean, "V"), readable(rms, "V"), "edge" if edge else "")
                for place, (mean, rms, edge) in enumerate(
                    zip(bank.mean_volts, bank.rms_volts, bank.saturated, strict=True)
                )
            ]
            print_table(
                self._console, ("channel", "reads", "noise", "range"), rows, ("reads", "noise")
            )
        for camera in reading.cameras:
            rows = [
                (
                    str(place),
                    f"{camera.mean_counts[place]:.1f}",
                    f"{camera.peak_counts[place]:.0f}",
                    _place(camera.centre_rows[place], camera.centre_columns[place]),
                    "full" if camera.saturated[place] else "",
                )
                for place in range(len(camera.regions))
            ]
            columns = ("region", "mean counts", "peak", "centre (row, column)", "well")
            print_table(self._console, columns, rows, ("mean counts", "peak"))

    def print_fringes(self, fringes: Sequence[Fringes]) -> None:
        """Print a line for each bank and camera."""
        rows = []
        for one in fringes:
            seen = one.visibilities[np.isfinite(one.visibilities)]
            best = int(np.argmax(one.amplitudes))
            rows.append(
                (
                    one.name,
                    _with_unit(float(np.median(one.amplitudes)), one.unit),
                    _with_unit(float(one.amplitudes[best]), one.unit),
                    str(best),
                    f"{float(np.median(seen)):.1%}" if seen.size else "balanced",
                    _profile(one.amplitudes, float(one.amplitudes.max())),
                )
            )
        columns = ("fringes of", "median size", "largest", "there", "visibility", "profile")
        print_table(self._console, columns, rows, ("median size", "largest", "visibility"))

    def print_standing(self, lines: Sequence[tuple[str, str, str]]) -> None:
        """Print how everything stands."""
        print_table(self._console, ("what", "which", "stands"), lines)

    def print_help(self, lines: Sequence[tuple[str, str]]) -> None:
        """Print the lines that are understood."""
        print_table(self._console, ("line", "does"), lines)

    def watch(self, read: Callable[[], Reading], count: int | None) -> None:
        """Show one reading after the other in place; Ctrl-C ends that, and nothing else.

        Raises
        ------
        SettingsError
            If nobody is there who could end it.
        """
        if not self._console.is_terminal:
            if count is None:
                raise SettingsError("watch: say how many times where nobody can press Ctrl-C")
            for _ in range(count):
                self.print_reading(read())
            return
        taken = 0
        try:
            with Live(console=self._console, auto_refresh=False) as live:
                while count is None or taken < count:
                    live.update(_table(read()), refresh=True)
                    taken += 1
        except KeyboardInterrupt:
            self.say("no longer watching; everything stands as it was")


def _table(reading: Reading) -> Table:
    table = Table(*_COLUMNS, box=box.SIMPLE_HEAD)
    for line in _lines(reading):
        table.add_row(*map(escape, line))
    return table


def _lines(reading: Reading) -> list[tuple[str, ...]]:
    lines = [_bank_line(one) for one in reading.banks]
    lines += [_camera_line(one) for one in reading.cameras]
    lines += [
        (one.name, readable(one.watts, "W"), "", "", "", "", "", "") for one in reading.meters
    ]
    return lines


def _bank_line(bank: BankReading) -> tuple[str, ...]:
    sizes = np.abs(bank.mean_volts)
    best = int(np.argmax(sizes))
    at_edge = int(bank.saturated.sum())
    return (
        bank.name,
        f"{at_edge} AT THE EDGE" if at_edge else f"{float(sizes[best]) / bank.range_volts:.0%}",
        readable(bank.range_volts, "V"),
        readable(float(bank.mean_volts[best]), "V"),
        f"channel {best}",
        readable(float(bank.mean_volts.mean()), "V"),
        readable(float(np.median(bank.rms_volts)), "V"),
        _profile(sizes, float(sizes.max())),
    )


def _camera_line(camera: CameraReading) -> tuple[str, ...]:
    best = int(np.argmax(camera.peak_counts))
    full = int(camera.saturated.sum())
    share = camera.peak_counts[best] / camera.full_well_counts
    return (
        camera.name,
        f"{full} FULL" if full else f"{share:.0%}",
        f"{camera.full_well_counts:.0f}",
        f"{camera.peak_counts[best]:.0f}",
        f"region {best}, {_place(camera.centre_rows[best], camera.centre_columns[best])}",
        f"{camera.mean_counts.mean():.1f}",
        "",
        _profile(camera.mean_counts, float(camera.mean_counts.max())),
    )


def _place(row: float, column: float) -> str:
    return f"({row:.1f}, {column:.1f})" if np.isfinite(row) else "dark"


def _with_unit(value: float, unit: str) -> str:
    return readable(value, unit) if unit == "V" else f"{value:.4g} {unit}"


def _profile(sizes: Floats, largest: float) -> str:
    """Return sizes as letters from dark to bright, neighbours taken together where need be."""
    if largest <= 0.0:
        return ""
    if sizes.size > _MOST_PROFILE:
        sizes = np.array([part.mean() for part in np.array_split(sizes, _MOST_PROFILE)])
    shares = np.clip(sizes / largest, 0.0, 1.0)
    return "".join(_LEVELS[round(share * (len(_LEVELS) - 1))] for share in shares.tolist())
