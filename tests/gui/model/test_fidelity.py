"""The comparison of gradients finds what is known to be there."""

import numpy as np
import pytest

from gui.model.fidelity import FidelityLog, fidelity
from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.error_paths import error_path
from protocols.losses import LOSSES
from sim_backends.ideal_network import IdealNetwork


def minibatch(derivative, sizes=(64, 12, 10, 10)):
    """One minibatch through a computed network: layers, fields, weights."""
    unit = NonlinearUnit("absorber", 3.0, derivative=derivative)
    network = IdealNetwork.dense(list(sizes), unit)
    generator = np.random.default_rng(4)
    weights = [
        generator.normal(0, 0.4, (one.outputs, one.inputs)).astype(np.float32)
        for one in network.layers
    ]
    network.write(weights)
    digits = load_dataset("digits")
    path = error_path("network", LOSSES["mse"], generator)
    found = path.gradient(network, weights, digits.train_inputs[:16], digits.train_labels[:16])
    fields = {f"activation_{i}": a for i, a in enumerate(found.passed.activations)}
    fields |= {f"unit_input_{i}": z for i, z in enumerate(found.passed.unit_inputs, start=1)}
    fields |= {f"error_{i}": delta for i, delta in enumerate(found.errors, start=1)}
    return network.layers, fields, weights


def test_the_exact_derivative_without_noise_is_perfectly_faithful():
    for one in fidelity(*minibatch("exact")):
        assert one.cosine == pytest.approx(1, abs=1e-6)
        assert one.norm_ratio == pytest.approx(1, abs=1e-5)
        assert one.sign_agreement == 1


def test_the_probe_is_nearly_faithful_and_never_longer_than_the_derivative():
    found = fidelity(*minibatch("probe"))
    assert [one.layer for one in found] == [1, 2]
    for one in found:
        assert 0.5 < one.cosine < 0.9999
        assert one.norm_ratio < 1


def test_a_gradient_turned_round_has_a_cosine_of_minus_one():
    layers, fields, weights = minibatch("exact")
    fields["error_1"] = -fields["error_1"]
    assert fidelity(layers, fields, weights)[0].cosine == pytest.approx(-1, abs=1e-6)


def test_without_the_tap_in_front_of_the_unit_its_inputs_are_computed():
    layers, fields, weights = minibatch("exact", (64, 12, 10))
    del fields["unit_input_1"]
    assert fidelity(layers, fields, weights)[0].cosine == pytest.approx(1, abs=1e-6)


def test_without_errors_there_is_nothing_to_compare():
    layers, fields, weights = minibatch("exact")
    assert fidelity(layers, {k: v for k, v in fields.items() if "error" not in k}, weights) == []
    assert fidelity(layers, fields, []) == []


def test_the_log_keeps_a_curve_for_each_layer_called_as_in_a_record():
    log = FidelityLog()
    for step in (3, 8):
        log.take(step, *minibatch("probe"))
    assert log.table["step"].tolist() == [3, 8]
    assert log.table["gradient_cosine_2"].tolist() == [log.newest[1].cosine] * 2
    assert log.table["gradient_norm_ratio_1"].tolist() == [log.newest[0].norm_ratio] * 2
