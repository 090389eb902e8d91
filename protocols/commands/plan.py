"""``backbeam plan``: time, gain and power of a bench, before anything is switched on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.commands.simulate import Simulate

if TYPE_CHECKING:
    from rich.console import Console

    from instruments.bench_file.schema import BenchFile
    from instruments.calibration.field_encoder import FieldEncoder
    from instruments.exposure_plan import BatchPlan, PanelPace, ShotPace
    from instruments.gain_plan import PlannedGain
    from instruments.network import Array, Layer
    from instruments.opening import PreparedInstrument
    from instruments.power_budget import AmplifierPower, StagePower

PLAN_EXAMPLES = """**Examples**

backbeam plan                                       the built-in bench

backbeam plan my_bench.toml --batch-size 256        does a larger batch pay?

backbeam plan my_bench.toml --samples 60000         how long an epoch of MNIST takes

backbeam plan my_bench.toml --weights weights.npz   gain for weights of `backbeam export`
"""

SAMPLES_WITHOUT_DATA = 1000
START_SEED = 0


def plan(
    bench: Annotated[
        str,
        typer.Argument(metavar="BENCH", help="Bench file, or name of a built-in bench."),
    ] = "digits",
    batch_size: Annotated[
        int, typer.Option(metavar="N", min=1, help="Samples of a minibatch.")
    ] = 64,
    samples: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Training samples of an epoch. Default: the built-in digits where they fit, "
            f"else {SAMPLES_WITHOUT_DATA}.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="Weights to hold, as `backbeam export` writes them. Default: a start drawn from "
            "N(0, 0.1).",
        ),
    ] = None,
    simulate: Simulate = None,
) -> None:
    """Say what a bench will take: exposures and time, gain, power. Nothing is opened.

    Which exposures a batch needs and which device paces each; what the passive optics hold of
    the weights and whether the amplifiers make up for the rest; how much light falls where. What
    will not work is said at the end.
    """
    from instruments.bench_opening import network_layers
    from instruments.calibration.nominal import nominal_tables
    from instruments.exposure_plan import panel_paces, plan_batch, shot_pace
    from instruments.gain_plan import plan_gains
    from instruments.opening import prepare_instruments
    from instruments.power_budget import power_budget
    from protocols.commands.simulate import found_bench
    from protocols.commands.tables import open_console

    file = found_bench(bench, simulate)
    prepared = prepare_instruments(file)
    tables = nominal_tables(file, prepared)
    layers = network_layers(file)
    matrices, origin = _weights(weights, layers)
    paces = panel_paces(file, prepared)
    shots = shot_pace(file, prepared)
    batch = plan_batch(file, paces, batch_size, shots)
    gains = plan_gains(file, tables.weight_banks, tables.amplifiers, matrices)
    powers = power_budget(
        file,
        prepared,
        tables.encoders,
        {one.stage: one.gain.amplifier_decibels for one in gains},
    )

    console = open_console()
    sizes = "-".join(map(str, file.network.layers))
    typer.echo(f"bench {file.name}, {sizes}: nothing is opened or switched on")
    _print_exposures(console, shots, batch, batch_size)
    _print_time(file, paces, shots, batch, batch_size, samples)
    _print_gains(console, gains, origin)
    _print_powers(console, file, powers)
    for remark in _remarks(file, prepared, tables.encoders, paces, shots, batch, gains, powers):
        typer.echo(f"warning: {remark}")


def _weights(path: Path | None, layers: Sequence[Layer]) -> tuple[list[Array], str]:
    """Return a matrix for each layer, and where they come from."""
    import numpy as np

    from protocols.initial_weights import PAPER_STANDARD_DEVIATION, draw_weights, load_weights

    if path is not None:
        return load_weights(path, layers), f"weights of {path}"
    drawn = draw_weights(layers, np.random.default_rng(START_SEED))
    return drawn, f"a start from N(0, {PAPER_STANDARD_DEVIATION:g})"


def _print_exposures(console: Console, shots: ShotPace, batch: BatchPlan, batch_size: int) -> None:
    from protocols.commands.tables import print_table
    from protocols.readable_quantities import readable

    rows = [
        (
            one.planned.what,
            one.planned.light,
            str(one.shots),
            readable(one.settling_seconds, "s") if one.planned.shows else "-",
            readable(one.shots_seconds, "s"),
            readable(one.seconds, "s"),
            one.paced_by,
        )
        for one in batch.exposures
    ]
    typer.echo(
        f"\nExposures of a batch of {batch_size}, a shot every {readable(shots.seconds, 's')}"
    )
    print_table(
        console,
        ("exposure", "light", "shots", "panels settle", "shots take", "together", "paced by"),
        rows,
        ("shots", "panels settle", "shots take", "together"),
    )


def _print_time(
    file: BenchFile,
    paces: Mapping[str, PanelPace],
    shots: ShotPace,
    batch: BatchPlan,
    batch_size: int,
    samples: int | None,
) -> None:
    from instruments.exposure_plan import epoch_seconds
    from protocols.readable_quantities import readable, readable_duration

    count, what = _epoch_samples(file, samples)
    seconds = epoch_seconds(file, paces, batch_size, count, shots)
    frames = f"{batch.frames} time{'s' if batch.frames > 1 else ''}"
    typer.echo(
        f"a batch takes {readable(batch.seconds, 's')}, most of it {batch.paced_by}; panels are "
        f"written {frames}, {readable(batch.writing_seconds, 's')} of it"
    )
    typer.echo(
        f"an epoch of {count} samples ({what}) takes {readable_duration(seconds)}; validation and "
        "the computer's own time come on top"
    )


def _epoch_samples(file: BenchFile, samples: int | None) -> tuple[int, str]:
    from protocols.datasets import load_dataset

    if samples is not None:
        return samples, "as asked"
    digits = load_dataset("digits")
    if (file.network.layers[0], file.network.layers[-1]) == (digits.features, digits.classes):
        return len(digits.train_labels), "the built-in digits"
    return SAMPLES_WITHOUT_DATA, "say how many with --samples"


def _print_gains(console: Console, gains: Sequence[PlannedGain], origin: str) -> None:
    from protocols.commands.tables import print_table

    rows = []
    for one in gains:
        line = one.gain
        rows.append(
            (
                line.layer,
                f"{line.outputs} x {line.inputs}",
                f"{line.largest_weight:.3g}",
                f"{line.row_column_decibels:.1f} dB",
                f"{line.singular_value_decibels or 0.0:.1f} dB",
                f"{line.free_space_decibels:.1f} dB",
                f"{line.bank_decibels:.1f} dB",
                f"{100 * line.passive_share:.2g} %",
                f"{one.amplifier or 'none'}: {one.highest_decibels:.1f} dB",
                "yes" if one.suffices else f"lacks {one.missing_decibels:.1f} dB",
            )
        )
    typer.echo(f"\nGain for {origin}: the least power gain by three bounds, and on this bench")
    print_table(
        console,
        (
            "layer",
            "matrix",
            "largest",
            "row bound",
            "singular values",
            "free space",
            "this bench",
            "held passively",
            "amplifier reaches",
            "enough",
        ),
        rows,
        ("largest", "row bound", "singular values", "free space", "this bench", "held passively"),
    )


def _print_powers(console: Console, file: BenchFile, powers: Sequence[StagePower]) -> None:
    from protocols.commands.tables import print_table
    from protocols.readable_quantities import readable

    rows = []
    for one in powers:
        rows.append(
            (
                one.stage,
                f"{one.passive_decibels:.1f} dB",
                *_amplifier_cells(one.amplifier),
                "-" if one.probe_watts is None else readable(one.probe_watts, "W"),
                f"{one.tap_photons:.3g}",
                f"{one.shot_noise_field:.1g}",
            )
        )
    typer.echo(
        f"\nPower with every neuron at field 1, {readable(file.optics.saturation_power, 'W')}, and "
        "amplifiers as that gain asks"
    )
    print_table(
        console,
        (
            "stage",
            "path passes",
            "amplifiers",
            "each takes",
            "each gives",
            "saturates at",
            "strongest probe",
            "photons a window",
            "shot noise",
        ),
        rows,
        (
            "path passes",
            "each takes",
            "each gives",
            "saturates at",
            "strongest probe",
            "photons a window",
            "shot noise",
        ),
    )
    typer.echo("shot noise: of one reading, in saturation fields, if all light were tapped")


def _amplifier_cells(power: AmplifierPower | None) -> tuple[str, str, str, str]:
    from protocols.readable_quantities import readable

    if power is None:
        return "none", "-", "-", "-"
    saturation = power.saturation_watts
    return (
        f"{power.instrument}: {power.count} at {power.gain_decibels:.1f} dB",
        readable(power.input_watts, "W"),
        readable(power.output_watts, "W"),
        "not stated" if saturation is None else readable(saturation, "W"),
    )


def _remarks(
    file: BenchFile,
    prepared: Mapping[str, PreparedInstrument],
    encoders: Mapping[str, FieldEncoder],
    paces: Mapping[str, PanelPace],
    shots: ShotPace,
    batch: BatchPlan,
    gains: Sequence[PlannedGain],
    powers: Sequence[StagePower],
) -> Iterator[str]:
    """Say what will not work, or could not be planned."""
    from instruments.exposure_plan import most_shots
    from instruments.power_budget import TYPICAL_SATURATION_WATTS
    from protocols.readable_quantities import readable

    source = file.stages[file.network.stages[0]].inputs
    if source is not None:
        reach = float(encoders[source].highest_fields.min())
        if file.optics.input_field > reach:
            yield (
                f"an input of 1 is a field of {file.optics.input_field:g} and {source} reach "
                f"{reach:.3g}: lower optics.input_field, or train with a smaller --input-scale"
            )
    for pace in dict.fromkeys(paces.values()):
        if pace.seconds is None:
            yield (
                f"the settings of {pace.instrument} do not state refresh and settling; they are "
                "counted as no time"
            )
    if shots.seconds > file.exposure.shot_period:
        yield (
            f"{shots.instrument} shows a picture for {readable(shots.seconds, 's')} at least and "
            f"exposure.shot_period is {readable(file.exposure.shot_period, 's')}: planned with the "
            "longer one; the bench will not run before the file says so too"
        )
    longest = max(batch.exposures, key=lambda one: one.seconds)
    if longest.seconds > file.exposure.timeout:
        yield (
            f"'{longest.planned.what}' takes {readable(longest.seconds, 's')} and may take "
            f"{readable(file.exposure.timeout, 's')}: a smaller batch, or a longer exposure.timeout"
        )
    needed = max(one.shots for one in batch.exposures)
    for name, allowed in most_shots(prepared).items():
        if allowed < needed:
            yield f"{name} takes {allowed} shots at most and a batch needs {needed}"
    for one in gains:
        if not one.suffices:
            whose = f"amplifier {one.amplifier}" if one.amplifier else f"stage {one.stage}"
            yield (
                f"layer {one.gain.layer}: {whose} lacks {one.missing_decibels:.1f} dB; "
                f"{one.gain.clipped} of {one.gain.outputs * one.gain.inputs} weights "
                f"({one.gain.clipped_share:.1%}) stand at the bank's limit"
            )
    for power in powers:
        amplifier = power.amplifier
        if amplifier is None:
            continue
        saturation = readable(amplifier.saturation_watts or TYPICAL_SATURATION_WATTS, "W")
        if amplifier.saturation_watts is None:
            saturation += " (assumed; its settings state no saturation_power)"
        gives = f"{amplifier.instrument} gives {readable(amplifier.output_watts, 'W')} each"
        if amplifier.turns_signal_into_phase:
            yield (
                f"{gives} and saturates at {saturation}: its phase will depend on the signal; keep "
                "the output below a tenth (1 uW of input at 30 dB and 10 mW)"
            )
        elif amplifier.lacks_power:
            yield f"{gives} and saturates at {saturation}: it will not reach its gain"
