"""The layers of a recorded network, whichever kind of network it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instruments.network import Layer, NonlinearUnit


def layers_of(configuration: Mapping[str, Any]) -> tuple[Layer, ...]:
    """Return the layers a run's configuration describes; none if it does not say."""
    network = configuration.get("network")
    if not isinstance(network, Mapping):
        return ()
    try:
        if network.get("kind") == "ideal":
            return tuple(_ideal_layer(one) for one in network["layers"])
        return _bench_layers(network["bench"])
    except (KeyError, TypeError, ValueError):
        return ()


def _ideal_layer(described: Mapping[str, Any]) -> Layer:
    unit = described.get("unit")
    return Layer(
        int(described["inputs"]),
        int(described["outputs"]),
        NonlinearUnit(**unit) if unit else None,
    )


def _bench_layers(bench: Mapping[str, Any]) -> tuple[Layer, ...]:
    sizes = [int(size) for size in bench["network"]["layers"]]
    absorber = bench.get("absorber")
    unit = None
    if absorber:
        unit = NonlinearUnit(
            absorber["kind"], float(absorber["optical_depth"]), absorber["model"], "probe"
        )
    last = len(sizes) - 2
    return tuple(Layer(sizes[i], sizes[i + 1], unit if i < last else None) for i in range(last + 1))
