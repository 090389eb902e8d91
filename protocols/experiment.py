"""What a run is made of, so that it can be started, resumed and evaluated from its record."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from instruments.bench import Bench
from instruments.bench_file.reading import parse_bench_record
from instruments.bench_opening import open_bench
from instruments.errors import DataError, RecordError, SettingsError
from instruments.network import Array, Layer, Network, NonlinearUnit
from protocols.datasets import Dataset, load_dataset
from protocols.record.layout import FINISHED
from protocols.record.recorder import Recorder
from protocols.record.run import Run, open_run
from protocols.settings import TrainingSettings, check
from protocols.training import Training
from protocols.training_record import start_record
from sim_backends.ideal_network import IdealNetwork

logger = logging.getLogger(__name__)

_FROM_PYTHON = (
    "this run was started from Python: go on there, with the same data and "
    "protocols.experiment.resume(path, dataset=..)"
)


class DataChoice(BaseModel):
    """Which data, from where, how prepared; see ``protocols.datasets.load_dataset``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "digits"
    data_folder: Path | None = None
    image_size: Annotated[int, Field(ge=1)] | None = None
    subset: Annotated[int, Field(ge=1)] | None = None
    split_seed: Annotated[int, Field(ge=0)] = 0
    input_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0

    @model_validator(mode="after")
    def _folders_hold_public_sets(self) -> Self:
        if self.data_folder is not None and (self.is_file or self.name.lower() == "digits"):
            where = "is read from that path" if self.is_file else "comes with the installation"
            raise ValueError(
                f"data-dir: found {str(self.data_folder)!r}, but the data {self.name!r} {where}; "
                "a folder goes with a public set, such as --data mnist"
            )
        return self

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

    @property
    def is_file(self) -> bool:
        """Whether the data is a user's own file."""
        return Path(self.name).suffix.lower() == ".npz"

    def with_absolute_paths(self) -> DataChoice:
        """Return the same choice, valid in any working folder."""
        folder = self.data_folder
        return self.model_copy(
            update={
                "name": str(Path(self.name).expanduser().absolute()) if self.is_file else self.name,
                "data_folder": None if folder is None else folder.expanduser().absolute(),
            }
        )

    def moved_to(self, folder: Path) -> DataChoice:
        """Return the same choice of data that lies in ``folder`` now."""
        if self.is_file:
            return self.model_copy(update={"name": str(folder / Path(self.name).name)})
        if self.name.lower() == "digits":
            return self
        return self.model_copy(update={"data_folder": folder})


def record(training: Training, data: DataChoice, out: Path, note: str = "") -> Recorder:
    """Start the record of a new training at ``out``, with all it takes to resume it."""
    chosen = data.with_absolute_paths().model_dump(mode="json")
    return start_record(training, out, data=chosen, note=note)


def resume(
    path: Path, data_folder: Path | None = None, dataset: Dataset | None = None
) -> tuple[Training, Recorder]:
    """Go on with a run that was killed or interrupted, from its last checkpoint.

    Parameters
    ----------
    data_folder
        Where the data lies now, if it was moved since.
    dataset
        The data itself, where it was made in Python and no file holds it.

    Raises
    ------
    RecordError
        The run is finished, is being written, cannot be read, or was trained on other data.
    """
    run = open_run(path)
    if run.state in FINISHED:
        raise RecordError(
            f"{path} is {run.state}, there is nothing to resume; to train its weights further, "
            f"'backbeam export {path}' and start a new run with --initial-weights"
        )
    settings = recorded_settings(run)
    network = rebuild_network(run)
    loaded = load_recorded_data(run, data_folder) if dataset is None else dataset
    _check_same_data(run, loaded)
    # The weights come from the checkpoint; the file they once came from may be gone.
    training = Training(network, loaded, settings.model_copy(update={"initial_weights": None}))
    training.settings = settings
    recorder, checkpoint = Recorder.resume(path)
    training.restore(checkpoint)
    return training, recorder


def load_recorded_data(run: Run, data_folder: Path | None = None) -> Dataset:
    """Load the data a run was trained on and check that it is the same.

    Parameters
    ----------
    data_folder
        Where the data lies now, if it was moved since: the folder of IDX files, or the folder
        of the ``.npz`` file.

    Raises
    ------
    DataError
        The data is not where it was, or no longer sound.
    RecordError
        It is not the data the run was trained on.
    """
    choice = check(DataChoice, _recorded_data_choice(run))
    if data_folder is not None:
        choice = choice.moved_to(data_folder)
    try:
        dataset = choice.load()
    except DataError as error:
        if "data" not in run.configuration:
            advice = _FROM_PYTHON
        else:
            advice = "if the data was moved, say where with --data-dir"
        raise DataError(f"{error}{'' if data_folder else f'; {advice}'}") from error
    _check_same_data(run, dataset)
    return dataset


