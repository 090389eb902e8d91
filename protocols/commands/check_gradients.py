"""``backbeam check-gradients``: does the light measure the gradient it should?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.commands.simulate import RecordWire, Simulate

if TYPE_CHECKING:
    from rich.console import Console

    from instruments.bench import Bench
    from instruments.bench_file.schema import BenchFile
    from instruments.network import Array
    from protocols.datasets import Dataset
    from protocols.health.gradient_report import GradientReport

CHECK_GRADIENTS_EXAMPLES = """**Examples**

backbeam check-gradients                                   the built-in bench

backbeam check-gradients my_bench.toml --weights weights.npz    as `backbeam export` wrote them

backbeam check-gradients my_bench.toml --simulate           before the light is on

backbeam check-gradients my_bench.toml --data mnist --image-size 14 --samples 256
"""


def check_gradients(
    bench: Annotated[
        str,
        typer.Argument(metavar="BENCH", help="Bench file, or name of a built-in bench."),
    ] = "digits",
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="Weights to show, as `backbeam export` writes them. Default: a random start.",
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="digits, mnist, fashion-mnist, kmnist, emnist-balanced, or FILE.npz.",
        ),
    ] = "digits",
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where public data lies or is downloaded to."),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", min=1, help="Bring images to so many pixels a side."),
    ] = None,
    samples: Annotated[
        int, typer.Option(metavar="N", min=2, help="Training samples in the minibatch looked at.")
    ] = 64,
    takes: Annotated[
        int,
        typer.Option(
            metavar="N", min=2, help="How often the minibatch is taken; what differs is noise."
        ),
    ] = 8,
    spots: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Weights of each layer moved to measure the loss; where images are dark there is "
            "little to see, so take some.",
        ),
    ] = 32,
    seed: Annotated[
        int, typer.Option(min=0, help="Of samples, first weights and which of them are moved.")
    ] = 0,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.svg", help="The figure. Default: check-gradients-BENCH.svg, here."
        ),
    ] = None,
    simulate: Simulate = None,
    record_wire: RecordWire = None,
) -> None:
    """Compare the gradient that light measures with what it should be.

    Layer by layer with the one that follows from the calibration tables and with single weights
    moved on the bench; noise is told from signal by taking the minibatch several times. Then
    every bank of taps, and what has drifted. Writes no tables. Exit code 1: a layer's cosine is
    below 0.5 and noise is not why.
    """
    import numpy as np

    from instruments.bench_opening import open_bench
    from instruments.errors import SettingsError
    from protocols.calibration.plots import write_drawing
    from protocols.commands.simulate import found_bench, shared_resources
    from protocols.commands.tables import open_console
    from protocols.health.gradient_report import report_on, steps_of_report
    from protocols.losses import LOSSES

    file = found_bench(bench, simulate)
    dataset = _fitting_data(file, data, data_dir, image_size)
    generator = np.random.default_rng(seed)
    available = len(dataset.train_labels)
    if samples > available:
        typer.echo(f"{dataset.name} has {available} training samples: all are taken", err=True)
    chosen = generator.choice(available, min(samples, available), replace=False)
    plain = file.name.replace(" ", "-")
    place = Path(f"check-gradients-{plain}.svg") if figure is None else figure
    if not place.parent.is_dir():
        raise SettingsError(f"figure: there is no folder {place.parent}; make it first")
    with open_bench(file, shared=shared_resources(record_wire, file)) as opened:
        opened.write(_weights(opened, weights, data, generator))
        with _Bar(steps_of_report(opened, takes, spots)) as bar:
            report = report_on(
                opened,
                dataset.train_inputs[chosen],
                dataset.train_labels[chosen],
                LOSSES["mse"],
                takes=takes,
                spots=spots,
                generator=generator,
                after=bar.step,
            )
    console = open_console()
    _print_gradients(console, report)
    _print_taps(console, report)
    _print_drifts(console, report)
    write_drawing(place, report.curves())
    typer.echo(f"figure: {place}")
    if report.below_stop:
        raise typer.Exit(1)


def _fitting_data(
    file: BenchFile, name: str, folder: Path | None, image_size: int | None
) -> Dataset:
    from instruments.errors import SettingsError
    from protocols.experiment import DataChoice
    from protocols.settings import check

    choice = {"name": name, "data_folder": folder, "image_size": image_size}
    dataset = check(DataChoice, choice).load()
    found = (dataset.features, dataset.classes)
    allowed = (file.network.layers[0], file.network.layers[-1])
    if found != allowed:
        raise SettingsError(
            f"{dataset.name} has {found[0]} inputs and {found[1]} classes; {file.origin} has "
            f"{allowed[0]} inputs and {allowed[1]} outputs: choose other data with --data and "
            "--image-size"
        )
    return dataset


def _weights(bench: Bench, path: Path | None, data: str, generator: object) -> list[Array]:
    import numpy as np

    from protocols.initial_weights import (
        BENCH_STANDARD_DEVIATION,
        PAPER_STANDARD_DEVIATION,
        draw_weights,
        load_weights,
    )

    if path is not None:
        return load_weights(path, bench.layers)
    assert isinstance(generator, np.random.Generator)
    digits = data.lower() == "digits"
    width = BENCH_STANDARD_DEVIATION if digits else PAPER_STANDARD_DEVIATION
    return draw_weights(bench.layers, generator, standard_deviation=width)


class _Bar:
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("looking {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(bar_width=24),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("looking", total=steps)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self) -> None:
        """Note that a step is done."""
        self._progress.advance(self._task)


def _print_gradients(console: Console, report: GradientReport) -> None:
    from protocols.commands.tables import print_table

    rows = [
        (
            str(one.layer),
            f"{one.cosine:.3f}",
            f"{one.gain:.3f}",
            f"{one.residual:.3f}",
            f"{one.noise:.3f}",
            f"{one.signal_cosine:.3f}",
            str(one.level),
            str(one.takes_that_pay),
            f"{probe:.3f}",
            f"{spot.cosine:.3f}",
            f"{spot.noise_share:.3f}",
        )
        for one, probe, spot in zip(
            report.fidelity, report.probe_cosines, report.spots, strict=True
        )
    ]
    columns = (
        *("layer", "cosine", "gain", "residual", "noise", "without noise", "verdict"),
        *("frames that pay", "probe to exact", "weights moved", "their noise"),
    )
    numbers = [name for name in columns if name not in ("layer", "verdict")]
    print_table(console, columns, rows, numbers)
    for one in report.fidelity:
        console.print(one.sentence(), soft_wrap=True)
    for check in report.tap_only:
        console.print(check.sentence(), soft_wrap=True)
    if report.why_no_tap_only:
        console.print(f"taps alone tell nothing here: {report.why_no_tap_only}", soft_wrap=True)


def _print_taps(console: Console, report: GradientReport) -> None:
    from protocols.commands.tables import print_table

    rows = [
        (
            one.bank,
            f"{one.port} of layer {one.layer}",
            f"{one.signal_share:.1%}",
            f"{one.noise_share:.1%}",
            f"{one.scale:.3f}",
            str(one.worst_tap),
            str(one.frames_that_pay),
        )
        for one in report.taps
    ]
    columns = ("bank", "reads", "signal error", "noise", "scale", "worst tap", "frames that pay")
    print_table(console, columns, rows, columns[2:])


def _print_drifts(console: Console, report: GradientReport) -> None:
    from protocols.commands.tables import print_table

    rows = []
    for one in report.drifts:
        sigma = f"{one.sigma:.3f} {one.unit}" if one.unit else f"{100 * one.sigma:.1f} %"
        allowed = f"{one.allowed:g} {one.unit}" if one.unit else f"{100 * one.allowed:.0f} %"
        verdict = "yes" if one.is_beyond else ""
        if one.nominal and one.is_beyond:
            verdict = "never measured"
        again = one.protocol.replace(" ", "-") if one.is_beyond else ""
        rows.append((one.what, one.instrument, one.reading(), sigma, allowed, verdict, again))
    columns = ("drift of", "instrument", "found", "one sigma", "allowed", "beyond", "calibrate")
    print_table(console, columns, rows, ("found", "one sigma", "allowed"))
