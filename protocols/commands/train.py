"""``backbeam train``: train a bench or an ideal network, or go on with a run that was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from protocols.commands import train_options as option
from protocols.commands.simulate import RecordWire, Simulate
from protocols.commands.train_options import Activation, Errors, Optimizer

if TYPE_CHECKING:
    from instruments.bench_file.schema import BenchFile
    from instruments.network import Network, NonlinearUnit
    from protocols.datasets import Dataset
    from protocols.record.recorder import Recorder
    from protocols.training import Training

EXAMPLES = """**Examples**

backbeam train                                      the built-in bench learns digits

backbeam train my_bench.toml --epochs 30 --note "a first try"

backbeam train my_bench.toml --simulate wire        real drivers, models of their instruments

backbeam train --ideal --layers 64,32,10            the same without devices

backbeam train --data mnist --layers 784,128,10 --derivative exact

backbeam train --resume runs/digits-20260131-120000
"""

WIDTH_BESIDE_PATH = 24

_OPTICAL = (Activation.absorber, Activation.gain)
_BUILT_IN = "digits"
_OF_MONITORS = ("monitor", "monitor_host")
_NAMED = ("optimizer", "loss", "errors", "on_poor_gradient")
_OF_IDEAL_NETWORKS = ("layers", "activation", "optical_depth", "gain", "model")


def train(
    context: typer.Context,
    bench: option.BenchArgument = None,
    ideal: option.Ideal = False,
    layers: option.Layers = None,
    activation: option.ActivationOption = Activation.absorber,
    optical_depth: option.OpticalDepth = 10.0,
    gain: option.Gain = 3.0,
    model: option.ModelOption = option.Model.eq4,
    derivative: option.DerivativeOption = option.Derivative.probe,
    data: option.Data = "digits",
    data_dir: option.DataFolder = None,
    image_size: option.ImageSize = None,
    subset: option.Subset = None,
    split_seed: option.SplitSeed = 0,
    input_scale: option.InputScale = 1.0,
    epochs: option.Epochs = None,
    batch_size: option.BatchSize = 64,
    learning_rate: option.LearningRate = None,
    optimizer: option.OptimizerOption = Optimizer.adam,
    momentum: option.Momentum = 0.9,
    loss: option.LossOption = option.Loss.mse,
    errors: option.ErrorsOption = Errors.network,
    weights_per_layer: option.WeightsPerLayer = None,
    start: option.StartOption = option.Start.auto,
    initial_std: option.InitialStd = None,
    initial_weights: option.InitialWeights = None,
    patience: option.Patience = None,
    seed: option.Seed = 0,
    check_every: option.CheckEvery = 100,
    check_takes: option.CheckTakes = 4,
    on_poor_gradient: option.OnPoorGradientOption = option.OnPoorGradient.warn,
    drift_every: option.DriftEvery = 0,
    out: option.Out = None,
    note: option.Note = "",
    fields_every: option.FieldsEvery = 500,
    checkpoint_seconds: option.CheckpointSeconds = 10.0,
    resume: option.Resume = None,
    simulate: Simulate = None,
    record_wire: RecordWire = None,
    monitor: option.Monitor = False,
    monitor_host: option.MonitorHost = None,
    json_line: option.JsonLine = False,
) -> None:
    """Train a bench, real or simulated, and record how it went.

    Without arguments the built-in bench, all of it simulated, learns handwritten digits. Without
    BENCH, --ideal, --layers and the like, or data other than digits, ask for the paper's algebra
    without devices. Ctrl-C ends a run safely (exit code 130); `backbeam train --resume RUN` goes
    on where it ended.
    """
    values = locals().copy()
    if monitor:
        from protocols.live.publishing import check_window

        check_window()
    if resume is not None:
        from protocols.experiment import resume as resume_run

        _refuse_other_options(context, allowed=("resume", "json_line", "data_dir", *_OF_MONITORS))
        training, recorder = resume_run(resume, data_dir)
    else:
        file = _bench_file(values, _given(context))
        training, recorder = _begin(
            values,
            file,
            data={
                "name": data,
                "data_folder": data_dir,
                "image_size": image_size,
                "subset": subset,
                "split_seed": split_seed,
                "input_scale": input_scale,
            },
        )
        values["opens_bench"] = file is not None and not ideal
        for remark in _options_without_effect(values, _given(context)):
            typer.echo(f"note: {remark}", err=True)
    with closing(training.network):
        _run(training, recorder, json_line, monitor, monitor_host)


def _bench_file(values: dict[str, Any], given: set[str]) -> BenchFile | None:
    """Return the file of the bench that is meant; ``None`` for a network given by options."""
    from instruments.errors import SettingsError
    from protocols.commands.simulate import found_bench

    bench, named = values["bench"], [name for name in _OF_IDEAL_NETWORKS if name in given]
    other_data = values["data"].lower() != "digits"
    if bench is None and (values["ideal"] or named or other_data):
        return None
    if named:
        raise SettingsError(
            f"{', '.join(map(_flag, named))}: the bench file {bench} says what network it is; "
            "change it there, or leave BENCH out to train an ideal network"
        )
    return found_bench(_BUILT_IN if bench is None else bench, values["simulate"])


def _given_unit(values: dict[str, Any]) -> NonlinearUnit:
    """Return the nonlinear unit that the options describe."""
    from math import isfinite

    from instruments.errors import SettingsError
    from instruments.network import NonlinearUnit

    activation, derivative = values["activation"], values["derivative"].value
    if activation not in _OPTICAL:
        # Computed functions know one derivative, whatever a probe would see.
        return NonlinearUnit(activation.value, derivative="exact" if derivative != "one" else "one")
    name = "gain" if activation is Activation.gain else "optical_depth"
    strength = values[name]
    if not (isfinite(strength) and strength >= 0):
        raise SettingsError(
            f"{name.replace('_', '-')}: found {strength:g}; give a number from 0 on"
        )
    return NonlinearUnit(activation.value, strength, values["model"].value, derivative)


def _settings(
    values: dict[str, Any], unit: NonlinearUnit | None, *, on_bench: bool
) -> dict[str, Any]:
    """Return the training settings, with the defaults that depend on other options."""
    from protocols.initial_weights import (
        BENCH_STANDARD_DEVIATION,
        DEEPEST_NORMAL_START,
        DOUBLE_PEAK_STANDARD_DEVIATION,
        PAPER_STANDARD_DEVIATION,
    )
    from protocols.settings import TrainingSettings

    digits = values["data"].lower() == "digits"
    start = values["start"].value
    if start == "auto":
        depth = unit.strength if unit is not None and unit.kind == "absorber" else 0.0
        start = "double-peaked" if depth > DEEPEST_NORMAL_START else "normal"
    if start == "double-peaked":
        width = DOUBLE_PEAK_STANDARD_DEVIATION
    else:
        width = BENCH_STANDARD_DEVIATION if on_bench and digits else PAPER_STANDARD_DEVIATION
    defaults = {
        "epochs": 100 if digits else 50,
        "learning_rate": 3e-3 if digits else 5e-4,
        "initial_std": width,
    }
    given = {name: values[name] for name in TrainingSettings.model_fields}
    given |= {name: value for name, value in defaults.items() if given[name] is None}
    given |= {name: given[name].value for name in _NAMED}
    return given | {"start": start}


def _is_absorber(values: dict[str, Any]) -> bool:
    return values["activation"] is Activation.absorber


def _begin(
    values: dict[str, Any], file: BenchFile | None, data: dict[str, Any]
) -> tuple[Training, Recorder]:
    from instruments.bench_opening import network_layers, open_bench
    from instruments.errors import SettingsError
    from protocols.commands.simulate import shared_resources
    from protocols.experiment import DataChoice, record
    from protocols.settings import TrainingSettings, check
    from protocols.training import Training
    from sim_backends.ideal_network import IdealNetwork

    network: Network
    derivative = values["derivative"].value
    layers = None if file is None else network_layers(file, derivative)
    unit = _given_unit(values) if layers is None else layers[0].unit
    on_bench = file is not None and not values["ideal"]
    checked = check(TrainingSettings, _settings(values, unit, on_bench=on_bench))
    choice = check(DataChoice, data)
    sizes = None if values["layers"] is None else _parse_layers(values["layers"])
    out, note = values["out"], " ".join(values["note"].split())
    if out is not None and out.exists():
        raise SettingsError(f"{out} exists already: choose another --out, or --resume it")
    dataset = choice.load()
    if file is None or layers is None:
        assert unit is not None
        network = IdealNetwork.dense(_fitting_sizes(sizes, dataset, values["layers"]), unit)
    else:
        _check_fit(file, dataset)
        network = (
            IdealNetwork(layers)
            if values["ideal"]
            else open_bench(
                file, derivative=derivative, shared=shared_resources(values["record_wire"], file)
            )
        )
    try:
        training = Training(network, dataset, checked)
        with _new_folder(dataset.name) if out is None else nullcontext(out) as path:
            return training, record(training, choice, path, note)
    except BaseException:
        network.close()
        raise


def _check_fit(file: BenchFile, dataset: Dataset) -> None:
    """Refuse data a bench was not made for."""
    from instruments.errors import SettingsError

    found = (dataset.features, dataset.classes)
    allowed = (file.network.layers[0], file.network.layers[-1])
    if found != allowed:
        raise SettingsError(
            f"{dataset.name} has {found[0]} inputs and {found[1]} classes; {file.origin} has "
            f"{allowed[0]} inputs and {allowed[1]} outputs: choose other data with --data and "
            "--image-size, or a bench made for these"
        )


def _fitting_sizes(sizes: list[int] | None, dataset: Dataset, layers: str | None) -> list[int]:
    from instruments.errors import SettingsError

    if sizes is None:
        sizes = [dataset.features, _hidden_neurons(dataset), dataset.classes]
    elif (sizes[0], sizes[-1]) != (dataset.features, dataset.classes):
        between = "".join(f"{size}," for size in sizes[1:-1])
        raise SettingsError(
            f"layers: found {layers}, but {dataset.name} has {dataset.features} inputs and "
            f"{dataset.classes} classes; give {dataset.features},{between}{dataset.classes}"
        )
    return sizes


def _parse_layers(text: str) -> list[int]:
    from instruments.errors import SettingsError

    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) < 2 or min(sizes) < 1:
        raise SettingsError(
            f"layers: found {text!r}; give two or more whole numbers from 1 on with commas "
            "between, such as 784,128,10"
        )
    return sizes


def _hidden_neurons(dataset: Dataset) -> int:
    return 48 if dataset.features <= 64 else 128


@contextmanager
def _new_folder(name: str) -> Iterator[Path]:
    """Give a path under ``runs/`` that does not exist yet, to this process only.

    Several runs started together, one for each seed, begin within the same second.
    """
    from datetime import datetime

    from instruments.errors import RecordError

    stem = f"{Path(name).stem}-{datetime.now():%Y%m%d-%H%M%S}"
    path, number = Path("runs") / stem, 1
    try:
        path.parent.mkdir(exist_ok=True)
        while True:
            claim = path.with_name(f".{path.name}.claim")
            try:
                claim.touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                if not path.exists():
                    break
                claim.unlink()
            number += 1
            path = Path("runs") / f"{stem}-{number}"
    except OSError as error:
        raise RecordError(
            f"{path} cannot be written ({error.strerror}); choose another folder with --out"
        ) from error
    try:
        yield path
    finally:
        claim.unlink(missing_ok=True)


def _given(context: typer.Context) -> set[str]:
    """Return the names of the options that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def _flag(name: str) -> str:
    return "--json" if name == "json_line" else f"--{name.replace('_', '-')}"


