"""``backbeam calibrate``: measure the calibration tables of a bench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.commands.simulate import RecordWire, Simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instruments.bench_file.schema import BenchFile
    from protocols.calibration.results import ProtocolResult, Quantity

CALIBRATE_EXAMPLES = """**Examples**

backbeam calibrate my_bench.toml                              everything, in order

backbeam calibrate my_bench.toml --only modulators --only taps

backbeam calibrate --out tables                               the built-in bench

backbeam calibrate my_bench.toml --oven 60,65,70,75           optical depth against temperature

backbeam calibrate my_bench.toml --simulate wire --out tables   the drivers, on a simulated wire
"""

DEFAULT_FOLDER = "calibration"


def calibrate(
    bench: Annotated[
        str,
        typer.Argument(metavar="BENCH", help="Bench file, or name of a built-in bench."),
    ] = "digits",
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Protocol to run: detectors, camera-registration, registration, modulators, "
            "mirrors, spatial-light-modulator, vector-matrix, taps, absorber, amplifiers. May be "
            "repeated; what it needs of the others is taken from the stored tables.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where tables and plots go; by default the file's calibration folder, or "
            f"'{DEFAULT_FOLDER}' beside the file.",
        ),
    ] = None,
    valid_for: Annotated[
        float,
        typer.Option(metavar="HOURS", help="How long the tables can be relied on; 0: for ever."),
    ] = 24.0,
    oven: Annotated[
        str | None,
        typer.Option(
            metavar="CELSIUS,...", help="Measure the optical depth at these temperatures as well."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the patterns that are shown.")] = 0,
    simulate: Simulate = None,
    record_wire: RecordWire = None,
) -> None:
    """Measure every calibration table through the instruments, and store what can be believed.

    Prints each quantity with its uncertainty and draws plots beside the tables. A fit that is
    refused replaces nothing and makes the exit code 1.
    """
    from rich.console import Console

    from instruments.errors import SettingsError
    from protocols.calibration.sequence import opened_for_calibration, plan_steps, run_steps
    from protocols.commands.simulate import found_bench, shared_resources
    from protocols.commands.tables import open_console

    if not 0.0 <= valid_for < float("inf"):
        raise SettingsError(f"valid-for: found {valid_for:g}; give a number of hours, 0 for ever")
    temperatures = _temperatures(oven)
    if simulate is not None and out is None:
        raise SettingsError(
            "simulate: tables of simulated instruments do not belong beside those of the real "
            "ones; name a folder of their own with --out"
        )
    given = found_bench(bench, simulate)
    folder = _folder(given, bench, out, simulated=simulate is not None)
    file = _with_folder(given, folder)
    with opened_for_calibration(
        file,
        from_measured=bool(only),
        valid_for_seconds=3600.0 * valid_for or None,
        seed=seed,
        shared=shared_resources(record_wire, file),
    ) as session:
        steps = plan_steps(session, only or (), temperatures)
        with _Bar(len(steps), Console(stderr=True)) as bar:
            results = run_steps(session, steps, folder, lambda step, _: bar.step(step.target))
    console = open_console()
    _print_results(console, results)
    refused = [result for result in results if not result.accepted]
    for result in refused:
        typer.echo(f"refused: {result.protocol} {result.target}: {result.refusals[0]}", err=True)
    typer.echo(f"tables and plots are in {folder}")
    if given.calibration_folder != folder:
        typer.echo(f'to use them: [calibration] folder = "{folder.as_posix()}" in the bench file')
    if refused:
        raise typer.Exit(1)


def _folder(file: BenchFile, named: str, out: Path | None, *, simulated: bool) -> Path:
    """Return where tables go; refuse a folder in which they would replace others' tables."""
    from instruments.calibration.table import owner_of
    from instruments.errors import SettingsError

    own = file.calibration_folder
    if own is None and Path(named).suffix == ".toml":
        own = Path(named).parent / DEFAULT_FOLDER
    folder = own if out is None else out
    if folder is None:
        raise SettingsError(
            f"'{named}' is built in and has no folder of its own: name one with --out"
        )
    if simulated and own is not None and folder.resolve() == own.resolve():
        raise SettingsError(
            f"out: {folder} is where the tables of the real instruments belong, and those of "
            "simulated ones would replace them; name another folder"
        )
    for path in sorted(folder.glob("*.npz")):
        owner = owner_of(path)
        if owner not in (None, file.name):
            raise SettingsError(
                f"out: {path} is a table of bench '{owner}', and '{file.name}' is measured: "
                "name a folder of its own"
            )
    return folder


def _with_folder(file: BenchFile, folder: Path) -> BenchFile:
    from instruments.bench_file.schema import CalibrationSection

    # Resolved: what a file says of its folder counts from the file, what was typed from here.
    section = CalibrationSection(folder=folder.resolve())
    return file.model_copy(update={"calibration": section})


def _temperatures(text: str | None) -> list[float]:
    from instruments.errors import SettingsError

    if text is None:
        return []
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise SettingsError(f"oven: found '{text}'; give temperatures such as 60,65,70") from None


class _Bar:
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, steps: int, console: object) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        assert isinstance(console, Console)
        self._progress = Progress(
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("opening", total=steps)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, target: str) -> None:
        """Note that a step is done."""
        self._progress.update(self._task, advance=1, description=target)


def _print_results(console: object, results: Sequence[ProtocolResult]) -> None:
    from rich.console import Console

    from protocols.commands.tables import print_table

    assert isinstance(console, Console)
    rows = []
    for result in results:
        verdict = "yes" if result.accepted else "no"
        for number, quantity in enumerate(result.quantities):
            value, sigma = shown_with_sigma(quantity)
            first = number == 0
            rows.append(
                (
                    result.protocol if first else "",
                    result.target if first else "",
                    quantity.name,
                    value,
                    sigma,
                    quantity.unit,
                    verdict if first else "",
                )
            )
        for kind, texts in (("refused", result.refusals), ("note", result.notes)):
            rows += [
                (result.protocol, result.target, f"{kind}: {text}", "", "", "", verdict)
                for text in texts[:4]
            ]
    columns = ("protocol", "of", "quantity", "value", "one sigma", "unit", "accepted")
    print_table(console, columns, rows, ("value", "one sigma"))


def shown_with_sigma(quantity: Quantity) -> tuple[str, str]:
    """Return a value and its uncertainty, both to the second digit of the uncertainty."""
    import math

    value, sigma = quantity.value, quantity.sigma
    if not (math.isfinite(sigma) and sigma > 0.0):
        return f"{value:.4g}", ""
    digits = 1 - math.floor(math.log10(sigma))
    if not 0 <= digits <= 7:
        return f"{value:.6g}", f"{sigma:.2g}"
    return f"{value:.{digits}f}", f"{sigma:.{digits}f}"
