"""Whether matrices, rasters and channels of a bench file are of sizes that fit each other."""

from __future__ import annotations

from collections.abc import Iterator

from instruments.bench_file.placement import PlacedLayer, channels_needed, placed_layers
from instruments.bench_file.problems import Problem
from instruments.bench_file.schema import BenchFile
from instruments.errors import LimitError
from instruments.interfaces.block_geometry import BlockGeometry


def size_problems(bench: BenchFile) -> Iterator[Problem]:
    """Matrices fit their blocks or can be tiled, blocks fit the panel, channels suffice."""
    layers = placed_layers(bench)
    for layer in layers:
        yield from _tiling(bench, layer, layers)
    for name, stage in bench.stages.items():
        yield from raster_problems(
            bench, stage.weights, stage.blocks.geometry, f"stages.{name}.blocks"
        )
    for name, needed in channels_needed(bench).items():
        channels = bench.instruments[name].settings.get("channels")
        if type(channels) is int and channels < needed:
            yield Problem(
                f"instruments.{name}.settings.channels",
                f"found {channels}; the layers it serves need at least {needed}",
            )


def raster_problems(
    bench: BenchFile, name: str, raster: BlockGeometry, key: str
) -> Iterator[Problem]:
    """A raster lies on its device, where the settings say how large that is."""
    settings = bench.instruments[name].settings
    rows, columns = settings.get("rows"), settings.get("columns")
    if type(rows) is int and type(columns) is int:
        try:
            raster.check_fits(name, rows, columns)
        except LimitError as error:
            yield Problem(key, str(error))


def _tiling(
    bench: BenchFile, layer: PlacedLayer, layers: tuple[PlacedLayer, ...]
) -> Iterator[Problem]:
    stage = bench.stages[layer.stage]
    key = f"stages.{layer.stage}"
    does_not_fit = (
        f"layer {layer.number} is a matrix of {layer.outputs} x {layer.inputs} and the panel has "
        f"{layer.rows} x {layer.columns} blocks"
    )
    if layer.column_tiles > 1:
        if not layer.is_emitted:
            yield Problem(
                f"{key}.blocks.columns",
                f"{does_not_fit}; light of the layer before arrives all at once: at least "
                f"{layer.inputs} columns are needed, or a modulator array as {key}.inputs",
            )
        if not layer.is_last and stage.emitter is None:
            yield Problem(
                f"{key}.emitter",
                f"missing; {does_not_fit}: tiled along its inputs, its partial z are added up and "
                f"have to be re-emitted into the absorber, or make it {layer.inputs} columns",
            )
        if stage.taps.z is None:
            yield Problem(
                f"{key}.taps.z",
                f"missing; {does_not_fit}: tiled along its inputs, its partial z are read there",
            )
    light_goes_on = not layer.is_last and not layers[layer.number].is_emitted
    light_comes_in = not layer.is_emitted
    if layer.row_tiles > 1 and (light_goes_on or light_comes_in):
        yield Problem(
            f"{key}.blocks.rows",
            f"{does_not_fit}; in a cascade light goes through all of a layer at once: at least "
            f"{layer.outputs} rows are needed, or modulator arrays as inputs of the stages",
        )