def _options_without_effect(values: dict[str, Any], given: set[str]) -> list[str]:
    """Say which options were given in vain, so that nobody believes they did something."""
    activation, optical = values["activation"], values["activation"] in _OPTICAL
    drawn = values["initial_weights"] is None
    computed = optical or values["derivative"] is option.Derivative.one
    needed = {
        "optical_depth": (_is_absorber(values), "--activation absorber"),
        "gain": (activation is Activation.gain, "--activation gain"),
        "model": (optical, "--activation absorber or gain"),
        "derivative": (computed, "--activation absorber or gain"),
        "momentum": (values["optimizer"] is Optimizer.sgd, "--optimizer sgd"),
        "start": (drawn, "weights that are drawn, not loaded"),
        "initial_std": (drawn, "weights that are drawn, not loaded"),
        "simulate": (values["opens_bench"], "a bench"),
        "record_wire": (values["opens_bench"], "a bench"),
        "check_every": (values["opens_bench"], "a bench"),
        "check_takes": (values["opens_bench"] and values["check_every"], "a bench that is checked"),
        "on_poor_gradient": (
            values["opens_bench"] and values["check_every"],
            "a bench that is checked",
        ),
        "drift_every": (values["opens_bench"], "a bench"),
    }
    return [
        f"{_flag(name)} has no effect here; it goes with {what}"
        for name, (used, what) in needed.items()
        if name in given and not used
    ]


