"""Cameras that are turned, shifted or magnified are found, and read where they are.

More of them: ``python -m pytest -m slow tests/protocols/calibration/test_camera_registration.py``.
"""

import numpy as np
import pytest
from camera_bench import camera_bench

from instruments.bench_opening import open_bench
from instruments.calibration.camera_regions import CameraRegionsTable, middles
from instruments.calibration.table import Provenance
from instruments.errors import CalibrationError
from instruments.interfaces.camera import Region
from instruments.opening import SharedResources
from protocols.calibration.sequence import opened_for_calibration, plan_steps, run_steps

ASKEW = """[twin.cameras]
rotation = "0.03 rad"
scale = 0.02
shift = 2.0
"""
SEEDS = (3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (4, 5, 6)))
SEED = 3


def registered(seed, prepare=lambda twin: None, folder=None, twin=ASKEW):
    file = camera_bench(twin)
    file = file.model_copy(update={"twin": {**file.twin, "seed": seed}})
    shared = SharedResources()
    with opened_for_calibration(file, shared=shared) as session:
        twin = shared.built()["twin"]
        prepare(twin)
        steps = plan_steps(session, ["detectors", "camera registration"])
        results = run_steps(session, steps, folder)
        readers = {bank: session.light.camera(bank) for bank in session.light.banks()}
        return file, twin, [one for one in results if one.protocol != "detectors"], session, readers


@pytest.fixture(scope="module", params=SEEDS)
def found(request):
    return registered(request.param)


def test_the_hidden_map_of_every_camera_is_found_to_a_hundredth_of_a_pixel(found):
    _, twin, results, session, readers = found
    assert [one.refusals for one in results if not one.accepted] == []
    assert {one.target for one in results} == set(readers)
    for bank, reader in readers.items():
        centres = session.tables.camera_regions[bank].centres(reader.nominal_regions)
        moved = np.abs(twin.cameras[bank].centres - middles(reader.nominal_regions))
        assert np.abs(centres - twin.cameras[bank].centres).max() < 0.02
        assert moved.max() > 0.2


def test_regions_are_moved_onto_the_spots(found):
    _, twin, _, _, readers = found
    for bank, reader in readers.items():
        apart = middles(reader.regions) - twin.cameras[bank].centres
        # Whole pixels, but for regions that the edge of the sensor holds back.
        inside = np.abs(apart).max(axis=1) < 0.51
        assert inside.mean() > 0.6
        assert reader.regions != reader.nominal_regions


def test_the_uncertainty_of_the_map_is_that_of_its_errors(found):
    _, twin, _, session, readers = found
    pulls = []
    for bank, reader in readers.items():
        table = session.tables.camera_regions[bank]
        nominal = middles(reader.nominal_regions)
        columns = np.column_stack([nominal, np.ones(len(nominal))])
        variance = np.einsum("ni,kij,nj->nk", columns, table.covariance["affine"], columns)
        errors = table.centres(reader.nominal_regions) - twin.cameras[bank].centres
        pulls.append(np.mean(errors**2 / variance))
    assert 0.2 < np.sqrt(np.mean(pulls)) < 3


def test_wavefronts_are_those_of_the_neurons_and_are_taken_off():
    """Through panels without phases of their own: the phases of the references are left."""
    own = 'perfect = true\n[twin.taps]\nneuron_phase = "0.3 rad"\nbank_phase = "1 rad"'
    _, twin, _, session, readers = registered(SEED, twin=own)
    for bank in ("taps_z", "taps_a"):
        truth = -twin.detectors[bank].neuron_phase
        truth -= np.angle(np.exp(1j * truth).sum())
        wavefront = session.tables.camera_regions[bank].wavefront_radians
        # Panels of 8 bits leave light a little out of phase.
        np.testing.assert_allclose(wavefront - wavefront.mean(), truth - truth.mean(), atol=0.02)
        turned = np.angle(readers[bank]._phases * np.exp(1j * wavefront))
        fringes = (
            np.array(readers[bank].fringes)
            @ np.array([(one.row, one.column) for one in readers[bank].regions]).T
        )
        np.testing.assert_allclose(np.exp(1j * (turned - 2 * np.pi * fringes)), 1, atol=1e-4)


def test_a_bench_opens_with_the_regions_in_its_folder_and_reads_full_fields(tmp_path):
    file, _, _, session, readers = registered(SEED, folder=tmp_path)
    names = {path.name for path in tmp_path.glob("camera-regions-*.npz")}
    assert names == {f"camera-regions-{bank}.npz" for bank in readers}
    text_folder = file.calibration.model_copy(update={"folder": tmp_path})
    reopened = file.model_copy(update={"calibration": text_folder})
    slopes = []
    for one in (reopened, file):
        shared = SharedResources()
        with open_bench(one, shared=shared) as bench:
            generator = np.random.default_rng(0)
            bench.write(
                [
                    generator.normal(0, 0.15, (layer.outputs, layer.inputs)).astype("f")
                    for layer in bench.layers
                ]
            )
            read = bench.forward(generator.random((32, 64)).astype("f")).unit_inputs[0]
            true = shared.built()["twin"].stages[0].z[0, :32]
            slopes.append(float(np.vdot(read, true) / np.vdot(true, true)))
            if one is reopened:
                tables = bench.describe()["tables"]
                expected = session.tables.camera_regions["taps_z"].id
                assert tables["taps_z.regions"] == expected
                assert bench.light.exposer.detectors["taps_z"].regions == readers["taps_z"].regions
    assert slopes[0] > slopes[1] + 0.02


def test_a_camera_that_sees_nothing_is_refused():
    def cover(twin):
        for camera in twin.cameras.values():
            camera._spots[:] = 0

    _, _, results, _, _ = registered(SEED, cover)
    assert all("spots were not seen" in one.refusals[0] for one in results)


def test_a_few_covered_spots_are_put_where_the_others_have_them():
    def cover(twin):
        twin.cameras["taps_z"]._spots[[5, 20]] = 0

    _, twin, results, session, readers = registered(SEED, cover)
    result = next(one for one in results if one.target == "taps_z")
    assert result.accepted
    assert any("5; 20" in note or "5, 20" in note for note in result.notes)
    centres = session.tables.camera_regions["taps_z"].centres(readers["taps_z"].nominal_regions)
    assert np.abs(centres - twin.cameras["taps_z"].centres).max() < 0.02


def test_a_table_that_puts_a_spot_off_the_sensor_is_refused():
    table = CameraRegionsTable(
        [[1.0, 0.0, 90.0], [0.0, 1.0, 0.0]], [0.0], provenance=Provenance("camera", "bench")
    )
    with pytest.raises(CalibrationError, match=r"camera: .* off its 80 x 104 pixels"):
        table.regions([Region(4, 4, 12, 12)], 80, 104)
    with pytest.raises(CalibrationError, match="turns the picture over"):
        CameraRegionsTable(
            [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [0.0], provenance=Provenance("camera", "bench")
        )
