"""Open the record of a run three ways: with backbeam, with plain zarr and with xarray.

    python examples/read_a_record.py [RUN]

Without an argument a short run is made first.
"""

import importlib.util
import sys
import tempfile
from pathlib import Path

import zarr

from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.record import open_run
from protocols.settings import TrainingSettings
from protocols.training import train
from sim_backends.ideal_network import IdealNetwork


def make_a_short_run() -> Path:
    """Train for a few epochs and return the folder of the record."""
    folder = Path(tempfile.mkdtemp()) / "short"
    network = IdealNetwork.dense([64, 24, 10], NonlinearUnit("absorber", 10.0, derivative="probe"))
    settings = TrainingSettings(epochs=8, learning_rate=3e-3, fields_every=50)
    train(network, load_dataset("digits"), settings, out=folder, show_progress=False)
    return folder


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else make_a_short_run()

# 1. With backbeam: a run tells how it went, and gives its tables by column. It may still be
#    training: what you get is what is committed at that moment.
run = open_run(folder)
print(run)
for epoch, accuracy in zip(run.epochs["epoch"], run.epochs["validation_accuracy"], strict=True):
    print(f"epoch {epoch:3.0f}  {accuracy:7.2%}  {'#' * round(50 * accuracy)}")

# 2. With plain zarr, on any machine, without backbeam: a run is a zarr v3 group. Rows count only
#    up to the counter beside them; the columns are named in the attributes.
group = zarr.open_group(folder, mode="r")
rows = group["epochs"][: int(group["n_epochs"][()])]
columns = list(group["epochs"].attrs["columns"])
best = rows[:, columns.index("validation_accuracy")].max()
print(f"plain zarr: {len(rows)} epochs, best validation accuracy {best:.2%}")

# 3. With xarray, for slicing and plotting by name. The sampled fields are a group of their own:
#    `batch` samples of every tap, in units of the saturation field.
if importlib.util.find_spec("xarray") is None:
    print("xarray is not installed: python -m pip install xarray")
else:
    import xarray

    fields = xarray.open_zarr(folder, group="fields")
    print(f"xarray: {dict(fields.sizes)}")
    largest = float(abs(fields["activation_1"]).max())
    print(f"largest activation behind the first absorber: {largest:.3f} saturation fields")
    table = run.to_xarray()  # everything in one dataset, columns as variables
    print(f"mean loss of the last 20 steps: {float(table['loss'][-20:].mean()):.4f}")
