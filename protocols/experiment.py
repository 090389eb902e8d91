"""What a run is made of, so that it can be started, resumed and evaluated from its record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from instruments.errors import RecordError
from instruments.network import Layer, Network, NonlinearUnit
from protocols.datasets import Dataset, load_dataset
from protocols.record.recorder import Recorder
from protocols.record.run import Run, open_run
from protocols.settings import TrainingSettings
from protocols.training import Training, start_record
from sim_backends.ideal_network import IdealNetwork


class DataChoice(BaseModel):
    """Which data, from where, how prepared; see ``protocols.datasets.load_dataset``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "digits"
    data_folder: Path | None = None
    image_size: Annotated[int, Field(ge=1)] | None = None
    subset: Annotated[int, Field(ge=1)] | None = None
    split_seed: Annotated[int, Field(ge=0)] = 0
    input_scale: Annotated[float, Field(gt=0)] = 1.0

    def load(self) -> Dataset:
        """Load the data."""
        return load_dataset(
            self.name,
            data_folder=self.data_folder,
            image_size=self.image_size,
            subset=self.subset,
            split_seed=self.split_seed,
            input_scale=self.input_scale,
        )


def begin(
    network: Network,
    data: DataChoice,
    settings: TrainingSettings,
    out: Path,
    note: str = "",
    dataset: Dataset | None = None,
) -> tuple[Training, Recorder]:
    """Start a new run with its record at ``out``."""
    training = Training(network, dataset or data.load(), settings)
    recorder = start_record(training, out, data=data.model_dump(mode="json"), note=note)
    return training, recorder


def resume(path: Path, data_folder: Path | None = None) -> tuple[Training, Recorder]:
    """Go on with a run that was killed or interrupted, from its last checkpoint."""
    run = open_run(path)
    dataset = load_recorded_data(run, data_folder)
    network = rebuild_network(run.configuration["network"])
    settings = TrainingSettings.model_validate(run.configuration["settings"])
    # The weights come from the checkpoint; the file they once came from may be gone.
    training = Training(network, dataset, settings.model_copy(update={"initial_weights": None}))
    training.settings = settings
    recorder, checkpoint = Recorder.resume(path)
    training.restore(checkpoint)
    return training, recorder


def load_recorded_data(run: Run, data_folder: Path | None = None) -> Dataset:
    """Load the data a run was trained on and check that it is the same.

    Parameters
    ----------
    data_folder
        Where the data lies now, if it was moved since.
    """
    stored = dict(run.configuration["data"])
    if data_folder is not None:
        stored["data_folder"] = data_folder
    dataset = DataChoice.model_validate(stored).load()
    if dataset.describe() != run.configuration["dataset"]:
        raise RecordError(
            f"{run.path}: the data '{dataset.name}' is not what this run was trained on "
            "(its contents differ); point --data-dir to the original files"
        )
    return dataset


def rebuild_network(description: Mapping[str, Any]) -> Network:
    """Build a network from what its ``describe`` put into a record."""
    if description.get("kind") != "ideal":
        raise RecordError(
            f"the record holds a network of kind {description.get('kind')!r}, "
            "which this version cannot rebuild"
        )
    layers = []
    for layer in description["layers"]:
        unit = layer["unit"]
        layers.append(Layer(**(layer | {"unit": unit and NonlinearUnit(**unit)})))
    return IdealNetwork(layers)