def _recorded(run: Run, part: str) -> dict[str, Any]:
    found = run.configuration.get(part)
    if not isinstance(found, dict):
        raise RecordError(f"{run.path} is not a training run (its record has no '{part}')")
    return found


def _recorded_data_choice(run: Run) -> dict[str, Any]:
    """Return how the data was chosen, or what its description tells of that.

    A run begun from Python was given the data, not its name; the contents are compared
    afterwards in any case.
    """
    if "data" in run.configuration:
        return _recorded(run, "data")
    described = _recorded(run, "dataset")
    shape = described["image_shape"]
    choice = {
        "name": described["name"],
        "split_seed": described["split_seed"],
        "image_size": shape[0] if shape and shape[0] == shape[1] else None,
    }
    return choice | {"subset": described["train_samples"]}


def _check_same_data(run: Run, dataset: Dataset) -> None:
    recorded, given = _recorded(run, "dataset"), dataset.describe()
    # A name is a path where the data is a file, which may have been moved.
    different = [key for key in given if key != "name" and given[key] != recorded.get(key)]
    if different:
        by_name = "data" in run.configuration
        advice = "point --data-dir to the original files" if by_name else _FROM_PYTHON
        raise RecordError(
            f"{run.path}: the data {dataset.name!r} is not what this run was trained on "
            f"(different: {', '.join(different).replace('_', ' ')}); {advice}"
        )


def recorded_settings(run: Run) -> TrainingSettings:
    """Return the settings a run was started with."""
    try:
        return check(TrainingSettings, _recorded(run, "settings"))
    except SettingsError as error:
        raise RecordError(f"{run.path}: its record was changed: {error}") from error


def best_weights(run: Run) -> list[Array]:
    """Return the weights of a run's best epoch so far, ``[outputs, inputs]`` for each layer."""
    arrays = run.checkpoint().arrays
    found: list[Array] = []
    while (name := f"best_weights/layer_{len(found) + 1}") in arrays:
        found.append(arrays[name])
    if not found:
        raise RecordError(f"{run.path} is not a training run (its record has no weights)")
    return found


def best_operating_point(run: Run) -> dict[str, float]:
    """Return the amplifier gains that belong to ``best_weights``."""
    found: dict[str, float] = run.checkpoint().values.get("best_operating_point", {})
    return found


def rebuild_network(run: Run) -> Network:
    """Build a network as the one that a run was trained with, or open the same bench again.

    Raises
    ------
    RecordError
        It cannot be rebuilt, or the bench now has other calibration tables.
    BenchFileError, InstrumentError
        The bench cannot be opened.
    """
    description = _recorded(run, "network")
    kind = description.get("kind")
    if kind not in ("ideal", "bench"):
        raise RecordError(
            f"{run.path} holds a network of kind {kind!r}, which this version cannot rebuild"
        )
    try:
        layers = _recorded_layers(description)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(
            f"{run.path}: the layers in its record are damaged ({error!r}); restore it from a copy"
        ) from error
    if kind == "ideal":
        return IdealNetwork(layers)
    return _reopened_bench(run, description, layers)


def _recorded_layers(description: dict[str, Any]) -> list[Layer]:
    layers = []
    for layer in description["layers"]:
        unit = layer["unit"]
        layers.append(Layer(**(layer | {"unit": unit and NonlinearUnit(**unit)})))
    return layers


def _reopened_bench(run: Run, description: dict[str, Any], layers: list[Layer]) -> Bench:
    file = parse_bench_record(description["bench"], str(run.path))
    unit = layers[0].unit
    bench = open_bench(file, derivative="probe" if unit is None else unit.derivative)
    now = bench.describe()
    try:
        _check_same_tables(run, description["tables"], now["tables"])
    except RecordError:
        bench.close()
        raise
    for name, identity in now["identities"].items():
        before = description["identities"].get(name)
        if identity != before:
            logger.warning("%s: %s was %s when it began, now %s", run.path, name, before, identity)
    return bench


def _check_same_tables(run: Run, before: dict[str, str], now: dict[str, str]) -> None:
    different = sorted(name for name in before | now if before.get(name) != now.get(name))
    if different:
        raise RecordError(
            f"{run.path}: the calibration tables of {', '.join(different)} are not those it was "
            "trained with; bring them back, or start a new run with --initial-weights"
        )
