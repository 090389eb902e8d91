"""What a training run is told: everything besides the network and the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from instruments.errors import SettingsError
from protocols.error_paths import ErrorPathName
from protocols.initial_weights import PAPER_STANDARD_DEVIATION, Start
from protocols.losses import LossName
from protocols.optimizers import OptimizerName

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
OnPoorGradient = Literal["warn", "stop"]


class TrainingSettings(BaseModel):
    """Settings of a training run; the defaults are Appendix A of arXiv:1912.12256.

    Attributes
    ----------
    patience
        Stop when the validation accuracy has not risen for so many epochs; ``None``: never.
    weights_per_layer
        With finite differences, how many weights to probe a layer and step; ``None``: all.
    fields_every
        Keep activations and errors of a few samples every so many steps; 0: never.
    checkpoint_seconds
        Time between checkpoints: what a killed run loses at most.
    check_every
        On a bench, steps from one look at the gradient's fidelity to the next; 0: never.
    check_takes
        How often a minibatch is taken for it: what differs is noise.
    on_poor_gradient
        What happens when signal, not noise, leaves a cosine below 0.5.
    drift_every
        On a bench, steps from one look for drift to the next, and to measuring again what
        drifted; 0: never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Count = 50
    batch_size: Count = 64
    learning_rate: Positive = 5e-4
    optimizer: OptimizerName = "adam"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    loss: LossName = "mse"
    errors: ErrorPathName = "network"
    weights_per_layer: Count | None = None
    start: Start = "normal"
    initial_std: Positive = PAPER_STANDARD_DEVIATION
    initial_weights: Path | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    patience: Count | None = None
    fields_every: Annotated[int, Field(ge=0)] = 500
    checkpoint_seconds: Positive = 10.0
    check_every: Annotated[int, Field(ge=0)] = 100
    check_takes: Annotated[int, Field(ge=2)] = 4
    on_poor_gradient: OnPoorGradient = "warn"
    drift_every: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _weights_per_layer_needs_finite_differences(self) -> Self:
        if self.weights_per_layer is not None and self.errors != "finite-difference":
            raise ValueError(
                f"weights-per-layer: found {self.weights_per_layer}, but errors go back by way of "
                f"{self.errors!r}; it goes with errors = finite-difference only"
            )
        return self


Model = TypeVar("Model", bound=BaseModel)


def check(model: type[Model], values: Mapping[str, object]) -> Model:
    """Build a settings model; a value that is not allowed raises a one-line ``SettingsError``."""
    try:
        return model.model_validate(values)
    except ValidationError as invalid:
        problem = invalid.errors()[0]
        message = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:
            raise SettingsError(message) from invalid
        name = ".".join(map(str, problem["loc"])).replace("_", "-")
        raise SettingsError(
            f"{name}: found {problem['input']!r}; {message.replace('Input', 'it', 1)}"
        ) from invalid
