"""How weights start (arXiv:1912.12256, Appendix A.4), or where they are loaded from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from instruments.errors import DataError
from instruments.network import Array, Layer
from protocols.stored_samples import why_unreadable

Start = Literal["normal", "double-peaked"]

BENCH_STANDARD_DEVIATION = 0.15
"""On a bench that learns digits: hidden fields then start well above what modulators leak."""
PAPER_STANDARD_DEVIATION = 0.1
DOUBLE_PEAK_CENTRE = 0.15
DOUBLE_PEAK_STANDARD_DEVIATION = 0.15
DEEPEST_NORMAL_START = 30.0
"""Largest optical depth for which the paper starts from a single normal distribution."""


def draw_weights(
    layers: Sequence[Layer],
    generator: np.random.Generator,
    start: Start = "normal",
    standard_deviation: float = PAPER_STANDARD_DEVIATION,
) -> list[Array]:
    """Draw one ``[outputs, inputs]`` matrix a layer.

    Parameters
    ----------
    start
        ``normal``: N(0, standard_deviation). ``double-peaked``: two normal distributions of the
        given width centred at +0.15 and -0.15, which keeps neurons off the flat bottom of the
        response at optical depths above 30.
    """
    drawn: list[Array] = []
    for layer in layers:
        shape = (layer.outputs, layer.inputs)
        weights = generator.normal(0.0, standard_deviation, shape)
        if start == "double-peaked":
            weights += DOUBLE_PEAK_CENTRE * generator.choice((-1.0, 1.0), shape)
        drawn.append(weights.astype(np.float32))
    return drawn


def load_weights(path: Path, layers: Sequence[Layer]) -> list[Array]:
    """Load ``layer_1``, ``layer_2`` .. from an ``.npz`` file, as ``backbeam export`` writes them.

    Raises
    ------
    DataError
        If the file is missing or damaged, or its shapes do not fit the layers.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file; give an .npz written by 'backbeam export'"
        ) from None
    except Exception as error:
        raise DataError(f"{path}: not a readable .npz file ({why_unreadable(error)})") from error
    beyond = f"layer_{len(layers) + 1}"
    if beyond in stored:
        raise DataError(
            f"{path}: found '{beyond}'; the network has {len(layers)} layers of weights, and no "
            "more are wanted"
        )
    loaded: list[Array] = []
    for number, layer in enumerate(layers, start=1):
        name, shape = f"layer_{number}", (layer.outputs, layer.inputs)
        if name not in stored:
            raise DataError(
                f"{path}: no array '{name}'; found {', '.join(sorted(stored)) or 'nothing'}"
            )
        if stored[name].shape != shape:
            raise DataError(
                f"{path}: '{name}' has shape {list(stored[name].shape)}; "
                f"the network needs {list(shape)}"
            )
        if stored[name].dtype.kind not in "fiu" or not np.isfinite(stored[name]).all():
            raise DataError(f"{path}: '{name}' must hold finite real numbers")
        loaded.append(stored[name].astype(np.float32))
    return loaded
