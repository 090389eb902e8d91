"""How the layers of a network lie on the stages of a bench: in one piece, tiled, in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instruments.bench_file.schema import BenchFile
from instruments.errors import BenchFileError


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A layer of weights and the stage that serves it.

    Parameters
    ----------
    number
        1 for the first layer.
    stage
        Name of its stage.
    inputs, outputs
        Size of its matrix, ``[outputs, inputs]``.
    rows, columns
        Blocks of the panel, for outputs and for inputs.
    is_last
        Whether its outputs are those of the network: no absorber behind it.
    is_emitted
        Whether its inputs are shown by the stage's own modulators; else they arrive as light
        from the layer before.
    """

    number: int
    stage: str
    inputs: int
    outputs: int
    rows: int
    columns: int
    is_last: bool
    is_emitted: bool

    @property
    def row_tiles(self) -> int:
        """Frames needed for all outputs."""
        return -(-self.outputs // self.rows)

    @property
    def column_tiles(self) -> int:
        """Frames needed for all inputs; the partial z of several are added up."""
        return -(-self.inputs // self.columns)

    @property
    def shown_inputs(self) -> int:
        """Inputs of the largest frame."""
        return min(self.inputs, self.columns)

    @property
    def shown_outputs(self) -> int:
        """Outputs of the largest frame."""
        return min(self.outputs, self.rows)


def placed_layers(bench: BenchFile) -> tuple[PlacedLayer, ...]:
    """Return the layers in order; the bench has one stage named, and present, for each."""
    sizes = bench.network.layers
    last = len(bench.network.stages)
    layers = []
    for number, name in enumerate(bench.network.stages, start=1):
        stage = bench.stages[name]
        layers.append(
            PlacedLayer(
                number=number,
                stage=name,
                inputs=sizes[number - 1],
                outputs=sizes[number],
                rows=stage.blocks.rows,
                columns=stage.blocks.columns,
                is_last=number == last,
                is_emitted=stage.inputs is not None,
            )
        )
    return tuple(layers)


def channels_needed(bench: BenchFile) -> Mapping[str, int]:
    """Return how many channels each array of modulators or detectors needs, by instrument."""
    needed: dict[str, int] = {}
    for layer in placed_layers(bench):
        stage = bench.stages[layer.stage]
        taps = stage.taps
        at_inputs = (stage.inputs, taps.rho)
        at_outputs = (stage.emitter, stage.injector, taps.z, taps.a, taps.delta)
        for names, count in ((at_inputs, layer.shown_inputs), (at_outputs, layer.shown_outputs)):
            for name in names:
                if name is not None:
                    needed[name] = max(count, needed.get(name, 0))
    return needed


def tap_channels(bench: BenchFile, name: str) -> int:
    """Return how many neurons a bank of taps of a stage sees: those of its side of the panel."""
    for stage in bench.stages.values():
        for port, bank in stage.taps.present().items():
            if bank == name:
                return stage.blocks.columns if port == "rho" else stage.blocks.rows
    raise BenchFileError(f"{bench.origin}: no stage has '{name}' as a tap")


def emitter_channels(bench: BenchFile, name: str) -> int:
    """Return how many neurons an emitter of a stage has: those of its side of the panel."""
    for stage in bench.stages.values():
        if name == stage.inputs:
            return stage.blocks.columns
        if name in (stage.emitter, stage.injector):
            return stage.blocks.rows
    raise BenchFileError(f"{bench.origin}: no stage has '{name}' as an emitter")
