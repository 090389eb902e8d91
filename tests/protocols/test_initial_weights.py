"""Weights start as Appendix A.4 says, or from a file that is checked."""

import numpy as np
import pytest

from instruments.errors import DataError
from instruments.network import Layer, NonlinearUnit
from protocols.initial_weights import draw_weights, load_weights

LAYERS = [Layer(300, 200, NonlinearUnit("absorber", 10.0)), Layer(200, 10, None)]


def test_the_normal_start_has_the_width_asked_for():
    weights = draw_weights(LAYERS, np.random.default_rng(0), "normal", 0.1)
    assert [w.shape for w in weights] == [(200, 300), (10, 200)]
    assert weights[0].std() == pytest.approx(0.1, rel=0.02)
    assert abs(weights[0].mean()) < 0.002


def test_the_double_peaked_start_has_two_peaks_at_plus_and_minus_0_15():
    weights = draw_weights(LAYERS, np.random.default_rng(0), "double-peaked", 0.15)[0]
    assert abs(weights.mean()) < 0.003
    # Variance of the mixture: 0.15^2 of either peak and 0.15^2 between them.
    assert weights.var() == pytest.approx(2 * 0.15**2, rel=0.02)


def test_the_same_seed_draws_the_same_weights_and_another_does_not():
    drawn = [draw_weights(LAYERS, np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_weights_come_back_from_a_file(tmp_path):
    weights = draw_weights(LAYERS, np.random.default_rng(0))
    np.savez(tmp_path / "w.npz", layer_1=weights[0], layer_2=weights[1])
    for loaded, written in zip(load_weights(tmp_path / "w.npz", LAYERS), weights, strict=True):
        np.testing.assert_array_equal(loaded, written)


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"layer_1": np.zeros((200, 300))}, "no array 'layer_2'"),
        ({"layer_1": np.zeros((200, 299)), "layer_2": np.zeros((10, 200))}, "has shape"),
        (
            {
                "layer_1": np.zeros((200, 300)),
                "layer_2": np.zeros((10, 200)),
                "layer_3": np.zeros((10, 10)),
            },
            "found 'layer_3'; the network has 2 layers",
        ),
        ({"layer_1": np.full((200, 300), np.nan), "layer_2": np.zeros((10, 200))}, "finite"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, arrays, complaint):
    np.savez(tmp_path / "w.npz", **arrays)
    with pytest.raises(DataError, match=complaint):
        load_weights(tmp_path / "w.npz", LAYERS)


def test_missing_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load_weights(tmp_path / "none.npz", LAYERS)
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        load_weights(tmp_path / "text.npz", LAYERS)
