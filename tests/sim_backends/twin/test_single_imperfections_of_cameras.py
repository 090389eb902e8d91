"""Each imperfection of a camera's place alone moves the spots as geometry says."""

import numpy as np
import pytest
from camera_bench import camera_bench
from lit_twin import Checks, has_spread

from sim_backends.simulated.twin_of_bench import twin_of_bench

CHECKS = Checks("cameras")
SEEDS = range(8)


@pytest.mark.parametrize("field", CHECKS.fields)
def test_each_imperfection_alone_moves_the_spots_by_what_geometry_says(field):
    CHECKS.run(field)


def centroids(seed, **own):
    """Where spots are seen, and where they should be, both relative to the sensor's middle."""
    truth = {"perfect": True, "seed": seed, "cameras": own}
    twin = twin_of_bench(camera_bench().model_copy(update={"twin": truth}))
    camera = twin.cameras["taps_z"]
    middle = np.array([camera.layout.rows - 1, camera.layout.columns - 1]) / 2
    places = []
    for neuron in range(48):
        light = np.zeros((1, 1, 48), np.float32)
        light[0, 0, neuron] = 8.0
        frame = camera.frames(light, reference=False, share=1.0, noise=twin.noise)[0] - 100.0
        frame[frame < 20] = 0
        down, across = np.indices(frame.shape)
        places.append([(frame * down).sum(), (frame * across).sum()] / frame.sum())
    return np.array(places) - middle, np.array(camera.layout.centres) - middle


@CHECKS.shows("cameras.shift")
def spots_lie_beside_their_regions():
    found = []
    for seed in SEEDS:
        seen, nominal = centroids(seed, shift=1.5)
        np.testing.assert_allclose(seen - nominal, (seen - nominal)[:1].repeat(48, 0), atol=0.15)
        found.append((seen - nominal).mean(axis=0))
    has_spread(found, 1.5)


@CHECKS.shows("cameras.rotation")
def spots_are_turned_about_the_middle():
    found = []
    for seed in SEEDS:
        seen, nominal = centroids(seed, rotation="0.05 rad")
        np.testing.assert_allclose(np.hypot(*seen.T), np.hypot(*nominal.T), atol=0.15)
        cross = nominal[:, 0] * seen[:, 1] - nominal[:, 1] * seen[:, 0]
        # From rows towards columns is backwards.
        found.append(-np.sum(cross) / np.sum(nominal**2))
    has_spread(-np.array(found), 0.05)


@CHECKS.shows("cameras.scale")
def spots_are_farther_apart_or_closer():
    found = []
    for seed in SEEDS:
        seen, nominal = centroids(seed, scale=0.04)
        scale = np.sum(seen * nominal) / np.sum(nominal**2)
        np.testing.assert_allclose(seen, scale * nominal, atol=0.15)
        found.append(scale - 1)
    has_spread(found, 0.04)
