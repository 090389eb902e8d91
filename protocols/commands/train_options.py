"""The options of ``backbeam train``: their types, names and help, as typer reads them."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import typer


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


class Loss(enum.StrEnum):
    """The loss at the output."""

    mse = "mse"
    cross_entropy = "cross-entropy"


class Optimizer(enum.StrEnum):
    """How gradients change weights."""

    adam = "adam"
    sgd = "sgd"


class Errors(enum.StrEnum):
    """How errors travel back."""

    network = "network"
    digital = "digital"
    finite_difference = "finite-difference"


class OnPoorGradient(enum.StrEnum):
    """What happens when the gradient is wrong and noise is not why."""

    warn = "warn"
    stop = "stop"


class Start(enum.StrEnum):
    """How weights start."""

    auto = "auto"
    normal = "normal"
    double_peaked = "double-peaked"


_NETWORK, _DATA, _TRAINING, _RECORD = "Network", "Data", "Training", "Record"
_HEALTH = "Health of a bench"


def _option(panel: str, metavar: str | None, help: str, *names: str) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)


BenchArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="BENCH",
        help="Bench file, or name of a built-in bench. Default: digits, all of it simulated.",
        show_default=False,
    ),
]
Ideal = Annotated[
    bool,
    _option(
        _NETWORK,
        None,
        "The paper's algebra without devices; with BENCH, in the layers of that bench.",
        "--ideal",
    ),
]
Layers = Annotated[
    str | None,
    _option(
        _NETWORK,
        "N,N,..",
        "Neurons of each layer, such as 784,128,10. Default: one hidden layer, of 48 for "
        "digits and 128 for larger data.",
    ),
]
ActivationOption = Annotated[
    Activation,
    _option(
        _NETWORK,
        "UNIT",
        "What stands between layers: absorber, gain, relu, tanh, sigmoid or linear.",
    ),
]
OpticalDepth = Annotated[
    float, _option(_NETWORK, "DEPTH", "Resonant optical depth of the absorber.")
]
Gain = Annotated[float, _option(_NETWORK, "G0", "Small-signal gain, with --activation gain.")]
ModelOption = Annotated[
    Model,
    _option(
        _NETWORK,
        "NAME",
        "Of absorber and gain: eq4, the paper's Eq. 4, or propagated, slice by slice.",
    ),
]
DerivativeOption = Annotated[
    Derivative,
    _option(
        _NETWORK,
        "NAME",
        "What multiplies errors on their way back: probe, the transmission a weak probe sees; "
        "exact, the true derivative; one, a control experiment.",
    ),
]

Data = Annotated[
    str,
    _option(
        _DATA,
        "NAME",
        "digits, mnist, fashion-mnist, kmnist, emnist-balanced, or FILE.npz with arrays x and y.",
    ),
]
DataFolder = Annotated[
    Path | None,
    _option(
        _DATA,
        "FOLDER",
        "Where the IDX files of mnist and the like lie, gzipped or not. Without it, and without "
        "the variable BACKBEAM_DATA, they are downloaded.",
    ),
]
ImageSize = Annotated[
    int | None, _option(_DATA, "SIDE", "Down-sample images to this side, such as 14.")
]
Subset = Annotated[int | None, _option(_DATA, "COUNT", "Train on so many images only.")]
SplitSeed = Annotated[int, _option(_DATA, "SEED", "Seed of the validation / test split.")]
InputScale = Annotated[
    float,
    _option(_DATA, "FIELD", "Inputs run from 0 to this, in units of the saturation field."),
]

Epochs = Annotated[
    int | None, _option(_TRAINING, "COUNT", "Passes over the data. Default: 50; digits 100.")
]
BatchSize = Annotated[int, _option(_TRAINING, "COUNT", "Samples a gradient is averaged over.")]
LearningRate = Annotated[
    float | None, _option(_TRAINING, "RATE", "Size of the steps. Default: 5e-4; digits 3e-3.")
]
OptimizerOption = Annotated[
    Optimizer,
    _option(_TRAINING, "NAME", "How gradients change weights: adam, or sgd with momentum."),
]
Momentum = Annotated[
    float, _option(_TRAINING, "SHARE", "How much of the last step sgd keeps, 0 to below 1.")
]
LossOption = Annotated[
    Loss, _option(_TRAINING, "NAME", "mse, whose error z - t light can form, or cross-entropy.")
]
ErrorsOption = Annotated[
    Errors,
    _option(
        _TRAINING,
        "PATH",
        "How errors travel back: network, through the network itself; digital, computed from "
        "what was measured forward (hybrid training); finite-difference, not at all: weights "
        "are moved and the loss compared.",
    ),
]
WeightsPerLayer = Annotated[
    int | None,
    _option(
        _TRAINING,
        "COUNT",
        "With finite-difference: weights moved a layer and step. Default: all.",
    ),
]
StartOption = Annotated[
    Start,
    _option(
        _TRAINING,
        "NAME",
        "How weights are drawn: normal, double-peaked, or auto, which is double-peaked above "
        "optical depth 30.",
    ),
]
InitialStd = Annotated[
    float | None,
    _option(
        _TRAINING,
        "WIDTH",
        "Standard deviation of that distribution. Default: 0.1; double-peaked, and for digits on "
        "a bench, 0.15.",
    ),
]
InitialWeights = Annotated[
    Path | None,
    _option(_TRAINING, "FILE", "Start from this .npz instead, as `backbeam export` writes it."),
]
Patience = Annotated[
    int | None,
    _option(
        _TRAINING,
        "EPOCHS",
        "Stop when validation accuracy has not risen for so long. Default: never.",
    ),
]
Seed = Annotated[
    int,
    _option(_TRAINING, "SEED", "Of first weights and shuffling. Same seed, same run."),
]

CheckEvery = Annotated[
    int,
    _option(
        _HEALTH,
        "STEPS",
        "How often the gradient that light measures is compared with that of the calibration "
        "tables; 0: never.",
    ),
]
CheckTakes = Annotated[
    int,
    _option(_HEALTH, "COUNT", "How often a minibatch is taken for that; what differs is noise."),
]
OnPoorGradientOption = Annotated[
    OnPoorGradient,
    _option(
        _HEALTH,
        None,
        "When the cosine falls below 0.5 and noise is not why: warn, or stop in the safe state.",
        "--on-poor-gradient",
    ),
]
DriftEvery = Annotated[
    int,
    _option(
        _HEALTH,
        "STEPS",
        "How often to look for drift, and to measure tables again that have drifted; 0: never.",
    ),
]

Out = Annotated[
    Path | None,
    _option(_RECORD, "FOLDER", "Where the record goes. Default: runs/DATA-DATE-TIME."),
]
Note = Annotated[
    str, _option(_RECORD, "TEXT", "A line to remember the run by; `backbeam runs` shows it.")
]
FieldsEvery = Annotated[
    int,
    _option(
        _RECORD,
        "STEPS",
        "How often activations and errors of a few samples are kept; 0: never.",
    ),
]
CheckpointSeconds = Annotated[
    float,
    _option(_RECORD, "SECONDS", "Time between checkpoints: what a killed run loses at most."),
]
Resume = Annotated[
    Path | None, _option(_RECORD, "RUN", "Go on with this run from its last checkpoint.")
]
Monitor = Annotated[
    bool, _option(_RECORD, None, "Open the live monitor beside the run.", "--monitor")
]
MonitorHost = Annotated[
    str | None,
    _option(
        _RECORD,
        "ADDRESS",
        "Let monitors on other computers connect, at this address of this one; they need a copy "
        "of the run's monitor.json. Default: this computer only.",
    ),
]
JsonLine = Annotated[
    bool, _option(_RECORD, None, "Print the result as JSON on the last line.", "--json")
]
