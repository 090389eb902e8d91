"""What ``backbeam check --display-timing`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from instruments.bench import Bench
    from instruments.bench_file.schema import BenchFile
    from protocols.display_timing import DisplayTiming

SEED = 0


def print_display_timing(
    console: Console, file: BenchFile, bench: Bench, panel: str | None, flashes: int
) -> None:
    """Flash a panel of an open bench and print what was found.

    Raises
    ------
    SettingsError
        If the bench has no such panel, or it cannot be lit by itself.
    CalibrationError
        If no tap sees its light.
    """
    import numpy as np
    from rich.progress import Progress

    from instruments.calibration_light import CalibrationLight
    from protocols.commands.tables import print_table
    from protocols.display_timing import measure_display_timing

    stage = _stage_of(file, panel)
    progress = Progress(transient=True, console=console, disable=not console.is_terminal)
    with progress:
        task = progress.add_task(f"flashing {file.stages[stage].weights}", total=flashes)
        found = measure_display_timing(
            CalibrationLight(bench, file),
            stage,
            flashes=flashes,
            generator=np.random.default_rng(SEED),
            after_each=lambda: progress.advance(task),
        )
    print_table(console, ("display timing", "is", ""), _rows(found))


def _stage_of(file: BenchFile, panel: str | None) -> str:
    from instruments.bench_file.problems import listed, nearest
    from instruments.errors import SettingsError

    lit = {one.weights: name for name, one in file.stages.items() if one.inputs is not None}
    if panel is None:
        return next(iter(lit.values()))
    if panel not in lit:
        raise SettingsError(
            f"panel: found '{panel}'; allowed: a panel whose stage has inputs of its own: "
            f"{listed(lit)}{nearest(panel, lit)}"
        )
    return lit[panel]


def _rows(found: DisplayTiming) -> list[tuple[str, str, str]]:
    from protocols.readable_quantities import readable

    def seconds(value: float) -> str:
        return readable(value, "s")

    advice = "on and settled when the panel says so"
    if found.margin < 0:
        advice = f"too short: add {seconds(-found.margin)} to its latency or settling"
    return [
        (
            "panel",
            found.panel,
            f"{found.flashes} flashes, a reading every {seconds(found.reading)}",
        ),
        (
            "latency",
            seconds(found.latency),
            "from handing a frame over to the first change of its light",
        ),
        (
            "its spread",
            seconds(found.latency_spread),
            f"rms; {seconds(found.earliest)} to {seconds(found.latest)}, waiting for the next "
            f"refresh (every {seconds(found.refresh)}) included",
        ),
        (
            "unstated latency",
            seconds(found.unstated_latency),
            "later than refresh and latency of its settings say",
        ),
        ("time constant", seconds(found.time_constant), "of the liquid crystal"),
        ("settling", seconds(found.settling), "until less than 1 % of the step is missing"),
        ("margin", seconds(found.margin), advice),
        ("frames skipped", str(found.skipped_frames), "refreshes by which light came too late"),
        ("flashes not seen", str(found.unseen), f"of {found.flashes}"),
    ]
