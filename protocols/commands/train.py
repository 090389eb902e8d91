"""``backbeam train``: train a network, or go on with a run that was cut off."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from instruments.network import Network
    from protocols.datasets import Dataset
    from protocols.record.recorder import Recorder
    from protocols.training import Training


class Activation(enum.StrEnum):
    """What stands between two layers."""

    absorber = "absorber"
    gain = "gain"
    relu = "relu"
    tanh = "tanh"
    sigmoid = "sigmoid"
    linear = "linear"


class Derivative(enum.StrEnum):
    """What multiplies errors on their way back."""

    probe = "probe"
    exact = "exact"
    one = "one"


class Model(enum.StrEnum):
    """Model of absorber and gain."""

    eq4 = "eq4"
    propagated = "propagated"


class LossChoice(enum.StrEnum):
    """The loss at the output."""

    mse = "mse"
    cross_entropy = "cross-entropy"


class OptimizerChoice(enum.StrEnum):
    """How gradients change weights."""

    adam = "adam"
    sgd = "sgd"


class ErrorChoice(enum.StrEnum):
    """How errors travel back."""

    network = "network"
    digital = "digital"
    finite_difference = "finite-difference"


class StartChoice(enum.StrEnum):
    """How weights start."""

    auto = "auto"
    normal = "normal"
    double_peaked = "double-peaked"


_NETWORK, _DATA, _TRAINING, _RECORD = "Network", "Data", "Training", "Record"


def train(
    context: typer.Context,
    ideal: Annotated[
        bool,
        typer.Option(
            "--ideal", help="The paper's algebra without devices.", rich_help_panel=_NETWORK
        ),
    ] = False,
    layers: Annotated[
        str | None,
        typer.Option(
            help="Neurons of each layer, such as 784,128,10. Default: one hidden layer that "
            "fits the data.",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    activation: Annotated[
        Activation, typer.Option(help="What stands between layers.", rich_help_panel=_NETWORK)
    ] = Activation.absorber,
    optical_depth: Annotated[
        float,
        typer.Option(help="Resonant optical depth of the absorber.", rich_help_panel=_NETWORK),
    ] = 10.0,
    gain: Annotated[
        float,
        typer.Option(
            help="Small-signal gain g0, with --activation gain.", rich_help_panel=_NETWORK
        ),
    ] = 3.0,
    model: Annotated[
        Model,
        typer.Option(
            help="Absorber and gain as in the paper's Eq. 4, or propagated slice by slice.",
            rich_help_panel=_NETWORK,
        ),
    ] = Model.eq4,
    derivative: Annotated[
        Derivative,
        typer.Option(
            help="Errors are multiplied by what a probe sees, by the exact derivative, or by "
            "one (a control experiment).",
            rich_help_panel=_NETWORK,
        ),
    ] = Derivative.probe,
    data: Annotated[
        str,
        typer.Option(
            help="digits, mnist, fashion-mnist, kmnist, emnist-balanced, or FILE.npz with x, y.",
            rich_help_panel=_DATA,
        ),
    ] = "digits",
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of IDX files, instead of a download. BACKBEAM_DATA does the same.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(help="Down-sample images to this side, e.g. 14.", rich_help_panel=_DATA),
    ] = None,
    subset: Annotated[
        int | None, typer.Option(help="Train on so many images only.", rich_help_panel=_DATA)
    ] = None,
    split_seed: Annotated[
        int,
        typer.Option(help="Seed of the validation / test split.", rich_help_panel=_DATA),
    ] = 0,
    input_scale: Annotated[
        float,
        typer.Option(help="Inputs run from 0 to this field.", rich_help_panel=_DATA),
    ] = 1.0,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Passes over the data. Default: 50; digits 100.", rich_help_panel=_TRAINING
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(help="Samples averaged in a gradient.", rich_help_panel=_TRAINING)
    ] = 64,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Default: 5e-4; digits 3e-3.", rich_help_panel=_TRAINING),
    ] = None,
    optimizer: Annotated[
        OptimizerChoice,
        typer.Option(help="How gradients change weights.", rich_help_panel=_TRAINING),
    ] = OptimizerChoice.adam,
    momentum: Annotated[
        float, typer.Option(help="With --optimizer sgd.", rich_help_panel=_TRAINING)
    ] = 0.9,
    loss: Annotated[
        LossChoice,
        typer.Option(help="Light can form the error of mse.", rich_help_panel=_TRAINING),
    ] = LossChoice.mse,
    errors: Annotated[
        ErrorChoice,
        typer.Option(
            help="Errors go back through the network, are computed (hybrid training), or are "
            "replaced by finite differences.",
            rich_help_panel=_TRAINING,
        ),
    ] = ErrorChoice.network,
    weights_per_layer: Annotated[
        int | None,
        typer.Option(
            help="With finite differences: weights probed a layer and step. Default: all.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    start: Annotated[
        StartChoice,
        typer.Option(
            help="Distribution of the first weights; auto: double-peaked above optical depth 30.",
            rich_help_panel=_TRAINING,
        ),
    ] = StartChoice.auto,
    initial_std: Annotated[
        float | None,
        typer.Option(
            help="Width of that distribution. Default: 0.1; double-peaked 0.15.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    initial_weights: Annotated[
        Path | None,
        typer.Option(
            help="Start from FILE.npz as 'backbeam export' writes it.", rich_help_panel=_TRAINING
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Stop when validation accuracy has not risen for so many epochs.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same run.", rich_help_panel=_TRAINING)] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the record. Default: runs/DATA-DATE-TIME.", rich_help_panel=_RECORD
        ),
    ] = None,
    note: Annotated[
        str, typer.Option(help="A line to remember the run by.", rich_help_panel=_RECORD)
    ] = "",
    fields_every: Annotated[
        int,
        typer.Option(
            help="Keep activations and errors of a few samples every so many steps; 0: never.",
            rich_help_panel=_RECORD,
        ),
    ] = 500,
    checkpoint_seconds: Annotated[
        float,
        typer.Option(
            help="Time between checkpoints: what a killed run loses at most.",
            rich_help_panel=_RECORD,
        ),
    ] = 10.0,
    resume: Annotated[
        Path | None,
        typer.Option(help="Go on with this run from its last checkpoint.", rich_help_panel=_RECORD),
    ] = None,
    json_line: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the result as JSON on the last line.", rich_help_panel=_RECORD
        ),
    ] = False,
) -> None:
    """Train a network and record how it went.

    Without options it learns the built-in handwritten digits. Ctrl-C ends a run safely
    (exit code 130); `backbeam train --resume RUN` goes on where it ended.
    """
    if resume is not None:
        from protocols.experiment import resume as resume_run

        _refuse_other_options(context, allowed=("resume", "json_line", "data_dir"))
        training, recorder = resume_run(resume, data_dir)
    else:
        training, recorder = _begin(
            settings=_settings(locals()),
            data={
                "name": data,
                "data_folder": data_dir,
                "image_size": image_size,
                "subset": subset,
                "split_seed": split_seed,
                "input_scale": input_scale,
            },
            layers=layers,
            unit={
                "kind": activation.value,
                "strength": gain if activation is Activation.gain else optical_depth,
                "model": model.value,
                "derivative": derivative.value,
            },
            out=out,
            note=note,
        )
    _run(training, recorder, json_line)


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    """Fill in the defaults that depend on other options."""
    small_data = options["data"] == "digits"
    start = options["start"].value
    if start == "auto":
        deep = options["activation"] is Activation.absorber and options["optical_depth"] > 30
        start = "double-peaked" if deep else "normal"
    width = options["initial_std"]
    return {
        "epochs": options["epochs"] if options["epochs"] is not None else 50 + 50 * small_data,
        "batch_size": options["batch_size"],
        "learning_rate": options["learning_rate"]
        if options["learning_rate"] is not None
        else (3e-3 if small_data else 5e-4),
        "optimizer": options["optimizer"].value,
        "momentum": options["momentum"],
        "loss": options["loss"].value,
        "errors": options["errors"].value,
        "weights_per_layer": options["weights_per_layer"],
        "start": start,
        "initial_std": width if width is not None else (0.15 if start != "normal" else 0.1),
        "initial_weights": options["initial_weights"],
        "patience": options["patience"],
        "seed": options["seed"],
        "fields_every": options["fields_every"],
        "checkpoint_seconds": options["checkpoint_seconds"],
    }


def _begin(
    settings: dict[str, Any],
    data: dict[str, Any],
    layers: str | None,
    unit: dict[str, Any],
    out: Path | None,
    note: str,
) -> tuple[Training, Recorder]:
    from instruments.errors import SettingsError
    from instruments.network import NonlinearUnit
    from protocols.experiment import DataChoice, begin
    from protocols.settings import TrainingSettings, check
    from sim_backends.ideal_network import IdealNetwork

    checked = check(TrainingSettings, settings)
    choice = check(DataChoice, data)
    sizes = None if layers is None else _parse_layers(layers)
    if out is not None and out.exists():
        raise SettingsError(f"{out} exists already: choose another --out, or --resume it")
    dataset = choice.load()
    sizes = sizes or [dataset.features, _hidden_neurons(dataset), dataset.classes]
    network: Network = IdealNetwork.dense(sizes, NonlinearUnit(**unit))
    return begin(network, choice, checked, out or _new_folder(dataset.name), note, dataset)


def _parse_layers(text: str) -> list[int]:
    from instruments.errors import SettingsError

    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise SettingsError(
            f"layers: found {text!r}; give whole numbers with commas between, such as 784,128,10"
        ) from None


def _hidden_neurons(dataset: Dataset) -> int:
    return 48 if dataset.features <= 64 else 128


def _new_folder(name: str) -> Path:
    """Return a path under ``runs/`` that does not exist yet."""
    from datetime import datetime

    stem = f"{Path(name).stem}-{datetime.now():%Y%m%d-%H%M%S}"
    path, number = Path("runs") / stem, 1
    while path.exists():
        number += 1
        path = Path("runs") / f"{stem}-{number}"
    return path


def _refuse_other_options(context: typer.Context, allowed: tuple[str, ...]) -> None:
    from instruments.errors import SettingsError

    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in allowed and source is not None and source.name == "COMMANDLINE":
            raise SettingsError(
                f"--{name.replace('_', '-')} does not go with --resume: "
                "a run goes on with the settings it was started with"
            )


def _run(training: Training, recorder: Recorder, json_line: bool) -> None:
    import json

    from rich.console import Console

    from protocols.interruption import Interrupted
    from protocols.progress import LiveProgress
    from protocols.reporting import result_table

    status = Console(stderr=True, highlight=False)
    status.print(f"{training.network!r} on {training.dataset.name}, run in {recorder.path}")
    try:
        with LiveProgress(training, status) as progress:
            result = training.run(recorder, progress)
    except Interrupted as interrupted:
        status.print(
            f"{interrupted}; everything is safe. Go on with: "
            f"backbeam train --resume {recorder.path}"
        )
        raise typer.Exit(interrupted.exit_code) from None
    Console().print(result_table(result))
    if json_line:
        print(json.dumps(result.summary()))
