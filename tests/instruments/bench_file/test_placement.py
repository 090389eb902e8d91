"""How layers lie on stages, and how many channels that takes."""

from pathlib import Path

from instruments.bench_file.placement import PlacedLayer, channels_needed, placed_layers
from instruments.bench_file.reading import read_bench_file

LAB = Path(__file__).with_name("lab.toml")


def test_a_cascade_shows_only_its_first_inputs():
    first, second = placed_layers(read_bench_file(LAB))
    assert (first.inputs, first.outputs, first.is_emitted, first.is_last) == (64, 48, True, False)
    assert (second.inputs, second.outputs, second.is_emitted) == (48, 10, False)
    assert (second.is_last, second.row_tiles, second.column_tiles) == (True, 1, 1)


def test_arrays_need_a_channel_for_every_neuron_they_meet():
    needed = channels_needed(read_bench_file(LAB))
    assert needed["inputs"] == 64
    assert needed["taps_delta"] == 48
    assert needed["errors"] == needed["outputs"] == 10


def test_tiles_cover_a_matrix_that_is_larger_than_the_panel():
    layer = PlacedLayer(1, "only", 784, 128, 100, 213, is_last=False, is_emitted=True)
    assert (layer.row_tiles, layer.column_tiles) == (2, 4)
    assert (layer.shown_outputs, layer.shown_inputs) == (100, 213)