def _refuse_other_options(context: typer.Context, allowed: tuple[str, ...]) -> None:
    from instruments.errors import SettingsError

    # The bench is an argument, all others are options.
    others = sorted(
        "BENCH" if name == "bench" else _flag(name)
        for name in _given(context)
        if name not in allowed
    )
    if others:
        raise SettingsError(
            f"{', '.join(others)} cannot be given with --resume: "
            "a run goes on with the settings it was started with"
        )


def _quoted(path: Path) -> str:
    """Return a path as it has to be typed."""
    import os
    import shlex
    import subprocess

    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def _run(
    training: Training,
    recorder: Recorder,
    json_line: bool,
    monitor: bool,
    monitor_host: str | None,
) -> None:
    import json

    from rich.console import Console

    from instruments.bench import Bench
    from instruments.gain_ledger import LEDGER_HEADINGS, ledger_rows
    from protocols.commands.tables import open_console, print_table
    from protocols.interruption import Interrupted, StopRequest
    from protocols.live.publishing import open_window, published
    from protocols.live_progress import LiveProgress
    from protocols.reporting import result_table

    class StatusConsole(Console):
        """Falls silent when nobody reads it any more: a training outlives its log."""

        def on_broken_pipe(self) -> None:
            self.quiet = True

    status = StatusConsole(stderr=True, highlight=False, markup=False)
    # Lines that hold a path are never broken: they are there to be copied.
    status.print(
        f"{training.network!r} on {training.dataset.name}, run in {recorder.path}", soft_wrap=True
    )
    try:
        with (
            # However it ends, also before the first step: its record says so.
            recorder,
            StopRequest() as stop,
            published(recorder, stop, monitor_host) as control,
            LiveProgress(training, status) as progress,
        ):
            if monitor:
                open_window(recorder.path)
            result = training.run(recorder, progress, stop, control)
    except Interrupted as interrupted:
        status.print(
            f"{interrupted}; everything is safe. Go on with: "
            f"backbeam train --resume {_quoted(recorder.path)}",
            soft_wrap=True,
        )
        raise typer.Exit(interrupted.exit_code) from None
    console = open_console()
    if not console.is_terminal:
        console.width = max(console.width, len(str(recorder.path)) + WIDTH_BESIDE_PATH)
    console.print(result_table(result))
    if isinstance(training.network, Bench):
        rows = ledger_rows(training.network.gain_ledger())
        print_table(console, LEDGER_HEADINGS, rows, LEDGER_HEADINGS[2:])
    if json_line:
        print(json.dumps(result.summary()))
